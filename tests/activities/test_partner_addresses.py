"""No edition makes the house speak to an address of its choice: an endpoint is a path below the partners' address."""

import asyncio
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from activities.partners.line import NOT_SENT, SENT, PayerLine
from definitions.payer import Payer
from runtime.catalog import load_catalog

HOSTILE = [
    "http://169.254.169.254/latest/meta-data", "https://elsewhere.example/x12", "//elsewhere.example/x12",
    "/\\elsewhere.example", "\\\\elsewhere.example", "@elsewhere.example/x12", "user:secret@elsewhere.example",
    "../admin", "x12/../../admin", "x12/%2e%2e/admin", "file:///etc/passwd", "x12?to=http://elsewhere.example",
    "x12#part", "x12\r\nHost: elsewhere.example", "x12\n", " http://elsewhere.example", "http:elsewhere.example",
    "x12//elsewhere.example", "/x12/meridian", "",
]  # fmt: skip
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_the_editions_that_ship_hold_paths_only() -> None:
    assert [p for p in load_catalog().latest.payers.values() if p.endpoint] != []


@pytest.mark.parametrize("endpoint", HOSTILE)
def test_an_edition_that_names_another_address_is_not_loaded(endpoint: str) -> None:
    payer = load_catalog().latest.payers["meridian"].model_dump()
    with pytest.raises(ValidationError, match="endpoint"):
        Payer.model_validate(payer | {"endpoint": endpoint})


@pytest.mark.parametrize("endpoint", HOSTILE)
async def test_and_one_that_came_in_another_way_is_not_spoken_to(endpoint: str) -> None:
    """Rows of an older edition, a damaged history: the line judges again. Nothing listens here, and nothing is tried."""
    line = PayerLine("http://127.0.0.1:9", 0.4)
    try:
        delivery = await line.deliver(endpoint, "ISA-CONTENT", NOW)
    finally:
        await line.close()
    assert delivery.outcome == NOT_SENT
    assert "no path below" in (delivery.problem or "")


async def test_the_settings_may_place_one_payer_apart() -> None:
    """Its own system can be away while the others' answer; whatever else an endpoint says is below the base address."""
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    line = PayerLine("http://127.0.0.1:9", 5, {"x12/statecare": here})
    try:
        apart, below = [await line.deliver(e, "ISA", NOW) for e in ("x12/statecare", "x12/meridian")]
    finally:
        await line.close()
        server.close()
        await server.wait_closed()
    assert (apart.outcome, below.outcome) == (SENT, NOT_SENT)
    assert asked == [b"/x12/statecare"]
