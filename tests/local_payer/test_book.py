"""The payer's own book: both directions, nothing lost by a kill, nothing about people in what it shows."""

import hashlib
import json
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2

from definitions.review_codes import Action
from local.payer.book import Book, text_digest
from tests.interchange.x12.samples import CONTROL, emitted, golden, only_set, residential
from tests.local_payer.conftest import Door, PayerProcess, Start, wait_until

NOON = "2026-03-06T12:00:00+00:00"
EVENING = "2026-03-06T18:00:00+00:00"


def test_what_came_and_what_it_got(driven: PayerProcess) -> None:
    text = emitted(residential())
    said = driven.send(text, at=NOON)
    (came,), (out,) = driven.messages("in"), driven.messages("out")
    assert came["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert (came["control_number"], came["trace"], came["kind"]) == ("000000101", "EP1001RES1", "I")
    assert (came["answered"], came["answered_kind"], came["answered_at"]) == ("A1", "278", NOON)
    assert out["digest"] == hashlib.sha256(said.content).hexdigest()
    assert out["control_number"] == only_set(said.text)[0].control_number
    assert (out["road"], out["left_at"], out["whole"]) == ("call", NOON, 1)


def test_what_waits_has_not_left(driven: PayerProcess, door: Door) -> None:
    driven.ask(residential(member_id="W123456789P6"), at=NOON)
    waiting = driven.messages("out")[1]
    assert (waiting["due_at"], waiting["left_at"], waiting["digest"], waiting["control_number"]) == (
        EVENING, None, None, None,
    )  # fmt: skip
    driven.advance(EVENING)
    left = driven.messages("out")[1]
    assert left["left_at"] == EVENING
    assert left["digest"] == text_digest(door.taken[0][1].encode())


def test_every_answer_has_its_own_control_number_for_each_payer(driven: PayerProcess) -> None:
    for n, payer in enumerate(("meridian", "unity", "meridian", "unity")):
        driven.send(emitted(residential(trace=f"EP{n}")), at=NOON, payer=payer)
    driven.send("hello")
    driven.send(golden("request_residential").replace("UM*AR*I", "UM*QQ*I"))
    for payer, numbers in (("meridian", ["000000001", "000000002", "000000003", "000000004"]),
                           ("unity", ["000000001", "000000002"])):  # fmt: skip
        assert [m["control_number"] for m in driven.messages("out") if m["payer"] == payer] == numbers


def test_files_that_cannot_be_read_are_kept_by_their_digest(driven: PayerProcess) -> None:
    driven.send("hello")
    (came,) = driven.messages("in")
    assert (came["kind"], came["answered_kind"], came["control_number"]) == ("unreadable", "TA1", None)
    assert came["digest"] == text_digest(b"hello")


def test_nothing_it_shows_is_about_a_person(driven: PayerProcess) -> None:
    driven.ask(residential(member_id="W987654321P6DG", family="VERYRARE"), at=NOON)
    driven.advance(EVENING)
    shown = "".join(
        driven.client.get(f"{driven.url}{path}").text for path in ("/book", "/book/cases", "/book/messages", "/script")
    )
    assert "EP1001RES1" in shown
    assert not [word for word in ("W987654321", "VERYRARE", "JORDAN", "19880412", "1988-04-12") if word in shown]


def test_killed_while_many_ask_and_asked_again(start: Start) -> None:
    """What was taken before the kill is the case that is found after it; nobody gets a second number."""
    before = start("--drive", "driven")
    texts = [emitted(residential(trace=f"EP{n}", member_id="W123456789P6")) for n in range(40)]
    answered: dict[str, str] = {}
    some = threading.Event()

    def ask(text: str) -> None:
        try:
            answered[text] = before.send(text, at=NOON).text
        except httpx2.HTTPError:
            return
        if len(answered) >= 5:
            some.set()

    with ThreadPoolExecutor(4) as pool:
        pool.map(ask, texts)
        assert some.wait(20)
        before.stop(signal.SIGKILL)
    after = start("--drive", "driven")
    told = {text: after.send(text, at=NOON).text for text in texts}
    assert {text: told[text] for text in answered} == answered
    assert len({r["number"] for r in after.reviews()}) == len(after.reviews()) == 40
    numbers = [int(m["control_number"]) for m in after.messages("out") if m["control_number"]]
    assert sorted(set(numbers)) == list(range(1, 41))


def test_killed_between_taking_and_answering(start: Start) -> None:
    before = start("--drive", "driven", "--silence-seconds", "60")
    text = emitted(residential(member_id="W123456789T"))
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(before.send, text, at=NOON)
        wait_until(lambda: len(before.cases()) == 1)
        number = before.reviews()[0]["number"]
        assert before.messages("out")[0]["left_at"] is None
        before.stop(signal.SIGKILL)
        assert isinstance(lost.exception(timeout=10), httpx2.HTTPError)
    after = start("--drive", "driven")
    answer = after.ask(residential(member_id="W123456789T"), at=NOON)
    assert (answer.action, answer.number) == (Action.CERTIFIED, number)
    assert len(after.messages("in")) == 2


def test_a_delivery_that_was_not_taken_is_the_same_bytes_after_a_kill(start: Start, door: Door) -> None:
    before = start("--drive", "driven")
    before.ask(residential(member_id="W123456789P6"), at=NOON)
    door.closed = True
    assert before.advance(EVENING).status_code == 503
    number = before.messages("out")[1]["control_number"]
    before.stop(signal.SIGKILL)
    door.closed = False
    after = start("--drive", "driven")
    after.advance(EVENING)
    assert only_set(door.taken[0][1])[0].control_number == number
    assert [m["left_at"] for m in after.messages("out")] == [NOON, EVENING]


FIRST_EDITION = """
CREATE TABLE answer (payer TEXT, trace TEXT, body TEXT, kind TEXT, received_at TEXT, member TEXT,
    PRIMARY KEY (payer, trace));
CREATE TABLE delivery (id INTEGER PRIMARY KEY, payer TEXT, trace TEXT, body TEXT, due_at TEXT, delivered_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0);
CREATE TABLE case_trace (payer TEXT, trace TEXT, number TEXT, PRIMARY KEY (payer, trace));
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counter VALUES ('interchange', 17), ('case', 9);
"""


def test_a_book_of_the_first_edition_is_taken_over(start: Start, tmp_path: Path, door: Door) -> None:
    """Its answers are repeated word for word, and what it owed is delivered."""
    pended, final = golden("response_pended"), golden("response_seven_of_fourteen")
    with closing(sqlite3.connect(tmp_path / "book.sqlite")) as old:
        old.executescript(FIRST_EDITION)
        old.execute("INSERT INTO answer VALUES ('meridian', 'EP1001RES1', ?, 'pended', ?, '')", (pended, NOON))
        old.execute("INSERT INTO delivery VALUES (1, 'meridian', 'EP1001RES1', ?, ?, NULL, 0)", (final, EVENING))
        old.execute("INSERT INTO case_trace VALUES ('meridian', 'EP1001RES1', 'AUTH000009')")
        old.commit()
    payer = start("--drive", "driven")
    assert payer.send(emitted(residential()), at=NOON).text == pended
    assert [(c["kind"], c["waiting"]) for c in payer.cases()] == [("pended", 1)]
    payer.advance(EVENING)
    assert [body for _, body, _ in door.taken] == [final]
    assert payer.send(emitted(residential()), at=EVENING).text == final
    fresh = payer.send(emitted(residential(trace="EP2")), at=NOON)
    assert only_set(fresh.text)[0].control_number == "000000018"
    assert payer.reviews()[-1]["number"] == "AUTH000010"


def test_a_failed_part_of_a_transaction_is_undone_alone(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    with book.transaction():
        book.next("kept")
        try:
            with book.transaction():
                book.next("undone")
                raise LookupError
        except LookupError:
            book.next("kept")
    assert json.loads(json.dumps(book.rows("SELECT name, value FROM counter ORDER BY name"))) == [["kept", 2]]
    book.close()


def test_the_same_trace_in_two_files_at_once_is_one_case(driven: PayerProcess) -> None:
    """Two gateways of one sender, other control numbers, one trace: one case, one number, one answer."""
    request = residential(member_id="W123456789P6")
    texts = [emitted(request, replace(CONTROL, number=n)) for n in range(101, 121)]
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda text: driven.send(text, at=NOON).text, texts))
    assert len(bodies) == 1
    assert len(driven.reviews()) == 1
    assert len(driven.messages("in")) == 20
    assert [m["road"] for m in driven.messages("out") if m["left_at"] is None] == [None]
