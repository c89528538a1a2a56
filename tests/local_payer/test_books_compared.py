"""The comparison of both books can fail: each difference is planted once and found once, and none without."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest
from psycopg import sql

from local.books import Books, Kind, compare, differences, read_books
from tests.interchange.x12.samples import CONTROL, emitted, residential
from tests.local_payer.conftest import Door, PayerProcess

NOON = "2026-03-06T12:00:00+00:00"
EVENING = "2026-03-06T18:00:00+00:00"


def sent(trace: str = "EP1", number: str = "000000001", status: str = "sent", attempts: int = 1) -> dict[str, Any]:
    return {"partner": "meridian", "control_number": number, "fingerprint": f"file-{trace}", "status": status,
            "kind": "278", "trace": trace, "attempts": attempts}  # fmt: skip


def came(trace: str = "EP1", digest: str | None = None) -> dict[str, Any]:
    return {"direction": "in", "payer": "meridian", "control_number": "000000001", "trace": trace,
            "digest": digest or f"file-{trace}", "kind": "I"}  # fmt: skip


def said(trace: str = "EP1", number: str = "000000001", **more: Any) -> dict[str, Any]:
    return {"direction": "out", "payer": "meridian", "control_number": number, "trace": trace, "kind": "278",
            "digest": f"answer-{number}", "piece": f"answer-{number}", "left_at": NOON, "road": "call", "whole": 1,
            "damage": None} | more  # fmt: skip


def stands(
    trace: str = "EP1", action: str | None = "A1", authorization: str = "a1", source: str | None = "x12"
) -> dict[str, Any]:
    return {"partner": "meridian", "trace": trace, "authorization_id": authorization, "action": action,
            "source": source}  # fmt: skip


def accounted(trace: str = "EP1", outcome: str | None = "sent", **more: Any) -> dict[str, Any]:
    return {"partner": "meridian", "fingerprint": f"file-{trace}", "kind": "278", "control_number": "000000001",
            "trace": trace, "outcome": outcome} | more  # fmt: skip


def case(trace: str = "EP1", state: str = "approved") -> dict[str, Any]:
    return {"payer": "meridian", "trace": trace, "state": state}


KEPT = ({"partner": "meridian", "fingerprint": "answer-000000001"},)
EQUAL = Books(
    counters=({"partner": "meridian", "last": 1},), out=(sent(),), kept=KEPT, standing=(stands(),),
    messages=(came(), said()), cases=(case(),), ledger=(accounted(),),
)  # fmt: skip


def test_books_that_agree() -> None:
    assert differences(EQUAL) == []
    assert differences(Books()) == []


PLANTED: dict[str, tuple[Callable[[Books], Books], Kind, str]] = {
    "lost on its way": (
        lambda b: replace(b, messages=(said(),)),
        Kind.NEVER_RECEIVED, "message 000000001, trace EP1, was sent and never received",
    ),
    "from nowhere": (
        lambda b: replace(b, messages=(*b.messages, came("EP9")), cases=b.cases),
        Kind.NEVER_SENT, "message 000000001, trace EP9, was received and never sent from here",
    ),
    "disclosed and not accounted for": (
        lambda b: replace(b, out=(sent(status="failed"),)),
        Kind.COUNTED_AS_UNSENT, "message 000000001, trace EP1, was received and counts as not sent here",
    ),
    "received twice": (
        lambda b: replace(b, messages=(*b.messages, came())),
        Kind.RECEIVED_MORE, "message 000000001, trace EP1, was received 2 times and sent 1 times",
    ),
    "other bytes": (
        lambda b: replace(b, messages=(*b.messages, came(digest="other")),
                          out=(*b.out, sent() | {"fingerprint": "other", "control_number": None}),
                          ledger=(*b.ledger, accounted(fingerprint="other"))),
        Kind.OTHER_BYTES, "trace EP1 came in 2 different files",
    ),
    "left out of the accounting": (
        lambda b: replace(b, ledger=()),
        Kind.NOT_ACCOUNTED, "message 000000001, trace EP1, was received 1 times and is accounted for 0 times",
    ),
    "accounted as kept back": (
        lambda b: replace(b, ledger=(accounted(outcome="not_sent"),)),
        Kind.NOT_ACCOUNTED, "message 000000001, trace EP1, was received 1 times and is accounted for 0 times",
    ),
    "accounted twice, left twice, told once": (
        lambda b: replace(b, messages=(came(), came(), said()), out=(sent(attempts=2),)),
        Kind.NOT_ACCOUNTED, "message 000000001, trace EP1, was received 2 times and is accounted for 1 times",
    ),
    "accounted and never sent": (
        lambda b: replace(b, ledger=(*b.ledger, accounted("EP9"))),
        Kind.ACCOUNTED_ONLY, "message 000000001, trace EP9, is accounted as sent and never came",
    ),
    "on no ground": (
        lambda b: replace(b, ungrounded=(sent() | {"kind": "telephone", "control_number": None},)),
        Kind.NO_GROUND, "message without a number, trace EP1, left as telephone and stands in no accounting",
    ),
    "an answer nobody kept": (
        lambda b: replace(b, kept=()),
        Kind.NOT_KEPT, "answer 000000001 to trace EP1 left by call and was not kept",
    ),
    "our number left out": (
        lambda b: replace(b, out=(*b.out, sent("EP3", "000000003", "unknown")),
                          counters=({"partner": "meridian", "last": 3},)),
        Kind.GAP, "our control number 000000002 was never used",
    ),
    "our last number lost": (
        lambda b: replace(b, counters=({"partner": "meridian", "last": 2},)),
        Kind.GAP, "our control number 000000002 was never used",
    ),
    "our number twice": (
        lambda b: replace(b, out=(*b.out, sent("EP2", status="unknown"))),
        Kind.DOUBLE, "our control number 000000001 stands on 2 messages",
    ),
    "the payer's number left out": (
        lambda b: replace(b, messages=(*b.messages, said("EP1", "000000003", left_at=None))),
        Kind.GAP, "the payer's control number 000000002 was never used",
    ),
    "the payer's number twice": (
        lambda b: replace(b, messages=(*b.messages, said(digest="answer-000000001", piece="other"))),
        Kind.DOUBLE, "the payer's control number 000000001 stands on 2 messages",
    ),
    "denied there": (
        lambda b: replace(b, cases=(case(state="denied"),)),
        Kind.STATE, "trace EP1 is denied there and approved here",
    ),
    "cancelled there": (
        lambda b: replace(b, cases=(case(state="cancelled"),)),
        Kind.STATE, "trace EP1 is cancelled there and approved here",
    ),
    "answered there only": (
        lambda b: replace(b, standing=(stands(action=None),)),
        Kind.STATE, "trace EP1 is approved there and unanswered here",
    ),
    "decided by telephone": (
        lambda b: replace(b, standing=(stands(source="phone"),), cases=(case(state="contact"),)),
        Kind.STATE, "trace EP1 is contact there and approved here (phone)",
    ),
    "nobody asked": (
        lambda b: replace(b, standing=()),
        Kind.UNKNOWN_CASE, "trace EP1 is a case nobody here asked for",
    ),
}  # fmt: skip


@pytest.mark.parametrize("plant", list(PLANTED))
def test_each_planted_difference_is_found_alone(plant: str) -> None:
    make, kind, sentence = PLANTED[plant]
    (found,) = differences(make(EQUAL))
    assert (found.kind, found.partner, str(found)) == (kind, "meridian", f"meridian: {sentence}")


@pytest.mark.parametrize(
    "books",
    [
        replace(EQUAL, messages=(came(), came(), said(), said()), out=(sent(attempts=2),),
                ledger=(accounted(), accounted())),
        replace(EQUAL, ledger=(accounted(outcome=None),)),
        replace(EQUAL, ledger=(*EQUAL.ledger, accounted(outcome="not_sent"))),
        replace(EQUAL, messages=(*EQUAL.messages, said(number="000000002", left_at=None, digest=None, piece=None))),
        replace(EQUAL, messages=(*EQUAL.messages, said(number="000000002", whole=0))),
        replace(EQUAL, messages=(*EQUAL.messages, said(number="000000002", kind="999"))),
        replace(EQUAL, messages=(came(), said(piece="answer-000000001", digest="two-in-one-file"))),
        replace(EQUAL, cases=(case(state="acknowledged"),)),
        replace(EQUAL, standing=(stands(action=None),), cases=(case(state="received"),)),
        replace(EQUAL, standing=(stands(), stands("CAN1", "C")), cases=(case(state="cancelled"), case("CAN1", "cancelled"))),
        replace(EQUAL, standing=(stands(action="A6"),)),
        replace(EQUAL, out=(*EQUAL.out, sent("", "000000002") | {"kind": "999", "trace": None, "attempts": None}),
                counters=({"partner": "meridian", "last": 2},)),
        replace(EQUAL, out=(*EQUAL.out, sent("EP2") | {"kind": "telephone", "control_number": None})),
    ],
    ids=["asked again", "nobody knows", "kept back at first", "not left yet",
         "cut off", "a 999", "a piece", "a notice", "no answer yet", "a case ended", "modified",
         "our 999", "told by telephone"],
)  # fmt: skip
def test_what_is_no_difference(books: Books) -> None:
    assert differences(books) == []


def ident(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))


OUTCOME = {"sent": "sent", "unknown": "unknown", "failed": "not_sent"}
STATUS = {"A1": "approved", "A3": "denied", "A4": "pended"}


class Ours:
    """Rows of our database, written as SQL: the comparison must not depend on the code it judges."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def put(self, table: str, **values: Any) -> None:
        names = sql.SQL(", ").join(sql.Identifier(name) for name in values)
        marks = sql.SQL(", ").join(sql.Placeholder() for _ in values)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, marks)
        with psycopg.connect(self._dsn) as connection:
            # The rows around these (people, episodes) are of no concern here.
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement, list(values.values()))

    def asked(self, trace: str, text: str, number: str, status: str = "sent") -> None:
        at = datetime.fromisoformat(NOON)
        self.put(
            "authorization", id=ident(f"a{trace}"), episode_id=ident("e"), person_id=ident("p"),
            coverage_id=ident("c"), facility="f", payer="meridian", level="3.5", status="submitted", why="", unit="DY",
            requested_units=14, granted_units=0, from_date=at.date(), opened_at=at, version=1,
        )  # fmt: skip
        self.put(
            "authorization_request", id=ident(trace), authorization_id=ident(f"a{trace}"), episode_id=ident("e"),
            kind="initial", status="submitted", trace=trace, level="3.5", unit="DY", units=14, from_date=at.date(),
            through_date=at.date(), urgent=False, requested_at=at, attempts=1,
        )  # fmt: skip
        self.message("out", text, subject=trace, control_number=number, status=status)
        self.accounted(text, status)

    def accounted(self, text: str, status: str) -> None:
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        made = ident(f"told{fingerprint}")
        self.put(
            "disclosure", id=made, person_id=ident("p"), episode_id=ident("e"), content="authorization_request",
            purpose="payment", recipient="payer/meridian", message_id=ident("out" + fingerprint),
            fingerprint=fingerprint, intent_at=datetime.fromisoformat(NOON), actor="system",
        )  # fmt: skip
        self.put("disclosure_outcome", disclosure_id=made, outcome=OUTCOME[status], at=datetime.fromisoformat(NOON))

    def message(self, direction: str, text: str, *, subject: str, status: str, control_number: str | None) -> None:
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        self.put(
            "exchange_message", id=ident(direction + fingerprint), partner="meridian", direction=direction, kind="278",
            control_number=control_number, subject_id=ident(subject), sealed=b"", fingerprint=fingerprint,
            status=status, at=datetime.fromisoformat(NOON),
        )  # fmt: skip

    def decided(self, trace: str, text: str, action: str, *, superseded_by: str | None = None) -> None:
        self.message("in", text, subject=trace, status="matched", control_number=None)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        self.put(
            "authorization_decision", id=ident(f"d{fingerprint}"), request_id=ident(trace),
            authorization_id=ident(f"a{trace}"), action=action, received_at=datetime(2026, 3, 6, 12, tzinfo=UTC),
            source="x12", status=STATUS[action], fingerprint=fingerprint,
            superseded_by=ident(f"d{superseded_by}") if superseded_by else None,
        )  # fmt: skip

    def taken(self, last: int) -> None:
        self.put("control_number", partner="meridian", last=last)
        self.put("control_number", partner="meridian/999", last=7)


@pytest.fixture
def ours(fresh_database: str) -> Ours:
    return Ours(fresh_database.replace("postgresql+psycopg://", "postgresql://"))


def test_a_real_database_against_a_real_payer(
    ours: Ours, fresh_database: str, driven: PayerProcess, door: Door
) -> None:
    """Two traces, one pended and decided later: what our side does not write down is a sentence each time."""
    first = emitted(residential(trace="EP1"), replace(CONTROL, number=1))
    pended = emitted(residential(trace="EP2", member_id="W123456789P6D"), replace(CONTROL, number=2))
    ours.taken(2)
    ours.asked("EP1", first, "000000001")
    ours.asked("EP2", pended, "000000002", status="unknown")
    ours.decided("EP1", driven.send(first, at=NOON).text, "A1")
    waiting = driven.send(pended, at=NOON).text
    assert sentences(fresh_database, driven) == [
        "meridian: answer 000000002 to trace EP2 left by call and was not kept",
        "meridian: trace EP2 is pended there and unanswered here",
    ]
    driven.advance(EVENING)
    denied = door.taken[0][1]
    ours.decided("EP2", waiting, "A4", superseded_by=hashlib.sha256(denied.encode()).hexdigest())
    assert sentences(fresh_database, driven) == [
        "meridian: answer 000000003 to trace EP2 left by delivery and was not kept",
        "meridian: trace EP2 is denied there and unanswered here",
    ]
    ours.decided("EP2", denied, "A3")
    assert sentences(fresh_database, driven) == []
    driven.send(first, at=EVENING)
    ours.asked("EP3", "never sent on", "000000004")
    assert sentences(fresh_database, driven) == [
        "meridian: message 000000004, trace EP3, was sent and never received",
        "meridian: message 000000001, trace EP1, was received 2 times and sent 1 times",
        "meridian: our control number 000000003 was never used",
    ]


def test_a_denial_stays_the_answer_to_its_trace_when_an_appeal_is_granted(
    ours: Ours, fresh_database: str, driven: PayerProcess
) -> None:
    """The case follows the appeal; the payer's book keeps an answer to each trace, and so does the comparison."""
    asked = emitted(residential(trace="EP1", member_id="W123456789D"), replace(CONTROL, number=1))
    ours.taken(1)
    ours.asked("EP1", asked, "000000001")
    granted = "an appeal's answer"
    denied = driven.send(asked, at=NOON).text
    ours.decided("EP1", denied, "A3", superseded_by=hashlib.sha256(granted.encode()).hexdigest())
    ours.asked("AP1", "an appeal", "000000001", status="unknown")
    ours.decided("AP1", granted, "A1")
    assert [s for s in sentences(fresh_database, driven) if "EP1" in s] == []


def sentences(database: str, payer: PayerProcess) -> list[str]:
    return [str(found) for found in compare(database, payer.url)]


def test_what_is_read_names_nobody(ours: Ours, fresh_database: str, driven: PayerProcess) -> None:
    text = emitted(residential(trace="EP1", family="VERYRARE"))
    ours.asked("EP1", text, "000000001")
    driven.send(text, at=NOON)
    read = repr(read_books(fresh_database, driven.url))
    assert "EP1" in read
    assert not [word for word in ("VERYRARE", "W123456789", "JORDAN") if word in read]
