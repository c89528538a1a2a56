"""What is true without a result that was somebody else's, and what may have held it (E03, ASM-01, ASM-03, ASM-05)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from definitions.misfiling import MisfiledKind
from definitions.vocabulary import AssessmentStatus, ContentClass
from rules.due_assessments import owed_again
from rules.misfiling import Becomes, Requirement, Result, may_have_carried, without_it

RAISED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAY = uuid4()


def result(hours: float, *, completed: bool = True) -> Result:
    return Result(uuid4(), RAISED + hours * HOUR, completed)


EARLIER, FIRST, LATER = result(-1), result(2), result(5)
REFUSED = result(1, completed=False)


@pytest.mark.parametrize(
    ("others", "here", "away", "becomes"),
    [
        ((), {STAY}, False, Becomes(AssessmentStatus.DUE)),
        ((), {STAY}, True, Becomes(AssessmentStatus.SUSPENDED)),  # ASM-03
        ((), {uuid4()}, False, Becomes(AssessmentStatus.CANCELLED)),  # its stay has ended
        ((), set(), True, Becomes(AssessmentStatus.CANCELLED)),
        ((EARLIER,), {STAY}, False, Becomes(AssessmentStatus.DUE)),  # before anybody asked
        ((LATER, FIRST), {STAY}, False, Becomes(AssessmentStatus.COMPLETED, FIRST)),
        ((LATER,), set(), False, Becomes(AssessmentStatus.COMPLETED, LATER)),  # done while the stay lasted
        ((LATER, REFUSED), {STAY}, True, Becomes(AssessmentStatus.REFUSED, REFUSED)),  # ASM-05
    ],
)
def test_a_requirement_without_the_wrong_result(
    others: tuple[Result, ...], here: set[UUID | None], away: bool, becomes: Becomes
) -> None:
    owed = Requirement(uuid4(), RAISED, STAY)
    assert without_it(owed, others, frozenset(here), away=away) == becomes


def test_a_requirement_of_intake_is_owed_while_intake_lasts() -> None:
    owed = Requirement(uuid4(), RAISED, None)
    assert without_it(owed, (), frozenset({None}), away=False).status is AssessmentStatus.DUE
    assert without_it(owed, (), frozenset({STAY}), away=False).status is AssessmentStatus.CANCELLED


@pytest.mark.parametrize(
    ("instrument", "due", "again"),
    [
        ("PHQ9", RAISED + 9 * HOUR, RAISED + 9 * HOUR),  # still ahead: keeps its hour
        ("PHQ9", RAISED - HOUR, RAISED + 4 * HOUR),  # came due while nobody could know: the grace
        ("CIWA_AR", RAISED - HOUR, RAISED + HOUR),
        ("CIWA_AR", RAISED + 9 * HOUR, RAISED + HOUR),
        ("CIWA_AR", RAISED + HOUR / 2, RAISED + HOUR / 2),
    ],
)
def test_what_is_owed_again_is_due_in_time(instrument: str, due: datetime, again: datetime) -> None:
    assert owed_again(instrument, due, due + 6 * HOUR, RAISED, 4) == (again, again + 6 * HOUR)


@pytest.mark.parametrize("kind", MisfiledKind)
def test_what_is_not_surely_without_it_counts(kind: MisfiledKind) -> None:
    assert may_have_carried(kind, "some content of a later edition")
    assert may_have_carried(kind, ContentClass.HANDOFF)
    assert may_have_carried(kind, ContentClass.AUTHORIZATION_REQUEST)


def test_a_claim_holds_days_and_no_scores() -> None:
    carried = {k for k in MisfiledKind if may_have_carried(k, ContentClass.CLAIM)}
    assert carried == {MisfiledKind.ATTENDANCE, MisfiledKind.MOVEMENT, MisfiledKind.CONSENT}
