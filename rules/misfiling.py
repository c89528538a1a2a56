"""What a fact on the wrong episode may have done, and what is true without it: pure (E03, ASM-01, ASM-03, ASM-05)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from definitions.misfiling import MisfiledKind
from definitions.vocabulary import AssessmentStatus, ContentClass

REVIEW_WITHIN: Final = timedelta(days=1)
"""Privacy looks within a day at what left with somebody else's data: whether it is a breach has to be judged without delay,
and notices run from the day it was found out (domain 3.1, breach; a default of the house)."""
NEVER_CARRIES: Final[dict[MisfiledKind, frozenset[ContentClass]]] = {
    MisfiledKind.ASSESSMENT: frozenset({ContentClass.ELIGIBILITY_QUERY, ContentClass.CLAIM}),
    MisfiledKind.DOCUMENT: frozenset({ContentClass.ELIGIBILITY_QUERY, ContentClass.CLAIM}),
    MisfiledKind.ATTENDANCE: frozenset({ContentClass.ELIGIBILITY_QUERY, ContentClass.COUNSELLING_NOTES}),
    MisfiledKind.MOVEMENT: frozenset({ContentClass.ELIGIBILITY_QUERY, ContentClass.COUNSELLING_NOTES}),
    MisfiledKind.CONSENT: frozenset(),
}
"""What a kind of fact is surely not in; whatever else left may have held it, and is listed."""


def may_have_carried(kind: MisfiledKind, content: str) -> bool:
    """Unknown contents count as carrying it: privacy reads one disclosure too many rather than one too few."""
    return content not in {c.value for c in NEVER_CARRIES[kind]}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One that the wrong result satisfied."""

    id: UUID
    raised_at: datetime
    stay_id: UUID | None


@dataclass(frozen=True, slots=True)
class Result:
    """Another result of the same instrument that stands."""

    id: UUID
    recorded_at: datetime
    completed: bool


@dataclass(frozen=True, slots=True)
class Becomes:
    """What a requirement is without the wrong result."""

    status: AssessmentStatus
    satisfied_by: Result | None = None


def without_it(owed: Requirement, others: Sequence[Result], here: frozenset[UUID | None], *, away: bool) -> Becomes:
    """The first result after it was raised satisfies it, as it would have. With none it is owed again while its stay is
    open (`here`, None for intake), rests while the person is away (ASM-03), and is owed no more once the stay has ended."""
    later = [r for r in others if r.recorded_at >= owed.raised_at]
    if later:
        first = min(later, key=lambda r: (r.recorded_at, r.id))
        return Becomes(AssessmentStatus.COMPLETED if first.completed else AssessmentStatus.REFUSED, first)
    if owed.stay_id not in here:
        return Becomes(AssessmentStatus.CANCELLED)
    return Becomes(AssessmentStatus.SUSPENDED if away else AssessmentStatus.DUE)
