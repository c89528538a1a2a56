"""The API in this process over a database of the test's own, and the files payers send to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import func, select

from api.app import create_app
from api.tokens import User
from definitions.authorization import AnswerArrived, TakeAnswer
from definitions.review_codes import Action
from definitions.services_review import ReviewParty, ServicesReviewResponse
from definitions.vocabulary import AuthorizationStatus
from interchange.x12.envelope import Control
from interchange.x12.review_response import encode_answer
from local.stack.folder import first_settings
from runtime.settings import Settings
from storage.engine import Database
from storage.models import AuthorizationRequest, ExchangeFile, ExchangeMessage, Outbox
from storage.repositories.user import ensure_user
from storage.row_security import DatabaseRole
from tests.activities import cases
from tests.activities.cases import NOW, Case, Exchange
from tests.conftest import as_role

SECRET = "payers-secret"
EDI = {"content-type": "application/edi-x12"}


@dataclass
class Door:
    client: httpx2.AsyncClient
    database: Database
    tokens: Any

    async def post(self, body: bytes | str, payer: str = "meridian", **headers: str) -> httpx2.Response:
        content = body.encode() if isinstance(body, str) else body
        token = self.tokens.mint(User(payer, "payer", ()))
        return await self.client.post(
            f"/v1/payers/{payer}/x12", content=content, headers={**EDI, "Authorization": f"Bearer {token}", **headers}
        )

    async def carry(self, path: str, body: str) -> httpx2.Response:
        """What a payer's process brought to `path`, with its own token."""
        payer = path.split("payers/", 1)[1].split("/", 1)[0]
        media = "application/fhir+json" if path.startswith("/fhir/") else EDI["content-type"]
        token = self.tokens.mint(User(payer, "payer", ()))
        headers = {"content-type": media, "Authorization": f"Bearer {token}"}
        return await self.client.post(path, content=body.encode(), headers=headers)

    async def _staff(self, role: str, facilities: tuple[str, ...]) -> dict[str, str]:
        """Of somebody who is on record here: a token alone gives nothing."""
        name = f"{role}-{'-'.join(facilities).replace('*', 'all')}"
        async with self.database.write() as session:
            await ensure_user(session, username=name, role=role, facilities=facilities, password_hash="")
        return {"Authorization": f"Bearer {self.tokens.mint(User(name, role, facilities))}"}

    async def get(self, path: str, role: str = "reviewer", facilities: tuple[str, ...] = ("*",)) -> httpx2.Response:
        return await self.client.get(path, headers=await self._staff(role, facilities))

    async def command(
        self, path: str, body: dict[str, Any], key: str = "a-key-of-mine", facilities: tuple[str, ...] = ("*",)
    ) -> httpx2.Response:
        headers = {**await self._staff("reviewer", facilities), "Idempotency-Key": key}
        return await self.client.post(path, json=body, headers=headers)

    async def kept(self) -> list[tuple[str, str, str | None]]:
        """What came, as (kind, status, reason), in no order that a caller may rely on."""
        async with self.database.read() as session:
            rows = await session.execute(
                select(ExchangeMessage.kind, ExchangeMessage.status, ExchangeMessage.reason)
                .where(ExchangeMessage.direction == "in")
                .order_by(ExchangeMessage.at, ExchangeMessage.kind, ExchangeMessage.reason)
            )
            return [(kind, status, reason) for kind, status, reason in rows]

    async def fingerprints(self) -> set[str]:
        async with self.database.read() as session:
            rows = await session.execute(select(ExchangeMessage.fingerprint).where(ExchangeMessage.direction == "in"))
            return set(rows.scalars())

    async def files(self) -> int:
        async with self.database.read() as session:
            return int((await session.execute(select(func.count()).select_from(ExchangeFile))).scalar_one())

    async def take(self, now: datetime | None = None) -> int:
        """What the relay and the workflows do: every case takes what it was told of; `now`: when a driven clock says so."""
        house = Exchange(self.database, "http://127.0.0.1:9")
        async with self.database.write() as session:
            rows = list(
                (
                    await session.execute(
                        select(Outbox)
                        .where(Outbox.kind == "authorization_answer", Outbox.relayed_at.is_(None))
                        .order_by(Outbox.id)
                    )
                ).scalars()
            )
            for row in rows:
                row.relayed_at = NOW
            told = [AnswerArrived.model_validate(row.payload) for row in rows]
        for one in told:
            await house.cases.take_answer(
                TakeAnswer(
                    key=f"{one.authorization_id}:{one.key}", authorization_id=one.authorization_id,
                    message_id=one.message_id, now=now or one.at,
                )
            )  # fmt: skip
        await house.line.close()
        return len(told)


@asynccontextmanager
async def door(database: Database, url: str) -> AsyncIterator[Door]:
    settings = {
        **first_settings(),
        "STEPDOWN_API_DATABASE_URL": as_role(url, DatabaseRole.API),
        "STEPDOWN_KEYRING": f"test:{'5a' * 32}",
        "STEPDOWN_BLIND_INDEX_KEY": "a5" * 32,
        "STEPDOWN_PAYER_SECRET": SECRET,
        "STEPDOWN_LOCAL_USERS": "false",
    }
    made = Settings(**{k.removeprefix("STEPDOWN_").lower(): v for k, v in settings.items()})
    app = create_app(made)
    async with app.router.lifespan_context(app):
        # Not told of the exception that stands behind a 500: a test sees what a payer would.
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Door(client, database, app.state.services.tokens)


async def asked(database: Database, suffix: str = "", **changes: Any) -> Case:
    """A case whose request was sent and waits for its answer."""
    fields = {
        "status": AuthorizationStatus.SUBMITTED, "sent_at": NOW, "first_sent_at": NOW,
        "decision_due_at": NOW + timedelta(days=3),
    } | changes  # fmt: skip
    return await cases.case(database, suffix, **fields)


def answer(one: Case, serial: int = 1, control: Control | None = None, **changes: Any) -> str:
    """An approval of what was asked, in one interchange, with changes."""
    told = answer_of(one, serial, **changes)
    return encode_answer(told, control or Control("88888", "STEPDOWN", serial, NOW, "T"))


def answer_of(one: Case, serial: int = 1, **changes: Any) -> ServicesReviewResponse:
    fields: dict[str, Any] = {
        "submitter_id": "88888", "receiver_id": "STEPDOWN", "reviewer": ReviewParty(name="UM", id="88888"),
        "requester": ReviewParty(name="HARBOR", id="1234567893"), "member_id": one.member, "member_family": "T",
        "trace": one.trace, "originator": "9741234567", "reference": one.trace, "action": Action.CERTIFIED,
        "number": f"AUTH{serial:06d}", "from_date": NOW.date(), "through_date": NOW.date() + timedelta(days=13),
        "units": 14, "unit": "DY", "category": "AR", "certification": "I", "service_type": "AI",
        "facility_type": "86", "location_qualifier": "A", "created_at": NOW,
    } | changes  # fmt: skip
    return ServicesReviewResponse(**fields)


def together(*texts: str) -> str:
    """Several transactions in one group of one interchange, as a payer that batches sends them."""
    sets = []
    for count, text in enumerate(texts, start=1):
        body = text[text.index("ST*278*") : text.index("GE*")]
        sets.append(body.replace("ST*278*0001", f"ST*278*{count:04d}").replace("*0001~", f"*{count:04d}~"))
    head = texts[0][: texts[0].index("ST*278*")]
    tail = texts[0][texts[0].index("GE*") :]
    return head + "".join(sets) + tail.replace("GE*1*", f"GE*{len(texts)}*")


async def request_status(database: Database, one: Case) -> AuthorizationStatus:
    async with database.read() as session:
        return (await session.get_one(AuthorizationRequest, one.request_id)).status
