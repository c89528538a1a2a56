"""What a browser keeps after a day's work: nobody's name, in no store, no cookie, no address it went to."""

import json
from typing import Any

from local.leak_search import Searcher
from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.leaks.marks import BIRTH, IDENTITY, PEOPLE
from tests.web.conftest import Entering

SEARCHER = Searcher(PEOPLE)
STORES = """async () => JSON.stringify({
  local: {...localStorage}, session: {...sessionStorage}, history: history.state, cookies: document.cookie,
  databases: (await indexedDB.databases()).map(d => d.name), caches: await caches.keys(), title: document.title,
})"""


def marked(house: House) -> str:
    caller = Caller(house.url, prefix="storage")
    body: dict[str, Any] = {
        "facility": "harbor", "requested_level": "3.5", "source": "call",
        "patient": {
            "family": IDENTITY["family"], "given": [IDENTITY["given"]], "birth_date": BIRTH.isoformat(), "gender": "F",
            "street": IDENTITY["street"], "city": IDENTITY["city"], "telephone": IDENTITY["telephone"],
        },
        "coverages": [{"payer": "meridian", "member_id": IDENTITY["member"]}], "diagnoses": [{"code": "F10.20"}],
    }  # fmt: skip
    episode = str(caller.post("admissions", "/v1/episodes", body)["episode_id"])
    caller.close()
    return episode


def test_a_browser_keeps_nobodys_name(enter: Entering, house: House) -> None:
    episode = marked(house)
    page = enter("clinician")
    visited: list[str] = []
    page.on("request", lambda sent: visited.append(sent.url))
    shown = b""
    for path in (f"/episodes/{episode}", f"/episodes/{episode}/consents", "/episodes", "/queue", "/break-glass", "/"):
        page.goto(path)
        shown += page.content().encode()
        kept = str(page.evaluate(STORES))
        assert (path, SEARCHER.found(kept.encode())) == (path, set())
    assert "family" in SEARCHER.found(shown), "the pages did show who it is"
    page.goto("/episodes")
    box = page.locator("form input[name=q]").first
    box.fill(IDENTITY["family"])
    box.press("Enter")
    page.wait_for_load_state()
    assert SEARCHER.found(str(page.evaluate(STORES)).encode()) == set()
    assert SEARCHER.found("\n".join([*visited, page.url]).encode()) == set()
    state = page.context.storage_state(indexed_db=True)
    assert state["cookies"], "somebody was signed in"
    assert SEARCHER.found(json.dumps(state).encode()) == set()
