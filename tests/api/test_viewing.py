"""Whoever opens a name is on record first: one entry per view, in a chain of their own; unrecorded, no name is shown."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from local.rehearsal.caller import Caller, Refused
from local.rehearsal.house import House
from local.rehearsal.stage import Stage
from tests.api.test_refusals import admitted, referral, refused, started

HEADING = re.compile(r"<h1>(.*?)</h1>")


@contextmanager
def entered(house: House, role: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=house.url, timeout=30) as client:
        client.post("/login", data={"username": role, "password": "local"})
        yield client


def views(house: House, actor: str) -> list[dict[str, Any]]:
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        rows = connection.execute(
            "SELECT subject, purpose, role, detail FROM audit_entry WHERE action = 'viewed_person' AND actor = %s "
            "AND chain = 'views/' || actor ORDER BY id",
            (actor,),
        ).fetchall()
    return [dict(zip(("subject", "purpose", "role", "detail"), row, strict=True)) for row in rows]


@contextmanager
def audit_away(house: House) -> Iterator[None]:
    """The audit takes no view: as a full disk, a lost privilege or a broken trigger would have it."""
    with psycopg.connect(house.postgres.dsn("stepdown"), autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_entry ADD CONSTRAINT ck_away CHECK (action <> 'viewed_person') NOT VALID")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE audit_entry DROP CONSTRAINT ck_away")


@pytest.fixture(scope="module")
def somebody(house: House) -> Iterator[Stage]:
    caller = Caller(house.url, prefix="viewing")
    yield admitted(caller)
    caller.close()


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("clinician", "treatment"), ("admissions", "treatment"), ("reviewer", "payment"), ("biller", "payment"),
        ("director", "operations"),
    ],
)  # fmt: skip
def test_a_page_of_one_person_is_one_entry(house: House, somebody: Stage, role: str, purpose: str) -> None:
    actor = f"{role}:{role}"
    before = views(house, actor)
    with entered(house, role) as client:
        page = client.get(f"/episodes/{somebody.episode}")
    assert HEADING.search(page.text)
    (new,) = views(house, actor)[len(before) :]
    person = somebody.page()["person_id"]
    assert (new["subject"], new["purpose"], new["role"]) == (f"person/{person}", purpose, role)
    assert new["detail"] == {
        "page": "episode", "filter": {"episode": somebody.episode}, "count": 1, "people": [person],
    }  # fmt: skip


def test_a_list_is_one_entry_with_its_filter_and_everybody_on_it(house: House, somebody: Stage, caller: Caller) -> None:
    admitted(caller)
    before = views(house, "director:director")
    with entered(house, "director") as client:
        client.get("/")
        client.get("/episodes?phase=in_care")
        page = client.get("/episodes")
        csrf = page.text.split('name="csrf" value="')[1].split('"')[0]
        family = page.text.split("Testerman")[1].split("<")[0].split(",")[0].strip()
        found = client.post("/episodes", data={"csrf": csrf, "key": "a-search-0001", "q": f"Testerman{family}"})
    board, some, everybody, search = views(house, "director:director")[len(before) :]
    assert (board["subject"], board["detail"]["filter"]) == ("list/board", {"facility": "harbor"})
    assert somebody.page()["person_id"] in board["detail"]["people"]
    for entry in (board, some, everybody):
        assert entry["detail"]["count"] == len(entry["detail"]["people"]) > 1
        assert entry["purpose"] == "operations"
    assert some["detail"]["filter"]["phase"] == "in_care"
    assert "phase" not in everybody["detail"]["filter"]
    assert search["detail"]["filter"]["searched"] is True
    assert search["detail"]["count"] == 1
    assert family in found.text
    assert "Testerman" not in str(views(house, "director:director"))


def test_without_the_record_no_name_is_shown_and_the_page_still_reads(house: House, somebody: Stage) -> None:
    with entered(house, "clinician") as client:
        names = {path: client.get(path).text for path in ("/", "/episodes", f"/episodes/{somebody.episode}")}
        assert all("Testerman" in text for text in names.values())
        before = views(house, "clinician:clinician")
        with audit_away(house):
            for path in names:
                page = client.get(path)
                assert page.status_code == 200
                assert "Testerman" not in page.text
                assert "name withheld" in page.text
                assert "1990-02-03" not in page.text
        assert views(house, "clinician:clinician") == before
        assert "Testerman" in client.get("/").text


def test_answers_of_the_api_open_no_name(house: House, somebody: Stage, caller: Caller) -> None:
    before = views(house, "biller:biller")
    for path in (f"/v1/episodes/{somebody.episode}", "/v1/episodes", "/v1/transitions"):
        assert "Testerman" not in str(caller.get("biller", path))
    assert [v["detail"]["page"] for v in views(house, "biller:biller")[len(before) :]] == ["answer/episode"]


def test_words_of_staff_in_an_answer_are_on_record_or_not_told(house: House, caller: Caller) -> None:
    """An episode nobody wrote about is told without an entry; with words, one entry an answer; without the audit, none."""
    stage = started(caller)
    before = views(house, "biller:biller")
    assert caller.get("biller", f"/v1/episodes/{stage.episode}")["transitions"] == []
    assert views(house, "biller:biller") == before
    stage.intake("3.5")
    stage.rate("3.5")
    asked = {
        "to_level": "3.5", "effective_at": stage.now(), "rationale": "her sister Wilma asked for it",
    }  # fmt: skip
    caller.post("admissions", f"/v1/episodes/{stage.episode}/transitions", asked)
    person = stage.page()["person_id"]
    told = [
        caller.get("biller", f"/v1/episodes/{stage.episode}")["transitions"],
        [t for t in caller.get("biller", "/v1/transitions")["items"] if t["episode_id"] == stage.episode],
    ]
    for (one,) in told:
        assert one["rationale"] == "her sister Wilma asked for it"
        assert one["decision_reason"] is None
    page, queue = views(house, "biller:biller")[len(before) :]
    assert (page["subject"], page["detail"]["page"], page["purpose"]) == (
        f"person/{person}",
        "answer/episode",
        "payment",
    )
    assert queue["detail"]["page"] == "answer/queue"
    assert person in queue["detail"]["people"]
    with entered(house, "reviewer") as client:
        assert "her sister Wilma asked for it" in client.get("/queue").text
        with audit_away(house):
            page_without = client.get("/queue")
            assert page_without.status_code == 200
            assert "Wilma" not in page_without.text
            for path in (f"/v1/episodes/{stage.episode}", "/v1/transitions"):
                with pytest.raises(Refused) as error:
                    caller.get("biller", path)
                assert error.value.status == 503
                assert "Wilma" not in str(error.value.body)


def test_a_referral_of_somebody_known_says_who_was_opened(house: House, caller: Caller) -> None:
    sent = referral()
    first = caller.post("admissions", "/v1/episodes", sent)
    stage = started(caller)
    stage.episode = first["episode_id"]
    stage.end("other", "did not come")
    before = views(house, "admissions:admissions")
    again = caller.post("admissions", "/v1/episodes", sent)
    (new,) = views(house, "admissions:admissions")[len(before) :]
    page = caller.get("reviewer", f"/v1/episodes/{again['episode_id']}")
    assert new["detail"]["people"] == [page["person_id"]]
    assert (new["detail"]["page"], new["purpose"]) == ("referral", "treatment")
    with audit_away(house):
        error = refused(caller, "admissions", "/v1/episodes", sent)
    assert error.code == "episode_open_elsewhere"


def test_views_of_one_person_at_once_stand_in_one_chain(house: House, somebody: Stage) -> None:
    with entered(house, "biller") as client, ThreadPoolExecutor(8) as many:
        before = len(views(house, "biller:biller"))
        pages = list(many.map(lambda _: client.get(f"/episodes/{somebody.episode}").status_code, range(16)))
    assert pages == [200] * 16
    assert len(views(house, "biller:biller")) == before + 16
    with psycopg.connect(house.postgres.dsn("stepdown")) as connection:
        broken = connection.execute(
            "SELECT count(*) FROM (SELECT prev_hash, lag(hash) OVER (PARTITION BY chain ORDER BY place) AS earlier "
            "FROM audit_entry WHERE chain LIKE 'views/%') c WHERE prev_hash IS DISTINCT FROM earlier"
        ).fetchone()
    assert broken == (0,)
