"""Requests to change level: recorded, signed off, decided, executed at their hour (D8, LOC-03, LOC-04)."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from temporalio import activity

from activities.hands import EpisodeHands, Writing, answer_for, refused_by_database
from activities.plan_execution import GRACE, execute, open_planned_case
from activities.transition_undone import ask_no_more_for, stays_where_it_is
from definitions.contracts import TransitionContract
from definitions.episode import (
    Answer,
    DecideTransition,
    Decision,
    EpisodeOutcome,
    RequestTransition,
    SignOffTransition,
    WithdrawTransition,
)
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.plan import TransitionPlan
from definitions.plan_facts import Wish
from definitions.staff_words import Words
from definitions.vocabulary import DeviationReason, Role, TransitionKind, TransitionStatus
from rules.requests import early_problem
from rules.transition import plan as make_plan
from storage.models import Transition
from storage.reads.plan_facts import read_plan_facts
from storage.repositories import work

OPEN = (TransitionStatus.NEEDS_SIGN_OFF, TransitionStatus.PENDING, TransitionStatus.BLOCKED)


class TransitionActivities(TransitionContract):
    def __init__(self, hands: EpisodeHands) -> None:
        self._hands = hands

    @activity.defn
    async def request_transition(self, request: RequestTransition) -> EpisodeOutcome:
        return await self._hands.decide(request, "request_transition", lambda w: _request(w, request))

    @activity.defn
    async def sign_off_transition(self, request: SignOffTransition) -> EpisodeOutcome:
        return await self._hands.decide(request, "sign_off_transition", lambda w: _sign_off(w, request))

    @activity.defn
    async def decide_transition(self, request: DecideTransition) -> EpisodeOutcome:
        return await self._hands.decide(request, "decide_transition", lambda w: _decide(w, request))

    @activity.defn
    async def withdraw_transition(self, request: WithdrawTransition) -> EpisodeOutcome:
        return await self._hands.decide(request, "withdraw_transition", lambda w: _withdraw(w, request))


def wish_of(row: Transition, bed_id: str | None = None) -> Wish:
    return Wish(
        transition_id=row.id,
        to_level=row.to_level,
        program=row.program,
        bed_id=bed_id or row.bed_id,
        effective_at=row.effective_at,
        urgent=row.urgent,
        parallel=row.kind is TransitionKind.PARALLEL,
    )


async def planned(writing: Writing, wish: Wish) -> TransitionPlan | Refusal:
    """The plan as this transaction's facts give it."""
    facts = await read_plan_facts(writing.session, writing.episode, writing.edition, wish)
    return make_plan(facts, wish)


async def _request(writing: Writing, request: RequestTransition) -> Answer | Refusal:
    transition_id = derived(request.key, "transition")
    problem = early_problem(request.effective_at, request.now, writing.facility.policy, "move")
    if problem is not None:
        return problem
    wish = Wish(
        transition_id=transition_id,
        to_level=request.to_level,
        program=request.program,
        bed_id=request.bed_id,
        effective_at=request.effective_at,
        urgent=request.urgent,
        parallel=request.parallel,
    )
    plan = await planned(writing, wish)
    if isinstance(plan, Refusal):
        return plan
    deviation = _deviation_problem(plan, request.deviation_reason)
    if deviation is not None:
        return deviation
    if request.urgent and not plan.urgent:
        return Refusal(
            code=ErrorType.ILLEGAL_TRANSITION,
            detail=f"only a step-up or an admission may be urgent; {plan.kind.value} goes to the reviewer",
        )
    missing = next((b for b in plan.blockers if b.code is ErrorType.ASSESSMENT_STALE), None)
    if missing is not None:
        return missing
    row = _row(writing, request, plan, transition_id)
    row.sealed_rationale = await writing.sealed(Words.RATIONALE, row.id, request.rationale)
    writing.session.add(row)
    await writing.session.flush()
    if plan.urgent:
        return await _execute_now(writing, row, plan, "urgent, on the clinician's word")
    await writing.note(
        "transition_requested",
        {
            "transition": str(row.id),
            "from": row.from_level,
            "to": row.to_level,
            "recommended": row.recommended_level,
            "deviation": row.deviation_reason.value if row.deviation_reason else None,
            "effective_at": row.effective_at.isoformat(),
        },
    )
    return answer_for(writing, row.id, row.status.value, plan=plan.model_dump(mode="json", include={"words", "kind"}))


def _deviation_problem(plan: TransitionPlan, reason: DeviationReason | None) -> Refusal | None:
    """LOC-03: recommended and requested differ, so a coded reason is compulsory."""
    differs = plan.recommended_level is not None and plan.recommended_level != plan.to_level
    if differs and reason in (None, DeviationReason.SAME):
        reasons = ", ".join(r.value for r in DeviationReason if r is not DeviationReason.SAME)
        return Refusal(
            code=ErrorType.DEVIATION_REASON_MISSING,
            detail=f"the assessment recommends {plan.recommended_level}, not {plan.to_level}; give deviation_reason, "
            f"one of {reasons}",
        )
    return None


def _row(writing: Writing, request: RequestTransition, plan: TransitionPlan, transition_id: UUID) -> Transition:
    by_clinician = request.role is Role.CLINICIAN
    needs_sign_off = plan.kind in (TransitionKind.STEP_DOWN, TransitionKind.LATERAL) and not by_clinician
    status = TransitionStatus.NEEDS_SIGN_OFF if needs_sign_off or plan.order_needed else TransitionStatus.PENDING
    return Transition(
        id=transition_id,
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind=plan.kind,
        urgent=plan.urgent,
        from_level=plan.from_level,
        to_level=plan.to_level,
        program=plan.program,
        bed_id=request.bed_id,
        recommended_level=plan.recommended_level,
        deviation_reason=request.deviation_reason,
        rationale="",
        requested_by=request.actor,
        requested_at=request.now,
        effective_at=request.effective_at,
        status=status,
        signed_off_by=request.actor if by_clinician else None,
        signed_off_at=request.now if by_clinician else None,
        order_needed=plan.order_needed,
        plan=plan.model_dump(mode="json"),
        plan_fingerprint=plan.fingerprint,
        version=1,
    )


async def _execute_now(writing: Writing, row: Transition, plan: TransitionPlan, reason: str) -> Answer | Refusal:
    done = await execute(writing, plan, transition_id=row.id, reason=reason)
    if isinstance(done, Refusal):
        return done
    row.status = TransitionStatus.EXECUTED
    row.executed_at = writing.now
    row.plan = plan.model_dump(mode="json")
    row.plan_fingerprint = plan.fingerprint
    row.blocked_reasons = None
    row.bed_id = plan.bed.take or row.bed_id
    row.version += 1
    return answer_for(writing, row.id, row.status.value, movement=str(done.id), level=plan.to_level)


async def _find(writing: Writing, transition_id: UUID) -> Transition | Refusal:
    row = (
        await writing.session.execute(
            select(Transition).where(Transition.id == transition_id, Transition.episode_id == writing.episode.id)
        )
    ).scalar_one_or_none()
    if row is None:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no transition {transition_id} in this episode")
    return row


async def _sign_off(writing: Writing, request: SignOffTransition) -> Answer | Refusal:
    row = await _find(writing, request.transition_id)
    if isinstance(row, Refusal):
        return row
    if row.status is not TransitionStatus.NEEDS_SIGN_OFF:
        return _not_open(row)
    if request.order:
        row.ordered_by, row.ordered_at = request.actor, request.now
    else:
        row.signed_off_by, row.signed_off_at = request.actor, request.now
    signed = row.signed_off_at is not None or row.kind not in (TransitionKind.STEP_DOWN, TransitionKind.LATERAL)
    if signed and (row.ordered_at is not None or not row.order_needed):
        row.status = TransitionStatus.PENDING
    row.version += 1
    await writing.note("transition_ordered" if request.order else "transition_signed_off", {"transition": str(row.id)})
    return answer_for(writing, row.id, row.status.value)


def _not_open(row: Transition) -> Refusal:
    by = row.decided_by or row.requested_by
    return Refusal(
        code=ErrorType.ALREADY_DECIDED if row.decided_at else ErrorType.TRANSITION_NOT_OPEN,
        detail=f"this request is {row.status.value} (by {by}); look at the episode before you act",
        changed_by=by,
        current_version=row.version,
    )


async def _decide(writing: Writing, request: DecideTransition) -> Answer | Refusal:
    row = await _find(writing, request.transition_id)
    if isinstance(row, Refusal):
        return row
    if row.status is TransitionStatus.NEEDS_SIGN_OFF and request.decision is Decision.APPROVE:
        return _unsigned(row)
    if row.status not in OPEN:
        return _not_open(row)
    if row.version != request.transition_version:
        return Refusal(
            code=ErrorType.STALE,
            detail=f"the request changed since it was shown (version {request.transition_version}, now {row.version}); "
            "look again",
            changed_by=row.decided_by or row.signed_off_by or row.requested_by,
            current_version=row.version,
        )
    if request.decision is not Decision.APPROVE:
        return await _refuse_request(writing, row, request)
    return await _approve(writing, row, request)


def _unsigned(row: Transition) -> Refusal:
    if row.order_needed and row.ordered_at is None:
        return Refusal(
            code=ErrorType.ORDER_MISSING,
            detail=f"{row.to_level} is medically managed: a prescriber's order comes first (LOC-04)",
        )
    return Refusal(code=ErrorType.SIGN_OFF_MISSING, detail="a clinician signs off before the reviewer decides (LOC-04)")


async def _refuse_request(writing: Writing, row: Transition, request: DecideTransition) -> Answer | Refusal:
    if not (request.reason or "").strip():
        return Refusal(
            code=ErrorType.INVALID_REQUEST,
            detail=f"say why you {request.decision.value} it; the requester sees the reason",
        )
    returned = request.decision is Decision.RETURN
    row.status = TransitionStatus.RETURNED if returned else TransitionStatus.DENIED
    await _decided(writing, row, request)
    await work.open_item(
        writing.session,
        item_id=derived(request.key, "item", "transition"),
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind="transition_returned" if returned else "transition_denied",
        owner_role=Role.CLINICIAN.value,
        why=f"the request for {row.to_level} was {row.status.value}; the reason stands on the request",
        opened_at=writing.now,
        subject_id=str(row.id),
    )
    await writing.note(f"transition_{row.status.value}", {"transition": str(row.id)})
    return answer_for(writing, row.id, row.status.value)


async def _decided(writing: Writing, row: Transition, request: DecideTransition) -> None:
    row.decided_by, row.decided_at = request.actor, request.now
    row.decision = request.decision.value
    if request.reason is not None:
        row.sealed_decision_reason = await writing.sealed(Words.DECISION_REASON, row.id, request.reason)
    row.version += 1


async def _approve(writing: Writing, row: Transition, request: DecideTransition) -> Answer | Refusal:
    plan = await planned(writing, wish_of(row, request.bed_id))
    if isinstance(plan, Refusal):
        return plan
    if request.plan_fingerprint is not None and request.plan_fingerprint != plan.fingerprint:
        return Refusal(
            code=ErrorType.PLAN_CHANGED,
            detail="the plan is no longer the one shown; look at it again before you approve",
        )
    if plan.blockers:
        return plan.blockers[0]
    row.bed_id = request.bed_id or row.bed_id
    await _decided(writing, row, request)
    if row.effective_at > writing.now + GRACE:
        return await _schedule(writing, row, plan)
    return await _execute_now(writing, row, plan, await _rationale(writing, row))


async def _rationale(writing: Writing, row: Transition) -> str:
    """Why the move was asked for is why it was made: the movement says it again, sealed for its own row."""
    said = await writing.words(Words.RATIONALE, row.id, row.sealed_rationale, row.rationale)
    return said or ""


async def _schedule(writing: Writing, row: Transition, plan: TransitionPlan) -> Answer:
    """Approved for later: the payer is asked now, the rest happens at the hour, re-checked then."""
    row.status = TransitionStatus.SCHEDULED
    row.plan = plan.model_dump(mode="json")
    row.plan_fingerprint = plan.fingerprint
    if plan.case is not None and plan.case.required:
        await open_planned_case(writing, plan, None, row.id)
    await writing.note(
        "transition_scheduled",
        {"transition": str(row.id), "to": row.to_level, "effective_at": row.effective_at.isoformat()},
    )
    return answer_for(writing, row.id, row.status.value, effective_at=row.effective_at.isoformat())


async def execute_scheduled(writing: Writing, transition_id: UUID) -> dict[str, Any]:
    """The hour has come: re-check everything and either execute or open a decision (issue 2, item 4)."""
    row = await _find(writing, transition_id)
    if isinstance(row, Refusal) or row.status is not TransitionStatus.SCHEDULED:
        return {"transition": str(transition_id), "status": "not_scheduled"}
    plan = await planned(writing, wish_of(row))
    reasons = [plan] if isinstance(plan, Refusal) else list(plan.blockers)
    if not isinstance(plan, Refusal) and not reasons:
        savepoint = await writing.session.begin_nested()
        done = await _executed_or_refused(writing, row, plan)
        if not isinstance(done, Refusal):
            await savepoint.commit()
            return {"transition": str(row.id), "status": "executed"}
        await savepoint.rollback()
        await writing.session.refresh(row)
        await writing.session.refresh(writing.episode)
        reasons = [done]
    row.status = TransitionStatus.BLOCKED
    await stays_where_it_is(writing, f"blocked:{row.id}:{row.version}")
    row.blocked_reasons = [r.model_dump(mode="json") for r in reasons]
    row.version += 1
    await work.open_item(
        writing.session,
        item_id=derived(row.id, "blocked", str(row.version)),
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind="transition_blocked",
        owner_role=Role.REVIEWER.value,
        why=f"the approved move to {row.to_level} did not happen: {reasons[0].detail}",
        opened_at=writing.now,
        due_at=writing.now,
        subject_id=str(row.id),
    )
    await writing.note("transition_blocked", {"transition": str(row.id), "reasons": [r.code.value for r in reasons]})
    return {"transition": str(row.id), "status": "blocked"}


async def _executed_or_refused(writing: Writing, row: Transition, plan: TransitionPlan) -> Answer | Refusal:
    """Execution whose database constraints are asked at once, so that a lost race becomes a decision."""
    try:
        done = await _execute_now(writing, row, plan, await _rationale(writing, row))
        await writing.session.flush()
        await writing.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except IntegrityError as error:
        refusal = refused_by_database(error)
        if refusal is None:
            raise
        return refusal
    return done


async def _withdraw(writing: Writing, request: WithdrawTransition) -> Answer | Refusal:
    row = await _find(writing, request.transition_id)
    if isinstance(row, Refusal):
        return row
    if row.status not in (*OPEN, TransitionStatus.SCHEDULED):
        return _not_open(row)
    if row.status is TransitionStatus.SCHEDULED:
        await ask_no_more_for(writing, row)
    row.status = TransitionStatus.WITHDRAWN
    row.sealed_decision_reason = await writing.sealed(Words.DECISION_REASON, row.id, request.reason)
    row.decided_by, row.decided_at = request.actor, request.now
    row.version += 1
    await writing.note("transition_withdrawn", {"transition": str(row.id)})
    return answer_for(writing, row.id, row.status.value)
