"""Re-presented at a change of level or program only when what is on file does not cover it (domain 3.4)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from definitions.facility import Program
from definitions.plan import ConsentToPresent
from definitions.plan_facts import ConsentFact
from definitions.vocabulary import ConsentStatus, Family
from rules.consent_reach import reach_problem
from tests.rules.test_parallel_stays import FACILITY, NOW, an_id, facts, planned

INPATIENT, HOUSE, OUTPATIENT = (
    FACILITY.programs[0].key,
    FACILITY.programs[1].key,
    FACILITY.programs[2].key,
)


def signed(name: str = "tpo", **changes: Any) -> ConsentFact:
    given: dict[str, Any] = {
        "form": "part2_tpo", "program": None, "status": ConsentStatus.SIGNED, "signed_at": NOW - timedelta(days=9),
        "expires_at": NOW + timedelta(days=356),
    }  # fmt: skip
    return ConsentFact.model_validate({"id": an_id(name), **given, **changes})


def tpo_of(to_level: str, *consents: ConsentFact) -> ConsentToPresent | None:
    """What the plan of a move from 3.5 asks of the consent for treatment, payment and operations."""
    made = planned(facts("3.5", consents=consents), to_level=to_level)
    return next((c for c in made.consents if c.form == "part2_tpo"), None)


def program(key: str, **changes: Any) -> Program:
    found = FACILITY.program(key)
    assert found is not None
    return found.model_copy(update=changes)


@pytest.mark.parametrize(
    ("scope", "to", "why"),
    [
        # Domain 3.4: a change of level in the same program goes on; a class of disclosers holds every program.
        ({"program": None}, program(OUTPATIENT), None),
        ({"program": INPATIENT}, program(INPATIENT), None),
        # A new legal entity, a new NPI: asked anew.
        ({"program": INPATIENT}, program(OUTPATIENT), "Harbor Recovery Inc"),
        ({"program": INPATIENT}, program(HOUSE), "NPI"),
        # Two names of one legal identity are one.
        ({"program": INPATIENT}, program(HOUSE, npi=program(INPATIENT).npi), None),
        # As the gate reads a scope limited to programs.
        ({"programs": (INPATIENT, HOUSE)}, program(HOUSE), None),
        ({"programs": (INPATIENT, HOUSE)}, program(OUTPATIENT), "not for harbor_outpatient"),
        ({"program": OUTPATIENT, "programs": (INPATIENT,)}, program(OUTPATIENT), "is for harbor_inpatient"),
        # A program that has closed, or another facility's.
        ({"program": "lakeside_inpatient"}, program(INPATIENT), "no program of harbor"),
    ],
)
def test_which_programs_a_consent_reaches(scope: dict[str, Any], to: Program, why: str | None) -> None:
    problem = reach_problem(signed(**scope), FACILITY, to)
    assert problem is None if why is None else why in (problem or "")


def test_a_change_within_what_is_covered_asks_nobody_to_sign() -> None:
    assert tpo_of("3.1", signed()) is None
    assert tpo_of("3.7-WM", signed(program=INPATIENT)) is None


def test_a_new_legal_entity_is_asked_anew_in_its_own_name() -> None:
    mine = signed(program=INPATIENT)
    asked = tpo_of("2.5", mine)
    assert asked is not None
    assert (asked.program, asked.renews) == (OUTPATIENT, mine.id)
    made = planned(facts("3.5", consents=(mine,)), to_level="2.5")
    assert any("Harbor Outpatient LLC" in said for said in made.words[Family.CONSENTS])


def test_an_older_consent_that_reaches_is_found_behind_a_newer_one_that_does_not() -> None:
    older = signed("older", program=OUTPATIENT, signed_at=NOW - timedelta(days=90))
    assert tpo_of("2.5", signed(program=INPATIENT), older) is None


@pytest.mark.parametrize(
    "useless",
    [{"status": ConsentStatus.REVOKED}, {"status": ConsentStatus.SUPERSEDED}, {"revoked_at": NOW}, {"expires_at": NOW}],
)
def test_what_covers_nothing_any_more_reaches_nothing(useless: dict[str, Any]) -> None:
    older = signed("older", program=OUTPATIENT, signed_at=NOW - timedelta(days=90), **useless)
    asked = tpo_of("2.5", signed(program=INPATIENT), older)
    assert asked is not None
    assert asked.renews == an_id("tpo")


def test_one_presentation_of_a_form_waits_at_a_time() -> None:
    waiting = signed("waiting", status=ConsentStatus.PRESENTED, program=OUTPATIENT, signed_at=None, expires_at=None)
    assert tpo_of("2.5", signed(program=INPATIENT), waiting) is None


def test_the_last_day_is_the_facilitys() -> None:
    """Ten at night on 9 March in Chicago is 10 March in UTC."""
    asked = tpo_of("3.1", signed(expires_at=datetime(2026, 3, 10, 3, 0, tzinfo=UTC)))
    assert asked is not None
    assert asked.why.endswith("runs out on 2026-03-09")
