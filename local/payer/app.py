"""The payer over HTTP: the door for X12, the book for whoever compares, the controls for whoever tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.types import Receive, Scope, Send

from local.payer import listing
from local.payer.book import CALL, Book
from local.payer.courier import EDI, LOOK_SECONDS, Courier
from local.payer.desk import Desk
from local.payer.door import Door
from local.payer.fhir_desk import FhirDesk, FhirReply
from local.payer.guide import guide
from local.payer.instructions import Instructions
from local.payer.outage import Outages, Window
from local.payer.pen import Pen
from local.payer.script import Fault, Rule

SILENCE_SECONDS: Final = 40.0
"""Longer than any caller waits."""
FHIR: Final = "application/fhir+json"
BODY_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """`payers` empty: answers for any key. `door_port`: X12 is taken there, and a payer that is down refuses
    connections; None: there is one port for everything, and a payer that is down answers 503."""

    book: Path
    deliver_to: str
    driven: bool
    secret: str
    payers: frozenset[str] = frozenset()
    silence_seconds: float = SILENCE_SECONDS
    together: bool = False
    inquiry: bool = True
    door_port: int | None = None


class Advance(BaseModel):
    """Business time is now `to`."""

    model_config = ConfigDict(extra="forbid")

    to: AwareDatetime


class CutShort(Response):
    """Half of what it promised; the server ends the connection then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class House:
    """Everything one payer process holds."""

    def __init__(self, settings: DeskSettings) -> None:
        self.settings = settings
        self.book = Book(settings.book)
        self.pen = Pen(self.book)
        self.outages = Outages(self.book, driven=settings.driven)
        self.instructions = Instructions(self.book)
        self.desk = Desk(self.book, self.pen, self.instructions, inquiry=settings.inquiry)
        self.fhir = FhirDesk(self.book, self.pen, self.instructions, inquiry=settings.inquiry)
        self.courier = Courier(
            self.book, self.pen, self.outages, settings.deliver_to, settings.secret, together=settings.together
        )
        self.door: Door | None = None

    async def mind_the_door(self) -> None:
        if self.door is not None:
            await self.door.stand(open_=not self.outages.down(self.outages.now))

    async def mind_for_ever(self) -> None:
        while True:
            await self.mind_the_door()
            await asyncio.sleep(LOOK_SECONDS)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        tasks = [] if self.settings.driven else [asyncio.create_task(self.courier.deliver_for_ever())]
        if self.settings.door_port is not None:
            self.door = Door(app, self.settings.door_port)
            await self.mind_the_door()
            tasks.append(asyncio.create_task(self.mind_for_ever()))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.door is not None:
            await self.door.stand(open_=False)
        self.book.close()


def create_desk(settings: DeskSettings) -> FastAPI:
    house = House(settings)
    guide()  # read once, before anybody waits for it
    app = FastAPI(title="Local payer", lifespan=house.lifespan)
    app.include_router(_exchange(house))
    app.include_router(_book(house))
    app.include_router(_control(house))
    return app


Take = Callable[[str, Request, bytes, datetime], Awaitable[Response]]


def _exchange(house: House) -> APIRouter:
    router = APIRouter()
    settings = house.settings

    async def at_the_door(payer: str, request: Request) -> tuple[bytes, datetime] | Response:
        """What came and when, or why it is not looked at."""
        if settings.payers and payer not in settings.payers:
            return _problem(404, f"this desk does not answer for {payer[:40]}; start it with --payer")
        raw = await request.body()
        if len(raw) > BODY_MAX:
            return _problem(413, f"a message may have {BODY_MAX} bytes at most; send fewer transactions")
        now = business_time(request.headers.get("x-business-time"), driven=settings.driven)
        if now is None:
            return _problem(400, "X-Business-Time must be an RFC 3339 time with its offset")
        house.outages.told(now)
        if house.outages.down(now):
            return _problem(503, "this payer's system is down; nothing was taken")
        return raw, now

    def at(path: str) -> Callable[[Take], Take]:
        """A route that is only asked what passed the door."""

        def routed(take: Take) -> Take:
            async def route(payer: str, request: Request) -> Response:
                came = await at_the_door(payer, request)
                return came if isinstance(came, Response) else await take(payer, request, *came)

            router.post(path)(route)
            return take

        return routed

    @at("/x12/{payer}")
    async def take(payer: str, request: Request, raw: bytes, now: datetime) -> Response:
        return await _answered(house, request, FhirReply(house.desk.receive(payer, raw, now)), now, EDI)

    @at("/fhir/{payer}/Claim/$submit")
    async def submit(payer: str, request: Request, raw: bytes, now: datetime) -> Response:
        return await _answered(house, request, house.fhir.submit(payer, raw, now), now, FHIR)

    @at("/fhir/{payer}/Claim/$inquire")
    async def inquire(payer: str, request: Request, raw: bytes, now: datetime) -> Response:
        return await _answered(house, request, house.fhir.inquire(payer, raw, now), now, FHIR)

    @at("/fhir/{payer}/Subscription")
    async def subscribe(payer: str, request: Request, raw: bytes, now: datetime) -> Response:
        said = house.fhir.subscribe(payer, raw)
        return Response(said.reply.content, status_code=said.status, media_type=FHIR)

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return router


async def _answered(house: House, request: Request, said: FhirReply, now: datetime, media: str) -> Response:
    reply = said.reply
    if reply.fault in (Fault.BEFORE, Fault.AFTER):
        return _problem(503, "this payer's system failed")
    wait = max(reply.slow_seconds, house.settings.silence_seconds if reply.fault is Fault.SILENT else 0)
    if wait:
        try:
            await asyncio.sleep(wait)
        except asyncio.CancelledError:
            # The server stops and does not wait for the silence to end; the answer stands in the book.
            return _problem(503, "this desk is closing; ask again with the same trace")
        if await request.is_disconnected():
            return Response(status_code=204)
    cut = reply.fault is Fault.CUT
    house.book.left([(p.said, p.content) for p in reply.parts], CALL, now, whole=not cut)
    return (CutShort if cut else Response)(reply.content, status_code=said.status, media_type=media)


def _book(house: House) -> APIRouter:
    router = APIRouter(prefix="/book")

    @router.get("")
    async def cases() -> dict[str, object]:
        return {"cases": listing.cases(house.book)}

    @router.get("/cases")
    async def reviews() -> dict[str, object]:
        return {"cases": listing.reviews(house.book)}

    @router.get("/messages")
    async def messages() -> dict[str, object]:
        return {"messages": listing.messages(house.book)}

    @router.get("/due")
    async def due() -> dict[str, str | None]:
        moment = house.courier.next_due()
        return {"next": moment.isoformat() if moment else None}

    @router.post("/advance")
    async def advance(to: Advance) -> Response:
        if not house.settings.driven:
            return _problem(409, "time moves by itself in wall drive; start with --drive driven")
        house.outages.told(to.to)
        delivered, left = await house.courier.deliver_until(to.to)
        await house.mind_the_door()
        return JSONResponse({"delivered": delivered, "left": left}, status_code=503 if left else 200)

    return router


def _control(house: House) -> APIRouter:
    router = APIRouter()

    @router.post("/script", status_code=201)
    async def post(rule: Rule) -> Response:
        if rule.member_suffix is None and rule.trace is None and rule.nth is None:
            return _problem(422, "say which requests the script is for: member_suffix, trace or nth")
        return JSONResponse({"id": house.instructions.post(rule)}, status_code=201)

    @router.get("/script")
    async def scripts() -> dict[str, object]:
        return {"scripts": house.instructions.all()}

    @router.delete("/script", status_code=204)
    async def forget() -> None:
        house.instructions.forget()

    @router.post("/control/down")
    async def down(window: Window | None = None) -> dict[str, object]:
        if window is None:
            house.outages.switch(off=True)
        else:
            house.outages.add(window)
        await house.mind_the_door()
        return _outages(house)

    @router.post("/control/up")
    async def up() -> dict[str, object]:
        house.outages.clear()
        await house.mind_the_door()
        return _outages(house)

    return router


def _outages(house: House) -> dict[str, object]:
    windows = [w.model_dump(mode="json") for w in house.outages.windows()]
    return {"switched_off": house.outages.switched_off, "windows": windows}


def business_time(said: str | None, *, driven: bool) -> datetime | None:
    """In a rehearsal the caller says what time it is. None: said wrongly."""
    if not driven or said is None:
        return datetime.now(UTC)
    with suppress(ValueError):
        moment = datetime.fromisoformat(said)
        return moment if moment.tzinfo else None
    return None


def _problem(status: int, detail: str) -> JSONResponse:
    body = {"status": status, "title": "Refused", "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
