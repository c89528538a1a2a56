"""The clocks of a case as rows: started once, paused and resumed, stopped, breached; kept as evidence (AUTH-03)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from activities.case_record import CaseWriting
from definitions.ids import derived
from definitions.vocabulary import ClockName
from rules.calendar import midnight_ending
from rules.clocks import RunningClock, decision_clock, resumed, start
from storage.models import AuthorizationClock, AuthorizationRequest

DECISIONS = tuple(n for n in ClockName if n.value.startswith(("decision", "appeal_decision", "external_decision")))
"""Clocks that the payer's answer stops."""


async def start_decision(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """The payer's clock begins with the first sending and only then: a resend does not restart it (AUTH-03)."""
    if asked.first_sent_at is not None:
        return
    asked.first_sent_at = w.now
    lcd = w.case.last_covered_day
    covered = midnight_ending(lcd, w.zone) if lcd is not None and asked.from_date > lcd else None
    name = decision_clock(asked.kind, asked.urgent, covered, w.now)
    clock = await start_clock(w, name, asked.id) if name is not None else None
    asked.decision_due_at = clock.due_at if clock is not None else None


async def start_clock(w: CaseWriting, name: ClockName, subject_id: UUID) -> RunningClock | None:
    """Start a clock for a request or dispute now; None when neither law nor contract sets one."""
    clock = start(name, w.now, w.payer, w.regime)
    if clock is None:
        return None
    await w.session.execute(
        insert(AuthorizationClock)
        .values(
            id=derived(subject_id, "clock", name.value, w.now.isoformat()), authorization_id=w.case.id,
            subject_id=subject_id, name=name, regime=w.regime.key, rule=clock.rule, started_at=w.now,
            due_at=clock.due_at, paused_seconds=0,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    return clock


async def running(w: CaseWriting, subject_id: UUID) -> list[AuthorizationClock]:
    # Rows are read anew, for clocks are started by statement; what was changed before must not be read over.
    await w.session.flush()
    rows = await w.session.execute(
        select(AuthorizationClock)
        .where(AuthorizationClock.subject_id == subject_id, AuthorizationClock.stopped_at.is_(None))
        .order_by(AuthorizationClock.started_at)
        .execution_options(populate_existing=True)
    )
    return list(rows.scalars())


async def pause(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """The payer waits for documents we owe: a clock whose rule says so stands still."""
    for clock in await running(w, asked.id):
        rule = w.regime.clock(clock.name)
        if clock.name in DECISIONS and rule is not None and rule.pauses and clock.paused_at is None:
            clock.paused_at = w.now
            asked.decision_due_at = None


async def resume(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """Documents went out: what stood still runs on, and what did not pause keeps its end; when the regime sets a
    limit for after the information, that one binds if it ends earlier."""
    ends: list[datetime] = []
    for clock in await running(w, asked.id):
        if clock.name not in DECISIONS:
            continue
        if clock.paused_at is not None:
            clock.due_at = resumed(clock.due_at, clock.paused_at, w.now)
            clock.paused_seconds += max(int((w.now - clock.paused_at).total_seconds()), 0)
            clock.paused_at = None
        ends.append(clock.due_at)
    after = await start_clock(w, ClockName.DECISION_AFTER_INFORMATION, asked.id)
    if after is not None:
        ends.append(after.due_at)
    if ends:
        asked.decision_due_at = min(ends)


async def stop(w: CaseWriting, subject_id: UUID, *names: ClockName, cancelled: bool = False) -> None:
    """What it timed happened, or no longer matters. A clock breached before keeps its breach (AUTH-03)."""
    for clock in await running(w, subject_id):
        if names and clock.name not in names:
            continue
        clock.stopped_at = w.now
        late = clock.breached_at is not None or (clock.paused_at is None and w.now > clock.due_at)
        if late and clock.breached_at is None and not cancelled:
            clock.breached_at = clock.due_at
        clock.outcome = "cancelled" if cancelled else ("breached" if late else "met")


async def breach(w: CaseWriting, subject_id: UUID, *names: ClockName) -> None:
    """Its time is over and nothing came; it runs on, so that the evidence says how late the answer was."""
    for clock in await running(w, subject_id):
        if clock.due_at <= w.now and clock.paused_at is None and (not names or clock.name in names):
            clock.breached_at = clock.breached_at or clock.due_at
