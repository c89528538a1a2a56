"""The payer's HTTP desk: takes 278 requests, answers, pends, falls silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from definitions.acknowledgement import SyntaxFinding
from definitions.services_review import ServicesReviewRequest
from interchange.x12.acknowledgement import Acknowledged, encode_999, judge_group, refusing_ta1
from interchange.x12.conformance import requests_only
from interchange.x12.envelope import Control, EnvelopeProblem, Group, Interchange, Transaction, read_interchanges
from interchange.x12.review_request import parse
from interchange.x12.review_response import encode_answer
from interchange.x12.segments import X12Problem
from local.payer.book import Book, Entry
from local.payer.courier import Courier
from local.payer.decision import AGAIN_AFTER, answer, pended, script_of

EDI: Final = "application/edi-x12"
SILENCE_SECONDS: Final = 40.0
"""Longer than any caller waits."""
BODY_MAX: Final = 1_000_000
HERE: Final = "LOCALPAYER"
"""Who answers when the file does not say to whom it was sent."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """`payers` empty: answers for any key."""

    book: Path
    deliver_to: str
    driven: bool
    secret: str
    payers: frozenset[str] = frozenset()
    silence_seconds: float = SILENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Reply:
    """`silent`: the caller is left waiting, although the answer stands in the book."""

    body: str
    silent: bool = False


class Advance(BaseModel):
    """Business time is now `to`."""

    model_config = ConfigDict(extra="forbid")

    to: AwareDatetime


class Desk:
    """Nothing here awaits: two calls with the same trace cannot both find no case."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def receive(self, payer: str, text: str, now: datetime) -> Reply:
        """Broken envelopes get a TA1, broken transactions a 999, a known trace its first answer again."""
        try:
            interchanges = read_interchanges(text, strict=False)
        except EnvelopeProblem as problem:
            return Reply(refusing_ta1(text, problem, self._control(HERE, "UNKNOWN", now)))
        replies = [self._group(payer, i, group, now) for i in interchanges for group in i.groups]
        return Reply("".join(r.body for r in replies), any(r.silent for r in replies))

    def _group(self, payer: str, interchange: Interchange, group: Group, now: datetime) -> Reply:
        judged = judge_group(group, requests_only)
        pairs = list(zip(group.transactions, judged, strict=True))
        taken = [self._one(payer, interchange, transaction, now) for transaction, one in pairs if one.accepted]
        body = "".join(r.body for r in taken)
        if len(taken) < len(judged) or not judged:
            body += self._acknowledge(interchange, group, judged, now)
        return Reply(body, any(r.silent for r in taken))

    def _one(self, payer: str, interchange: Interchange, transaction: Transaction, now: datetime) -> Reply:
        try:
            request = parse(interchange, transaction)
            known = self._book.answer_for(payer, request.trace)
            return Reply(known) if known is not None else self._decide(payer, request, interchange, transaction, now)
        except (X12Problem, ValueError):
            # It passed the guide and still cannot be read or answered, for one because its ids hold our delimiters.
            return Reply(self._reject(interchange, transaction, now))

    def _decide(
        self, payer: str, request: ServicesReviewRequest, interchange: Interchange, transaction: Transaction,
        now: datetime,
    ) -> Reply:  # fmt: skip
        script = script_of(request.subscriber.member_id)
        number = request.previous_number or f"AUTH{self._book.next('case'):06d}"

        def final(at: datetime) -> str:
            control = self._control(interchange.receiver, interchange.sender, at)
            return encode_answer(answer(request, number, at), control)

        deliveries: list[tuple[datetime, str]] = []
        if script.outcome == "R":
            body, kind = self._reject(interchange, transaction, now), "rejected"
        elif script.pended_hours is not None:
            control = self._control(interchange.receiver, interchange.sender, now)
            body, kind = encode_answer(pended(request, f"NT{number[-6:]}", now), control), "pended"
            due = now + timedelta(hours=script.pended_hours)
            deliveries.append((due, final(due)))
        else:
            body, kind = final(now), "final"
        if script.silent_hours and not deliveries:
            deliveries.append((now + timedelta(hours=script.silent_hours), body))
        if script.again:
            deliveries.append((now + AGAIN_AFTER, body))
        self._book.keep(Entry(payer, request.trace, number, body, kind, now, tuple(deliveries)))
        return Reply(body, script.silent_hours is not None)

    def _control(self, sender: str, receiver: str, now: datetime) -> Control:
        return Control(sender=sender, receiver=receiver, number=self._book.next("interchange"), at=now)

    def _acknowledge(self, interchange: Interchange, group: Group, sets: list[Acknowledged], now: datetime) -> str:
        control = self._control(interchange.receiver, interchange.sender, now)
        return encode_999(group.control, group.functional_id, group.version, sets, control)

    def _reject(self, interchange: Interchange, transaction: Transaction, now: datetime) -> str:
        """A 999 about one transaction whose values do not add up."""
        group = next(g for g in interchange.groups if transaction in g.transactions)
        place = SyntaxFinding(tag="BHT", position=2, code="8")
        one = Acknowledged(transaction.control, transaction.version, False, transaction.kind, (place,))
        return self._acknowledge(interchange, group, [one], now)


def create_desk(settings: DeskSettings) -> FastAPI:
    book = Book(settings.book)
    desk = Desk(book)
    courier = Courier(book, settings.deliver_to, settings.secret)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = None if settings.driven else asyncio.create_task(courier.deliver_for_ever())
        yield
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        book.close()

    app = FastAPI(title="Local payer", lifespan=lifespan)

    @app.post("/x12/{payer}")
    async def take(payer: str, request: Request) -> Response:
        if settings.payers and payer not in settings.payers:
            return _problem(404, f"this desk does not answer for {payer[:40]}; start it with --payer")
        raw = await request.body()
        if len(raw) > BODY_MAX:
            return _problem(413, f"a message may have {BODY_MAX} bytes at most; send fewer transactions")
        now = business_time(request.headers.get("x-business-time"), driven=settings.driven)
        if now is None:
            return _problem(400, "X-Business-Time must be an RFC 3339 time with its offset")
        reply = desk.receive(payer, raw.decode("utf-8", "replace"), now)
        if reply.silent:
            try:
                await asyncio.sleep(settings.silence_seconds)
            except asyncio.CancelledError:
                # The server stops and does not wait for the silence to end; the answer stands in the book.
                return _problem(503, "this desk is closing; ask again with the same trace")
        return Response(reply.body, media_type=EDI)

    @app.get("/book")
    async def cases() -> dict[str, object]:
        return {"cases": book.cases()}

    @app.get("/book/due")
    async def due() -> dict[str, str | None]:
        moment = book.next_due()
        return {"next": moment.isoformat() if moment else None}

    @app.post("/book/advance")
    async def advance(to: Advance) -> Response:
        if not settings.driven:
            return _problem(409, "time moves by itself in wall drive; start with --drive driven")
        delivered, left = await courier.deliver_until(to.to)
        return JSONResponse({"delivered": delivered, "left": left}, status_code=503 if left else 200)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def business_time(said: str | None, *, driven: bool) -> datetime | None:
    """In a rehearsal the caller says what time it is. None: said wrongly."""
    if not driven or said is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _problem(status: int, detail: str) -> JSONResponse:
    body = {"status": status, "title": "Refused", "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
