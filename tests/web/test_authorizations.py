"""The worklist and the case page in a real browser against the whole product."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.web.conftest import Entering
from tests.web.test_pages import _violations

TILES = ("Overdue", "Today", "Tomorrow", "Next 7 days", "Later", "No days granted", "Waiting on payer")


@pytest.fixture
def api(house: House) -> Iterator[Caller]:
    own = Caller(house.url, prefix=f"beside-{datetime.now(UTC).timestamp():.0f}")
    yield own
    own.close()


def _form(page: Page, name: str) -> Locator:
    """The act's form, unfolded."""
    page.locator(f"#act-{name} summary").click()
    return page.locator(f"#act-{name} form")


def test_each_tile_is_the_same_list_narrowed_and_counts_its_rows(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/worklist")
    total = int(page.locator(".tiles a").first.locator("strong").inner_text())
    assert page.locator("tbody tr").count() == total >= len(desk)
    found = 0
    for label in TILES:
        page.locator(".tiles a", has_text=label).click()
        tile = page.locator(".tiles a[aria-current]")
        expect(tile).to_contain_text(label)
        count = int(tile.locator("strong").inner_text())
        if count:
            expect(page.locator("tbody tr")).to_have_count(count)
        else:
            expect(page.locator("p.empty")).to_be_visible()
        found += count
    assert found == total
    expect(page.locator(".stamp time")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d C[SD]T"))


def test_an_empty_list_says_so_in_plain_words(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/worklist?owner=nobody&bucket=tomorrow")
    expect(page.locator("p.empty")).to_have_text(re.compile(r"^No reviews due before \w{3} \d+ \w{3}\.$"))
    page.goto("/worklist?owner=nobody")
    expect(page.locator("p.empty")).to_have_text("No reviews are due and no payer owes an answer.")


def test_the_list_is_worked_by_keyboard_alone(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/worklist")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    tile = page.locator(".tiles a").first
    expect(tile).to_be_focused()
    assert tile.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    for _ in range(6):
        page.keyboard.press("Tab")
    expect(page.locator(".tiles a", has_text="No days granted")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".tiles a[aria-current]")).to_contain_text("No days granted")
    page.locator("tbody tr a").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/authorizations/"))


def test_a_search_stands_in_no_address_and_a_case_in_no_title(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto("/worklist")
    page.get_by_label("Name or member id").fill("Casewright1")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "Casewright" not in page.url
    page.locator("tbody th a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Casewright1")
    assert "Casewright" not in page.title() + page.url


def test_a_payer_that_does_not_answer_is_said_on_top(enter: Entering, desk: dict[str, str], house: House) -> None:
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO payer_circuit (payer, state, failures, opened_at, changed_at) VALUES ('unity', 'open', 5, "
            "%(at)s, %(at)s) ON CONFLICT (payer) DO UPDATE SET state = 'open', opened_at = %(at)s",
            {"at": datetime(2026, 3, 2, 15, 10, tzinfo=UTC)},
        )
        try:
            page = enter("reviewer")
            page.goto("/worklist")
            expect(page.locator(".wrong")).to_contain_text(
                "is not answering since Mon 2 Mar, 09:10; 0 requests are held"
            )
        finally:
            connection.execute("UPDATE payer_circuit SET state = 'closed' WHERE payer = 'unity'")


def test_a_mismatch_is_said_in_words_and_a_lower_level_is_accepted(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto(f"/authorizations/{desk['lower']}")
    expect(page.locator(".band.differs")).to_contain_text("the payer covers another level than is given")
    form = _form(page, "options")
    expect(form.locator(".hint").first).to_contain_text("Meridian Health, 3.7-WM")
    form.get_by_label("What is done").select_option("accept_and_transfer")
    form.get_by_role("button", name="Choose").click()
    expect(page.get_by_role("status")).to_have_text("The choice was recorded.")
    expect(page.locator("section", has=page.locator("#h-open"))).to_contain_text("ask for the move from 3.7-WM")


def test_a_form_on_an_old_page_is_refused_and_keeps_what_was_typed(
    enter: Entering, desk: dict[str, str], api: Caller
) -> None:
    page = enter("reviewer")
    page.goto(f"/authorizations/{desk['granted']}")
    form = _form(page, "reviews")
    form.get_by_label("Through").fill("2027-01-15")
    form.get_by_label("Units").fill("6")
    api.post("reviewer", f"/v1/authorizations/{desk['granted']}/owner", {"owner": "director"})
    form.get_by_role("button", name="Ask").click()
    said = page.locator("#act-reviews .wrong")
    expect(said).to_contain_text("look again: authorization assigned by reviewer")
    expect(page.locator("#act-reviews").get_by_label("Units")).to_have_value("6")
    expect(page.locator(".facts")).to_contain_text("owner director")


def test_buttons_rest_while_an_act_is_on_its_way(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto(f"/authorizations/{desk['pended']}")
    # The form stays on its way: a browser that waits for the next page cannot be asked about this one.
    page.evaluate("addEventListener('submit', event => event.preventDefault())")
    form = _form(page, "owner")
    button = form.get_by_role("button", name="Give it")
    button.click()
    expect(button).to_be_disabled()
    expect(form).to_have_attribute("aria-busy", "true")
    form.evaluate("form => form.submit()")
    expect(page.get_by_role("status")).to_have_text("The case has its owner.")
    expect(page.locator(".facts")).to_contain_text("owner reviewer")


def test_a_decision_by_telephone_is_recorded_with_its_words_and_they_are_opened_by_reviewers_only(
    enter: Entering, desk: dict[str, str], house: House
) -> None:
    """AUTH-12; without scripts, as on a bad day."""
    page = enter("reviewer", scripts=False)
    path = f"/authorizations/{desk['documents']}"
    page.goto(path)
    form = _form(page, "decisions")
    form.get_by_label("Decision").select_option("A3")
    units = form.get_by_role("spinbutton", name="Units")
    units.fill("5")
    form.get_by_label("Reference of the call or letter").fill("CALL-4711")
    form.get_by_label("Rationale, as it was said").fill("no progress is documented")
    form.get_by_role("button", name="Record the decision").click()
    expect(page.locator("#act-decisions .wrong")).to_contain_text("A3 grants nothing")
    units.fill("")
    form.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_role("status")).to_have_text("The payer's decision was recorded.")
    answer = page.locator(".answer", has_text="CALL-4711")
    expect(answer).to_contain_text("stands")
    expect(page.locator(".answer.overtaken")).to_contain_text("overtaken by a later answer")
    assert "no progress is documented" not in page.content()
    answer.get_by_role("link", name="open the words").click()
    expect(page.locator("blockquote")).to_have_text("no progress is documented")
    words = page.url
    page = enter("clinician")
    page.goto(path)
    expect(page.get_by_role("link", name="open the words")).to_have_count(0)
    expect(page.locator("#act-decisions")).to_have_count(0)
    answered = page.request.get(words)
    assert answered.status == 403
    assert "no progress" not in answered.text()


def test_a_peer_to_peer_is_set_from_the_page(enter: Entering, desk: dict[str, str]) -> None:
    page = enter("reviewer")
    page.goto(f"/authorizations/{desk['denied']}")
    expect(page.locator("section", has=page.locator("#h-contest"))).to_contain_text("Appeal, level 1")
    form = _form(page, "peer-to-peer")
    form.get_by_role("button", name="Record the call").click()
    expect(page.locator("#act-peer-to-peer .wrong")).to_contain_text("names its hour")
    soon = page.locator("section", has=page.locator("#h-contest")).locator("tbody tr").first
    expect(soon).to_contain_text("open")
    form.get_by_label("What came of it").select_option("withdrawn")
    form.get_by_role("button", name="Record the call").click()
    expect(page.get_by_role("status")).to_have_text("The peer-to-peer was recorded.")
    expect(soon).to_contain_text("withdrawn")
    expect(page.locator(".band").first).to_contain_text("File appeal")


@pytest.mark.parametrize("width", [1366, 820, 390])
def test_the_pages_are_free_of_axe_findings_and_fit_their_screen(
    enter: Entering, desk: dict[str, str], width: int
) -> None:
    page = enter("reviewer")
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in ("/worklist", "/worklist?bucket=overdue", *(f"/authorizations/{case}" for case in desk.values())):
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found[path] = _violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert found == {path: [] for path in found}


def test_a_case_of_another_facility_is_a_page_not_a_trace(enter: Entering, house: House) -> None:
    page = enter("reviewer")
    answer = page.request.get(f"{house.url}/authorizations/00000000-0000-0000-0000-000000000001")
    assert answer.status == 404
    assert "no such thing is on record" in answer.text().lower()
