"""Local demo users; production users come from an OIDC issuer."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AppUser


async def ensure_user(
    session: AsyncSession, *, username: str, role: str, facilities: Sequence[str], password_hash: str
) -> None:
    await session.execute(
        insert(AppUser)
        .values(username=username, role=role, facilities=list(facilities), password_hash=password_hash, disabled=False)
        .on_conflict_do_nothing(index_elements=["username"])
    )


async def find_user(session: AsyncSession, username: str) -> AppUser | None:
    return (await session.execute(select(AppUser).where(AppUser.username == username))).scalar_one_or_none()
