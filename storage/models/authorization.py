"""Authorization cases: one payer, one stay; their requests and the payer's decisions (domain 4.4)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import AuthorizationStatus, RequestKind
from storage.models.base import Base, one_of

LANE = """(
CASE
    WHEN status::text = 'not_required'::text THEN 3
    WHEN next_action_owner = 'payer'::text THEN 2
    WHEN last_covered_day IS NULL THEN 1
    ELSE 0
END)"""
"""Where a case stands on the worklist: 0 covered and something is due, 1 nothing is granted, 2 the payer's turn,
3 nothing is needed. Indexes hold it, in the words that PostgreSQL gives back, so that model and migration compare."""

DUE = """(
CASE
    WHEN next_action_at IS NULL THEN '-infinity'::timestamp with time zone
    ELSE next_action_at
END)"""
"""When the next action is due; one without a date comes first: as soon as somebody can. A CASE, for beneath a policy an index
is not searched by COALESCE (docs/performance.md, Row security)."""


class Authorization(Base):
    """`last_covered_day` is inclusive (AUTH-06). `stay_id` None: asked ahead of admission.
    `why` is the sentence behind the status."""

    __tablename__ = "authorization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    coverage_id: Mapped[UUID] = mapped_column(ForeignKey("coverage.id"))
    stay_id: Mapped[UUID | None]
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    payer: Mapped[str]
    level: Mapped[str]
    status: Mapped[AuthorizationStatus]
    why: Mapped[str]
    unit: Mapped[str]
    requested_units: Mapped[int]
    granted_units: Mapped[int] = mapped_column(default=0)
    granted_level: Mapped[str | None]
    number: Mapped[str | None]
    from_date: Mapped[date]
    last_covered_day: Mapped[date | None]
    review_due_at: Mapped[datetime | None]
    end_dated_on: Mapped[date | None]
    end_dated_by: Mapped[UUID | None]
    """The movement that ended it, and the status it ended from: what a correction goes back to (AUTH-08)."""
    ended_from: Mapped[AuthorizationStatus | None]
    owner: Mapped[str | None]
    transition_id: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    review_status: Mapped[AuthorizationStatus | None]
    """What became of the newest question to the payer; `status` keeps saying what is granted meanwhile."""
    next_action: Mapped[str | None]
    """What the case needs next (rules/next_action.py), None when nothing; the worklist reads it."""
    next_action_at: Mapped[datetime | None]
    next_action_why: Mapped[str | None]
    next_action_owner: Mapped[str | None]
    """A role, or `payer` while the answer is theirs to give."""
    listed: Mapped[bool] = mapped_column(Boolean, server_default=true())
    """On the worklist: false once nobody owes anything in this case."""

    __table_args__ = (
        one_of("status", AuthorizationStatus),
        one_of("review_status", AuthorizationStatus),
        one_of("ended_from", AuthorizationStatus),
        Index("ix_authorization_need", "facility", text(LANE), text(DUE), "id", postgresql_where=text("listed")),
        Index(
            "ix_authorization_row", "facility", "episode_id", "payer", text(LANE), text(DUE), "id",
            postgresql_where=text("listed"),
            postgresql_include=["status", "next_action_owner", "last_covered_day", "next_action_at", "owner"],
        ),
        Index("ix_authorization_episode", "episode_id"),
        Index("ix_authorization_number", "payer", "number"),
    )  # fmt: skip


class AuthorizationRequest(Base):
    """One question to the payer. `trace` (TRN02) is the correlation key and never reused."""

    __tablename__ = "authorization_request"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"), index=True)
    kind: Mapped[RequestKind]
    status: Mapped[AuthorizationStatus]
    trace: Mapped[str] = mapped_column(unique=True)
    level: Mapped[str]
    unit: Mapped[str]
    units: Mapped[int]
    from_date: Mapped[date]
    through_date: Mapped[date]
    urgent: Mapped[bool]
    requested_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    decision_due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    reference: Mapped[str | None]
    """REF NT, the payer's tracking id while pended."""
    about: Mapped[UUID | None] = mapped_column(ForeignKey("authorization_request.id"))
    """The request this one continues: documents for a pended one, an appeal of a denied one, a cancellation."""
    dispute_id: Mapped[UUID | None]
    delay_reason: Mapped[str | None]
    """UM10 of a late request (domain 4.5)."""
    first_sent_at: Mapped[datetime | None]
    """When the payer's clock began; a resend does not restart it (AUTH-03)."""
    held_at: Mapped[datetime | None]
    """Since when it waits in the payer's queue; the queue goes out oldest first."""
    inquiries: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """How often the payer was asked what became of it (X215)."""
    inquired_at: Mapped[datetime | None]
    wanted_by: Mapped[datetime | None]
    """Until when the payer wants documents (AAA-free pend, HI LOI, MSG)."""
    wanted: Mapped[list[Any] | None]
    """LOINC codes of the documents asked for."""
    ended_from: Mapped[AuthorizationStatus | None]
    """The status from which the end of its case took it back; a correction of the end restores it (AUTH-08)."""
    attachments: Mapped[list[Any] | None]
    """PWK lines this request carries: `kind`, `transmission`, `control_number`."""

    __table_args__ = (
        one_of("kind", RequestKind),
        one_of("status", AuthorizationStatus),
        one_of("ended_from", AuthorizationStatus),
        Index("ix_authorization_request_held", "held_at", postgresql_where=text("status = 'held'")),
        Index("ix_authorization_request_queue", "held_at", "id", postgresql_where=text("held_at IS NOT NULL")),
        Index(
            "ix_authorization_request_undecided",
            "authorization_id",
            "from_date",
            postgresql_where=text(
                "status IN ('ready', 'waiting_consent', 'submitted', 'pended', 'timed_out', 'contact_payer', "
                "'data_problem', 'held', 'information_requested', 'information_sent')"
            ),
        ),
    )


class AuthorizationDecision(Base):
    """One answer, kept for ever; a repeated answer is the same row by fingerprint (E32)."""

    __tablename__ = "authorization_decision"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("authorization_request.id"))
    authorization_id: Mapped[UUID] = mapped_column(ForeignKey("authorization.id"), index=True)
    action: Mapped[str]
    """HCR01, or `AAA` for a data problem, or `999` for a syntax refusal."""
    reason: Mapped[str | None]
    number: Mapped[str | None]
    level: Mapped[str | None]
    unit: Mapped[str | None]
    units: Mapped[int | None]
    from_date: Mapped[date | None]
    through_date: Mapped[date | None]
    information_requested: Mapped[str | None]
    received_at: Mapped[datetime]
    source: Mapped[str]
    message_id: Mapped[UUID | None]
    fingerprint: Mapped[str]
    arrival: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """Order of arrival within the case, from 1."""
    status: Mapped[AuthorizationStatus]
    """What the answer means (rules/payer_answer.py), as judged when it came."""
    superseded_by: Mapped[UUID | None]
    """Arrived after this one and stands instead; an answer that never stood names the one that does."""
    stated_at: Mapped[datetime | None]
    """The payer's own moment of the answer (BHT04, BHT05): orders answers that overtake each other (E32)."""
    call_reference: Mapped[str | None]
    criteria: Mapped[str | None]
    """Name of the criteria a denial rests on (AUTH-12)."""
    reviewer_credentials: Mapped[str | None]
    evidence_id: Mapped[UUID | None]
    recorded_by: Mapped[str | None]

    __table_args__ = (
        one_of("status", AuthorizationStatus),
        UniqueConstraint("request_id", "fingerprint"),
        Index("ix_authorization_decision_live", "authorization_id", postgresql_where=text("superseded_by IS NULL")),
    )
