"""Whether somebody acts on a case that changed since they saw it, and if so what changed and who did it (api.md)."""

from sqlalchemy import select

from activities.case_record import CaseAct, CaseHands, CaseWriting
from definitions.authorization import CaseCommand, CaseOutcome
from definitions.errors import ErrorType, Refusal
from storage.models import TimelineEntry


async def perform(hands: CaseHands, command: CaseCommand, kind: str, act: CaseAct) -> CaseOutcome:
    """A person's act, done once per key and only on the case as they saw it."""

    async def checked(w: CaseWriting) -> Refusal | None:
        return await stale(w, command) or await act(w)

    return await hands.act(
        command.authorization_id, command.key, command.now, kind, checked, command.actor, command.role.value
    )


async def stale(w: CaseWriting, command: CaseCommand) -> Refusal | None:
    if command.expected_version is None or command.expected_version == w.case.version:
        return None
    found = await w.session.execute(
        select(TimelineEntry.kind, TimelineEntry.actor)
        .where(
            TimelineEntry.episode_id == w.episode.id,
            TimelineEntry.detail["authorization"].astext == str(w.case.id),
        )
        .order_by(TimelineEntry.id.desc())
        .limit(1)
    )
    newest = found.first()
    what = f"{newest.kind.replace('_', ' ')} by {newest.actor}" if newest else w.case.why
    return Refusal(
        code=ErrorType.STALE,
        detail=f"the case is at version {w.case.version}, you saw {command.expected_version}; look again: {what}",
        changed_by=newest.actor if newest else None,
        current_version=w.case.version,
    )
