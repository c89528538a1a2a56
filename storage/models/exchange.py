"""What was sent to and received from partners, sealed; and control numbers without gaps (AUTH, issue 3)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class ExchangeMessage(Base):
    """`direction`: `out` or `in`. The body is sealed under the person's key when the person is known,
    under the house key otherwise. `status`: out: `intent`, `sent`, `unknown`, `failed`; in: `received`,
    `matched`, `orphan`, `refused`."""

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

    __table_args__ = (
        Index("ix_exchange_message_subject", "subject_id", "at"),
        UniqueConstraint("partner", "direction", "fingerprint", name="uq_exchange_message_once"),
        Index("ix_exchange_message_orphan", "partner", "at", postgresql_where=text("status = 'orphan'")),
    )


class ControlNumber(Base):
    """The last interchange control number used with a partner; taken in the sending transaction."""

    __tablename__ = "control_number"

    partner: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int]
