"""Who may sign in, changed by an administrator: rights gone at once, secrets told once, every change on record."""

from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House


@pytest.fixture
def admin(caller: Caller) -> Any:
    def act(path: str, **body: Any) -> dict[str, Any]:
        return caller.post("admin", path, body)

    return act


def entered(house: House, username: str, password: str) -> httpx2.Response:
    form = {"grant_type": "password", "username": username, "password": password}
    return httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30)


def asks(house: House, token: str, path: str = "/v1/episodes") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.get(f"{house.url}{path}", headers=headers, timeout=30).status_code


def on_record(house: House, subject: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        return connection.execute(
            "SELECT action, detail FROM audit_entry WHERE chain = 'permissions' AND subject = %s ORDER BY id",
            (subject,),
        ).fetchall()


def somebody(admin: Any, role: str = "clinician", **changes: Any) -> tuple[str, str]:
    name = f"u{uuid4().hex[:10]}"
    made = admin("/v1/users", username=name, role=role, facilities=["harbor"], **changes)
    return name, made["password"]


def test_a_password_is_told_once_and_opens_what_the_role_may(house: House, caller: Caller) -> None:
    name, key = f"u{uuid4().hex[:10]}", f"add-{uuid4()}"
    body = {"username": name, "role": "clinician", "facilities": ["harbor"]}
    first = caller.post("admin", "/v1/users", body, key=key)
    again = caller.post("admin", "/v1/users", body, key=key)
    assert again == {n: v for n, v in first.items() if n != "password"}
    said = entered(house, name, first["password"])
    assert said.json()["role"] == "clinician"
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        kept = connection.execute("SELECT answer::text FROM command WHERE key LIKE %s", (f"%{key}",)).fetchall()
    assert first["password"] not in str(kept)
    ((action, detail),) = on_record(house, f"user/{name}")
    assert (action, detail) == ("user_added", {"role": "clinician", "at": ["harbor"]})
    with pytest.raises(Refused) as twice:
        caller.post("admin", "/v1/users", body)
    assert twice.value.status == 409


def test_a_right_that_is_taken_away_is_gone_for_tokens_that_are_out_already(house: House, admin: Any) -> None:
    name, password = somebody(admin)
    token = entered(house, name, password).json()["access_token"]
    assert asks(house, token) == 200
    admin(f"/v1/users/{name}/changes", disabled=True, reason="left")
    assert asks(house, token) == 401
    assert entered(house, name, password).status_code == 401
    admin(f"/v1/users/{name}/changes", disabled=False, role="biller", facilities=["lakeside"], reason="back")
    assert asks(house, token) == 401, "a token from before stays taken back"
    fresh = entered(house, name, password).json()
    assert fresh["role"] == "biller"
    actions = on_record(house, f"user/{name}")
    assert actions[1][1]["changed"] == {"disabled": [False, True]}
    assert actions[2][1]["changed"] == {
        "disabled": [True, False], "role": ["clinician", "biller"], "facilities": [["harbor"], ["lakeside"]],
    }  # fmt: skip


def test_a_new_password_closes_what_the_old_one_opened(house: House, admin: Any) -> None:
    name, password = somebody(admin)
    token = entered(house, name, password).json()["access_token"]
    fresh = admin(f"/v1/users/{name}/password", reason="forgotten")["password"]
    assert asks(house, token) == 401
    assert entered(house, name, password).status_code == 401
    assert entered(house, name, fresh).status_code == 200


def test_signing_oneself_out_everywhere(house: House, admin: Any) -> None:
    name, password = somebody(admin)
    one, two = (entered(house, name, password).json()["access_token"] for _ in range(2))
    with httpx2.Client(base_url=house.url, timeout=30) as browser:
        browser.post("/login", data={"username": name, "password": password})
        assert browser.get("/queue", follow_redirects=False).status_code == 200
        headers = {"Authorization": f"Bearer {one}"}
        seen = httpx2.get(f"{house.url}/v1/me/sessions", headers=headers, timeout=30).json()
        assert len(seen["items"]) == 1
        done = httpx2.post(
            f"{house.url}/v1/me/sign-out",
            json={"reason": "lost_device"},
            headers={**headers, "Idempotency-Key": f"out-{uuid4()}"},
            timeout=30,
        )
        assert done.json() == {"username": name, "browsers": 1}
        assert browser.get("/queue", follow_redirects=False).status_code == 303
    assert [asks(house, token) for token in (one, two)] == [401, 401]
    assert entered(house, name, password).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/users", {"username": "x", "role": "clinician", "facilities": ["harbor"]}, 422),
        ("/v1/users", {"username": "sso:p-1", "role": "clinician", "facilities": ["harbor"]}, 422),
        ("/v1/users", {"username": "somebody", "role": "payer", "facilities": ["harbor"]}, 422),
        ("/v1/users", {"username": "somebody", "role": "system", "facilities": ["harbor"]}, 422),
        ("/v1/users", {"username": "somebody", "role": "clinician", "facilities": ["nowhere"]}, 422),
        ("/v1/users", {"username": "somebody", "role": "clinician", "facilities": []}, 422),
        ("/v1/users/nobody/changes", {"disabled": True, "reason": "other"}, 404),
        ("/v1/users/nobody/password", {"reason": "other"}, 404),
        ("/v1/users/nobody/sign-out", {"reason": "other"}, 404),
        ("/v1/users/nobody/sign-out", {"reason": "other", "machine": True}, 404),
        ("/v1/users/clinician/sign-out", {"reason": "a sentence about somebody"}, 422),
        ("/v1/users/admin/changes", {"role": "clinician", "reason": "other"}, 409),
        ("/v1/users/admin/changes", {"disabled": True, "reason": "other"}, 409),
        ("/v1/payers/nobody/clients", {"reason": "other"}, 404),
        ("/v1/payers/meridian/clients/payer-bluestone-1/end", {"reason": "other"}, 404),
    ],
)
def test_what_cannot_be_is_refused(caller: Caller, path: str, body: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as refused:
        caller.post("admin", path, body)
    assert refused.value.status == status
    assert caller.get("admin", "/v1/me")["role"] == "admin", "and nothing is half done"


def test_a_payers_secret_is_changed_without_a_gap(house: House, admin: Any, caller: Caller) -> None:
    def machine(client: dict[str, Any]) -> httpx2.Response:
        form = {"grant_type": "client_credentials", **{n: client[n] for n in ("client_id", "client_secret")}}
        return httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30)

    old, new = (admin("/v1/payers/meridian/clients", reason=r) for r in ("new_here", "rotated"))
    token = machine(old).json()
    assert token["role"] == "payer"
    assert machine(new).status_code == 200
    assert machine({**old, "client_secret": new["client_secret"]}).status_code == 401
    admin(f"/v1/payers/meridian/clients/{old['client_id']}/end", reason="rotated")
    assert machine(old).status_code == 401
    assert machine(new).status_code == 200
    assert asks(house, token["access_token"], "/v1/me") == 200
    admin("/v1/users/meridian/sign-out", reason="suspected_misuse", machine=True)
    assert asks(house, token["access_token"], "/v1/me") == 401
    listed = caller.get("admin", "/v1/payers/meridian/clients")["items"]
    assert {c["client_id"]: c["ended_at"] is not None for c in listed}[old["client_id"]]
    assert "secret" not in str(listed)
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        dumped = (
            connection.execute("SELECT * FROM payer_client").fetchall()
            + connection.execute("SELECT answer::text FROM command WHERE kind = 'add_payer_client'").fetchall()
        )
    assert new["client_secret"] not in str(dumped)
