"""People of an OIDC issuer, the issuer in a process of its own: discovery, keys that change, clocks that differ, tokens of
others, rights by group, signing in to the pages, and an issuer that is away."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.house import House
from tests.api.conftest import standing_house
from tests.api.standing_peer import Peer, standing_peer


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with standing_peer(tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture(scope="module")
def house(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with standing_house(tmp_path_factory.mktemp("house"), extra=peer.settings) as made:
        yield made


def me(house: House, token: str, path: str = "/v1/me") -> httpx2.Response:
    return httpx2.get(f"{house.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def test_groups_give_role_and_facilities(house: House, peer: Peer) -> None:
    said = me(house, peer.token()).json()
    assert (said["username"], said["role"], said["facilities"]) == ("p-17", "reviewer", ["harbor"])
    said = me(house, peer.token(groups=["night", "car-park"], role="admin", facilities=["*"])).json()
    assert (said["role"], said["facilities"]) == ("clinician", ["harbor", "lakeside"]), (
        "the token's own word gives nothing"
    )
    for groups in ([], ["car-park"], ["reviewers", "night"], "reviewers", None):
        refused = me(house, peer.token(groups=groups), "/v1/episodes")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"iat_off": 50, "exp_off": 900}, 200),  # a clock that is ahead by less than a minute
        ({"iat_off": -900, "exp_off": -50}, 200),
        ({"iat_off": 120, "exp_off": 900}, 401),
        ({"iat_off": -900, "exp_off": -120}, 401),
        ({"nbf_off": 120}, 401),
        ({"aud": "another-house"}, 401),
        ({"aud": ["stepdown", "other"]}, 200),
        ({"azp": "chart"}, 200),
        ({"azp": "another-client"}, 401),
        ({"iss": "http://127.0.0.1:1/realm"}, 401),
        ({"sub": None}, 401),
        ({"exp": None}, 401),
        ({"iat": None}, 401),
    ],
)
def test_clocks_audiences_and_what_a_token_must_say(
    house: House, peer: Peer, claims: dict[str, Any], status: int
) -> None:
    now = time.time()
    said = {n.removesuffix("_off"): now + v if n.endswith("_off") else v for n, v in claims.items()}
    assert me(house, peer.token(**said)).status_code == status


def test_no_token_chooses_how_it_is_verified(house: House, peer: Peer) -> None:
    for algorithm in ("HS256", "none", "PS256", "RS512"):
        assert me(house, peer.token(algorithm=algorithm)).status_code == 401, algorithm
    assert (
        me(house, peer.token(head={"jwk": {"kty": "oct", "k": "AA"}, "jku": "http://127.0.0.1:1/"})).status_code == 200
    )
    assert me(house, "not.a.token").status_code == 401


def test_our_own_tokens_go_on_beside_the_issuers(house: House, peer: Peer) -> None:
    secret = house.settings.payer_secret.get_secret_value()
    form = {"grant_type": "client_credentials", "client_id": "payer-meridian", "client_secret": secret}
    ours = httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30).json()
    assert ours["role"] == "payer"
    assert me(house, ours["access_token"]).json()["role"] == "payer"
    assert me(house, peer.token(groups=["reviewers"], role="payer")).json()["role"] == "reviewer"


def test_keys_change_and_made_up_keys_do_not_flood_the_issuer(house: House, peer: Peer) -> None:
    assert me(house, peer.token()).status_code == 200
    old = peer.token()
    before = peer.asked()
    codes = [me(house, peer.token(head={"kid": f"made-up-{n}"})).status_code for n in range(8)]
    assert codes == [401] * 8
    assert peer.asked() - before <= 1
    peer.control("rotate", algorithm="ES256")
    new = peer.token()
    deadline = time.monotonic() + 45
    while me(house, new).status_code != 200:
        assert time.monotonic() < deadline, "the new key is looked for again within half a minute"
        time.sleep(1)
    assert me(house, old).status_code == 401, "a key that is published no more opens nothing"


def test_people_taken_out_are_out_at_once(house: House, peer: Peer) -> None:
    """By the administrator, whatever the issuer's token says; a token made afterwards counts again."""
    token = peer.token(sub="p-99")
    assert me(house, token).status_code == 200
    form = {"grant_type": "password", "username": "admin", "password": "local"}
    admin = httpx2.post(f"{house.url}/oauth/token", data=form, timeout=30).json()["access_token"]
    done = httpx2.post(
        f"{house.url}/v1/users/p-99/sign-out", json={"reason": "left"}, timeout=30,
        headers={"Authorization": f"Bearer {admin}", "Idempotency-Key": "out-00000001"},
    )  # fmt: skip
    assert done.status_code == 200
    assert me(house, token).status_code == 401
    assert me(house, peer.token(sub="p-98")).status_code == 200
    assert me(house, peer.token(sub="p-99")).status_code == 200


def browser(house: House) -> httpx2.Client:
    return httpx2.Client(base_url=house.url, timeout=30, follow_redirects=False)


def test_the_pages_take_whom_the_issuer_names(house: House, peer: Peer) -> None:
    with browser(house) as client:
        shown = client.get("/login?next=/queue")
        assert "/login/issuer?next=" in shown.text
        leaving = client.get("/login/issuer?next=/queue")
        assert leaving.status_code == 303
        assert "code_challenge_method=S256" in leaving.headers["location"]
        there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
        back = client.get(there.headers["location"])
        assert back.status_code == 200
        assert 'content="0; url=/queue"' in back.text
        assert client.get("/queue").status_code == 200
        again = client.get(there.headers["location"])
        assert again.status_code == 401, "a code and its words serve once"
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            rows = connection.execute(
                "SELECT username, role, issuer FROM app_user WHERE username LIKE 'sso:%'"
            ).fetchall()
        assert ("sso:p-17", "reviewer", f"{peer.url}/realm") in rows


def test_words_of_another_browser_sign_nobody_in(house: House, peer: Peer) -> None:
    """A link with a code sent to somebody else (login CSRF), a changed state, a person without a role here."""
    with browser(house) as thief, browser(house) as victim:
        leaving = thief.get("/login/issuer")
        there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
        assert victim.get(there.headers["location"]).status_code == 401
        victim.get("/login/issuer")
        assert victim.get(there.headers["location"]).status_code == 401
        assert victim.get("/queue").status_code == 303
        assert thief.get(re.sub("state=.", "state=~", there.headers["location"])).status_code == 401
    peer.control("person", sub="p-18", groups=["car-park"])
    with browser(house) as stranger:
        leaving = stranger.get("/login/issuer")
        there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
        assert stranger.get(there.headers["location"]).status_code == 401
        assert stranger.get("/queue").status_code == 303
    for elsewhere in ("//evil.example", "https://evil.example", "/login"):
        with browser(house) as client:
            client.get("/login/issuer", params={"next": elsewhere})
    peer.control("person", sub="p-17", groups=["reviewers"])


def test_an_issuer_that_is_away_lets_known_keys_serve_and_nobody_new_in(house: House, peer: Peer) -> None:
    """Last: the peer does not come back."""
    token = peer.token()
    assert me(house, token).status_code == 200
    peer.process.stop(5)
    assert me(house, token).status_code == 200
    with browser(house) as client:
        assert client.get("/login").status_code == 200
    house.kill("api")
    house.start_part("api")
    house.wait_ready()
    away = me(house, token)
    assert (away.status_code, away.json()["code"]) == (503, "unavailable")
    with browser(house) as client:
        page = client.get("/login/issuer")
        assert page.status_code == 503
        assert "try again" in page.text
