"""Many reviews that fall due in one minute (AUTH-04), beside as many bare timers that write one row.

`REVIEWS=n python -m bench.reviews` for n reviews (2 000), after answers to their lines (bench/answers.py). A real house in
the wall drive: timers are the server's, the payer is the local one, and what came of it is judged by SQL and by both
books."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from bench.answers import answers
from bench.bare import QUEUE, Row
from bench.measure import report
from bench.seed_reviews import seed
from bench.transitions import timed
from bench.wall_house import STARTED_AT_ONCE, Bench, NotReached, in_wall_house
from local.books import compare
from local.rehearsal.house import House
from runtime.temporal import leave

REVIEWS: Final = int(os.environ.get("REVIEWS", "2000"))
MARGIN_SECONDS: Final = 10.0
SLOWER: Final = 1.5
"""How much slower the cases may start than the episodes did, on a busy machine."""

STOOD: Final = text(
    "SELECT count(*) AS stand, count(sent_at) AS sent, count(*) FILTER (WHERE status = 'approved') AS answered "
    "FROM authorization_request WHERE kind = 'concurrent'"
)
SAMPLE: Final = text('SELECT array_agg(id) FROM (SELECT id FROM "authorization" ORDER BY id LIMIT 40) c')
"""Whose histories are looked into."""
WAITS: Final = text("SELECT count(*) FROM outbox WHERE relayed_at IS NULL AND NOT parked")
WRITTEN: Final = text("SELECT count(*) FROM bench_row")

JUDGED: Final[dict[str, str]] = {
    "cases without exactly one continued-stay request": (
        'SELECT a.id FROM "authorization" a LEFT JOIN authorization_request r '
        "ON r.authorization_id = a.id AND r.kind = 'concurrent' GROUP BY a.id HAVING count(r.id) <> 1"
    ),
    "cases without exactly one review item": (
        'SELECT a.id FROM "authorization" a LEFT JOIN open_item i '
        "ON i.subject_id = a.id::text AND i.kind = 'review_due' GROUP BY a.id HAVING count(i.id) <> 1"
    ),
    "requests that did not leave exactly once": (
        "SELECT r.id FROM authorization_request r LEFT JOIN exchange_message m ON m.subject_id = r.id "
        "AND m.direction = 'out' WHERE r.kind = 'concurrent' GROUP BY r.id, r.attempts "
        "HAVING count(m.id) <> 1 OR bool_or(m.status <> 'sent') OR r.attempts <> 1"
    ),
    "requests without exactly one disclosure that ended": (
        "SELECT r.id FROM authorization_request r LEFT JOIN disclosure d ON d.subject_id = r.id "
        "LEFT JOIN disclosure_outcome o ON o.disclosure_id = d.id WHERE r.kind = 'concurrent' GROUP BY r.id "
        "HAVING count(d.id) <> 1 OR count(o.disclosure_id) <> 1"
    ),
    "requests without exactly one answer": (
        "SELECT r.id FROM authorization_request r LEFT JOIN authorization_decision d ON d.request_id = r.id "
        "WHERE r.kind = 'concurrent' GROUP BY r.id HAVING count(d.id) <> 1"
    ),
    "cases whose units are not the sum of two grants": (
        'SELECT a.id FROM "authorization" a LEFT JOIN authorization_grant g ON g.authorization_id = a.id '
        "AND g.state = 'active' GROUP BY a.id HAVING count(g.id) <> 2 OR sum(g.units) <> a.granted_units"
    ),
    "control numbers with gaps or doubles": (
        "SELECT c.partner FROM control_number c LEFT JOIN exchange_message m ON m.partner = c.partner "
        "AND m.direction = 'out' GROUP BY c.partner, c.last "
        "HAVING c.last <> count(m.id) OR c.last <> count(DISTINCT m.control_number)"
    ),
    "items about trouble": "SELECT id FROM open_item WHERE kind <> 'review_due'",
    "messages waiting or parked": "SELECT id FROM outbox WHERE relayed_at IS NULL",
}
"""Each must find nothing."""


@dataclass
class Passed:
    """Seconds after the moment at which half and all of something were there."""

    half: float = 0.0
    all: float = 0.0

    def note(self, found: int, count: int, seconds: float) -> None:
        if not self.half and found * 2 >= count:
            self.half = seconds
        if not self.all and found >= count:
            self.all = seconds


async def reviews(bench: Bench, count: int = REVIEWS) -> None:
    """Everybody's review is due in the same minute: until all requests stand, and until all are answered."""
    began = time.monotonic()
    passed = await due_together(bench, count)
    # It started two workflows for each case in this time, and the floor needs one.
    floor = await _floor(bench, count, timedelta(seconds=time.monotonic() - began - passed["told"].all))
    for name in ("stand", "sent", "answered", "told"):
        one = passed[name]
        report(f"reviews_due_at_once_{name}", one.all, "s", floor.all, cases=count, half=round(one.half, 2))
    for name in ("stand", "answered"):
        report(f"reviews_{name}_per_second", count / passed[name].all, "1/s", count / floor.all, cases=count)
    cases = await bench.one(SAMPLE)
    tries = await _tries(bench, cases[0])
    report("tries_of_a_send", sum(tries) / len(tries), "1", 1.0, cases=len(tries), most=max(tries))
    await asyncio.to_thread(judge, bench.house)


async def due_together(bench: Bench, count: int) -> dict[str, Passed]:
    """`count` cases whose reviews fall due at one moment, as far ahead as their starts take; answers when what was
    there. Raises NotReached."""
    cases = await seed(bench.database, bench.seed(due=datetime.now(UTC) + timedelta(days=1)), count)
    began = time.monotonic()
    await bench.started(cases, bench.start_episode, "episode")
    due = _moment(timedelta(seconds=MARGIN_SECONDS + (time.monotonic() - began) * SLOWER))
    async with bench.database.write() as session:
        await session.execute(text('UPDATE "authorization" SET review_due_at = :due'), {"due": due})
    await bench.started(cases, bench.start_case, "authorization")
    _not_late(due)
    passed = {name: Passed() for name in ("stand", "sent", "answered", "told")}

    def reached(row: Any) -> bool:
        for name in ("stand", "sent", "answered"):
            passed[name].note(getattr(row, name), count, _since(due))
        return bool(passed["answered"].all)

    await bench.until(STOOD, reached, f"requests that stand, left and are answered, of {count}")
    await bench.until(WAITS, lambda row: row[0] == 0, "messages to workflows")
    passed["told"].note(count, count, _since(due))
    return passed


async def _tries(bench: Bench, cases: Sequence[UUID]) -> list[int]:
    """How often each case's send was begun until it found a slot of its payer (activities/partners/slots.py)."""
    found = []
    for one in cases:
        history = await bench.client.get_workflow_handle(f"authorization/{one}").fetch_history()
        sends = {
            e.event_id
            for e in history.events
            if e.activity_task_scheduled_event_attributes.activity_type.name == "send_request"
        }
        begun = (e.activity_task_started_event_attributes for e in history.events)
        found.append(sum(b.attempt for b in begun if b.scheduled_event_id in sends))
    return found


async def _floor(bench: Bench, count: int, ahead: timedelta) -> Passed:
    """As many bare workflows, each with one timer and one activity that writes one row."""
    due = _moment(ahead)

    async def start() -> None:
        row = Row(id=uuid4(), due=due)
        await bench.client.start_workflow("TimedWorkflow", row, id=f"timed/{row.id}", task_queue=QUEUE)

    await timed([start] * count, STARTED_AT_ONCE)
    _not_late(due)
    passed = Passed()

    def reached(row: Any) -> bool:
        passed.note(row[0], count, _since(due))
        return bool(passed.all)

    await bench.until(WRITTEN, reached, f"rows of bare workflows, of {count}")
    report("bare_timers_due_at_once", passed.all, "s", cases=count, half=round(passed.half, 2))
    return passed


def _moment(ahead: timedelta) -> datetime:
    return (datetime.now(UTC) + ahead).replace(microsecond=0) + timedelta(seconds=1)


def _since(due: datetime) -> float:
    return (datetime.now(UTC) - due).total_seconds()


def _not_late(due: datetime) -> None:
    if _since(due) > 0:
        raise NotReached("the moment came before everybody was started: this machine needs a smaller REVIEWS")


def judge(house: House) -> None:
    """Nothing twice, nothing lost, and both books agree. Raises NotReached."""
    with psycopg.connect(house.settings.database_url.replace("postgresql+psycopg://", "postgresql://")) as connection:
        for what, query in JUDGED.items():
            found = len(connection.execute(query.encode()).fetchall())
            if found:
                raise NotReached(f"{found} {what}")
    differences = compare(house.settings.database_url, house.payer_url)
    if differences:
        raise NotReached(f"{len(differences)} differences between the books, the first: {differences[0]}")


def run() -> None:
    in_wall_house(answers)
    in_wall_house(reviews)


if __name__ == "__main__":
    run()
    leave(0)
