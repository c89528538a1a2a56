"""People in care with a case each, as rows alone: sealed by the house's own keyring, covered by a consent, so that what
must leave may leave. Either the payer owes the first answer, or a review falls due at a given moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import Range

from definitions.edition import Edition
from definitions.person import PersonDetails
from definitions.review_codes import Action
from definitions.vocabulary import (
    AuthorizationStatus,
    BillingBehaviour,
    ConsentStatus,
    CoverageKind,
    GrantState,
    Phase,
    RequestKind,
    Track,
)
from runtime.keyring import Keyring
from runtime.people import seal_new, tokens_of
from storage.engine import Database
from storage.models import (
    Authorization,
    AuthorizationDecision,
    AuthorizationGrant,
    AuthorizationRequest,
    Consent,
    Coverage,
    Episode,
    Person,
    PersonToken,
    Stay,
)
from storage.repositories.authorization import trace_of

FACILITY: Final = "harbor"
LEVEL: Final = "3.5"
UNITS: Final = 14
LEFT: Final = 5
"""Days of the grant that are still to come."""
MANY: Final = 500
"""People written at a time."""
TAKES_OVER: Final = "Q"
"""End of a member id: the local payer continues a case that its book does not know (local/payer)."""

Rows = dict[type[Any], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Seeded:
    episode_id: UUID
    case_id: UUID
    request_id: UUID
    payer: str
    member_id: str

    @property
    def trace(self) -> str:
        return trace_of(self.request_id)


@dataclass(frozen=True, slots=True)
class Seed:
    """What is the same for everybody. `due` None: the payer owes the first answer; else the review is due then."""

    keyring: Keyring
    edition: Edition
    payers: Sequence[str]
    now: datetime
    due: datetime | None = None

    @property
    def first(self) -> date:
        return self.now.date() - timedelta(days=UNITS - LEFT if self.due else 0)

    @property
    def last(self) -> date:
        return self.first + timedelta(days=UNITS - 1)


async def seed(database: Database, seed: Seed, count: int) -> list[Seeded]:
    """Write `count` people, `MANY` a transaction; the payers take turns."""
    made: list[Seeded] = []
    for start in range(0, count, MANY):
        rows: Rows = {}
        for number in range(start, min(start + MANY, count)):
            one = Seeded(uuid4(), uuid4(), uuid4(), seed.payers[number % len(seed.payers)], _member(number, seed))
            made.append(one)
            for model, row in _rows(seed, one, number):
                rows.setdefault(model, []).append(row)
        async with database.write() as session:
            for model, values in rows.items():
                await session.execute(insert(model), values)
    return made


def _member(number: int, seed: Seed) -> str:
    return f"MB{900_000_000 + number}{TAKES_OVER if seed.due else ''}"


def _rows(seed: Seed, one: Seeded, number: int) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    """In the order their keys want."""
    person, coverage, stay = uuid4(), uuid4(), uuid4()
    began = seed.now - timedelta(days=UNITS - LEFT if seed.due else 0, hours=1)
    yield from _person(seed, one, number, person, coverage)
    known = {"episode_id": one.episode_id, "person_id": person}
    yield Episode, {
        "id": one.episode_id, "person_id": person, "facility": FACILITY, "coverage_id": coverage, "payer": one.payer,
        "edition": seed.edition.name, "phase": Phase.IN_CARE, "requested_level": LEVEL, "level": LEVEL,
        "program": _program(seed), "stay_id": stay, "source": "bench", "diagnoses": [{"code": "F10.20", "rank": 1}],
        "opened_at": began, "admitted_at": began, "version": 1,
    }  # fmt: skip
    yield Stay, {
        **known, "id": stay, "facility": FACILITY, "program": _program(seed), "level": LEVEL, "track": Track.BED,
        "billing": BillingBehaviour.OVERNIGHT, "payer": one.payer, "period": Range(began, None), "arrival": "admission",
        "edition": seed.edition.name,
    }  # fmt: skip
    form = seed.edition.consents["part2_tpo"]
    yield Consent, {
        **known, "id": uuid4(), "form": form.key, "edition": seed.edition.name, "status": ConsentStatus.SIGNED,
        "scope": {
            "purposes": [p.value for p in form.purposes], "contents": [c.value for c in form.contents],
            "recipient_classes": list(form.recipient_classes), "recipients": [],
        },
        "presented_at": began, "signed_at": began, "signed_by": "patient", "version": 1,
        "expires_at": seed.now + timedelta(days=300),
    }  # fmt: skip
    yield from _case(seed, one, number, {**known, "coverage_id": coverage, "stay_id": stay}, began)


def _person(
    seed: Seed, one: Seeded, number: int, person: UUID, coverage: UUID
) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    details = PersonDetails(
        family=f"Testerman{number}", given=("Robin",), birth_date=date(1990, 2, 3), gender="F",
        member_ids={coverage: one.member_id},
    )  # fmt: skip
    sealed, wrapped = seal_new(seed.keyring, person, details)
    yield Person, {"id": person, "sealed": sealed, "wrapped_key": wrapped, "created_at": seed.now, "version": 1}
    for kind, token in tokens_of(seed.keyring, details):
        yield PersonToken, {"person_id": person, "kind": kind, "token": token}
    yield Coverage, {
        "id": coverage, "person_id": person, "payer": one.payer, "kind": CoverageKind.INSURANCE, "rank": 1,
        "from_date": date(seed.now.year, 1, 1), "through_date": None,
    }  # fmt: skip


def _program(seed: Seed) -> str:
    program = seed.edition.facilities[FACILITY].program_for(LEVEL)
    if program is None:
        raise ValueError(f"{FACILITY} runs no program for {LEVEL}")
    return program.key


def _case(
    seed: Seed, one: Seeded, number: int, ids: Mapping[str, UUID], began: datetime
) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    """Due: granted through `seed.last`. Else asked for, and every other one pended by the payer."""
    pended = number % 2 == 1
    waiting = AuthorizationStatus.PENDED if pended else AuthorizationStatus.SUBMITTED
    status = AuthorizationStatus.APPROVED if seed.due else waiting
    yield Authorization, {
        **ids, "id": one.case_id, "facility": FACILITY, "payer": one.payer, "level": LEVEL, "status": status,
        "why": "bench", "unit": "DY", "requested_units": UNITS, "granted_units": UNITS if seed.due else 0,
        "granted_level": LEVEL if seed.due else None, "number": _number(number) if seed.due else None,
        "from_date": seed.first, "last_covered_day": seed.last if seed.due else None, "review_due_at": seed.due,
        "review_status": status, "opened_at": began, "version": 1,
    }  # fmt: skip
    asked = {"authorization_id": one.case_id, "episode_id": one.episode_id}
    terms = {"level": LEVEL, "unit": "DY", "units": UNITS, "from_date": seed.first, "through_date": seed.last}
    yield AuthorizationRequest, {
        **asked, **terms, "id": one.request_id, "kind": RequestKind.INITIAL, "status": status, "trace": one.trace,
        "urgent": True, "requested_at": began, "sent_at": began, "first_sent_at": began, "attempts": 1,
        "answered_at": began if seed.due else None,
        "decision_due_at": None if seed.due else seed.now + timedelta(days=3),
    }  # fmt: skip
    decision = uuid4()
    if seed.due or pended:
        action, granted = (Action.CERTIFIED, terms) if seed.due else (Action.PENDED, dict.fromkeys(terms))
        yield AuthorizationDecision, {
            **granted, "id": decision, "request_id": one.request_id, "authorization_id": one.case_id,
            "action": action.value, "status": status, "number": _number(number) if seed.due else None,
            "received_at": began, "source": "bench", "fingerprint": one.case_id.hex, "arrival": 1,
        }  # fmt: skip
    if seed.due:
        yield AuthorizationGrant, {
            **asked, **terms, "id": uuid4(), "request_id": one.request_id, "decision_id": decision,
            "facility": FACILITY, "payer": one.payer, "number": _number(number), "state": GrantState.ACTIVE,
            "opened_at": began,
        }  # fmt: skip


def _number(number: int) -> str:
    return f"BENCH{number:06d}"
