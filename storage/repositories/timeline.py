"""What happened, written twice in one transaction: for people (timeline) and for auditors (audit chain)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AuditEntry, TimelineEntry

HOUSE = "house"
"""Audit chain for acts that belong to no episode."""
PERMISSIONS = "permissions"
"""Audit chain of who may what."""


async def record(
    session: AsyncSession,
    *,
    episode_id: UUID,
    facility: str,
    at: datetime,
    recorded_at: datetime,
    kind: str,
    actor: str,
    role: str,
    edition: str,
    detail: dict[str, Any],
    command_key: str | None,
    purpose: str = "treatment",
) -> None:
    """`at` is when it took effect, `recorded_at` when it was written. `detail` holds ids and codes only."""
    session.add(
        TimelineEntry(
            episode_id=episode_id,
            facility=facility,
            at=at,
            recorded_at=recorded_at,
            kind=kind,
            actor=actor,
            edition=edition,
            detail=detail,
            command_key=command_key,
        )
    )
    audit(
        session,
        chain=str(episode_id),
        at=recorded_at,
        actor=actor,
        role=role,
        action=kind,
        subject=f"episode/{episode_id}",
        purpose=purpose,
        detail=detail,
    )


def audit(
    session: AsyncSession,
    *,
    chain: str,
    at: datetime,
    actor: str,
    role: str,
    action: str,
    subject: str,
    purpose: str,
    detail: dict[str, Any],
) -> None:
    """One audited act; the database chains it to the one before."""
    session.add(
        AuditEntry(
            chain=chain,
            at=at,
            actor=actor,
            role=role,
            action=action,
            subject=subject,
            purpose=purpose,
            detail=detail,
        )
    )
