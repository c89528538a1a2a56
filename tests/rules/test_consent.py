"""Verdicts on consents, by table with their source (42 CFR 2.14, 2.31; domain 3.2, 3.4, 3.8; E11)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.consent import ConsentForm, EndEvent, ValidityKind
from definitions.consent_wording import ConsentElement, ConsentWording, MinorLaw, MinorRule
from definitions.signing import AuthorityEnd, SignatureMethod, SigningParty
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose, Track
from rules.authority import SIGNED_BEFORE, SignedBefore, effect_on
from rules.consent import (
    age_on,
    ends_at,
    event_ends_at,
    first_end,
    is_minor,
    lacking_elements,
    last_to_end,
    majority_at,
    method_problem,
    mixed_purposes,
    needed_at,
    outlives,
    parties_required,
    party_problem,
    recipients_problem,
    reminders,
    required_elements,
)
from rules.consent_text import ShownForm, parts_of, recipients_in_words, shown_form, what_changed, written_alike
from rules.disclosure import ConsentOnFile, DisclosureAsk, judge
from runtime.catalog import load_catalog

CATALOG = load_catalog()
FORMS = CATALOG.latest.consents
ON = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ZONE = "America/Chicago"
P, G, R = SigningParty.PATIENT, SigningParty.GUARDIAN, SigningParty.REPRESENTATIVE


def wording(form: str = "part2_tpo", **changes: str) -> ConsentWording:
    said = CATALOG.wording(FORMS[form], "en", ON)
    assert said is not None
    return said.model_copy(update=changes)


@pytest.mark.parametrize(
    ("element", "source"),
    [
        ("discloser", "2.31(a)(2)"), ("information", "(a)(3)"), ("recipients", "(a)(4)"), ("purpose", "(a)(5)"),
        ("right_to_revoke", "(a)(6)"), ("expiration", "(a)(7)"), ("redisclosure_statement", "(a)(4)(iii)"),
        ("refusal_consequences", "domain 3.2"), ("redisclosure_risk", "domain 3.2"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("emptied", ["", "  "])
def test_each_element_of_a_tpo_consent_is_required(element: str, source: str, emptied: str) -> None:
    assert lacking_elements(FORMS["part2_tpo"], wording(**{element: emptied}), ()) == (ConsentElement(element),), source


def test_an_intermediary_is_named_where_there_is_one() -> None:
    """2.31(a)(4)(ii)."""
    form = FORMS["part2_tpo"]
    assert lacking_elements(form, wording(), (), through_intermediary=True) == (ConsentElement.INTERMEDIARY,)
    assert (
        lacking_elements(form, wording(intermediary="The exchange and its members"), (), through_intermediary=True)
        == ()
    )


def test_a_form_for_a_named_recipient_needs_the_name() -> None:
    form = FORMS["counselling_notes"]
    assert lacking_elements(form, wording(form.key), ()) == (ConsentElement.RECIPIENTS,)
    assert lacking_elements(form, wording(form.key), ("payer/meridian",)) == ()


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_shipped_form_is_whole_in_every_language_it_has_and_mixes_nothing(form: str) -> None:
    assert mixed_purposes(FORMS[form]) is None
    for language in CATALOG.languages(FORMS[form], ON):
        said = CATALOG.wording(FORMS[form], language, ON)
        assert said is not None
        assert lacking_elements(FORMS[form], said, ("somebody",)) == (), language


def test_a_form_that_discloses_nothing_needs_no_element() -> None:
    assert required_elements(FORMS["treatment"]) == ()


@pytest.mark.parametrize(
    ("purposes", "contents", "word"),
    [
        ((Purpose.PAYMENT, Purpose.LEGAL), (ContentClass.CLAIM,), "another purpose"),
        ((Purpose.PATIENT_REQUEST, Purpose.LEGAL), (ContentClass.CLAIM,), "legal proceeding"),
        ((Purpose.TREATMENT,), (ContentClass.COUNSELLING_NOTES, ContentClass.HANDOFF), "counselling notes"),
    ],
)
def test_what_needs_a_form_of_its_own_is_not_mixed(
    purposes: tuple[Purpose, ...], contents: tuple[ContentClass, ...], word: str
) -> None:
    made = ConsentForm(
        key="x", edition="e", title="t", text="t", purposes=purposes, contents=contents, validity=ValidityKind.EPISODE
    )
    assert word in (mixed_purposes(made) or "")


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        (date(2008, 3, 2), date(2026, 3, 1), 17), (date(2008, 3, 2), date(2026, 3, 2), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17), (date(2008, 2, 29), date(2026, 3, 1), 18),
    ],
)  # fmt: skip
def test_age_in_whole_years(born: date, on: date, age: int) -> None:
    assert age_on(born, on) == age


@pytest.mark.parametrize(
    ("born", "instant"),
    [
        (date(2008, 3, 2), datetime(2026, 3, 2, 6, tzinfo=UTC)),  # Chicago, winter
        (date(2008, 7, 4), datetime(2026, 7, 4, 5, tzinfo=UTC)),  # and summer
        (date(2008, 2, 29), datetime(2026, 3, 1, 6, tzinfo=UTC)),
    ],
)
def test_majority_comes_at_the_facilitys_midnight(born: date, instant: datetime) -> None:
    """E11."""
    law = CATALOG.minor_law("TX", ON)
    assert majority_at(born, law, ZONE) == instant
    assert is_minor(born, law, ZONE, instant - timedelta(seconds=1))
    assert not is_minor(born, law, ZONE, instant)


@pytest.mark.parametrize(
    ("state", "born", "who"),
    [
        ("TX", date(1990, 1, 1), (P,)), ("TX", date(2009, 3, 2), (P,)), ("TX", date(2010, 3, 3), (P, G)),
        ("NY", date(2009, 3, 2), (P, G)), ("ZZ", date(2009, 3, 2), (P, G)),
    ],
)  # fmt: skip
def test_who_signs_by_state_and_age(state: str, born: date, who: tuple[SigningParty, ...]) -> None:
    assert parties_required(born, CATALOG.minor_law(state, ON), ZONE, AT, None) == who


def test_a_rule_for_one_service_holds_there_only() -> None:
    law = MinorLaw(
        state="S", effective_from=date(2020, 1, 1), source="s",
        rules=(MinorRule(from_age=0, parties=(G,)), MinorRule(from_age=12, services=(Track.DAY,), parties=(P,))),
    )  # fmt: skip
    born = date(2013, 1, 1)
    assert parties_required(born, law, ZONE, AT, Track.DAY) == (P,)
    assert parties_required(born, law, ZONE, AT, Track.BED) == (G,)
    assert parties_required(born, law, ZONE, AT, None) == (G,)


@pytest.mark.parametrize(
    ("party", "required", "minor", "authority", "word"),
    [
        (P, (P,), False, False, None), (G, (P, G), True, True, None), (R, (P,), False, True, None),
        (G, (P,), False, True, "of age"), (G, (P,), True, True, "only the minor"), (G, (P, G), True, False, "authority"),
        (R, (P,), False, False, "authority"), (R, (P, G), True, True, "guardian"),
    ],
)  # fmt: skip
def test_who_may_sign(
    party: SigningParty, required: tuple[SigningParty, ...], minor: bool, authority: bool, word: str | None
) -> None:
    said = party_problem(party, required, minor=minor, authority_on_record=authority)
    assert said is None if word is None else word in (said or "")


@pytest.mark.parametrize(
    ("form", "method", "witnessed", "shown", "fine"),
    [
        ("part2_tpo", SignatureMethod.PAPER, False, False, True),
        ("part2_tpo", SignatureMethod.ELECTRONIC, False, True, True),
        ("part2_tpo", SignatureMethod.ELECTRONIC, False, False, False),
        ("part2_tpo", SignatureMethod.VERBAL_WITNESSED, True, False, False),
        ("treatment", SignatureMethod.VERBAL_WITNESSED, True, False, True),
        ("treatment", SignatureMethod.VERBAL_WITNESSED, False, False, False),
    ],
)
def test_how_it_may_be_signed(form: str, method: SignatureMethod, witnessed: bool, shown: bool, fine: bool) -> None:
    """2.31(a): written consent, on paper or electronic."""
    assert (method_problem(FORMS[form], method, witnessed=witnessed, hash_shown=shown) is None) is fine


def test_what_a_guardian_signed_ends_when_the_minor_comes_of_age() -> None:
    form, soon, late = FORMS["part2_tpo"], AT + timedelta(days=10), AT + timedelta(days=900)
    assert ends_at(form, AT, (P, G), soon) == soon
    assert ends_at(form, AT, (P, G), late) == AT + timedelta(days=365)
    assert ends_at(form, AT, (P,), soon) == AT + timedelta(days=365)
    assert ends_at(FORMS["privacy_notice"], AT, (P,), soon) is None
    assert ends_at(FORMS["privacy_notice"], AT, (G,), soon) == soon


@given(days=st.integers(min_value=1, max_value=800), ahead=st.lists(st.integers(min_value=1, max_value=90), max_size=5))
def test_reminders_stand_between_signature_and_end_in_order(days: int, ahead: list[int]) -> None:
    end = AT + timedelta(days=days)
    found = reminders(AT, end, ahead)
    assert list(found) == sorted(set(found))
    assert all(AT < at < end for at in found)
    assert len(found) == len({d for d in ahead if d < days})


@pytest.mark.parametrize(
    ("expires", "through", "stands"),
    [
        (None, ON, True),
        (datetime(2026, 3, 3, 6, tzinfo=UTC), ON, True),  # midnight that ends 2 March in Chicago
        (datetime(2026, 3, 3, 5, 59, tzinfo=UTC), ON, False),
    ],
)
def test_whether_a_consent_outlives_the_days_asked_for(expires: datetime | None, through: date, stands: bool) -> None:
    assert outlives(expires, through, ZONE) is stands


def test_a_consent_found_without_an_element_covers_nothing() -> None:
    """2.31(c), at the gate."""
    whole = ConsentOnFile(
        consent_id="c", form="part2_tpo", status=ConsentStatus.SIGNED, purposes=(Purpose.PAYMENT,),
        contents=(ContentClass.CLAIM,), recipients=("payer/meridian",), signed_at=AT,
    )  # fmt: skip
    ask = DisclosureAsk(
        person_id="p", episode_id="e", content=ContentClass.CLAIM, purpose=Purpose.PAYMENT, recipient="payer/meridian",
        recipient_class="health_plans",
    )  # fmt: skip
    assert judge(ask, (whole,), AT).allowed
    verdict = judge(ask, (whole.model_copy(update={"lacks": ("discloser",)}),), AT)
    assert not verdict.allowed
    assert "lacks discloser" in verdict.reasons[0]


def _shown(**changes: str) -> ShownForm:
    return shown_form(
        wording(**changes), edition="e", patient="Robin Testerman", place="Harbor", recipients=("a sister",)
    )


@pytest.mark.parametrize(
    ("changes", "headings"),
    [
        ({}, ()), ({"purpose": "Something else."}, ("What for",)), ({"title": "Another"}, ("",)),
        ({"text": "Another.", "expiration": "Never."}, ("", "How long it holds")),
        ({"redisclosure_risk": ""}, ("What sharing again means",)),
    ],
)  # fmt: skip
def test_what_changed_in_a_text_is_told_by_its_headings(changes: dict[str, str], headings: tuple[str, ...]) -> None:
    assert what_changed(parts_of(_shown()), _shown(**changes)) == headings


def test_a_part_that_came_anew_is_a_change_too() -> None:
    assert what_changed(parts_of(_shown(intermediary="")), _shown(intermediary="The exchange")) == (
        "Through an intermediary",
    )


@pytest.mark.parametrize(
    ("typed", "name", "same"),
    [
        ("robin testerman", "Robin Testerman", True), ("  ROBIN   TESTERMAN ", "Robin Testerman", True),
        ("Jose Nunez", "José Núñez", True), ("Robin", "Robin Testerman", False), ("", "", False), ("x", "", False),
        ("Robin T", "Robin Testerman", False), ("Sean O'Neil", "Sean O’Neil", True),
    ],
)  # fmt: skip
def test_a_name_is_typed_as_it_stands(typed: str, name: str, same: bool) -> None:
    assert written_alike(typed, name) is same


@dataclass(frozen=True)
class Ends:
    """A consent as far as its end goes."""

    expires_at: datetime | None


@pytest.mark.parametrize(
    ("days", "renewed"),
    [
        ((), None), ((None,), None), ((3,), 3), ((3, 6), 6), ((3, None), None), ((3, 40), None), ((9,), 9), ((11,), None),
    ],
)  # fmt: skip
def test_which_consent_is_renewed_before_days_are_asked_for(days: tuple[int | None, ...], renewed: int | None) -> None:
    """domain 3.4: the last to end, unless one outlives the last of ten days."""
    carrying = [Ends(None if d is None else AT + timedelta(days=d)) for d in days]
    found = last_to_end(carrying, ON + timedelta(days=9), ZONE)
    assert (found.expires_at if found else None) == (None if renewed is None else AT + timedelta(days=renewed))


@pytest.mark.parametrize(
    ("form", "level", "intake", "asked"),
    [
        ("part2_tpo", "3.5", False, True), ("telehealth", "3.5", False, False), ("telehealth", "2.5", False, True),
        ("moud", "3.5", False, False), ("counselling_notes", "3.5", False, False), ("treatment", None, True, True),
        ("treatment", None, False, False), ("lab", None, True, False),
    ],
)  # fmt: skip
def test_who_refused_is_asked_again_for_what_is_needed(form: str, level: str | None, intake: bool, asked: bool) -> None:
    """domain 3.4, 3.7."""
    edition = CATALOG.latest
    at_intake = edition.facilities["harbor"].intake_consents
    assert needed_at(form, edition.levels.get(level or ""), at_intake, intake=intake) is asked


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
