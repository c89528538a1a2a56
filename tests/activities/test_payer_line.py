"""An honest name for what went wrong on the line: what may have arrived is never called unsent (D11)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from activities.partners.line import NOT_SENT, SENT, UNKNOWN, Delivery, PayerLine

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(behaviour: Behaviour) -> AsyncIterator[str]:
    """Somebody at the other end who does not keep to HTTP."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behaviour(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


async def asked(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"ISA-CONTENT")


def says(text: bytes) -> Behaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asked(reader)
        writer.write(text)
        await writer.drain()

    return behave


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asked(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asked(reader)
    await asyncio.sleep(30)


async def too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asked(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99000000\r\n\r\n")
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()


def response(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def delivered(url: str) -> Delivery:
    line = PayerLine(url, 0.4)
    try:
        return await line.deliver("x12/meridian", "ISA-CONTENT", NOW)
    finally:
        await line.close()


@pytest.mark.parametrize(
    ("behaviour", "outcome", "body"),
    [
        (says(response("200 OK", b"ISA*")), SENT, "ISA*"),
        (says(response("200 OK", b"\xff\xfe")), SENT, "\ufffd\ufffd"),
        (says(response("202 Accepted")), SENT, ""),
        (says(response("301 Moved")), SENT, None),
        (says(response("401 Unauthorized")), SENT, None),
        (says(response("404 Not Found")), SENT, None),
        (says(response("429 Too Many Requests")), UNKNOWN, None),
        (says(response("500 Oops")), UNKNOWN, None),
        (says(response("503 Away")), UNKNOWN, None),
        (says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nISA"), UNKNOWN, None),
        (says(b""), UNKNOWN, None),
        (says(b"this is no HTTP\r\n\r\n"), UNKNOWN, None),
        (dribble, UNKNOWN, None),
        (silent, UNKNOWN, None),
        (too_much, SENT, ""),
    ],
)
async def test_what_a_payer_does_has_its_name(behaviour: Behaviour, outcome: str, body: str | None) -> None:
    async with peer(behaviour) as url:
        delivery = await delivered(url)
    assert (delivery.outcome, delivery.body) == (outcome, body)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with peer(silent) as url:
        pass
    assert (await delivered(url)).outcome == NOT_SENT
