"""The pages in a real browser against the whole product."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from local.bundles.generate import DATA, read_folder
from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.web.conftest import Entering


def _violations(page: Page) -> list[str]:
    found: Any = Axe().run(page).response["violations"]
    return [f"{v['id']}: {[n['target'] for n in v['nodes']][:3]}" for v in found]


def test_a_stranger_is_asked_to_sign_in_and_a_wrong_password_says_so(browser: Any, house: House) -> None:
    page = browser.new_page(base_url=house.url)
    page.goto("/queue")
    expect(page).to_have_url(re.compile(r"/login\?next=/queue"))
    page.get_by_label("User name").fill("reviewer")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known here")
    page.get_by_label("Password").fill("local")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Step-down queue")
    page.close()


def test_the_board_says_who_is_here_and_renews_itself(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("director")
    figures = page.locator(".figures div")
    expect(figures.filter(has_text="In a bed").locator("dd")).to_contain_text(re.compile(r"[6-9]|1\d"))
    expect(figures.filter(has_text="On leave").locator("dd")).to_have_text("1")
    expect(page.locator(".bed.on_leave")).to_contain_text("back")
    first = page.locator(".stamp time").inner_text()
    expect(page.locator(".stamp time")).not_to_have_text(first, timeout=15_000)


def test_initials_hide_names_on_a_wall_screen(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("director")
    name = page.locator(".bed.occupied a").first.inner_text()
    page.get_by_label("Initials only").check()
    page.get_by_role("button", name="Show").click()
    shown = page.locator(".bed.occupied a").first.inner_text()
    assert shown == "".join(part[0] for part in name.split())
    assert name not in page.content()


def test_no_name_stands_in_an_address_or_a_title(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['detox']}")
    name = page.get_by_role("heading", level=1).inner_text()
    family = name.split()[-1]
    assert family not in page.title()
    assert family not in page.url
    hrefs = page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)")
    assert not any(family in href for href in hrefs)


def test_a_return_needs_a_reason_and_keeps_the_card(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/queue")
    card = page.locator("article").filter(has=page.locator(f"a[href='/episodes/{ward['second']}']"))
    for family in ("Assessments", "Consents", "Authorization", "Schedule", "Per diem"):
        expect(card.locator(".plan dt", has_text=family)).to_be_visible()
    card.get_by_role("button", name="Return").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why you return it")
    card.get_by_label("Reason").fill("send the discharge plan first")
    card.get_by_role("button", name="Return").click()
    expect(page.get_by_role("status")).to_have_text("The decision was recorded.")
    expect(card).to_have_count(0)


def test_an_approval_moves_the_level_and_a_repeat_is_the_same_command(
    enter: Entering, ward: dict[str, str], house: House
) -> None:
    page = enter("reviewer")
    page.goto("/queue")
    card = page.locator("article").filter(has=page.locator(f"a[href='/episodes/{ward['pending']}']"))
    fields = {one.get_attribute("name"): one.get_attribute("value") for one in card.locator("input[type=hidden]").all()}
    sent: dict[str, str | float | bool] = {name: value or "" for name, value in fields.items() if name}
    sent["decision"] = "approve"
    path = f"{house.url}/episodes/{ward['pending']}/decide"
    answers = [page.request.post(path, form=sent, max_redirects=0).status for _ in range(2)]
    assert answers == [303, 303]
    page.goto(f"/episodes/{ward['pending']}")
    expect(page.locator(".band").first).to_contain_text("2.5")
    caller = Caller(house.url)
    moves = [m for m in caller.get("reviewer", f"/v1/episodes/{ward['pending']}")["movements"] if m["level"] == "2.5"]
    caller.close()
    assert len(moves) == 1


def test_a_form_from_elsewhere_is_refused(enter: Entering, ward: dict[str, str], house: House) -> None:
    page = enter("clinician")
    sent: dict[str, str | float | bool] = {
        "key": "from-elsewhere-1",
        "csrf": "guess",
        "kind": "leave",
        "left_at": "2026-01-01T10:00",
        "reason": "x",
    }
    answer = page.request.post(f"{house.url}/episodes/{ward['detox']}/leave", form=sent)
    assert answer.status == 403
    assert "load it again" in answer.text()


def test_the_wrong_role_sees_no_button_and_gets_no_further(enter: Entering, ward: dict[str, str], house: House) -> None:
    page = enter("biller")
    page.goto("/queue")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    answer = page.request.get(f"{house.url}/episodes/new")
    assert answer.status == 403
    assert "admissions" in answer.text()


def test_an_assessment_without_scripts_is_recorded_and_a_bad_one_keeps_what_was_ticked(
    enter: Entering, ward: dict[str, str]
) -> None:
    page = enter("clinician", scripts=False)
    page.goto(f"/episodes/{ward['detox']}?assess=LOC_DIM")
    form = page.locator("#act-assess form[method=post]")
    form.locator("input[name=item_d1][value='3']").check()
    form.get_by_role("button", name="Record").click()
    expect(page.locator("#act-assess .wrong")).to_be_visible()
    expect(form.locator("input[name=item_d1][value='3']")).to_be_checked()
    for item in ("d2", "d3", "d4", "d5"):
        form.locator(f"input[name=item_{item}][value='1']").check()
    form.get_by_role("button", name="Record").click()
    expect(page.get_by_role("status")).to_have_text("The assessment was recorded.")
    expect(page.locator("section", has=page.locator("#h-assessments"))).to_contain_text("recommends 3.7-WM")


def test_an_intake_asks_for_its_level(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['intake']}")
    page.get_by_text("Ask for a level").click()
    ask = page.locator("#act-request")
    ask.get_by_label("Rationale").fill("needs round-the-clock care at first")
    ask.get_by_role("button", name="Ask").click()
    expect(page.locator("#act-request .wrong, .done")).to_be_visible()


def test_a_time_the_clocks_skip_is_refused_beside_the_form(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['detox']}")
    page.get_by_text("Leave or send-out").click()
    form = page.locator("#act-leave")
    form.get_by_label("Left at").fill("2026-03-08T02:30")
    form.get_by_label("Reason").fill("day pass to see a sister")
    form.get_by_role("button", name="Record the leave").click()
    expect(page.locator("#act-leave .wrong")).to_contain_text("does not exist")
    expect(form.get_by_label("Reason")).to_have_value("day pass to see a sister")


def test_leave_and_return_from_the_episode_page(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['leave']}")
    page.locator("#act-return summary").click()
    page.locator("#act-return").get_by_role("button", name="Record the return").click()
    expect(page.get_by_role("status")).to_have_text("The return was recorded.")
    page.locator("#act-leave summary").click()
    form = page.locator("#act-leave")
    left = datetime.fromisoformat(form.get_by_label("Left at").input_value())
    form.get_by_label("Expected back").fill((left + timedelta(days=1)).isoformat(timespec="minutes"))
    form.get_by_label("Reason").fill("weekend pass")
    form.get_by_role("button", name="Record the leave").click()
    expect(page.get_by_role("status")).to_have_text("The leave was recorded.")
    expect(page.locator(".tag.on_leave")).to_have_text("away")


def test_a_new_episode_from_fields_and_an_error_keeps_what_was_typed(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("admissions")
    page.goto("/episodes/new")
    form = page.locator("section", has=page.locator("#h-fields"))
    form.get_by_label("Given name").fill("Quill")
    form.get_by_label("Family name").fill("Inkwellson")
    form.get_by_label("Birth date").fill("1988-04-09")
    form.get_by_label("Member id").fill("QX1088")
    form.get_by_label("Referred by").fill("hospital social work")
    form.get_by_label("Diagnoses").fill("not a code")
    form.get_by_role("button", name="Start the episode").click()
    expect(page.get_by_role("alert")).to_contain_text("Code: this cannot be read")
    expect(form.get_by_label("Family name")).to_have_value("Inkwellson")
    form.get_by_label("Diagnoses").fill("F10.20")
    form.get_by_role("button", name="Start the episode").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Quill Inkwellson")
    page.goto("/episodes")
    page.get_by_label("Name or member id").fill("Inkwellson")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "Inkwellson" not in page.url


def test_every_page_is_free_of_axe_findings(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("admin")
    found = {}
    for path in (
        "/",
        "/queue",
        "/worklist",
        "/episodes",
        "/episodes/new",
        f"/episodes/{ward['unsigned']}?assess=CSSRS_SCREEN",
    ):
        page.goto(path)
        found[path] = _violations(page)
    assert found == {path: [] for path in found}


def test_every_page_carries_the_strict_policy(ward: dict[str, str], house: House) -> None:
    answer = httpx2.get(f"{house.url}/login")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert httpx2.get(f"{house.url}/static/page.css").status_code == 200


def test_an_unknown_episode_is_a_page_not_a_trace(enter: Entering, house: House) -> None:
    page = enter("clinician")
    answer = page.request.get(f"{house.url}/episodes/00000000-0000-0000-0000-000000000001")
    assert answer.status == 404
    assert "no such thing is on record" in answer.text().lower()


def test_a_discharge_ends_the_episode(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['leaving']}")
    page.locator("#act-discharge summary").click()
    form = page.locator("#act-discharge")
    form.get_by_label("How it ends").select_option("other")
    form.get_by_label("Reason").fill("chose another programme before admission")
    form.get_by_role("button", name="Record the end").click()
    expect(page.get_by_role("status")).to_have_text("The end of the episode was recorded.")
    expect(page.locator(".tag").first).to_have_text("not admitted")


def test_who_moves_today_is_approved_and_waits_for_its_hour(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/queue")
    row = page.locator("tbody tr").filter(has=page.locator(f"a[href='/episodes/{ward['soon']}']"))
    expect(row).to_contain_text("2.5")
    page.goto(f"/episodes/{ward['soon']}")
    expect(page.locator(".ticks")).to_contain_text("Level changes")


def test_a_plan_is_shown_before_it_is_asked_for_and_changes_nothing(
    enter: Entering, ward: dict[str, str], house: House
) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['detox']}")
    page.locator("#act-request summary").click()
    form = page.locator("#act-request")
    form.locator("select[name=to_level]").select_option("3.5")
    form.get_by_label("Rationale").fill("withdrawal settled")
    form.get_by_role("button", name="Show what it would do").click()
    for family in ("Assessments", "Consents", "Authorization", "Schedule", "Per diem"):
        expect(page.locator(".preview dt", has_text=family)).to_be_visible()
    expect(form.get_by_label("Rationale")).to_have_value("withdrawal settled")
    caller = Caller(house.url)
    moves = caller.get("reviewer", f"/v1/episodes/{ward['detox']}")["transitions"]
    caller.close()
    assert [t["to_level"] for t in moves] == ["3.7-WM"]


def test_a_critical_alert_is_acknowledged_and_cleared_with_a_reason(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['detox']}?assess=CSSRS_SCREEN")
    form = page.locator("#act-assess form[method=post]")
    for item, answer in (("1", 1), ("2", 1), ("3", 1), ("4", 1), ("5", 0), ("6", 0)):
        form.locator(f"input[name='item_{item}'][value='{answer}']").check()
    form.get_by_role("button", name="Record").click()
    shown = page.locator(".sheet.alert").first
    expect(shown).to_contain_text("ALR-02")
    shown.get_by_role("button", name="Acknowledge").click()
    expect(shown).to_contain_text("acknowledged")
    shown.get_by_role("button", name="Clear").click()
    expect(shown.locator(".wrong")).to_contain_text("reason is empty")
    shown.get_by_label("Reason").fill("seen by the prescriber, safety plan signed")
    shown.get_by_role("button", name="Clear").click()
    expect(page.locator(".sheet.alert")).to_have_count(0)


def test_an_hour_that_comes_twice_is_asked_about(enter: Entering, ward: dict[str, str]) -> None:
    page = enter("clinician")
    page.goto(f"/episodes/{ward['detox']}")
    page.locator("#act-leave summary").click()
    form = page.locator("#act-leave")
    form.get_by_label("Left at").fill("2026-11-01T01:30")
    form.get_by_label("Reason").fill("pass")
    form.get_by_role("button", name="Record the leave").click()
    expect(form.locator(".wrong")).to_contain_text("happens twice")
    form.get_by_label("the second").check()
    form.get_by_role("button", name="Record the leave").click()
    expect(form.locator(".wrong")).not_to_contain_text("happens twice")


def test_a_bundle_starts_an_episode_and_a_bad_file_says_what_is_wrong(
    enter: Entering, ward: dict[str, str], tmp_path: Path
) -> None:
    page = enter("admissions")
    page.goto("/episodes/new")
    section = page.locator("section", has=page.locator("#h-bundle"))
    broken, whole = tmp_path / "broken.json", tmp_path / "whole.json"
    broken.write_text('{"resourceType": "Bundle"')
    section.get_by_label("Bundle file").set_input_files(broken)
    section.get_by_role("button", name="Import and start").click()
    expect(section.get_by_role("alert")).to_contain_text("not JSON")
    bundle = list(read_folder(DATA))[-1]
    whole.write_text(json.dumps(bundle))
    section.get_by_label("Bundle file").set_input_files(whole)
    section.get_by_role("button", name="Import and start").click()
    patient = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    expect(page.get_by_role("heading", level=1)).to_contain_text(patient["name"][0]["family"])


def test_no_name_reaches_a_log(enter: Entering, ward: dict[str, str], house: House) -> None:
    page = enter("director")
    names = {name.split()[-1] for name in page.locator(".bed a").all_inner_texts()}
    assert len(names) > 5
    for log in ("api.log", "worker.log"):
        text = (house.folder / log).read_text()
        assert len(text) > 100, log
        assert [name for name in names if name in text] == [], log
