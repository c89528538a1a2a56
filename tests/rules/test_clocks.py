"""Clocks of utilization review: domain 4.3 by regime, AUTH-02 to AUTH-04, AUTH-13."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from definitions.payer import ClockKind, ReviewClock
from definitions.regime import ClockRule
from definitions.vocabulary import ClockName, RequestKind
from rules.clocks import decision_clock, limit, part_gone, resumed, start
from runtime.catalog import load_catalog

CATALOG = load_catalog()
CHICAGO = ZoneInfo("America/Chicago")
FRIDAY = datetime(2026, 3, 6, 16, 0, tzinfo=CHICAGO)
REVIEW = ReviewClock(zone="America/Chicago", cut_off=time(12, 0), holidays=(date(2026, 3, 9),))


@pytest.mark.parametrize(
    ("kind", "urgent", "hours_of_cover", "expected"),
    [
        (RequestKind.INITIAL, True, None, ClockName.DECISION_URGENT),
        (RequestKind.INITIAL, False, None, ClockName.DECISION_STANDARD),
        (RequestKind.CONCURRENT, True, 24, ClockName.DECISION_CONCURRENT),
        (RequestKind.CONCURRENT, True, 23, ClockName.DECISION_URGENT),
        (RequestKind.RETROSPECTIVE, True, None, ClockName.DECISION_RETROSPECTIVE),
        (RequestKind.APPEAL, True, None, ClockName.APPEAL_DECISION_URGENT),
        (RequestKind.APPEAL, False, None, ClockName.APPEAL_DECISION),
        (RequestKind.RECONSIDERATION, False, None, ClockName.APPEAL_DECISION),
        (RequestKind.EXTERNAL_REVIEW, False, None, ClockName.EXTERNAL_DECISION),
        (RequestKind.NOTIFICATION, True, None, None),
        (RequestKind.CANCEL, False, None, None),
        (RequestKind.INFORMATION, False, None, None),
    ],
)
def test_which_limit_binds(
    kind: RequestKind, urgent: bool, hours_of_cover: int | None, expected: ClockName | None
) -> None:
    ends = None if hours_of_cover is None else FRIDAY + timedelta(hours=hours_of_cover)
    assert decision_clock(kind, urgent, ends, FRIDAY) is expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"hours": 72}, datetime(2026, 3, 9, 17, 0, tzinfo=CHICAGO)),  # elapsed hours over the clock change of 8 March
        ({"hours": 24, "count": ClockKind.BUSINESS}, datetime(2026, 3, 10, 16, 0, tzinfo=CHICAGO)),
        ({"days": 7}, datetime(2026, 3, 13, 12, 0, tzinfo=CHICAGO)),
        ({"days": 2, "count": ClockKind.BUSINESS}, datetime(2026, 3, 11, 12, 0, tzinfo=CHICAGO)),
        ({"days": 3, "ours": True}, datetime(2026, 3, 6, 16, 0, tzinfo=CHICAGO)),  # Monday is a holiday: today, at once
        ({"days": 8, "ours": True}, datetime(2026, 3, 13, 12, 0, tzinfo=CHICAGO)),  # Saturday moves to Friday
        ({"days": 8}, datetime(2026, 3, 14, 12, 0, tzinfo=CHICAGO)),  # the payer's own limit does not move
    ],
)
def test_limits_end_in_the_payers_zone(rule: dict[str, object], expected: datetime) -> None:
    made = ClockRule.model_validate({"name": ClockName.DECISION_STANDARD, "source": "test", **rule})
    assert limit(FRIDAY, made, REVIEW) == expected


@pytest.mark.parametrize(
    ("payer", "on", "name", "expected"),
    [
        # ERISA 72 hours; the contract's 72 agree.
        ("meridian", date(2026, 3, 6), ClockName.DECISION_URGENT, timedelta(hours=72)),
        # 15 days by law end at Saturday noon; the contract's 360 hours end at 16:00 plus the lost hour, later.
        ("meridian", date(2026, 3, 6), ClockName.DECISION_STANDARD, timedelta(days=14, hours=19)),
        ("meridian", date(2026, 3, 6), ClockName.DECISION_CONCURRENT, timedelta(hours=24)),
        # CMS-0057-F from 2026: 7 days; before it 14 days, and the contract's 168 hours were shorter.
        ("statecare", date(2026, 3, 6), ClockName.DECISION_STANDARD, None),
        ("meridian", date(2026, 3, 6), ClockName.PEER_TO_PEER, timedelta(hours=72)),
    ],
)
def test_law_and_contract_the_shorter_binds(payer: str, on: date, name: ClockName, expected: timedelta | None) -> None:
    definition = CATALOG.latest.payers[payer]
    clock = start(name, FRIDAY, definition, CATALOG.regime(definition.regime, on))
    assert clock is not None
    if expected is None:
        assert clock.due_at <= FRIDAY + timedelta(hours=168)
    else:
        assert clock.due_at.astimezone(UTC) - FRIDAY.astimezone(UTC) == expected


def test_the_regime_is_the_one_of_the_day() -> None:
    before, after = (CATALOG.regime("medicaid_managed", d) for d in (date(2025, 12, 31), date(2026, 1, 1)))
    assert before.clock(ClockName.DECISION_STANDARD) != after.clock(ClockName.DECISION_STANDARD)
    assert after.clock(ClockName.DECISION_STANDARD).days == 7  # type: ignore[union-attr]
    assert CATALOG.regime("a_contract_of_its_own", date(2026, 1, 1)).key == "commercial"


def test_notice_of_admission_within_two_business_days() -> None:
    """NY: admitted on Friday afternoon, Monday works there: due Tuesday at the cut-off hour (E45)."""
    payer = CATALOG.latest.payers["unity"]
    clock = start(ClockName.NOTIFICATION, FRIDAY, payer, CATALOG.regime(payer.regime, date(2026, 3, 6)))
    assert clock is not None
    assert clock.due_at == datetime(2026, 3, 10, 10, 0, tzinfo=ZoneInfo("America/Los_Angeles"))


def test_a_pause_moves_the_end_and_windows_have_parts() -> None:
    due = FRIDAY + timedelta(hours=72)
    assert resumed(due, FRIDAY, FRIDAY + timedelta(hours=5)) == due + timedelta(hours=5)
    assert resumed(due, FRIDAY, FRIDAY - timedelta(hours=5)) == due
    assert part_gone(FRIDAY, FRIDAY + timedelta(hours=10), 0.8) == FRIDAY + timedelta(hours=8)


def test_every_shipped_payer_has_every_clock_it_needs() -> None:
    for payer in CATALOG.latest.payers.values():
        if payer.kind.value != "insurance":
            continue
        regime = CATALOG.regime(payer.regime, date(2026, 3, 6))
        for name in ClockName:
            if name in (ClockName.RETROSPECTIVE_FILING,):
                continue
            clock = start(name, FRIDAY, payer, regime)
            assert clock is not None, (payer.key, name)
            assert clock.due_at >= FRIDAY
            assert clock.rule
