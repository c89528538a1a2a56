"""Whatever payers say, reviewers do and clocks bring, in any order: no case is stuck, no unit is granted twice, no
deadline rings for ever (domain 4.4, 11.4; AUTH-01, AUTH-03, E32, E94)."""

import os
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from activities.case_clocks import start_decision
from activities.case_record import record_of, state_of
from activities.departed import follow_departure
from definitions.authorization import AuthorizationRecord, ReadCase, RecordDecision, RequestReview
from definitions.dispute import Attachment, CancelReview, ChooseOption, FileAppeal, RecordPeerToPeer, SubmitInformation
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, DisputeStatus, RequestKind, Role
from storage.engine import Database
from storage.models import Authorization, AuthorizationRequest
from storage.repositories.authorization import UNANSWERED
from storage.repositories.case_end import end_date_case
from storage.repositories.case_restatement import reopen_case
from tests.activities.case_desk import FIRST, Desk, desk
from tests.activities.nights import at, on

BEGAN = at("2026-03-06 15:00")
PAPER = (Attachment(kind="09", control_number="ATT1"),)
WITH_PAYER = (
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.INFORMATION_SENT,
    AuthorizationStatus.TIMED_OUT,
)
ACTS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "more": (RequestReview, {"units": 7, "from_date": on("2026-03-21"), "through_date": on("2026-03-27")}),
    "back": (
        RequestReview,
        {
            "units": 2,
            "from_date": FIRST,
            "through_date": on("2026-03-08"),
            "kind": "retrospective",
            "delay_reason": "8",
        },
    ),
    "heard_yes": (RecordDecision, {"action": "A1", "number": "T1", "call_reference": "R1"}),
    "heard_no": (RecordDecision, {"action": "A3", "call_reference": "R2"}),
    "call_set": (RecordPeerToPeer, {"outcome": "scheduled"}),
    "call_lost": (RecordPeerToPeer, {"outcome": "upheld"}),
    "call_won": (RecordPeerToPeer, {"outcome": "overturned", "units": 14}),
    "call_missed": (RecordPeerToPeer, {"outcome": "clinician_absent"}),
    "appeal": (FileAppeal, {"expedited": True}),
    "outside": (FileAppeal, {"kind": "external_review"}),
    "accept_gap": (ChooseOption, {"option": "accept_gap"}),
    "stay": (ChooseOption, {"option": "appeal_and_stay"}),
    "documents": (SubmitInformation, {"attachments": PAPER}),
    "documents_by_hand": (SubmitInformation, {"attachments": PAPER, "by_hand": True, "call_reference": "R3"}),
    "take_back": (CancelReview, {"reason": "x"}),
}
METHODS: dict[type[Any], str] = {
    RequestReview: "request_review", RecordDecision: "record_decision", RecordPeerToPeer: "record_peer_to_peer",
    FileAppeal: "file_appeal", ChooseOption: "choose_option", SubmitInformation: "submit_information",
    CancelReview: "cancel_review",
}  # fmt: skip
ANSWERS = ("A1", "A1", "A6", "A3", "A3", "A4", "documents", "C", "AAA", "NA")
HOURS = (1, 30, 80, 200, 2000)
LENGTH = 10
SEEDS = int(os.environ.get("STEPDOWN_CASE_WAYS", "6"))
"""How many courses a run of the tests takes; a campaign takes more."""


def way(seed: int) -> list[tuple[Any, ...]]:
    """One course of events; the same seed is the same course."""
    drawn = random.Random(seed)

    def one() -> tuple[Any, ...]:
        kind = drawn.choices(("answer", "act", "time", "end", "reopen"), (8, 10, 3, 1, 1))[0]
        if kind == "answer":
            return kind, drawn.choice(ANSWERS), drawn.choice((3, 7, 14)), drawn.randrange(6)
        if kind == "act":
            return kind, drawn.choice(sorted(ACTS)), drawn.randrange(6)
        return (kind, drawn.choice(HOURS)) if kind == "time" else (kind,)

    return [one() for _ in range(LENGTH)]


class Model:
    """One case with its hour."""

    def __init__(self, one: Desk) -> None:
        self.one, self.now = one, BEGAN
        self.told: list[str] = []

    async def step(self, step: tuple[Any, ...]) -> None:
        self.now += timedelta(minutes=7)
        self.told.append(str(step))
        await getattr(self, f"_{step[0]}")(*step[1:])
        await self._sent()
        await self.holds()

    async def _answer(self, action: str, units: int, which: int) -> None:
        asked = [r for r in await self.one.requests() if r.first_sent_at is not None]
        if not asked:
            return
        about = asked[which % len(asked)]
        documents = action == "documents"
        await self.one.answer(
            "A4" if documents else action, units if action in ("A1", "A6") else 0, now=self.now, request=about.id,
            first=about.from_date, documents=documents,
        )  # fmt: skip

    async def _act(self, name: str, which: int) -> None:
        """Twice under one key, as an activity is that is tried again after its commit: the second does nothing."""
        command, fields = ACTS[name]
        if command in (RecordDecision, CancelReview, SubmitInformation):
            requests = await self.one.requests()
            fields = {**fields, "request_id": requests[which % len(requests)].id}
        if name == "call_set":
            fields = {**fields, "at": self.now + timedelta(hours=1)}
        said = command(
            key=f"reviewer:{uuid4()}", actor="reviewer", role=Role.REVIEWER, now=self.now,
            authorization_id=self.one.case_id, **fields,
        )  # fmt: skip
        owner: Any = self.one.disputes if hasattr(self.one.disputes, METHODS[command]) else self.one.authorization
        act: Callable[[Any], Awaitable[Any]] = getattr(owner, METHODS[command])
        first = await act(said)
        before = await self.counts()
        second = await act(said)
        assert (second.refusal, second.record.version) == (first.refusal, first.record.version)
        assert await self.counts() == before

    async def _time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        await self.one.fire(self.now)

    async def _sent(self) -> None:
        """What is ready leaves, as the exchange does it."""
        async with self.one.database.write() as session:
            w = await self.one.hands.writing(session, self.one.case_id, f"sent:{uuid4()}", self.now)
            assert w is not None
            for asked in await self._rows(session):
                if asked.status is AuthorizationStatus.READY:
                    w.follow(asked, AuthorizationStatus.SUBMITTED)
                    await start_decision(w, asked)
                    asked.sent_at, asked.attempts = self.now, asked.attempts + 1
                    await follow_departure(w, asked)
            await record_of(w)

    async def _rows(self, session: Any) -> list[AuthorizationRequest]:
        rows = await session.execute(
            select(AuthorizationRequest).where(AuthorizationRequest.authorization_id == self.one.case_id)
        )
        return list(rows.scalars())

    async def _end(self) -> None:
        async with self.one.database.write() as session:
            await end_date_case(
                session, case_id=self.one.case_id, on=on("2026-03-12"), key=f"end:{uuid4()}", now=self.now, by=uuid4()
            )

    async def _reopen(self) -> None:
        async with self.one.database.write() as session:
            case = await session.get_one(Authorization, self.one.case_id)
            if case.status is AuthorizationStatus.END_DATED:
                await reopen_case(session, case=case, key=f"reopen:{uuid4()}", now=self.now)

    async def counts(self) -> list[tuple[Any, ...]]:
        return await self.one.rows(
            "SELECT (SELECT count(*) FROM authorization_request WHERE authorization_id = :case), "
            "(SELECT count(*) FROM authorization_decision WHERE authorization_id = :case), "
            "(SELECT count(*) FROM authorization_grant WHERE authorization_id = :case), "
            "(SELECT count(*) FROM authorization_dispute WHERE authorization_id = :case), "
            "(SELECT count(*) FROM authorization_clock WHERE authorization_id = :case), "
            "(SELECT count(*) FROM timeline_entry WHERE episode_id = :episode)"
        )

    # --- what must hold ------------------------------------------------------------------------------------------

    async def holds(self) -> None:
        record = await self.one.record(self.now)
        again = await self.one.authorization.read_case(ReadCase(authorization_id=self.one.case_id))
        assert again is not None
        assert without_retries(again) == without_retries(record), "rows alone give other deadlines"
        await self._units()
        items = {r[0] for r in await self.one.rows(
            "SELECT kind FROM open_item WHERE episode_id = :episode AND status = 'open'"
        )}  # fmt: skip
        await self._waited_for(record, items)
        await self._disputes(record)
        case = await self.one.case()
        if record.finished:
            assert case.status in ("end_dated", "cancelled", "not_required"), "finished while it goes on"
            return
        owned = case.next_action is not None or record.deadlines or items
        assert owned, f"nobody owns the case ({case.status})"
        if case.next_action is None and case.status is not AuthorizationStatus.END_DATED and not case.granted_units:
            assert items, f"nothing is granted, and nobody does anything about it ({case.status})"

    async def _units(self) -> None:
        found = await self.one.rows(
            "SELECT g.units, r.status, r.id FROM authorization_grant g JOIN authorization_request r "
            "ON r.id = g.request_id WHERE g.authorization_id = :case AND g.state = 'active'"
        )
        case = await self.one.case()
        assert sum(r[0] for r in found) == case.granted_units, "the case says other units than its grants"
        assert len({r[2] for r in found}) == len(found), "one question grants twice"
        assert not [r for r in found if r[1] == "cancelled"], "a question taken back grants units"

    async def _waited_for(self, record: AuthorizationRecord, items: set[str]) -> None:
        """Whatever the payer owes has a clock that rings, or rang and left somebody an item."""
        requests = {r.id: r for r in await self.one.requests()}
        rings = {d.subject_id for d in record.deadlines}
        for r in requests.values():
            if r.status not in WITH_PAYER or str(r.id) in rings:
                continue
            if r.kind is RequestKind.INFORMATION and r.about is not None:
                about = requests[r.about]
                assert about.status in UNANSWERED, f"documents wait for an answer that came ({about.status})"
                continue
            assert items & {"payer_late", "payer_silent", "receipt_missing"}, self.say(
                f"{r.kind} {r.status} waits for ever"
            )

    async def _disputes(self, record: AuthorizationRecord) -> None:
        async with self.one.database.write() as session:
            w = await self.one.hands.writing(session, self.one.case_id, "state", self.now)
            assert w is not None
            _, state = await state_of(w)
            items = await self.one.items()
        filed = {r.dispute_id for r in await self.one.requests() if r.status in UNANSWERED}
        rings = {d.subject_id for d in record.deadlines}
        for d in state.disputes:
            if d.status is DisputeStatus.FILED:
                assert d.id in filed, f"a filed {d.kind} waits for nothing"
            elif d.status in (DisputeStatus.OPEN, DisputeStatus.SCHEDULED):
                asked = str(d.id) in rings or "peer_to_peer_outcome" in items
                assert asked, f"an open {d.kind} rings no more ({d.status})"


def without_retries(record: AuthorizationRecord) -> AuthorizationRecord:
    """When a held request is tried again is counted from the reading."""
    kept = tuple(d for d in record.deadlines if d.kind is not DeadlineKind.PAYER_RETRY)
    return record.model_copy(update={"deadlines": kept})


@pytest.mark.parametrize("payer", ["meridian", "statecare"])
async def test_whatever_comes_somebody_owns_the_case(database: Database, payer: str) -> None:
    failed: list[str] = []
    for seed in range(SEEDS):
        model = Model(await desk(database, payer=payer))
        try:
            for step in way(seed):
                await model.step(step)
        except Exception as error:
            failed.append(f"{seed}: {type(error).__name__} {error}\n" + "\n".join(model.told))
    assert not failed, f"{len(failed)} of {SEEDS} ways: " + "\n=====\n".join(failed)
