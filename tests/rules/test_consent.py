"""Verdicts on consents, by table with their source (42 CFR 2.14, 2.31; domain 3.2, 3.4, 3.8; E11)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.consent import ConsentForm, ValidityKind
from definitions.consent_wording import ConsentElement, ConsentWording, MinorLaw, MinorRule
from definitions.signing import SignatureMethod, SigningParty
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose, Track
from rules.consent import (
    age_on,
    ends_at,
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
    reminders,
    required_elements,
)
from rules.consent_text import ShownForm, parts_of, shown_form, what_changed, written_alike
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
