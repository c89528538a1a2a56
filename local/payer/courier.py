"""Late and second answers on their way to the provider's door: tried until they are taken."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import httpx2

from interchange.fhir.pas.notification import encode_notification
from interchange.x12.acknowledgement import acknowledgements
from interchange.x12.envelope import read_interchanges
from interchange.x12.segments import X12Problem
from local.payer.book import DELIVERY, Book, Said
from local.payer.damage import damaged, damaged_bundle
from local.payer.envelope import Envelope
from local.payer.guide import guide
from local.payer.outage import Outages
from local.payer.pen import PAS, Pen

EDI: Final = "application/edi-x12"
FHIR: Final = "application/fhir+json"
REFUSED: Final = frozenset({400, 422})
LOOK_SECONDS: Final = 0.25
BACKOFF_MAX_SECONDS: Final = 30.0
TRIES_WHEN_DRIVEN: Final = 5


class Courier:
    """One token a payer, fetched by client credentials and again when it is refused. `together`: what one payer owes
    at one moment leaves in one file."""

    def __init__(
        self, book: Book, pen: Pen, outages: Outages, deliver_to: str, secret: str, *, together: bool = False
    ) -> None:  # fmt: skip
        self._book = book
        self._pen = pen
        self._outages = outages
        self._deliver_to = deliver_to.rstrip("/")
        self._secret = secret
        self._together = together
        self._tokens: dict[str, str] = {}
        self._not_before: dict[int, float] = {}
        self._turn = asyncio.Lock()

    async def deliver_for_ever(self) -> None:
        """Wall drive. One delivery that fails does not hold up the others."""
        async with self._client() as client:
            while True:
                now = datetime.now(UTC)
                for file in self._files(now):
                    if self._not_before.get(file[0].id, 0.0) <= time.monotonic():
                        await self._try(client, file, datetime.now(UTC))
                await asyncio.sleep(LOOK_SECONDS)

    async def deliver_until(self, to: datetime) -> tuple[int, int]:
        """Driven drive: everything due by `to`, in order, before this returns. (delivered, still not taken)."""
        async with self._turn, self._client() as client:
            delivered = 0
            for attempt in range(TRIES_WHEN_DRIVEN):
                for file in self._files(to):
                    delivered += await self._try(client, file, self._leaves(file[0]) or to)
                if not self._files(to):
                    break
                await asyncio.sleep(0.2 * 2**attempt)
            return delivered, sum(len(file) for file in self._files(to))

    def next_due(self) -> datetime | None:
        """The next moment something can leave, or a window begins or ends."""
        leaving = [self._leaves(one) for one in self._book.waiting()]
        return min((m for m in (*leaving, self._outages.next_edge()) if m is not None), default=None)

    def _leaves(self, one: Said) -> datetime | None:
        return self._outages.reachable_from(one.due_at) if one.due_at else None

    def _files(self, now: datetime) -> list[list[Said]]:
        """What can leave by now, in the order of its leaving."""
        able = [(self._leaves(one), one) for one in self._book.due(now)]
        ready = sorted(((at, one.id, one) for at, one in able if at is not None and at <= now), key=lambda r: r[:2])
        if not self._together:
            return [[one] for _, _, one in ready]

        def key(row: tuple[datetime, int, Said]) -> tuple[datetime, str, str]:
            return row[0], row[2].payer, self._channel(row[2])

        return [
            [one for _, _, one in same] for _, same in groupby(sorted(ready, key=lambda r: (*key(r), r[1])), key=key)
        ]

    def _channel(self, one: Said) -> str:
        review = self._book.review(one.payer, one.trace or "")
        return Envelope.read(review.envelope).channel if review is not None and review.envelope else "x12"

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self._deliver_to, timeout=15)

    async def _try(self, client: httpx2.AsyncClient, file: Sequence[Said], at: datetime) -> int:
        written = [self._written(one, at) for one in file]
        if self._channel(file[0]) == PAS:
            body = self._notification(written, at)
            address, media = self._addressed(file[0].payer), FHIR
            parts = [(one, body if n == 0 else b"") for n, one in enumerate(written)]
        else:
            parts = [(one, damaged(one.body or "", one.step.damage)) for one in written]
            body = b"".join(content for _, content in parts)
            address, media = f"/v1/payers/{file[0].payer}/x12", EDI
        said = await self._post(client, file[0].payer, address, media, body, at)
        if said is not None:
            self._book.left(parts, DELIVERY, at, acknowledged=said)
            self._not_before.pop(file[0].id, None)
            return len(file)
        for one in file:
            self._book.tried(one)
        pause = min(BACKOFF_MAX_SECONDS, 0.5 * 2 ** min(file[0].attempts, 10))
        self._not_before[file[0].id] = time.monotonic() + pause
        return 0

    def _notification(self, written: Sequence[Said], at: datetime) -> bytes:
        """Each its own event of the subscription, counted from the first; broken as the script says."""
        payer = written[0].payer
        number = self._book.next(f"event/{payer}")
        bundles = []
        for one in written:
            whole = damaged_bundle(one.body or "", one.step.damage)
            try:
                bundles.append(json.loads(whole))
            except ValueError:
                # What is broken so far is no part of any bundle: it leaves as it is.
                return whole
        told = encode_notification(bundles, guide(), subscription=f"Subscription/{payer}", number=number, at=at)
        return told.encode()

    def _addressed(self, payer: str) -> str:
        """Where the subscriber wants it; the house's own door while nobody subscribed."""
        rows = self._book.rows("SELECT value FROM setting WHERE name = ?", f"subscription/{payer}")
        return str(rows[0][0]) if rows else f"/fhir/payers/{payer}/notifications"

    def _written(self, said: Said, at: datetime) -> Said:
        review = self._book.review(said.payer, said.trace or "")
        if review is None:
            raise LookupError(f"answer {said.id} belongs to no case")
        return self._pen.write(said, review, at)

    async def _post(
        self, client: httpx2.AsyncClient, payer: str, address: str, media: str, content: bytes, at: datetime
    ) -> str | None:
        """What the door acknowledged; None: not taken, to be tried again."""
        try:
            token = self._tokens.get(payer) or await self._token(client, payer)
            response = await client.post(
                address,
                content=content,
                headers={"authorization": f"Bearer {token}", "content-type": media, "x-business-time": at.isoformat()},
            )
        except (httpx2.HTTPError, ValueError, KeyError):
            return None
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            self._tokens.pop(payer, None)
        if response.status_code in REFUSED:
            # Read, and never taken: telling it again would be telling the same.
            return "refused"
        return acknowledged_in(response.text) if response.is_success else None

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


def acknowledged_in(text: str) -> str:
    """AK901 of the 999 the door answered with; empty when it said nothing of the kind."""
    try:
        return next((a.verdict for i in read_interchanges(text) for a in acknowledgements(i)), "")
    except X12Problem:
        return ""
