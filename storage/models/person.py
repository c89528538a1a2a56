"""People: the only table with identifying columns, sealed; everything else carries ids (D15)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from definitions.vocabulary import CoverageKind
from storage.models.base import Base, one_of


class Person(Base):
    """`sealed` is the encrypted PersonDetails document with member ids by coverage id; `wrapped_key` is
    this person's own data key under the house keyring. Emptying `wrapped_key` erases the person everywhere."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)


class PersonToken(Base):
    """Blind index: HMAC tokens of normalised values (`name`, `name_birth`, `member_id`, `birth_date`)."""

    __tablename__ = "person_token"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)

    __table_args__ = (Index("ix_person_token_lookup", "kind", "token"),)


class Coverage(Base):
    """A person's coverage by one payer over dates; the member id stands sealed in `person`."""

    __tablename__ = "coverage"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    payer: Mapped[str]
    kind: Mapped[CoverageKind] = mapped_column()
    rank: Mapped[int]
    from_date: Mapped[date]
    through_date: Mapped[date | None]

    __table_args__ = (one_of("kind", CoverageKind), UniqueConstraint("person_id", "payer", "rank", "from_date"))
