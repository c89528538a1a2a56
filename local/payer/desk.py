"""The payer's HTTP desk: takes 278 requests, answers, pends, falls silent, and delivers late answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from fastapi import FastAPI, Request, Response

from definitions.services_review import ServicesReviewRequest
from interchange.x12.acknowledgement import Acknowledged, encode_999
from interchange.x12.envelope import Control, Interchange, read_interchanges
from interchange.x12.review_request import parse
from interchange.x12.review_response import encode_answer
from interchange.x12.segments import X12Problem
from local.payer.book import Book
from local.payer.decision import AGAIN_AFTER, answer, pended, script_of

EDI = "application/edi-x12"
SILENCE_SECONDS = 40
"""Longer than any caller waits."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    book: Path
    deliver_to: str
    driven: bool
    secret: str


class Desk:
    def __init__(self, settings: DeskSettings) -> None:
        self.settings = settings
        self.book = Book(settings.book)
        self._tokens: dict[str, str] = {}

    async def receive(self, payer: str, text: str, now: datetime) -> tuple[str, bool]:
        """(body, silent). Broken syntax gets a 999 that rejects; a known trace gets its first answer again."""
        try:
            interchange = read_interchanges(text)[0]
            transaction = interchange.groups[0].transactions[0]
            request = parse(interchange, transaction)
        except (X12Problem, IndexError, ValueError):
            return self._reject(now), False
        known = self.book.answer_for(payer, request.trace)
        if known is not None:
            return known[0], False
        return self._decide(payer, request, interchange, now)

    def _decide(
        self, payer: str, request: ServicesReviewRequest, interchange: Interchange, now: datetime
    ) -> tuple[str, bool]:
        script = script_of(request.subscriber.member_id)
        number = f"AUTH{self.book.next('case'):06d}"
        final = encode_answer(answer(request, number, now), self._control(interchange, now))
        if script.letter == "P":
            due = now + timedelta(hours=script.number or 24)
            waiting = encode_answer(pended(request, f"NT{number[4:]}", now), self._control(interchange, now))
            later = encode_answer(answer(request, number, due), self._control(interchange, due))
            self.book.keep(payer, request.trace, waiting, "pended", "", now)
            self.book.deliver_later(payer, request.trace, later, due)
            return waiting, False
        self.book.keep(payer, request.trace, final, "final", "", now)
        if script.letter == "W":
            self.book.deliver_later(payer, request.trace, final, now + AGAIN_AFTER)
        return final, script.letter == "T"

    def _control(self, interchange: Interchange, now: datetime) -> Control:
        return Control(
            sender=interchange.receiver, receiver=interchange.sender, number=self.book.next("interchange"), at=now
        )

    def _reject(self, now: datetime) -> str:
        control = Control(sender="PAYER", receiver="UNKNOWN", number=self.book.next("interchange"), at=now)
        return encode_999("0", "HI", "005010X217", [Acknowledged("0001", "005010X217", False)], control)

    async def deliver(self, now: datetime) -> int:
        """Everything due, to the provider's door; what is not taken stays due."""
        done = 0
        async with httpx2.AsyncClient(base_url=self.settings.deliver_to, timeout=15) as client:
            for delivery_id, payer, trace, body in self.book.due(now):
                if await self._post(client, payer, body):
                    self.book.delivered(delivery_id, payer, trace, body, now)
                    done += 1
        return done

    async def _post(self, client: httpx2.AsyncClient, payer: str, body: str) -> bool:
        try:
            token = self._tokens.get(payer) or await self._token(client, payer)
            response = await client.post(
                f"/v1/payers/{payer}/x12",
                content=body,
                headers={"authorization": f"Bearer {token}", "content-type": EDI},
            )
            if response.status_code == httpx2.codes.UNAUTHORIZED:
                self._tokens.pop(payer, None)
            return response.is_success
        except httpx2.HTTPError:
            return False

    async def _token(self, client: httpx2.AsyncClient, payer: str) -> str:
        response = await client.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": f"payer-{payer}",
                "client_secret": self.settings.secret,
            },
        )
        response.raise_for_status()
        self._tokens[payer] = str(response.json()["access_token"])
        return self._tokens[payer]


def create_desk(settings: DeskSettings) -> FastAPI:
    desk = Desk(settings)

    async def deliver_for_ever() -> None:
        while True:
            with suppress(httpx2.HTTPError):
                await desk.deliver(datetime.now(UTC))
            await asyncio.sleep(1)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = None if settings.driven else asyncio.create_task(deliver_for_ever())
        yield
        if task is not None:
            task.cancel()

    app = FastAPI(title="Local payer", lifespan=lifespan)

    @app.post("/x12/{payer}")
    async def take(payer: str, request: Request) -> Response:
        text = (await request.body()).decode("utf-8", "replace")
        body, silent = await desk.receive(payer, text, _now(request, settings))
        if silent:
            await asyncio.sleep(SILENCE_SECONDS)
        return Response(body, media_type=EDI)

    @app.get("/book")
    async def cases() -> dict[str, object]:
        return {"cases": desk.book.cases()}

    @app.get("/book/due")
    async def due() -> dict[str, str | None]:
        moment = desk.book.next_due()
        return {"next": moment.isoformat() if moment else None}

    @app.post("/book/advance")
    async def advance(request: Request) -> dict[str, int]:
        to = datetime.fromisoformat((await request.json())["to"])
        return {"delivered": await desk.deliver(to)}

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _now(request: Request, settings: DeskSettings) -> datetime:
    """In a rehearsal the caller says what time it is."""
    said = request.headers.get("x-business-time")
    return datetime.fromisoformat(said) if settings.driven and said else datetime.now(UTC)
