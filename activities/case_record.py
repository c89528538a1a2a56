"""A case as its rows say, with its deadlines (D6), and the one way to write to a case."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.sending_deadlines import inquiry_at, retries_of, to_send
from definitions.authorization import AuthorizationRecord, CaseOutcome
from definitions.case_state import CaseState, DisputeState, QuestionState
from definitions.edition import Edition
from definitions.errors import ErrorType, Refusal
from definitions.facility import Facility
from definitions.ids import derived, episode_workflow
from definitions.level import LevelOfCare
from definitions.payer import Payer
from definitions.regime import Regime
from definitions.vocabulary import (
    AuthorizationStatus,
    BillingBehaviour,
    ClockName,
    RequestKind,
    TransitionKind,
    TransitionStatus,
)
from rules.calendar import facility_date
from rules.case_deadlines import UNSENT, deadlines_of
from rules.clocks import start
from rules.disputes import LIVE
from rules.next_action import next_action
from rules.sending import confirm_by, must_call
from runtime.catalog import Catalog
from storage.engine import Database
from storage.models import Authorization, AuthorizationDispute, AuthorizationRequest, Episode, OpenItem, Transition
from storage.repositories import command as memory
from storage.repositories import timeline, work
from storage.repositories.authorization import AT_REST, UNANSWERED, requests_of_case
from storage.repositories.facility_day import mark_stale
from storage.repositories.outbox import EPISODE_FACT, announce

WAITING = (
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.TIMED_OUT,
    AuthorizationStatus.INFORMATION_REQUESTED,
    AuthorizationStatus.INFORMATION_SENT,
)
"""The payer has it, or may have it, and has not decided."""

BESIDE = (TransitionKind.PARALLEL, TransitionKind.BED_MOVE)
"""Moves that end no stay."""


@dataclass(slots=True)
class CaseWriting:
    """One transaction on one case."""

    session: AsyncSession
    case: Authorization
    episode: Episode
    payer: Payer
    regime: Regime
    zone: str
    key: str
    actor: str
    role: str
    now: datetime
    edition: Edition

    @property
    def facility(self) -> Facility:
        return self.edition.facilities[self.episode.facility]

    @property
    def levels(self) -> Mapping[str, LevelOfCare]:
        return self.edition.levels

    def billing_of(self, level: str) -> BillingBehaviour:
        """How a day at a level becomes payable; overnight when the payer granted a level this house does not run."""
        found = self.levels.get(level)
        return found.billing if found is not None else BillingBehaviour.OVERNIGHT

    @property
    def urgent_care(self) -> bool:
        """Bed-based care is asked for urgently (domain 4.1)."""
        found = self.levels.get(self.case.level)
        return found is None or found.needs_bed

    def follow(self, asked: AuthorizationRequest, status: AuthorizationStatus, why: str | None = None) -> None:
        """The question now has this status. The case says the same while nothing is granted; one that ended, or a
        question that only continues another, changes nothing of what the case says."""
        asked.status = status
        self.case.version += 1
        if asked.about is not None:
            return
        self.case.review_status = status
        if self.case.last_covered_day is None and self.case.status not in AT_REST:
            self.case.status = status
            self.case.why = why or self.case.why

    async def note(self, kind: str, detail: dict[str, Any], at: datetime | None = None) -> None:
        await timeline.record(
            self.session, episode_id=self.episode.id, facility=self.episode.facility, at=at or self.now,
            recorded_at=self.now, kind=kind, actor=self.actor, role=self.role, edition=self.episode.edition,
            detail={"authorization": str(self.case.id), "payer": self.case.payer, "level": self.case.level, **detail},
            command_key=self.key, purpose="payment",
        )  # fmt: skip

    async def owe(
        self,
        kind: str,
        why: str,
        *,
        due_at: datetime | None = None,
        subject: str | None = None,
        rule: str | None = None,
        owner: str = "reviewer",
    ) -> None:
        """Open an owned item about this case; the same kind and subject once."""
        await work.open_item(
            self.session, item_id=derived(self.case.id, kind, subject or ""), episode_id=self.episode.id,
            facility=self.episode.facility, kind=kind, owner_role=owner, why=why, opened_at=self.now,
            due_at=due_at, subject_id=str(self.case.id), rule=rule,
        )  # fmt: skip

    async def done(self, kind: str | Collection[str], resolution: str, *subjects: str) -> None:
        """Close items of the kind, or of several, in one statement: those of these subjects, or all of the case."""
        kinds = (kind,) if isinstance(kind, str) else tuple(kind)
        await work.close_items(
            self.session, episode_id=self.episode.id, now=self.now, actor="system", resolution=resolution, kind=kinds,
            subject_id=str(self.case.id),
            item_ids=[derived(self.case.id, k, subject) for k in kinds for subject in subjects] or None,
        )  # fmt: skip

    async def reprice(self, first: date, last: date, why: str) -> None:
        """Dates whose cover or price changed are closed again (AUTH-08)."""
        await mark_stale(
            self.session, facility=self.episode.facility, first=first, last=last, reason=f"{why} ({self.case.id})",
            key=f"{self.key}:{first}:{last}", now=self.now,
        )  # fmt: skip

    async def tell_episode(self) -> None:
        await announce(
            self.session,
            kind=EPISODE_FACT,
            target=episode_workflow(self.episode.id),
            payload={
                "key": f"{self.key}:{self.case.version}",
                "episode_id": str(self.episode.id),
                "kind": "authorization",
                "subject_id": str(self.case.id),
                "at": self.now.isoformat(),
            },
            at=self.now,
        )


CaseAct = Callable[[CaseWriting], Awaitable[Refusal | None]]


class CaseHands:
    """Shared by the case and exchange activities."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self.database = database
        self.catalog = catalog

    async def writing(
        self,
        session: AsyncSession,
        case_id: UUID,
        key: str,
        now: datetime | None,
        actor: str = "system",
        role: str = "system",
    ) -> CaseWriting | None:
        """The case and its episode, locked in the order every writer uses: episode first. `now` None: a read, which
        needs no business time."""
        case_episode = (
            await session.execute(select(Authorization.episode_id).where(Authorization.id == case_id))
        ).scalar_one_or_none()
        if case_episode is None:
            return None
        episode = (
            await session.execute(select(Episode).where(Episode.id == case_episode).with_for_update())
        ).scalar_one()
        case = (
            await session.execute(select(Authorization).where(Authorization.id == case_id).with_for_update())
        ).scalar_one()
        now = now or case.opened_at
        edition = self.catalog.edition(episode.edition)
        payer, zone = edition.payers[case.payer], edition.facilities[episode.facility].zone
        return CaseWriting(
            session=session, case=case, episode=episode, payer=payer,
            regime=self.catalog.regime(payer.regime, facility_date(now, payer.review.zone)), zone=zone, key=key,
            actor=actor, role=role, now=now, edition=edition,
        )  # fmt: skip

    async def act(
        self,
        case_id: UUID,
        key: str,
        now: datetime,
        kind: str,
        act: CaseAct,
        actor: str = "system",
        role: str = "system",
    ) -> CaseOutcome:
        """Run `act` once per key; a repeat answers with the record as it is and the first refusal, if any."""
        async with self.database.write() as session:
            writing = await self.writing(session, case_id, key, now, actor, role)
            if writing is None:
                return CaseOutcome(refusal=Refusal(code=ErrorType.NOT_FOUND, detail=f"no authorization {case_id}"))
            stored = await memory.recall(session, key)
            fresh = stored is None or stored.status == memory.ACCEPTED
            refusal = Refusal.model_validate(stored.answer) if stored and stored.status == memory.REFUSED else None
            if fresh:
                savepoint = await session.begin_nested()
                refusal = await act(writing)
                if refusal is None:
                    await savepoint.commit()
                else:
                    await savepoint.rollback()
                    await session.refresh(writing.case)
                    await session.refresh(writing.episode)
            outcome = CaseOutcome(record=await record_of(writing), refusal=refusal, subject_id=case_id)
            if fresh:
                # A refused key answers its refusal for ever; a done one what its first caller is told.
                await memory.finish(
                    session, key=key, kind=kind, actor=actor, now=now,
                    status=memory.REFUSED if refusal else memory.DONE,
                    answer=(refusal or outcome).model_dump(mode="json"), subject_id=case_id,
                )  # fmt: skip
            return outcome


async def record_of(writing: CaseWriting) -> AuthorizationRecord:
    """The case as its rows say, its deadlines replaced and its line of the worklist brought up to date (D6)."""
    case, session = writing.case, writing.session
    await session.flush()
    requests, state = await state_of(writing)
    at_work = _at_work(state)
    finished = case.status in AT_REST and not at_work
    deadlines = () if finished else deadlines_of(state, await _told(writing))
    # A case that looks back at a stay which had ended before it was opened never gets another status (E26).
    finished = finished or (case.end_dated_on is not None and not at_work and not deadlines)
    await work.replace_due(session, owner_kind=work.AUTHORIZATION, owner_id=case.id, deadlines=deadlines)
    action = next_action(state)
    case.next_action, case.next_action_at = (action.code, action.at) if action else (None, None)
    case.next_action_why, case.next_action_owner = (action.why, action.owner) if action else (None, None)
    case.listed = action is not None
    ready = await to_send(session, requests)
    return AuthorizationRecord(
        authorization_id=case.id, episode_id=case.episode_id, version=case.version, payer=case.payer,
        level=case.level, status=case.status, ready_request_id=ready, last_covered_day=case.last_covered_day,
        deadlines=deadlines, finished=finished,
    )  # fmt: skip


async def state_of(writing: CaseWriting) -> tuple[list[AuthorizationRequest], CaseState]:
    """The case as its rules see it."""
    case, session = writing.case, writing.session
    requests = await requests_of_case(session, case.id)
    retries = await retries_of(session, case.payer, writing.now, requests)
    disputes = await session.execute(
        select(AuthorizationDispute)
        .where(AuthorizationDispute.authorization_id == case.id)
        .order_by(AuthorizationDispute.opened_at, AuthorizationDispute.level)
    )
    going = {r.dispute_id for r in requests if r.status in UNSENT}
    return requests, CaseState(
        id=case.id, payer=case.payer, level=case.level, zone=writing.zone, status=case.status,
        opened_at=case.opened_at, last_covered_day=case.last_covered_day, review_due_at=case.review_due_at,
        moves_on=await moves_on(writing),
        questions=tuple(_question(writing, r, retries.get(r.id)) for r in requests),
        disputes=tuple(
            DisputeState(
                id=d.id, kind=d.kind, level=d.level, status=d.status, opened_at=d.opened_at, file_by=d.file_by,
                scheduled_at=d.scheduled_at, on_its_way=d.id in going,
            )
            for d in disputes.scalars()
        ),
    )  # fmt: skip


async def moves_on(w: CaseWriting) -> date | None:
    """The facility's date of the approved move, still ahead, that ends the stay at this case's level."""
    if w.case.last_covered_day is None:
        return None
    rows = await w.session.execute(
        select(func.min(Transition.effective_at)).where(
            Transition.episode_id == w.episode.id, Transition.status == TransitionStatus.SCHEDULED,
            Transition.kind.not_in(BESIDE), Transition.from_level == w.case.level,
        )
    )  # fmt: skip
    at = rows.scalar_one_or_none()
    return facility_date(at, w.zone) if at is not None else None


def _question(w: CaseWriting, r: AuthorizationRequest, retry_at: datetime | None) -> QuestionState:
    notice = (
        start(ClockName.NOTIFICATION, r.requested_at, w.payer, w.regime) if r.kind is RequestKind.NOTIFICATION else None
    )
    return QuestionState(
        id=r.id, trace=r.trace, kind=r.kind, status=r.status, requested_at=r.requested_at, from_date=r.from_date,
        about=r.about, sent_at=r.sent_at, decision_due_at=r.decision_due_at, wanted_by=r.wanted_by,
        inquire_at=inquiry_at(w.payer, r), retry_at=retry_at, notify_by=notice.due_at if notice else None,
        asks_people=must_call(w.payer, r.status, r.inquiries), confirm_by=confirm_by(w.payer, r.kind, r.sent_at),
    )  # fmt: skip


def _at_work(state: CaseState) -> bool:
    """An ended case lives on while an answer for days that were stayed, or an appeal, is still open (E47)."""
    return any(q.status in UNANSWERED for q in state.questions) or any(d.status in LIVE for d in state.disputes)


async def _told(writing: CaseWriting) -> set[str]:
    rows = await writing.session.execute(
        select(OpenItem.id).where(
            OpenItem.episode_id == writing.episode.id, OpenItem.subject_id == str(writing.case.id)
        )
    )
    return {str(i) for (i,) in rows}
