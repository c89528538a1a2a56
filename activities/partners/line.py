"""Speaking to a payer over HTTP, whatever the grammar: bytes out, bytes back, and an honest name for what went wrong."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx2

from definitions.payer import ENDPOINT

ANSWER_MAX: Final = 4_000_000
"""Bytes of an answer that are read; a payer that sends more is not understood."""

REFUSAL_MAX: Final = 100_000
"""Bytes of a refusal that are read."""

WHOLE_MAX: Final = 85.0
"""Seconds; under the 90 that a send may take (definitions/policies.py)."""

SENT, UNKNOWN, NOT_SENT = "sent", "unknown", "not_sent"
COME_AGAIN: Final = frozenset({408, 425, 429})
"""Refusals that say `later`: whether the message was kept, they do not say."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`sent`: the payer's system took the bytes, `body` is what it answered; None: it refused them. `unknown`: bytes
    may have arrived (counts as disclosed). `not_sent`: none left this house."""

    outcome: str
    body: str | None = None
    refusal: str | None = None
    """What a system said that refused, as far as it said it."""
    problem: str | None = None


class PayerLine:
    """One HTTP client for all payers; addresses come from definitions and settings."""

    def __init__(self, base_url: str, timeout_seconds: float, apart: Mapping[str, str] | None = None) -> None:
        """`apart`: endpoints with a base address of their own, as the settings say."""
        self._apart = dict(apart or {})
        self._client = httpx2.AsyncClient(base_url=base_url, timeout=timeout_seconds)
        self._whole = min(2 * timeout_seconds, WHOLE_MAX)
        """The client's own limit is for each step; a payer that answers a byte at a time would be waited for for ever."""

    async def deliver(
        self, endpoint: str, text: str, now: datetime, *, media: str = "application/edi-x12", operation: str = ""
    ) -> Delivery:
        """`operation`: below the endpoint, as FHIR names it."""
        if not re.fullmatch(ENDPOINT, endpoint):
            return Delivery(
                NOT_SENT, problem="the payer's address in its definition is no path below the partners' address"
            )
        target = f"{self._apart[endpoint]}/{endpoint}" if endpoint in self._apart else endpoint
        headers = {"content-type": media, "x-business-time": now.isoformat()} | ({"accept": media} if operation else {})
        try:
            async with (
                asyncio.timeout(self._whole),
                self._client.stream("POST", f"{target}{operation}", content=text.encode(), headers=headers) as response,
            ):
                return await _read(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return Delivery(NOT_SENT, problem="the payer's system cannot be reached")
        except (httpx2.TimeoutException, TimeoutError):
            return Delivery(UNKNOWN, problem="the payer's system did not answer in time")
        except (httpx2.HTTPError, UnicodeDecodeError):
            return Delivery(UNKNOWN, problem="the connection broke while the payer's system was answering")

    async def close(self) -> None:
        await self._client.aclose()


async def _read(response: httpx2.Response) -> Delivery:
    status = response.status_code
    if response.is_server_error or status in COME_AGAIN:
        return Delivery(UNKNOWN, problem=f"the payer's system failed ({status})")
    if not response.is_success:
        return Delivery(
            SENT, refusal=await _refusal(response), problem=f"the payer's system refused the message ({status})"
        )
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > ANSWER_MAX:
            return Delivery(SENT, body="", problem="the payer's answer is too long to be read")
    return Delivery(SENT, body=body.decode("utf-8", "replace"))


async def _refusal(response: httpx2.Response) -> str | None:
    """The beginning of what it says; that it refused is known already, whatever happens to its words."""
    said = b""
    try:
        async for part in response.aiter_bytes():
            said += part
            if len(said) > REFUSAL_MAX:
                return None
    except httpx2.HTTPError:
        return None
    return said.decode("utf-8", "replace") or None
