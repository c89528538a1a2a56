"""When a consent ends, whom it may name, and what becomes of it with an authority, by table with its source (42 CFR 2.14, 2.15,
2.24, 2.31; domain 3.4)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from definitions.consent import EndEvent
from definitions.consent_wording import ConsentElement
from definitions.signing import AuthorityEnd
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from rules.authority import SIGNED_BEFORE, SignedBefore, effect_on, in_force
from rules.consent import (
    event_ends_at,
    first_end,
    lacking_elements,
    majority_at,
    parties_required,
    recipients_problem,
)
from rules.consent_text import recipients_in_words
from rules.disclosure import ConsentOnFile, DisclosureAsk, judge
from tests.rules.test_consent import AT, CATALOG, FORMS, ON, ZONE, G, P, wording

DISCHARGED = {EndEvent.DISCHARGE: AT}


@pytest.mark.parametrize(
    ("event", "days", "happened", "ends"),
    [
        (None, 0, DISCHARGED, None), (EndEvent.DISCHARGE, 0, {}, None), (EndEvent.DISCHARGE, 0, DISCHARGED, AT),
        (EndEvent.DISCHARGE, 30, DISCHARGED, AT + timedelta(days=30)), (EndEvent.CONDITION, 0, DISCHARGED, None),
        (EndEvent.CONDITION, 0, {EndEvent.CONDITION: AT}, AT),
    ],
)  # fmt: skip
def test_an_event_ends_what_names_it(
    event: EndEvent | None, days: int, happened: dict[EndEvent, datetime], ends: datetime | None
) -> None:
    """2.31(a)(7); domain 3.7: discharge + 30 d, end of supervision."""
    assert event_ends_at(event, days, happened) == ends


@pytest.mark.parametrize(
    ("term", "by_event", "first"),
    [
        (None, None, (None, False)), (AT, None, (AT, False)), (None, AT, (AT, True)), (AT, AT, (AT, False)),
        (AT, AT - timedelta(seconds=1), (AT - timedelta(seconds=1), True)), (AT, AT + timedelta(days=1), (AT, False)),
    ],
)  # fmt: skip
def test_term_or_event_whichever_comes_first(
    term: datetime | None, by_event: datetime | None, first: tuple[datetime | None, bool]
) -> None:
    assert first_end(term, by_event) == first


@pytest.mark.parametrize(
    ("form", "event", "days"),
    [
        ("patient_rights", EndEvent.DISCHARGE, 0), ("lab", EndEvent.DISCHARGE, 0), ("family_updates", EndEvent.DISCHARGE, 30),
        ("supervision_updates", EndEvent.CONDITION, 0), ("part2_tpo", None, 0), ("payer_release", None, 0),
    ],
)  # fmt: skip
def test_which_forms_end_with_what(form: str, event: EndEvent | None, days: int) -> None:
    """domain 3.7."""
    assert (FORMS[form].event, FORMS[form].ends_after_days) == (event, days)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_there_in_english_and_spanish(form: str) -> None:
    assert {"en", "es"} <= set(CATALOG.languages(FORMS[form], ON))


@pytest.mark.parametrize(
    ("form", "recipients", "fine"),
    [
        ("payer_release", ("payer/meridian",), True), ("payer_release", ("payer/nobody",), False),
        ("payer_release", ("Meridian",), False), ("payer_release", (), False),
        ("payer_release", ("payer/meridian", "payer/unity"), False), ("payer_release", ("intermediary/lone_star",), False),
        ("exchange_release", ("intermediary/lone_star",), True), ("exchange_release", ("hospital/mercy_north",), False),
        ("emergency_contact", ("a sister", "a brother"), True),
    ],
)  # fmt: skip
def test_whom_a_form_may_name(form: str, recipients: tuple[str, ...], fine: bool) -> None:
    """2.31(a)(4)."""
    assert (recipients_problem(FORMS[form], recipients, ["meridian", "unity"], ["lone_star"]) is None) is fine


@pytest.mark.parametrize(
    ("form", "element"), [("payer_release", "redisclosure_statement"), ("exchange_release", "intermediary")]
)
def test_what_a_form_to_a_plan_or_through_an_intermediary_says_beside(form: str, element: str) -> None:
    """2.31(a)(4)(ii) and (iii)."""
    assert lacking_elements(FORMS[form], wording(form, **{element: ""}), ("x",)) == (ConsentElement(element),)


def test_recipients_by_key_are_named_in_words() -> None:
    harbor = CATALOG.latest.facilities["harbor"]
    said = recipients_in_words(
        ("payer/meridian", "intermediary/lone_star", "intermediary/hill_country", "a sister"),
        harbor,
        {"meridian": "Meridian"},
    )
    assert said == (
        "Meridian", "Lone Star Health Exchange: Travis Community Clinic; Mercy North Hospital",
        "Hill Country Record Exchange", "a sister",
    )  # fmt: skip


def test_each_end_of_an_authority_has_its_line() -> None:
    """2.14, 2.15, 2.31(c); domain 3.4."""
    assert set(SIGNED_BEFORE) == set(AuthorityEnd)
    ends = {AuthorityEnd.MAJORITY, AuthorityEnd.EMANCIPATED}
    assert {r for r, what in SIGNED_BEFORE.items() if what is SignedBefore.ENDS} == ends
    assert {r for r, what in SIGNED_BEFORE.items() if what is SignedBefore.VOID} == {AuthorityEnd.NEVER_VALID}


EXCHANGE = ConsentOnFile(
    consent_id="c", form="exchange_release", status=ConsentStatus.SIGNED, purposes=(Purpose.TREATMENT,),
    contents=(ContentClass.HANDOFF,), recipients=("intermediary/lone_star", "hospital/mercy_north"), signed_at=AT,
)  # fmt: skip
CLASS = EXCHANGE.model_copy(
    update={"recipients": ("intermediary/lone_star",), "recipient_classes": ("treating_providers",)}
)


@pytest.mark.parametrize(
    ("consent", "through", "recipient", "allowed", "word"),
    [
        (EXCHANGE, "intermediary/lone_star", "hospital/mercy_north", True, "covered"),
        (EXCHANGE, "intermediary/lone_star", "hospital/other", False, "does not name hospital/other"),
        (EXCHANGE, None, "hospital/mercy_north", False, "goes through"),
        (EXCHANGE, "intermediary/hill_country", "hospital/mercy_north", False, "does not name intermediary/hill_country"),
        (CLASS, "intermediary/lone_star", "hospital/other", True, "covered"),
        (CLASS.model_copy(update={"recipients": ()}), "intermediary/lone_star", "hospital/other", False, "2.31(a)(4)(ii)"),
        (EXCHANGE.model_copy(update={"taken_back": ("intermediary/lone_star",)}), "intermediary/lone_star",
         "hospital/mercy_north", False, "taken back"),
    ],
)  # fmt: skip
def test_through_an_intermediary_only_who_is_named_with_it(
    consent: ConsentOnFile, through: str | None, recipient: str, allowed: bool, word: str
) -> None:
    ask = DisclosureAsk(
        person_id="p", episode_id="e", content=ContentClass.HANDOFF, purpose=Purpose.TREATMENT, recipient=recipient,
        recipient_class="treating_providers", intermediary=through,
    )  # fmt: skip
    verdict = judge(ask, (consent,), AT)
    assert (verdict.allowed, word in verdict.reasons[0]) == (allowed, True), verdict.reasons
    if allowed:
        assert verdict.cover is not None
        assert verdict.cover.scope["intermediary"] == through


@pytest.mark.parametrize(
    ("ends_by", "at", "allowed", "word"),
    [
        ("discharge", -1, True, "covered"), ("discharge", 0, False, "with the treatment"),
        ("condition", 0, False, "came about"), ("authority", 5, False, "authority"), ("", 0, False, "has expired"),
    ],
)  # fmt: skip
def test_the_gate_shuts_at_the_instant_of_the_event_and_says_which(
    ends_by: str, at: int, allowed: bool, word: str
) -> None:
    consent = EXCHANGE.model_copy(
        update={"recipients": ("hospital/mercy_north",), "ends_by": ends_by, "expires_at": AT + timedelta(days=1)}
    )
    ask = DisclosureAsk(
        person_id="p", episode_id="e", content=ContentClass.HANDOFF, purpose=Purpose.TREATMENT,
        recipient="hospital/mercy_north", recipient_class="treating_providers",
    )  # fmt: skip
    verdict = judge(ask, (consent,), AT + timedelta(days=1, seconds=at))
    assert (verdict.allowed, word in verdict.reasons[0]) == (allowed, True), verdict.reasons


@pytest.mark.parametrize(
    ("reason", "after_end", "effect"),
    [
        (AuthorityEnd.EMANCIPATED, -1, SignedBefore.ENDS), (AuthorityEnd.COURT_ORDER_ENDED, -1, SignedBefore.ASKED_ANEW),
        (AuthorityEnd.NEVER_VALID, -1, SignedBefore.VOID), (AuthorityEnd.COURT_ORDER_ENDED, 0, SignedBefore.VOID),
        (AuthorityEnd.REPLACED, 5, SignedBefore.VOID), (AuthorityEnd.MAJORITY, 0, SignedBefore.VOID),
    ],
)  # fmt: skip
def test_a_signature_made_after_the_authority_had_ended_is_void(
    reason: AuthorityEnd, after_end: int, effect: SignedBefore
) -> None:
    assert effect_on(reason, AT + timedelta(seconds=after_end), AT) is effect


def test_who_was_made_of_age_by_law_signs_alone() -> None:
    law, born = CATALOG.minor_law("NY", ON), date(2010, 6, 1)
    assert parties_required(born, law, ZONE, AT, None, AT) == (P,)
    assert parties_required(born, law, ZONE, AT - timedelta(seconds=1), None, AT) == (P, G)
    assert majority_at(born, law, ZONE, AT) == AT
    assert majority_at(date(1990, 1, 1), law, ZONE, AT) < AT, "the birthday comes first"


@dataclass(frozen=True)
class Paper:
    from_date: date = date(2026, 3, 2)
    until_date: date | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None


@pytest.mark.parametrize(
    ("paper", "on", "fine"),
    [
        (Paper(), date(2026, 3, 2), True), (Paper(), date(2026, 3, 1), False),
        (Paper(until_date=date(2026, 3, 2)), date(2026, 3, 2), True),
        (Paper(until_date=date(2026, 3, 2)), date(2026, 3, 3), False),
        (Paper(ended_at=AT + timedelta(seconds=1), end_reason="revoked"), date(2026, 3, 2), True),
        (Paper(ended_at=AT, end_reason="revoked"), date(2026, 3, 2), False),
        (Paper(ended_at=AT + timedelta(days=9), end_reason="never_valid"), date(2026, 3, 2), False),
    ],
)  # fmt: skip
def test_an_authority_is_in_force_on_its_days_until_it_ends(paper: Paper, on: date, fine: bool) -> None:
    """2.14, 2.15: both dates are included, the end is not."""
    assert in_force(paper, on, AT) is fine
