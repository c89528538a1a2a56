"""Saying that a fact was charted on the wrong episode (E03): shown first, then the fact counts no more there, on request it is
recorded where it belongs, and what followed from it follows. Where it was somebody else's, what left with it is privacy's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import scope
from api.commands import CommandResult, accept, answered, command_key, run_command
from api.deps import Services
from api.errors import problem
from api.facts import tell
from api.misfiled import Found, Wrong
from api.misfiled_facts import FACTS
from api.misfiled_papers import PAPERS
from api.misfiling_bodies import MisfilingBody, MisfilingPreviewBody
from api.routes.access import about, see_episode
from api.tokens import User
from definitions.episode import CorrectMovement, FactKind
from definitions.errors import ErrorType
from definitions.ids import derived
from definitions.misfiling import Effect, MisfiledKind, MisfilingReason
from definitions.vocabulary import OPEN_PHASES, Role
from rules.misfiling import REVIEW_WITHIN, may_have_carried
from storage.models import Episode, Misfiling
from storage.reads import misfiling as reads
from storage.repositories import command as memory
from storage.repositories import merge, timeline, work
from storage.repositories.person import same_record
from storage.scope import HouseAct

HANDLED = FACTS | PAPERS


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that follows. `disclosures`: ids of what left since and may have held it; empty where it is the same
    person's."""

    wrong: Wrong
    found: Found
    other_person: bool
    disclosures: list[UUID]
    cases: list[UUID]


async def planned(
    session: AsyncSession, services: Services, user: User, episode_id: UUID, body: MisfilingPreviewBody, now: datetime,
    *, done: bool = False,
) -> Plan:  # fmt: skip
    """Both episodes are held first, in one order, as every write to an episode does."""
    if body.right_episode == episode_id:
        raise problem(ErrorType.INVALID_REQUEST, "this is the episode it stands on; name another, or none")
    both = [i for i in (episode_id, body.right_episode) if i is not None]
    await session.execute(select(Episode.id).where(Episode.id.in_(both)).order_by(Episode.id).with_for_update())
    episode = await see_episode(session, services, user, episode_id)
    right = await see_episode(session, services, user, body.right_episode) if body.right_episode else None
    if body.kind is not MisfiledKind.ATTENDANCE and await reads.said_already(session, body.subject):
        await _must_be_here(session, episode_id, body.subject)
        raise problem(ErrorType.ALREADY_DECIDED, "this was said of it already; look again")
    wrong = Wrong(services, session, user, episode, right, body.kind, body.subject, now, done)
    found = await HANDLED[body.kind].find(wrong)
    other = right is None or not await same_record(session, right.person_id, episode.person_id)
    left = await reads.left_since(session, episode.person_id, found.recorded_at, consent_id=found.consent)
    return Plan(
        wrong, found, other,
        disclosures=[i for i, content in left if other and may_have_carried(body.kind, content)],
        cases=await reads.cases_asked_since(session, episode_id, found.recorded_at),
    )  # fmt: skip


async def _must_be_here(session: AsyncSession, episode_id: UUID, subject: UUID) -> None:
    """What was said of another episode's fact is not told here."""
    here = await session.execute(
        select(Misfiling.id).where(Misfiling.subject_id == subject, Misfiling.episode_id == episode_id)
    )
    if here.first() is None:
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: {subject}")


def _effects(plan: Plan) -> list[Effect]:
    return [
        *plan.found.effects,
        *(Effect(what="transition", id=str(i), act="to_review") for i in plan.found.levels),
        *(Effect(what="authorization", id=str(i), act="to_review") for i in plan.cases),
    ]


def told(plan: Plan) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": plan.wrong.kind.value, "subject_id": str(plan.wrong.subject), "episode_id": str(plan.wrong.episode.id),
        "right_episode_id": str(plan.wrong.right.id) if plan.wrong.right is not None else None,
        "recorded_at": plan.found.recorded_at.isoformat(), "other_person": plan.other_person,
        "effects": [e.model_dump() for e in _effects(plan)],
        "disclosures_to_review": [str(i) for i in plan.disclosures],
    }  # fmt: skip
    return shown | {"seen": memory.body_fingerprint(shown)}


async def preview(services: Services, user: User, episode_id: UUID, body: MisfilingPreviewBody) -> dict[str, Any]:
    """What would follow. Nothing is changed."""
    now = await services.clock.now()
    async with services.database.write(services.house(HouseAct.MISFILING, user)) as session:
        return told(await planned(session, services, user, episode_id, body, now))


async def say(services: Services, user: User, key: str, episode_id: UUID, body: MisfilingBody) -> CommandResult:
    said = {"episode": str(episode_id), **body.model_dump(mode="json")}
    if body.kind is MisfiledKind.MOVEMENT:
        refused = await _taken_back(services, user, key, episode_id, body, said)
        if refused is not None:
            return refused
    done = body.kind is MisfiledKind.MOVEMENT
    async with services.database.write(services.house(HouseAct.MISFILING, user)) as session:
        stored, first = await _accepted(services, session, user, key, episode_id, said)
        if first is not None:
            return first
        plan = await planned(session, services, user, episode_id, body, stored.accepted_at, done=done)
        if not done:
            _must_be_seen(plan, body)
        answer = await _carry_out(plan, stored, body.reason)
        await memory.finish(
            session, key=stored.key, kind="misfiling", actor=user.actor, now=stored.accepted_at, status=memory.DONE,
            answer=answer, subject_id=episode_id,
        )  # fmt: skip
    return CommandResult(201, answer, {})


async def _accepted(
    services: Services, session: AsyncSession, user: User, key: str, episode_id: UUID, said: dict[str, Any]
) -> tuple[memory.Remembered, CommandResult | None]:
    await see_episode(session, services, user, episode_id)
    stored = await accept(services, session, user, key, "misfiling", said)
    return stored, answered(stored, 201)


def _must_be_seen(plan: Plan, body: MisfilingBody) -> None:
    if told(plan)["seen"] != body.seen:
        raise problem(ErrorType.STALE, "something changed since the preview; look again")


async def _taken_back(
    services: Services, user: User, key: str, episode_id: UUID, body: MisfilingBody, said: dict[str, Any]
) -> CommandResult | None:
    """A movement is voided by the episode's own workflow (D1, D14), under a key of its own: a repeat voids it once. None:
    it is void now."""
    async with services.database.write(services.house(HouseAct.MISFILING, user)) as session:
        stored, first = await _accepted(services, session, user, key, episode_id, said)
        if first is not None:
            return first
        before = await memory.recall(session, command_key(user, f"{key}:void"))
        if before is None:
            _must_be_seen(await planned(session, services, user, episode_id, body, stored.accepted_at), body)
    done = await run_command(
        services, user, f"{key}:void", "correct", {"episode": str(episode_id), "movement": str(body.subject)},
        lambda now: CorrectMovement(
            key=command_key(user, f"{key}:void"), actor=user.actor, role=Role(user.role), now=now,
            episode_id=episode_id, movement_id=body.subject, void=True, reason="recorded on the wrong episode",
        ),
        "correct_movement",
    )  # fmt: skip
    if done.refused:
        return done
    if done.status_code != 200:  # accepted and still under way
        raise problem(ErrorType.COMMAND_IN_FLIGHT, "the movement is being taken back; repeat with the same key")
    return None


async def _carry_out(plan: Plan, stored: memory.Remembered, reason: MisfilingReason) -> dict[str, Any]:
    wrong, found, session = plan.wrong, plan.found, plan.wrong.session
    made = derived(stored.key, "misfiling")
    handled = HANDLED[wrong.kind]
    await handled.void(wrong, found, made)
    recorded = await handled.record(wrong, found, stored)
    row = Misfiling(
        id=made, kind=wrong.kind, subject_id=wrong.subject, episode_id=wrong.episode.id,
        person_id=wrong.episode.person_id, right_episode_id=wrong.right.id if wrong.right is not None else None,
        recorded_as=recorded, other_person=plan.other_person, reason=reason, before=found.before,
        effects=[e.model_dump() for e in _effects(plan)], at=stored.accepted_at, actor=wrong.user.actor,
        command_key=stored.key,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    items = await _owe(plan, row)
    await _note(plan, row)
    await _look_again(plan, row)
    return shown(row, right_seen=True) | {
        "disclosures_to_review": [str(i) for i in plan.disclosures], "items": items,
    }  # fmt: skip


async def _owe(plan: Plan, row: Misfiling) -> list[str]:
    """What somebody has to look at. Ids of this episode only: who may see it may not see the other one."""
    wanted: list[tuple[str, Role, str]] = []
    what = f"{row.kind.value} {row.subject_id}"
    if plan.disclosures:
        listed = ", ".join(str(i) for i in plan.disclosures[:20])
        more = f" and {len(plan.disclosures) - 20} more" if len(plan.disclosures) > 20 else ""
        wanted.append((
            "disclosures_of_other_person", Role.DIRECTOR,
            f"{what} was somebody else's, and {len(plan.disclosures)} disclosures left since it was recorded: judge for "
            f"each whether it is a breach ({listed}{more})",
        ))  # fmt: skip
    if plan.cases:
        listed = ", ".join(str(i) for i in plan.cases)
        wanted.append((
            "cases_to_review", Role.REVIEWER,
            f"{what} counts no more, and payers were asked since it was recorded: correct what was told ({listed})",
        ))  # fmt: skip
    if plan.found.levels:
        listed = ", ".join(str(i) for i in plan.found.levels[:20])
        wanted.append((
            "levels_to_review", Role.CLINICIAN,
            f"{what} counts no more, and levels were asked for or changed since it was recorded: look again ({listed})",
        ))  # fmt: skip
    episode = plan.wrong.episode
    for kind, owner, why in wanted:
        await work.open_item(
            plan.wrong.session, item_id=derived(row.id, "item", kind), episode_id=episode.id, facility=episode.facility,
            kind=kind, owner_role=owner.value, why=why, opened_at=row.at, due_at=row.at + REVIEW_WITHIN,
            subject_id=str(row.id), rule="E03",
        )  # fmt: skip
    return [kind for kind, _, _ in wanted]


async def _note(plan: Plan, row: Misfiling) -> None:
    """Each episode's timeline says its own half; the house's audit has both."""
    wrong = plan.wrong
    detail = {"misfiling": str(row.id), "kind": row.kind.value, "reason": row.reason.value}
    halves = [(wrong.episode, "misfiled", {"subject": str(row.subject_id)})]
    if wrong.right is not None:
        new = str(row.recorded_as) if row.recorded_as is not None else None
        halves.append((wrong.right, "recorded_from_elsewhere", {"recorded_as": new} if new else {}))
    for episode, kind, half in halves:
        await timeline.record(
            wrong.session, episode_id=episode.id, facility=episode.facility, at=row.at, recorded_at=row.at, kind=kind,
            actor=wrong.user.actor, role=wrong.user.role, edition=episode.edition, detail=detail | half,
            command_key=row.command_key,
        )  # fmt: skip
    timeline.audit(
        wrong.session, chain=timeline.HOUSE, at=row.at, actor=wrong.user.actor, role=wrong.user.role, action="misfiled",
        subject=f"misfiling/{row.id}", purpose="operations",
        detail=detail | {
            "episode": str(row.episode_id), "subject": str(row.subject_id),
            "right_episode": str(row.right_episode_id) if row.right_episode_id is not None else None,
        },
    )  # fmt: skip


async def _look_again(plan: Plan, row: Misfiling) -> None:
    """Running episodes and their cases look at their rows again; a consent covered every episode of its person."""
    wrong, session = plan.wrong, plan.wrong.session
    episodes = [wrong.episode] if wrong.right is None else [wrong.episode, wrong.right]
    if wrong.kind is MisfiledKind.CONSENT:
        known = {e.id for e in episodes}
        episodes += [e for e in await merge.episodes_of(session, wrong.episode.person_id) if e.id not in known]
    for episode in episodes:
        if episode.phase in OPEN_PHASES:
            subject = derived(row.id, "looks", str(episode.id))
            await tell(session, episode, subject, FactKind.ASSESSMENT, row.at)
        await merge.tell_cases(session, episode.id, key=f"misfiled:{row.id}", now=row.at)


async def listed(services: Services, user: User, episode_id: UUID) -> list[dict[str, Any]]:
    """Out of the episode and into it. The other one is named only to who may see it."""
    async with services.read(user) as session:
        await see_episode(session, services, user, episode_id)
        found = []
        mine = scope(user, services)
        for row in await reads.misfilings_of(session, episode_id):
            other = row.right_episode_id if row.episode_id == episode_id else row.episode_id
            episode = await session.get(Episode, other) if other is not None else None
            sees = episode is not None and mine.sees(episode.facility, *about(episode))
            found.append(_of(row, episode_id, sees=sees))
    return found


def _of(row: Misfiling, episode_id: UUID, *, sees: bool) -> dict[str, Any]:
    if row.episode_id == episode_id:
        return shown(row, right_seen=sees) | {"direction": "out"}
    half = shown(row, right_seen=True) | {"direction": "in"}
    if not sees:
        half |= {"episode_id": None, "subject_id": None, "effects": []}
    return half


def shown(row: Misfiling, *, right_seen: bool) -> dict[str, Any]:
    right = row.right_episode_id if right_seen else None
    new = row.recorded_as if right_seen else None
    return {
        "misfiling_id": str(row.id), "kind": row.kind.value, "subject_id": str(row.subject_id),
        "episode_id": str(row.episode_id), "right_episode_id": str(right) if right is not None else None,
        "recorded_as": str(new) if new is not None else None, "other_person": row.other_person,
        "reason": row.reason.value, "effects": row.effects, "at": row.at.isoformat(), "actor": row.actor,
    }  # fmt: skip
