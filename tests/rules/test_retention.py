"""Periods by state and kind of record, and what stands in the way of a deletion (domain 3.6, E24)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from definitions.errors import ErrorType
from definitions.retention import DeletionFacts, KeptUntil, RecordFacts, RecordKind, RetentionRule, RetentionVerdict
from rules.retention import deletion_problems, retention_of, rules_for, shortest_years, years_after
from runtime.catalog import load_catalog

SHIPPED = load_catalog().retention
TODAY = date(2026, 3, 2)


def facts(**said: Any) -> RecordFacts:
    return RecordFacts(**{"states": ("TX",), "birth_date": date(1990, 2, 3), "last_service": date(2020, 6, 1)} | said)


@pytest.mark.parametrize(
    ("said", "until", "rule"),
    [
        # Adults: ten years after the last service, in Texas and where a state says nothing of its own.
        ({}, date(2030, 6, 1), "tx_record"),
        ({"states": ("NY",)}, date(2030, 6, 1), "default_record"),
        # A minor of sixteen: Texas keeps to the twentieth birthday or ten years, whichever is later.
        ({"birth_date": date(2004, 5, 5)}, date(2030, 6, 1), "tx_record"),
        ({"birth_date": date(2018, 5, 5)}, date(2038, 5, 5), "tx_record"),
        # Elsewhere: ten years after coming of age.
        ({"states": ("NY",), "birth_date": date(2004, 5, 5)}, date(2032, 5, 5), "default_record"),
        # Of age on the day of the last service: an adult.
        ({"states": ("NY",), "birth_date": date(2002, 6, 1)}, date(2030, 6, 1), "default_record"),
        ({"states": ("NY",), "birth_date": date(2002, 6, 2)}, date(2030, 6, 2), "default_record"),
        # Two states have a say: the longer holds.
        ({"states": ("TX", "NY"), "birth_date": date(2004, 5, 5)}, date(2032, 5, 5), "default_record"),
        # A consent in force until long after, and a late entry of the ledger: six years from each.
        ({"last_consent": date(2026, 1, 1)}, date(2032, 1, 1), "default_consent"),
        ({"last_log": date(2025, 1, 1)}, date(2031, 1, 1), "default_log"),
        ({"last_log": date(2021, 1, 1), "last_consent": date(2021, 1, 1)}, date(2030, 6, 1), "tx_record"),
        # Leap days go on to the next day, never back.
        ({"last_service": date(2020, 2, 29)}, date(2030, 3, 1), "tx_record"),
    ],
)
def test_periods(said: dict[str, Any], until: date, rule: str) -> None:
    verdict = retention_of(SHIPPED, facts(**said), TODAY)
    assert verdict.until == until
    assert rule in {p.rule for p in verdict.periods if p.until == until}
    assert not verdict.over(until)
    assert verdict.over(date.fromordinal(until.toordinal() + 1))


def test_a_later_law_holds_from_its_day_on() -> None:
    later = RetentionRule(
        key="later", state="TX", record=RecordKind.MEDICAL_RECORD, effective_from=date(2026, 1, 1), years=15, source="s"
    )
    rules = (*SHIPPED, later)
    assert rules_for(rules, "TX", date(2025, 12, 31))[RecordKind.MEDICAL_RECORD].key == "tx_record"
    assert rules_for(rules, "TX", date(2026, 1, 1))[RecordKind.MEDICAL_RECORD].key == "later"
    assert rules_for(rules, "NY", date(2026, 1, 1))[RecordKind.MEDICAL_RECORD].key == "default_record"
    assert shortest_years(rules) == 10


def test_a_kind_without_a_rule_is_no_licence_to_delete() -> None:
    with pytest.raises(ValueError, match="no retention rule for log in TX"):
        retention_of([r for r in SHIPPED if r.record is not RecordKind.LOG], facts(), TODAY)


@pytest.mark.parametrize("day", [date(2020, 2, 29), date(2020, 2, 28), date(2019, 12, 31)])
def test_years_after_are_never_short(day: date) -> None:
    later = years_after(day, 1)
    assert (later.year, later >= date(day.year + 1, day.month, min(day.day, 28))) == (day.year + 1, True)


OVER = RetentionVerdict(
    periods=(KeptUntil(record=RecordKind.LOG, begins=TODAY, until=date(2026, 3, 1), rule="r", why="w"),),
    until=date(2026, 3, 1),
)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"open_episodes": 1}, ErrorType.RECORD_IN_USE, "open"),
        ({"holds": 1}, ErrorType.LEGAL_HOLD, "hold"),
        ({"legal_demands": 1}, ErrorType.LEGAL_HOLD, "demand"),
        ({"undecided_requests": 1}, ErrorType.RECORD_IN_USE, "undecided"),
        ({"open_disputes": 1}, ErrorType.RECORD_IN_USE, "undecided"),
        ({"open_charge_questions": 1}, ErrorType.RECORD_IN_USE, "money"),
        ({"open_accounts": 1}, ErrorType.RECORD_IN_USE, "money"),
        ({"copies_being_made": 1}, ErrorType.RECORD_IN_USE, "copy"),
        ({"erased_at": datetime(2026, 1, 1, tzinfo=UTC)}, ErrorType.STALE, "erased"),
    ],
)
def test_each_thing_in_the_way_has_its_sentence(said: dict[str, Any], code: ErrorType, words: str) -> None:
    (refusal,) = deletion_problems(OVER, DeletionFacts(**said), TODAY)
    assert refusal.code is code
    assert words in refusal.detail


def test_a_period_runs_through_its_last_day() -> None:
    assert deletion_problems(OVER, DeletionFacts(), TODAY) == ()
    (refusal,) = deletion_problems(OVER, DeletionFacts(), date(2026, 3, 1))
    assert refusal.code is ErrorType.RETENTION_RUNS
    assert "2026-03-01" in refusal.detail
