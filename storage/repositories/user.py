"""Local users, and the browsers signed in as them; production users come from an OIDC issuer."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AppUser, WebSession


async def ensure_user(
    session: AsyncSession, *, username: str, role: str, facilities: Sequence[str], password_hash: str
) -> None:
    await session.execute(
        insert(AppUser)
        .values(username=username, role=role, facilities=list(facilities), password_hash=password_hash, disabled=False)
        .on_conflict_do_nothing(index_elements=["username"])
    )


async def locked_user(session: AsyncSession, username: str) -> AppUser | None:
    """The row, held until the transaction ends: guesses at one name are judged one after another, so that none of many
    sent at once is left uncounted."""
    found = await session.execute(select(AppUser).where(AppUser.username == username).with_for_update())
    return found.scalar_one_or_none()


def session_id(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def begin_session(session: AsyncSession, token: str, username: str, now: datetime, longest: timedelta) -> None:
    """A new row; those of this user that are over for good go."""
    await session.execute(
        delete(WebSession).where(WebSession.username == username, WebSession.started_at < now - longest)
    )
    session.add(WebSession(id=session_id(token), username=username, started_at=now, seen_at=now))


async def find_session(session: AsyncSession, token: str) -> tuple[WebSession, AppUser] | None:
    """The session and whose it is, as both stand now."""
    found = await session.execute(
        select(WebSession, AppUser)
        .join(AppUser, AppUser.username == WebSession.username)
        .where(WebSession.id == session_id(token), WebSession.ended_at.is_(None))
    )
    row = found.first()
    return (row[0], row[1]) if row is not None else None


async def session_seen(session: AsyncSession, token: str, now: datetime) -> None:
    await session.execute(update(WebSession).where(WebSession.id == session_id(token)).values(seen_at=now))


async def end_session(session: AsyncSession, token: str, now: datetime) -> str | None:
    """Whose it was; None: it was over already."""
    ended = await session.execute(
        update(WebSession)
        .where(WebSession.id == session_id(token), WebSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(WebSession.username)
    )
    return ended.scalar_one_or_none()
