"""Every disposition of domain 8: what happens at once, what an open alert holds, and who looks at it afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from definitions.errors import ErrorType
from definitions.plan import TransitionPlan
from definitions.plan_facts import AlertFact, Wish
from definitions.vocabulary import Disposition, Phase, Role
from rules.ending import AT_ONCE, plan_ending
from tests.rules.test_parallel_stays import an_id, facts

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
UNPLANNED = {
    Disposition.AGAINST_ADVICE, Disposition.ELOPEMENT, Disposition.DECEASED, Disposition.INCARCERATED,
    Disposition.TRANSFER_ACUTE, Disposition.TRANSFER_PSYCHIATRIC, Disposition.MEDICAL,
}  # fmt: skip
"""Issue 2: these execute at once, with the review and the payer's notice following."""
ALERT = AlertFact(id=an_id("alert"), rule="ALR-02", severity="critical")


def ended(disposition: Disposition, *alerts: AlertFact, phase: Phase = Phase.IN_CARE) -> TransitionPlan:
    here = facts("3.5").model_copy(update={"alerts": alerts, "phase": phase})
    made = plan_ending(here, Wish(effective_at=NOW, disposition=disposition), disposition)
    assert isinstance(made, TransitionPlan)
    return made


def test_the_unplanned_are_known() -> None:
    assert AT_ONCE == UNPLANNED


@pytest.mark.parametrize("disposition", list(Disposition))
def test_an_open_suicide_alert_holds_a_planned_discharge_and_never_an_unplanned_one(disposition: Disposition) -> None:
    """ALR-02."""
    codes = [b.code for b in ended(disposition, ALERT).blockers]
    assert codes == ([] if disposition in UNPLANNED else [ErrorType.ALERT_OPEN])
    assert ended(disposition).blockers == ()


@pytest.mark.parametrize("disposition", list(Disposition))
def test_every_discharge_is_reviewed_and_the_payer_is_told(disposition: Disposition) -> None:
    items = {i.kind: i for i in ended(disposition).items}
    review = items["discharge_review"]
    hours = 24 if disposition in UNPLANNED else 48
    assert (review.owner_role, review.due_at) == (Role.REVIEWER, NOW + timedelta(hours=hours))
    told = items.get("payer_told") or items["discharge_notice"]
    assert told.owner_role is Role.REVIEWER
    assert told.due_at is not None
    if disposition in UNPLANNED:
        assert told.due_at <= NOW + timedelta(hours=24)


def test_somebody_who_was_never_admitted_is_not_reviewed() -> None:
    assert ended(Disposition.OTHER, phase=Phase.INTAKE).items == ()
