"""Look-alikes in a real browser: why, side by side, what joining would do, joined by typing the code of the right record, and
taken apart again (E02, E03)."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.web.conftest import Entering
from tests.web.test_pages import _violations

PICTURES = os.environ.get("STEPDOWN_PICTURES")
_numbers = itertools.count(1)
FAMILIES = iter(("Vandersloot", "Oyelaran", "Castellanos", "Mikkelsen", "Thibodeaux", "Wojciechowski"))


@pytest.fixture(scope="module")
def api(house: House) -> Iterator[Caller]:
    own = Caller(house.url, prefix="alike")
    yield own
    own.close()


def twice(api: Caller) -> tuple[str, str]:
    """One person on record twice, a digit of the birth date apart, in two facilities."""
    family, found = next(FAMILIES), []
    for facility, payer, born in (("harbor", "meridian", "1984-03-02"), ("lakeside", "statecare", "1984-03-12")):
        body: dict[str, Any] = {
            "facility": facility, "requested_level": "3.5", "source": "call",
            "patient": {"family": family, "given": ["Robin", "Lee"], "birth_date": born, "gender": "U"},
            "coverages": [{"payer": payer, "member_id": f"AL{next(_numbers):06d}"}], "diagnoses": [{"code": "F10.20"}],
        }  # fmt: skip
        episode = api.post("admissions", "/v1/episodes", body)["episode_id"]
        found.append(str(api.get("reviewer", f"/v1/episodes/{episode}")["person_id"]))
    return found[0], found[1]


def keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def listed(page: Page, one: str, other: str) -> Locator:
    page.goto("/people/duplicates")
    page.get_by_role("button", name="Look for look-alikes now").click()
    expect(page.get_by_role("status")).to_contain_text("Looked through")
    return page.get_by_role("article").filter(has_text=one[:6]).filter(has_text=other[:6])


def merged_into(house: House, person: str) -> str | None:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        row = connection.execute("SELECT merged_into::text FROM person WHERE id = %s", (person,)).fetchone()
    assert row is not None
    found: str | None = row[0]
    return found


def test_joined_by_the_right_code_and_taken_apart_again(enter: Entering, api: Caller, house: House) -> None:
    one, other = twice(api)
    page = enter("director")
    pair = listed(page, one, other)
    expect(pair).to_contain_text("Same family name")
    assert _violations(page) == []
    keep(page, "alike")
    pair.get_by_role("link", name="Compare").click()
    born = page.get_by_role("row", name="Born")
    expect(born).to_contain_text("1984-03-02")
    expect(born).to_contain_text("differs")
    expect(page.get_by_role("row", name="Family name")).to_contain_text("same")
    assert "Robin" not in page.title() + page.url
    expect(page.locator("#act-join")).to_contain_text("What joining does")
    survivor = page.locator("input[name=survivor]").input_value()
    merged = {one, other}.difference({survivor}).pop()
    assert _violations(page) == []
    keep(page, "compare")

    form = page.locator("#act-join form")
    form.get_by_label("How you know").select_option("document_seen")
    form.get_by_label("to confirm").fill(survivor[:6])
    form.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("code of the record that is joined")
    assert merged_into(house, merged) is None, "the wrong record's code joins nothing"
    expect(form.get_by_label("How you know")).to_have_value("document_seen")
    keep(page, "compare-refused")
    field = form.get_by_label("to confirm")
    field.fill(merged[:6])
    field.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The records are joined")
    assert merged_into(house, merged) == survivor
    assert _violations(page) == []
    keep(page, "joined")

    field = page.get_by_label("to confirm")
    page.get_by_label("How you know").select_option("person_confirmed")
    field.fill("nobody")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the record that comes back")
    assert merged_into(house, merged) == survivor
    page.get_by_label("to confirm").fill(merged[:6])
    page.get_by_label("to confirm").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("stand apart again")
    assert merged_into(house, merged) is None
    keep(page, "apart")


def test_the_other_record_may_stand_and_only_its_own_code_counts(enter: Entering, api: Caller, house: House) -> None:
    one, other = twice(api)
    page = enter("director", scripts=False)
    listed(page, one, other).get_by_role("link", name="Compare").click()
    first = page.locator("input[name=survivor]").input_value()
    page.get_by_role("link", name="stand instead").click()
    survivor = page.locator("input[name=survivor]").input_value()
    assert {first, survivor} == {one, other}
    form = page.locator("#act-join form")
    form.get_by_label("How you know").select_option("other")
    form.get_by_label("to confirm").fill(first[:6])
    form.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("joined")
    assert merged_into(house, first) == survivor
    page.goto(f"/people/{first}/merges")
    expect(page.get_by_role("main")).to_contain_text("joined to another one")


def test_told_apart_they_are_not_shown_again_and_admissions_join_nobody(
    enter: Entering, api: Caller, house: House
) -> None:
    one, other = twice(api)
    page = enter("admissions")
    pair = listed(page, one, other)
    pair.get_by_role("link", name="Compare").click()
    expect(page.locator("#act-join")).to_contain_text("A director joins records")
    expect(page.locator("#act-join form")).to_have_count(0)
    where = page.url
    page.locator("#act-dismiss select").select_option("twin")
    page.get_by_role("button", name="Tell them apart").click()
    expect(page.get_by_role("status")).to_contain_text("two people")
    expect(listed(page, one, other)).to_have_count(0)
    page.goto(where)
    expect(page.get_by_role("status")).to_contain_text("decided: dismissed")
    fields = {"csrf": "", "key": "alike-forged-0001", "survivor": one}
    forged = page.request.post(f"{where}/join", form=fields)
    assert forged.status == 403
    assert merged_into(house, other) is None


def test_a_form_from_elsewhere_joins_nobody_and_an_unknown_pair_is_not_there(
    enter: Entering, api: Caller, house: House
) -> None:
    one, other = twice(api)
    page = enter("director")
    listed(page, one, other).get_by_role("link", name="Compare").click()
    form = page.locator("#act-join form")
    sent: dict[str, str | float | bool] = {
        str(f.get_attribute("name")): f.get_attribute("value") or "" for f in form.locator("input[type=hidden]").all()
    }
    code = {one, other}.difference({str(sent["survivor"])}).pop()[:6]
    forged = page.request.post(f"{page.url}/join", form=sent | {"reason": "other", "typed_code": code, "csrf": "x"})
    assert forged.status == 403
    assert (merged_into(house, one), merged_into(house, other)) == (None, None)
    nobody = "00000000-0000-5000-8000-000000000000"
    assert page.request.get(f"/people/duplicates/{nobody}").status == 404
    assert page.request.get(f"/people/{nobody}/merges").status == 404
