"""Leaves, returns, bed moves, endings and corrections (domain 1.7, 8; D14)."""

from datetime import timedelta

from sqlalchemy import select, update
from temporalio import activity

from activities.correction import correct
from activities.hands import EpisodeHands, Writing, answer_for
from activities.plan_execution import execute, record_movement
from definitions.contracts import MovementContract
from definitions.episode import (
    Answer,
    CorrectMovement,
    DischargeEpisode,
    EpisodeOutcome,
    MoveBed,
    ReturnFromLeave,
    StartLeave,
)
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.plan_facts import Wish
from definitions.staff_words import EPISODE_ENDED
from definitions.vocabulary import (
    AssessmentStatus,
    ContentClass,
    MovementKind,
    OpenItemStatus,
    Role,
    TransitionStatus,
)
from rules.ending import plan_ending
from rules.requests import early_problem, future_problem
from storage.models import AssessmentDue, Transition
from storage.reads.plan_facts import read_plan_facts
from storage.repositories import horizon, work
from storage.repositories.episode import away_since, stays_of

WITHDRAWAL_SCALES = ("CIWA_AR", "COWS", "CSSRS_SCREEN")
"""Re-anchored at once when somebody comes back (ASM-03, E51)."""


class MovementActivities(MovementContract):
    def __init__(self, hands: EpisodeHands) -> None:
        self._hands = hands

    @activity.defn
    async def start_leave(self, request: StartLeave) -> EpisodeOutcome:
        return await self._hands.decide(request, "start_leave", lambda w: _leave(w, request))

    @activity.defn
    async def return_from_leave(self, request: ReturnFromLeave) -> EpisodeOutcome:
        return await self._hands.decide(request, "return_from_leave", lambda w: _return(w, request))

    @activity.defn
    async def move_bed(self, request: MoveBed) -> EpisodeOutcome:
        return await self._hands.decide(request, "move_bed", lambda w: _move_bed(w, request))

    @activity.defn
    async def discharge_episode(self, request: DischargeEpisode) -> EpisodeOutcome:
        return await self._hands.decide(request, "discharge_episode", lambda w: _discharge(w, request))

    @activity.defn
    async def correct_movement(self, request: CorrectMovement) -> EpisodeOutcome:
        return await self._hands.decide(request, "correct_movement", lambda w: correct(w, request))


async def _leave(writing: Writing, request: StartLeave) -> Answer | Refusal:
    if request.kind not in (MovementKind.LEAVE, MovementKind.SEND_OUT):
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="a leave is either leave or send_out")
    problem = early_problem(request.left_at, request.now, writing.facility.policy, "leave") or future_problem(
        request.left_at, request.now, "leave"
    )
    if problem is not None:
        return problem
    if await away_since(writing.session, writing.episode.id):
        return Refusal(code=ErrorType.ON_LEAVE, detail="already away; record the return first")
    hold_until = request.left_at + timedelta(hours=writing.facility.policy.bed_hold_hours)
    movement = await record_movement(
        writing,
        kind=request.kind,
        effective_at=request.left_at,
        reason=request.reason,
        expected_return_at=request.expected_return_at,
        hold_until=hold_until,
    )
    if isinstance(movement, Refusal):
        return movement
    await _suspend(writing)
    open_stays = [s.id for s in await stays_of(writing.session, writing.episode.id) if s.ended_at is None]
    await horizon.cancel_future_places(
        writing.session,
        stay_ids=open_stays,
        after=request.left_at,
        until=request.expected_return_at,
        cancelled_by=movement.id,
    )
    if request.kind is MovementKind.SEND_OUT:
        await _send_out_duties(writing, request)
    await writing.note(
        request.kind.value,
        {
            "movement": str(movement.id),
            "expected_return_at": request.expected_return_at.isoformat() if request.expected_return_at else None,
            "bed_held_until": hold_until.isoformat(),
        },
        at=request.left_at,
    )
    return answer_for(writing, movement.id, "away", bed_held_until=hold_until.isoformat())


async def _suspend(writing: Writing) -> None:
    """ASM-03: requirements rest while the person is away."""
    await writing.session.execute(
        update(AssessmentDue)
        .where(AssessmentDue.episode_id == writing.episode.id, AssessmentDue.status == AssessmentStatus.DUE)
        .values(status=AssessmentStatus.SUSPENDED)
    )


async def _send_out_duties(writing: Writing, request: StartLeave) -> None:
    duties = (
        (
            "emergency_disclosure_log",
            Role.CLINICIAN,
            4,
            f"log what was told to the hospital ({ContentClass.HANDOFF.value})",
        ),
        ("payer_told", Role.REVIEWER, 24, "tell the payer of the send-out; authorization suspended"),
    )
    for kind, role, hours, why in duties:
        await work.open_item(
            writing.session,
            item_id=derived(request.key, "item", kind),
            episode_id=writing.episode.id,
            facility=writing.episode.facility,
            kind=kind,
            owner_role=role.value,
            why=why,
            opened_at=writing.now,
            due_at=request.left_at + timedelta(hours=hours),
            rule="domain 1.7 interruption",
        )


async def _return(writing: Writing, request: ReturnFromLeave) -> Answer | Refusal:
    problem = future_problem(request.returned_at, request.now, "return")
    if problem is not None:
        return problem
    absences = await away_since(writing.session, writing.episode.id)
    if not absences:
        return Refusal(
            code=ErrorType.NOT_ON_LEAVE, detail="nobody is away; check the episode before you record a return"
        )
    movement = await record_movement(
        writing,
        kind=MovementKind.RETURN,
        effective_at=request.returned_at,
        bed_id=request.bed_id,
        reason="returned",
    )
    if isinstance(movement, Refusal):
        return movement
    await _resume(writing, request)
    await horizon.restore_places(writing.session, episode_id=writing.episode.id, from_at=request.returned_at)
    for kind in ("return_overdue", "bed_hold_ended"):
        await work.close_items(
            writing.session, episode_id=writing.episode.id, now=writing.now, actor=writing.actor, resolution="returned",
            kind=kind,
        )  # fmt: skip
    await writing.note("return", {"movement": str(movement.id)}, at=request.returned_at)
    return answer_for(writing, movement.id, "present")


async def _resume(writing: Writing, request: ReturnFromLeave) -> None:
    """ASM-03: requirements go on; withdrawal and suicide scales are due at once."""
    rows = await writing.session.execute(
        select(AssessmentDue).where(
            AssessmentDue.episode_id == writing.episode.id, AssessmentDue.status == AssessmentStatus.SUSPENDED
        )
    )
    for due in rows.scalars():
        due.status = AssessmentStatus.DUE
        if due.instrument in WITHDRAWAL_SCALES:
            due.due_at = request.returned_at + timedelta(hours=1)
            due.escalate_at = request.returned_at + timedelta(hours=2)


async def _move_bed(writing: Writing, request: MoveBed) -> Answer | Refusal:
    problem = early_problem(request.effective_at, request.now, writing.facility.policy, "bed move") or future_problem(
        request.effective_at, request.now, "bed move"
    )
    if problem is not None:
        return problem
    wish = Wish(to_level=writing.episode.level, bed_id=request.bed_id, effective_at=request.effective_at)
    facts = await read_plan_facts(writing.session, writing.episode, writing.edition, wish)
    bed = next((b for b in facts.beds if b.id == request.bed_id), None)
    if bed is None or writing.episode.level not in bed.levels:
        return Refusal(
            code=ErrorType.UNKNOWN_BED, detail=f"bed {request.bed_id} does not serve {writing.episode.level}"
        )
    if bed.taken or bed.closed_reason:
        code = ErrorType.BED_CLOSED if bed.closed_reason else ErrorType.BED_TAKEN
        return Refusal(code=code, detail=f"bed {bed.label} is {bed.closed_reason or 'taken'}; choose another")
    movement = await record_movement(
        writing,
        kind=MovementKind.BED_MOVE,
        effective_at=request.effective_at,
        bed_id=request.bed_id,
        reason=request.reason,
    )
    if isinstance(movement, Refusal):
        return movement
    await writing.note("bed_move", {"movement": str(movement.id), "bed": request.bed_id}, at=request.effective_at)
    return answer_for(writing, movement.id, "moved", bed=request.bed_id)


async def _discharge(writing: Writing, request: DischargeEpisode) -> Answer | Refusal:
    problem = early_problem(request.effective_at, request.now, writing.facility.policy, "discharge") or future_problem(
        request.effective_at, request.now, "discharge"
    )
    if problem is not None:
        return problem
    wish = Wish(effective_at=request.effective_at, disposition=request.disposition)
    facts = await read_plan_facts(writing.session, writing.episode, writing.edition, wish)
    plan = plan_ending(facts, wish, request.disposition)
    if isinstance(plan, Refusal):
        return plan
    if plan.blockers:
        return plan.blockers[0]
    await _stop_everything(writing)
    movement = await execute(writing, plan, transition_id=None, reason=request.reason)
    if isinstance(movement, Refusal):
        return movement
    return answer_for(writing, movement.id, writing.episode.phase.value, disposition=request.disposition.value)


async def _stop_everything(writing: Writing) -> None:
    """Invariant 8: nobody who left or died has a pending reminder, session or request."""
    rows = await writing.session.execute(
        select(Transition).where(
            Transition.episode_id == writing.episode.id,
            Transition.status.in_(
                [
                    TransitionStatus.NEEDS_SIGN_OFF,
                    TransitionStatus.PENDING,
                    TransitionStatus.SCHEDULED,
                    TransitionStatus.BLOCKED,
                ]
            ),
        )
    )
    for transition in rows.scalars():
        transition.status = TransitionStatus.WITHDRAWN
        transition.decision_reason = EPISODE_ENDED
        transition.version += 1
    await work.close_items(
        writing.session,
        episode_id=writing.episode.id,
        now=writing.now,
        actor="system",
        resolution=EPISODE_ENDED,
        status=OpenItemStatus.CANCELLED,
    )
