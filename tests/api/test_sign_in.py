"""Signing in and out: guesses wait, names cannot be found out, every try is on record, and a session that is over is over
on the server."""

import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest
from argon2 import PasswordHasher

from api.local_users import LocalUsers
from api.sessions import secured
from local.rehearsal.house import House
from storage.scope import ScopedDatabase

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


def sql(house: House, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        found = connection.execute(statement.encode(), values)
        return found.fetchall() if found.description else []


@pytest.fixture
def somebody(house: House) -> Iterator[str]:
    """A clinician of this test's own, password `local`."""
    name = f"c-{uuid.uuid4().hex[:10]}"
    sql(
        house,
        "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
        "SELECT %s, role, facilities, password_hash, false FROM app_user WHERE username = 'clinician'",
        name,
    )
    yield name
    sql(house, "DELETE FROM web_session WHERE username = %s", name)
    sql(house, "DELETE FROM app_user WHERE username = %s", name)


def attempt(house: House, name: str, password: str) -> httpx2.Response:
    form = {"grant_type": "password", "username": name, "password": password}
    return httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30)


def tries(house: House, name: str) -> list[tuple[str, str | None]]:
    rows = sql(
        house,
        "SELECT action, detail ->> 'why' FROM audit_entry WHERE chain = 'sign_ins' AND subject = %s ORDER BY id",
        f"user/clinician:{name}",
    )
    return [(a, w) for a, w in rows]


def test_guesses_wait_and_the_right_password_waits_with_them(house: House, somebody: str) -> None:
    assert [attempt(house, somebody, f"guess-{n}").status_code for n in range(5)] == [401] * 5
    assert attempt(house, somebody, "local").status_code == 401
    ((failures, locked),) = sql(
        house, "SELECT failures, locked_until - failed_at FROM app_user WHERE username = %s", somebody
    )
    assert (failures, locked.total_seconds()) == (5, 30)
    sql(house, "UPDATE app_user SET locked_until = failed_at WHERE username = %s", somebody)
    assert attempt(house, somebody, "guess-6").status_code == 401
    ((failures, locked),) = sql(
        house, "SELECT failures, locked_until - failed_at FROM app_user WHERE username = %s", somebody
    )
    assert (failures, locked.total_seconds()) == (6, 60)
    sql(house, "UPDATE app_user SET locked_until = failed_at WHERE username = %s", somebody)
    assert attempt(house, somebody, "local").status_code == 200
    assert sql(house, "SELECT failures, failed_at, locked_until FROM app_user WHERE username = %s", somebody) == [
        (0, None, None)
    ]
    refused = "sign_in_refused"
    assert tries(house, somebody) == [
        *[(refused, "password")] * 5, (refused, "paused"), (refused, "password"), ("signed_in", None),
    ]  # fmt: skip


def test_many_guesses_at_once_are_all_counted(house: House, somebody: str) -> None:
    with ThreadPoolExecutor(12) as many:
        answers = list(many.map(lambda n: attempt(house, somebody, f"guess-{n}").status_code, range(24)))
    assert answers == [401] * 24
    assert sql(house, "SELECT failures FROM app_user WHERE username = %s", somebody) == [(5,)]
    judged = [why for _, why in tries(house, somebody)]
    assert (judged.count("password"), judged.count("paused")) == (5, 19)


def test_an_unknown_a_disabled_and_a_paused_name_look_the_same(house: House, somebody: str) -> None:
    answers = [attempt(house, somebody, "wrong"), attempt(house, f"ghost-{somebody}", "wrong")]
    sql(house, "UPDATE app_user SET disabled = true WHERE username = %s", somebody)
    answers += [attempt(house, somebody, "local")]
    sql(
        house, "UPDATE app_user SET disabled = false, locked_until = now() + interval '1 hour' WHERE username = %s",
        somebody,
    )  # fmt: skip
    answers += [attempt(house, somebody, "local")]
    assert {(a.status_code, a.text) for a in answers} == {(401, answers[0].text)}
    assert {tuple(sorted(a.headers)) for a in answers} == {tuple(sorted(answers[0].headers))}


class Counting(PasswordHasher):
    """Counts the work that is done; cheap, as only the number matters here."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.judged: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        self.judged.append(str(hash)[:9])
        return super().verify(hash, password)


async def test_the_work_is_the_same_for_every_name(scoped_database: ScopedDatabase) -> None:
    """One hash is judged whether the name is unknown, known, paused or disabled, and every one is argon2id."""
    hasher = Counting()
    users = LocalUsers(scoped_database, enabled=True, hasher=hasher)
    await users.ensure_demo(["harbor"])
    for name, password in (("ghost", "x"), ("director", "x"), ("director", "local"), *[("biller", "x")] * 7):
        before = len(hasher.judged)
        await users.check(name, password, NOW, "token")
        assert len(hasher.judged) == before + 1
    assert set(hasher.judged) == {"$argon2id"}
    off = LocalUsers(scoped_database, enabled=False, hasher=hasher)
    assert await off.check("director", "local", NOW, "token") is None


def test_what_was_typed_is_written_nowhere(house: House, somebody: str) -> None:
    secret = f"secret-{uuid.uuid4().hex}"
    attempt(house, secret, "x")
    attempt(house, somebody, secret)
    httpx2.post(f"{house.url}/login", data={"username": secret, "password": secret}, timeout=30)
    rows = sql(house, "SELECT row_to_json(a)::text FROM audit_entry a WHERE chain = 'sign_ins'")
    assert any('"unknown"' in text for (text,) in rows)
    assert not any(secret in text for (text,) in rows)
    assert secret not in (house.folder / "api.log").read_text()


@contextmanager
def browser(house: House, name: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=house.url, timeout=30) as client:
        answer = client.post("/login", data={"username": name, "password": "local"})
        assert answer.status_code == 303
        yield client


def inside(client: httpx2.Client, path: str = "/queue") -> bool:
    answer = client.get(path)
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def test_signing_out_ends_the_session_on_the_server(house: House, somebody: str) -> None:
    with browser(house, somebody) as client, browser(house, somebody) as other:
        stolen = client.cookies["stepdown_session"]
        csrf = CSRF.findall(client.get("/queue").text)[0]
        assert client.post("/logout", data={"csrf": csrf, "key": "sign-out-0001"}).status_code == 303
        client.cookies.set("stepdown_session", stolen, domain="127.0.0.1")
        assert not inside(client)
        assert inside(other)
    assert "signed_out" in [
        a for (a,) in sql(house, "SELECT action FROM audit_entry WHERE subject = %s", f"user/{somebody}")
    ]


@pytest.mark.parametrize(
    "change", ["seen_at = seen_at - interval '30 min'", "started_at = started_at - interval '12 h'"]
)
def test_a_session_ends_by_itself(house: House, somebody: str, change: str) -> None:
    with browser(house, somebody) as client:
        assert inside(client)
        sql(house, f"UPDATE web_session SET {change} WHERE username = %s", somebody)
        assert not inside(client)


def test_a_page_that_renews_itself_keeps_nobody_signed_in(house: House, somebody: str) -> None:
    with browser(house, somebody) as client:
        sql(house, "UPDATE web_session SET seen_at = seen_at - interval '20 min' WHERE username = %s", somebody)
        before = sql(house, "SELECT seen_at FROM web_session WHERE username = %s", somebody)
        assert inside(client, "/board/now")
        assert sql(house, "SELECT seen_at FROM web_session WHERE username = %s", somebody) == before
        assert inside(client)
        assert sql(house, "SELECT seen_at FROM web_session WHERE username = %s", somebody) > before


def test_a_user_who_is_disabled_or_moved_is_so_at_once(house: House, somebody: str) -> None:
    with browser(house, somebody) as client:
        assert inside(client)
        sql(house, "UPDATE app_user SET role = 'payer' WHERE username = %s", somebody)
        assert client.get("/queue").status_code == 403
        sql(house, "UPDATE app_user SET disabled = true WHERE username = %s", somebody)
        assert not inside(client)


def test_a_form_of_another_session_is_refused(house: House, somebody: str) -> None:
    """The word in the form is made from the session; a new session has another."""
    with browser(house, somebody) as client, browser(house, somebody) as other:
        theirs = CSRF.findall(other.get("/queue").text)[0]
        mine = CSRF.findall(client.get("/queue").text)[0]
        assert theirs != mine
        for said in (theirs, "", "é", mine[:-1]):
            assert client.post("/episodes", data={"csrf": said, "key": "a-search-0001"}).status_code == 403
        assert client.post("/episodes", data={"csrf": mine, "key": "a-search-0001"}).status_code == 200


def test_signing_in_again_is_a_new_session_and_ends_the_old(house: House, somebody: str) -> None:
    with browser(house, somebody) as client:
        old = client.cookies["stepdown_session"]
        client.post("/login", data={"username": somebody, "password": "local"})
        assert client.cookies["stepdown_session"] != old
        assert inside(client)
        client.cookies.set("stepdown_session", old, domain="127.0.0.1")
        assert not inside(client)


def test_the_cookie_is_out_of_reach_and_the_table_does_not_hold_it(house: House, somebody: str) -> None:
    answer = httpx2.post(f"{house.url}/login", data={"username": somebody, "password": "local"}, timeout=30)
    (said,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in said.split(";")}
    token = answer.cookies["stepdown_session"]
    assert len(token) >= 43
    ((kept,),) = sql(house, "SELECT id FROM web_session WHERE username = %s", somebody)
    assert token.encode() not in bytes(kept)


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        ("https://house.example", True), ("http://house.example", True), ("http://192.0.2.1:8700", True),
        ("http://127.0.0.1:8700", False), ("http://[::1]:8700", False), ("http://localhost:8700", False),
        ("http://localhost.elsewhere.example", True), ("https://127.0.0.1", True),
    ],
)  # fmt: skip
def test_a_cookie_goes_in_the_clear_on_this_machine_only(url: str, secure: bool) -> None:
    assert secured(url) is secure
