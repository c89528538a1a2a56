"""A payer's answer posted to its door -> the case's line of the worklist says so, beside a workflow whose signal runs one
activity that updates one row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx2
import psycopg
from sqlalchemy import text

from bench.bare import QUEUE, Row
from bench.measure import percentile, report
from bench.seed_reviews import UNITS, Seed, Seeded, seed
from bench.transitions import timed
from bench.wall_house import Bench, NotReached
from definitions.review_codes import Action
from definitions.services_review import ReviewParty, ServicesReviewResponse
from interchange.x12.envelope import Control
from interchange.x12.review_response import encode_answer
from local.rehearsal.house import House


class Told:
    """Moments at which rows said that they were committed."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self._waiting: dict[str, asyncio.Event] = {}
        self._ears: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Told":
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        await connection.execute("LISTEN bench_row")
        self._ears = asyncio.create_task(self._hear(connection))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ears is not None:
            self._ears.cancel()
            await asyncio.gather(self._ears, return_exceptions=True)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async with connection:
            async for notice in connection.notifies():
                self._waiting.pop(notice.payload, asyncio.Event()).set()

    async def after(self, row: UUID, act: Callable[[], Awaitable[Any]]) -> None:
        """Do it, and wait until the row has said so."""
        event = self._waiting[str(row)] = asyncio.Event()
        await act()
        await asyncio.wait_for(event.wait(), 60)


def answer(one: Seeded, number: int, sent: Seed) -> str:
    """An approval of all that was asked for."""
    who, us, now = sent.edition.payers[one.payer].payer_id, "STEPDOWN", datetime.now(UTC)
    said = ServicesReviewResponse(
        submitter_id=who, receiver_id=us, reviewer=ReviewParty(name="UM", id=who),
        requester=ReviewParty(name="HARBOR", id="1234567893"), member_id=one.member_id, member_family="T",
        trace=one.trace, originator="9741234567", reference=one.trace, action=Action.CERTIFIED,
        number=f"AUTH{number:06d}", from_date=sent.first, through_date=sent.last, units=UNITS, unit="DY", category="AR",
        certification="I", service_type="AI", facility_type="86", location_qualifier="A", created_at=now,
    )  # fmt: skip
    return encode_answer(said, Control(who, us, number, now, "T"))


async def answers(bench: Bench, each: int = 20, turns: int = 3) -> None:
    """`each` answers a turn, one at a time and all at once; the floor and ours take turns."""
    sent = bench.seed(payers=("meridian",))
    cases = await seed(bench.database, sent, each * turns * 2)
    await bench.started(cases, bench.start_case, "authorization")
    token = await _token(bench.house, "meridian")
    async with (
        Told(bench.house.settings.database_url) as told,
        httpx2.AsyncClient(base_url=bench.house.url, headers=token, timeout=30) as door,
    ):
        texts = {one.case_id: answer(one, number, sent) for number, one in enumerate(cases, start=1)}

        async def ours(one: Seeded) -> None:
            await told.after(one.case_id, partial(_post, door, texts[one.case_id]))

        async def bare(row: UUID) -> None:
            handle = bench.client.get_workflow_handle(f"told/{row}")
            await told.after(row, partial(handle.signal, "told", Row(id=row)))

        for in_flight in (1, each):
            took: dict[str, list[float]] = {"ours": [], "bare": []}
            for _ in range(turns):
                rows = await _told_rows(bench, each)
                took["bare"] += (await timed([partial(bare, r) for r in rows], in_flight))[0]
                mine, cases = cases[:each], cases[each:]
                took["ours"] += (await timed([partial(ours, c) for c in mine], in_flight))[0]
            for share in (0.5, 0.99):
                name = f"answer_to_worklist_row_p{int(share * 100)}_at_{in_flight}"
                value, floor = (percentile(took[k], share) * 1000 for k in ("ours", "bare"))
                report(name, value, "ms", floor, answers=len(took["ours"]))
    says = text(
        "SELECT count(*) FROM \"authorization\" WHERE status <> 'approved' OR granted_units <> 14 "
        "OR next_action IS NOT DISTINCT FROM 'wait_for_payer'"
    )
    if (wrong := (await bench.one(says))[0]) != 0:
        raise NotReached(f"{wrong} lines of the worklist do not say what was answered")


async def _token(house: House, payer: str) -> dict[str, str]:
    said = {
        "grant_type": "client_credentials", "client_id": f"payer-{payer}",
        "client_secret": house.environment["STEPDOWN_PAYER_SECRET"],
    }  # fmt: skip
    async with httpx2.AsyncClient(base_url=house.url) as client:
        token = (await client.post("/oauth/token", data=said)).raise_for_status().json()["access_token"]
    return {"Authorization": f"Bearer {token}", "content-type": "application/edi-x12"}


async def _post(door: httpx2.AsyncClient, body: str) -> None:
    (await door.post("/v1/payers/meridian/x12", content=body)).raise_for_status()


async def _told_rows(bench: Bench, count: int) -> list[UUID]:
    rows = [uuid4() for _ in range(count)]
    async with bench.database.write() as session:
        await session.execute(text("INSERT INTO bench_row VALUES (:id, 'waits')"), [{"id": r} for r in rows])
    for row in rows:
        await bench.client.start_workflow("ToldWorkflow", id=f"told/{row}", task_queue=QUEUE)
    return rows
