"""A person's own list: users who never see them, and a restriction to a few named ones (E13). What is hidden is unknown
everywhere: in every list, on every page, in the events (api/auth.py `scope`, `must_see`)."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.access_bodies import AccessBody
from api.auth import scope
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.tokens import User
from definitions.break_glass import AccessKind
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.vocabulary import Role
from storage.models import PersonAccess
from storage.reach import Reach
from storage.reads.disclosures import known_to
from storage.repositories import access, timeline
from storage.repositories import command as memory

KEEPERS: Final = (Role.DIRECTOR.value, Role.ADMIN.value)


async def see_list(session: AsyncSession, services: Services, user: User, person_id: UUID) -> None:
    """Who keeps the lists sees that there is one although the person is restricted; not when the person blocked them."""
    mine = Reach(scope(user, services))
    blocked = await access.blocked(session, person_id, user.username)
    if blocked or not await known_to(session, person_id, mine):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: patient {person_id}")


async def listed(services: Services, user: User, person_id: UUID) -> list[dict[str, Any]]:
    async with services.read(user) as session:
        await see_list(session, services, user, person_id)
        return [shown(row) for row in await access.standing(session, person_id)]


async def put(services: Services, user: User, key: str, person_id: UUID, body: AccessBody) -> CommandResult:
    """A block is anybody's to write down who cares for the person; the rest is the director's."""
    if body.kind is not AccessKind.BLOCKED and user.role not in KEEPERS:
        raise problem(ErrorType.FORBIDDEN, "this needs the role director: only a block may be written down by others")
    async with services.write(user) as session:
        await see_list(session, services, user, person_id)
        stored = await accept(
            services, session, user, key, "put_access", {"person": str(person_id), **body.model_dump(mode="json")}
        )
        first = answered(stored, 201)
        if first is not None:
            return first
        there = {row.person_id for row in await access.lines_of(session, person_id, body.kind, body.username)}
        missing = [one for one in await access.records_of(session, person_id) if one not in there]
        if not missing:
            raise problem(ErrorType.STALE, "it stands already; look again")
        rows = [_line(stored, user, one, body) for one in missing]
        session.add_all(rows)
        await session.flush()
        return await _done(session, user, stored, rows, "person_access_set", body.reason, 201)


def _line(stored: memory.Remembered, user: User, person_id: UUID, body: AccessBody) -> PersonAccess:
    return PersonAccess(
        id=derived(stored.key, "access", str(person_id)), person_id=person_id, kind=body.kind, username=body.username,
        reason=body.reason, set_at=stored.accepted_at, set_by=user.actor,
    )  # fmt: skip


async def lift(services: Services, user: User, key: str, person_id: UUID, body: AccessBody) -> CommandResult:
    async with services.write(user) as session:
        await see_list(session, services, user, person_id)
        stored = await accept(
            services, session, user, key, "lift_access", {"person": str(person_id), **body.model_dump(mode="json")}
        )
        first = answered(stored)
        if first is not None:
            return first
        rows = await access.lines_of(session, person_id, body.kind, body.username)
        if not rows:
            raise problem(ErrorType.STALE, "no such line stands; look again")
        for row in rows:
            row.lifted_at, row.lifted_by = stored.accepted_at, user.actor
        return await _done(session, user, stored, rows, "person_access_lifted", body.reason, 200)


def shown(row: PersonAccess) -> dict[str, Any]:
    return {
        "id": str(row.id), "person_id": str(row.person_id), "kind": row.kind.value, "username": row.username,
        "reason": row.reason, "set_at": row.set_at.isoformat(), "set_by": row.set_by,
    }  # fmt: skip


async def _done(
    session: AsyncSession, user: User, stored: memory.Remembered, rows: Sequence[PersonAccess], action: str, reason: str,
    status: int,
) -> CommandResult:  # fmt: skip
    """One answer about the person; an entry of the audit for every record of theirs."""
    for line in rows:
        timeline.audit(
            session, chain=timeline.PERMISSIONS, at=stored.accepted_at, actor=user.actor, role=user.role, action=action,
            subject=f"person/{line.person_id}", purpose="operations",
            detail={"kind": line.kind.value, "username": line.username, "reason": reason, "line": str(line.id)},
        )  # fmt: skip
    row = rows[0]
    answer = shown(row)
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=user.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=row.person_id,
    )  # fmt: skip
    return CommandResult(status, answer, {})
