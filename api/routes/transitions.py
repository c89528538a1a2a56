"""Transitions: preview, ask, sign off, decide (api.md)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import bodies
from api.auth import STAFF, require, scope
from api.commands import Asked
from api.deps import Key, Wired
from api.errors import PROBLEMS, Problem
from api.routes.access import about_episode, about_transition, see_episode
from api.shown import summary, transition
from api.staff_words import note_and_open
from api.tokens import User
from definitions.episode import (
    DecideTransition,
    RequestTransition,
    SignOffTransition,
    WithdrawTransition,
)
from definitions.errors import Refusal
from definitions.plan_facts import Wish
from definitions.vocabulary import Role, TransitionStatus
from rules.transition import plan
from storage.reads.plan_facts import read_plan_facts
from storage.reads.queue import step_down_queue

router = APIRouter(prefix="/v1", tags=["transitions"])
Staff = Annotated[User, Depends(require(*STAFF))]
CareStaff = Annotated[User, Depends(require(Role.CLINICIAN, Role.ADMISSIONS))]
Clinician = Annotated[User, Depends(require(Role.CLINICIAN))]
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]


@router.post("/episodes/{episode_id}/transitions/preview", responses=PROBLEMS)
async def preview(episode_id: UUID, body: bodies.PreviewBody, held: Wired, user: Staff) -> JSONResponse:
    """The plan, nothing changed."""
    async with held.read(user) as session:
        episode = await see_episode(session, held, user, episode_id)
        wish = Wish(**body.model_dump())
        facts = await read_plan_facts(session, episode, held.catalog.edition(episode.edition), wish)
    made = plan(facts, wish)
    if isinstance(made, Refusal):
        raise Problem(made)
    return JSONResponse(jsonable_encoder({**made.model_dump(mode="json"), "fingerprint": made.fingerprint}))


@router.post("/episodes/{episode_id}/transitions", status_code=202, responses=PROBLEMS)
async def ask(episode_id: UUID, body: bodies.TransitionBody, key: Key, held: Wired, user: CareStaff) -> JSONResponse:
    """Ask for a level. 202: the request waits for its decision; urgent step-ups execute at once."""
    about = await about_episode(held, user, episode_id)
    return await Asked(held, user, key).run(
        "request_transition", about, body, RequestTransition, "request_transition", ok_status=202
    )


@router.get("/transitions", responses=PROBLEMS)
async def queue(held: Wired, user: Staff, status: TransitionStatus | None = None) -> JSONResponse:
    """The step-down queue: requests that wait for somebody, soonest first; `status` narrows to one. `pending` is what
    waits: also for a sign-off, or for a decision about what could not be executed."""
    async with held.read(user) as session:
        rows = await step_down_queue(session, scope(user, held), status=status)
    people = [e.person_id for _, e in rows]
    spoken = await note_and_open(held, user, "answer/queue", people, {"status": status}, [t for t, _ in rows])
    items = [{**transition(t, spoken), "episode": summary(e)} for t, e in rows]
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.post("/transitions/{transition_id}/sign-off", responses=PROBLEMS)
async def sign_off(
    transition_id: UUID, body: bodies.SignOffBody, key: Key, held: Wired, user: Clinician
) -> JSONResponse:
    """The clinician's sign-off; with `order` the prescriber's order (LOC-04)."""
    about = await about_transition(held, user, transition_id)
    return await Asked(held, user, key).run(
        "sign_off", about, body, SignOffTransition, "sign_off_transition", transition_id=transition_id
    )


@router.post("/transitions/{transition_id}/decision", responses=PROBLEMS)
async def decide(transition_id: UUID, body: bodies.DecisionBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """`version` is the request's own: a decision on what is no longer so is refused."""
    about = await about_transition(held, user, transition_id)
    return await Asked(held, user, key).run(
        "decide", about, body, DecideTransition, "decide_transition",
        transition_id=transition_id, transition_version=body.version, expected_version=None,
    )  # fmt: skip


@router.post("/transitions/{transition_id}/withdraw", responses=PROBLEMS)
async def withdraw(
    transition_id: UUID, body: bodies.ReasonBody, key: Key, held: Wired, user: CareStaff
) -> JSONResponse:
    about = await about_transition(held, user, transition_id)
    return await Asked(held, user, key).run(
        "withdraw", about, body, WithdrawTransition, "withdraw_transition", transition_id=transition_id
    )
