"""Signing, refusing and taking back a consent in a real browser: what is stored is what was shown, for whom it was shown
(domain 3.2, 3.4, 3.8; E11, E21)."""

import hashlib
import itertools
import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from runtime.keyring_file import load_keyring
from runtime.people import open_consent_text, open_person, seal_again
from tests.web.conftest import Entering
from tests.web.test_pages import _violations

PICTURES = os.environ.get("STEPDOWN_PICTURES")
SIGN = "Consent to use and share"
_numbers = itertools.count(1)
FAMILIES = iter((
    "Abernathy", "Quimby", "Zelenko", "Okonkwo", "Fitzwilliam", "Yamamoto", "Brzezinski", "Underhill", "Delacroix",
    "Nakashima", "Papadakis", "Grimsdottir", "Villanueva",
    "Achterberg", "Mwangi", "Kowalczyk",
))  # fmt: skip


@pytest.fixture(scope="module")
def api(house: House) -> Iterator[Caller]:
    own = Caller(house.url, prefix="consents")
    yield own
    own.close()


def referred(api: Caller, born: str = "1990-04-05", facility: str = "harbor") -> str:
    body: dict[str, Any] = {
        "facility": facility, "requested_level": "3.5", "source": "call",
        "patient": {"family": next(FAMILIES), "given": ["Robin", "Lee"], "birth_date": born, "gender": "U"},
        "coverages": [{"payer": "meridian", "member_id": f"MBS{next(_numbers):04d}"}], "diagnoses": [{"code": "F10.20"}],
    }  # fmt: skip
    return str(api.post("admissions", "/v1/episodes", body)["episode_id"])


def on_file(api: Caller, episode: str, form: str = "part2_tpo") -> list[dict[str, Any]]:
    return [c for c in api.get("clinician", f"/v1/episodes/{episode}/consents")["items"] if c["form"] == form]


def keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def name_on(page: Page) -> str:
    return page.locator(".whose").inner_text().split(",")[0]


def filled(page: Page, **changes: str) -> Locator:
    form = page.locator("#act-sign form")
    form.get_by_label("How you made sure who it is").select_option(changes.get("check", "photo_id"))
    form.get_by_label("yes", exact=True).check()
    form.locator("input[name=confirmed]").check()
    form.locator("input[name=typed_name]").fill(changes.get("name", name_on(page)))
    return form


def sealed_text(house: House, consent: str) -> dict[str, Any]:
    """The kept text, opened as the house does."""
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT c.rendering, p.id, p.wrapped_key FROM consent c JOIN person p ON p.id = c.person_id WHERE c.id = %s",
            (consent,),
        ).fetchone()
    assert row is not None
    text = open_consent_text(load_keyring(house.settings), row[1], bytes(row[2]), uuid.UUID(consent), bytes(row[0]))
    return dict(json.loads(text))


def renamed(house: House, episode: str, family: str) -> None:
    """The record is corrected while a page is open."""
    keyring = load_keyring(house.settings)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute(
            "SELECT p.id, p.sealed, p.wrapped_key FROM person p JOIN episode e ON e.person_id = p.id WHERE e.id = %s",
            (episode,),
        ).fetchone()
        assert row is not None
        details = open_person(keyring, row[0], bytes(row[1]), bytes(row[2])).model_copy(update={"family": family})
        sealed = seal_again(keyring, row[0], bytes(row[2]), details)
        connection.execute("UPDATE person SET sealed = %s WHERE id = %s", (sealed, row[0]))


def test_what_is_shown_is_signed_and_kept_word_by_word_and_printed(enter: Entering, api: Caller, house: House) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}")
    page.get_by_role("link", name="Sign, take back, print").click()
    expect(page.locator(".band").first).to_contain_text("No")
    keep(page, "consents-before")
    page.get_by_role("link", name=f"Sign {SIGN}").first.click()
    page.get_by_label("Language").select_option("es")
    page.get_by_role("button", name="Show the text").click()
    text = page.locator("article.text")
    assert text.get_attribute("lang") == "es"
    read = [*text.locator("p:not(.when)").all_inner_texts()]
    keep(page, "consent-to-sign")
    form = filled(page)
    assert name_on(page) in form.locator(".about").inner_text()
    assert "1990-04-05" in form.locator(".about").inner_text()
    form.get_by_role("button", name="Sign:").click()
    expect(page.get_by_role("status")).to_contain_text("with the text as it was shown")
    expect(page.locator(".band").first).to_contain_text("Yes, until")
    keep(page, "consents-after")
    (kept,) = on_file(api, episode)
    (line,) = kept["signatures"]
    assert (line["method"], line["language"], line["identity"], line["name_typed"]) == (
        "electronic",
        "es",
        "photo_id",
        True,
    )
    stored = sealed_text(house, kept["id"])["patient"]
    assert [stored["text"], *(p["text"] for p in stored["paragraphs"])] == read
    canonical = json.dumps(stored, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode()).hexdigest() == line["sha256"]
    link = page.get_by_role("link", name="Print").first.get_attribute("href")
    printed = page.request.get(f"{house.url}{link}")
    assert (printed.status, printed.body()[:5]) == (200, b"%PDF-")
    assert "Abernathy" not in page.url + page.title()


def test_it_is_signed_by_keyboard_alone_and_without_scripts(enter: Entering, api: Caller) -> None:
    episode = referred(api)
    page = enter("clinician", scripts=False)
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    page.locator("#act-sign input[name=signer]").focus()
    for keys in (
        ("Tab",), ("ArrowDown",), ("Tab",), ("Space",), ("Tab",), ("Tab",), ("Tab",), ("Space",), ("Tab",),
    ):  # fmt: skip
        for key in keys:
            page.keyboard.press(key)
    expect(page.locator("#act-sign input[name=typed_name]")).to_be_focused()
    page.keyboard.type(name_on(page).upper())
    page.keyboard.press("Tab")
    expect(page.locator("#act-sign button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("with the text as it was shown")
    assert on_file(api, episode)[0]["valid"]


def test_a_form_made_for_one_person_signs_for_nobody_else(enter: Entering, api: Caller, house: House) -> None:
    """Two people of one name even: the word in the form knows the record and the birth date."""
    one, other = referred(api), referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{one}/consents/part2_tpo")
    renamed(house, other, name_on(page).split()[-1])
    form = page.locator("#act-sign form")
    sent: dict[str, str | float | bool] = {
        str(one.get_attribute("name")): one.get_attribute("value") or ""
        for one in form.locator("input[type=hidden]").all()
    }
    sent |= {
        "act": "sign", "signer": "patient", "identity_check": "known", "capacity": "present", "confirmed": "yes",
        "typed_name": name_on(page),
    }  # fmt: skip
    answer = page.request.post(f"{house.url}/episodes/{other}/consents/part2_tpo", form=sent, max_redirects=0)
    assert answer.status == 409
    assert "made for another person" in answer.text()
    assert not any(c["signatures"] for c in on_file(api, other))
    own = page.request.post(f"{house.url}/episodes/{one}/consents/part2_tpo", form=sent, max_redirects=0)
    again = page.request.post(f"{house.url}/episodes/{one}/consents/part2_tpo", form=sent, max_redirects=0)
    assert (own.status, again.status) == (303, 303)
    assert len(on_file(api, one)) == 1


def test_a_text_that_changed_signs_nothing_and_says_what_changed(enter: Entering, api: Caller, house: House) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    form = filled(page)
    renamed(house, episode, "Rewritten")
    form.get_by_role("button", name="Sign:").click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("nothing was signed")
    expect(said).to_contain_text("Changed: Patient.")
    expect(page.locator(".changed")).to_have_text("Changed: Robin Lee Rewritten")
    keep(page, "consent-stale")
    assert not any(c["signatures"] for c in on_file(api, episode))
    filled(page).get_by_role("button", name="Sign:").click()
    expect(page.get_by_role("status")).to_contain_text("with the text as it was shown")


@pytest.mark.parametrize(
    ("undo", "word"),
    [
        (lambda f: f.locator("input[name=typed_name]").fill("Robin Somebody"), "typed name is not the name"),
        (lambda f: f.locator("input[name=confirmed]").uncheck(), "ticks that the text was read"),
    ],
)
def test_half_a_signature_is_none_and_keeps_what_was_chosen(enter: Entering, api: Caller, undo: Any, word: str) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    form = filled(page)
    undo(form)
    form.get_by_role("button", name="Sign:").click()
    expect(page.get_by_role("alert")).to_contain_text(word)
    expect(form.get_by_label("How you made sure who it is")).to_have_value("photo_id")
    assert not any(c["signatures"] for c in on_file(api, episode))


def test_a_minor_and_the_guardian_sign_one_after_the_other(enter: Entering, api: Caller) -> None:
    """42 CFR 2.14, in a state that asks for both."""
    year = datetime.now(UTC).year
    episode = referred(api, born=f"{year - 15}-01-02", facility="lakeside")
    authority = {
        "family": "Guardiansson", "given": "Kim", "relationship": "parent", "document": "doc-17",
        "from_date": f"{year - 15}-01-02",
    }  # fmt: skip
    api.post("admissions", f"/v1/episodes/{episode}/guardians", authority)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    form = filled(page)
    expect(form.locator(".hint")).to_contain_text("patient and guardian")
    form.get_by_label("the patient").check()
    form.get_by_role("button", name="Sign:").click()
    waiting = page.locator("section", has=page.locator("#h-waiting")).locator("tr", has_text=SIGN)
    expect(waiting).to_contain_text("signed already: patient")
    expect(page.locator(".band").first).to_contain_text("No")
    waiting.get_by_role("link", name="Sign").click()
    form = filled(page, name="kim guardiansson")
    form.get_by_label("as guardian").check()
    form.get_by_role("button", name="Sign:").click()
    expect(page.locator("section", has=page.locator("#h-standing"))).to_contain_text(SIGN)
    expect(page.locator(".band").first).to_contain_text("Yes, until")
    assert {s["party"] for s in on_file(api, episode)[0]["signatures"]} == {"patient", "guardian"}


def test_refused_unable_paper_and_taken_back(enter: Entering, api: Caller) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/telehealth")
    page.locator("#act-refuse summary").click()
    page.locator("#act-refuse").get_by_label("Reason").fill("wants to be seen in person")
    page.get_by_role("button", name="Record the refusal").click()
    expect(page.get_by_role("status")).to_have_text("The refusal was recorded.")
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    filled(page).get_by_label("not now").check()
    page.get_by_role("button", name="Sign:").click()
    expect(page.get_by_role("status")).to_contain_text("nothing was signed")
    assert {c["status"] for c in on_file(api, episode)} == {"unable_to_sign", "presented"}
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    page.locator("#act-paper summary").click()
    page.locator("#act-paper").get_by_label("How you made sure who it is").select_option("known")
    page.get_by_role("button", name="Record the paper").click()
    expect(page.get_by_role("status")).to_contain_text("The paper is the evidence")
    stands = page.locator(".stands", has_text=SIGN)
    expect(stands).to_contain_text("on paper, in the file")
    stands.locator("summary").click()
    expect(stands.locator(".about")).to_contain_text("1990-04-05")
    keep(page, "consent-taken-back")
    stands.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status")).to_have_text("The consent is taken back, from now on.")
    expect(page.locator(".band").first).to_contain_text("was revoked")


def test_a_form_for_a_recipient_shows_its_text_once_the_recipient_is_said(enter: Entering, api: Caller) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/emergency_contact")
    expect(page.locator("#act-sign")).to_have_count(0)
    page.get_by_label("Who may be told").fill("the sister\nthe family doctor")
    page.get_by_role("button", name="Show the text").click()
    expect(page.locator("article.text")).to_contain_text("the sister, the family doctor")
    assert "sister" not in page.url
    filled(page).get_by_role("button", name="Sign:").click()
    expect(page.get_by_role("status")).to_contain_text("with the text as it was shown")
    assert on_file(api, episode, "emergency_contact")[0]["covers"]["recipients"] == ["the sister", "the family doctor"]


def test_one_plan_is_chosen_from_the_list_and_named_in_the_text(enter: Entering, api: Caller) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/payer_release")
    page.get_by_label("Which health plan").select_option("payer/meridian")
    page.get_by_role("button", name="Show the text").click()
    expect(page.locator("article.text")).to_contain_text("Meridian Health")
    filled(page).get_by_role("button", name="Sign:").click()
    expect(page.locator(".band").first).to_contain_text("Yes, until")
    assert on_file(api, episode, "payer_release")[0]["covers"]["recipients"] == ["payer/meridian"]


def test_a_condition_that_came_about_is_recorded_on_the_page(enter: Entering, api: Caller) -> None:
    episode = referred(api)
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents/supervision_updates")
    page.get_by_label("Who may be told").fill("probation/officer-1")
    page.get_by_role("button", name="Show the text").click()
    filled(page).get_by_role("button", name="Sign:").click()
    stands = page.locator(".stands", has_text="Reports to a supervising officer")
    expect(stands).to_contain_text("or until what it names comes about")
    stands.locator("summary", has_text="What it names").click()
    stands.get_by_role("button", name="End:").click()
    expect(page.get_by_role("status")).to_have_text("The consent has ended.")
    expect(page.locator("section", has=page.locator("#h-past"))).to_contain_text("as what it names came about")


def test_who_may_sign_is_put_on_record_and_their_authority_ended(enter: Entering, api: Caller) -> None:
    year = datetime.now(UTC).year
    episode = referred(api, born=f"{year - 14}-01-02", facility="lakeside")
    page = enter("clinician")
    page.goto(f"/episodes/{episode}/consents")
    page.locator("#guardian summary").click()
    form = page.locator("#guardian form")
    form.get_by_label("Given name").fill("Kim")
    form.get_by_label("Family name").fill("Wardenson")
    form.get_by_label("Document of authority").fill("order-9")
    form.get_by_label("From").fill(f"{year}-01-01")
    form.get_by_label("Through").fill(f"{year - 1}-01-01")
    form.get_by_role("button", name="Put on record").click()
    expect(page.get_by_role("alert")).to_contain_text("its dates, in order")
    form.get_by_label("Through").fill("")
    form.get_by_role("button", name="Put on record").click()
    expect(page.get_by_role("status")).to_have_text("Who may sign is on record.")
    kin = page.locator("section", has=page.locator("#h-guardians")).locator("li", has_text="Kim Wardenson")
    expect(kin).to_contain_text("in force")
    kin.locator("summary").click()
    kin.get_by_label("Why").select_option("court_order_ended")
    keep(page, "authority-to-end")
    kin.get_by_role("button", name="End the authority").click()
    expect(page.get_by_role("status")).to_contain_text("The authority has ended")
    expect(kin).to_contain_text("not in force")
    expect(kin).to_contain_text("court order ended")
    page.goto(f"/episodes/{episode}/consents/part2_tpo")
    expect(page.locator("#act-sign")).not_to_contain_text("Wardenson")


@pytest.mark.parametrize("width", [1366, 820, 390])
def test_the_pages_are_free_of_axe_findings_and_fit_their_screen(
    enter: Entering, ward: dict[str, str], api: Caller, width: int
) -> None:
    page = enter("clinician")
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in ("", "/part2_tpo", "/part2_tpo?language=es", "/emergency_contact"):
        page.goto(f"/episodes/{ward['detox']}/consents{path}")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found[path] = _violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        keep(page, f"consents-{width}-{path.strip('/').replace('?', '-') or 'all'}")
    assert found == {path: [] for path in found}
