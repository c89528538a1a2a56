"""Executes a plan in the caller's transaction: the five families land together or not at all (D9)."""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, select, update

from activities.consent_ends import settle_ends
from activities.hands import Writing
from activities.presenting import ask_no_more, present_consent, renew_before_window
from definitions.errors import Refusal
from definitions.ids import derived
from definitions.movement import MovementFact
from definitions.plan import AssessmentToRaise, CaseToOpen, TransitionPlan
from definitions.staff_words import Words
from definitions.vocabulary import AssessmentStatus, ConsentStatus, MovementKind, Phase, Track, TransitionKind
from rules.calendar import facility_date
from rules.projection import project
from rules.sessions import sessions_for
from storage.many_rows import insert_many
from storage.models import AssessmentDue, Consent, PerDiemAccount
from storage.repositories import authorization, horizon, work
from storage.repositories.case_end import end_date_case
from storage.repositories.episode import add_movement, movements_of, write_projection
from storage.repositories.facility_day import mark_stale

ASSESSMENT_DUE = cast(Table, AssessmentDue.__table__)
UNSIGNED_AT_END = "the episode ended before it was signed"
"""Why a presented consent was put aside; a correction of the ending finds it by this."""


async def execute(
    writing: Writing, plan: TransitionPlan, *, transition_id: UUID | None, reason: str
) -> Refusal | MovementFact:
    """Write everything the plan says. Answers the movement, or why the facts do not add up."""
    movement = await record_movement(
        writing,
        kind=plan.movement,
        effective_at=plan.effective_at,
        level=plan.to_level,
        program=plan.program,
        track=plan.track,
        bed_id=plan.bed.take,
        reason=reason,
        disposition=plan.disposition.value if plan.disposition else None,
        transition_id=transition_id,
    )
    if isinstance(movement, Refusal):
        return movement
    if plan.disposition is not None:
        writing.episode.disposition = plan.disposition
    stay_id = (plan.keeps_stay or derived(movement.id, "stay")) if plan.to_level else None
    await _assessments(writing, plan, stay_id, transition_id, movement.id)
    forms = await _consents(writing, plan, transition_id)
    await _authorization(writing, plan, stay_id, transition_id, movement.id)
    await _schedule(writing, plan, stay_id, movement.id)
    await _days(writing, plan, stay_id)
    await work.open_items(writing.session, [*forms, *_items(writing, plan)])
    await ask_no_more(writing)
    await writing.note(
        plan.kind.value,
        {
            "movement": str(movement.id),
            "transition": str(transition_id) if transition_id else None,
            "from": plan.from_level,
            "to": plan.to_level,
            "program": plan.program,
            "bed": plan.bed.take,
            "disposition": plan.disposition.value if plan.disposition else None,
            "plan": plan.fingerprint,
            "families": {family.value: list(words) for family, words in plan.words.items()},
        },
        at=plan.effective_at,
    )
    return movement


async def record_movement(
    writing: Writing,
    *,
    kind: MovementKind,
    effective_at: datetime,
    level: str | None = None,
    program: str | None = None,
    track: Track | None = None,
    bed_id: str | None = None,
    reason: str,
    disposition: str | None = None,
    transition_id: UUID | None = None,
    expected_return_at: datetime | None = None,
    supersedes: UUID | None = None,
    hold_until: datetime | None = None,
) -> MovementFact | Refusal:
    """Append a movement, project all movements again, and reopen closed dates it reaches back to."""
    session, episode = writing.session, writing.episode
    known = await movements_of(session, episode.id)
    fact = MovementFact(
        id=derived(writing.key, "movement", kind.value),
        kind=kind,
        effective_at=effective_at,
        sequence=max((m.sequence for m in known), default=0) + 1,
        supersedes=supersedes,
        level=level,
        program=program,
        track=track,
        bed_id=bed_id,
        expected_return_at=expected_return_at,
    )
    projection = project([*known, fact])
    if isinstance(projection, Refusal):
        return projection
    await add_movement(
        session,
        fact,
        episode_id=episode.id,
        recorded_at=writing.now,
        actor=writing.actor,
        command_key=writing.key,
        sealed_reason=await writing.sealed(Words.MOVEMENT_REASON, fact.id, reason),
        disposition=disposition,
        transition_id=transition_id,
    )
    await write_projection(session, episode, projection, writing.levels, hold_until)
    await settle_ends(writing)
    episode.last_contact_at = max(filter(None, [episode.last_contact_at, effective_at]))
    replaced = next((m.effective_at for m in known if m.id == supersedes), effective_at)
    await mark_stale(
        session,
        facility=episode.facility,
        first=facility_date(min(effective_at, replaced), writing.facility.zone),
        last=None,
        reason=f"{kind.value} of episode {episode.id} recorded late",
        key=writing.key,
        now=writing.now,
    )
    return fact


async def _assessments(
    writing: Writing, plan: TransitionPlan, stay_id: UUID | None, transition_id: UUID | None, movement_id: UUID
) -> None:
    if plan.assessments_cancelled:
        await writing.session.execute(
            update(AssessmentDue)
            .where(AssessmentDue.id.in_(plan.assessments_cancelled))
            .values(status=AssessmentStatus.CANCELLED, closed_at=writing.now, cancelled_by=movement_id)
        )
        await work.close_items(
            writing.session,
            episode_id=writing.episode.id,
            now=writing.now,
            actor="system",
            resolution="the level it was for has ended",
            kind="assessment_overdue",
        )
    await raise_assessments(writing, plan.assessments, plan.to_level, stay_id, transition_id)


async def raise_assessments(
    writing: Writing,
    owed: tuple[AssessmentToRaise, ...],
    level: str | None,
    stay_id: UUID | None,
    transition_id: UUID | None,
) -> None:
    rows = [
        {
            "id": derived(writing.key, "assessment", a.instrument),
            "episode_id": writing.episode.id,
            "stay_id": stay_id,
            "instrument": a.instrument,
            "level": level,
            "due_at": a.due_at,
            "escalate_at": a.escalate_at,
            "owner_role": a.owner_role,
            "why": a.why,
            "status": AssessmentStatus.COMPLETED if a.satisfied_by else AssessmentStatus.DUE,
            "satisfied_by": a.satisfied_by,
            "transition_id": transition_id,
            "raised_at": writing.now,
            "closed_at": writing.now if a.satisfied_by else None,
        }
        for a in owed
    ]
    await insert_many(writing.session, ASSESSMENT_DUE, rows, conflict="")


async def _consents(writing: Writing, plan: TransitionPlan, transition_id: UUID | None) -> list[work.Item]:
    """Forms put before the patient; answers the items that ask somebody to do so."""
    if plan.to_level is None:
        pending = await writing.session.execute(
            select(Consent).where(Consent.episode_id == writing.episode.id, Consent.status == ConsentStatus.PRESENTED)
        )
        for consent in pending.scalars():
            consent.status = ConsentStatus.SUPERSEDED
            consent.reason = UNSIGNED_AT_END
        return []
    asked = []
    for wanted in plan.consents:
        present_consent(
            writing,
            form=wanted.form,
            program=wanted.program,
            due_at=wanted.due_at,
            renews=wanted.renews,
            transition_id=transition_id,
            reason=wanted.why,
        )
        form = writing.edition.consents[wanted.form]
        asked.append(
            work.Item(
                item_id=derived(writing.key, "consent-item", wanted.form),
                episode_id=writing.episode.id,
                facility=writing.episode.facility,
                kind="consent_to_sign",
                owner_role="admissions" if writing.episode.phase is Phase.INTAKE else "clinician",
                why=f"present {form.title}: {wanted.why.split(': ', 1)[-1]}",
                opened_at=writing.now,
                due_at=wanted.due_at,
                subject_id=wanted.form,
                rule="domain 3.7",
            )
        )
    return asked


async def _authorization(
    writing: Writing, plan: TransitionPlan, stay_id: UUID | None, transition_id: UUID | None, movement_id: UUID
) -> None:
    for case in plan.cases_closed:
        await end_date_case(
            writing.session, case_id=case.authorization_id, on=case.on, key=writing.key, now=writing.now,
            by=movement_id, left_on=case.left_on,
        )  # fmt: skip
    if plan.keeps_stay is not None:
        writing.episode.authorized_level = await authorization.level_granted(writing.session, plan.keeps_stay)
    elif stay_id is not None and plan.kind is not TransitionKind.PARALLEL:
        writing.episode.authorized_level = None
    if plan.case_ahead is not None and stay_id is not None:
        writing.episode.authorized_level = await authorization.attach_case(
            writing.session, case_id=plan.case_ahead, stay_id=stay_id
        )
    if plan.case is not None:
        await open_planned_case(writing, plan, stay_id, transition_id)
    for beside in plan.cases_beside:
        key = f"{writing.key}:{beside.from_date.isoformat()}"
        await open_wanted_case(writing, beside, key=key, stay_id=stay_id, transition_id=transition_id)


async def open_planned_case(
    writing: Writing, plan: TransitionPlan, stay_id: UUID | None, transition_id: UUID | None
) -> None:
    if plan.case is not None:
        await open_wanted_case(writing, plan.case, key=writing.key, stay_id=stay_id, transition_id=transition_id)


async def open_wanted_case(
    writing: Writing, wanted: CaseToOpen, *, key: str, stay_id: UUID | None, transition_id: UUID | None
) -> UUID | None:
    """The case and its first request; `key` tells cases of one command apart. None: there is no coverage to name."""
    episode = writing.episode
    coverage_id = wanted.coverage_id or episode.coverage_id
    if coverage_id is None:
        return None
    case_id = derived(key, "case", wanted.payer, wanted.level)
    await authorization.open_case(
        writing.session,
        case_id=case_id,
        request_id=derived(key, "request", wanted.payer, wanted.level),
        episode_id=episode.id,
        person_id=episode.person_id,
        coverage_id=coverage_id,
        stay_id=stay_id,
        facility=episode.facility,
        payer=wanted.payer,
        level=wanted.level,
        kind=wanted.kind,
        unit=wanted.unit,
        units=wanted.units,
        from_date=wanted.from_date,
        through_date=wanted.through_date,
        urgent=wanted.urgent,
        transition_id=transition_id,
        now=writing.now,
        required=wanted.required,
        why=wanted.why,
        delay_reason=wanted.delay_reason,
    )
    if wanted.required:
        await renew_before_window(
            writing, writing.edition.payers[wanted.payer], wanted.from_date, wanted.through_date, key=key
        )
    return case_id


async def _schedule(writing: Writing, plan: TransitionPlan, stay_id: UUID | None, movement_id: UUID) -> None:
    change = plan.sessions
    await horizon.cancel_future_places(
        writing.session,
        stay_ids=change.cancel_stays,
        after=change.cancel_after,
        until=None,
        cancelled_by=movement_id,
    )
    if stay_id is None or change.template is None or change.program is None or change.through is None:
        return
    facility = writing.facility
    template = writing.edition.schedules[change.template]
    first = facility_date(plan.effective_at, facility.zone)
    planned = [
        s
        for s in sessions_for(template, facility.zone, first, change.through, facility.holidays)
        if s.starts_at >= plan.effective_at
    ]
    await horizon.place_sessions(
        writing.session,
        facility=facility.key,
        program=change.program,
        template=change.template,
        planned=planned,
        stay_id=stay_id,
        episode_id=writing.episode.id,
    )


async def _days(writing: Writing, plan: TransitionPlan, stay_id: UUID | None) -> None:
    change = plan.days
    if change.close_stays:
        await writing.session.execute(
            update(PerDiemAccount)
            .where(PerDiemAccount.stay_id.in_(change.close_stays), PerDiemAccount.closed_on.is_(None))
            .values(closed_on=change.closed_on)
        )
    if change.open is not None and stay_id is not None:
        writing.session.add(
            PerDiemAccount(
                id=derived(stay_id, "account"),
                stay_id=stay_id,
                episode_id=writing.episode.id,
                payer=change.open.payer,
                level=change.open.level,
                track=change.open.track,
                opened_on=change.open.opened_on,
                opened_by=writing.key,
            )
        )


def _items(writing: Writing, plan: TransitionPlan) -> list[work.Item]:
    return [
        work.Item(
            item_id=derived(writing.key, "item", item.kind, item.owner_role.value),
            episode_id=writing.episode.id,
            facility=writing.episode.facility,
            kind=item.kind,
            owner_role=item.owner_role.value,
            why=item.why,
            opened_at=writing.now,
            due_at=item.due_at,
            rule=item.rule,
        )
        for item in plan.items
    ]


GRACE = timedelta(minutes=5)
"""A moment this little ahead of `now` counts as now: clocks of caller and server differ."""
