"""Breaking the glass: a person's episode opened for reading to somebody whose facility, or the person's own list, would not
let them (45 CFR 164.312(a)(2)(ii), E13). On record and told to the director before anything is shown; over after an hour;
reviewed by somebody else. It opens reading inside the house and nothing else: what is sent out passes the gate as ever."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.access_bodies import BreakGlassBody, GlassReviewBody
from api.auth import scope, with_eyes
from api.commands import CommandResult, accept, answered
from api.deps import Services
from api.errors import problem
from api.routes.access import about
from api.tokens import User
from definitions.break_glass import OPEN_FOR, REVIEW_ITEM, REVIEWED_WITHIN
from definitions.episode import FactKind
from definitions.errors import ErrorType
from definitions.ids import derived, episode_workflow
from definitions.vocabulary import Role
from runtime.people import seal_message
from storage.models import BreakGlass, Episode, Person
from storage.repositories import access, timeline, work
from storage.repositories import command as memory
from storage.repositories.outbox import EPISODE_FACT, announce
from storage.scope import HouseAct

WHY: Final = (
    "somebody opened this record against the ordinary rule: look at what they did and say whether it was justified; who "
    "looked cannot review it"
)


async def open_episode(services: Services, user: User, key: str, body: BreakGlassBody) -> CommandResult:
    """Everything is committed before the caller can read anything: the next request sees the row. The director's item
    becomes overdue by the episode's own clock, and escalates as any other does."""
    seen_now = await with_eyes(services, user, glass=True)
    async with services.database.write(services.house(HouseAct.BREAK_GLASS, user)) as session:
        episode = await access.episode_to_open(session, body.episode_id)
        person = await session.get(Person, episode.person_id) if episode is not None else None
        if episode is None or person is None or person.wrapped_key is None:
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: episode {body.episode_id}")
        said = {"episode": str(episode.id), **body.model_dump(mode="json", exclude={"episode_id"})}
        stored = await accept(services, session, user, key, "break_glass", said)
        first = answered(stored, 201)
        if first is not None:
            return first
        if scope(seen_now, services).sees(episode.facility, *about(episode)):
            raise problem(ErrorType.STALE, "this record is open to you already; read it")
        now, glass_id = stored.accepted_at, derived(stored.key, "break_glass")
        row = BreakGlass(
            id=glass_id, person_id=person.id, episode_id=episode.id, facility=episode.facility, username=user.username,
            actor=user.actor, reason=body.reason, opened_at=now, ends_at=now + OPEN_FOR,
            sealed=seal_message(services.keyring, person.id, person.wrapped_key, body.words),
            item_id=derived(glass_id, "item"), review_due_at=now + REVIEWED_WITHIN,
        )  # fmt: skip
        session.add(row)
        await _told(session, user, episode, row, stored.key)
        answer = {
            "break_glass_id": str(glass_id), "episode_id": str(episode.id), "opened_at": now.isoformat(),
            "ends_at": row.ends_at.isoformat(), "review_due_at": row.review_due_at.isoformat(),
        }  # fmt: skip
        return await _done(session, user, stored, answer, episode.id, 201)


async def _told(session: AsyncSession, user: User, episode: Episode, row: BreakGlass, key: str) -> None:
    await work.open_item(
        session, item_id=row.item_id, episode_id=episode.id, facility=episode.facility, kind=REVIEW_ITEM,
        owner_role=Role.DIRECTOR.value, why=WHY, opened_at=row.opened_at, due_at=row.review_due_at,
        subject_id=str(row.id), rule="E13",
    )  # fmt: skip
    await _note(session, user, episode, row, "glass_broken", key)
    await announce(
        session, kind=EPISODE_FACT, target=episode_workflow(episode.id), at=row.opened_at,
        payload={
            "key": f"fact:{row.id}", "episode_id": str(episode.id), "kind": FactKind.ALERT.value,
            "subject_id": str(row.id), "at": row.opened_at.isoformat(),
        },
    )  # fmt: skip


async def review(services: Services, user: User, key: str, glass_id: UUID, body: GlassReviewBody) -> CommandResult:
    """By somebody else, once. Not justified ends it at once. A patient's own block holds for reviewers too; a restriction
    does not, or nobody could review it."""
    async with services.write(user) as session:
        rows = await session.execute(select(BreakGlass).where(BreakGlass.id == glass_id).with_for_update())
        row = rows.scalar_one_or_none()
        if (
            row is None
            or row.facility not in scope(user, services)
            or await access.blocked(session, row.person_id, user.username)
        ):
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: break-glass {glass_id}")
        stored = await accept(
            services, session, user, key, "review_break_glass", {"glass": str(glass_id), **body.model_dump(mode="json")}
        )
        first = answered(stored)
        if first is not None:
            return first
        if row.username == user.username:
            raise problem(ErrorType.FORBIDDEN, "who looked cannot review it; another director has to")
        if row.reviewed_at is not None:
            raise problem(ErrorType.ALREADY_DECIDED, "it was reviewed already; look again", changed_by=row.reviewed_by)
        now = stored.accepted_at
        row.reviewed_at, row.reviewed_by, row.reviewer, row.finding = now, user.actor, user.username, body.finding
        episode = await session.get_one(Episode, row.episode_id)
        await work.close_items(
            session, episode_id=episode.id, now=now, actor=user.actor, resolution=body.finding.value,
            item_ids=[row.item_id],
        )  # fmt: skip
        await _note(session, user, episode, row, "glass_reviewed", stored.key)
        answer = {"break_glass_id": str(row.id), "finding": body.finding.value, "reviewed_at": now.isoformat()}
        return await _done(session, user, stored, answer, episode.id, 200)


async def listed(services: Services, user: User, *, unreviewed: bool) -> list[dict[str, Any]]:
    """Of the user's facilities, without the words: they are the patient's."""
    now = await services.clock.now()
    async with services.read(user) as session:
        rows = await access.opened(session, scope(user, services), user.username, unreviewed=unreviewed)
    return [
        {
            "id": r.id, "episode_id": r.episode_id, "facility": r.facility, "actor": r.actor, "reason": r.reason,
            "opened_at": r.opened_at, "ends_at": r.ends_at, "review_due_at": r.review_due_at,
            "overdue": r.reviewed_at is None and r.review_due_at < now, "reviewed_at": r.reviewed_at,
            "reviewed_by": r.reviewed_by, "finding": r.finding,
        }
        for r in rows
    ]  # fmt: skip


async def _note(session: AsyncSession, user: User, episode: Episode, row: BreakGlass, kind: str, key: str) -> None:
    detail = {"break_glass": str(row.id), "reason": row.reason.value}
    if row.finding is not None:
        detail |= {"finding": row.finding.value, "who": row.actor}
    at = row.reviewed_at or row.opened_at
    await timeline.record(
        session, episode_id=episode.id, facility=episode.facility, at=at, recorded_at=at, kind=kind, actor=user.actor,
        role=user.role, edition=episode.edition, detail=detail, command_key=key, purpose="operations",
    )  # fmt: skip


async def _done(
    session: AsyncSession, user: User, stored: memory.Remembered, answer: dict[str, Any], subject: UUID, status: int
) -> CommandResult:
    await memory.finish(
        session, key=stored.key, kind=stored.kind, actor=user.actor, now=stored.accepted_at, status=memory.DONE,
        answer=answer, subject_id=subject,
    )  # fmt: skip
    return CommandResult(status, answer, {})
