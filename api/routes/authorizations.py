"""Authorizations for reviewers (api.md, Utilization review)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from api import case_bodies as bodies
from api.auth import STAFF, require, scope
from api.case_acts import act_on_case
from api.case_words import open_words
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS, problem
from api.shown_case import case_shown
from api.tokens import User
from api.worklist import Asked, read_worklist, shown_line
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.reads.case import case_page

router = APIRouter(prefix="/v1", tags=["utilization review"])
Staff = Annotated[User, Depends(require(*STAFF))]
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]
Narrowing = Annotated[str | None, Query(max_length=80)]


@router.get("/authorizations", responses=PROBLEMS)
async def listed(
    held: Wired,
    user: Staff,
    bucket: Narrowing = None,
    facility: Narrowing = None,
    payer: Narrowing = None,
    owner: Narrowing = None,
    q: Narrowing = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JSONResponse:
    """The worklist in order of need: one row per episode and payer, counts per bucket in `buckets`. Self-pay and county
    funding are left out and counted in `hidden`; `bucket=hidden` lists them. `q` finds a name or a member id."""
    found = await read_worklist(held, user, Asked(bucket, facility, payer, owner, q, cursor, limit))
    body = {
        "items": found.items, "next": found.following, "buckets": found.buckets, "hidden": found.hidden,
        "circuits": [shown_line(line) for line in found.lines], "as_of": found.now,
    }  # fmt: skip
    return JSONResponse(jsonable_encoder(body))


@router.get("/authorizations/{case_id}", responses=PROBLEMS)
async def one(case_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    """Questions, answers in order of arrival, grants with their days, disputes with their windows, clocks, what is
    open and what comes next."""
    now = await held.clock.now()
    async with held.read(user) as session:
        found = await case_page(session, scope(user, held), case_id)
    if found is None:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: authorization {case_id}")
    edition = held.catalog.edition(found.episode.edition)
    return JSONResponse(jsonable_encoder(case_shown(found, edition, now)))


@router.get("/authorizations/{case_id}/evidence/{evidence_id}", responses=PROBLEMS)
async def evidence(case_id: UUID, evidence_id: UUID, held: Wired, user: Reviewer) -> JSONResponse:
    """The words of a call, a letter or a rationale. Each opening is audited."""
    return JSONResponse(jsonable_encoder(await open_words(held, user, case_id, evidence_id)))


@router.post("/authorizations/{case_id}/reviews", responses=PROBLEMS)
async def review(case_id: UUID, body: bodies.ReviewBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Ask the payer for more: a concurrent, expedited or retrospective review."""
    return respond(await act_on_case(held, user, key, case_id, "reviews", body))


@router.post("/authorizations/{case_id}/decisions", responses=PROBLEMS)
async def decide(case_id: UUID, body: bodies.CaseDecisionBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """A decision that came by telephone, portal or fax (AUTH-12)."""
    return respond(await act_on_case(held, user, key, case_id, "decisions", body))


@router.post("/authorizations/{case_id}/peer-to-peer", responses=PROBLEMS)
async def peer_to_peer(
    case_id: UUID, body: bodies.PeerToPeerBody, key: Key, held: Wired, user: Reviewer
) -> JSONResponse:
    """A call between physicians: set, or what came of it (AUTH-13, E46)."""
    return respond(await act_on_case(held, user, key, case_id, "peer-to-peer", body))


@router.post("/authorizations/{case_id}/appeals", responses=PROBLEMS)
async def appeal(case_id: UUID, body: bodies.AppealBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """File the next appeal that is open, a reconsideration or the external review (AUTH-14)."""
    return respond(await act_on_case(held, user, key, case_id, "appeals", body))


@router.post("/authorizations/{case_id}/options", responses=PROBLEMS)
async def choose(case_id: UUID, body: bodies.OptionBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """What is done about a lower level or fewer days (AUTH-07)."""
    return respond(await act_on_case(held, user, key, case_id, "options", body))


@router.post("/authorizations/{case_id}/information", responses=PROBLEMS)
async def inform(case_id: UUID, body: bodies.InformationBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Documents that a pended request waits for."""
    return respond(await act_on_case(held, user, key, case_id, "information", body))


@router.post("/authorizations/{case_id}/cancellations", responses=PROBLEMS)
async def cancel(case_id: UUID, body: bodies.CancellationBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Take back a question that the payer has not decided."""
    return respond(await act_on_case(held, user, key, case_id, "cancellations", body))


@router.post("/authorizations/{case_id}/agreements", responses=PROBLEMS)
async def agree(case_id: UUID, body: bodies.AgreementBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """A single-case agreement, proposed or signed (E43)."""
    return respond(await act_on_case(held, user, key, case_id, "agreements", body))


@router.post("/authorizations/{case_id}/owner", responses=PROBLEMS)
async def own(case_id: UUID, body: bodies.OwnerBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Who works on the case."""
    return respond(await act_on_case(held, user, key, case_id, "owner", body))
