"""Clinical documents: what was filed, sealed under its person's key; a change is another version (domain 3.1, 3.5)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, false, text
from sqlalchemy.orm import Mapped, mapped_column

from definitions.document import DocumentSource, DocumentType, VoidReason
from definitions.vocabulary import ContentClass
from storage.models.base import Base, one_of


class ClinicalDocument(Base):
    """One version of one document. What it is never changes; signatures, and what makes it count no more, are written once
    (a trigger holds both). `sealed` is its bytes under the person's key, emptied when the person is erased; `sha256` is of
    the plain bytes. `version` counts from 1, `supersedes` names the version before."""

    __tablename__ = "clinical_document"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    episode_id: Mapped[UUID] = mapped_column(ForeignKey("episode.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facility.key"))
    kind: Mapped[DocumentType]
    content_class: Mapped[ContentClass]
    author: Mapped[str]
    service_date: Mapped[date]
    stay_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    authorization_id: Mapped[UUID | None]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    source: Mapped[DocumentSource]
    received_at: Mapped[datetime]
    received_by: Mapped[str]
    needs_cosign: Mapped[bool] = mapped_column(Boolean, server_default=false())
    version: Mapped[int]
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("clinical_document.id"))
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    cosigned_at: Mapped[datetime | None]
    cosigned_by: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[str | None]
    void_reason: Mapped[VoidReason | None]

    __table_args__ = (
        one_of("kind", DocumentType),
        one_of("content_class", ContentClass),
        one_of("source", DocumentSource),
        one_of("void_reason", VoidReason),
        # The class follows from the type, so no second field can file a counselling note as a chart note (E23).
        CheckConstraint("(kind = 'counselling_note') = (content_class = 'counselling_notes')", name="notes_apart"),
        # Names, not roles: somebody whose role changed is still themselves.
        CheckConstraint(
            "cosigned_by IS NULL OR substring(cosigned_by FROM position(':' IN cosigned_by) + 1) "
            "<> substring(signed_by FROM position(':' IN signed_by) + 1)",
            name="two_hands",
        ),
        Index("ix_clinical_document_episode", "episode_id", "service_date", "id"),
        Index("ix_clinical_document_person", "person_id"),
        Index("uq_clinical_document_supersedes", "supersedes", unique=True),
        Index(
            "ix_clinical_document_unsigned", "author", "received_at",
            postgresql_where=text("signed_at IS NULL AND voided_at IS NULL"),
        ),
    )  # fmt: skip
