"""Movements are facts; whatever order they arrive in, the stays are the same (D14, E06, E58)."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import Refusal
from definitions.movement import MovementFact, Projection
from definitions.vocabulary import MovementKind, Track
from rules.projection import project

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
SPACE = UUID(int=7)


def fact(n: int, kind: MovementKind, hours: float, **fields: object) -> MovementFact:
    return MovementFact(
        id=uuid5(SPACE, str(n)), kind=kind, effective_at=START + timedelta(hours=hours), sequence=n, **fields
    )  # type: ignore[arg-type]


def admitted(level: str = "3.5", bed: str | None = "harbor/R-101A") -> MovementFact:
    return fact(1, MovementKind.ADMISSION, 0, level=level, program="harbor_inpatient", track=Track.BED, bed_id=bed)


def story() -> list[MovementFact]:
    return [
        admitted("3.7-WM", "harbor/D-101A"),
        fact(
            2,
            MovementKind.TRANSFER,
            100,
            level="3.5",
            program="harbor_inpatient",
            track=Track.BED,
            bed_id="harbor/R-101A",
        ),
        fact(3, MovementKind.LEAVE, 150),
        fact(4, MovementKind.RETURN, 190),
        fact(5, MovementKind.TRANSFER, 300, level="2.5", program="harbor_outpatient", track=Track.DAY),
        fact(6, MovementKind.DISCHARGE, 500),
    ]


def projected(facts: list[MovementFact]) -> Projection:
    found = project(facts)
    assert isinstance(found, Projection), found
    return found


def test_a_whole_story() -> None:
    found = projected(story())
    assert [s.level for s in found.stays] == ["3.7-WM", "3.5", "2.5"]
    assert [s.departure for s in found.stays] == ["transfer", "transfer", "discharge"]
    assert [(b.bed_id, b.to_at is not None) for b in found.beds] == [("harbor/D-101A", True), ("harbor/R-101A", True)]
    assert len(found.absences) == 1
    assert found.closed_at == START + timedelta(hours=500)


@given(st.permutations(story()))
def test_order_of_arrival_does_not_matter(facts: list[MovementFact]) -> None:
    assert projected(facts) == projected(story())


@given(st.integers(0, 6))
def test_every_prefix_has_no_overlap_and_no_negative_stay(count: int) -> None:
    found = projected(story()[:count])
    for stay in found.stays:
        assert stay.ended_at is None or stay.ended_at >= stay.started_at
    by_track = [s for s in found.stays if s.track is Track.BED]
    for earlier, later in itertools.pairwise(by_track):
        assert earlier.ended_at is not None
        assert earlier.ended_at <= later.started_at


def test_a_correction_keeps_the_stay_and_moves_its_beginning() -> None:
    corrected = fact(
        7, MovementKind.TRANSFER, 90, level="3.5", program="harbor_inpatient", track=Track.BED, bed_id="harbor/R-101A",
        supersedes=story()[1].id,
    )  # fmt: skip
    before, after = projected(story()), projected([*story(), corrected])
    assert [s.id for s in after.stays] == [s.id for s in before.stays]
    assert after.stays[1].started_at == START + timedelta(hours=90)
    assert after.stays[0].ended_at == START + timedelta(hours=90)


def test_a_voided_discharge_reopens_the_stay() -> None:
    void = fact(8, MovementKind.VOID, 500, supersedes=story()[5].id)
    found = projected([*story(), void])
    assert found.closed_at is None
    assert [s.level for s in found.open_stays] == ["2.5"]


def test_contradictions_are_refused_with_a_sentence() -> None:
    for facts in (
        [admitted(), fact(2, MovementKind.DISCHARGE, 5), fact(3, MovementKind.LEAVE, 6)],
        [admitted(), fact(2, MovementKind.RETURN, 5)],
        [fact(2, MovementKind.TRANSFER, 1, level="3.5", program="p", track=Track.BED)],
        [
            admitted(),
            fact(2, MovementKind.LEAVE, 1),
            fact(3, MovementKind.TRANSFER, 2, level="2.5", program="p", track=Track.DAY),
        ],
    ):
        found = project(facts)
        assert isinstance(found, Refusal)
        assert "movement" in found.detail


def test_parallel_stays_run_beside_each_other_and_end_together() -> None:
    """Domain 1.7 parallel: 3.1 with IOP by day."""
    facts = [
        fact(1, MovementKind.ADMISSION, 0, level="3.1", program="harbor_transitional", track=Track.BED),
        fact(2, MovementKind.PARALLEL, 24, level="2.5", program="harbor_outpatient", track=Track.DAY),
        fact(3, MovementKind.TRANSFER, 240, level="2.5", program="harbor_outpatient", track=Track.DAY),
    ]
    found = projected(facts)
    assert len(found.stays) == 2
    assert [s.level for s in found.open_stays] == ["2.5"]
