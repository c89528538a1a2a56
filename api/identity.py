"""Is this person on record already? Asked before anybody is put on record (E02, E03, E04). Answers hold ids and reasons in
words; a name is opened only to be compared, and who asked, with whom it hit, is on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import scope
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from definitions.identity import Likeness, NotSameReason, PairStatus, Settled, Sketch
from definitions.person import PersonDetails
from definitions.referral import Referral
from definitions.vocabulary import Role
from rules.identity import PROPOSED_FROM, SHOWN_FROM, likeness
from runtime.keyring import SealBroken
from runtime.people import MEMBER, SOUND_BIRTH, SOUND_NAMES, alike_tokens, open_person, tokens_of
from storage.models import Person
from storage.reach import Reach
from storage.reads import identity as reads
from storage.repositories import command as memory
from storage.repositories import identity, timeline
from storage.repositories.person import add_tokens, people
from storage.repositories.viewing import note_view
from storage.scope import HouseAct

SHOWN_MOST: Final = 20
PAIRS_MOST: Final = 500
"""Pairs judged by one look for duplicates; another look goes on where it ended."""
RETOLD_MOST: Final = 2000
HOUSE_CHAIN: Final = timeline.HOUSE


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody on record who is like the one asked for."""

    person_id: UUID
    alike: Likeness


def sketch_of(referral: Referral) -> Sketch:
    who = referral.person
    given = (*who.given, *([who.preferred_name] if who.preferred_name else []))
    members = tuple(c.member_id for c in referral.coverages if c.member_id)
    return Sketch(
        family=who.family, given=given, birth_date=who.birth_date, gender=who.gender, member_ids=members
    )  # fmt: skip


def sketch_of_person(details: PersonDetails) -> Sketch:
    given = (*details.given, *([details.preferred_name] if details.preferred_name else []))
    return Sketch(
        family=details.family, given=given, birth_date=details.birth_date, gender=details.gender,
        member_ids=tuple(details.member_ids.values()),
    )  # fmt: skip


async def hits(session: AsyncSession, services: Services, asked: Sketch, facilities: Reach) -> list[Hit]:
    """Everybody visible who is alike enough to be shown, most alike first; a record that was merged leads to the one that
    stands for it."""
    found: dict[UUID, Hit] = {}
    for person in await reads.candidates(session, alike_tokens(services.keyring, asked), facilities):
        details = opened(services, person)
        if details is None:
            continue
        alike = likeness(asked, details)
        stands = person.merged_into or person.id
        if alike.rank >= SHOWN_FROM and (stands not in found or found[stands].alike.rank < alike.rank):
            found[stands] = Hit(stands, alike)
    return sorted(found.values(), key=lambda hit: (-hit.alike.rank, hit.person_id))


def opened(services: Services, person: Person) -> PersonDetails | None:
    """None: the person was erased."""
    if person.wrapped_key is None:
        return None
    try:
        return open_person(services.keyring, person.id, person.sealed, person.wrapped_key)
    except SealBroken:
        return None


async def search(services: Services, user: User, asked: Sketch) -> dict[str, Any]:
    """On record before it is answered: who searched, by which parts, and whom it hit; never what was searched for."""
    mine = scope(user, services)
    now = await services.clock.now()
    async with services.database.write(services.house(HouseAct.ALIKE, user)) as session:
        found = (await hits(session, services, asked, mine))[:SHOWN_MOST]
        ids = [hit.person_id for hit in found]
        episodes = await reads.episodes_of(session, ids, mine)
        await note_view(
            session, actor=user.actor, role=user.role, at=now, purpose=purpose_of(user.role), page="people/search",
            people=ids, filters={"by": sorted(asked.model_dump(exclude_defaults=True))},
        )  # fmt: skip
    return {"items": [_shown(hit, episodes[hit.person_id]) for hit in found]}


def _shown(hit: Hit, episodes: Sequence[reads.EpisodeOf]) -> dict[str, Any]:
    return {
        "person_id": str(hit.person_id), "rank": hit.alike.rank, "likely": hit.alike.likely,
        "reasons": list(hit.alike.reasons),
        "episodes": [
            {"id": str(e.id), "facility": e.facility, "phase": e.phase, "level": e.level} for e in episodes
        ],
    }  # fmt: skip


# --- before somebody is put on record ---------------------------------------------------------------------------


async def one_desk_at_a_time(session: AsyncSession, services: Services, referral: Referral) -> None:
    """Two desks with the same newcomer: the second looks once the first is done."""
    wanted = [t for t in alike_tokens(services.keyring, sketch_of(referral)) if t[0] in (SOUND_BIRTH, MEMBER)]
    await identity.one_at_a_time(session, wanted)


async def named_person(session: AsyncSession, services: Services, user: User, settled: Settled) -> UUID | None:
    """The person the caller says it is; unknown and hidden are the same."""
    wanted = settled.existing_person
    if wanted is None:
        return None
    if wanted not in await reads.visible_people(session, [wanted], scope(user, services)):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: person {wanted}")
    (person,) = await people(session, [wanted])
    return person.merged_into or person.id


async def refuse_likely(
    session: AsyncSession, services: Services, user: User, referral: Referral, settled: Settled
) -> list[Hit]:
    """Raises a problem that lists who is too alike, unless the caller said of each that it is somebody else. Answers
    everybody alike, for the pairs that stay to be looked at."""
    if settled.not_duplicates_of and settled.reason is None:
        raise problem(ErrorType.INVALID_REQUEST, "say why these are other people: not_duplicates_reason is missing")
    mine = scope(user, services)
    found = await hits(session, services, sketch_of(referral), mine)
    unsettled = [h for h in found if h.alike.likely and h.person_id not in settled.not_duplicates_of][:SHOWN_MOST]
    if unsettled:
        episodes = await reads.episodes_of(session, [h.person_id for h in unsettled], mine)
        raise problem(
            ErrorType.DUPLICATE_PERSON,
            "this person is probably on record already: name existing_person, or say with not_duplicates_of and "
            "not_duplicates_reason that these are other people",
            candidates=[_shown(h, episodes[h.person_id]) for h in unsettled],
        )
    return found


async def keep_pairs(
    session: AsyncSession, found: Sequence[Hit], person_id: UUID, settled: Settled, *, now: datetime, actor: str,
    role: str,
) -> None:  # fmt: skip
    """What was said about each stays; who is alike and was not spoken of waits in the queue."""
    for hit in found:
        said = settled.reason if hit.person_id in settled.not_duplicates_of else None
        if said is None and hit.alike.rank < PROPOSED_FROM:
            continue
        await identity.propose(session, person_id, hit.person_id, hit.alike, now=now, actor=actor, dismissed=said)
        if said is not None:
            _noted(session, person_id, hit.person_id, said, now=now, actor=actor, role=role)


def _noted(
    session: AsyncSession, one: UUID, other: UUID, reason: NotSameReason, *, now: datetime, actor: str, role: str
) -> None:
    timeline.audit(
        session, chain=HOUSE_CHAIN, at=now, actor=actor, role=role, action="told_apart",
        subject=f"pair/{identity.pair_id(one, other)}", purpose="operations",
        detail={"people": sorted([str(one), str(other)]), "reason": reason.value},
    )  # fmt: skip


# --- the queue of pairs -----------------------------------------------------------------------------------------


async def look_for_pairs(services: Services, user: User, key: str) -> CommandResult:
    """Everybody visible against everybody by common tokens, in one statement; those alike enough are proposed. People
    whose record is older than the wider search get its tokens first."""
    mine = scope(user, services)
    async with services.database.write(services.house(HouseAct.ALIKE, user)) as session:
        stored = await accept(services, session, user, key, "look_for_pairs", {})
        first = answered(stored)
        if first is not None:
            return first
        retold = await _retell(session, services, mine)
        met = await reads.pairs_that_meet(session, (SOUND_BIRTH, SOUND_NAMES, MEMBER), mine, PAIRS_MOST)
        details = {
            p.id: opened(services, p) for p in await people(session, sorted({i for pair in met for i in pair}))
        }  # fmt: skip
        await note_view(
            session, actor=user.actor, role=user.role, at=stored.accepted_at, purpose=purpose_of(user.role),
            page="people/duplicates", people=sorted(details), filters={"compared": len(met)},
        )  # fmt: skip
        proposed = 0
        for one, other in met:
            mine_, theirs = details[one], details[other]
            if mine_ is None or theirs is None:
                continue
            alike = likeness(sketch_of_person(mine_), theirs)
            if alike.rank >= PROPOSED_FROM or alike.likely:
                proposed += await identity.propose(
                    session, one, other, alike, now=stored.accepted_at, actor=user.actor
                )  # fmt: skip
        answer = {"compared": len(met), "proposed": proposed, "tokens_added_to": retold, "more": len(met) == PAIRS_MOST}
        await memory.finish(
            session, key=stored.key, kind="look_for_pairs", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})


async def _retell(session: AsyncSession, services: Services, facilities: Reach) -> int:
    count = 0
    for person in await reads.without_token(session, SOUND_BIRTH, facilities, RETOLD_MOST):
        details = opened(services, person)
        if details is not None:
            await add_tokens(session, person.id, tokens_of(services.keyring, details))
            count += 1
    return count


async def dismiss(services: Services, user: User, key: str, pair: UUID, reason: NotSameReason) -> CommandResult:
    """These are two people. Kept, so that nobody is asked again."""
    async with services.database.write(services.house(HouseAct.ALIKE, user)) as session:
        row = await identity.lock_pair(session, pair)
        both = [row.one_id, row.other_id] if row is not None else []
        if row is None or len(await reads.visible_people(session, both, scope(user, services))) < len(both):
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: pair {pair}")
        stored = await accept(services, session, user, key, "dismiss_pair", {"pair": str(pair), "reason": reason.value})
        first = answered(stored)
        if first is not None:
            return first
        if row.status is not PairStatus.PROPOSED:
            raise problem(ErrorType.ALREADY_DECIDED, f"the pair is {row.status.value} already")
        identity.decide(row, PairStatus.DISMISSED, reason=reason.value, actor=user.actor, now=stored.accepted_at)
        _noted(
            session, row.one_id, row.other_id, reason, now=stored.accepted_at, actor=user.actor,
            role=Role(user.role).value,
        )  # fmt: skip
        answer = {"pair_id": str(pair), "status": PairStatus.DISMISSED.value, "version": row.version}
        await memory.finish(
            session, key=stored.key, kind="dismiss_pair", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})
