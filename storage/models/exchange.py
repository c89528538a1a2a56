"""What was sent to and received from partners, sealed; and control numbers without gaps (AUTH, issue 3)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import LineState
from storage.models.base import Base, one_of


class ExchangeMessage(Base):
    """One transaction, by itself, however many came in its file. `direction`: `out` or `in`. The body is sealed
    under the person's key when the person is known, under the house key otherwise. `status`: out: `intent`, `sent`,
    `unknown`, `failed`; in: `received`, `matched`, `quarantined` (with `reason`), `released`, `discarded`;
    `orphan` and `refused` are older words for quarantined."""

    __tablename__ = "exchange_message"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner: Mapped[str]
    direction: Mapped[str]
    kind: Mapped[str]
    control_number: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    fingerprint: Mapped[str]
    status: Mapped[str]
    at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    file_id: Mapped[UUID | None]
    transaction_control: Mapped[str | None]
    """GS06 and ST02 as `group/set`."""
    version: Mapped[str | None]
    reason: Mapped[str | None]
    """Why it is in quarantine: a code of rules/inbound.py."""
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]

    __table_args__ = (
        Index("ix_exchange_message_subject", "subject_id", "at"),
        UniqueConstraint("partner", "direction", "fingerprint", name="uq_exchange_message_once"),
        Index("ix_exchange_message_orphan", "partner", "at", postgresql_where=text("status = 'orphan'")),
        Index("ix_exchange_message_quarantine", "at", "id", postgresql_where=text("status = 'quarantined'")),
        Index("ix_exchange_message_control", "partner", "direction", "control_number"),
    )


class ExchangeFile(Base):
    """One file that a partner sent, without its content: its pieces are kept one by one. The same bytes again get
    the same answer."""

    __tablename__ = "exchange_file"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner: Mapped[str]
    fingerprint: Mapped[str]
    bytes: Mapped[int]
    control_number: Mapped[str | None]
    pieces: Mapped[int]
    answer: Mapped[str]
    """The 999 or TA1 it got; it names places, never content."""
    verdict: Mapped[str]
    """`accepted`, `partly`, `refused`."""
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("partner", "fingerprint", name="uq_exchange_file_once"),)


class PayerCircuit(Base):
    """The circuit to one payer's system: closed while it answers, open while it is down, draining while what was
    held goes out, oldest first. No payer's trouble touches another's row."""

    __tablename__ = "payer_circuit"

    payer: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[LineState]
    failures: Mapped[int] = mapped_column(default=0)
    """In a row; an answer of any kind sets it to 0."""
    opened_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    why: Mapped[str | None]
    changed_at: Mapped[datetime]
    subscription: Mapped[str | None]
    """What its system calls our subscription, where pended answers come by notification."""
    subscribed_at: Mapped[datetime | None]
    """When it was last tried."""
    subscription_why: Mapped[str | None]

    __table_args__ = (one_of("state", LineState),)


class ControlNumber(Base):
    """The last interchange control number used with a partner; taken in the sending transaction."""

    __tablename__ = "control_number"

    partner: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
