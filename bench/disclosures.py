"""What the gate costs a disclosure: the sending transaction (queue, gate, control number, sealed message, intent) beside the
very same transaction that asks nobody. `python -m bench.disclosures [people ...]`; default 300, with 1 and with 200 paths
without consent on file beside the person's consents."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select, text

from activities import sending
from activities.case_record import CaseHands, CaseWriting
from activities.departure import ExchangeHands, ExchangeIdentity, ask_of, grounds_of, recipient_of
from activities.partners.line import PayerLine
from bench.measure import middle, percentile, report
from bench.seed_reviews import FACILITY, Seed, Seeded, seed
from definitions.disclosure import Evidence, ExceptionKind, ExceptionOnFile
from definitions.vocabulary import ContentClass
from local.stack.postgres import EmbeddedPostgres
from rules.disclosure import Released, release
from runtime.catalog import load_catalog
from runtime.keyring import Keyring
from runtime.long_lived import set_aside
from runtime.metrics import Metrics
from storage.engine import Database, make_engine
from storage.migrate import upgrade
from storage.models import AuthorizationRequest, Disclosure
from storage.repositories.exception import declare
from storage.repositories.facility import ensure_facilities

PEOPLE: Final = 300
NOW: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
KEYRING: Final = Keyring.parse(f"bench:{'5a' * 32}", "a5" * 32)
AGREEMENTS: Final = (1, 200)
"""Service agreements of the house with others: what a gate that read them all would read for every message."""
Gate = Callable[..., Any]


async def run(people: int = PEOPLE) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        try:
            for agreements in AGREEMENTS:
                await measure(server, people, agreements)
        finally:
            server.stop()


async def measure(server: EmbeddedPostgres, people: int, agreements: int) -> None:
    name = f"gate_{agreements}"
    server.ensure_database(name)
    upgrade(server.url(name))
    database = Database(make_engine(server.url(name), pool_size=2))
    line = PayerLine("http://127.0.0.1:9", 1)
    try:
        cases = await _ready(database, people, agreements)
        hands = ExchangeHands(
            CaseHands(database, load_catalog()), KEYRING, line, ExchangeIdentity("STEPDOWN", "T"), Metrics()
        )
        set_aside()  # as the worker does
        asked, bare = await _turns(hands, cases)
        await _all_left(database, people)
    finally:
        await line.close()
        await database.close()
    report(
        f"sending_through_the_gate_beside_{agreements}_agreements", middle(asked) * 1000, "ms", middle(bare) * 1000,
        people=people, p95=round(percentile(asked, 95) * 1000, 2), p95_floor=round(percentile(bare, 95) * 1000, 2),
    )  # fmt: skip


async def _ready(database: Database, people: int, agreements: int) -> list[Seeded]:
    edition = load_catalog().latest
    async with database.write() as session:
        await ensure_facilities(session, edition, date(2026, 1, 1))
    cases = await seed(database, Seed(KEYRING, edition, ("meridian",), NOW), people)
    async with database.write() as session:
        await session.execute(
            text(
                "UPDATE authorization_request SET status = 'ready', sent_at = NULL, first_sent_at = NULL, attempts = 0"
            )
        )
        for number in range(agreements):
            found = ExceptionOnFile(
                exception_id=str(uuid4()), kind=ExceptionKind.SERVICE_ORGANIZATION, recipient=f"vendor/v{number}",
                contents=(ContentClass.CLAIM,), valid_from=NOW, evidence={Evidence.SERVICE_AGREEMENT: f"Q{number}"},
            )  # fmt: skip
            await declare(session, found, episode_id=None, facility=FACILITY, now=NOW, actor="bench")
    return cases


async def _turns(hands: ExchangeHands, cases: list[Seeded]) -> tuple[list[float], list[float]]:
    """One with, one without, by turns, so that both see the same machine. The first few only warm it."""
    asked: list[float] = []
    bare: list[float] = []
    ours: Gate = sending.gate
    for number, one in enumerate(cases):
        with_gate = number % 2 == 0
        verdict = await _decided_before(hands, one)
        sending.gate = ours if with_gate else _nobody(verdict)
        try:
            seconds = await _send(hands, one)
        finally:
            sending.gate = ours
        if number >= len(cases) // 10:
            (asked if with_gate else bare).append(seconds)
    return asked, bare


async def _decided_before(hands: ExchangeHands, one: Seeded) -> Released[None]:
    """The verdict, reached outside of what is measured: the floor must write the same ledger."""
    async with hands.case.database.write() as session:
        w, request = await _case(hands, session, one)
        consents, paths = await grounds_of(w, recipient_of(w, request))
        ask = await ask_of(w, request, ContentClass.AUTHORIZATION_REQUEST)
        verdict = release(None, ask, consents, NOW, paths)
    if not isinstance(verdict, Released):
        raise RuntimeError("the seeded consent covers nothing: there is nothing to measure")
    return verdict


def _nobody(verdict: Released[None]) -> Gate:
    async def gate(_: CaseWriting, __: AuthorizationRequest, content: Any, ___: ContentClass) -> Released[Any]:
        verdict.content = content
        return verdict

    return gate


async def _send(hands: ExchangeHands, one: Seeded) -> float:
    started = time.perf_counter()
    async with hands.case.database.write() as session:
        w, request = await _case(hands, session, one)
        departure = await sending.request_leaves(hands, w, request)
    if departure is None:
        raise RuntimeError("the request stayed: its speed is none")
    return time.perf_counter() - started


async def _case(hands: ExchangeHands, session: Any, one: Seeded) -> tuple[CaseWriting, AuthorizationRequest]:
    w = await hands.case.writing(session, one.case_id, f"bench:{one.case_id}", NOW)
    if w is None:
        raise RuntimeError(f"case {one.case_id} was not seeded")
    return w, await session.get_one(AuthorizationRequest, one.request_id)


async def _all_left(database: Database, people: int) -> None:
    async with database.read() as session:
        rows = await session.execute(select(Disclosure.id).where(Disclosure.consent_id.is_not(None)))
        intents = len(rows.all())
    if intents != people:
        raise RuntimeError(f"{intents} intents for {people} people: somebody left unseen")


def main() -> None:
    asyncio.run(run(*(int(a) for a in sys.argv[1:2])))


if __name__ == "__main__":
    main()
