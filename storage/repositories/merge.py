"""Joining two records of one person, and taking them apart: rows follow, each with what it said before (E03)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from definitions.identity import MergeAct, MergeStep
from definitions.ids import authorization_workflow, derived
from definitions.merge_rows import ChargeRow, ConsentRow, CoverageRow, StayRow
from definitions.vocabulary import ChargeStatus, ConsentStatus, Track
from storage.models import (
    Authorization,
    Charge,
    Consent,
    Coverage,
    Episode,
    Person,
    PersonAccess,
    PersonMerge,
    PersonMergeRow,
    Stay,
)
from storage.repositories.authorization import AT_REST
from storage.repositories.ledger import void_by_person
from storage.repositories.outbox import AUTHORIZATION_CHANGED, announce
from storage.repositories.person import same_person

TABLES: Final[dict[str, Any]] = {
    "episode": Episode, "stay": Stay, "charge": Charge, "coverage": Coverage, "consent": Consent,
}  # fmt: skip
"""What follows by rewriting whose it is. Everything else (disclosures, paths without consent, messages, documents, cases,
sealed words) is chained, sealed or known to a payer under the old record, and follows by the alias."""

STOOD: Final = "survivor_episode"
NOT_POSTED_AGAIN = frozenset(
    {
        "id", "revision", "status", "successor", "tombstone", "void_reason", "sealed_void_reason", "voided_at", "posted_at",
    }
)  # fmt: skip
"""What a day that is posted again does not take from the one that was voided."""


async def stays_of(session: AsyncSession, person_id: UUID) -> list[StayRow]:
    """Also those that stayed under records joined to it before."""
    query = select(Stay).where(Stay.person_id.in_(same_person(person_id)))
    rows = (await session.execute(query.order_by(Stay.id))).scalars()
    return [
        StayRow(s.id, s.episode_id, s.track is Track.BED, s.period.lower, s.period.upper, s.person_id == person_id)
        for s in rows
        if s.period.lower is not None and not s.period.isempty
    ]


async def charges_of(session: AsyncSession, person_id: UUID) -> list[ChargeRow]:
    """Also those that stayed under records joined to it before: a day is billed once whichever record it stands under."""
    query = select(Charge).where(
        Charge.person_id.in_(same_person(person_id)), Charge.status == ChargeStatus.LIVE
    )  # fmt: skip
    rows = (await session.execute(query.order_by(Charge.service_date, Charge.id))).scalars()
    return [ChargeRow(c.id, c.stay_id, c.service_date, c.per_diem_track, c.person_id == person_id) for c in rows]


async def coverages_of(session: AsyncSession, person_id: UUID) -> list[CoverageRow]:
    query = select(Coverage).where(Coverage.person_id == person_id, Coverage.voided.is_(False))
    rows = (await session.execute(query.order_by(Coverage.id))).scalars()
    return [CoverageRow(c.id, c.payer, c.rank, c.from_date, c.through_date) for c in rows]


async def consents_of(session: AsyncSession, person_id: UUID) -> list[ConsentRow]:
    rows = (await session.execute(select(Consent).where(Consent.person_id == person_id).order_by(Consent.id))).scalars()
    return [ConsentRow(c.id, c.form, c.signed_at, c.status is ConsentStatus.SIGNED, c.revoked_at) for c in rows]


async def episodes_of(session: AsyncSession, person_id: UUID) -> list[Episode]:
    rows = await session.execute(select(Episode).where(Episode.person_id == person_id).order_by(Episode.id))
    return list(rows.scalars())


async def lock_people(session: AsyncSession, *people: UUID) -> dict[UUID, Person]:
    """Their episodes first, as every episode's own writes do, then the records, each in one order everywhere: two merges at
    once, or a merge and what runs, wait for each other and never in a circle. Rows that only point to a person may come."""
    episodes = select(Episode.id).where(Episode.person_id.in_(people)).order_by(Episode.id).with_for_update()
    await session.execute(episodes)
    found = {}
    for person_id in sorted(people):
        row = await session.execute(select(Person).where(Person.id == person_id).with_for_update(key_share=True))
        person = row.scalar_one_or_none()
        if person is not None:
            found[person_id] = person
    return found


async def carry_out(
    session: AsyncSession, merge: PersonMerge, steps: Sequence[MergeStep], *, now: datetime, actor: str
) -> None:
    """The rows of the plan, each with what it said before. Charges that are void let go of their day first."""
    session.add(merge)
    await session.flush()
    for episode in await episodes_of(session, merge.survivor_id):
        stood = PersonMergeRow(merge_id=merge.id, kind=STOOD, row_id=episode.id, act=MergeAct.KEPT.value, before={})
        session.add(stood)
    order = {MergeAct.VOIDED: 0, MergeAct.SUPERSEDED: 1}
    for step in sorted(steps, key=lambda s: order.get(s.act, 2)):
        before = {} if step.act is MergeAct.KEPT else await _do(session, merge, step, now=now, actor=actor)
        session.add(
            PersonMergeRow(
                merge_id=merge.id, kind=step.kind, row_id=step.row_id, act=step.act.value, before=before
            )
        )  # fmt: skip
    await session.flush()


async def _do(
    session: AsyncSession, merge: PersonMerge, step: MergeStep, *, now: datetime, actor: str
) -> dict[str, Any]:
    row = await session.get_one(TABLES[step.kind], step.row_id, with_for_update=True)
    before: dict[str, Any] = {"person_id": str(row.person_id)}
    if step.act is MergeAct.VOIDED:
        reason = f"merge {merge.id}: the same day of the same person"
        await void_by_person(session, charge=row.id, actor=actor, reason=reason, now=now)
        row.successor = step.twin
    if step.act is MergeAct.RERANKED:
        before["rank"] = row.rank
        row.rank = step.rank
    if step.act is MergeAct.SUPERSEDED:
        before |= {"status": row.status.value, "reason": row.reason}
        row.status, row.reason = ConsentStatus.SUPERSEDED, f"merge {merge.id}"
    if step.kind in ("episode", "consent"):
        row.version += 1
    row.person_id = merge.survivor_id
    await session.flush()
    return before


async def standing(session: AsyncSession, merge_id: UUID) -> PersonMerge | None:
    """The merge, unless it was taken back or is itself a taking back."""
    end = aliased(PersonMerge)
    query = select(PersonMerge).where(
        PersonMerge.id == merge_id, PersonMerge.ends.is_(None), ~exists().where(end.ends == PersonMerge.id)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def standing_merges(session: AsyncSession, people: Sequence[UUID]) -> list[PersonMerge]:
    """Of these people, newest first."""
    end = aliased(PersonMerge)
    query = select(PersonMerge).where(
        PersonMerge.survivor_id.in_(people) | PersonMerge.merged_id.in_(people),
        PersonMerge.ends.is_(None),
        ~exists().where(end.ends == PersonMerge.id),
    )
    return list((await session.execute(query.order_by(PersonMerge.seq.desc()))).scalars())


async def point(session: AsyncSession, merged: UUID, survivor: UUID) -> None:
    """`merged`, and whoever was merged into it before, stands for `survivor` now."""
    await session.execute(
        update(Person).where((Person.id == merged) | (Person.merged_into == merged)).values(merged_into=survivor)
    )


async def unpoint(session: AsyncSession, merged: UUID) -> None:
    """`merged` stands for itself again, and for those whose merges into it still stand."""
    under = {merged}
    while True:
        more = {m.merged_id for m in await standing_merges(session, sorted(under)) if m.survivor_id in under} - under
        if not more:
            break
        under |= more
    await session.execute(update(Person).where(Person.id.in_(under - {merged})).values(merged_into=merged))
    await session.execute(update(Person).where(Person.id == merged).values(merged_into=None))


async def take_back(
    session: AsyncSession, merge: PersonMerge, episodes: Sequence[UUID], *, now: datetime
) -> list[UUID]:
    """Every row as it was, and whatever hangs on `episodes` with them. Answers charges that are live again."""
    query = select(PersonMergeRow).where(PersonMergeRow.merge_id == merge.id, PersonMergeRow.kind != STOOD)
    rows = list((await session.execute(query.order_by(PersonMergeRow.kind, PersonMergeRow.row_id))).scalars())
    for kind in ("episode", "stay", "charge", "consent"):
        model = TABLES[kind]
        on = model.id if kind == "episode" else model.episode_id
        await session.execute(
            update(model)
            .where(on.in_(episodes), model.person_id == merge.survivor_id)
            .values(person_id=merge.merged_id)
        )
    await session.execute(update(Episode).where(Episode.id.in_(episodes)).values(version=Episode.version + 1))
    again = []
    for done in rows:
        if done.act == MergeAct.KEPT:
            continue
        row = await session.get(TABLES[done.kind], done.row_id, with_for_update=True, populate_existing=True)
        if row is None:
            continue
        row.person_id = UUID(done.before["person_id"])
        if done.act == MergeAct.RERANKED:
            row.rank = done.before["rank"]
        if done.act == MergeAct.SUPERSEDED and row.status is ConsentStatus.SUPERSEDED:
            row.status, row.reason = ConsentStatus(done.before["status"]), done.before["reason"]
            row.version += 1
        await session.flush()
        if done.act == MergeAct.VOIDED:
            again.append(await _post_again(session, row, now))
    return again


async def _post_again(session: AsyncSession, void: Charge, now: datetime) -> UUID:
    """The void stays a void; the day stands again as the next revision."""
    last = await session.execute(
        text(
            "SELECT max(revision) FROM charge WHERE stay_id = :stay AND service_date = :on AND kind = :kind"
        ),
        {"stay": void.stay_id, "on": void.service_date, "kind": void.kind},
    )  # fmt: skip
    revision = int(last.scalar_one()) + 1
    made = derived(void.stay_id, "charge", void.service_date.isoformat(), void.kind, revision)
    same = {c.key: getattr(void, c.key) for c in Charge.__mapper__.column_attrs if c.key not in NOT_POSTED_AGAIN}
    session.add(
        Charge(id=made, revision=revision, status=ChargeStatus.LIVE, tombstone=False, posted_at=now, **same)
    )  # fmt: skip
    void.successor = made
    await session.flush()
    return made


async def billed_twice(session: AsyncSession, people: Sequence[UUID]) -> int:
    """Days that these records, taken together, bill twice on one track: none, ever (invariant 1)."""
    rows = await session.execute(
        text(
            "SELECT count(*) FROM (SELECT 1 FROM charge WHERE person_id = ANY(:people) AND status = 'live' "
            "GROUP BY service_date, per_diem_track HAVING count(*) > 1) twice"
        ),
        {"people": list(people)},
    )
    return int(rows.scalar_one())


async def tell_cases(session: AsyncSession, episode_id: UUID, *, key: str, now: datetime) -> None:
    """Every case of an episode that is not at rest looks at its rows again."""
    rows = await session.execute(
        select(Authorization.id).where(Authorization.episode_id == episode_id, Authorization.status.not_in(AT_REST))
    )
    for (case_id,) in rows:
        await announce(
            session, kind=AUTHORIZATION_CHANGED, target=authorization_workflow(case_id),
            payload={"key": f"{key}:{case_id}", "authorization_id": str(case_id), "at": now.isoformat()}, at=now,
        )  # fmt: skip


async def lines_about(session: AsyncSession, people: Sequence[UUID]) -> int:
    """Lines that stand and say who may not see one of these people, or only who may."""
    query = select(func.count()).select_from(PersonAccess)
    found = await session.execute(query.where(PersonAccess.person_id.in_(people), PersonAccess.lifted_at.is_(None)))
    return int(found.scalar_one())
