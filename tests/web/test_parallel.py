"""Asking for a day programme beside supportive housing, and ending one of the two, from the episode page (E57)."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import Entering

PICTURES = os.environ.get("STEPDOWN_PICTURES")


def _ask(page: Page, episode: str, level: str) -> None:
    page.goto(f"/episodes/{episode}")
    page.locator("#act-request summary").click()
    form = page.locator("#act-request form")
    form.locator("select[name=to_level]").select_option(level)
    form.get_by_label("Rationale").fill("steady in the house, wants the day programme")
    form.get_by_label("If it differs from what is recommended, why").select_option("patient_preference")


def _approve(enter: Entering, episode: str) -> None:
    page = enter("reviewer")
    page.goto(f"/episodes/{episode}")
    page.get_by_role("button", name="Approve").click()


def _keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_a_day_programme_beside_housing_is_shown_then_asked_for_then_ended_alone(
    enter: Entering, ward: dict[str, str]
) -> None:
    episode = ward["housed"]
    page = enter("clinician")
    _ask(page, episode, "beside:2.5")
    page.locator("#act-request").get_by_role("button", name="Ask", exact=True).click()
    shown = page.locator("#act-request .preview")
    expect(shown).to_contain_text("What the move would do")
    expect(shown).to_contain_text("sessions of php")
    expect(shown).not_to_contain_text("cancelled")
    expect(page.locator(".card")).to_have_count(0)
    found = Axe().run(page).response["violations"]
    assert [v["id"] for v in found] == []
    _keep(page, "parallel-preview")
    page.locator("#act-request").get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("The level was asked for.")
    _approve(enter, episode)
    page.goto(f"/episodes/{episode}")
    expect(page.locator(".band").first).to_contain_text("3.1")
    expect(page.locator(".band").first).to_contain_text("2.5")
    expect(page.locator(".band").first).to_contain_text("beside")
    page.locator("#act-request summary").click()
    options = page.locator("#act-request select[name=to_level] option").all_inner_texts()
    assert any(o.startswith("3.1") and o.endswith("alone: 2.5 ends") for o in options)
    assert any(o.startswith("2.5") and o.endswith("alone: 3.1 ends") for o in options)
    assert not any("beside" in o for o in options)
    _keep(page, "parallel-both")
    _ask(page, episode, "3.1")
    page.locator("#act-request").get_by_role("button", name="Show what it would do").click()
    expect(page.locator("#act-request .preview")).to_contain_text("Days at 3.1 go on")
    _keep(page, "parallel-ending")
    page.locator("#act-request").get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("The level was asked for.")
    _approve(enter, episode)
    page.goto(f"/episodes/{episode}")
    expect(page.locator(".band").first).to_contain_text("3.1")
    expect(page.locator(".band").first).not_to_contain_text("2.5")
