"""Every column of bytes, and what its bytes are: the one list that rotation, deletion and the leak test go by.

A new LargeBinary column needs a line here (tests/storage/test_sealed.py says so)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from storage.models import CaseEvidence, ClinicalDocument, Consent, ExchangeMessage, Guardian, PatientExport, Person


class Kept(StrEnum):
    """What stands in a column of bytes."""

    UNDER_PERSON_KEY = "under_person_key"
    """Sealed by the data key of the person it is about: gone with that key."""
    UNDER_HOUSE_KEY = "under_house_key"
    """Sealed by a key of the house, and sealed again at a rotation."""
    DIGEST = "digest"
    """A hash or a token, keyed or of something random: it shows nobody."""


SEALED: Final[dict[str, Kept]] = {
    "person.sealed": Kept.UNDER_PERSON_KEY,
    "person.wrapped_key": Kept.UNDER_HOUSE_KEY,
    "person_token.token": Kept.DIGEST,
    "case_evidence.sealed": Kept.UNDER_PERSON_KEY,
    # A file, or a piece of one, about nobody we know stands under the house key until somebody says whose it is.
    "exchange_message.sealed": Kept.UNDER_PERSON_KEY,
    "clinical_document.sealed": Kept.UNDER_PERSON_KEY,
    "consent.rendering": Kept.UNDER_PERSON_KEY,
    "guardian.sealed": Kept.UNDER_PERSON_KEY,
    "patient_export.sealed_bundle": Kept.UNDER_PERSON_KEY,
    "patient_export.sealed_pdf": Kept.UNDER_PERSON_KEY,
    "break_glass.sealed": Kept.UNDER_PERSON_KEY,
    # Words of staff: their bytes name the record whose key opens them, erasure goes by storage/staff_words.py.
    "transition.sealed_rationale": Kept.UNDER_PERSON_KEY,
    "transition.sealed_decision_reason": Kept.UNDER_PERSON_KEY,
    "movement.sealed_reason": Kept.UNDER_PERSON_KEY,
    "open_item.sealed_resolution": Kept.UNDER_PERSON_KEY,
    "alert.sealed_cleared_reason": Kept.UNDER_PERSON_KEY,
    "consent.sealed_reason": Kept.UNDER_PERSON_KEY,
    "assessment.sealed_answers": Kept.UNDER_PERSON_KEY,
    "charge_exception.sealed_resolution": Kept.UNDER_PERSON_KEY,
    "charge.sealed_void_reason": Kept.UNDER_PERSON_KEY,
    "disclosure_exception.sealed": Kept.UNDER_PERSON_KEY,
    "disclosure_exception.prev_hash": Kept.DIGEST,
    "disclosure_exception.hash": Kept.DIGEST,
    "web_session.id": Kept.DIGEST,
    "payer_client.secret_hash": Kept.DIGEST,
    "disclosure.prev_hash": Kept.DIGEST,
    "disclosure.hash": Kept.DIGEST,
    "disclosure_outcome.prev_hash": Kept.DIGEST,
    "disclosure_outcome.hash": Kept.DIGEST,
    "audit_entry.prev_hash": Kept.DIGEST,
    "audit_entry.hash": Kept.DIGEST,
    "chain_head.head": Kept.DIGEST,
}


@dataclass(frozen=True, slots=True)
class HouseSealed:
    """A column whose bytes a rotation seals again. `owned`: rows of a person are under that person's key instead."""

    name: str
    id: InstrumentedAttribute[UUID]
    bytes: InstrumentedAttribute[Any]
    where: tuple[Any, ...] = ()


UNDER_HOUSE_KEY: Final = (
    HouseSealed("person.wrapped_key", Person.id, Person.wrapped_key, (Person.wrapped_key.is_not(None),)),
    HouseSealed(
        "exchange_message.sealed", ExchangeMessage.id, ExchangeMessage.sealed,
        (ExchangeMessage.person_id.is_(None), func.length(ExchangeMessage.sealed) > 0),
    ),
)  # fmt: skip
PERSONAL: Final = (
    CaseEvidence.sealed,
    ExchangeMessage.sealed,
    ClinicalDocument.sealed,
    Consent.rendering,
    Guardian.sealed,
    PatientExport.sealed_bundle,
    PatientExport.sealed_pdf,
)
"""Columns beside `person` that a person's key opens."""


def _name_of_key(column: InstrumentedAttribute[Any]) -> Any:
    """The id of the key, from the head of the sealed bytes (runtime/keyring.py)."""
    return func.convert_from(func.substr(column, 2, func.get_byte(column, 0)), literal("SQL_ASCII"))


async def counts_by_key(session: AsyncSession, sealed: HouseSealed) -> dict[str, int]:
    """How many rows stand under each key."""
    name = _name_of_key(sealed.bytes).label("key")
    rows = await session.execute(select(name, func.count()).where(*sealed.where).group_by(name))
    return {str(key): int(count) for key, count in rows}


async def rows_under_others(
    session: AsyncSession, sealed: HouseSealed, current: str, *, after: UUID | None, limit: int
) -> list[tuple[UUID, bytes]]:
    """The next rows in order of their ids that another key sealed, locked: each is sealed again in this transaction."""
    query = select(sealed.id, sealed.bytes).where(*sealed.where, _name_of_key(sealed.bytes) != current)
    if after is not None:
        query = query.where(sealed.id > after)
    rows = await session.execute(query.order_by(sealed.id).limit(limit).with_for_update())
    return [(row_id, bytes(value)) for row_id, value in rows]


async def put(session: AsyncSession, sealed: HouseSealed, again: Sequence[tuple[UUID, bytes]]) -> None:
    for row_id, value in again:
        await session.execute(update(sealed.id.class_).where(sealed.id == row_id).values({sealed.bytes.key: value}))
