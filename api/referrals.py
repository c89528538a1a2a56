"""Starting an episode: the person sealed on record first, then the workflow (D1, D15)."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import must_see
from api.commands import CommandResult, accept, answered, run_command
from api.deadlocks import unless_deadlocked
from api.deps import Services
from api.errors import problem
from api.identity import keep_pairs, named_person, one_desk_at_a_time, refuse_likely
from api.tokens import User
from api.viewing import purpose_of
from definitions.coverage import CoverageInterval
from definitions.episode import Diagnosis, OpenEpisode
from definitions.errors import ErrorType, Refusal
from definitions.identity import Settled
from definitions.ids import derived, episode_id_of
from definitions.referral import CoverageDetails, ImportProblem, Referral
from definitions.vocabulary import OPEN_PHASES, CoverageReason, Role
from interchange.fhir.referral import read_referral
from rules.calendar import facility_date
from rules.coverage import enrolled
from runtime.people import MEMBER, NAME_BIRTH, open_person, seal_again, seal_new, tokens_of
from storage.models import Episode, Person
from storage.repositories import coverage, work
from storage.repositories import person as persons
from storage.repositories.command import Remembered
from storage.repositories.person import lock_person
from storage.repositories.viewing import note_view
from storage.scope import HouseAct

NOTHING_SAID = Settled()


@dataclass(frozen=True, slots=True)
class OnRecord:
    person_id: UUID
    coverage_id: UUID


async def read_bundle(
    services: Services, bundle: Any, *, facility: str | None, level: str | None = None
) -> Referral | tuple[ImportProblem, ...]:
    """The referral a FHIR bundle holds, or what is wrong with it. Payers are known by key, payer id and name."""
    payers = services.catalog.latest.payers
    names = {name: p.key for p in payers.values() for name in (p.name, p.payer_id, p.key) if name}
    return read_referral(
        bundle,
        names,
        facility=facility,
        level=level,
        kinds={p.key: p.kind for p in payers.values()},
        today=(await services.clock.now()).date(),
    )


async def start_episode(
    services: Services, user: User, key: str, referral: Referral, kind: str = "open_episode",
    settled: Settled = NOTHING_SAID,
) -> CommandResult:  # fmt: skip
    """201 with the episode; a repeat of the key gives the same one. Somebody alike on record is asked about first:
    `settled` is what the caller says of them."""
    _check(services, user, referral)
    body = referral.model_dump(mode="json") | settled.model_dump(mode="json", exclude_defaults=True)

    async def put_on_record() -> tuple[Remembered, OnRecord] | CommandResult:
        async with services.database.write(services.house(HouseAct.REFERRAL, user)) as session:
            stored = await accept(services, session, user, key, kind, body)
            first = answered(stored, 201)
            return first or (stored, await _known_or_new(session, services, user, referral, settled, stored))

    done = await unless_deadlocked(put_on_record)
    if isinstance(done, CommandResult):
        return _located(done)
    stored, record = done
    edition = services.catalog.latest
    result = await run_command(
        services,
        user,
        key,
        kind,
        body,
        lambda now: OpenEpisode(
            key=stored.key,
            actor=user.actor,
            role=Role(user.role),
            now=now,
            episode_id=episode_id_of(stored.key),
            person_id=record.person_id,
            facility=referral.facility,
            coverage_id=record.coverage_id,
            payer=referral.coverages[0].payer,
            requested_level=referral.requested_level,
            source=referral.source,
            edition=edition.name,
            diagnoses=tuple(Diagnosis(code=d.code, rank=d.rank) for d in referral.diagnoses),
        ),
        "open",
        ok_status=201,
    )
    return _located(result)


def _located(result: CommandResult) -> CommandResult:
    episode_id = result.body.get("episode_id")
    headers = {"Location": f"/v1/episodes/{episode_id}"} if episode_id and not result.refused else result.headers
    return CommandResult(result.status_code, result.body, headers)


def _check(services: Services, user: User, referral: Referral) -> None:
    edition = services.catalog.latest
    facility = edition.facilities.get(referral.facility)
    if facility is None:
        raise problem(ErrorType.UNKNOWN_FACILITY, f"no such facility; yours are {', '.join(user.facilities) or 'none'}")
    must_see(user, services, facility.key, "that facility")
    if referral.requested_level not in edition.levels:
        raise problem(ErrorType.UNKNOWN_LEVEL, f"no such level; choose from {', '.join(edition.levels)}")
    for card in referral.coverages:
        if card.payer not in facility.payers:
            raise problem(
                ErrorType.UNKNOWN_PAYER,
                f"{facility.key} has no contract with that payer; choose from {', '.join(facility.payers)}",
            )


async def _same_person(session: AsyncSession, services: Services, referral: Referral) -> UUID | None:
    """Somebody with this name and birth date, or this member id and the same birth date, is on record."""
    born = referral.person.birth_date.isoformat()
    names = [
        (NAME_BIRTH, services.keyring.token(NAME_BIRTH, given, referral.person.family, born))
        for given in referral.person.given
    ]
    for person_id in await persons.people_with(session, names):
        return person_id
    members = [(MEMBER, services.keyring.token(MEMBER, c.member_id)) for c in referral.coverages if c.member_id]
    for person in await persons.people(session, await persons.people_with(session, members)):
        if person.wrapped_key is None:
            continue
        known = open_person(services.keyring, person.id, person.sealed, person.wrapped_key)
        if known.birth_date == referral.person.birth_date:
            return person.id
    return None


async def _known_or_new(
    session: AsyncSession, services: Services, user: User, referral: Referral, settled: Settled, stored: Remembered
) -> OnRecord:
    """The person on record whom the caller names or who is surely the same; else somebody new, if nobody alike is there."""
    await one_desk_at_a_time(session, services, referral)
    known = await named_person(session, services, user, settled) or await _same_person(session, services, referral)
    if known is not None:
        await _refuse_open_elsewhere(session, known, referral, stored)
        return await _put_on_record(session, services, user, referral, stored, known)
    alike = await refuse_likely(session, services, user, referral, settled)
    record = await _put_on_record(session, services, user, referral, stored, None)
    await keep_pairs(
        session, alike, record.person_id, settled, now=stored.accepted_at, actor=user.actor, role=user.role
    )  # fmt: skip
    return record


async def _refuse_open_elsewhere(
    session: AsyncSession, person_id: UUID, referral: Referral, stored: Remembered
) -> None:
    """E04, and a second copy of the same bundle: one open episode per person and facility."""
    open_one = (
        await session.execute(
            select(Episode.id).where(
                Episode.person_id == person_id,
                Episode.facility == referral.facility,
                Episode.phase.in_(OPEN_PHASES),
                Episode.id != episode_id_of(stored.key),
            )
        )
    ).scalar_one_or_none()
    if open_one is not None:
        raise problem(
            ErrorType.EPISODE_OPEN_ELSEWHERE,
            f"this person already has an open episode here ({open_one}); work in that one",
            episode_id=str(open_one),
        )


async def _put_on_record(
    session: AsyncSession, services: Services, user: User, referral: Referral, stored: Remembered, known: UUID | None
) -> OnRecord:
    person_id = known or derived(stored.key, "person")
    existing = await lock_person(session, person_id)
    if existing is None:
        sealed, wrapped = seal_new(services.keyring, person_id, referral.person)
        await persons.add_person(
            session,
            person_id=person_id,
            sealed=sealed,
            wrapped=wrapped,
            tokens=(),
            now=stored.accepted_at,
            facility=referral.facility,
        )
    facility = services.catalog.latest.facilities[referral.facility]
    today = facility_date(stored.accepted_at, facility.zone)
    coverages: list[tuple[UUID, str]] = []
    for details in _in_order(referral.coverages):
        coverage_id = await _enrol(session, services, person_id, details, today, stored)
        coverages.append((coverage_id, details.member_id))
    await _seal_members(session, services, person_id, coverages)
    if existing is not None:
        await note_view(
            session, actor=user.actor, role=user.role, at=stored.accepted_at, purpose=purpose_of(user.role),
            page="referral", people=[person_id], filters={"facility": referral.facility},
        )  # fmt: skip
    return OnRecord(person_id, coverages[0][0])


def _in_order(coverages: tuple[CoverageDetails, ...]) -> list[CoverageDetails]:
    """Each with a place of its own: who names no order, or the same twice, pays in the order the cards came."""
    taken: set[int] = set()
    placed = []
    for details in coverages:
        rank = details.rank
        while rank in taken:
            rank += 1
        taken.add(rank)
        placed.append(details.model_copy(update={"rank": rank}))
    return placed


async def _enrol(
    session: AsyncSession, services: Services, person_id: UUID, details: CoverageDetails, today: date,
    stored: Remembered,
) -> UUID:  # fmt: skip
    """The card's coverage among those the person has. What another open episode is priced by changes with it; its
    people are told."""
    before = await coverage.coverages_of(session, person_id)
    first = details.from_date or min(today, details.through_date or today)
    made = CoverageInterval(
        id=derived(stored.key, "coverage", details.payer, details.rank, first.isoformat()), payer=details.payer,
        rank=details.rank, from_date=first, through_date=details.through_date,
        reaches_back=details.from_date is None,
    )  # fmt: skip
    if any(row.id == made.id for row in before):
        return made.id
    others = await coverage.open_episodes_of(session, person_id, but=episode_id_of(stored.key))
    done = enrolled(before, made, today, elsewhere=bool(others))
    if isinstance(done, Refusal):
        raise problem(done.code, done.detail)
    after, coverage_id = done
    payers = services.catalog.latest.payers
    await coverage.write_coverages(
        session, person_id, before, after, {k: p.kind for k, p in payers.items()}, reason=CoverageReason.REFERRAL,
        actor=stored.actor, now=stored.accepted_at,
    )  # fmt: skip
    for episode_id, facility in others if after != before else ():
        await work.open_item(
            session, item_id=derived(stored.key, "elsewhere", str(episode_id)), episode_id=episode_id,
            facility=facility, kind="coverage_changed_elsewhere", owner_role=Role.BILLER.value,
            why=f"the person's coverages changed from {today.isoformat()} on by another referral: check who pays here",
            opened_at=stored.accepted_at, rule="E38",
        )  # fmt: skip
    return coverage_id


async def _seal_members(
    session: AsyncSession, services: Services, person_id: UUID, coverages: list[tuple[UUID, str]]
) -> None:
    person = await session.get_one(Person, person_id, with_for_update=True)
    if person.wrapped_key is None:
        raise problem(ErrorType.DUPLICATE_PERSON, "this person's record was erased; a privacy officer must decide")
    details = open_person(services.keyring, person_id, person.sealed, person.wrapped_key)
    members = {**details.member_ids, **{c: m for c, m in coverages if m}}
    updated = details.model_copy(update={"member_ids": members})
    if updated != details:
        person.sealed = seal_again(services.keyring, person_id, person.wrapped_key, updated)
        person.version += 1
    await persons.add_tokens(session, person_id, tokens_of(services.keyring, updated))
