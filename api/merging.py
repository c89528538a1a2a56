"""Joining two records of one person, shown first (E03, E04). One transaction does it all; before it, where two episodes run
that cannot both be true, one of them ends by its own workflow. Nothing chained or sealed is rewritten."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import scope
from api.commands import CommandResult, accept, answered, command_key, run_command
from api.deadlocks import unless_deadlocked
from api.deps import Services
from api.errors import problem
from api.identity import opened
from api.identity_bodies import MergeBody
from api.tokens import User
from definitions.episode import DischargeEpisode, FactKind
from definitions.errors import ErrorType
from definitions.identity import MergeAct, MergeStep, PairStatus
from definitions.ids import derived, episode_workflow
from definitions.vocabulary import OPEN_PHASES, Disposition, OpenItemStatus, Role
from rules import merging as rules
from rules.calendar import facility_date
from runtime.people import seal_again, tokens_of
from storage.models import Disclosure, Episode, OpenItem, Person, PersonMerge, Stay
from storage.reads.identity import visible_people
from storage.repositories import command as memory
from storage.repositories import identity, merge, timeline, work
from storage.repositories.facility_day import mark_stale
from storage.repositories.outbox import EPISODE_FACT, announce
from storage.repositories.person import add_tokens, same_person
from storage.scope import HouseAct

REVIEW_DAYS = 30
"""Privacy looks at what left under the joined record within this time (default of the house; from general knowledge)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the merge would do, and what has to be decided before."""

    survivor: Person
    merged: Person
    steps: list[MergeStep]
    episodes: list[Episode]
    """Of both."""
    must_end: list[Episode]
    """Running episodes of which one has to end first; empty: none."""
    disclosures: int
    """Made under the record that is joined."""
    hidden_by: int
    """Lines that say who may not see one of them: each holds for both, and stays on its own record."""


async def both(session: AsyncSession, services: Services, user: User, survivor: UUID, merged: UUID) -> None:
    """Who joins records sees the whole house: the rows that follow may be anybody's. Unknown and hidden are the same."""
    mine = scope(user, services)
    if len(await visible_people(session, [survivor, merged], mine)) < len({survivor, merged}):
        raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: person {survivor} or {merged}")
    if set(mine) < set(services.catalog.latest.facilities):
        raise problem(ErrorType.FORBIDDEN, "records are joined by somebody who sees every facility of the house")
    if survivor == merged:
        raise problem(ErrorType.INVALID_REQUEST, "these are one record already")


async def planned(session: AsyncSession, services: Services, survivor: UUID, merged: UUID) -> Plan:
    found = await merge.lock_people(session, survivor, merged)
    one, other = found[survivor], found[merged]
    for person in (one, other):
        if person.merged_into is not None:
            raise problem(
                ErrorType.STALE, f"person {person.id} was merged into {person.merged_into} meanwhile; look again",
                merged_into=str(person.merged_into),
            )  # fmt: skip
        if opened(services, person) is None:
            raise problem(ErrorType.DUPLICATE_PERSON, "a record that was erased joins nothing; ask a privacy officer")
    mine, theirs = await merge.episodes_of(session, survivor), await merge.episodes_of(session, merged)
    stays = rules.stays(await merge.stays_of(session, survivor), await merge.stays_of(session, merged))
    kept = frozenset(s.row_id for s in stays if s.act is MergeAct.KEPT)
    steps = [
        *(MergeStep(kind="episode", row_id=e.id, act=MergeAct.MOVED) for e in theirs),
        *stays,
        *rules.charges(await merge.charges_of(session, survivor), await merge.charges_of(session, merged), kept),
        *rules.coverages(await merge.coverages_of(session, survivor), await merge.coverages_of(session, merged)),
        *rules.consents(await merge.consents_of(session, survivor), await merge.consents_of(session, merged)),
    ]
    left = await session.execute(
        select(func.count()).select_from(Disclosure).where(Disclosure.person_id.in_(same_person(merged)))
    )
    must_end = await _must_end(session, mine, theirs)
    lines = await merge.lines_about(session, [survivor, merged])
    return Plan(one, other, steps, [*mine, *theirs], must_end, int(left.scalar_one()), lines)


async def _must_end(session: AsyncSession, mine: Sequence[Episode], theirs: Sequence[Episode]) -> list[Episode]:
    """Two running episodes in one facility, or two beds now; a day programme elsewhere may run beside (domain 1.7)."""
    for one in (e for e in mine if e.phase in OPEN_PHASES):
        for other in (e for e in theirs if e.phase in OPEN_PHASES):
            beds = await session.execute(
                text(
                    "SELECT count(DISTINCT episode_id) FROM stay WHERE episode_id = ANY(:both) AND track = 'bed' "
                    "AND upper_inf(period) AND NOT isempty(period)"
                ),
                {"both": [one.id, other.id]},
            )
            if one.facility == other.facility or int(beds.scalar_one()) > 1:
                return [one, other]
    return []


def told(plan: Plan) -> dict[str, Any]:
    counts = Counter((s.kind, s.act.value) for s in plan.steps)
    if plan.hidden_by:
        counts["access", "held"] = plan.hidden_by
    return {
        "survivor": str(plan.survivor.id), "merged": str(plan.merged.id),
        "version": plan.survivor.version, "merged_version": plan.merged.version,
        "moves": [{"kind": kind, "act": act, "count": n} for (kind, act), n in sorted(counts.items())],
        "conflicts": [
            {"kind": s.kind, "id": str(s.row_id), "act": s.act.value, "beside": str(s.twin), "why": s.why}
            for s in plan.steps if s.why is not None
        ],
        "must_end_one_of": [str(e.id) for e in plan.must_end],
        "disclosures_to_review": plan.disclosures,
        "follows_by_alias": ["disclosures", "exceptions", "messages", "documents", "authorizations", "sealed words"],
    }  # fmt: skip


async def preview(services: Services, user: User, survivor: UUID, merged: UUID) -> dict[str, Any]:
    """What would move and what cannot be true of one person. Nothing is changed."""
    async with services.database.write(services.house(HouseAct.MERGE, user)) as session:
        await both(session, services, user, survivor, merged)
        return told(await planned(session, services, survivor, merged))


async def join(services: Services, user: User, key: str, survivor: UUID, body: MergeBody) -> CommandResult:
    said = {"survivor": str(survivor), **body.model_dump(mode="json")}
    async with services.database.write(services.house(HouseAct.MERGE, user)) as session:
        await both(session, services, user, survivor, body.merged)
        stored = await accept(services, session, user, key, "merge_people", said)
        first = answered(stored)
        if first is not None:
            return first
        plan = await planned(session, services, survivor, body.merged)
        _must_be_seen(plan, body)
        ending = _to_end(plan, body)
    if ending is not None:
        refused = await _end(services, user, key, ending)
        if refused is not None:
            return refused
    return await unless_deadlocked(lambda: _joined(services, user, key, survivor, body, said))


async def _joined(
    services: Services, user: User, key: str, survivor: UUID, body: MergeBody, said: dict[str, Any]
) -> CommandResult:
    async with services.database.write(services.house(HouseAct.MERGE, user)) as session:
        stored = await accept(services, session, user, key, "merge_people", said)
        first = answered(stored)
        if first is not None:
            return first
        plan = await planned(session, services, survivor, body.merged)
        _must_be_seen(plan, body)
        if plan.must_end:
            raise problem(ErrorType.EPISODE_OPEN_ELSEWHERE, "another episode was opened meanwhile; look again")
        answer = await _carry_out(session, services, user, stored, plan, body)
        await memory.finish(
            session, key=stored.key, kind="merge_people", actor=user.actor, now=stored.accepted_at,
            status=memory.DONE, answer=answer,
        )  # fmt: skip
    return CommandResult(200, answer, {})


def _must_be_seen(plan: Plan, body: MergeBody) -> None:
    if (plan.survivor.version, plan.merged.version) != (body.version, body.merged_version):
        raise problem(
            ErrorType.STALE, "a record changed since the preview; look again", current_version=plan.survivor.version
        )


def _to_end(plan: Plan, body: MergeBody) -> Episode | None:
    if not plan.must_end:
        return None
    named = next((e for e in plan.must_end if e.id == body.ends_episode), None)
    if named is None:
        raise problem(
            ErrorType.EPISODE_OPEN_ELSEWHERE,
            "both records have a running episode here, and a person has one: say which ends (ends_episode)",
            must_end_one_of=[str(e.id) for e in plan.must_end],
        )
    return named


async def _end(services: Services, user: User, key: str, episode: Episode) -> CommandResult | None:
    """By its own workflow, with everything an ending entails (D1). A repeat of the key ends it once."""
    done = await run_command(
        services, user, f"{key}:end", "discharge", {"episode": str(episode.id), "for": "merge"},
        lambda now: DischargeEpisode(
            key=command_key(user, f"{key}:end"), actor=user.actor, role=Role(user.role), now=now,
            episode_id=episode.id, disposition=Disposition.ADMITTED_IN_ERROR, effective_at=now,
            reason="the same person has another episode under another record",
        ),
        "discharge",
    )  # fmt: skip
    if done.refused:
        return done
    if done.status_code != 200:  # accepted and still under way
        raise problem(ErrorType.COMMAND_IN_FLIGHT, "the other episode is being ended; repeat with the same key")
    return None


async def _carry_out(
    session: AsyncSession, services: Services, user: User, stored: memory.Remembered, plan: Plan, body: MergeBody
) -> dict[str, Any]:
    now, actor = stored.accepted_at, user.actor
    made = PersonMerge(
        id=derived(stored.key, "merge"), survivor_id=plan.survivor.id, merged_id=plan.merged.id, ends=None,
        reason=body.reason.value, ended_episode_id=await _ended(session, body, user, stored), at=now, actor=actor,
        command_key=stored.key,
    )  # fmt: skip
    await _take_members(session, services, plan)
    await merge.carry_out(session, made, plan.steps, now=now, actor=actor)
    await merge.point(session, plan.merged.id, plan.survivor.id)
    plan.merged.version += 1
    await _settle_pair(session, plan.survivor.id, plan.merged.id, actor=actor, now=now)
    await count_again(session, services, made, [s.row_id for s in plan.steps if s.act is MergeAct.KEPT], now)
    items = await _owe(session, made, plan, user, now)
    moved = [s.row_id for s in plan.steps if s.kind == "episode"]
    await note(session, made, plan.episodes, set(moved), "people_merged", user, now)
    answer = {"merge_id": str(made.id), "status": "merged", "items": items, **told(plan)}
    return answer | {"version": plan.survivor.version, "merged_version": plan.merged.version}


async def count_again(
    session: AsyncSession, services: Services, made: PersonMerge, stays: Sequence[UUID], now: datetime
) -> None:
    """Dates of stays that overlap another one of the same person are closed again: a night of one person counts once while
    the records are joined, and twice when they stand apart (CEN-02)."""
    rows = await session.execute(select(Stay).where(Stay.id.in_(list(stays))).order_by(Stay.facility, Stay.id))
    for stay in rows.scalars():
        zone = services.catalog.latest.facilities[stay.facility].zone
        began, ended = stay.period.lower, stay.period.upper
        if began is None:
            continue
        await mark_stale(
            session, facility=stay.facility, first=facility_date(began, zone),
            last=facility_date(ended, zone) if ended is not None else None, reason="records of one person were joined or "
            "taken apart", key=f"{made.id}:{stay.id}", now=now,
        )  # fmt: skip


async def _ended(session: AsyncSession, body: MergeBody, user: User, stored: memory.Remembered) -> UUID | None:
    if body.ends_episode is None:
        return None
    done = await memory.recall(session, f"{stored.key}:end")
    return body.ends_episode if done is not None and done.status == memory.DONE else None


async def _take_members(session: AsyncSession, services: Services, plan: Plan) -> None:
    """Member ids follow their coverages; the name a payer knows stays with the cases under the old record (E14)."""
    one, other = opened(services, plan.survivor), opened(services, plan.merged)
    if one is None or other is None or plan.survivor.wrapped_key is None:
        raise problem(ErrorType.DUPLICATE_PERSON, "a record that was erased joins nothing; ask a privacy officer")
    both_members = one.model_copy(update={"member_ids": {**other.member_ids, **one.member_ids}})
    plan.survivor.sealed = seal_again(services.keyring, plan.survivor.id, plan.survivor.wrapped_key, both_members)
    plan.survivor.version += 1
    await add_tokens(session, plan.survivor.id, tokens_of(services.keyring, both_members))


async def _settle_pair(session: AsyncSession, one: UUID, other: UUID, *, actor: str, now: datetime) -> None:
    row = await identity.lock_pair(session, identity.pair_id(one, other))
    if row is not None:
        identity.decide(row, PairStatus.MERGED, reason=None, actor=actor, now=now)


async def _owe(session: AsyncSession, made: PersonMerge, plan: Plan, user: User, now: datetime) -> list[str]:
    """What somebody has to look at, each with an owner; and what the ended episode still owed, where care goes on."""
    home = await _home(session, plan.episodes)
    if home is None:
        return []
    due = now + timedelta(days=1)
    wanted: list[tuple[str, Role, str, datetime]] = []
    kinds = {"stay": ("nights_in_two_beds", Role.DIRECTOR), "charge": ("days_voided_by_merge", Role.BILLER),
             "coverage": ("payers_to_order", Role.BILLER), "consent": ("consent_to_renew", Role.CLINICIAN)}  # fmt: skip
    for kind, (item, role) in kinds.items():
        whys = sorted({s.why for s in plan.steps if s.kind == kind and s.why is not None})
        if whys:
            wanted.append((item, role, "; ".join(whys)[:1500], due))
    if plan.disclosures:
        wanted.append(
            ("disclosures_to_review", Role.DIRECTOR,
             f"{plan.disclosures} disclosures were made under record {plan.merged.id}: see that each was about this "
             "person", now + timedelta(days=REVIEW_DAYS))
        )  # fmt: skip
    for item, role, why, by in wanted:
        await work.open_item(
            session, item_id=derived(made.id, "item", item), episode_id=home.id, facility=home.facility, kind=item,
            owner_role=role.value, why=why, opened_at=now, due_at=by, subject_id=str(made.id), rule="E03",
        )  # fmt: skip
    carried = await _carry_duties(session, made, home, now)
    return [w[0] for w in wanted] + ["owed_by_merged_episode"] * carried


async def _home(session: AsyncSession, episodes: Sequence[Episode]) -> Episode | None:
    """Where care goes on, else the newest."""
    for episode in episodes:
        await session.refresh(episode)
    return max(episodes, key=lambda e: (e.phase in OPEN_PHASES, e.opened_at, e.id), default=None)


async def _carry_duties(session: AsyncSession, made: PersonMerge, home: Episode, now: datetime) -> int:
    if made.ended_episode_id is None or home.id == made.ended_episode_id:
        return 0
    ending = await memory.recall(session, f"{made.command_key}:end")
    if ending is None:
        return 0
    rows = await session.execute(
        select(OpenItem).where(
            OpenItem.episode_id == made.ended_episode_id,
            OpenItem.status == OpenItemStatus.CANCELLED,
            OpenItem.resolved_at == ending.accepted_at,
        )
    )
    count = 0
    for item in rows.scalars():
        await work.open_item(
            session, item_id=derived(made.id, "duty", str(item.id)), episode_id=home.id, facility=home.facility,
            kind="owed_by_merged_episode", owner_role=item.owner_role, why=f"{item.kind}: {item.why}", opened_at=now,
            due_at=item.due_at, subject_id=str(item.id), rule="E03",
        )  # fmt: skip
        count += 1
    return count


async def note(
    session: AsyncSession, made: PersonMerge, episodes: Sequence[Episode], changed: set[UUID], kind: str, user: User,
    now: datetime,
) -> None:  # fmt: skip
    """On every episode's timeline and in the house's audit; running episodes and their cases look at their rows again."""
    detail = {"merge": str(made.id), "survivor": str(made.survivor_id), "merged": str(made.merged_id)}
    timeline.audit(
        session, chain=timeline.HOUSE, at=now, actor=user.actor, role=user.role, action=kind,
        subject=f"person/{made.survivor_id}", purpose="operations", detail=detail,
    )  # fmt: skip
    for episode in episodes:
        await timeline.record(
            session, episode_id=episode.id, facility=episode.facility, at=now, recorded_at=now, kind=kind,
            actor=user.actor, role=user.role, edition=episode.edition,
            detail=detail | {"moved": episode.id in changed}, command_key=made.command_key, purpose="operations",
        )  # fmt: skip
        if episode.phase in OPEN_PHASES:
            await announce(
                session, kind=EPISODE_FACT, target=episode_workflow(episode.id),
                payload={
                    "key": f"{kind}:{made.id}:{episode.id}", "episode_id": str(episode.id),
                    "kind": FactKind.IDENTITY.value, "subject_id": str(made.id), "at": now.isoformat(),
                },
                at=now,
            )  # fmt: skip
        await merge.tell_cases(session, episode.id, key=f"{kind}:{made.id}", now=now)
