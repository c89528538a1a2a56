"""The last day of a case whose stay ended: what the contract may still pay (BILL-03, BILL-07, AUTH-05)."""

from datetime import date, datetime

import pytest

from definitions.accrual import AccrualPolicy, AdmitDischargeMode
from definitions.payer import Payer, ReviewClock
from definitions.plan_facts import Wish
from definitions.vocabulary import Disposition, Track
from rules.case_ending import last_day_of_case
from rules.transition import cases_closed
from tests.rules.test_parallel_stays import an_id, facts

LEFT, BEFORE, BEGUN = date(2026, 5, 24), date(2026, 5, 23), date(2026, 5, 21)


def payer(mode: AdmitDischargeMode) -> Payer:
    return Payer(
        key="p", name="P", edition="2026-01", levels=(), review=ReviewClock(zone="America/Chicago"),
        accrual=AccrualPolicy(admit_discharge=mode),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "track", "more", "last"),
    [
        (AdmitDischargeMode.ADMIT, Track.BED, {}, BEFORE),
        (AdmitDischargeMode.NEITHER, Track.BED, {}, BEFORE),
        (AdmitDischargeMode.DISCHARGE, Track.BED, {}, LEFT),
        (AdmitDischargeMode.BOTH, Track.BED, {}, LEFT),
        (AdmitDischargeMode.BOTH, Track.BED, {"into_bed": True}, BEFORE),
        (AdmitDischargeMode.BOTH, Track.BED, {"died": True}, BEFORE),
        (AdmitDischargeMode.ADMIT, Track.DAY, {}, LEFT),
        (AdmitDischargeMode.BOTH, Track.DAY, {"into_bed": True}, BEFORE),
    ],
)
def test_the_day_of_leaving_is_the_case_s_where_it_may_be_paid(
    mode: AdmitDischargeMode, track: Track, more: dict[str, bool], last: date
) -> None:
    assert last_day_of_case(payer(mode), track, LEFT, BEGUN, **more) == last


def test_a_stay_of_one_day_ends_on_it() -> None:
    assert last_day_of_case(payer(AdmitDischargeMode.ADMIT), Track.BED, LEFT, LEFT) == LEFT


@pytest.mark.parametrize(
    ("mode", "to_level", "disposition", "day"),
    [
        (AdmitDischargeMode.BOTH, None, Disposition.COMPLETED, 24),
        (AdmitDischargeMode.BOTH, None, Disposition.DECEASED, 23),
        (AdmitDischargeMode.BOTH, "3.7-WM", None, 23),
        (AdmitDischargeMode.BOTH, "2.5", None, 24),
        (AdmitDischargeMode.ADMIT, None, Disposition.COMPLETED, 23),
    ],
)
def test_a_plan_ends_cases_so(
    mode: AdmitDischargeMode, to_level: str | None, disposition: Disposition | None, day: int
) -> None:
    here = facts("3.5")
    here = here.model_copy(
        update={
            "payer": payer(mode), "payers": {},
            "cases": tuple(c.model_copy(update={"from_date": BEGUN}) for c in here.cases),
        }
    )  # fmt: skip
    at = datetime.fromisoformat("2026-05-24T14:00:00-05:00")
    wish = Wish(effective_at=at, to_level=to_level, disposition=disposition)
    assert [c.on.day for c in cases_closed(here, wish, {an_id("3.5")})] == [day]
