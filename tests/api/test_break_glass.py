"""Breaking the glass, restricted people and a patient's blocks: on record first, told at once, over by itself, reviewed by
somebody else, and never a way out of the house (E13)."""

import itertools
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.api.test_refusals import admitted

_keys = itertools.count(1)
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def sql(house: House, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        found = connection.execute(statement.encode(), values)
        return found.fetchall() if found.description else []


@dataclass(frozen=True)
class Person:
    """Somebody with one episode at harbor, and how to speak to the house as anybody."""

    house: House
    episode: str
    person: str

    def user(self, role: str, facility: str = "harbor") -> "Asker":
        name = f"{role[:4]}-{uuid.uuid4().hex[:8]}"
        sql(
            self.house,
            "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
            "SELECT %s, %s, to_jsonb(ARRAY[%s]), password_hash, false FROM app_user WHERE username = 'director'",
            name, role, facility,
        )  # fmt: skip
        form = {"grant_type": "password", "username": name, "password": "local"}
        token = httpx2.post(f"{self.house.url}/oauth/token", data=form, timeout=30).json()["access_token"]
        return Asker(self.house.url, name, token)


@dataclass(frozen=True)
class Asker:
    url: str
    name: str
    token: str

    def get(self, path: str, **query: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.get(f"{self.url}{path}", params=query, headers=headers, timeout=60)

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or f"glass-{next(_keys):08d}"}
        return httpx2.post(f"{self.url}{path}", json=body, headers=headers, timeout=60)


@pytest.fixture
def somebody(house: House, caller: Caller) -> Iterator[Person]:
    stage = admitted(caller)
    person = str(stage.page()["person_id"])
    yield Person(house, stage.episode, person)
    sql(
        house,
        "UPDATE person_access SET lifted_at = set_at, lifted_by = %s WHERE lifted_at IS NULL",
        "director:director",
    )
    caller.post(
        "clinician", f"/v1/episodes/{stage.episode}/discharge",
        {"disposition": "completed", "effective_at": "2026-03-02T15:00:00+00:00", "reason": "the test is over"},
    )  # fmt: skip


def asked(episode: str, reason: str = "emergency") -> dict[str, Any]:
    return {"episode_id": episode, "reason": reason, "words": "Jordan Testerman was brought in"}


def test_glass_opens_one_episode_for_reading_and_is_told_first(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    page = f"/v1/episodes/{somebody.episode}"
    assert far.get(page).status_code == 404
    made = far.post("/v1/break-glass", asked(somebody.episode), key="glass-once-01")
    assert made.status_code == 201, made.text
    told = made.json()
    ((actor, item, due),) = sql(
        somebody.house, "SELECT actor, item_id, review_due_at - opened_at FROM break_glass WHERE id = %s",
        told["break_glass_id"],
    )  # fmt: skip
    assert (actor, due.total_seconds()) == (f"clinician:{far.name}", 72 * 3600)
    ((kind, owner, status, why),) = sql(
        somebody.house, "SELECT kind, owner_role, status, why FROM open_item WHERE id = %s", item
    )
    assert (kind, owner, status) == ("break_glass_review", "director", "open")
    assert "Testerman" not in why
    noted = sql(
        somebody.house, "SELECT detail ->> 'reason' FROM audit_entry WHERE chain = %s AND action = 'glass_broken'",
        somebody.episode,
    )  # fmt: skip
    assert noted == [("emergency",)]
    assert far.get(page).status_code == 200
    assert far.get(f"{page}/timeline").status_code == 200
    assert far.post("/v1/break-glass", asked(somebody.episode), key="glass-once-01").json() == told
    again = far.post("/v1/break-glass", asked(somebody.episode))
    assert (again.status_code, again.json()["code"]) == (409, "stale")


def test_glass_is_for_reading_and_for_nobody_outside(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    assert far.post("/v1/break-glass", asked(somebody.episode)).status_code == 201
    path = f"/v1/episodes/{somebody.episode}"
    outside = {
        "content": "handoff", "purpose": "treatment", "recipient": "clinic/next", "recipient_class": "nobody",
    }  # fmt: skip
    for act, body in (
        ("disclosures/preview", outside),
        ("leave", {"left_at": "2026-03-02T15:00:00+00:00", "reason": "pass"}),
        ("exceptions", {"kind": "court_order", "recipient": "court/first", "contents": ["handoff"],
                        "valid_from": "2026-03-02T15:00:00+00:00"}),
    ):  # fmt: skip
        assert far.post(f"{path}/{act}", body).status_code == 404, act
    assert somebody.episode not in far.get("/v1/episodes").text


def test_glass_ends_by_the_clock(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    sql(
        somebody.house,
        "INSERT INTO break_glass (id, person_id, episode_id, facility, username, actor, reason, sealed, opened_at, ends_at, "
        "item_id, review_due_at) SELECT gen_random_uuid(), person_id, id, facility, %s, 'clinician:x', 'safety', 'x', "
        "timestamptz '2026-03-02 14:00+00', timestamptz '2026-03-02 15:00+00', gen_random_uuid(), opened_at "
        "FROM episode WHERE id = %s",
        far.name, somebody.episode,
    )  # fmt: skip
    assert far.get(f"/v1/episodes/{somebody.episode}").status_code == 404
    director = somebody.user("director")
    listed = director.get("/v1/break-glass").json()["items"]
    ours = [i for i in listed if i["episode_id"] == somebody.episode]
    assert [i["finding"] for i in ours] == [None]
    assert somebody.user("director", "lakeside").get("/v1/break-glass").json()["items"] == []


def test_the_review_is_somebody_elses_and_unjustified_ends_it(somebody: Person) -> None:
    restricted(somebody)
    looker = somebody.user("director")
    assert looker.get(f"/v1/episodes/{somebody.episode}").status_code == 404
    glass = looker.post("/v1/break-glass", asked(somebody.episode, "safety")).json()["break_glass_id"]
    assert looker.get(f"/v1/episodes/{somebody.episode}").status_code == 200
    path = f"/v1/break-glass/{glass}/review"
    own = looker.post(path, {"finding": "justified"})
    assert (own.status_code, own.json()["code"]) == (403, "forbidden")
    other = somebody.user("director")
    assert somebody.user("director", "lakeside").post(path, {"finding": "justified"}).status_code == 404
    found = other.post(path, {"finding": "not_justified"})
    assert found.status_code == 200, found.text
    assert looker.get(f"/v1/episodes/{somebody.episode}").status_code == 404
    twice = other.post(path, {"finding": "justified"})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_decided")
    ((status, resolution),) = sql(
        somebody.house, "SELECT status, resolution FROM open_item WHERE subject_id = %s", glass
    )
    assert (status, resolution) == ("done", "not_justified")


def test_the_item_closes_by_its_review_alone(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    glass = far.post("/v1/break-glass", asked(somebody.episode)).json()["break_glass_id"]
    ((item,),) = sql(somebody.house, "SELECT item_id FROM break_glass WHERE id = %s", glass)
    closed = somebody.user("director").post(f"/v1/items/{item}/resolve", {"resolution": "fine"})
    assert (closed.status_code, closed.json()["code"]) == (403, "forbidden"), closed.text


def test_what_was_written_never_changes(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    glass = far.post("/v1/break-glass", asked(somebody.episode)).json()["break_glass_id"]
    for change in ("ends_at = ends_at + interval '1 h'", "reason = 'safety'", "sealed = ''"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            sql(somebody.house, f"UPDATE break_glass SET {change} WHERE id = %s", glass)
    with pytest.raises(psycopg.errors.RestrictViolation):
        sql(somebody.house, "DELETE FROM break_glass WHERE id = %s", glass)
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(
            somebody.house,
            "UPDATE break_glass SET finding = 'justified', reviewed_at = opened_at, reviewer = %s WHERE id = %s",
            far.name, glass,
        )  # fmt: skip


def restricted(somebody: Person) -> None:
    keeper = somebody.user("director")
    path = f"/v1/people/{somebody.person}/access"
    made = keeper.post(path, {"kind": "restricted", "reason": "employee"})
    assert made.status_code == 201, made.text


def test_a_restricted_person_is_seen_by_the_named_alone(somebody: Person) -> None:
    carer, other = somebody.user("clinician"), somebody.user("clinician")
    path, page = f"/v1/people/{somebody.person}/access", f"/v1/episodes/{somebody.episode}"
    assert (carer.get(page).status_code, other.get(page).status_code) == (200, 200)
    restricted(somebody)
    assert (carer.get(page).status_code, other.get(page).status_code) == (404, 404)
    keeper = somebody.user("director")
    allowed = {"kind": "allowed", "username": carer.name, "reason": "care_team"}
    assert keeper.post(path, allowed).status_code == 201
    assert (carer.get(page).status_code, other.get(page).status_code) == (200, 404)
    assert keeper.post(path, allowed).json()["code"] == "stale"
    assert keeper.post(f"{path}/lift", allowed).status_code == 200
    assert carer.get(page).status_code == 404
    assert [i["kind"] for i in keeper.get(path).json()["items"]] == ["restricted"]


def test_a_block_bites_at_once_and_binds_directors_too(somebody: Person) -> None:
    page, path = f"/v1/episodes/{somebody.episode}", f"/v1/people/{somebody.person}/access"
    neighbour, carer = somebody.user("director"), somebody.user("clinician")
    assert neighbour.get(page).status_code == 200
    assert somebody.episode in neighbour.get("/v1/census/board", facility="harbor").text
    body = {"kind": "blocked", "username": neighbour.name, "reason": "neighbour"}
    assert carer.post(path, body).status_code == 201
    assert neighbour.get(page).status_code == 404
    assert somebody.episode not in neighbour.get("/v1/census/board", facility="harbor").text
    assert neighbour.get(path).status_code == 404
    assert neighbour.post(f"{path}/lift", body).status_code == 404
    assert carer.post(path, {"kind": "restricted", "reason": "vip"}).json()["code"] == "forbidden"
    chain = sql(
        somebody.house, "SELECT action, actor, detail ->> 'username' FROM audit_entry WHERE chain = 'permissions' "
        "AND subject = %s", f"person/{somebody.person}",
    )  # fmt: skip
    assert chain == [("person_access_set", f"clinician:{carer.name}", neighbour.name)]


def test_a_block_gives_way_to_an_emergency_with_notice(somebody: Person) -> None:
    page = f"/v1/episodes/{somebody.episode}"
    neighbour, carer = somebody.user("clinician"), somebody.user("clinician")
    body = {"kind": "blocked", "username": neighbour.name, "reason": "neighbour"}
    assert carer.post(f"/v1/people/{somebody.person}/access", body).status_code == 201
    assert neighbour.get(page).status_code == 404
    assert neighbour.post("/v1/break-glass", asked(somebody.episode)).status_code == 201
    assert neighbour.get(page).status_code == 200


def test_the_page_opens_and_reviews(somebody: Person) -> None:
    """Not found leads to the form, the form to the record; the director's page to the review."""
    far, director = somebody.user("clinician", "lakeside"), somebody.user("director")
    with browser(somebody, far) as page:
        refused = page.get(f"/episodes/{somebody.episode}")
        assert refused.status_code == 404
        assert f"/break-glass?episode={somebody.episode}" in refused.text
        form = page.get("/break-glass", params={"episode": somebody.episode})
        assert "Waiting for review" not in form.text
        csrf = CSRF.findall(form.text)[0]
        sent = {"csrf": csrf, "key": "page-glass-01", "episode_id": somebody.episode, "reason": "emergency"}
        empty = page.post("/break-glass", data=sent)
        assert (empty.status_code, "Not done" in empty.text) == (422, True)
        opened = page.post("/break-glass", data={**sent, "words": "brought in"})
        assert (opened.status_code, opened.headers["location"]) == (303, f"/episodes/{somebody.episode}")
        assert page.get(f"/episodes/{somebody.episode}").status_code == 200
    ((glass,),) = sql(somebody.house, "SELECT id FROM break_glass WHERE username = %s", far.name)
    with browser(somebody, director) as page:
        form = page.get("/break-glass")
        assert f'action="/break-glass/{glass}"' in form.text
        sent = {"csrf": CSRF.findall(form.text)[0], "key": "page-glass-02", "finding": "justified"}
        assert page.post(f"/break-glass/{glass}", data=sent).status_code == 303
        assert str(glass) not in page.get("/break-glass").text


@contextmanager
def browser(somebody: Person, asker: Asker) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=somebody.house.url, timeout=60) as client:
        assert client.post("/login", data={"username": asker.name, "password": "local"}).status_code == 303
        yield client


def test_an_unknown_episode_is_unknown(somebody: Person) -> None:
    far = somebody.user("clinician", "lakeside")
    assert far.post("/v1/break-glass", asked(str(uuid.uuid4()))).status_code == 404
    assert somebody.user("biller", "lakeside").post("/v1/break-glass", asked(somebody.episode)).status_code == 403
