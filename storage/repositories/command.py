"""The memory of commands (D2): the first answer of a key is the answer for ever."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Command

ACCEPTED = "accepted"
DONE = "done"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the memory holds for a key. `status`: accepted (still open), done or refused."""

    key: str
    kind: str
    body_hash: str
    accepted_at: datetime
    status: str
    answer: dict[str, Any] | None
    subject_id: UUID | None
    actor: str


def body_fingerprint(body: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a request body."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


async def recall(session: AsyncSession, key: str) -> Remembered | None:
    row = (await session.execute(select(Command).where(Command.key == key))).scalar_one_or_none()
    if row is None:
        return None
    return Remembered(
        row.key, row.kind, row.body_hash, row.accepted_at, row.status, row.answer, row.subject_id, row.actor
    )


async def accept(
    session: AsyncSession, *, key: str, kind: str, body_hash: str, actor: str, now: datetime
) -> Remembered:
    """Remember `key` with its business `now`, or answer what an earlier acceptance remembered."""
    await session.execute(
        insert(Command)
        .values(key=key, kind=kind, body_hash=body_hash, actor=actor, accepted_at=now, status=ACCEPTED)
        .on_conflict_do_nothing(index_elements=["key"])
    )
    stored = await recall(session, key)
    if stored is None:
        raise RuntimeError(f"command {key} was neither written nor found")
    return stored


async def finish(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    actor: str,
    now: datetime,
    status: str,
    answer: dict[str, Any],
    subject_id: UUID | None = None,
) -> None:
    """Keep the first answer with the writes it reports, in their transaction. Commands that a workflow
    makes for itself have no accepted row yet and get one here."""
    values = {"status": status, "answer": answer, "answered_at": now, "subject_id": subject_id}
    statement = insert(Command).values(key=key, kind=kind, body_hash="", actor=actor, accepted_at=now, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_=values, where=Command.status == ACCEPTED)
    )
