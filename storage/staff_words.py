"""Where the words of staff stand, in clear and sealed: what the backfill, an erasure and the tests go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from definitions.staff_words import EPISODE_ENDED, HOUSE_RESOLUTIONS, NO_CAPACITY, REFUSED, Words
from definitions.vocabulary import ConsentStatus
from storage.models import (
    Alert,
    Assessment,
    Charge,
    ChargeException,
    Consent,
    Episode,
    Movement,
    OpenItem,
    Person,
    Transition,
)

SIGNATURE_REFUSED: Final = (ConsentStatus.REFUSED, ConsentStatus.UNABLE_TO_SIGN)


@dataclass(frozen=True, slots=True)
class StaffWords:
    """One column of words. `owed` picks the rows where a person's words still stand in clear, as processes wrote
    them before; `emptied` is what stands there once they are sealed."""

    place: Words
    row: Any
    clear: InstrumentedAttribute[Any]
    sealed: InstrumentedAttribute[bytes | None]
    owed: tuple[Any, ...]
    emptied: Any = None


STAFF_WORDS: Final = (
    StaffWords(
        Words.RATIONALE, Transition, Transition.rationale, Transition.sealed_rationale, (Transition.rationale != "",), ""
    ),
    StaffWords(
        Words.DECISION_REASON, Transition, Transition.decision_reason, Transition.sealed_decision_reason,
        (Transition.decision_reason != EPISODE_ENDED,),
    ),
    StaffWords(Words.MOVEMENT_REASON, Movement, Movement.reason, Movement.sealed_reason, (Movement.reason.is_not(None),)),
    StaffWords(
        Words.RESOLUTION, OpenItem, OpenItem.resolution, OpenItem.sealed_resolution,
        (
            OpenItem.resolution.not_in(HOUSE_RESOLUTIONS),
            or_(OpenItem.resolved_by != "system", OpenItem.resolved_by.is_(None)),
        ),
    ),
    StaffWords(
        Words.CLEARED_REASON, Alert, Alert.cleared_reason, Alert.sealed_cleared_reason,
        # An alert of a misfiled assessment names what cleared it (api/misfiled_facts.py).
        (Alert.cleared_reason.is_not(None), ~Alert.cleared_reason.regexp_match("^misfiling [0-9a-f-]{36}$")),
    ),
    StaffWords(
        Words.CONSENT_REASON, Consent, Consent.reason, Consent.sealed_reason,
        (Consent.status.in_(SIGNATURE_REFUSED), Consent.reason.not_in([REFUSED, NO_CAPACITY])),
    ),
    StaffWords(
        Words.EXCEPTION_RESOLUTION, ChargeException, ChargeException.resolution, ChargeException.sealed_resolution,
        (ChargeException.resolution.is_not(None), ChargeException.resolved_by != "system"),
    ),
    StaffWords(
        # Who voided it stands before the words; a merge voids in the house's own.
        Words.VOID_REASON, Charge, Charge.void_reason, Charge.sealed_void_reason,
        (Charge.tombstone, ~Charge.void_reason.regexp_match("^[^:]+:[^:]+: merge [0-9a-f-]{36}: ")),
    ),
    StaffWords(
        Words.ANSWERS, Assessment, Assessment.answers, Assessment.sealed_answers,
        (Assessment.answers != {},), {},
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InClear:
    """Words that are still to be sealed, with whose they are. `wrapped` None: the person was erased, the words go too."""

    row_id: UUID
    person_id: UUID
    wrapped: bytes | None
    said: Any


async def count_in_clear(session: AsyncSession, words: StaffWords) -> int:
    query = select(func.count()).select_from(words.row).where(words.sealed.is_(None), *words.owed)
    return int((await session.execute(query)).scalar_one())


async def next_in_clear(
    session: AsyncSession, words: StaffWords, *, after: UUID | None, limit: int
) -> list[InClear]:  # fmt: skip
    """The next rows in order of their ids, locked until this transaction ends."""
    row = words.row
    query = (
        select(row.id, Person.id, Person.wrapped_key, words.clear)
        .join(Episode, Episode.id == row.episode_id)
        .join(Person, Person.id == Episode.person_id)
        .where(words.sealed.is_(None), *words.owed)
    )
    if after is not None:
        query = query.where(row.id > after)
    found = await session.execute(query.order_by(row.id).limit(limit).with_for_update(of=row))
    return [InClear(*one) for one in found]


async def put_sealed(session: AsyncSession, words: StaffWords, sealed: Mapping[UUID, bytes]) -> None:
    for row_id, value in sealed.items():
        await session.execute(
            update(words.row)
            .where(words.row.id == row_id)
            .values({words.sealed.key: value, words.clear.key: words.emptied})
            .execution_options(synchronize_session=False)
        )


async def forget_words(session: AsyncSession, people: Sequence[UUID]) -> dict[str, int]:
    """Empty the words about people whose keys are destroyed, sealed or still in clear; how many rows of each."""
    counts = {}
    mine = select(Episode.id).where(Episode.person_id.in_(people))
    for words in STAFF_WORDS:
        left = or_(func.length(words.sealed) > 0, words.sealed.is_(None) & _all(words.owed))
        made: Any = await session.execute(
            update(words.row)
            .where(words.row.episode_id.in_(mine), left)
            .values({words.sealed.key: b"", words.clear.key: words.emptied})
            .execution_options(synchronize_session=False)
        )
        counts[words.place.value] = int(made.rowcount)
    return counts


async def words_left(session: AsyncSession, people: Any) -> dict[str, int]:
    """What still stands about them, sealed or in clear."""
    found = {}
    mine = select(Episode.id).where(Episode.person_id.in_(people))
    for words in STAFF_WORDS:
        left = or_(func.length(words.sealed) > 0, words.sealed.is_(None) & _all(words.owed))
        query = select(func.count()).select_from(words.row).where(words.row.episode_id.in_(mine), left)
        found[words.place.value] = int((await session.execute(query)).scalar_one())
    return found


def _all(conditions: Sequence[Any]) -> Any:
    joined = conditions[0]
    for one in conditions[1:]:
        joined = joined & one
    return joined
