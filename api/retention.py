"""How long one person's record is kept and what stands in the way of its end; holds on it (domain 3.6, E24)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see, scope
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.retention import DeletionFacts, RecordFacts, RetentionVerdict
from rules.calendar import facility_date
from rules.retention import deletion_problems, retention_of, shortest_years
from runtime.keyring import SealBroken
from runtime.people import open_person
from storage.models import LegalHold, Person
from storage.reach import Reach
from storage.reads import retention as reads
from storage.reads.disclosures import known_to
from storage.reads.retention import LastMoments
from storage.repositories import command as memory
from storage.repositories import retention as repository
from storage.repositories import timeline
from storage.repositories.person import lock_person
from storage.repositories.viewing import note_view
from storage.scope import HouseAct


@dataclass(frozen=True, slots=True)
class Judged:
    """A person's periods and what else is open, as of one moment. `verdict` None: the person is erased, and with them
    what the periods run from."""

    moments: LastMoments
    verdict: RetentionVerdict | None
    facts: DeletionFacts
    problems: tuple[Refusal, ...]


async def see_person(
    session: AsyncSession, services: Services, user: User, person_id: UUID, *, lock: bool = False
) -> Person:
    """Somebody who was never in a facility of yours is unknown."""
    known = await known_to(session, person_id, scope(user, services))
    must_see(user, services, scope(user, services)[0] if known else None, f"patient {person_id}", person_id)
    person = await (lock_person(session, person_id) if lock else session.get(Person, person_id))
    assert person is not None
    return person


async def judged(session: AsyncSession, services: Services, person: Person, now: datetime) -> Judged:
    moments = await reads.last_moments(session, person.id)
    assert moments is not None, "who can be seen has an episode"
    facts = await reads.deletion_facts(session, person.id)
    today = facility_date(now, _zone(services, moments))
    verdict = verdict_of(services, person, moments, today)
    if verdict is None:
        gone = Refusal(code=ErrorType.STALE, detail="this person's record was erased; nothing is left to delete")
        return Judged(moments, None, facts, (gone,))
    return Judged(moments, verdict, facts, deletion_problems(verdict, facts, today))


def verdict_of(services: Services, person: Person, moments: LastMoments, today: date) -> RetentionVerdict | None:
    if person.wrapped_key is None:
        return None
    try:
        born = open_person(services.keyring, person.id, person.sealed, person.wrapped_key).birth_date
    except SealBroken:
        return None
    places = services.catalog.latest.facilities
    zone = ZoneInfo(_zone(services, moments))

    def local(at: datetime) -> date:
        return at.astimezone(zone).date()

    facts = RecordFacts(
        states=tuple(sorted({places[f].state for f in moments.facilities})), birth_date=born,
        last_service=local(moments.last_service),
        last_consent=local(moments.last_consent) if moments.last_consent else None,
        last_log=local(moments.last_log) if moments.last_log else None,
    )  # fmt: skip
    return retention_of(services.catalog.retention, facts, today)


def _zone(services: Services, moments: LastMoments) -> str:
    return services.catalog.latest.facilities[moments.facilities[0]].zone


def shown(found: Judged) -> dict[str, Any]:
    return {
        "person_id": str(found.moments.person_id),
        "kept_until": found.verdict.until.isoformat() if found.verdict else None,
        "periods": [p.model_dump(mode="json") for p in found.verdict.periods] if found.verdict else [],
        "erased_at": found.facts.erased_at.isoformat() if found.facts.erased_at else None,
        "may_be_deleted": not found.problems,
        "in_the_way": [{"code": p.code.value, "detail": p.detail} for p in found.problems],
    }


async def looked_at(services: Services, user: User, person_id: UUID) -> dict[str, Any]:
    now = await services.clock.now()
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        person = await see_person(session, services, user, person_id)
        await _view(session, user, now, "retention", [person_id])
        return shown(await judged(session, services, person, now))


async def due_list(services: Services, user: User, facilities: Reach, after: UUID | None, limit: int) -> dict[str, Any]:
    """Whose time is over, a page of people looked at: `next` goes on behind the last one looked at. Opening birth dates is
    a look at people, so everybody on the page is on record first."""
    now = await services.clock.now()
    years = shortest_years(services.catalog.retention)
    try:
        before = now.replace(year=now.year - years)
    except ValueError:
        before = now.replace(year=now.year - years, day=28)
    items: list[dict[str, Any]] = []
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        found = await reads.maybe_over(session, facilities, before=before, after=after, many=limit + 1)
        page = found[:limit]
        if page:
            await _view(session, user, now, "retention/due", [m.person_id for m in page])
        for moments in page:
            person = await session.get_one(Person, moments.person_id)
            told = await judged(session, services, person, now)
            if told.verdict is not None and told.verdict.over(facility_date(now, _zone(services, moments))):
                items.append(shown(told))
    following = str(page[-1].person_id) if len(found) > limit else None
    return {"items": items, "next": following, "as_of": now.isoformat()}


async def _view(session: AsyncSession, user: User, now: datetime, page: str, people: list[UUID]) -> None:
    await note_view(
        session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page=page, people=people,
        filters={},
    )  # fmt: skip


async def place_hold(
    services: Services, user: User, key: str, person_id: UUID, reason: str, authority: str
) -> CommandResult:
    """Under the lock of the person's row: a deletion that is under way is over, or sees the hold."""
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        person = await see_person(session, services, user, person_id, lock=True)
        said = {"person": str(person_id), "reason": reason, "authority": authority}
        stored = await accept(services, session, user, key, "place_hold", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        if person.wrapped_key is None:
            raise problem(ErrorType.STALE, "this person's record was erased; nothing is left to hold")
        moments = await reads.last_moments(session, person_id)
        assert moments is not None
        facility = next(f for f in moments.facilities if f in scope(user, services))
        now = stored.accepted_at
        hold = LegalHold(
            id=derived(stored.key, "hold"), person_id=person_id, facility=facility, reason=reason, authority=authority,
            placed_at=now, placed_by=user.actor,
        )  # fmt: skip
        session.add(hold)
        await session.flush()
        audit_record(session, user, facility, "legal_hold_placed", person_id, now, {"hold": str(hold.id), **said})
        answer = hold_shown(hold)
        await _finish(session, stored, user, answer, person_id)
        return CommandResult(201, answer, {"Location": f"/v1/patients/{person_id}/legal-holds"})


async def release_hold(
    services: Services, user: User, key: str, hold_id: UUID, reason: str, authority: str
) -> CommandResult:
    async with services.database.write(services.house(HouseAct.ERASURE, user)) as session:
        hold = await repository.locked_hold(session, hold_id)
        seen = hold is not None and await known_to(session, hold.person_id, scope(user, services))
        must_see(user, services, hold.facility if hold is not None and seen else None, f"hold {hold_id}")
        assert hold is not None
        said = {"hold": str(hold_id), "reason": reason, "authority": authority}
        stored = await accept(services, session, user, key, "release_hold", said)
        first = answered(stored)
        if first is not None:
            return first
        if hold.released_at is not None:
            raise problem(ErrorType.STALE, "it was released already; look again")
        hold.released_at, hold.released_by = stored.accepted_at, user.actor
        hold.release_reason, hold.release_authority = reason, authority
        await session.flush()
        audit_record(session, user, hold.facility, "legal_hold_released", hold.person_id, stored.accepted_at, said)
        answer = hold_shown(hold)
        await _finish(session, stored, user, answer, hold.person_id)
        return CommandResult(200, answer, {})


async def holds(services: Services, user: User, person_id: UUID) -> list[dict[str, Any]]:
    async with services.database.read(services.house(HouseAct.ERASURE, user)) as session:
        await see_person(session, services, user, person_id)
        return [hold_shown(hold) for hold in await repository.holds_on(session, person_id)]


def hold_shown(hold: LegalHold) -> dict[str, Any]:
    return {
        "hold_id": str(hold.id), "person_id": str(hold.person_id), "facility": hold.facility, "reason": hold.reason,
        "authority": hold.authority, "placed_at": moment(hold.placed_at), "placed_by": hold.placed_by,
        "released_at": moment(hold.released_at), "released_by": hold.released_by,
        "release_reason": hold.release_reason, "release_authority": hold.release_authority,
    }  # fmt: skip


def moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None


def audit_record(
    session: AsyncSession, user: User, facility: str, action: str, person_id: UUID, now: datetime,
    detail: dict[str, Any],
) -> None:  # fmt: skip
    timeline.audit(
        session, chain=f"records/{facility}", at=now, actor=user.actor, role=user.role, action=action,
        subject=f"person/{person_id}", purpose="operations", detail=detail,
    )  # fmt: skip


async def _finish(
    session: AsyncSession, stored: memory.Remembered, user: User, answer: dict[str, Any], subject: UUID
) -> None:
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=user.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=subject,
    )  # fmt: skip
