"""The transition plan: everything a move entails, decided before anybody commits (D8, domain 1.7, 1.8).

Pure: `plan` sees only its facts. Preview shows the plan; execution records exactly that plan; what cannot be
done by itself is an owned item, and what forbids the move is a blocker with a sentence."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from definitions.consent import ConsentForm, ValidityKind
from definitions.errors import ErrorType, Refusal
from definitions.facility import Program
from definitions.level import ConsentNeed, LevelOfCare, Move
from definitions.movement import ProjectedStay
from definitions.payer import Payer
from definitions.plan import (
    AccountToOpen,
    AssessmentToRaise,
    CaseToClose,
    ConsentToPresent,
    DaysChange,
    OwnedItem,
    SessionsChange,
    TransitionPlan,
)
from definitions.plan_facts import ConsentFact, PlanFacts, Wish
from definitions.vocabulary import (
    ConsentStatus,
    Disposition,
    MovementKind,
    Phase,
    Role,
    Track,
    TransitionKind,
)
from rules.calendar import facility_date
from rules.case_ending import last_day_of_case
from rules.case_opening import OPEN_CASES, case_of, cases_beside, payer_at, uncovered_at
from rules.consent_reach import reaching_consent
from rules.due_assessments import due_assessments
from rules.plan_blockers import bed_for, blockers_of, owed
from rules.plan_words import in_words
from rules.sessions import sessions_for


def legal_move(facts: PlanFacts, wish: Wish) -> Move | Refusal:
    """The edge of the transition graph this wish walks, or why there is none (domain 1.7)."""
    target = facts.levels.get(wish.to_level or "")
    if target is None:
        known = ", ".join(facts.levels)
        return Refusal(code=ErrorType.UNKNOWN_LEVEL, detail=f"no such level here; choose from {known}")
    if facts.phase in (Phase.CLOSED, Phase.NOT_ADMITTED):
        return Refusal(code=ErrorType.EPISODE_CLOSED, detail="the episode has ended; start a new one for a readmission")
    if facts.phase is Phase.INTAKE:
        return Move(to=target.key, kind=TransitionKind.ADMISSION, urgent=wish.urgent)
    current = _main_level(facts)
    if current is None:
        return Refusal(code=ErrorType.NOT_ADMITTED, detail="no stay is open; record the admission first")
    if wish.parallel:
        return _parallel_move(facts, current, target)
    return _transfer_move(facts, wish, current, target)


def _transfer_move(facts: PlanFacts, wish: Wish, current: LevelOfCare, target: LevelOfCare) -> Move | Refusal:
    if wish.keeps(facts.stays) is not None:
        return Move(to=target.key, kind=TransitionKind.STEP_DOWN)
    if current.key == target.key:
        if wish.program and wish.program not in {s.program for s in facts.stays}:
            return Move(to=target.key, kind=TransitionKind.LATERAL)
        return Refusal(
            code=ErrorType.ILLEGAL_TRANSITION,
            detail=f"already at {target.key}; name another program for a lateral move, or move the bed",
        )
    move = next((m for m in current.moves if m.to == target.key and m.kind is not TransitionKind.PARALLEL), None)
    if move is None:
        options = ", ".join(dict.fromkeys(m.to for m in current.moves)) or "none"
        return Refusal(
            code=ErrorType.ILLEGAL_TRANSITION,
            detail=f"no move leads from {current.key} to {target.key}; from here: {options}",
        )
    return move


def _parallel_move(facts: PlanFacts, current: LevelOfCare, target: LevelOfCare) -> Move | Refusal:
    open_tracks = {s.track for s in facts.stays if s.ended_at is None}
    legal = any(m.to == target.key and m.kind is TransitionKind.PARALLEL for m in current.moves)
    if legal and target.track not in open_tracks:
        return Move(to=target.key, kind=TransitionKind.PARALLEL)
    return Refusal(
        code=ErrorType.ILLEGAL_TRANSITION,
        detail=f"{target.key} cannot run beside {current.key} now; ask for a transfer instead",
    )


def _main_level(facts: PlanFacts) -> LevelOfCare | None:
    stays = sorted((s for s in facts.stays if s.ended_at is None), key=lambda s: s.track is not Track.BED)
    return facts.levels.get(stays[0].level) if stays else None


def plan(facts: PlanFacts, wish: Wish) -> TransitionPlan | Refusal:
    """The whole move, or a refusal when there is no such move at all."""
    move = legal_move(facts, wish)
    if isinstance(move, Refusal):
        return move
    level = facts.levels[move.to]
    kept = wish.keeps(facts.stays)
    if kept is not None:
        wish = wish.model_copy(update={"program": kept.program})
    program = facts.facility.program(wish.program) if wish.program else facts.facility.program_for(level.key)
    if program is None or level.key not in program.levels:
        return Refusal(
            code=ErrorType.UNKNOWN_PROGRAM,
            detail=f"no program {wish.program or ''} of {facts.facility.key} serves {level.key}; "
            f"programs are {', '.join(p.key for p in facts.facility.programs)}",
        )
    urgent = wish.urgent and (move.urgent or move.kind in (TransitionKind.ADMISSION, TransitionKind.STEP_UP))
    bed, bed_problem = bed_for(facts, wish, level, program.key)
    blockers = blockers_of(facts, wish, move, level, bed_problem, None if kept else program.capacity)
    left = _stays_left(facts, wish, move.kind)
    items = _items(facts, wish, level, urgent, left)
    if urgent and blockers:
        items += tuple(owed(b, wish) for b in blockers)
        blockers = ()
    carried, cancelled, raised = _assessments(facts, wish, level, parallel=move.kind is TransitionKind.PARALLEL)
    payer = payer_at(facts, wish)
    ahead = _case_ahead(facts, wish, level, payer)
    made = TransitionPlan(
        kind=move.kind,
        movement=_movement(move.kind),
        from_level=_level_left(facts, kept),
        to_level=level.key,
        program=program.key,
        track=level.track,
        effective_at=wish.effective_at,
        recommended_level=facts.rating.recommended_level if facts.rating else None,
        urgent=urgent,
        order_needed=level.medically_managed,
        assessments_cancelled=cancelled,
        assessments_kept=carried,
        assessments=raised,
        consents=() if kept else _consents(facts, wish, level, program),
        cases_closed=cases_closed(facts, wish, left),
        case=None if ahead or kept else case_of(facts, wish, level, payer, urgent),
        case_ahead=None if kept else ahead,
        keeps_stay=kept.id if kept else None,
        cases_beside=() if kept else cases_beside(facts, wish, level, urgent),
        sessions=_sessions(facts, wish, level, program.key, left),
        days=_days(facts, wish, level, left, payer),
        bed=bed,
        items=items,
        blockers=blockers,
    )
    return made.model_copy(update={"words": in_words(made)})


def _stays_left(facts: PlanFacts, wish: Wish, kind: TransitionKind) -> tuple[UUID, ...]:
    """The stays this move ends: none when it begins one beside, all but the kept one otherwise."""
    if kind is TransitionKind.PARALLEL:
        return ()
    kept = wish.keeps(facts.stays)
    return tuple(s.id for s in facts.stays if s.ended_at is None and s != kept)


def _level_left(facts: PlanFacts, kept: ProjectedStay | None) -> str | None:
    if kept is not None:
        return next((s.level for s in facts.stays if s.ended_at is None and s.id != kept.id), None)
    current = _main_level(facts)
    return current.key if current else None


def _movement(kind: TransitionKind) -> MovementKind:
    if kind is TransitionKind.ADMISSION:
        return MovementKind.ADMISSION
    return MovementKind.PARALLEL if kind is TransitionKind.PARALLEL else MovementKind.TRANSFER


def _assessments(
    facts: PlanFacts, wish: Wish, level: LevelOfCare, *, parallel: bool
) -> tuple[tuple[UUID, ...], tuple[UUID, ...], tuple[AssessmentToRaise, ...]]:
    """ASM-04: requirements of the old level that the new one lacks are cancelled; the rest are re-anchored."""
    going_on = wish.keeps(facts.stays)
    if going_on is not None:
        wanted = {rule.instrument for rule in level.assessments}
        over = tuple(
            r.id for r in facts.requirements if r.stay_id not in (None, going_on.id) and r.instrument not in wanted
        )
        return tuple(r.id for r in facts.requirements if r.id not in over), over, ()
    owed = due_assessments(
        level, wish.effective_at, facts.facility.zone, facts.results, facts.template, facts.facility.holidays
    )
    raised = tuple(
        AssessmentToRaise(
            instrument=p.instrument,
            due_at=p.due_at,
            escalate_at=p.escalate_at,
            owner_role=p.owner_role,
            why=p.why,
            satisfied_by=p.satisfied_by,
        )
        for p in owed
    )
    if parallel:
        open_now = {r.instrument for r in facts.requirements}
        raised = tuple(r for r in raised if r.instrument not in open_now)
        return tuple(r.id for r in facts.requirements), (), raised
    return (), tuple(r.id for r in facts.requirements), raised


def _consents(facts: PlanFacts, wish: Wish, level: LevelOfCare, program: Program) -> tuple[ConsentToPresent, ...]:
    """Forms the target needs that nobody has validly signed, that must be signed anew at a level change, that do not
    reach the program, or that run out within their renewal lead (domain 3.7, 3.4)."""
    wanted = []
    for rule in level.consents:
        if rule.need is not ConsentNeed.REQUIRED:
            continue
        form = facts.forms[rule.form]
        if any(c.form == form.key and c.status is ConsentStatus.PRESENTED for c in facts.consents):
            continue
        standing, out_of_reach = reaching_consent(facts, form.key, wish, program)
        resign = rule.resign and facts.phase is not Phase.INTAKE
        why = _why_present(form, standing, wish, facts.facility.zone, resign=resign)
        if why is None and out_of_reach is not None:
            why = f"{form.title}: {out_of_reach}"
        if why is not None:
            wanted.append(
                ConsentToPresent(
                    form=form.key,
                    program=program.key if rule.resign or out_of_reach else None,
                    due_at=wish.effective_at + timedelta(hours=facts.facility.policy.transition_grace_hours),
                    why=why,
                    renews=standing.id if standing else None,
                )
            )
    return tuple(wanted)


def _why_present(form: ConsentForm, standing: ConsentFact | None, wish: Wish, zone: str, *, resign: bool) -> str | None:
    if standing is None:
        return f"{form.title}: not on file"
    if resign:
        return f"{form.title}: signed again at each change of level"
    if form.validity is ValidityKind.UNTIL_REVOKED or standing.expires_at is None:
        return None
    lead = timedelta(days=max(form.renew_days_before, default=0))
    if standing.expires_at - lead <= wish.effective_at:
        return f"{form.title}: runs out on {facility_date(standing.expires_at, zone).isoformat()}"
    return None


def cases_closed(facts: PlanFacts, wish: Wish, left: Collection[UUID]) -> tuple[CaseToClose, ...]:
    """Authorizations of the stays left, each with the last day it is for."""
    moved_on = facility_date(wish.effective_at, facts.facility.zone)
    target = facts.levels.get(wish.to_level) if wish.to_level else None
    into_bed, died = target is not None and target.needs_bed, wish.disposition is Disposition.DECEASED
    return tuple(
        CaseToClose(
            authorization_id=c.id,
            on=last_day_of_case(
                facts.payers.get(c.payer, facts.payer), facts.levels[c.level].track, moved_on, c.from_date,
                into_bed=into_bed, died=died,
            ),
            left_on=moved_on,
        )
        for c in facts.cases
        if c.status in OPEN_CASES and c.stay_id is not None and c.stay_id in left
    )  # fmt: skip


def _case_ahead(facts: PlanFacts, wish: Wish, level: LevelOfCare, payer: Payer) -> UUID | None:
    """A case opened when this transition was scheduled, of the payer that is in force when it takes effect."""
    return next(
        (
            c.id
            for c in facts.cases
            if c.stay_id is None
            and c.level == level.key
            and c.payer == payer.key
            and c.status in OPEN_CASES
            and c.transition_id is not None
            and c.transition_id == wish.transition_id
        ),
        None,
    )


def _sessions(facts: PlanFacts, wish: Wish, level: LevelOfCare, program: str, left: tuple[UUID, ...]) -> SessionsChange:
    start = facility_date(wish.effective_at, facts.facility.zone)
    through = start + timedelta(days=facts.facility.policy.session_horizon_days)
    planned = 0
    if facts.template is not None:
        planned = sum(
            s.starts_at >= wish.effective_at
            for s in sessions_for(facts.template, facts.facility.zone, start, through, facts.facility.holidays)
        )
    stops = SessionsChange(
        cancel_stays=left, cancel_after=wish.effective_at, cancelled=facts.future_places if left else 0
    )
    if wish.keeps(facts.stays) is not None:
        return stops
    return SessionsChange(
        **stops.model_dump(include={"cancel_stays", "cancel_after", "cancelled"}),
        template=level.template,
        program=program,
        from_at=wish.effective_at,
        through=through,
        planned=planned,
    )


def _days(facts: PlanFacts, wish: Wish, level: LevelOfCare, left: tuple[UUID, ...], payer: Payer) -> DaysChange:
    start = facility_date(wish.effective_at, facts.facility.zone)
    rate = payer.rate_on(level.key, start)
    if wish.keeps(facts.stays) is not None:
        return DaysChange(close_stays=left, closed_on=start)
    return DaysChange(
        close_stays=left,
        closed_on=start if left else None,
        open=AccountToOpen(
            payer=payer.key,
            level=level.key,
            track=level.track,
            opened_on=start,
            amount=rate.amount if rate else None,
            rate_version=rate.version if rate else None,
        ),
    )


def _items(
    facts: PlanFacts, wish: Wish, level: LevelOfCare, urgent: bool, left: tuple[UUID, ...]
) -> tuple[OwnedItem, ...]:
    """Steps of domain 1.8 that a person does: medication reconciliation, the state's record, the urgent review."""
    policy = facts.facility.policy
    items = [
        OwnedItem(
            kind="medication_reconciliation",
            owner_role=Role.CLINICIAN,
            why=f"reconcile medications for {level.trade_name} ({level.key})",
            due_at=wish.effective_at + timedelta(hours=policy.medication_reconciliation_hours),
            rule="domain 1.8 (7)",
        ),
        OwnedItem(
            kind="state_record",
            owner_role=Role.BILLER,
            why=_state_records(wish, level, facts, left),
            due_at=wish.effective_at + timedelta(days=policy.state_record_days),
            rule="domain 1.8 (10)",
        ),
    ]
    if uncovered_at(facts, wish):
        items.append(
            OwnedItem(
                kind="coverage_needed",
                owner_role=Role.ADMISSIONS,
                why="no coverage is in force when the move takes effect: record who pays from then on",
                due_at=wish.effective_at,
                rule="E38",
            )
        )
    if urgent:
        items.append(
            OwnedItem(
                kind="urgent_review",
                owner_role=Role.REVIEWER,
                why="moved on the clinician's word: review it and tell the payer",
                due_at=wish.effective_at + timedelta(hours=payer_at(facts, wish).decision.notification_hours),
                rule="domain 1.7 step-up",
            )
        )
    if level.follow_up_hours is not None and any(s.track is Track.BED and s.id in left for s in facts.stays):
        items.append(
            OwnedItem(
                kind="first_attendance",
                owner_role=Role.CLINICIAN,
                why=f"seen at {level.trade_name} within {level.follow_up_hours} hours of leaving the bed, or outreach",
                due_at=wish.effective_at + timedelta(hours=level.follow_up_hours),
                rule="domain 7.1 step-down retention",
            )
        )
    return tuple(items)


def _state_records(wish: Wish, level: LevelOfCare, facts: PlanFacts, left: tuple[UUID, ...]) -> str:
    words = [] if wish.keeps(facts.stays) else [f"state admission record, service {level.teds_service}"]
    if left:
        words.append("discharge record of the level left")
    return ", and ".join(words)
