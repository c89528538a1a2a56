"""Which answer stands and what is granted: E26 to E34, AUTH-07 to AUTH-09 as tables, and properties over any order."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.ids import STEPDOWN
from definitions.vocabulary import AuthorizationStatus, RequestKind
from rules.grants import DecisionFact, GrantFact, RequestFact, changes, family_of, standing, takes_over

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
MEANS = {
    "A1": AuthorizationStatus.APPROVED,
    "A6": AuthorizationStatus.PARTIAL,
    "A3": AuthorizationStatus.DENIED,
    "A4": AuthorizationStatus.PENDED,
    "C": AuthorizationStatus.CANCELLED,
    "CT": AuthorizationStatus.CONTACT_PAYER,
    "NA": AuthorizationStatus.NOT_REQUIRED,
    "AAA": AuthorizationStatus.DATA_PROBLEM,
    "999": AuthorizationStatus.DATA_PROBLEM,
    "deemed": AuthorizationStatus.APPROVED,
}


def named(word: str) -> UUID:
    return uuid5(STEPDOWN, word)


def said(
    action: str, units: int = 0, *, on: str = "first", stated: int | None = None, number: int = 0, first: int = 7
) -> DecisionFact:
    """One answer; `stated` minutes after noon by the payer's own clock, `number` orders arrivals."""
    begins = date(2026, 3, first)
    return DecisionFact(
        id=named(f"{on}:{action}:{units}:{number}"), request_id=named(on), action=action, status=MEANS[action],
        received_at=NOON + timedelta(hours=number), level="3.5" if units else None, unit="DY", units=units,
        stated_at=None if stated is None else NOON + timedelta(minutes=stated),
        from_date=begins if units else None, through_date=begins + timedelta(days=units - 1) if units else None,
    )  # fmt: skip


FIRST = RequestFact(id=named("first"), kind=RequestKind.INITIAL)
MORE = RequestFact(id=named("more"), kind=RequestKind.CONCURRENT)
APPEAL = RequestFact(id=named("appeal"), kind=RequestKind.APPEAL, about=FIRST.id)
SECOND = RequestFact(id=named("second"), kind=RequestKind.APPEAL, about=APPEAL.id)
PAPERS = RequestFact(id=named("papers"), kind=RequestKind.INFORMATION, about=FIRST.id)
ALL = (FIRST, MORE, APPEAL, SECOND, PAPERS)


@pytest.mark.parametrize(
    ("answers", "stands", "units"),
    [
        # E30, ordinary: pended first, decided later.
        ([said("A4"), said("A1", 14, number=1)], "A1", 14),
        # E32: the final answer overtakes its pend; the pend that comes late takes nothing away.
        ([said("A1", 14, stated=5), said("A4", number=1, stated=1)], "A1", 14),
        ([said("A1", 14), said("A4", number=1)], "A1", 14),
        # A data problem or a wish to be called says nothing about what was decided.
        ([said("A1", 14), said("AAA", number=1)], "A1", 14),
        ([said("A1", 14), said("999", number=1)], "A1", 14),
        ([said("A1", 14), said("CT", number=1)], "A1", 14),
        # The last valid one wins (E32): fewer days, a denial, a cancellation (AUTH-09).
        ([said("A1", 14), said("A6", 7, number=1)], "A6", 7),
        ([said("A1", 14), said("A3", number=1)], "A3", 0),
        ([said("A1", 14), said("C", number=1)], "C", 0),
        ([said("A3"), said("A1", 14, number=1)], "A1", 14),
        # ... unless the payer wrote it before what stands.
        ([said("A6", 7, stated=9), said("A1", 14, number=1, stated=2)], "A6", 7),
        ([said("A1", 14, stated=9), said("A3", number=1, stated=2)], "A1", 14),
        # By telephone there is no moment of the payer's: arrival counts.
        ([said("A1", 14, stated=9), said("A3", number=1)], "A3", 0),
        ([said("A4"), said("CT", number=1)], "CT", 0),
        # E31: an upheld appeal leaves the denial, an overturned one replaces it, at any level.
        ([said("A3"), said("A3", on="appeal", number=1)], "A3", 0),
        ([said("A3"), said("A1", 14, on="appeal", number=1)], "A1", 14),
        ([said("A3"), said("A3", on="appeal", number=1), said("A1", 14, on="second", number=2)], "A1", 14),
        # A part, and the rest on appeal: fourteen days, never twenty-one.
        ([said("A6", 7), said("A1", 14, on="appeal", number=1)], "A1", 14),
        ([said("A6", 7), said("A4", on="appeal", number=1)], "A6", 7),
        ([said("A4"), said("A1", 14, on="papers", number=1)], "A1", 14),
        # AUTH-10: an appeal answered that nothing was needed is won; AUTH-03: silence counts until the payer speaks.
        ([said("A3"), said("NA", on="appeal", number=1)], "NA", 0),
        ([said("deemed", 14), said("A6", 7, number=1)], "A6", 7),
        ([said("deemed", 14), said("A4", number=1)], "deemed", 14),
    ],
)  # fmt: skip
def test_which_answer_stands(answers: list[DecisionFact], stands: str, units: int) -> None:
    stand = standing(ALL, answers)
    assert stand.decisions[FIRST.id].action == stands
    assert sum(g.units for g in stand.grants) == units


def test_an_extension_adds_to_what_was_granted() -> None:
    stand = standing(ALL, [said("A1", 7), said("A6", 3, on="more", number=1, first=14)])
    assert [(g.from_date.day, g.through_date.day, g.units) for g in stand.grants] == [(7, 13, 7), (14, 16, 3)]
    denied = standing(ALL, [said("A1", 7), said("A3", on="more", number=1)])
    assert [g.units for g in denied.grants] == [7]


def test_a_second_appeal_leads_to_the_first_question() -> None:
    by_id = {r.id: r for r in ALL}
    assert family_of(SECOND.id, by_id) == FIRST.id
    assert family_of(MORE.id, by_id) == MORE.id
    loop = {FIRST.id: FIRST.model_copy(update={"kind": RequestKind.APPEAL, "about": APPEAL.id}), APPEAL.id: APPEAL}
    assert family_of(FIRST.id, loop) in loop


def test_the_same_said_again_changes_nothing() -> None:
    """A repeat in other bytes opens no grant and re-prices no day (E32)."""
    once = standing(ALL, [said("A1", 7)]).grants
    again = standing(ALL, [said("A1", 7), said("A1", 7, number=1)]).grants
    assert again[0].decision_id != once[0].decision_id
    assert changes(once, again).spans == ()


def test_only_dates_whose_cover_changed_are_priced_again() -> None:
    """AUTH-08: seven of fourteen days after an approval of fourteen: the old and the new span, nothing else."""
    old, new = standing(ALL, [said("A1", 14)]).grants, standing(ALL, [said("A6", 7)]).grants
    assert changes(old, new).spans == ((date(2026, 3, 7), date(2026, 3, 13)), (date(2026, 3, 7), date(2026, 3, 20)))
    assert changes(new, ()).closed == new


ANSWERS = st.lists(
    st.builds(
        said,
        st.sampled_from(sorted(MEANS)),
        st.just(0),
        on=st.sampled_from(["first", "more", "appeal", "second", "papers"]),
        stated=st.none() | st.integers(0, 50),
        number=st.integers(0, 1000),
    ).flatmap(
        lambda d: st.integers(1, 20).map(
            lambda n: d.model_copy(
                update={
                    "units": n, "level": "3.5", "from_date": date(2026, 3, 7),
                    "through_date": date(2026, 3, 6) + timedelta(days=n),
                }
            )
        )
        if d.action in ("A1", "A6", "deemed")
        else st.just(d)
    ),
    max_size=12,
    unique_by=lambda d: d.id,
)  # fmt: skip


@given(ANSWERS)
def test_what_decides_nothing_never_takes_a_grant_away(answers: list[DecisionFact]) -> None:
    stand = standing(ALL, answers)
    without = standing(ALL, [d for d in answers if d.final])
    assert {g.content for g in stand.grants} == {g.content for g in without.grants}


@given(ANSWERS)
def test_one_family_has_one_grant_and_every_answer_a_place(answers: list[DecisionFact]) -> None:
    stand = standing(ALL, answers)
    roots = [g.request_id for g in stand.grants]
    assert len(roots) == len(set(roots))
    assert set(roots) <= {FIRST.id, MORE.id}
    assert {d.id for d in stand.decisions.values()} & set(stand.overtaken) == set()


@given(ANSWERS)
def test_hearing_an_answer_twice_is_hearing_it_once(answers: list[DecisionFact]) -> None:
    twice = [d.model_copy(update={"id": named(f"again:{d.id}")}) for d in answers]
    heard = [one for pair in zip(answers, twice, strict=True) for one in pair]
    assert {g.content for g in standing(ALL, heard).grants} == {g.content for g in standing(ALL, answers).grants}


@given(ANSWERS)
def test_changes_lead_from_any_grants_to_what_stands(answers: list[DecisionFact]) -> None:
    before, after = standing(ALL, answers[: len(answers) // 2]).grants, standing(ALL, answers).grants
    made = changes(before, after)
    gone = {g.content for g in made.closed}
    reached: list[GrantFact] = [g for g in before if g.content not in gone] + list(made.opened)
    assert {g.content for g in reached} == {g.content for g in after}


def test_takes_over_is_decided_by_the_payers_moment_only_between_equals() -> None:
    assert takes_over(said("A1", 7, stated=1), said("A4", stated=9))
    assert not takes_over(said("A4", stated=9), said("A1", 7, stated=1))
