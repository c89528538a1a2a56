"""Local users, and the browsers signed in as them; production users come from an OIDC issuer."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AppUser, TokenCutOff, WebSession


async def ensure_user(
    session: AsyncSession, *, username: str, role: str, facilities: Sequence[str], password_hash: str
) -> None:
    await session.execute(
        insert(AppUser)
        .values(username=username, role=role, facilities=list(facilities), password_hash=password_hash, disabled=False)
        .on_conflict_do_nothing(index_elements=["username"])
    )


SSO: Final = "sso:"
"""Before the name of an issuer's user: never the name of a local one."""


async def came_from_issuer(
    session: AsyncSession, *, subject: str, issuer: str, role: str, facilities: Sequence[str]
) -> str:
    """The row that browsers of an issuer's user hang on, with the rights of this sign-in. No password opens it. Answers
    its name."""
    values = {"role": role, "facilities": list(facilities), "issuer": issuer}
    name = f"{SSO}{subject}"
    statement = insert(AppUser).values(username=name, password_hash="", disabled=False, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["username"], set_=values))
    return name


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


async def end_sessions(session: AsyncSession, username: str, now: datetime) -> int:
    """Every browser of this user is signed out; how many were."""
    ended = await session.execute(
        update(WebSession)
        .where(WebSession.username == username, WebSession.ended_at.is_(None))
        .values(ended_at=now)
        .returning(WebSession.id)
    )
    return len(ended.all())


async def open_sessions(session: AsyncSession, username: str) -> list[WebSession]:
    rows = await session.execute(
        select(WebSession)
        .where(WebSession.username == username, WebSession.ended_at.is_(None))
        .order_by(WebSession.started_at.desc())
    )
    return list(rows.scalars())


async def cut_off(
    session: AsyncSession, *, issuer: str, username: str, before: datetime, by: str, reason: str
) -> None:  # fmt: skip
    """Tokens made before the moment count no more; an earlier cut stays where it is later."""
    statement = insert(TokenCutOff).values(issuer=issuer, username=username, before=before, cut_by=by, reason=reason)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["issuer", "username"], set_={"before": before, "cut_by": by, "reason": reason},
            where=TokenCutOff.before < before,
        )
    )  # fmt: skip


async def cut_off_of(session: AsyncSession, issuer: str, username: str) -> datetime | None:
    row = await session.get(TokenCutOff, (issuer, username))
    return row.before if row is not None else None


async def users(session: AsyncSession) -> list[AppUser]:
    return list((await session.execute(select(AppUser).order_by(AppUser.username))).scalars())
