"""Taking a merge back: both records as they were, and what was recorded in between where somebody says (E03)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from api.auth import scope
from api.commands import CommandResult, accept, answered, command_key, run_command
from api.deadlocks import unless_deadlocked
from api.deps import Services
from api.errors import problem
from api.identity import opened
from api.identity_bodies import UnmergeBody
from api.merging import both, count_again, note
from api.tokens import User
from definitions.episode import CorrectMovement
from definitions.errors import ErrorType
from definitions.identity import MergeAct, PairStatus
from definitions.ids import derived
from definitions.vocabulary import MovementKind, OpenItemStatus, Role
from runtime.people import seal_again, tokens_of
from storage.models import (
    Consent,
    Coverage,
    Disclosure,
    Episode,
    Movement,
    OpenItem,
    Person,
    PersonMerge,
    PersonMergeRow,
)
from storage.reads.identity import visible_people
from storage.repositories import command as memory
from storage.repositories import identity, merge
from storage.repositories.person import drop_tokens
from storage.scope import HouseAct

ENDINGS = (MovementKind.DISCHARGE, MovementKind.NOT_ADMITTED)


async def merges_of(services: Services, user: User, person_id: UUID) -> dict[str, Any]:
    """Merges of a person that stand, newest first, with what was recorded since and where it would be."""
    async with services.database.read(services.house(HouseAct.MERGE, user)) as session:
        mine = scope(user, services)
        if not await visible_people(session, [person_id], mine):
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: person {person_id}")
        rows = await merge.standing_merges(session, [person_id])
        seen = await visible_people(session, [i for r in rows for i in (r.survivor_id, r.merged_id)], mine)
        items = [
            {
                "id": str(r.id), "survivor": str(r.survivor_id), "merged": str(r.merged_id), "at": r.at.isoformat(),
                "reason": r.reason, "actor": r.actor,
                "ended_episode": str(r.ended_episode_id) if r.ended_episode_id else None,
                "recorded_since": await recorded_since(session, r),
            }
            for r in rows if {r.survivor_id, r.merged_id} <= seen
        ]  # fmt: skip
        person = await session.get_one(Person, person_id)
    return {"items": items, "version": person.version, "merged_into": str(person.merged_into or "") or None}


async def recorded_since(session: AsyncSession, made: PersonMerge) -> list[dict[str, str]]:
    """Facts about the survivor since the merge: those on a returning episode go with it, the others stay unless an
    episode of theirs is given back."""
    back = set(await returning(session, made))
    stood = set(await _rows_of(session, made, merge.STOOD))
    known = {kind: set(await _rows_of(session, made, kind)) for kind in ("coverage",)} | {"episode": stood | back}
    found: list[dict[str, str]] = []
    acted = func.greatest(Consent.presented_at, Consent.signed_at, Consent.revoked_at)
    columns = (
        ("episode", Episode.id, Episode.id, Episode.person_id, Episode.opened_at),
        ("consent", Consent.id, Consent.episode_id, Consent.person_id, acted),
        ("disclosure", Disclosure.id, Disclosure.episode_id, Disclosure.person_id, Disclosure.intent_at),
        ("coverage", Coverage.id, Coverage.id, Coverage.person_id, Coverage.changed_at),
    )
    for kind, row_id, on, whose, at in columns:
        rows = await session.execute(
            select(row_id, on).where(whose == made.survivor_id, at >= made.at).order_by(at, row_id)
        )
        for found_id, episode in rows:
            if found_id in known.get(kind, ()):
                continue
            goes = "returns" if episode in back else "stays"
            found.append({"kind": kind, "id": str(found_id), "default": goes})
    return found


async def returning(session: AsyncSession, made: PersonMerge) -> list[UUID]:
    return await _rows_of(session, made, "episode")


async def _rows_of(session: AsyncSession, made: PersonMerge, kind: str) -> list[UUID]:
    rows = await session.execute(
        select(PersonMergeRow.row_id)
        .where(PersonMergeRow.merge_id == made.id, PersonMergeRow.kind == kind)
        .order_by(PersonMergeRow.row_id)
    )
    return list(rows.scalars())


async def _kept(session: AsyncSession, made: PersonMerge) -> list[UUID]:
    """Stays that stayed under the returning record."""
    rows = await session.execute(
        select(PersonMergeRow.row_id).where(
            PersonMergeRow.merge_id == made.id, PersonMergeRow.kind == "stay", PersonMergeRow.act == MergeAct.KEPT.value
        )
    )
    return list(rows.scalars())


async def take_apart(services: Services, user: User, key: str, person_id: UUID, body: UnmergeBody) -> CommandResult:
    said = {"person": str(person_id), **body.model_dump(mode="json")}
    answer = await unless_deadlocked(lambda: _apart(services, user, key, person_id, body, said))
    async with services.database.read(services.house(HouseAct.MERGE, user)) as session:
        made = await session.get_one(PersonMerge, body.merge_id)
    if made.ended_episode_id is None or answer.refused:
        return answer
    return CommandResult(200, answer.body | {"reopened": await _reopen(services, user, key, made.ended_episode_id)}, {})


async def _apart(
    services: Services, user: User, key: str, person_id: UUID, body: UnmergeBody, said: dict[str, Any]
) -> CommandResult:
    async with services.database.write(services.house(HouseAct.MERGE, user)) as session:
        made = await session.get(PersonMerge, body.merge_id)
        if made is None or made.survivor_id != person_id or made.ends is not None:
            await both(session, services, user, person_id, body.merge_id)
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: merge {body.merge_id}")
        await both(session, services, user, made.survivor_id, made.merged_id)
        stored = await accept(services, session, user, key, "unmerge_people", said)
        answer = answered(stored)
        if answer is not None:
            return answer
        told = await _restore(session, services, user, stored, made, body)
        await memory.finish(
            session, key=stored.key, kind="unmerge_people", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=told,
        )  # fmt: skip
    return CommandResult(200, told, {})


async def _restore(
    session: AsyncSession, services: Services, user: User, stored: memory.Remembered, made: PersonMerge,
    body: UnmergeBody,
) -> dict[str, Any]:  # fmt: skip
    now = stored.accepted_at
    found = await merge.lock_people(session, made.survivor_id, made.merged_id)
    survivor, merged = found[made.survivor_id], found[made.merged_id]
    if await merge.standing(session, made.id) is None or merged.merged_into is None:
        raise problem(ErrorType.ALREADY_DECIDED, "this merge was taken back already")
    if survivor.version != body.version:
        raise problem(
            ErrorType.STALE, "the record changed since it was shown; look again", current_version=survivor.version
        )
    await _must_be_last(session, made)
    back = await returning(session, made)
    given = await _given_back(session, made, body, set(back))
    since = await recorded_since(session, made)
    await _return_members(session, services, survivor, merged, made)
    kept = await _kept(session, made)
    again = await merge.take_back(session, made, [*back, *given], now=now)
    await merge.unpoint(session, made.merged_id)
    await session.refresh(merged)
    merged.version += 1
    ended = PersonMerge(
        id=derived(stored.key, "unmerge"), survivor_id=made.survivor_id, merged_id=made.merged_id, ends=made.id,
        reason=body.reason.value, ended_episode_id=None, at=now, actor=user.actor, command_key=stored.key,
    )  # fmt: skip
    session.add(ended)
    await session.flush()
    await count_again(session, services, ended, kept, now)
    await _cancel_items(session, made, user, now)
    pair = await identity.lock_pair(session, identity.pair_id(made.survivor_id, made.merged_id))
    if pair is not None:
        identity.decide(pair, PairStatus.DISMISSED, reason=body.reason.value, actor=user.actor, now=now)
    episodes = [
        *await merge.episodes_of(session, made.survivor_id), *await merge.episodes_of(session, made.merged_id),
    ]  # fmt: skip
    await note(session, ended, episodes, {*back, *given}, "people_unmerged", user, now)
    return {
        "merge_id": str(made.id), "status": "unmerged", "survivor": str(survivor.id), "restored": str(merged.id),
        "version": survivor.version, "restored_version": merged.version,
        "charges_posted_again": [str(c) for c in again], "given_back": [str(e) for e in given],
        "recorded_since": since,
    }  # fmt: skip


async def _must_be_last(session: AsyncSession, made: PersonMerge) -> None:
    """Layers come off in the order they were put on: what follows a later merge may stand on this one."""
    end, later = aliased(PersonMerge), aliased(PersonMerge)
    rows = await session.execute(
        select(later.id)
        .outerjoin(end, end.ends == later.id)
        .where(
            later.ends.is_(None), end.id.is_(None), later.seq > made.seq,
            later.survivor_id.in_([made.survivor_id, made.merged_id])
            | later.merged_id.in_([made.survivor_id, made.merged_id]),
        )
    )  # fmt: skip
    newer = rows.scalars().first()
    if newer is not None:
        raise problem(ErrorType.STALE, f"merge {newer} came later and stands on this one; take that back first")


async def _given_back(session: AsyncSession, made: PersonMerge, body: UnmergeBody, back: set[UUID]) -> list[UUID]:
    rows = await session.execute(
        select(Episode.id).where(
            Episode.id.in_(body.gives_back),
            Episode.person_id == made.survivor_id,
            Episode.id.not_in(await _rows_of(session, made, merge.STOOD)),
        )
    )
    known = set(rows.scalars())
    if set(body.gives_back) - known - back:
        raise problem(
            ErrorType.INVALID_REQUEST, "gives_back names an episode that was not opened for this person since the merge"
        )
    return sorted(known - back)


async def _return_members(
    session: AsyncSession, services: Services, survivor: Person, merged: Person, made: PersonMerge
) -> None:
    one, other = opened(services, survivor), opened(services, merged)
    if one is None or other is None or survivor.wrapped_key is None:
        raise problem(ErrorType.DUPLICATE_PERSON, "a record was erased since; ask a privacy officer")
    theirs = set(await _rows_of(session, made, "coverage"))
    changed = one.model_copy(update={"member_ids": {c: m for c, m in one.member_ids.items() if c not in theirs}})
    before = set(tokens_of(services.keyring, one))
    survivor.sealed = seal_again(services.keyring, survivor.id, survivor.wrapped_key, changed)
    survivor.version += 1
    await drop_tokens(session, survivor.id, sorted(before - set(tokens_of(services.keyring, changed))))


async def _cancel_items(session: AsyncSession, made: PersonMerge, user: User, now: datetime) -> None:
    """What the merge asked somebody to look at is asked no more."""
    rows = await session.execute(
        select(OpenItem).where(
            OpenItem.status == OpenItemStatus.OPEN, OpenItem.rule == "E03", OpenItem.opened_at == made.at
        )
    )
    for item in rows.scalars():
        own = item.subject_id == str(made.id) or item.id == derived(made.id, "duty", item.subject_id or "")
        if own:
            item.status, item.resolution = OpenItemStatus.CANCELLED, "the merge was taken back"
            item.resolved_at, item.resolved_by = now, user.actor
    await session.flush()


async def _reopen(services: Services, user: User, key: str, episode_id: UUID) -> dict[str, Any]:
    """The ending that the merge made is taken back by the episode's own workflow; what cannot come back (a bed that was
    given away) is said, and somebody decides."""
    async with services.database.read(services.house(HouseAct.MERGE, user)) as session:
        newer = aliased(Movement)
        rows = await session.execute(
            select(Movement)
            .outerjoin(newer, newer.supersedes == Movement.id)
            .where(Movement.episode_id == episode_id, Movement.kind.in_(ENDINGS), newer.id.is_(None))
            .order_by(Movement.sequence.desc())
            .limit(1)
        )
        done = await memory.recall(session, command_key(user, f"{key}:reopen"))
        ending = rows.scalar_one_or_none()
    if ending is None and done is None:
        return {"episode_id": str(episode_id), "status": "running"}
    result = await run_command(
        services, user, f"{key}:reopen", "correct", {"episode": str(episode_id), "for": "unmerge"},
        lambda now: CorrectMovement(
            key=command_key(user, f"{key}:reopen"), actor=user.actor, role=Role(user.role), now=now,
            episode_id=episode_id, movement_id=ending.id if ending is not None else episode_id, void=True,
            reason="the merge that ended it was taken back",
        ),
        "correct_movement",
    )  # fmt: skip
    status = result.body.get("code") if result.refused else result.body.get("status", "accepted")
    return {
        "episode_id": str(episode_id),
        "status": status,
        "detail": result.body.get("detail") if result.refused else None,
    }
