"""Late and second answers on their way to the provider's door: tried until they are taken."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

import httpx2

from local.payer.book import Book, Delivery

EDI: Final = "application/edi-x12"
LOOK_SECONDS: Final = 0.25
BACKOFF_MAX_SECONDS: Final = 30.0
TRIES_WHEN_DRIVEN: Final = 5


class Courier:
    """One token a payer, fetched by client credentials and again when it is refused."""

    def __init__(self, book: Book, deliver_to: str, secret: str) -> None:
        self._book = book
        self._deliver_to = deliver_to.rstrip("/")
        self._secret = secret
        self._tokens: dict[str, str] = {}
        self._not_before: dict[int, float] = {}
        self._turn = asyncio.Lock()

    async def deliver_for_ever(self) -> None:
        """Wall drive. One delivery that fails does not hold up the others."""
        async with self._client() as client:
            while True:
                for delivery in self._book.due(datetime.now(UTC)):
                    if self._not_before.get(delivery.id, 0.0) <= time.monotonic():
                        await self._try(client, delivery, datetime.now(UTC))
                await asyncio.sleep(LOOK_SECONDS)

    async def deliver_until(self, to: datetime) -> tuple[int, int]:
        """Driven drive: everything due by `to`, in order, before this returns. (delivered, still not taken)."""
        async with self._turn, self._client() as client:
            delivered = 0
            for attempt in range(TRIES_WHEN_DRIVEN):
                for delivery in self._book.due(to):
                    delivered += await self._try(client, delivery, delivery.due_at)
                if not self._book.due(to):
                    break
                await asyncio.sleep(0.2 * 2**attempt)
            return delivered, len(self._book.due(to))

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self._deliver_to, timeout=15)

    async def _try(self, client: httpx2.AsyncClient, delivery: Delivery, at: datetime) -> bool:
        if await self._post(client, delivery, at):
            self._book.delivered(delivery, at)
            self._not_before.pop(delivery.id, None)
            return True
        self._book.tried(delivery)
        pause = min(BACKOFF_MAX_SECONDS, 0.5 * 2 ** min(delivery.attempts, 10))
        self._not_before[delivery.id] = time.monotonic() + pause
        return False

    async def _post(self, client: httpx2.AsyncClient, delivery: Delivery, at: datetime) -> bool:
        try:
            token = self._tokens.get(delivery.payer) or await self._token(client, delivery.payer)
            response = await client.post(
                f"/v1/payers/{delivery.payer}/x12",
                content=delivery.body,
                headers={"authorization": f"Bearer {token}", "content-type": EDI, "x-business-time": at.isoformat()},
            )
        except (httpx2.HTTPError, ValueError, KeyError):
            return False
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            self._tokens.pop(delivery.payer, None)
        return response.is_success

    async def _token(self, client: httpx2.AsyncClient, payer: str) -> str:
        response = await client.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": f"payer-{payer}",
                "client_secret": self._secret,
            },
        )
        response.raise_for_status()
        self._tokens[payer] = str(response.json()["access_token"])
        return self._tokens[payer]
