"""Correcting a movement: a superseding fact, and everything that followed from the old one restated (D14, E58)."""

from sqlalchemy import select

from activities.ending_undone import undo_ending, undo_leave
from activities.hands import Writing, answer_for
from activities.plan_execution import record_movement
from activities.restatement import restate
from definitions.episode import Answer, CorrectMovement
from definitions.errors import ErrorType, Refusal
from definitions.movement import MovementFact
from definitions.vocabulary import MovementKind, Phase, Track
from rules.calendar import facility_date
from rules.requests import future_problem
from storage.models import Movement
from storage.repositories.facility_day import mark_stale

ENDINGS = (MovementKind.DISCHARGE, MovementKind.DEATH, MovementKind.NOT_ADMITTED)


async def correct(writing: Writing, request: CorrectMovement) -> Answer | Refusal:
    """A superseding movement; the old one stays on record. Days, sessions, requirements, cases and items follow."""
    row = await _to_correct(writing, request)
    if isinstance(row, Refusal):
        return row
    at = request.effective_at or row.effective_at
    problem = future_problem(at, request.now, "movement")
    if problem is not None:
        return problem
    before = row.effective_at
    done = await _supersede(writing, request, row)
    if isinstance(done, Refusal):
        return done
    await mark_stale(
        writing.session,
        facility=writing.episode.facility,
        first=facility_date(min(at, before), writing.facility.zone),
        last=None,
        reason=f"correction of {row.kind.value} in episode {writing.episode.id}",
        key=request.key,
        now=writing.now,
    )
    if writing.episode.phase in (Phase.IN_CARE, Phase.INTAKE):
        writing.episode.disposition = None
    restated = await restate(writing, done.id)
    if request.void and row.kind in ENDINGS:
        restated = restated.joined(await undo_ending(writing, await _original(writing, row), done.id))
    if request.void and row.kind in (MovementKind.LEAVE, MovementKind.SEND_OUT):
        restated = restated.joined(await undo_leave(writing, await _original(writing, row)))
    diff = restated.model_dump(exclude_defaults=True)
    await writing.note(
        "correction",
        {
            "movement": str(row.id),
            "superseded_by": str(done.id),
            "kind": row.kind.value,
            "before": before.isoformat(),
            "after": None if request.void else at.isoformat(),
            **diff,
        },
    )
    return answer_for(
        writing,
        done.id,
        "voided" if request.void else "corrected",
        before=before.isoformat(),
        after=at.isoformat(),
        restated=diff,
    )


async def _to_correct(writing: Writing, request: CorrectMovement) -> Movement | Refusal:
    row = (
        await writing.session.execute(
            select(Movement).where(Movement.id == request.movement_id, Movement.episode_id == writing.episode.id)
        )
    ).scalar_one_or_none()
    if row is None:
        return Refusal(code=ErrorType.NOT_FOUND, detail=f"no movement {request.movement_id} in this episode")
    superseded = await writing.session.execute(select(Movement.id).where(Movement.supersedes == row.id))
    if superseded.first() is not None:
        return Refusal(code=ErrorType.STALE, detail="this movement was corrected already; correct the newer one")
    if row.kind is MovementKind.VOID:
        return Refusal(
            code=ErrorType.INVALID_REQUEST, detail="a movement that was taken back is recorded again, not corrected"
        )
    if not request.void and request.effective_at is None:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="say the right time, or void the movement")
    return row


async def _original(writing: Writing, row: Movement) -> Movement:
    """The first movement of a chain of corrections: the one whose command raised what followed."""
    current = row
    while current.supersedes is not None:
        earlier = await writing.session.get(Movement, current.supersedes)
        if earlier is None:
            break
        current = earlier
    return current


async def _supersede(writing: Writing, request: CorrectMovement, row: Movement) -> MovementFact | Refusal:
    return await record_movement(
        writing,
        kind=MovementKind.VOID if request.void else row.kind,
        effective_at=request.effective_at or row.effective_at,
        level=row.level,
        program=row.program,
        track=Track(row.track) if row.track else None,
        bed_id=row.bed_id,
        reason=request.reason,
        disposition=row.disposition.value if row.disposition else None,
        expected_return_at=row.expected_return_at,
        supersedes=row.id,
    )
