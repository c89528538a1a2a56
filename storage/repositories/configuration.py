"""What the house runs on, on record whenever it is no longer what it was (45 CFR 164.312(b), issue 4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AuditEntry
from storage.repositories import timeline

CHAIN: Final = "configuration"
CHANGED: Final = "configuration_changed"
# The same lock as the chain's trigger: of several processes that start together the first writes, the others find it.
LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:chain, 7))")


async def note_configuration(session: AsyncSession, process: str, found: Mapping[str, str], now: datetime) -> bool:
    """One entry with what was before and what is now, by name; answers whether there was anything to write."""
    await session.execute(LOCK, {"chain": CHAIN})
    rows = await session.execute(
        select(AuditEntry.detail)
        .where(AuditEntry.chain == CHAIN, AuditEntry.subject == f"process/{process}")
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    before = (rows.scalar_one_or_none() or {}).get("now", {})
    if before == dict(found):
        return False
    changed = {
        name: [before.get(name), found.get(name)]
        for name in sorted({*before, *found})
        if before.get(name) != found.get(name)
    }
    timeline.audit(
        session, chain=CHAIN, at=now, actor=f"system:{process}", role="system", action=CHANGED,
        subject=f"process/{process}", purpose="operations", detail={"now": dict(found), "changed": changed},
    )  # fmt: skip
    await session.flush()
    return True
