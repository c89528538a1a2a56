"""People who may be meant by a search, and pairs that may be one person: only who the asker may see (E13). Hidden people are
left out by the statement itself, so an answer without them costs the same as one where nobody was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from definitions.identity import PairStatus
from storage.models import Episode, Person, PersonMerge, PersonPair, PersonToken
from storage.reach import Reach

Token = tuple[str, bytes]
CANDIDATES_MOST = 100
"""Records opened for one search at most: those with most in common."""


@dataclass(frozen=True, slots=True)
class EpisodeOf:
    """One episode of somebody found, of a facility the asker may see."""

    id: UUID
    person_id: UUID
    facility: str
    phase: str
    level: str | None


def visible(person_id: InstrumentedAttribute[UUID], facilities: Reach) -> Any:
    """Somebody is known where they have or had an episode, and where they were put on record for their first."""
    knows, record = aliased(Episode), aliased(Person)
    stands = func.coalesce(record.merged_into, record.id)
    return and_(
        facilities.shows(person_id),
        or_(
            exists().where(knows.person_id == person_id, knows.facility.in_(facilities)),
            exists().where(record.id == person_id, record.registered_by.in_(facilities)),
            # A record that was merged is known where the one that stands for it is.
            exists().where(
                record.id == person_id,
                record.merged_into.is_not(None),
                knows.person_id == stands,
                knows.facility.in_(facilities),
            ),
        ),
    )


async def candidates(session: AsyncSession, tokens: Sequence[Token], facilities: Reach) -> list[Person]:
    """Sealed rows of everybody visible whom one of the tokens points to, those with most tokens in common first."""
    if not tokens:
        return []
    by_kind: dict[str, list[bytes]] = {}
    for kind, token in tokens:
        by_kind.setdefault(kind, []).append(token)
    any_of = or_(*(and_(PersonToken.kind == kind, PersonToken.token.in_(some)) for kind, some in by_kind.items()))
    met = (
        select(PersonToken.person_id, func.count().label("common"))
        .where(any_of, visible(PersonToken.person_id, facilities))
        .group_by(PersonToken.person_id)
        .order_by(func.count().desc(), PersonToken.person_id)
        .limit(CANDIDATES_MOST)
        .subquery()
    )
    rows = await session.execute(
        select(Person).join(met, met.c.person_id == Person.id).order_by(met.c.common.desc(), Person.id)
    )
    return list(rows.scalars())


async def episodes_of(session: AsyncSession, people: Sequence[UUID], facilities: Reach) -> dict[UUID, list[EpisodeOf]]:
    rows = await session.execute(
        select(Episode.id, Episode.person_id, Episode.facility, Episode.phase, Episode.level)
        .where(Episode.person_id.in_(people), Episode.facility.in_(facilities), facilities.shows(Episode.id))
        .order_by(Episode.opened_at.desc(), Episode.id)
    )
    found: dict[UUID, list[EpisodeOf]] = {person: [] for person in people}
    for row in rows:
        found[row.person_id].append(EpisodeOf(row.id, row.person_id, row.facility, row.phase.value, row.level))
    return found


async def proposed_pairs(
    session: AsyncSession, facilities: Reach, *, after: tuple[int, UUID] | None, limit: int
) -> list[PersonPair]:
    """Most alike first; only pairs of which both are visible."""
    query = (
        select(PersonPair)
        .where(
            PersonPair.status == PairStatus.PROPOSED,
            visible(PersonPair.one_id, facilities),
            visible(PersonPair.other_id, facilities),
            ~exists().where(Person.id.in_([PersonPair.one_id, PersonPair.other_id]), Person.merged_into.is_not(None)),
        )
        .order_by((-PersonPair.rank), PersonPair.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(-PersonPair.rank, PersonPair.id) > tuple_(-after[0], after[1]))
    return list((await session.execute(query)).scalars())


async def pair_of(session: AsyncSession, pair_id: UUID, facilities: Reach) -> PersonPair | None:
    """The pair, when both are visible."""
    row = await session.get(PersonPair, pair_id)
    if row is None or len(await visible_people(session, [row.one_id, row.other_id], facilities)) < 2:
        return None
    return row


async def joined_lately(session: AsyncSession, facilities: Reach, limit: int) -> list[PersonMerge]:
    """Merges that stand, newest first, of which both records are visible."""
    end = aliased(PersonMerge)
    rows = await session.execute(
        select(PersonMerge)
        .where(
            PersonMerge.ends.is_(None),
            ~exists().where(end.ends == PersonMerge.id),
            visible(PersonMerge.survivor_id, facilities),
            visible(PersonMerge.merged_id, facilities),
        )
        .order_by(PersonMerge.seq.desc())
        .limit(limit)
    )
    return list(rows.scalars())


async def visible_people(session: AsyncSession, people: Sequence[UUID], facilities: Reach) -> set[UUID]:
    rows = await session.execute(select(Person.id).where(Person.id.in_(people), visible(Person.id, facilities)))
    return set(rows.scalars())


async def pairs_that_meet(
    session: AsyncSession, kinds: Sequence[str], facilities: Reach, limit: int
) -> list[tuple[UUID, UUID]]:
    """Pairs of visible people with a token of these kinds in common on whom nobody has an entry yet."""
    one, other = aliased(PersonToken), aliased(PersonToken)
    rows = await session.execute(
        select(one.person_id, other.person_id)
        .join(other, and_(other.kind == one.kind, other.token == one.token, other.person_id > one.person_id))
        .where(
            one.kind.in_(kinds),
            ~exists().where(PersonPair.one_id == one.person_id, PersonPair.other_id == other.person_id),
            ~exists().where(Person.id.in_([one.person_id, other.person_id]), Person.merged_into.is_not(None)),
            visible(one.person_id, facilities),
            visible(other.person_id, facilities),
        )
        .distinct()
        .order_by(one.person_id, other.person_id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


async def without_token(session: AsyncSession, kind: str, facilities: Reach, limit: int) -> list[Person]:
    """Visible people on record who have no token of this kind yet."""
    rows = await session.execute(
        select(Person)
        .where(
            Person.wrapped_key.is_not(None),
            ~exists().where(PersonToken.person_id == Person.id, PersonToken.kind == kind),
            visible(Person.id, facilities),
        )
        .order_by(Person.id)
        .limit(limit)
    )
    return list(rows.scalars())
