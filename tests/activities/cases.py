"""Authorization cases written row by row for the exchange: sealed people with consents, requests ready to leave."""

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text

from activities.authorization import AuthorizationActivities
from activities.case_record import CaseHands
from activities.departure import ExchangeHands, ExchangeIdentity
from activities.exchange import ExchangeActivities
from activities.partners.line import PayerLine
from activities.partners.slots import PayerSlots
from definitions.authorization import AuthorizationRecord, CaseChanged, CaseOutcome, FireCaseDeadlines, SendRequest
from definitions.person import PersonDetails
from definitions.vocabulary import (
    AuthorizationStatus,
    ConsentStatus,
    ContentClass,
    CoverageKind,
    Phase,
    Purpose,
    RequestKind,
)
from runtime.catalog import Catalog, load_catalog
from runtime.keyring import Keyring
from runtime.metrics import Metrics
from runtime.people import seal_new, tokens_of
from storage.engine import Database
from storage.models import (
    Authorization,
    AuthorizationRequest,
    Consent,
    Coverage,
    Disclosure,
    DisclosureOutcome,
    Episode,
    ExchangeMessage,
    Facility,
    OpenItem,
    Outbox,
    Person,
    Program,
)
from storage.repositories.authorization import trace_of
from storage.repositories.person import add_person

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
KEYRING = Keyring.parse(f"test:{'5a' * 32}", "a5" * 32)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Case:
    person_id: UUID
    episode_id: UUID
    case_id: UUID
    request_id: UUID
    trace: str
    member: str


async def facility(database: Database) -> None:
    async with database.write() as session:
        if await session.get(Facility, "harbor") is not None:
            return
        edition = load_catalog().latest.facilities["harbor"]
        session.add(
            Facility(key="harbor", zone=edition.zone, name=edition.name, edition="2026-01", opened_on=date(2026, 1, 1))
        )
        await session.flush()
        for program in edition.programs:
            session.add(Program(key=program.key, facility="harbor", name=program.name, capacity=40))


async def case(
    database: Database, suffix: str = "", *, payer: str = "meridian", kind: RequestKind = RequestKind.INITIAL,
    level: str = "3.5", units: int = 14, consented: bool = True, now: datetime = NOW, **changes: Any,
) -> Case:  # fmt: skip
    """A case with one request that waits to be sent. `suffix`: what the local payer does with it."""
    await facility(database)
    number = next(_numbers)
    member = f"MB{900000000 + number}{suffix}"
    coverage_id, person_id, episode_id, case_id, request_id = (uuid4() for _ in range(5))
    details = PersonDetails(
        family=f"Testerman{number}", given=("Robin",), birth_date=date(1990, 2, 3), gender="F",
        member_ids={coverage_id: member},
    )  # fmt: skip
    sealed, wrapped = seal_new(KEYRING, person_id, details)
    first = now.date()
    async with database.write() as session:
        await add_person(
            session, person_id=person_id, sealed=sealed, wrapped=wrapped, tokens=tokens_of(KEYRING, details), now=now
        )
        await session.flush()
        session.add(
            Coverage(
                id=coverage_id, person_id=person_id, payer=payer, kind=CoverageKind.INSURANCE, rank=1,
                from_date=date(2026, 1, 1), through_date=None,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Episode(
                id=episode_id, person_id=person_id, facility="harbor", coverage_id=coverage_id, payer=payer,
                edition="2026-01", source="test", diagnoses=[{"code": "F10.20", "rank": 1}], opened_at=now,
                phase=Phase.IN_CARE, requested_level=level,
            )
        )  # fmt: skip
        await session.flush()
        if consented:
            session.add(consent(person_id, episode_id, now))
        session.add(
            Authorization(
                id=case_id, episode_id=episode_id, person_id=person_id, coverage_id=coverage_id, stay_id=None,
                facility="harbor", payer=payer, level=level, status=AuthorizationStatus.READY, why="test", unit="DY",
                requested_units=units, granted_units=0, from_date=first, opened_at=now,
            )
        )  # fmt: skip
        await session.flush()
        fields = {
            "status": AuthorizationStatus.READY, "units": units, "urgent": True, "requested_at": now, "attempts": 0,
            "from_date": first, "through_date": first + timedelta(days=units - 1),
        } | changes  # fmt: skip
        session.add(
            AuthorizationRequest(
                id=request_id, authorization_id=case_id, episode_id=episode_id, kind=kind, trace=trace_of(request_id),
                level=level, unit="DY", **fields,
            )
        )  # fmt: skip
    return Case(person_id, episode_id, case_id, request_id, trace_of(request_id), member)


def consent(person_id: UUID, episode_id: UUID, now: datetime) -> Consent:
    return Consent(
        id=uuid4(), person_id=person_id, episode_id=episode_id, form="part2_tpo", edition="2026-01",
        status=ConsentStatus.SIGNED, presented_at=now, signed_at=now - timedelta(hours=1),
        scope={
            "purposes": [Purpose.PAYMENT.value], "recipient_classes": ["health_plans"], "recipients": [],
            "contents": [ContentClass.AUTHORIZATION_REQUEST.value, ContentClass.CLINICAL_ATTACHMENT.value],
        },
    )  # fmt: skip


class Exchange:
    """The case and exchange activities as a worker holds them, without a worker."""

    def __init__(
        self, database: Database, url: str, *, timeout: float = 3.0, catalog: Catalog | None = None,
        slots: PayerSlots | None = None, public_url: str = "",
    ) -> None:  # fmt: skip
        self.database = database
        self.hands = CaseHands(database, catalog or load_catalog())
        self.line = PayerLine(url, timeout)
        self.metrics = Metrics()
        identity = ExchangeIdentity("STEPDOWN", "T", public_url)
        self.exchange = ExchangeActivities(ExchangeHands(self.hands, KEYRING, self.line, identity, self.metrics), slots)
        self.cases = AuthorizationActivities(self.hands, KEYRING)

    async def send(self, one: Case, now: datetime = NOW) -> AuthorizationRecord:
        """What the workflow's sending loop does: until nothing is owed to the payer."""
        for attempt in range(10):
            outcome = await self.exchange.send_request(
                SendRequest(
                    key=f"send:{one.request_id}:{now.isoformat()}:{attempt}", authorization_id=one.case_id,
                    request_id=one.request_id, now=now,
                )
            )  # fmt: skip
            record = known(outcome)
            if record.ready_request_id is None:
                return record
        raise AssertionError("the case does not come to rest")

    async def due(self, one: Case, now: datetime) -> AuthorizationRecord:
        """The case's deadlines that have come by `now`, and what they make it send."""
        outcome = await self.cases.fire_case_deadlines(
            FireCaseDeadlines(
                key=f"fire:{one.case_id}:{now.isoformat()}", authorization_id=one.case_id, now=now, keys=("x",)
            )
        )
        record = known(outcome)
        return await self.send(one, now) if record.ready_request_id else record

    async def relay(self, by_case: dict[UUID, Case], now: datetime) -> list[UUID]:
        """What the relay does with wakes, in order; answers whose turn it was."""
        woken = []
        while True:
            async with self.database.write() as session:
                rows = await session.execute(
                    select(Outbox)
                    .where(Outbox.kind == "authorization_changed", Outbox.relayed_at.is_(None))
                    .order_by(Outbox.id)
                    .limit(1)
                )
                row = rows.scalar_one_or_none()
                if row is None:
                    return woken
                row.relayed_at = now
                change = CaseChanged.model_validate(row.payload)
            woken.append(change.authorization_id)
            outcome = await self.cases.note_case_change(change)
            if known(outcome).ready_request_id is not None:
                await self.send(by_case[change.authorization_id], now)


def known(outcome: CaseOutcome) -> AuthorizationRecord:
    assert outcome.record is not None
    return outcome.record


async def request_of(database: Database, one: Case) -> AuthorizationRequest:
    async with database.read() as session:
        return await session.get_one(AuthorizationRequest, one.request_id)


async def person_of(database: Database, one: Case) -> Person:
    async with database.read() as session:
        return await session.get_one(Person, one.person_id)


async def messages(database: Database, one: Case, direction: str = "out") -> list[ExchangeMessage]:
    async with database.read() as session:
        rows = await session.execute(
            select(ExchangeMessage)
            .where(ExchangeMessage.subject_id == one.request_id, ExchangeMessage.direction == direction)
            .order_by(ExchangeMessage.at, ExchangeMessage.control_number)
        )
        return list(rows.scalars())


async def outcomes(database: Database, one: Case) -> list[str | None]:
    """Of every time something about the person may have left, in order; None: still open."""
    async with database.read() as session:
        rows = await session.execute(
            select(DisclosureOutcome.outcome)
            .select_from(Disclosure)
            .join(DisclosureOutcome, DisclosureOutcome.disclosure_id == Disclosure.id, isouter=True)
            .where(Disclosure.person_id == one.person_id)
            .order_by(Disclosure.seq)
        )
        return list(rows.scalars())


async def disclosures(database: Database, one: Case) -> list[Disclosure]:
    async with database.read() as session:
        rows = await session.execute(
            select(Disclosure).where(Disclosure.person_id == one.person_id).order_by(Disclosure.seq)
        )
        return list(rows.scalars())


async def items(database: Database, one: Case, status: str = "open") -> list[str]:
    async with database.read() as session:
        rows = await session.execute(
            select(OpenItem.kind).where(OpenItem.episode_id == one.episode_id, OpenItem.status == status)
        )
        return sorted(rows.scalars())


async def events(database: Database, one: Case) -> list[str]:
    async with database.read() as session:
        rows = await session.execute(
            text("SELECT kind FROM timeline_entry WHERE episode_id = :e ORDER BY id"), {"e": one.episode_id}
        )
        return [row[0] for row in rows]
