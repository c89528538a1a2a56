"""A life full of marked words: two people admitted, granted, denied and appealed, left alone by database and worker in between,
with everything people can get wrong on the way. Whatever the house leaves behind is searched afterwards."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import psycopg

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.driver import Driver
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.conftest import MOMENT
from tests.leaks.marks import BIRTH, IDENTITY, WORDS


class Still:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = MOMENT


@dataclass
class Witness:
    """Every refusal and fault that was answered, with its headers; and the headers of every answer."""

    refusals: list[bytes] = field(default_factory=list)
    headers: list[bytes] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    def __call__(self, answer: httpx2.Response) -> None:
        head = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
        self.headers.append(head)
        self.statuses.add(answer.status_code)
        if answer.status_code >= httpx2.codes.BAD_REQUEST:
            answer.read()
            self.refusals.append(answer.content)


class Life:
    def __init__(self, house: House) -> None:
        self.house = house
        self.witness = Witness()
        self.http = httpx2.Client(base_url=house.url, timeout=60, event_hooks={"response": [self.witness]})
        self.caller = Caller(house.url, prefix="life")
        self.caller._client.close()
        self.caller._client = self.http
        self.episodes: list[str] = []

    def live(self) -> None:
        first = self._person("granted", IDENTITY["member"], "3.5")
        second = self._person("denied", IDENTITY["member_denied"], "2.5")
        self._care(first)
        self._dispute(second)
        self._papers(first)
        self._mistakes(first)
        self._outage(first)
        self._ending(first)
        self._settle()

    def _person(self, name: str, member: str, level: str) -> Stage:
        stage = Stage(self.caller, Still(), f"life-{name}", lambda _: None)  # type: ignore[arg-type]  # stands still
        body = {
            "facility": "harbor", "requested_level": level, "source": "call",
            "patient": {
                "family": IDENTITY["family"] if name == "granted" else IDENTITY["family_denied"],
                "given": [IDENTITY["given"]], "birth_date": BIRTH.isoformat(), "gender": "F",
                "preferred_name": IDENTITY["preferred"], "street": IDENTITY["street"], "city": IDENTITY["city"],
                "state": "IL", "postal_code": IDENTITY["postal"], "telephone": IDENTITY["telephone"],
            },
            "coverages": [{"payer": "meridian", "member_id": member}], "diagnoses": [{"code": "F10.20"}],
        }  # fmt: skip
        try:
            stage.episode = self.caller.post("admissions", "/v1/episodes", body)["episode_id"]
        except Refused as alike:  # somebody like this is on record: it is a twin
            others = [c["person_id"] for c in alike.body.get("candidates", [])]
            body |= {"not_duplicates_of": others, "not_duplicates_reason": "twin"}
            stage.episode = self.caller.post("admissions", "/v1/episodes", body)["episode_id"]
        stage.driver.now = MOMENT - timedelta(hours=1)
        stage.intake(level)
        stage.driver.now = MOMENT
        stage.move(level)
        self.episodes.append(stage.episode)
        self._settle()
        return stage

    def _care(self, stage: Stage) -> None:
        """An alert seen and cleared, a request denied with reasons, a leave and the return."""
        post, path = self._try, f"/v1/episodes/{stage.episode}"
        stage.assess("CSSRS_SCREEN", **{"1": 1, "2": 1, "3": 1, "4": 1, "5": 0, "6": 0})
        for alert in stage.page()["alerts"]:
            post("clinician", f"/v1/alerts/{alert['id']}/clear", {"reason": WORDS["alert"]})
        stage.rate("2.5")
        asked = post(
            "clinician", f"{path}/transitions",
            {"to_level": "2.5", "effective_at": MOMENT.isoformat(), "rationale": WORDS["rationale"]},
        )  # fmt: skip
        row = next(t for t in stage.page()["transitions"] if t["id"] == asked["subject_id"])
        if row["status"] == "needs_sign_off":
            post("clinician", f"/v1/transitions/{row['id']}/sign-off", {"order": True})
            row = next(t for t in stage.page()["transitions"] if t["id"] == asked["subject_id"])
        deny = {"decision": "deny", "version": row["version"], "reason": WORDS["denial"]}
        post("reviewer", f"/v1/transitions/{row['id']}/decision", deny)
        post(
            "clinician", f"{path}/leave",
            {"left_at": MOMENT.isoformat(), "reason": WORDS["leave"],
             "expected_return_at": (MOMENT + timedelta(days=1)).isoformat()},
        )  # fmt: skip
        post("clinician", f"{path}/return", {"returned_at": MOMENT.isoformat()})
        said = {"form": "part2_tpo", "signed_at": MOMENT.isoformat(), "refused": True, "reason": WORDS["signature"]}
        post("clinician", f"{path}/consents", said)
        for item in stage.page()["open_items"][:1]:
            self.http.post(
                f"/v1/items/{item['id']}/resolve",
                json={"resolution": WORDS["item"]},
                headers=self._as("reviewer", "item"),
            )

    def _dispute(self, stage: Stage) -> None:
        """What the payer said, by telephone too, and the words of an appeal."""
        (case,) = stage.page()["authorizations"][:1]
        path = f"/v1/authorizations/{case['id']}"
        self._try(
            "reviewer", f"{path}/peer-to-peer",
            {"outcome": "upheld", "call_reference": "c-77", "rationale": WORDS["peer"]},
        )  # fmt: skip
        self._try(
            "reviewer", f"{path}/appeals",
            {"kind": "appeal", "by_hand": True, "representative": "form", "call_reference": "c-78",
             "rationale": WORDS["appeal"]},
        )  # fmt: skip
        self.http.post(
            f"{path}/cancellations",
            json={"reason": WORDS["cancellation"]},
            headers=self._as("reviewer", "cancellation"),
        )
        self._settle()

    def _papers(self, stage: Stage) -> None:
        """A chart note, words to somebody outside, and messages of a payer that nobody can place."""
        made = self.http.post(
            f"/v1/episodes/{stage.episode}/documents",
            params={"kind": "progress_note", "service_date": MOMENT.date().isoformat()},
            content=WORDS["document"].encode(),
            headers={**self._as("clinician", "document"), "Content-Type": "text/plain"},
        )
        assert made.status_code == 201, made.text
        told = {
            "content": "handoff", "purpose": "treatment", "recipient": "clinic/next", "recipient_class": "treating_provider",
            "channel": "telephone", "disclosed_at": MOMENT.isoformat(), "words": WORDS["told"],
        }  # fmt: skip
        self.http.post(
            f"/v1/episodes/{stage.episode}/disclosures", json=told, headers=self._as("clinician", "disclosure")
        )
        secret = self.house.environment["STEPDOWN_PAYER_SECRET"]
        form = {"grant_type": "client_credentials", "client_id": "payer-meridian", "client_secret": secret}
        token = self.http.post("/oauth/token", data=form).json()["access_token"]
        for content in (f"NM1*IL*1*{IDENTITY['family']}*{WORDS['payer']}~", self._strange_file()):
            answer = self.http.post(
                "/v1/payers/meridian/x12", content=content.encode(),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/edi-x12"},
            )  # fmt: skip
            assert answer.status_code == 200, answer.text
        waiting = self.caller.get("reviewer", "/v1/exchange/quarantine")["items"]
        assert waiting, "the messages of a payer that nobody can place wait for a person"
        for one in waiting[:1]:
            self.http.post(
                f"/v1/exchange/quarantine/{one['id']}/discard", json={"reason": WORDS["discard"]},
                headers=self._as("reviewer", "discard"),
            )  # fmt: skip

    def _strange_file(self) -> str:
        """A whole file in good order about nobody we asked for."""
        return (
            "ISA*00*          *00*          *ZZ*88888          *ZZ*STEPDOWN       *260302*1500*^*00501*000000077*0*T*:~"
            "GS*HI*88888*STEPDOWN*20260302*1500*77*X*005010X217~ST*278*0001*005010X217~BHT*0007*11*R77*20260302*1500~"
            f"HL*1**20*1~NM1*X3*2*UM*****PI*88888~HL*2*1*22*1~NM1*IL*1*{IDENTITY['family']}*{IDENTITY['given']}****MI*"
            f"{IDENTITY['member']}~DMG*D8*{BIRTH.strftime('%Y%m%d')}~SE*8*0001~GE*1*77~IEA*1*000000077~"
        )

    def _mistakes(self, stage: Stage) -> None:
        """Names where they do not belong: in the wrong field, in an address, in a header, in what is malformed."""
        family, born = IDENTITY["family"], BIRTH.isoformat()
        mine = self._as("admissions", "mistake")
        for body in (
            {"facility": family}, {"patient": {"family": family, "given": family, "birth_date": f"{born}x"}},
            {"requested_level": family, "coverages": [{"payer": family}], "diagnoses": [{"code": family}]},
            {"source": family * 40, "patient": {"gender": family}}, [family], family,
        ):  # fmt: skip
            self.http.post("/v1/episodes", json=body, headers=mine)
        whole = {
            "facility": family, "requested_level": "3.5", "source": "call",
            "patient": {"family": family, "given": [family], "birth_date": born}, "coverages": [{"payer": family}],
            "diagnoses": [{"code": "F10.20"}],
        }  # fmt: skip
        for changes in ({}, {"facility": "harbor"}, {"facility": "harbor", "requested_level": family}):
            self.http.post(
                "/v1/episodes", json={**whole, **changes}, headers=self._as("admissions", f"bad{len(changes)}")
            )
        self.http.post("/v1/episodes", content=f'{{"x": "{family}"'.encode(), headers=mine)
        self.http.post(
            "/v1/episodes/import", json={"resourceType": family, "entry": [{"resource": family}]}, headers=mine
        )
        for path in (
            f"/v1/episodes/{family}", f"/v1/episodes?q={family}", f"/v1/patients/{family}", f"/{family}?name={family}",
            f"/v1/definitions/{family}", f"/v1/commands/{family}", f"/v1/disclosures?patient={family}",
            f"/v1/facilities/{family}/x", f"/v1/census?facility={family}&date={born}x",
        ):  # fmt: skip
            self.http.get(path, headers=self._as("reviewer", "none"))
        for name, password in ((family, "x"), ("reviewer", WORDS["password"]), (IDENTITY["member"], family)):
            self.http.post("/oauth/token", data={"grant_type": "password", "username": name, "password": password})
            self.http.post("/login", data={"username": name, "password": password})
        self.http.post("/oauth/token", data={"grant_type": family})
        self.http.get("/v1/episodes", headers={"Authorization": f"Bearer {family}"})
        self.http.post("/v1/people/search", json={"family": family, "birth_date": born}, headers=mine)
        self.http.post("/v1/people/search", json={"family": family, "surprise": family}, headers=mine)
        self.http.post("/codec/decode", json={"payloads": [{"data": family}]}, headers=self._as("auditor", "none"))
        wrong = {"to_level": family, "effective_at": MOMENT.isoformat(), "rationale": WORDS["refused"]}
        for level in (family, "4.0", "3.5"):
            self.http.post(
                f"/v1/episodes/{stage.episode}/transitions", json={**wrong, "to_level": level},
                headers=self._as("clinician", f"wrong-{level[:2]}"),
            )  # fmt: skip

    def _outage(self, stage: Stage) -> None:
        """The database goes away under people's hands, and comes back; then the worker does."""
        self.house.kill("postgres")
        self._anything(stage, "no-database")
        self.house.start_part("postgres")
        self.house.wait_ready()
        with psycopg.connect(self.house.postgres.dsn("stepdown"), autocommit=True) as connection:
            connection.execute("ALTER TABLE movement ADD CONSTRAINT broken_for_a_test CHECK (kind = 'x') NOT VALID")
            self._anything(stage, "refused-by-the-database", patience=6)
            connection.execute("ALTER TABLE movement DROP CONSTRAINT broken_for_a_test")

    def _anything(self, stage: Stage, key: str, patience: float = 20) -> None:
        patient = {
            "family": f"{IDENTITY['family']}{key}",
            "given": [IDENTITY["given"]],
            "birth_date": BIRTH.isoformat(),
        }
        body = {
            "facility": "harbor", "requested_level": "3.5", "source": "call", "patient": patient,
            "coverages": [{"payer": "meridian", "member_id": IDENTITY["member"]}], "diagnoses": [{"code": "F10.20"}],
        }  # fmt: skip
        leave = {"left_at": MOMENT.isoformat(), "reason": WORDS["fault"]}
        for role, path, said in (
            ("admissions", "/v1/episodes", body), ("clinician", f"/v1/episodes/{stage.episode}/leave", leave),
            ("reviewer", "/v1/people/search", {"family": IDENTITY["family"]}),
        ):  # fmt: skip
            with suppress(httpx2.HTTPError):
                self.http.post(path, json=said, headers=self._as(role, f"{key}-{role}"), timeout=patience)

    def _ending(self, stage: Stage) -> None:
        self._try(
            "clinician", f"/v1/episodes/{stage.episode}/discharge",
            {"disposition": "completed", "effective_at": MOMENT.isoformat(), "reason": WORDS["discharge"]},
        )  # fmt: skip

    def _try(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.caller.post(role, path, body)

    def _as(self, role: str, key: str) -> dict[str, str]:
        return {**self.caller._headers(role), "Idempotency-Key": f"life-of-its-own-{key}"}

    def _settle(self) -> None:
        asyncio.run(_settled(self.house))

    def close(self) -> None:
        self.caller.close()


async def _settled(house: House) -> None:
    driver = Driver(house)
    driver.closes = False
    await driver.open(MOMENT)
    await driver.settle()
    await driver.close()
