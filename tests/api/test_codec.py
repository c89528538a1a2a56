"""Temporal's own pages may have payloads opened by who may see them, and it is on record."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from runtime.codec import SealedPayloads
from runtime.keyring import Key, Keyring
from runtime.keyring_file import load_keyring
from tests.api.test_guard import limited
from tests.api.test_refusals import started

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


def test_the_record_says_whose_payloads_they_were_and_nothing_of_them(house: House, caller: Caller) -> None:
    """Ids our own messages name, however deep and each once; a name where an id belongs is not copied."""
    person, episode, case = (str(UUID(int=n)) for n in (7, 8, 9))
    said = (
        {"episode_id": episode, "person_id": person, "rationale": "Wilma asked"},
        {"record": [{"episode_id": episode.upper(), "authorization_id": case}], "person_id": "Wilma Testerman"},
        "3.5", None,
    )  # fmt: skip
    payloads = [Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(one).encode()) for one in said]
    payloads.append(Payload(metadata={"encoding": b"binary/plain"}, data=b"\xff\x00"))
    answer = ask(house, caller, "auditor", sealed(load_keyring(house.settings), *payloads))
    assert answer.status_code == 200
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        ((detail,),) = connection.execute(
            "SELECT detail FROM audit_entry WHERE chain = 'opened_payloads' ORDER BY id DESC LIMIT 1"
        ).fetchall()
    assert detail == {
        "payloads": 5, "opened": True,
        "about": {"authorizations": [case], "episodes": [episode], "people": [person]},
    }  # fmt: skip
    other = Keyring([Key("other", bytes(32))], bytes(32))
    assert ask(house, caller, "auditor", sealed(other, *payloads)).status_code == 422
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        ((detail,),) = connection.execute(
            "SELECT detail FROM audit_entry WHERE chain = 'opened_payloads' ORDER BY id DESC LIMIT 1"
        ).fetchall()
    assert detail == {"payloads": 5, "opened": False, "about": {}}


def test_payloads_of_a_real_history_are_noted_by_their_episode(house: House, caller: Caller) -> None:
    """What Temporal's page would send for a running episode."""
    stage = started(caller)
    found = asyncio.run(history(house, stage.episode))
    assert found
    answer = ask(house, caller, "admin", MessageToDict(Payloads(payloads=found)))
    assert answer.status_code == 200
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        ((about,),) = connection.execute(
            "SELECT detail -> 'about' FROM audit_entry WHERE chain = 'opened_payloads' ORDER BY id DESC LIMIT 1"
        ).fetchall()
    assert about["episodes"] == [stage.episode]
    assert about["people"] == [stage.page()["person_id"]]


async def history(house: House, episode: str) -> list[Payload]:
    """Sealed payloads of the start and of the updates, as they lie on the server."""
    client = await Client.connect(house.temporal.address, namespace=house.settings.temporal_namespace)
    found: list[Payload] = []
    async for event in client.get_workflow_handle(f"episode/{episode}").fetch_history_events():
        found += event.workflow_execution_started_event_attributes.input.payloads
        found += event.workflow_execution_update_accepted_event_attributes.accepted_request.input.args.payloads
        found += event.activity_task_scheduled_event_attributes.input.payloads
    return found


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
