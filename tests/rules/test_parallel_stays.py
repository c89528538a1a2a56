"""Two stays beside each other, and one of them ending alone (domain 1.7 split/parallel, E57)."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from definitions.errors import ErrorType, Refusal
from definitions.movement import ProjectedStay
from definitions.plan import TransitionPlan
from definitions.plan_facts import BedFact, CaseFact, LevelRating, OpenRequirement, PlanFacts, Wish
from definitions.vocabulary import AuthorizationStatus, Phase, TransitionKind
from rules.transition import plan
from runtime.catalog import load_catalog

EDITION = load_catalog().latest
FACILITY = EDITION.facilities["harbor"]
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NAMESPACE = UUID("6f1a9f3e-0000-4000-8000-000000000001")


def an_id(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def stay(level: str) -> ProjectedStay:
    program = FACILITY.program_for(level)
    assert program is not None
    return ProjectedStay(
        id=an_id(level),
        level=level,
        program=program.key,
        track=EDITION.levels[level].track,
        started_at=NOW - timedelta(days=9),
        arrival="admission",
    )


def case(level: str) -> CaseFact:
    return CaseFact(
        id=an_id(f"case {level}"),
        stay_id=an_id(level),
        payer="meridian",
        level=level,
        status=AuthorizationStatus.APPROVED,
        from_date=date(2026, 2, 21),
    )


def facts(*levels: str, **changes: object) -> PlanFacts:
    return PlanFacts(
        episode_id=an_id("episode"),
        facility=FACILITY,
        phase=Phase.IN_CARE,
        payer=EDITION.payers["meridian"],
        levels=EDITION.levels,
        forms=EDITION.consents,
        stays=tuple(stay(level) for level in levels),
        requirements=tuple(
            OpenRequirement(
                id=an_id(f"{level} {rule.instrument}"), instrument=rule.instrument, due_at=NOW, stay_id=an_id(level)
            )
            for level in levels
            for rule in EDITION.levels[level].assessments
        ),
        cases=tuple(case(level) for level in levels),
        beds=(BedFact(id="b1", label="1", program=stay("3.1").program, levels=("3.1",), taken=False),),
        held_bed="b1" if "3.1" in levels else None,
        rating=LevelRating(assessment_id=an_id("rating"), performed_at=NOW, recommended_level=levels[-1]),
    ).model_copy(update=changes)


def planned(facts_now: PlanFacts, **wish: object) -> TransitionPlan:
    made = plan(facts_now, Wish.model_validate({"effective_at": NOW, **wish}))
    assert isinstance(made, TransitionPlan), made
    return made


@pytest.mark.parametrize(("here", "asked"), [("3.1", "2.5"), ("3.1", "2.1"), ("2.5", "3.1"), ("2.1", "3.1")])
def test_a_day_programme_and_supportive_housing_run_beside_each_other(here: str, asked: str) -> None:
    made = planned(facts(here), to_level=asked, parallel=True)
    assert made.kind is TransitionKind.PARALLEL
    assert (made.sessions.cancel_stays, made.days.close_stays, made.cases_closed) == ((), (), ())
    assert made.days.open is not None
    assert made.case is not None
    assert made.case.level == asked
    assert made.blockers == ()


@pytest.mark.parametrize(("here", "asked"), [("3.5", "2.5"), ("2.5", "2.1"), ("3.1", "1.5")])
def test_other_pairs_are_refused(here: str, asked: str) -> None:
    refused = plan(facts(here), Wish(to_level=asked, effective_at=NOW, parallel=True))
    assert isinstance(refused, Refusal)
    assert refused.code is ErrorType.ILLEGAL_TRANSITION


@pytest.mark.parametrize(("kept", "ended"), [("2.5", "3.1"), ("3.1", "2.5"), ("2.1", "3.1"), ("3.1", "2.1")])
def test_asking_for_one_of_two_ends_the_other_and_nothing_else(kept: str, ended: str) -> None:
    made = planned(facts("3.1", kept if kept != "3.1" else ended), to_level=kept)
    assert (made.kind, made.from_level, made.to_level) == (TransitionKind.STEP_DOWN, ended, kept)
    assert made.keeps_stay == an_id(kept)
    assert made.sessions.cancel_stays == made.days.close_stays == (an_id(ended),)
    assert [c.authorization_id for c in made.cases_closed] == [an_id(f"case {ended}")]
    assert (made.case, made.case_ahead, made.days.open, made.sessions.template) == (None, None, None, None)
    assert made.consents == made.assessments == ()
    assert made.bed.take == ("b1" if kept == "3.1" else None)
    assert made.blockers == ()


def test_what_only_the_ended_level_owes_is_cancelled_and_the_rest_goes_on() -> None:
    made = planned(facts("3.1", "2.5"), to_level="2.5")
    wanted = {rule.instrument for rule in EDITION.levels["2.5"].assessments}
    only = {an_id(f"3.1 {r.instrument}") for r in EDITION.levels["3.1"].assessments if r.instrument not in wanted}
    assert set(made.assessments_cancelled) == only
    assert len(made.assessments_kept) == len(facts("3.1", "2.5").requirements) - len(only)


def test_a_full_programme_does_not_hold_back_who_is_enrolled_already() -> None:
    assert planned(facts("3.1", "2.5", enrolled=10_000), to_level="2.5").blockers == ()
    full = planned(facts("3.1", enrolled=10_000), to_level="2.5", parallel=True)
    assert [b.code for b in full.blockers] == [ErrorType.PROGRAM_FULL]


def test_a_third_level_ends_both() -> None:
    made = planned(facts("3.1", "2.5"), to_level="1.5")
    assert made.keeps_stay is None
    assert set(made.sessions.cancel_stays) == {an_id("3.1"), an_id("2.5")}
    assert len(made.cases_closed) == 2


def test_nobody_is_followed_up_for_a_bed_they_still_have() -> None:
    beside = {i.kind: i.why for i in planned(facts("3.1"), to_level="2.5", parallel=True).items}
    assert "first_attendance" not in beside
    assert beside["state_record"].startswith("state admission record")
    assert "discharge" not in beside["state_record"]
    bed_ends = {i.kind: i.why for i in planned(facts("3.1", "2.5"), to_level="2.5").items}
    assert "first_attendance" in bed_ends
    assert bed_ends["state_record"] == "discharge record of the level left"
    assert "first_attendance" not in {i.kind for i in planned(facts("3.1", "2.5"), to_level="3.1").items}
