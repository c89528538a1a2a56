"""What staff wrote in their own words, opened for an answer or a page: whoever reads is on record first, as with names and
other sealed words (D15). Where nothing is left to open, nothing is opened and nobody noted."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Services
from api.errors import problem
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from definitions.staff_words import Words
from runtime.keyring import SealBroken
from runtime.staff_words import WordOpener, owner_of, seal_words
from storage.models import Charge, Episode, Movement, Transition
from storage.repositories.person import wrapped_keys
from storage.repositories.viewing import note_view

log = structlog.get_logger()


class Spoken:
    """The words of rows whose opening is on record. None: nothing was said, or the person was erased."""

    def __init__(self, opener: WordOpener | None) -> None:
        self._opener = opener

    def rationale(self, t: Transition) -> str | None:
        return self._read(Words.RATIONALE, t.id, t.sealed_rationale, t.rationale)

    def decision(self, t: Transition) -> str | None:
        return self._read(Words.DECISION_REASON, t.id, t.sealed_decision_reason, t.decision_reason)

    def movement(self, m: Movement) -> str | None:
        return self._read(Words.MOVEMENT_REASON, m.id, m.sealed_reason, m.reason)

    def void(self, c: Charge) -> str | None:
        return self._read(Words.VOID_REASON, c.id, c.sealed_void_reason, c.void_reason)

    def _read(self, place: Words, row_id: UUID, sealed: bytes | None, clear: str | None) -> str | None:
        if self._opener is None:
            return None
        try:
            return self._opener.read(place, row_id, sealed, clear) or None
        except SealBroken:
            log.error("words_not_opened", place=place.value, row=str(row_id))
            return None


NOT_SHOWN = Spoken(None)
"""For a page whose view could not be recorded."""


async def open_words(held: Services, session: AsyncSession, rows: Sequence[Transition | Movement | Charge]) -> Spoken:
    """For a view that is on record already."""
    keys = await wrapped_keys(session, [owner_of(sealed) for sealed in _sealed(rows)])
    return Spoken(WordOpener(held.keyring, keys))


async def note_and_open(
    held: Services, user: User, page: str, people: Sequence[UUID], filters: dict[str, Any],
    rows: Sequence[Transition | Movement | Charge],
) -> Spoken:  # fmt: skip
    """One audit entry for the answer, then its words. Call it after the answer's own reading is over. Raises a problem when
    the entry cannot be written: a caller could not tell words that are withheld from words that were never said."""
    if not any(map(_says, rows)) and not _sealed(rows):
        return Spoken(WordOpener(held.keyring, {}))
    try:
        async with held.write(user) as session:
            await note_view(
                session, actor=user.actor, role=user.role, at=await held.clock.now(), purpose=purpose_of(user.role),
                page=page, people=sorted(set(people)), filters=filters,
            )  # fmt: skip
            return await open_words(held, session, rows)
    except SQLAlchemyError as error:
        log.error("view_not_recorded", page=page, count=len(people), problem=type(error).__name__)
        raise problem(
            ErrorType.UNAVAILABLE,
            "who reads cannot be put on record at the moment, so nothing is opened; try again soon",
        ) from None


def _says(row: Transition | Movement | Charge) -> bool:
    """In clear, by a process of before; the house says why it voided a charge in its own words."""
    if isinstance(row, Charge):
        return row.tombstone and bool(row.void_reason)
    if isinstance(row, Movement):
        return bool(row.reason)
    return bool(row.rationale or row.decision_reason)


def _sealed(rows: Sequence[Transition | Movement | Charge]) -> list[bytes]:
    found: list[bytes | None] = []
    for row in rows:
        if isinstance(row, Charge):
            found.append(row.sealed_void_reason)
        elif isinstance(row, Movement):
            found.append(row.sealed_reason)
        else:
            found += [row.sealed_rationale, row.sealed_decision_reason]
    return [sealed for sealed in found if sealed]


async def sealer(
    held: Services, session: AsyncSession, episode_id: UUID
) -> Callable[[Words, UUID, str], bytes]:  # fmt: skip
    """Seals words under the key of whom the episode is about."""
    owner = (await session.get_one(Episode, episode_id)).person_id
    wrapped = (await wrapped_keys(session, [owner])).get(owner)
    return lambda place, row_id, text: seal_words(held.keyring, owner, wrapped, place, row_id, text)
