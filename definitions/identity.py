"""Whether two records are one person: what is asked, how alike they are, and what somebody said about it (E03, E04)."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from definitions.base import WireModel


class NotSameReason(StrEnum):
    """Why two records that look alike are two people; codes, for words would name somebody."""

    TWIN = "twin"
    RELATIVE = "relative"
    SAME_NAME = "same_name"
    DOCUMENT_SEEN = "document_seen"
    OTHER = "other"


class PairStatus(StrEnum):
    PROPOSED = "proposed"
    DISMISSED = "dismissed"
    MERGED = "merged"


class Sketch(WireModel):
    """What is known of somebody who may be on record; every part may be missing. Says nothing when printed."""

    family: str | None = None
    given: tuple[str, ...] = ()
    birth_date: date | None = None
    birth_year: int | None = None
    gender: str = "U"
    member_ids: tuple[str, ...] = ()

    @property
    def year(self) -> int | None:
        return self.birth_date.year if self.birth_date is not None else self.birth_year

    def __repr__(self) -> str:
        return "Sketch(***)"

    __str__ = __repr__


class Likeness(WireModel):
    """`rank` 0 to 100; `reasons` in words without values. `likely`: too alike to start anew without a word."""

    rank: int = 0
    reasons: tuple[str, ...] = ()
    likely: bool = False


class Settled(WireModel):
    """What whoever starts an episode says about people who look alike: it is one of them, or none of them and why."""

    existing_person: UUID | None = None
    not_duplicates_of: tuple[UUID, ...] = ()
    reason: NotSameReason | None = None


class MergeReason(StrEnum):
    """How it is known that two records are one person, or that they are not; codes, for words would name somebody."""

    DOCUMENT_SEEN = "document_seen"
    PERSON_CONFIRMED = "person_confirmed"
    PAYER_CONFIRMED = "payer_confirmed"
    OTHER = "other"


class MergeAct(StrEnum):
    """What a merge does to one row."""

    MOVED = "moved"
    KEPT = "kept"
    """Stays under the old record and is read through the alias: the database allows it nowhere else."""
    VOIDED = "voided"
    RERANKED = "reranked"
    SUPERSEDED = "superseded"


class MergeStep(WireModel):
    """One row of a merge's plan. `why` in words with ids and codes only, where somebody has to look."""

    kind: str
    row_id: UUID
    act: MergeAct
    why: str | None = None
    twin: UUID | None = None
    """The row that stands in its place."""
    rank: int | None = None
