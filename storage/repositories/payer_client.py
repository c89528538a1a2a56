"""Payers' machines and their secrets, kept as hashes."""

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import PayerClient


def secret_hash(secret: str) -> bytes:
    """SHA-256: the secret is random and long, so nothing slower is needed."""
    return hashlib.sha256(secret.encode()).digest()


async def add_client(
    session: AsyncSession, *, client_id: str, payer: str, secret: str, now: datetime, by: str
) -> None:  # fmt: skip
    session.add(PayerClient(client_id=client_id, payer=payer, secret_hash=secret_hash(secret), made_at=now, made_by=by))


async def payer_of_client(session: AsyncSession, client_id: str, secret: str) -> str | None:
    """Whose machine it is; None: unknown, ended or the wrong secret."""
    row = await session.get(PayerClient, client_id)
    right = hmac.compare_digest(row.secret_hash if row else bytes(32), secret_hash(secret))
    return row.payer if row is not None and right and row.ended_at is None else None


async def clients(session: AsyncSession, payer: str) -> list[PayerClient]:
    rows = await session.execute(select(PayerClient).where(PayerClient.payer == payer).order_by(PayerClient.made_at))
    return list(rows.scalars())
