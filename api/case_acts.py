"""What reviewers do about a case, as commands to its workflow: one entry per act, for the routes and the pages alike.

Free text may name people: it is sealed under the person's key in the transaction that accepts the command, and only
the id of the sealed words goes on (D15, AUTH-12)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api import case_bodies as bodies
from api.commands import CommandResult, command_key, run_case_command
from api.deps import Services
from api.errors import problem
from api.routes.access import see_case
from api.tokens import User
from definitions.authorization import CaseCommand, RecordDecision, RequestReview
from definitions.dispute import (
    AssignCase,
    CancelReview,
    ChooseOption,
    FileAppeal,
    RecordAgreement,
    RecordPeerToPeer,
    SubmitInformation,
)
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.vocabulary import Role
from runtime.people import seal_message
from storage.models import Authorization, CaseEvidence, Person

AHEAD: Final = timedelta(minutes=5)
"""Clocks of two machines may differ so much."""


@dataclass(frozen=True, slots=True)
class CaseAct:
    """`update`: of the case's workflow. `words`: the body's field of free text, and what kind of evidence it is;
    `past`: fields whose moment has been."""

    update: str
    body: type[bodies.CaseBody]
    command: Callable[..., CaseCommand]
    said: str
    words: tuple[str, str] | None = None
    past: tuple[str, ...] = ()


ACTS: Final[dict[str, CaseAct]] = {
    "reviews": CaseAct("request_review", bodies.ReviewBody, RequestReview, "The review was asked for."),
    "decisions": CaseAct(
        "record_decision", bodies.CaseDecisionBody, RecordDecision, "The payer's decision was recorded.",
        ("rationale", "rationale"), ("decided_at",),
    ),
    "peer-to-peer": CaseAct(
        "record_peer_to_peer", bodies.PeerToPeerBody, RecordPeerToPeer, "The peer-to-peer was recorded.",
        ("rationale", "call"),
    ),
    "appeals": CaseAct(
        "file_appeal", bodies.AppealBody, FileAppeal, "It was filed.", ("rationale", "letter")
    ),
    "options": CaseAct("choose_option", bodies.OptionBody, ChooseOption, "The choice was recorded."),
    "information": CaseAct(
        "submit_information", bodies.InformationBody, SubmitInformation, "The documents are on their way."
    ),
    "cancellations": CaseAct(
        "cancel_review", bodies.CancellationBody, CancelReview, "The request was taken back.", ("reason", "rationale")
    ),
    "agreements": CaseAct(
        "record_agreement", bodies.AgreementBody, RecordAgreement, "The agreement was recorded.", None, ("signed_at",)
    ),
    "owner": CaseAct("assign_case", bodies.OwnerBody, AssignCase, "The case has its owner."),
}  # fmt: skip
"""By the last word of the route."""


async def act_on_case(
    services: Services, user: User, key: str, case_id: UUID, name: str, body: bodies.CaseBody
) -> CommandResult:
    """Raises a problem when the case is not the caller's, or a moment that must have been lies ahead."""
    act = ACTS[name]
    async with services.read(user) as session:
        case = await see_case(session, services, user, case_id)
    await _in_the_past(services, act, body)
    said_by = command_key(user, key)
    said, words = _without_words(act, body)
    evidence_id = derived(said_by, "evidence") if words is not None else None
    if evidence_id is not None:
        said |= {"reason": f"evidence/{evidence_id}"} if name == "cancellations" else {"evidence_id": evidence_id}

    async def keep(session: AsyncSession, now: datetime) -> None:
        if evidence_id is not None and words is not None and act.words is not None:
            await _seal(services, session, case, evidence_id, act.words[1], words, user.actor, now)

    def build(now: datetime) -> CaseCommand:
        return act.command(
            key=said_by, actor=user.actor, role=Role(user.role), now=now, authorization_id=case_id,
            expected_version=body.version, **said,
        )  # fmt: skip

    remembered = {"case": str(case_id), **body.model_dump(mode="json")}
    result = await run_case_command(services, user, key, act.update, remembered, case_id, build, act.update, keep)
    if result.refused and evidence_id is not None:
        await _forget(services, user, evidence_id)
    return result


async def _in_the_past(services: Services, act: CaseAct, body: bodies.CaseBody) -> None:
    latest = await services.clock.now() + AHEAD
    for name in act.past:
        at = getattr(body, name)
        if at is not None and at > latest:
            raise problem(ErrorType.INVALID_REQUEST, f"{name} lies ahead; say when it was", field=name)


def _without_words(act: CaseAct, body: bodies.CaseBody) -> tuple[dict[str, Any], str | None]:
    said = body.model_dump(exclude={"version"})
    return said, said.pop(act.words[0]) if act.words is not None else None


async def _seal(
    services: Services, session: AsyncSession, case: Authorization, evidence_id: UUID, kind: str, words: str,
    actor: str, now: datetime,
) -> None:  # fmt: skip
    person = await session.get_one(Person, case.person_id)
    if person.wrapped_key is None:
        raise problem(ErrorType.INVALID_REQUEST, "this person was erased; words about them can no longer be kept")
    await session.execute(
        insert(CaseEvidence)
        .values(
            id=evidence_id, authorization_id=case.id, person_id=person.id, kind=kind, at=now, recorded_by=actor,
            sealed=seal_message(services.keyring, person.id, person.wrapped_key, words),
        )
        .on_conflict_do_nothing(index_elements=["id"])
    )  # fmt: skip


async def _forget(services: Services, user: User, evidence_id: UUID) -> None:
    """Nothing points to the words of an act that was refused."""
    async with services.write(user) as session:
        await session.execute(delete(CaseEvidence).where(CaseEvidence.id == evidence_id))
