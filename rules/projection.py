"""From movement facts to stays, absences and beds: one fold, whatever order the facts arrived in (D14, E06, E58)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.movement import MovementFact, ProjectedAbsence, ProjectedBed, ProjectedStay, Projection
from definitions.vocabulary import MovementKind


def standing(facts: Sequence[MovementFact]) -> list[MovementFact]:
    """The facts that still stand, in the order they took effect: superseded and voided ones are left out."""
    replaced = {f.supersedes for f in facts if f.supersedes is not None}
    live = [f for f in facts if f.id not in replaced and f.kind is not MovementKind.VOID]
    return sorted(live, key=lambda f: (f.effective_at, f.sequence))


def root_of(fact: MovementFact, facts: Sequence[MovementFact]) -> UUID:
    """The first fact of a chain of corrections; ids of stays and beds derive from it."""
    by_id = {f.id: f for f in facts}
    current = fact
    while current.supersedes is not None and current.supersedes in by_id:
        current = by_id[current.supersedes]
    return current.id


def project(facts: Sequence[MovementFact]) -> Projection | Refusal:
    """Where the person was, or why the facts contradict each other (no negative or overlapping stays, E06)."""
    fold = _Fold()
    for fact in standing(facts):
        problem = fold.apply(fact, root_of(fact, facts))
        if problem is not None:
            return Refusal(code=ErrorType.ILLEGAL_TRANSITION, detail=problem)
    return fold.projection


class _Fold:
    """Local accumulator of `project`; never leaves this module."""

    def __init__(self) -> None:
        self.projection = Projection()
        self._acts: dict[MovementKind, Callable[[MovementFact, UUID], str | None]] = {
            MovementKind.ADMISSION: self._arrive,
            MovementKind.TRANSFER: self._transfer,
            MovementKind.PARALLEL: self._arrive,
            MovementKind.BED_MOVE: self._bed_move,
            MovementKind.LEAVE: self._leave,
            MovementKind.SEND_OUT: self._leave,
            MovementKind.RETURN: self._return,
            MovementKind.DISCHARGE: self._close,
            MovementKind.DEATH: self._close,
            MovementKind.NOT_ADMITTED: self._close,
        }

    def apply(self, fact: MovementFact, root: UUID) -> str | None:
        if self.projection.closed_at is not None:
            return (
                f"movement {fact.id} ({fact.kind.value}) takes effect after the episode ended; correct the ending first"
            )
        return self._acts[fact.kind](fact, root)

    def _arrive(self, fact: MovementFact, root: UUID) -> str | None:
        if fact.level is None or fact.program is None or fact.track is None:
            return f"movement {fact.id} names no level, program or track"
        if any(s.track is fact.track for s in self.projection.open_stays):
            return f"movement {fact.id}: a stay on track {fact.track.value} is already open then"
        if fact.kind is MovementKind.ADMISSION and self.projection.stays:
            return f"movement {fact.id}: already admitted; record a transfer"
        if fact.kind is MovementKind.PARALLEL and not self.projection.open_stays:
            return f"movement {fact.id}: nothing to run beside; record an admission"
        arrival = "transfer" if fact.kind is MovementKind.TRANSFER else "admission"
        stay = ProjectedStay(
            id=derived(root, "stay"),
            level=fact.level,
            program=fact.program,
            track=fact.track,
            started_at=fact.effective_at,
            arrival=arrival,
        )
        self._set(stays=(*self.projection.stays, stay))
        if fact.bed_id is not None:
            self._take_bed(fact, root, stay.id)
        return None

    def _transfer(self, fact: MovementFact, root: UUID) -> str | None:
        if not self.projection.open_stays:
            return f"movement {fact.id}: nobody is admitted then; record the admission first"
        if self.projection.away:
            return f"movement {fact.id}: the person is away then; record the return first"
        kept = next(
            (
                s
                for s in self.projection.open_stays
                if s.level == fact.level and s.program == fact.program and len(self.projection.open_stays) > 1
            ),
            None,
        )
        self._end_stays(fact.effective_at, "transfer", keep=kept.id if kept else None)
        return None if kept else self._arrive(fact, root)

    def _bed_move(self, fact: MovementFact, root: UUID) -> str | None:
        stay = next((s for s in self.projection.open_stays if s.track.value == "bed"), None)
        if stay is None or fact.bed_id is None:
            return f"movement {fact.id}: no bed stay is open then"
        self._free_beds(fact.effective_at, stay.id)
        self._take_bed(fact, root, stay.id)
        return None

    def _leave(self, fact: MovementFact, root: UUID) -> str | None:
        if not self.projection.open_stays:
            return f"movement {fact.id}: nobody is admitted then"
        if self.projection.away:
            return f"movement {fact.id}: already away then; record the return first"
        absences = tuple(
            ProjectedAbsence(
                id=derived(root, "absence", str(s.id)),
                stay_id=s.id,
                kind=fact.kind,
                left_at=fact.effective_at,
                expected_return_at=fact.expected_return_at,
            )
            for s in self.projection.open_stays
        )
        self._set(absences=(*self.projection.absences, *absences))
        return None

    def _return(self, fact: MovementFact, root: UUID) -> str | None:
        if not self.projection.away:
            return f"movement {fact.id}: the person is not away then"
        self._set(
            absences=tuple(
                a.model_copy(update={"returned_at": fact.effective_at}) if a.returned_at is None else a
                for a in self.projection.absences
            )
        )
        if fact.bed_id is not None:
            return self._bed_move(fact, root)
        return None

    def _close(self, fact: MovementFact, root: UUID) -> str | None:
        ending = {MovementKind.DEATH: "death"}.get(fact.kind, "discharge")
        if fact.kind is MovementKind.NOT_ADMITTED and self.projection.stays:
            return f"movement {fact.id}: the person was admitted; record a discharge"
        self._end_stays(fact.effective_at, ending, keep=None)
        self._set(closed_at=fact.effective_at, closed_by=fact.kind)
        return None

    def _end_stays(self, at: datetime, departure: str, keep: UUID | None) -> None:
        ended = tuple(
            s.model_copy(update={"ended_at": at, "departure": departure}) if s.ended_at is None and s.id != keep else s
            for s in self.projection.stays
        )
        for stay in self.projection.open_stays:
            if stay.id != keep:
                self._free_beds(at, stay.id)
        self._set(stays=ended)

    def _free_beds(self, at: datetime, stay_id: UUID) -> None:
        self._set(
            beds=tuple(
                b.model_copy(update={"to_at": at}) if b.stay_id == stay_id and b.to_at is None else b
                for b in self.projection.beds
            )
        )

    def _take_bed(self, fact: MovementFact, root: UUID, stay_id: UUID) -> None:
        if fact.bed_id is None:
            return
        bed = ProjectedBed(id=derived(root, "bed"), stay_id=stay_id, bed_id=fact.bed_id, from_at=fact.effective_at)
        self._set(beds=(*self.projection.beds, bed))

    def _set(self, **changes: object) -> None:
        self.projection = self.projection.model_copy(update=changes)
