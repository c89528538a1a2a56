"""One authorization case on real rows, and what payers and reviewers do to it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from activities.answers import apply_verdict
from activities.authorization import AuthorizationActivities
from activities.case_clocks import start_decision
from activities.case_record import CaseHands, record_of
from activities.dispute import DisputeActivities
from definitions.authorization import AuthorizationRecord, CaseOutcome, FireCaseDeadlines
from definitions.person import PersonDetails
from definitions.vocabulary import AuthorizationStatus, RequestKind, Role
from rules.payer_answer import AnswerVerdict
from runtime.catalog import load_catalog
from runtime.people import seal_new
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest, Facility, Person
from storage.repositories import authorization as repository
from tests.activities import nights
from tests.activities.cases import KEYRING, consent
from tests.activities.nights import at, on

OPENED = at("2026-03-06 09:00")
FIRST, LAST = on("2026-03-07"), on("2026-03-20")
PLACE = "harbor"
"""A facility of the shipped edition: cases look up its zone."""


@dataclass
class Desk:
    """The hands of one case."""

    database: Database
    hands: CaseHands
    authorization: AuthorizationActivities
    disputes: DisputeActivities
    case_id: UUID
    request_id: UUID
    who: nights.Someone
    stay_id: UUID

    async def answer(
        self,
        action: str,
        units: int = 0,
        *,
        now: datetime,
        request: UUID | None = None,
        first: date = FIRST,
        level: str = "3.5",
        stated: datetime | None = None,
        documents: bool = False,
    ) -> AuthorizationRecord:
        """What the payer says, as if it had just been read."""
        status = {
            "A1": AuthorizationStatus.APPROVED, "A6": AuthorizationStatus.PARTIAL, "A3": AuthorizationStatus.DENIED,
            "A4": AuthorizationStatus.INFORMATION_REQUESTED if documents else AuthorizationStatus.PENDED,
            "C": AuthorizationStatus.CANCELLED, "AAA": AuthorizationStatus.DATA_PROBLEM,
            "NA": AuthorizationStatus.NOT_REQUIRED,
        }[action]  # fmt: skip
        verdict = AnswerVerdict(
            status=status, action=action, why=f"the payer answered {action}", number="AUTH1" if units else None,
            level=level if units else None, unit="DY", units=units, from_date=first if units else None,
            through_date=first + timedelta(days=units - 1) if units else None,
            wanted=("11506-3",) if documents else (),
        )  # fmt: skip
        async with self.database.write() as session:
            w = await self.hands.writing(session, self.case_id, f"answer:{uuid4()}", now)
            assert w is not None
            asked = await session.get_one(AuthorizationRequest, request or self.request_id)
            await apply_verdict(
                w, asked, verdict, fingerprint=str(uuid4()), source="x12", message_id=None, stated_at=stated
            )
            return await record_of(w)

    async def do(self, act: str, command: type[Any], now: datetime, **fields: Any) -> CaseOutcome:
        """A reviewer's act through its activity."""
        said = command(
            key=f"reviewer:{uuid4()}", actor="reviewer", role=Role.REVIEWER, now=now, authorization_id=self.case_id,
            **fields,
        )  # fmt: skip
        owner: Any = self.disputes if hasattr(self.disputes, act) else self.authorization
        outcome: CaseOutcome = await getattr(owner, act)(said)
        return outcome

    async def fire(self, now: datetime) -> AuthorizationRecord:
        """Everything due by `now`, as the workflow does it."""
        for _ in range(20):
            record = await self.record(now)
            come = tuple(d.key for d in record.deadlines if d.at <= now)
            if not come:
                return record
            await self.authorization.fire_case_deadlines(
                FireCaseDeadlines(key=f"fire:{uuid4()}", authorization_id=self.case_id, now=now, keys=come)
            )
        raise AssertionError("deadlines that never rest")

    async def record(self, now: datetime) -> AuthorizationRecord:
        async with self.database.write() as session:
            w = await self.hands.writing(session, self.case_id, "read", now)
            assert w is not None
            return await record_of(w)

    async def case(self) -> Authorization:
        async with self.database.read() as session:
            return await session.get_one(Authorization, self.case_id)

    async def requests(self) -> list[AuthorizationRequest]:
        async with self.database.read() as session:
            rows = await session.execute(
                select(AuthorizationRequest)
                .where(AuthorizationRequest.authorization_id == self.case_id)
                .order_by(AuthorizationRequest.requested_at, AuthorizationRequest.kind)
            )
            return list(rows.scalars())

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """`:case` and `:episode` may stand in the query."""
        async with self.database.read() as session:
            values = {"case": self.case_id, "episode": self.who.episode_id}
            used = {k: v for k, v in values.items() if f":{k}" in query}
            return [tuple(row) for row in await session.execute(text(query), used)]

    async def items(self) -> set[str]:
        """Kinds of open items of the episode."""
        found = await self.rows("SELECT kind FROM open_item WHERE episode_id = :episode AND status = 'open'")
        return {row[0] for row in found}


async def known(session: AsyncSession, who: nights.Someone) -> None:
    """The person has a record that can be opened, and signed the consent that payers are told on."""
    details = PersonDetails(
        family="Testerman", given=("Robin",), birth_date=date(1990, 2, 3), gender="F",
        member_ids={who.coverage_id: "MB900000001"},
    )  # fmt: skip
    person = await session.get_one(Person, who.person_id)
    person.sealed, person.wrapped_key = seal_new(KEYRING, who.person_id, details)
    session.add(consent(who.person_id, who.episode_id, OPENED))
    await session.flush()


async def desk(
    database: Database, *, payer: str = "meridian", sent: bool = True, kind: RequestKind = RequestKind.INITIAL
) -> Desk:
    """A person in residential care since 7 March, fourteen days asked for; the request has left when `sent`."""
    catalog = load_catalog()
    hands = CaseHands(database, catalog)
    case_id, request_id = uuid4(), uuid4()
    async with database.write() as session:
        if await session.get(Facility, PLACE) is None:
            await nights.facility(session, PLACE)
        who = await nights.someone(session, PLACE, payer)
        await known(session, who)
        stay_id = await nights.stay(session, who, at("2026-03-07 11:00"))
        await session.execute(
            text("UPDATE episode SET stay_id = :stay, level = '3.5', admitted_at = :at WHERE id = :episode"),
            {"stay": stay_id, "episode": who.episode_id, "at": at("2026-03-07 11:00")},
        )
        await repository.open_case(
            session, case_id=case_id, request_id=request_id, episode_id=who.episode_id, person_id=who.person_id,
            coverage_id=who.coverage_id, stay_id=stay_id, facility=PLACE, payer=payer, level="3.5", kind=kind,
            unit="DY", units=14, from_date=FIRST, through_date=LAST, urgent=True, transition_id=None, now=OPENED,
            required=True, why="asked",
        )  # fmt: skip
        if sent:
            await session.flush()
            w = await hands.writing(session, case_id, "sent", OPENED)
            assert w is not None
            asked = await session.get_one(AuthorizationRequest, request_id)
            await start_decision(w, asked)
            asked.status, asked.sent_at, asked.attempts = AuthorizationStatus.SUBMITTED, OPENED, 1
            w.case.status = AuthorizationStatus.SUBMITTED
            await record_of(w)
    return Desk(
        database, hands, AuthorizationActivities(hands, KEYRING), DisputeActivities(hands, KEYRING), case_id, request_id, who,
        stay_id,
    )  # fmt: skip
