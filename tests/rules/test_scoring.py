"""Exact scoring (domain 2.2) and alert rules (domain 2.3)."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import ErrorType, Refusal
from definitions.instrument import Scored, ScoringContext
from rules.scoring import score
from runtime.catalog import load_catalog

EDITION = load_catalog().latest
INSTRUMENTS = EDITION.instruments


def scored(key: str, answers: dict[str, int], context: ScoringContext | None = None) -> Scored:
    result = score(INSTRUMENTS[key], answers, context)
    assert isinstance(result, Scored), result
    return result


def items(count: int, value: int, **others: int) -> dict[str, int]:
    return {str(i): value for i in range(1, count + 1)} | others


@pytest.mark.parametrize(
    ("key", "answers", "total", "severity"),
    [
        ("PHQ9", items(9, 0), 0, "minimal"),
        ("PHQ9", items(9, 0, **{"1": 3, "2": 2}), 5, "mild"),
        ("PHQ9", items(9, 1, **{"1": 2}), 10, "moderate"),
        ("PHQ9", items(9, 2), 18, "moderately_severe"),
        ("PHQ9", items(9, 3), 27, "severe"),
        ("GAD7", items(7, 2), 14, "moderate"),
        ("GAD7", items(7, 3), 21, "severe"),
        ("AUDIT", items(10, 4), 40, "possible_dependence"),
        ("AUDIT", items(8, 1, **{"9": 0, "10": 0}), 8, "hazardous"),
        ("AUDIT_C", items(3, 1), 3, "positive_for_women"),
        # Item 3 counts when answered no.
        ("DAST10", items(10, 0), 1, "low"),
        ("DAST10", items(10, 1), 9, "severe"),
        ("DAST10", items(10, 0, **{"3": 1}), 0, "none"),
        ("PCL5", items(20, 2), 40, "at_or_above_cut"),
    ],
)
def test_totals_and_bands(key: str, answers: dict[str, int], total: int, severity: str) -> None:
    result = scored(key, answers)
    assert (result.score, result.severity) == (Decimal(total), severity)


def test_phq9_prorates_up_to_two_blanks_and_never_guesses_more() -> None:
    two_blank = {str(i): 2 for i in (1, 2, 3, 4, 5, 6, 9)}
    result = scored("PHQ9", two_blank)
    assert (result.score, result.prorated, result.missing) == (Decimal(18), True, ("7", "8"))
    three_blank = {str(i): 2 for i in (1, 2, 3, 4, 5, 9)}
    assert scored("PHQ9", three_blank).score is None


def test_phq9_never_makes_up_the_question_about_self_harm() -> None:
    """Domain 2.2: never prorate item 9. What the other answers already raise is raised all the same."""
    result = scored("PHQ9", {str(i): 3 for i in range(1, 9)})
    assert (result.score, result.missing, result.prorated) == (None, ("9",), False)
    assert [a.rule for a in result.alerts] == ["ALR-09"]


@pytest.mark.parametrize(
    ("answers", "severity", "alerts"),
    [
        ({"1": 0, "2": 0, "6": 0}, "none", []),
        ({"1": 1, "2": 0, "6": 0}, "low", []),
        ({"1": 1, "2": 1, "3": 1, "4": 0, "5": 0, "6": 0}, "moderate", ["ALR-03"]),
        ({"1": 1, "2": 1, "3": 1, "4": 1, "5": 0, "6": 0}, "high", ["ALR-02"]),
        ({"1": 0, "2": 0, "6": 1, "6r": 0}, "moderate", ["ALR-03"]),
        ({"1": 0, "2": 0, "6": 1, "6r": 1}, "high", ["ALR-02"]),
    ],
)
def test_suicide_screener_takes_the_worst_row(answers: dict[str, int], severity: str, alerts: list[str]) -> None:
    result = scored("CSSRS_SCREEN", answers)
    assert (result.severity, [a.rule for a in result.alerts]) == (severity, alerts)


def test_suicide_screener_wants_the_items_a_yes_opens() -> None:
    result = score(INSTRUMENTS["CSSRS_SCREEN"], {"1": 1, "2": 1, "6": 0})
    assert isinstance(result, Refusal)
    assert result.code is ErrorType.ASSESSMENT_INCOMPLETE


CIWA = dict.fromkeys(
    ("nausea", "tremor", "sweats", "anxiety", "agitation", "tactile", "auditory", "visual", "headache", "orientation"),
    0,
)


@pytest.mark.parametrize(
    ("changes", "context", "alerts"),
    [
        ({"nausea": 7, "tremor": 7, "sweats": 6}, None, ["ALR-04", "ALR-05"]),
        ({"nausea": 7, "tremor": 1}, None, ["ALR-05"]),
        ({"nausea": 5}, ScoringContext(previous_score=Decimal(0), hours_since_previous=Decimal(3)), ["ALR-04"]),
        ({"nausea": 5}, ScoringContext(previous_score=Decimal(0), hours_since_previous=Decimal(5)), []),
    ],
)
def test_withdrawal_alerts(changes: dict[str, int], context: ScoringContext | None, alerts: list[str]) -> None:
    assert [a.rule for a in scored("CIWA_AR", CIWA | changes, context).alerts] == alerts


@pytest.mark.parametrize(
    ("key", "answers", "code"),
    [
        ("COWS", {"pulse": 3}, ErrorType.ASSESSMENT_OUT_OF_RANGE),
        ("AUDIT", {"9": 1}, ErrorType.ASSESSMENT_OUT_OF_RANGE),
        ("GAD7", {"1": 1}, ErrorType.ASSESSMENT_INCOMPLETE),
        ("GAD7", {"ghost": 1}, ErrorType.INVALID_REQUEST),
        ("GAD7", {"1": "two"}, ErrorType.ASSESSMENT_OUT_OF_RANGE),
    ],
)
def test_bad_answers_are_refused_and_name_the_item(key: str, answers: dict[str, object], code: ErrorType) -> None:
    result = score(INSTRUMENTS[key], answers)
    assert isinstance(result, Refusal)
    assert result.code is code
    assert "two" not in result.detail


def test_remote_positive_item_has_more_time_outside_a_bed() -> None:
    """ALR-01: 15 minutes around the clock, 60 elsewhere."""
    answers = items(9, 0, **{"9": 1})
    (inside,) = scored("PHQ9", answers, ScoringContext(around_the_clock=True)).alerts
    (outside,) = scored("PHQ9", answers, ScoringContext(around_the_clock=False)).alerts
    assert (inside.acknowledge_minutes, outside.acknowledge_minutes) == (15, 60)


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9))
def test_phq9_total_is_the_sum_and_its_band_is_unique(values: list[int]) -> None:
    result = scored("PHQ9", {str(i + 1): v for i, v in enumerate(values)})
    assert result.score == sum(values)
    holding = [b for b in INSTRUMENTS["PHQ9"].bands if b.low <= sum(values) <= b.high]
    assert [b.severity for b in holding] == [result.severity]


@pytest.mark.parametrize("key", sorted(INSTRUMENTS))
def test_bands_leave_no_gap_and_do_not_overlap(key: str) -> None:
    bands = INSTRUMENTS[key].bands
    assert all(a.high + 1 == b.low for a, b in itertools.pairwise(bands))
