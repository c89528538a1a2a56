"""Temporal's own pages may have payloads opened by who may see them, and it is on record."""

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from runtime.codec import SealedPayloads
from runtime.keyring import Key, Keyring
from runtime.keyring_file import load_keyring
from tests.api.test_guard import limited

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"3.5"')


def sealed(keyring: Keyring, *payloads: Payload) -> dict[str, Any]:
    return dict(MessageToDict(Payloads(payloads=asyncio.run(SealedPayloads(keyring).encode(list(payloads))))))


def ask(house: House, caller: Caller, role: str, body: Any, **headers: str) -> httpx2.Response:
    with httpx2.Client(base_url=house.url, timeout=10) as client:
        return client.post("/codec/decode", json=body, headers={**caller._headers(role), **headers})


def opened(house: House) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(
            "SELECT actor, role, detail->>'payloads' FROM audit_entry WHERE chain = 'opened_payloads' ORDER BY id"
        ).fetchall()


def test_an_auditor_and_an_administrator_see_payloads_and_it_is_on_record(house: House, caller: Caller) -> None:
    before = len(opened(house))
    body = sealed(load_keyring(house.settings), PLAIN, PLAIN)
    for role in ("auditor", "admin"):
        answer = ask(house, caller, role, body)
        assert answer.status_code == 200
        assert answer.json() == MessageToDict(Payloads(payloads=[PLAIN, PLAIN]))
    rows = opened(house)[before:]
    assert [(role, count) for _, role, count in rows] == [("auditor", "2"), ("admin", "2")]


@pytest.mark.parametrize("role", ["clinician", "director", "reviewer", "biller", "admissions"])
def test_others_see_nothing(house: House, caller: Caller, role: str) -> None:
    before = len(opened(house))
    assert ask(house, caller, role, sealed(load_keyring(house.settings), PLAIN)).status_code == 403
    assert len(opened(house)) == before


def test_what_is_not_ours_is_refused_without_a_word_of_it(house: House, caller: Caller) -> None:
    other = Keyring([Key("other", bytes(32))], bytes(32))
    for body, status in (
        (sealed(other, PLAIN), 422),
        (MessageToDict(Payloads(payloads=[PLAIN])), 422),
        ({"payloads": []}, 422),
        ({"payloads": "x"}, 422),
        ({"payloads": [{"data": "!!"}]}, 422),
        ([1], 422),
        (sealed(load_keyring(house.settings), *[PLAIN] * 501), 422),
    ):
        answer = ask(house, caller, "auditor", body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body
        assert "3.5" not in answer.text
    elsewhere = {"X-Namespace": "another"}
    assert ask(house, caller, "auditor", sealed(load_keyring(house.settings), PLAIN), **elsewhere).status_code == 404


def test_no_page_of_another_origin_may_ask_unless_the_settings_name_it(house: House, caller: Caller) -> None:
    body = sealed(load_keyring(house.settings), PLAIN)
    for origin in ("https://temporal.example", "null"):
        answer = ask(house, caller, "auditor", body, Origin=origin)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_the_settings_name_one_origin_and_nothing_more() -> None:
    named = limited(temporal_ui_origin="https://temporal.example")  # type: ignore[arg-type]
    assert named.temporal_ui_origin == "https://temporal.example"
    for wrong in ("*", "https://a.example,https://b.example", "https://a.example/x", "temporal.example"):
        with pytest.raises(ValueError, match="temporal_ui_origin"):
            limited(temporal_ui_origin=wrong)  # type: ignore[arg-type]
