"""What follows from movements, made true again after one of them was corrected: sessions, requirements, accounts and
cases (SCH-02, ASM-03, ASM-04, AUTH-08, E58).

Every part compares what is written with what the standing movements say, so it is safe to run twice, and running it
after a movement that changed nothing changes nothing."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from activities.hands import Writing
from activities.per_diem_accounts import write_accounts
from definitions.base import WireModel
from definitions.ids import derived
from definitions.movement import MovementFact, ProjectedStay, Projection
from definitions.vocabulary import AssessmentStatus, AuthorizationStatus, MovementKind, Phase, Role, Track
from rules.calendar import facility_date
from rules.case_ending import last_day_of_case
from rules.due_assessments import due_assessments, owed_again
from rules.projection import project, root_of, standing
from rules.sessions import sessions_for
from storage.models import AssessmentDue, Authorization, Movement, PerDiemAccount
from storage.repositories import case_restatement, horizon, work
from storage.repositories.authorization import AT_REST
from storage.repositories.case_end import end_date_case, move_end
from storage.repositories.coverage import coverages_of
from storage.repositories.episode import movements_of


class Restated(WireModel):
    """How much a correction changed, for its diff."""

    places_back: int = 0
    places_cancelled: int = 0
    places_new: int = 0
    assessments_back: int = 0
    assessments_cancelled: int = 0
    cases_reopened: int = 0
    cases_ended: int = 0
    consents_back: int = 0
    items_reopened: int = 0
    items_cancelled: int = 0

    def joined(self, other: "Restated") -> "Restated":
        return Restated(**{n: getattr(self, n) + getattr(other, n) for n in Restated.model_fields})


async def restate(writing: Writing, by: UUID) -> Restated:
    """`by` is the correcting movement; its projection is written already."""
    await writing.session.flush()
    facts = await movements_of(writing.session, writing.episode.id)
    projection = project(facts)
    if not isinstance(projection, Projection):
        raise RuntimeError(f"episode {writing.episode.id}: a contradiction was written")
    found = await _places(writing, facts, projection, by)
    found = found.joined(await _requirements(writing, facts, projection, by))
    await _accounts(writing, projection)
    return found.joined(await _cases(writing, projection, by))


# --- sessions --------------------------------------------------------------------------------------------------


async def _places(writing: Writing, facts: list[MovementFact], projection: Projection, by: UUID) -> Restated:
    """Places outside the stays go, those within come back from now on, and the horizon is filled for open stays."""
    session, episode_id = writing.session, writing.episode.id
    gone = await horizon.cancel_outside_stays(session, episode_id=episode_id, by=by)
    back = await horizon.restore_places(session, episode_id=episode_id, from_at=writing.now)
    new = sum([await _fill(writing, stay) for stay in projection.open_stays])
    leaves = {
        derived(root_of(fact, facts), "absence", str(stay.id)): fact.id
        for fact in standing(facts)
        if fact.kind in (MovementKind.LEAVE, MovementKind.SEND_OUT)
        for stay in projection.stays
    }
    for absence in projection.absences:
        away = await horizon.cancel_while_away(session, absence_id=absence.id, by=leaves.get(absence.id, by))
        gone += away
    return Restated(places_back=back, places_cancelled=gone, places_new=new)


async def _fill(writing: Writing, stay: ProjectedStay) -> int:
    """The level's own template again, from now through the horizon: while the stay counted as ended, no night
    placed its sessions. Places that exist stay as they are."""
    facility = writing.facility
    template = writing.edition.schedules[writing.edition.levels[stay.level].template]
    first = max(writing.now, stay.started_at)
    today = facility_date(writing.now, facility.zone)
    planned = sessions_for(
        template,
        facility.zone,
        facility_date(first, facility.zone),
        today + timedelta(days=facility.policy.session_horizon_days),
        facility.holidays,
    )
    return await horizon.place_sessions(
        writing.session,
        facility=facility.key,
        program=stay.program,
        template=template.key,
        planned=[s for s in planned if s.starts_at >= first],
        stay_id=stay.id,
        episode_id=writing.episode.id,
    )


# --- requirements ----------------------------------------------------------------------------------------------


async def _requirements(writing: Writing, facts: list[MovementFact], projection: Projection, by: UUID) -> Restated:
    """Those of stays that never were are cancelled; those a movement cancelled that no longer stands come back."""
    rows = list(
        (
            await writing.session.execute(select(AssessmentDue).where(AssessmentDue.episode_id == writing.episode.id))
        ).scalars()
    )
    open_now = {AssessmentStatus.DUE, AssessmentStatus.SUSPENDED}
    stays = {s.id for s in projection.stays}
    gone = [r for r in rows if r.status in open_now and r.stay_id is not None and r.stay_id not in stays]
    for row in gone:
        row.status, row.closed_at, row.cancelled_by = AssessmentStatus.CANCELLED, writing.now, by
    await _anchor(writing, rows, facts, projection, by)
    owed = {(r.stay_id, r.instrument) for r in rows if r.status in open_now}
    taken_back = {f.id for f in facts} - _ways_that_stand(facts) - {by}
    here = {s.id for s in projection.open_stays} | ({None} if writing.episode.phase is Phase.INTAKE else set())
    back = [
        r
        for r in rows
        if r.status is AssessmentStatus.CANCELLED
        and r.cancelled_by in taken_back
        and r.stay_id in here
        and (r.stay_id, r.instrument) not in owed
    ]
    for row in back:
        row.status, row.closed_at, row.cancelled_by = AssessmentStatus.DUE, None, None
        _come_back(row, writing.now, writing.facility.policy.transition_grace_hours)
    _rest_while_away(writing, rows, projection.away)
    return Restated(assessments_back=len(back), assessments_cancelled=len(gone))


def _ways_that_stand(facts: list[MovementFact]) -> set[UUID]:
    """Standing movements and what they corrected: a discharge at another hour is still a discharge."""
    by_id = {f.id: f for f in facts}
    found: set[UUID] = set()
    for fact in standing(facts):
        current: MovementFact | None = fact
        while current is not None:
            found.add(current.id)
            current = by_id.get(current.supersedes) if current.supersedes else None
    return found


def _come_back(row: AssessmentDue, now: datetime, grace_hours: int) -> None:
    row.due_at, row.escalate_at = owed_again(row.instrument, row.due_at, row.escalate_at, now, grace_hours)
    row.escalated_at = None


async def _anchor(
    writing: Writing, rows: list[AssessmentDue], facts: list[MovementFact], projection: Projection, by: UUID
) -> None:
    """A stay that this correction lets begin at another hour owes its first results from that hour (ASM-01)."""
    commands = {
        i: key
        for i, key in (
            await writing.session.execute(
                select(Movement.id, Movement.command_key).where(Movement.episode_id == writing.episode.id)
            )
        ).tuples()
    }
    roots = {derived(root_of(f, facts), "stay"): root_of(f, facts) for f in standing(facts) if f.id == by}
    for stay in projection.open_stays:
        root = roots.get(stay.id)
        first = next((f for f in facts if f.id == root), None)
        if root is None or first is None or first.effective_at == stay.started_at:
            continue
        level = writing.edition.levels[stay.level]
        template = writing.edition.schedules.get(level.template)
        planned = {
            derived(commands[root], "assessment", p.instrument): p
            for p in due_assessments(
                level, stay.started_at, writing.facility.zone, (), template, writing.facility.holidays
            )
        }
        for row in rows:
            if row.id in planned and row.status is AssessmentStatus.DUE:
                row.due_at, row.escalate_at = planned[row.id].due_at, planned[row.id].escalate_at


def _rest_while_away(writing: Writing, rows: list[AssessmentDue], away: bool) -> None:
    """ASM-03, whichever way the correction went."""
    for row in rows:
        if away and row.status is AssessmentStatus.DUE:
            row.status = AssessmentStatus.SUSPENDED
        elif not away and row.status is AssessmentStatus.SUSPENDED:
            row.status = AssessmentStatus.DUE
            _come_back(row, writing.now, writing.facility.policy.transition_grace_hours)


# --- days and cases --------------------------------------------------------------------------------------------


async def _accounts(writing: Writing, projection: Projection) -> None:
    """Accounts open and close with their stays; the account of a stay that never was closes on its first day."""
    stays = {s.id for s in projection.stays}
    rows = await writing.session.execute(select(PerDiemAccount).where(PerDiemAccount.episode_id == writing.episode.id))
    for account in rows.scalars():
        if account.stay_id not in stays:
            account.closed_on = account.opened_on
    await write_accounts(writing, await coverages_of(writing.session, writing.episode.person_id))


async def _cases(writing: Writing, projection: Projection, by: UUID) -> Restated:
    """A case lives as long as its stay. What the end withdrew is asked again where it was never sent; a person
    tells the payer, who may know of the end (AUTH-08: the history of it stays)."""
    stays = {s.id: s for s in projection.stays}
    rows = await writing.session.execute(
        select(Authorization).where(
            Authorization.episode_id == writing.episode.id, Authorization.stay_id.is_not(None)
        ).with_for_update()
    )  # fmt: skip
    reopened = ended = 0
    cases = list(rows.scalars())
    for case in cases:
        stay = stays.get(case.stay_id) if case.stay_id else None
        if stay is None:
            ended += await _never_was(writing, case)
        elif stay.ended_at is None and case.status is AuthorizationStatus.END_DATED and case.end_dated_by is not None:
            await _reopen(writing, case, by)
            reopened += 1
        elif stay.ended_at is not None:
            ended += await _follow_end(writing, case, stay, _into_bed(projection, stay.ended_at), by)
    main = projection.main
    live = next((c for c in cases if main and c.stay_id == main.id and _speaks(writing, c)), None)
    if main is not None:
        writing.episode.authorized_level = live.granted_level if live else None
    return Restated(cases_reopened=reopened, cases_ended=ended)


def _speaks(writing: Writing, case: Authorization) -> bool:
    """Of the cases of one stay, the one of the payer that pays says what is authorized (E38, E41)."""
    return case.payer == writing.episode.payer and case.status not in AT_REST


async def _reopen(writing: Writing, case: Authorization, by: UUID) -> None:
    await case_restatement.reopen_case(writing.session, case=case, key=writing.key, now=writing.now)
    await _tell_payer(
        writing,
        case,
        "authorization_reopened",
        f"the stay at {case.level} goes on after a correction: tell {case.payer} if it was told of an end",
        by,
    )


async def _never_was(writing: Writing, case: Authorization) -> int:
    if case.status in AT_REST:
        return 0
    await case_restatement.cancel_case(writing.session, case=case, key=writing.key, now=writing.now)
    await _tell_payer(
        writing,
        case,
        "authorization_withdrawn",
        f"the stay at {case.level} was taken back: withdraw what {case.payer} was asked or has granted for it",
        case.id,
    )
    return 1


def _into_bed(projection: Projection, at: datetime) -> bool:
    return any(s.track is Track.BED and s.started_at == at for s in projection.stays)


async def _follow_end(writing: Writing, case: Authorization, stay: ProjectedStay, into_bed: bool, by: UUID) -> int:
    left_on = facility_date(stay.ended_at or writing.now, writing.facility.zone)
    on = last_day_of_case(
        writing.edition.payers[case.payer], stay.track, left_on, case.from_date, into_bed=into_bed,
        died=stay.departure == MovementKind.DEATH.value,
    )  # fmt: skip
    if case.ended_from is not None and case.end_dated_by is None and case.end_dated_on is not None:
        # Its payer ended before the stay did (E38): a later end of the stay gives it no more days.
        on = min(on, case.end_dated_on)
    if case.status is AuthorizationStatus.END_DATED:
        if case.end_dated_on != on:
            await move_end(writing.session, case=case, on=on, left_on=left_on, key=writing.key, now=writing.now)
        return 0
    if case.status in AT_REST:
        return 0
    await end_date_case(
        writing.session, case_id=case.id, on=on, key=writing.key, now=writing.now, by=by, left_on=left_on
    )
    return 1


async def _tell_payer(writing: Writing, case: Authorization, kind: str, why: str, by: UUID) -> None:
    await work.open_item(
        writing.session,
        item_id=derived(case.id, kind, str(by)),
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind=kind,
        owner_role=Role.REVIEWER.value,
        why=why,
        opened_at=writing.now,
        due_at=writing.now + timedelta(hours=24),
        subject_id=str(case.id),
        rule="AUTH-08",
    )
