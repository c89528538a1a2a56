"""Movements and what they add up to: stays, absences and beds (D14)."""

from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.vocabulary import MovementKind, Track


class MovementFact(WireModel):
    """One recorded movement. `sequence` orders facts with the same `effective_at`."""

    id: UUID
    kind: MovementKind
    effective_at: Moment
    sequence: int
    supersedes: UUID | None = None
    level: str | None = None
    program: str | None = None
    track: Track | None = None
    bed_id: str | None = None
    expected_return_at: Moment | None = None


class ProjectedStay(WireModel):
    """`id` derives from the movement that first began the stay, so a correction keeps it."""

    id: UUID
    level: str
    program: str
    track: Track
    started_at: Moment
    ended_at: Moment | None = None
    arrival: str
    departure: str | None = None


class ProjectedAbsence(WireModel):
    id: UUID
    stay_id: UUID
    kind: MovementKind
    left_at: Moment
    returned_at: Moment | None = None
    expected_return_at: Moment | None = None


class ProjectedBed(WireModel):
    id: UUID
    stay_id: UUID
    bed_id: str
    from_at: Moment
    to_at: Moment | None = None


class Projection(WireModel):
    """Where a person was, as the facts say. `closed_at` set: discharged or died."""

    stays: tuple[ProjectedStay, ...] = ()
    absences: tuple[ProjectedAbsence, ...] = ()
    beds: tuple[ProjectedBed, ...] = ()
    closed_at: Moment | None = None
    closed_by: MovementKind | None = None

    @property
    def open_stays(self) -> tuple[ProjectedStay, ...]:
        return tuple(s for s in self.stays if s.ended_at is None)

    @property
    def main(self) -> ProjectedStay | None:
        """The stay an episode is shown at: the bed if there is one, else the day programme."""
        stays = sorted(self.open_stays, key=lambda s: s.track is not Track.BED)
        return stays[0] if stays else None

    @property
    def away(self) -> bool:
        open_ids = {s.id for s in self.open_stays}
        return any(a.returned_at is None and a.stay_id in open_ids for a in self.absences)
