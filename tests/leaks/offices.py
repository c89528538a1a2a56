"""What the offices of a house do, with marked words in every field: glass is broken and reviewed, records are joined and
parted, a copy is made and handed over, people come from an issuer and some do not get in, users are administered, and a
biller takes a day off."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import psycopg

from local.rehearsal.caller import Refused
from tests.api.conftest import MOMENT
from tests.api.standing_peer import Peer
from tests.leaks.life import Life
from tests.leaks.marks import BIRTH, IDENTITY, WORDS


class Offices:
    def __init__(self, life: Life, peer: Peer) -> None:
        self.life, self.peer = life, peer
        self.house, self.http, self.caller = life.house, life.http, life.caller
        self.episode = life.episodes[0]
        self.person = str(self.caller.get("director", f"/v1/episodes/{self.episode}")["person_id"])

    def live(self) -> None:
        self._users()
        self._glass()
        self._joined_and_parted()
        self._copy()
        self._issuer()
        self._wrong_doors()
        self._a_day_off()

    def _users(self) -> None:
        """Words where a code belongs are refused; so is a name that is none."""
        self.far = self._admin("/v1/users", username="far-away", role="clinician", facilities=["lakeside"])["password"]
        for path, body in (
            ("/v1/users", {"username": IDENTITY["family"], "role": "clinician", "facilities": ["harbor"]}),
            ("/v1/users", {"username": "somebody", "role": IDENTITY["family"], "facilities": [IDENTITY["family"]]}),
            ("/v1/users/far-away/changes", {"facilities": ["harbor"], "reason": WORDS["reason"]}),
            ("/v1/users/far-away/password", {"reason": WORDS["reason"]}),
            ("/v1/users/far-away/sign-out", {"reason": WORDS["reason"]}),
            (f"/v1/users/{IDENTITY['family']}/sign-out", {"reason": "left", "local": True}),
            (f"/v1/users/{IDENTITY['family']}/sign-out", {"reason": "left", "machine": True}),
            ("/v1/payers/meridian/clients", {"reason": WORDS["reason"]}),
        ):
            self.http.post(path, json=body, headers=self._as("admin"))
        self._admin("/v1/users/far-away/changes", facilities=["harbor"], reason="mistake")
        self._admin("/v1/users/far-away/changes", facilities=["lakeside"], reason="back")
        self.far = self._admin("/v1/users/far-away/password", reason="forgotten")["password"]

    def _glass(self) -> None:
        form = {"grant_type": "password", "username": "far-away", "password": self.far}
        token = self.http.post("/oauth/token", data=form).json()["access_token"]
        far = {"Authorization": f"Bearer {token}"}
        asked = {"episode_id": self.episode, "reason": "emergency", "words": WORDS["glass"]}
        for body in (asked | {"reason": WORDS["glass"]}, asked | {"episode_id": IDENTITY["family"]}, asked, asked):
            answer = self.http.post(
                "/v1/break-glass", json=body, headers={**far, "Idempotency-Key": f"glass-{uuid4()}"}
            )
            if answer.status_code == httpx2.codes.CREATED:
                glass = answer.json()["break_glass_id"]
        assert self.http.get(f"/v1/episodes/{self.episode}", headers=far).status_code == 200
        self.caller.post("director", f"/v1/break-glass/{glass}/review", {"finding": "justified"})
        blocked = {"kind": "blocked", "username": "far-away", "reason": "neighbour"}
        self.caller.post("director", f"/v1/people/{self.person}/access", blocked)
        self.http.get(f"/v1/episodes/{self.episode}", headers=far)
        self.caller.post("director", f"/v1/people/{self.person}/access/lift", blocked)

    def _joined_and_parted(self) -> None:
        said = {
            "facility": "lakeside", "requested_level": "2.5", "source": "call",
            "patient": {
                "family": IDENTITY["family"], "given": [IDENTITY["preferred"]], "gender": "F",
                "birth_date": (BIRTH + timedelta(days=9000)).isoformat(), "telephone": IDENTITY["telephone"],
            },
            "coverages": [{"payer": "statecare", "member_id": "SC00000077"}], "diagnoses": [{"code": "F10.20"}],
        }  # fmt: skip
        try:
            other = self.caller.post("admissions", "/v1/episodes", said)["episode_id"]
        except Refused as alike:
            others = [c["person_id"] for c in alike.body["candidates"]]
            said |= {"not_duplicates_of": others, "not_duplicates_reason": "twin"}
            other = self.caller.post("admissions", "/v1/episodes", said)["episode_id"]
        merged = str(self.caller.get("director", f"/v1/episodes/{other}")["person_id"])
        path = f"/v1/people/{self.person}"
        self._try("director", f"{path}/merge", {"merged": merged, "version": 1, "reason": WORDS["reason"]})
        seen = self.caller.post("director", f"{path}/merge/preview", {"merged": merged})
        versions = {"version": seen["version"], "merged_version": seen["merged_version"]}
        self.caller.post("director", f"{path}/merge", {"merged": merged, "reason": "document_seen", **versions})
        self.caller.get("clinician", f"/v1/episodes/{other}")
        listed = self.caller.get("director", f"{path}/merges")
        body = {"merge_id": listed["items"][0]["id"], "version": listed["version"], "reason": "other"}
        self._try("director", f"{path}/unmerge", body | {"reason": WORDS["reason"]})
        self.caller.post("director", f"{path}/unmerge", body)

    def _copy(self) -> None:
        self._try("director", f"/v1/patients/{self.person}/exports", {"x": WORDS["reason"]})
        export = self.caller.post("director", f"/v1/patients/{self.person}/exports", {})["export_id"]
        for _ in range(300):
            found = self.caller.get("director", f"/v1/exports/{export}")
            if found["status"] != "requested":
                break
            time.sleep(0.1)
        assert found["status"] == "ready", found
        bundle = self.http.get(f"/v1/exports/{export}/bundle", headers=self._as("director")).text
        assert IDENTITY["family"] in bundle, "the copy does hold who it is about"
        self.caller.post("director", f"/v1/exports/{export}/hand-over", {"channel": "portal"})

    def _issuer(self) -> None:
        """Names in claims, groups nobody knows, keys and codes made up; somebody with a role comes in and looks."""
        names = {"name": IDENTITY["family"], "email": WORDS["claim"], "preferred_username": WORDS["claim"]}
        for token in (
            self.peer.token(sub="i-17", **names), self.peer.token(sub="i-18", groups=[WORDS["group"]], **names),
            self.peer.token(sub="i-19", aud=WORDS["claim"], **names), self.peer.token(head={"kid": WORDS["key"]}, **names),
            self.peer.token(algorithm="none", **names),
        ):  # fmt: skip
            self.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        self.peer.control("person", sub="i-17", groups=["reviewers"], **names)
        for path in (self._back(), f"/login/return?code={WORDS['code']}&state={WORDS['state']}",
                     f"/login/return?error=x&error_description={WORDS['code']}"):  # fmt: skip
            with self._browser() as client:
                client.get("/login/issuer", params={"next": f"/episodes?q={WORDS['onward']}"})
                client.get(path)
        self.peer.control("person", sub="i-18", groups=[WORDS["group"]], **names)
        with self._browser() as client:
            leaving = client.get("/login/issuer")
            there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
            assert client.get(_path(there.headers["location"])).status_code == 401
        self.peer.control("person", sub="i-17", groups=["reviewers"], **names)
        with self._browser() as client:
            leaving = client.get("/login/issuer")
            there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
            assert client.get(_path(there.headers["location"])).status_code == 200
            assert IDENTITY["family"] in client.get(f"/episodes/{self.episode}").text

    def _back(self) -> str:
        """A way back that was another browser's."""
        with self._browser() as other:
            leaving = other.get("/login/issuer")
        there = httpx2.get(leaving.headers["location"], timeout=10, follow_redirects=False)
        return _path(there.headers["location"])

    def _wrong_doors(self) -> None:
        for form in (
            {"grant_type": "client_credentials", "client_id": IDENTITY["family"], "client_secret": WORDS["secret"]},
            {"grant_type": "client_credentials", "client_id": "payer-meridian", "client_secret": WORDS["secret"]},
            {"grant_type": "password", "username": "far-away", "password": WORDS["secret"]},
            {"grant_type": "password", "username": f"{IDENTITY['family']} {IDENTITY['given']}", "password": "x"},
        ):
            self.http.post("/oauth/token", data=form)
        self.http.get("/v1/me", auth=(IDENTITY["family"], WORDS["secret"]))
        self.http.get("/queue", headers={"Cookie": f"stepdown_session={WORDS['secret']}"})

    def _a_day_off(self) -> None:
        """A charged day that needs a person: settled in words, and voided."""
        needed = uuid4()
        with psycopg.connect(self.house.postgres.dsn("stepdown"), autocommit=True) as connection:
            said: dict[str, Any] = {"charge": uuid4(), "exception": needed, "at": MOMENT, "episode": self.episode}
            connection.execute(
                "WITH s AS (SELECT * FROM stay WHERE episode_id = %(episode)s ORDER BY period LIMIT 1), c AS ("
                "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track, "
                "per_diem_track, amount, rate_version, authorization_state, rule, why, status, revision, posted_at, "
                "close_version) SELECT %(charge)s, id, episode_id, person_id, facility, payer, '2026-02-01', 'per_diem', "
                "level, track, 'main', 700, '1', 'covered', 'r', 'w', 'live', 1, %(at)s, 1 FROM s) "
                "INSERT INTO charge_exception (id, episode_id, stay_id, facility, service_date, cause, why, opened_at, "
                "version) SELECT %(exception)s, episode_id, id, facility, '2026-02-01', 'c', 'w', %(at)s, 1 FROM s",
                said,
            )
        body = {"resolution": WORDS["charge"], "void_charge": True}
        assert self.caller.post("biller", f"/v1/charges/exceptions/{needed}/resolve", body)["voided"]
        told = self.caller.get("biller", "/v1/charges", episode=self.episode)["items"]
        assert [c["void_reason"] for c in told if c["id"] == str(said["charge"])] == [
            f"biller:biller: {WORDS['charge']}"
        ]

    def _admin(self, path: str, **body: Any) -> dict[str, Any]:
        return self.caller.post("admin", path, body)

    def _try(self, role: str, path: str, body: dict[str, Any]) -> None:
        self.http.post(path, json=body, headers=self._as(role))

    def _as(self, role: str) -> dict[str, str]:
        return {**self.caller._headers(role), "Idempotency-Key": f"office-{uuid4()}"}

    def _browser(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.house.url, timeout=30, follow_redirects=False, event_hooks={"response": [self.life.witness]}
        )


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"
