"""Contesting a determination, and the clocks of a case with their evidence (domain 4.3, AUTH-12, AUTH-13)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import ClockName, DisputeKind, DisputeStatus
from storage.models.base import Base, one_of


class AuthorizationDispute(Base):
    """One way of contesting one determination. `level` counts internal appeals from 1; 0 for the other kinds.
    `file_by`: until when it may be asked for. `representative`: `clinician` or `form` (AUTH-14)."""

    __tablename__ = "authorization_dispute"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("authorization_request.id"))
    """The request whose determination is contested: the first one, also at later levels."""
    kind: Mapped[DisputeKind]
    level: Mapped[int]
    status: Mapped[DisputeStatus]
    expedited: Mapped[bool]
    opened_at: Mapped[datetime]
    file_by: Mapped[datetime | None]
    scheduled_at: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    representative: Mapped[str | None]
    channel: Mapped[str | None]
    """`x12` or `by_hand`."""
    call_reference: Mapped[str | None]
    filed_by: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        one_of("kind", DisputeKind),
        one_of("status", DisputeStatus),
        CheckConstraint("level >= 0", name="level"),
        UniqueConstraint("request_id", "kind", "level", name="uq_authorization_dispute_once"),
    )


class AuthorizationClock(Base):
    """One clock that ran in a case: when it began, paused, stopped and was breached, by which rule. Evidence: rows
    are kept when the case ends. `paused_seconds` is the sum of finished pauses, `paused_at` a running one."""

    __tablename__ = "authorization_clock"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"))
    subject_id: Mapped[UUID]
    """The request or dispute it times."""
    name: Mapped[ClockName]
    regime: Mapped[str]
    rule: Mapped[str]
    """Limit, how it is counted, and its source, in words."""
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    paused_seconds: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    stopped_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """`met`, `breached`, `cancelled`."""

    __table_args__ = (
        one_of("name", ClockName),
        UniqueConstraint("subject_id", "name", "started_at", name="uq_authorization_clock_once"),
        Index("ix_authorization_clock_case", "authorization_id", "started_at"),
    )


class CaseEvidence(Base):
    """Words of a call, a letter or a rationale: free text names people, so it is sealed under the person's key and
    only its id travels (D15, AUTH-12). `kind`: `call`, `rationale`, `letter`, `information`."""

    __tablename__ = "case_evidence"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    recorded_by: Mapped[str]
