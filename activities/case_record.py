"""A case as its rows say, with its deadlines (D6), and the one way to write to a case."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.authorization import AuthorizationRecord, CaseOutcome
from definitions.deadline import Deadline
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived, episode_workflow
from definitions.payer import Payer
from definitions.regime import Regime
from definitions.vocabulary import AuthorizationStatus, DeadlineKind
from rules.calendar import facility_date, midnight_ending
from runtime.catalog import Catalog
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest, Episode, OpenItem
from storage.repositories import command as memory
from storage.repositories import timeline, work
from storage.repositories.outbox import EPISODE_FACT, announce

ENDED = (AuthorizationStatus.END_DATED, AuthorizationStatus.CANCELLED, AuthorizationStatus.NOT_REQUIRED)
WAITING = (AuthorizationStatus.SUBMITTED, AuthorizationStatus.PENDED, AuthorizationStatus.TIMED_OUT)


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
    ) -> None:
        await work.open_item(
            self.session, item_id=derived(self.case.id, kind, subject or ""), episode_id=self.episode.id,
            facility=self.episode.facility, kind=kind, owner_role="reviewer", why=why, opened_at=self.now,
            due_at=due_at, subject_id=str(self.case.id), rule=rule,
        )  # fmt: skip

    async def done(self, kind: str, resolution: str) -> None:
        await work.close_items(
            self.session, episode_id=self.episode.id, now=self.now, actor="system", resolution=resolution, kind=kind,
            subject_id=str(self.case.id),
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
            actor=actor, role=role, now=now,
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
            refusal = None
            if stored is None or stored.status == memory.ACCEPTED:
                savepoint = await session.begin_nested()
                refusal = await act(writing)
                if refusal is None:
                    await savepoint.commit()
                else:
                    await savepoint.rollback()
                    await session.refresh(writing.case)
                    await session.refresh(writing.episode)
                answer = refusal.model_dump(mode="json") if refusal else {"authorization_id": str(case_id)}
                await memory.finish(
                    session, key=key, kind=kind, actor=actor, now=now,
                    status=memory.REFUSED if refusal else memory.DONE, answer=answer, subject_id=case_id,
                )  # fmt: skip
            elif stored.status == memory.REFUSED:
                refusal = Refusal.model_validate(stored.answer)
            return CaseOutcome(record=await record_of(writing), refusal=refusal, subject_id=case_id)


async def requests_of(session: AsyncSession, case_id: UUID) -> list[AuthorizationRequest]:
    rows = await session.execute(
        select(AuthorizationRequest)
        .where(AuthorizationRequest.authorization_id == case_id)
        .order_by(AuthorizationRequest.requested_at, AuthorizationRequest.id)
    )
    return list(rows.scalars())


async def record_of(writing: CaseWriting) -> AuthorizationRecord:
    case = writing.case
    await writing.session.flush()
    requests = await requests_of(writing.session, case.id)
    ready = next((r.id for r in requests if r.status is AuthorizationStatus.READY), None)
    told = await _told(writing)
    deadlines = () if case.status in ENDED else _deadlines(writing, requests, told)
    await work.replace_due(writing.session, owner_kind=work.AUTHORIZATION, owner_id=case.id, deadlines=deadlines)
    return AuthorizationRecord(
        authorization_id=case.id, episode_id=case.episode_id, version=case.version, payer=case.payer,
        level=case.level, status=case.status, ready_request_id=None if case.status in ENDED else ready,
        last_covered_day=case.last_covered_day, deadlines=deadlines, finished=case.status in ENDED,
    )  # fmt: skip


async def _told(writing: CaseWriting) -> set[str]:
    rows = await writing.session.execute(
        select(OpenItem.id).where(
            OpenItem.episode_id == writing.episode.id, OpenItem.subject_id == str(writing.case.id)
        )
    )
    return {str(i) for (i,) in rows}


def _deadlines(writing: CaseWriting, requests: list[AuthorizationRequest], told: set[str]) -> tuple[Deadline, ...]:
    case, found = writing.case, []
    lcd = case.last_covered_day
    if lcd is not None and case.review_due_at is not None:
        asked = any(r.from_date > lcd and r.status is not AuthorizationStatus.CANCELLED for r in requests)
        if not asked and str(derived(case.id, "review_due", lcd.isoformat())) not in told:
            found.append(
                Deadline(
                    key=f"review:{case.id}", kind=DeadlineKind.REVIEW_DUE, at=case.review_due_at,
                    why=f"{case.level} is covered through {lcd.isoformat()}; the payer wants the review by then",
                    subject_id=str(case.id),
                )
            )  # fmt: skip
        if str(derived(case.id, "authorization_lapsed", lcd.isoformat())) not in told:
            found.append(
                Deadline(
                    key=f"lcd:{case.id}", kind=DeadlineKind.LAST_COVERED_DAY, at=midnight_ending(lcd, writing.zone),
                    why=f"the last covered day of {case.level} ends", subject_id=str(case.id),
                )
            )  # fmt: skip
    for request in requests:
        if request.status in WAITING and request.decision_due_at is not None:
            if str(derived(case.id, "payer_late", request.trace)) not in told:
                found.append(
                    Deadline(
                        key=f"decision:{request.id}", kind=DeadlineKind.PAYER_DECISION, at=request.decision_due_at,
                        why=f"{case.payer} must have decided", subject_id=str(request.id),
                    )
                )  # fmt: skip
            inquiry = _inquiry_at(writing, request)
            if inquiry is not None:
                found.append(
                    Deadline(
                        key=f"inquiry:{request.id}", kind=DeadlineKind.PAYER_INQUIRY, at=inquiry,
                        why=f"ask {case.payer} what became of the request", subject_id=str(request.id),
                    )
                )  # fmt: skip
    return tuple(sorted(found, key=lambda d: (d.at, d.key)))


ATTEMPTS_MAX = 3
"""The same interchange goes out at most this often; then a person calls."""

INQUIRE_AFTER = timedelta(minutes=30)
"""Wait before the first repeat; each further one waits longer."""


def _inquiry_at(writing: CaseWriting, request: AuthorizationRequest) -> datetime | None:
    """When an unanswered send is repeated under its own trace: the payer answers a repeat with its first answer."""
    if request.status is not AuthorizationStatus.TIMED_OUT or request.sent_at is None:
        return None
    if request.attempts >= ATTEMPTS_MAX:
        return None
    return request.sent_at + INQUIRE_AFTER * request.attempts
