"""The ledger of disclosures: intent before bytes leave, outcome after; append-only (D11)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class Disclosure(Base):
    """One departure. Either `consent_id` or `exception` says what it rode on. An intent without an
    outcome counts as disclosed. `notice` is the code of the notice of 42 CFR 2.32 that belongs to it, `scope` the scope of
    the consent as it was signed, `evidence` what an exception requires; ids and codes only. A trigger fills place and
    hashes (`storage/chains.py`)."""

    __tablename__ = "disclosure"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    content: Mapped[str]
    purpose: Mapped[str]
    recipient: Mapped[str]
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    exception: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None]
    fingerprint: Mapped[str]
    intent_at: Mapped[datetime]
    actor: Mapped[str]
    notice: Mapped[str | None]
    scope: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    place: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("ix_disclosure_person", "person_id", "intent_at"),
        Index("uq_disclosure_person_id_place", "person_id", "place", unique=True),
    )


class DisclosureException(Base):
    """A path without consent that somebody declared (domain 3.5), or, with `ends`, the end of one. `person_id` None: about
    no one person (a service agreement, an audit of the house). `evidence` holds ids and codes; words that may name
    somebody are `sealed`, and `words` is the fingerprint of what was sealed. A chain for each person, and one for each
    facility; a trigger fills place and hashes."""

    __tablename__ = "disclosure_exception"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    chain: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    episode_id: Mapped[UUID | None] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    kind: Mapped[str]
    recipient: Mapped[str]
    contents: Mapped[list[Any]]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    evidence: Mapped[dict[str, Any]]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    words: Mapped[str | None]
    ends: Mapped[UUID | None] = mapped_column(ForeignKey("disclosure_exception.id"))
    declared_at: Mapped[datetime]
    declared_by: Mapped[str]
    place: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("ix_disclosure_exception_person", "person_id", "recipient"),
        Index("ix_disclosure_exception_facility", "facility", "recipient", postgresql_where=text("person_id IS NULL")),
        Index("uq_disclosure_exception_ends", "ends", unique=True, postgresql_where=text("ends IS NOT NULL")),
        Index("uq_disclosure_exception_chain_place", "chain", "place", unique=True),
    )


class DisclosureOutcome(Base):
    __tablename__ = "disclosure_outcome"

    disclosure_id: Mapped[UUID] = mapped_column(ForeignKey("disclosure.id"), primary_key=True)
    outcome: Mapped[str]
    at: Mapped[datetime]
    person_id: Mapped[UUID | None]
    """Copied from the disclosure by the trigger: outcomes are one chain per person, like disclosures."""
    place: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (Index("uq_disclosure_outcome_person_id_place", "person_id", "place", unique=True),)
