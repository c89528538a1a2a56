"""The accounting of disclosures over HTTP: complete, in pages, for auditors of the facility, each look on record."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from storage.verify import verify
from tests.api.conftest import MOMENT
from tests.api.test_refusals import admitted
from tests.api.test_viewing import audit_away, views

DAY = timedelta(days=1)
OUTCOMES = ("sent", "unknown", "not_sent", None)


class Somebody:
    """A person of the house whose ledger holds one departure a day, ten years back, by every outcome in turn."""

    def __init__(self, house: House, stage: Stage) -> None:
        self.told: list[tuple[UUID, datetime, str | None]] = []
        with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
            row = connection.execute(
                "SELECT e.person_id, c.id FROM episode e JOIN consent c ON c.episode_id = e.id AND c.form = 'part2_tpo' "
                "WHERE e.id = %s",
                (stage.episode,),
            ).fetchone()
            assert row is not None
            self.person, self.consent = row
            for number, back in enumerate((1, 2, 2, 3, 400, 1000, 1200, 2300)):
                self._tell(connection, stage, MOMENT - back * DAY, OUTCOMES[number % len(OUTCOMES)])

    def _tell(self, connection: psycopg.Connection[Any], stage: Stage, at: datetime, outcome: str | None) -> None:
        made = uuid4()
        connection.execute(
            "INSERT INTO disclosure (id, person_id, episode_id, content, purpose, recipient, fingerprint, intent_at, "
            "actor, consent_id, notice, scope) VALUES (%s, %s, %s, 'claim', 'payment', 'payer/meridian', 'f', %s, "
            """'worker', %s, 'trading_partner_agreement', '{"contents": ["claim"]}')""",
            (made, self.person, stage.episode, at, self.consent),
        )
        if outcome is not None:
            connection.execute("INSERT INTO disclosure_outcome VALUES (%s, %s, %s)", (made, outcome, at))
        self.told.append((made, at, outcome))

    def within(self, since: datetime) -> list[str]:
        """Ids of what was told, newest first."""
        found = [(at, number, made) for number, (made, at, _) in enumerate(self.told) if at >= since]
        return [str(made) for _, _, made in sorted(found, reverse=True)]


@pytest.fixture(scope="module")
def somebody(house: House) -> Iterator[Somebody]:
    caller = Caller(house.url, prefix="disclosures")
    yield Somebody(house, admitted(caller))
    caller.close()


def told(caller: Caller, one: Somebody, **asked: Any) -> list[dict[str, Any]]:
    """All pages; what the house itself sent for the admission is left out."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = caller.get(
            "auditor", "/v1/disclosures", patient=str(one.person), **asked, **({"cursor": cursor} if cursor else {})
        )
        found.extend(page["items"])
        cursor = page["next"]
        if cursor is None:
            return [item for item in found if item["fingerprint"] == "f"]


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_pages_hold_everything_once_newest_first(caller: Caller, somebody: Somebody, limit: int) -> None:
    found = told(caller, somebody, years=6, limit=limit)
    assert [item["id"] for item in found] == somebody.within(MOMENT.replace(year=MOMENT.year - 6))


def test_years_and_dates(caller: Caller, somebody: Somebody) -> None:
    def ids(**asked: Any) -> list[str]:
        return [item["id"] for item in told(caller, somebody, **asked)]

    assert len(ids()) == len(ids(years=3)) == 6
    assert len(ids(years=6)) == 7
    since = MOMENT - 3 * DAY
    assert ids(**{"from": since.isoformat()}) == somebody.within(since)
    between = {"from": (MOMENT - 400 * DAY).isoformat(), "to": (MOMENT - 3 * DAY).isoformat()}
    assert ids(**between) == [str(somebody.told[3][0]), str(somebody.told[4][0])]


def test_one_says_what_where_on_what_ground_and_what_became_of_it(caller: Caller, somebody: Somebody) -> None:
    found = {item["id"]: item for item in told(caller, somebody, years=6)}
    by_outcome = {
        outcome: found[str(made)] for made, at, outcome in somebody.told if str(made) in found and at > MOMENT - 5 * DAY
    }
    assert {o: item["disclosed"] for o, item in by_outcome.items()} == {
        "sent": True, "unknown": True, "not_sent": False, None: True,
    }  # fmt: skip
    sent = by_outcome["sent"]
    assert sent["consent"] == {
        "id": str(somebody.consent), "form": "part2_tpo", "edition": "2026-01", "scope": {"contents": ["claim"]},
    }  # fmt: skip
    assert (sent["content"], sent["purpose"], sent["recipient"], sent["fingerprint"], sent["exception"]) == (
        "claim", "payment", "payer/meridian", "f", None,
    )  # fmt: skip
    assert (sent["notice"], sent["outcome"], sent["facility"]) == ("trading_partner_agreement", "sent", "harbor")


@pytest.mark.parametrize(
    "asked",
    [
        {"years": 4},
        {"years": 3, "from": "2026-01-01T00:00:00Z"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "2026-02-01"},
        {"from": "2026-02-01T00:00:00"},
        {"cursor": "bm9uc2Vuc2U="},
        {"limit": 0},
    ],
)
def test_what_cannot_be_asked(caller: Caller, somebody: Somebody, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        caller.get("auditor", "/v1/disclosures", patient=str(somebody.person), **asked)
    assert refused.value.status == 422


@pytest.mark.parametrize("path", ["/v1/disclosures", "/v1/disclosures.pdf"])
def test_only_auditors_and_only_people_who_were_here(
    caller: Caller, house: House, somebody: Somebody, path: str
) -> None:
    for role in ("clinician", "reviewer", "biller", "director", "admissions"):
        with pytest.raises(Refused) as refused:
            caller.get(role, path, patient=str(somebody.person))
        assert refused.value.status == 403
    with pytest.raises(Refused) as refused:
        caller.get("auditor", path, patient=str(uuid4()))
    assert refused.value.status == 404
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO app_user (username, role, facilities, password_hash, disabled) "
            "SELECT 'far-auditor', 'auditor', '[\"lakeside\"]', password_hash, false FROM app_user "
            "WHERE username = 'auditor' ON CONFLICT DO NOTHING"
        )
    far = Caller(house.url, prefix="far")
    try:
        with pytest.raises(Refused) as refused:
            far.get("far-auditor", path, patient=str(somebody.person))
        assert refused.value.status == 404
    finally:
        far.close()


def letter(house: House, one: Somebody, **asked: Any) -> httpx2.Response:
    with httpx2.Client(base_url=house.url, timeout=60) as client:
        said = client.post("/oauth/token", data={"grant_type": "password", "username": "auditor", "password": "local"})
        return client.get(
            "/v1/disclosures.pdf", params={"patient": str(one.person), **asked},
            headers={"Authorization": f"Bearer {said.json()['access_token']}"},
        )  # fmt: skip


def test_the_letter_is_a_pdf_that_nobody_keeps_and_is_on_record(house: House, somebody: Somebody) -> None:
    before = len(views(house, "auditor:auditor"))
    first, second = letter(house, somebody), letter(house, somebody)
    assert first.status_code == 200
    assert (first.headers["content-type"], first.headers["cache-control"]) == ("application/pdf", "no-store")
    assert first.content.startswith(b"%PDF-")
    assert first.content == second.content
    assert letter(house, somebody, years=6).content != first.content
    seen = views(house, "auditor:auditor")[before:]
    assert [(v["subject"], v["purpose"], v["detail"]["page"]) for v in seen] == [
        (f"person/{somebody.person}", "operations", "disclosures.pdf")
    ] * 3


def test_a_list_is_on_record_too_and_without_record_there_is_none(
    caller: Caller, house: House, somebody: Somebody
) -> None:
    before = len(views(house, "auditor:auditor"))
    told(caller, somebody)
    seen = views(house, "auditor:auditor")[before:]
    assert [v["detail"]["page"] for v in seen] == ["disclosures"]
    assert seen[0]["detail"]["filter"]["to"] == MOMENT.isoformat()
    with audit_away(house):
        refused = letter(house, somebody)
    assert refused.status_code >= 500
    assert b"%PDF" not in refused.content


def test_an_erased_person_keeps_the_list_and_has_no_letter(caller: Caller, house: House) -> None:
    erased = Somebody(house, admitted(caller))
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        connection.execute("UPDATE person SET wrapped_key = NULL WHERE id = %s", (erased.person,))
    assert len(told(caller, erased, years=6)) == 7
    refused = letter(house, erased)
    assert refused.status_code == 404
    assert "erased" in refused.json()["detail"]


def test_the_record_of_a_house_at_work_is_whole(house: House, somebody: Somebody) -> None:
    """Written by the API and the worker side by side, and proved without them."""
    breaks, heads, entries = verify(house.postgres.dsn("stepdown"))
    assert breaks == []
    assert entries > len(heads) > 3
    assert ("disclosure", str(somebody.person)) in {(h.ledger, h.chain) for h in heads}
