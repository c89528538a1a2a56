"""Speaking to a payer over HTTP: bytes out, bytes back, and an honest name for what went wrong."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx2

EDI: Final = "application/edi-x12"

SENT, UNKNOWN, NOT_SENT = "sent", "unknown", "not_sent"


@dataclass(frozen=True, slots=True)
class Delivery:
    """`sent`: the payer took it, `body` is what it answered. `unknown`: bytes may have arrived (counts as
    disclosed). `not_sent`: none left this house."""

    outcome: str
    body: str | None = None
    problem: str | None = None


class PayerLine:
    """One HTTP client for all payers; addresses come from definitions and settings."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._client = httpx2.AsyncClient(base_url=base_url, timeout=timeout_seconds)

    async def deliver(self, endpoint: str, text: str, now: datetime) -> Delivery:
        headers = {"content-type": EDI, "x-business-time": now.isoformat()}
        try:
            response = await self._client.post(endpoint, content=text.encode("utf-8"), headers=headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return Delivery(NOT_SENT, problem="the payer's system cannot be reached")
        except httpx2.TimeoutException:
            return Delivery(UNKNOWN, problem="the payer's system did not answer in time")
        except httpx2.HTTPError:
            return Delivery(UNKNOWN, problem="the connection broke while the payer's system was answering")
        if response.is_success:
            return Delivery(SENT, body=response.text)
        if response.is_server_error:
            return Delivery(UNKNOWN, problem=f"the payer's system failed ({response.status_code})")
        return Delivery(SENT, problem=f"the payer's system refused the message ({response.status_code})")

    async def close(self) -> None:
        await self._client.aclose()
