"""Changing who pays: the member id is sealed with the person here, the rest is a command by id (D15, E38)."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.bodies import CoverageChangeBody
from api.commands import CommandResult, accept, answered, command_key, run_command
from api.deps import Services
from api.errors import problem
from api.tokens import User
from definitions.episode import ChangeCoverage
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.person import PersonDetails
from definitions.vocabulary import CoverageAct, CoverageKind, Role
from runtime.people import MEMBER, open_person, seal_again, tokens_of
from storage.models import Episode, Person
from storage.repositories.person import add_tokens, drop_tokens, lock_person

KIND = "change_coverage"
NEW = (CoverageAct.SWITCH, CoverageAct.ADD)


async def change_coverage(
    services: Services, user: User, key: str, episode: Episode, body: CoverageChangeBody
) -> CommandResult:
    """One change of coverage. A refused one leaves no member id behind."""
    _check(services, episode, body)
    said = {"episode": str(episode.id), **body.model_dump(mode="json")}
    coverage_id = body.coverage_id or derived(command_key(user, key), "coverage")
    if body.act in NEW:
        coverage_id = derived(command_key(user, key), "coverage")
        first = await _seal_first(services, user, key, episode, body, coverage_id, said)
        if first is not None:
            return first
    result = await run_command(
        services, user, key, KIND, said,
        lambda now: ChangeCoverage(
            key=command_key(user, key), actor=user.actor, role=Role(user.role), now=now, episode_id=episode.id,
            expected_version=body.version, act=body.act, coverage_id=coverage_id, payer=body.payer, rank=body.rank,
            from_date=body.from_date, through_date=body.through_date, reason=body.reason,
        ),
        "change_coverage",
    )  # fmt: skip
    if body.act in NEW and result.refused:
        async with services.write(user) as session:
            await _member(session, services, episode.person_id, coverage_id, "")
    if body.act is CoverageAct.CORRECT and body.member_id and result.status_code == 200:
        async with services.write(user) as session:
            await _member(session, services, episode.person_id, coverage_id, body.member_id)
    return result


def _check(services: Services, episode: Episode, body: CoverageChangeBody) -> None:
    """What can be refused before anything about the person is written."""
    edition = services.catalog.edition(episode.edition)
    facility = edition.facilities[episode.facility]
    payer = edition.payers.get(body.payer) if body.payer else None
    if body.payer is not None and (payer is None or payer.key not in facility.payers):
        raise problem(
            ErrorType.UNKNOWN_PAYER,
            f"{facility.key} has no contract with that payer; choose from {', '.join(facility.payers)}",
        )
    if payer is not None and body.kind is not None and body.kind is not payer.kind:
        raise problem(ErrorType.INVALID_REQUEST, f"{payer.key} is {payer.kind.value}; leave the kind out, or mend it")
    if body.act in NEW:
        if payer is None or body.from_date is None:
            raise problem(ErrorType.INVALID_REQUEST, "say which payer, and from which date")
        if body.coverage_id is not None:
            raise problem(ErrorType.INVALID_REQUEST, "coverage_id belongs to end and correct; a new one gets its own")
        if payer.kind is CoverageKind.INSURANCE and not body.member_id:
            raise problem(ErrorType.INVALID_REQUEST, "an insured person has a member id; check the card")
    elif body.coverage_id is None:
        raise problem(ErrorType.INVALID_REQUEST, "say by coverage_id which coverage you mean")


async def _seal_first(
    services: Services, user: User, key: str, episode: Episode, body: CoverageChangeBody, coverage_id: UUID,
    said: dict[str, Any],
) -> CommandResult | None:  # fmt: skip
    """The member id stands with the person before anybody asks the payer. A repeat gets the first answer."""
    async with services.write(user) as session:
        stored = await accept(services, session, user, key, KIND, said)
        first = answered(stored)
        if first is None and body.member_id:
            await _member(session, services, episode.person_id, coverage_id, body.member_id)
        return first


async def _member(
    session: AsyncSession, services: Services, person_id: UUID, coverage_id: UUID, member_id: str
) -> None:
    """Keep the member id of a coverage in the sealed document and its token in the blind index; empty: forget it."""
    person = await lock_person(session, person_id)
    if person is None or person.wrapped_key is None:
        raise problem(ErrorType.DUPLICATE_PERSON, "this person's record was erased; a privacy officer must decide")
    details = open_person(services.keyring, person_id, person.sealed, person.wrapped_key)
    kept = {c: m for c, m in details.member_ids.items() if c != coverage_id}
    if member_id:
        kept[coverage_id] = member_id
    await _seal(session, services, person, person.wrapped_key, details, kept)


async def _seal(
    session: AsyncSession, services: Services, person: Person, wrapped: bytes, details: PersonDetails,
    members: dict[UUID, str],
) -> None:  # fmt: skip
    updated = details.model_copy(update={"member_ids": members})
    if updated == details:
        return
    person.sealed = seal_again(services.keyring, person.id, wrapped, updated)
    person.version += 1
    gone = set(details.member_ids.values()) - set(members.values())
    await drop_tokens(session, person.id, [(MEMBER, services.keyring.token(MEMBER, m)) for m in sorted(gone)])
    await add_tokens(session, person.id, tokens_of(services.keyring, updated))
