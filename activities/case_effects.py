"""What happens when a deadline of a case comes. The rows decide what still stands (D6, domain 11.1)."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from activities import case_clocks
from activities.adverse import WORDS, say_appeal_is_open
from activities.answers import apply_verdict
from activities.case_record import CaseWriting, moves_on
from activities.inquiry import arm
from activities.payer_queue import wake_held
from activities.presenting import renew_before_window
from definitions.deadline import Deadline
from definitions.ids import derived
from definitions.vocabulary import (
    AuthorizationStatus,
    ClockName,
    DeadlineKind,
    DisputeKind,
    DisputeStatus,
    Phase,
    RequestKind,
)
from rules.case_deadlines import wish_subject
from rules.disputes import OPEN
from rules.grants import DEEMED
from rules.payer_answer import AnswerVerdict
from rules.utilization import units_through
from storage.models import AuthorizationDispute, AuthorizationRequest, Stay
from storage.repositories import authorization as cases


async def ask(
    w: CaseWriting, request_id: UUID, kind: RequestKind, units: int, first: date, last: date, *, urgent: bool,
    delay_reason: str | None = None,
) -> None:  # fmt: skip
    """One more question to the payer in this case, ready to be sent."""
    await cases.add_request(
        w.session, request_id=request_id, case_id=w.case.id, episode_id=w.episode.id, kind=kind, level=w.case.level,
        unit=w.case.unit, units=units, from_date=first, through_date=last, urgent=urgent, now=w.now,
        delay_reason=delay_reason,
    )  # fmt: skip
    await _renew_first(w, request_id, first, last)
    w.case.requested_units += units
    w.case.review_status = AuthorizationStatus.READY
    w.case.version += 1
    await w.note("authorization_review_requested", {"kind": kind.value, "units": units, "from": first.isoformat()})


async def _renew_first(w: CaseWriting, request_id: UUID, first: date, last: date) -> None:
    """In the transaction that makes the request, so before it can leave: the payer decides on days that the consent must
    outlive, at every review as at the first (domain 3.4)."""
    key = f"{w.key}:{request_id}"
    if await renew_before_window(w, w.payer, first, last, key=key, subject=request_id):
        await w.tell_episode()


async def fire(w: CaseWriting, deadline: Deadline) -> None:
    """One deadline that has come."""
    effect = EFFECTS.get(deadline.kind)
    if effect is not None:
        await effect(w, deadline)
        await w.session.flush()


async def _review_due(w: CaseWriting, _: Deadline) -> None:
    """No authorization lapses because somebody forgot: the continued-stay request goes by itself, and the
    reviewer is told what went (AUTH-04)."""
    lcd = w.case.last_covered_day
    if lcd is None:
        return
    moves = await moves_on(w)
    if moves is not None and moves <= lcd + timedelta(days=1):
        return
    terms = w.payer.terms(w.case.level)
    units = terms.concurrent_units if terms else 0
    await w.owe(
        "review_due",
        f"{w.case.level} is covered through {lcd.isoformat()}: send what the payer needs for the continued stay",
        due_at=w.case.review_due_at,
        subject=lcd.isoformat(),
        rule="AUTH-04",
    )
    if units == 0 or not await _goes_on(w):
        return
    first = lcd + timedelta(days=1)
    last = units_through(first, terms.span_days or units) if terms else first
    if moves is not None and last >= moves:
        last = moves - timedelta(days=1)
        units = min(units, (last - first).days + 1)
    await ask(
        w, derived(w.case.id, "continued", lcd.isoformat()), RequestKind.CONCURRENT, units, first, last,
        urgent=w.urgent_care,
    )  # fmt: skip


async def _goes_on(w: CaseWriting) -> bool:
    """Whether the stay of this case still runs: the main one or one beside it. A case asked for ahead of its stay goes
    by the episode."""
    if w.case.stay_id is None:
        return w.episode.phase is Phase.IN_CARE and w.episode.level == w.case.level
    stay = await w.session.get(Stay, w.case.stay_id)
    return stay is not None and stay.level == w.case.level and stay.period.upper is None and not stay.period.isempty


async def _lapsed(w: CaseWriting, _: Deadline) -> None:
    lcd = w.case.last_covered_day
    if lcd is None:
        return
    await w.owe(
        "authorization_lapsed",
        f"days at {w.case.level} after {lcd.isoformat()} are not covered: extend, appeal, or accept the risk",
        subject=lcd.isoformat(),
        rule="AUTH-06",
    )
    await w.note("authorization_lapsed", {"last_covered_day": lcd.isoformat()})
    await w.tell_episode()


async def _late(w: CaseWriting, deadline: Deadline) -> None:
    """A missed payer deadline is an event with evidence, never silence (AUTH-03)."""
    asked = await _request(w, deadline)
    if asked is None:
        return
    if deadline.key.startswith("receipt:"):
        await w.owe(
            "receipt_missing",
            f"{w.case.payer} has not confirmed the {asked.kind.value} it was sent: call, and record what it says",
            subject=asked.trace,
            rule="domain 4.1",
        )
        return
    await case_clocks.breach(w, asked.id, *case_clocks.DECISIONS)
    if w.regime.deemed_approved and asked.units > 0:
        await _deem(w, asked, deadline)
        return
    await w.owe(
        "payer_late",
        f"{w.case.payer} did not decide in its time: call, and keep the dates as evidence",
        subject=asked.trace,
        rule="AUTH-03",
    )
    await w.note("payer_late", {"request": str(asked.id), "due": deadline.at.isoformat()})


async def _deem(w: CaseWriting, asked: AuthorizationRequest, deadline: Deadline) -> None:
    """Silence past the limit is approval of what was asked; the payer's own answer replaces it when it comes (AUTH-03)."""
    verdict = AnswerVerdict(
        status=AuthorizationStatus.APPROVED, action=DEEMED, level=asked.level, unit=asked.unit, units=asked.units,
        why=f"deemed approved: the time to decide ended at {deadline.at.isoformat()} ({w.regime.key})",
        from_date=asked.from_date, through_date=asked.through_date,
    )  # fmt: skip
    await apply_verdict(w, asked, verdict, fingerprint=f"deemed:{asked.id}", source="regime", message_id=None)
    await w.owe(
        "deemed_approved",
        f"{w.case.payer} let its time pass, which the law counts as approval: have it confirmed in writing",
        subject=asked.trace,
        rule="AUTH-03",
    )


async def _inquire(w: CaseWriting, deadline: Deadline) -> None:
    asked = await _request(w, deadline)
    if asked is not None:
        arm(w, asked)


async def _retry(w: CaseWriting, _: Deadline) -> None:
    await wake_held(w)


async def _information_late(w: CaseWriting, deadline: Deadline) -> None:
    asked = await _request(w, deadline)
    if asked is None:
        return
    await case_clocks.breach(w, asked.id, ClockName.INFORMATION)
    await w.owe(
        "information_late",
        f"the documents {w.case.payer} asked for were due; without them it denies: send them or ask for more time",
        subject=wish_subject(asked.trace, asked.wanted_by),
    )


async def _notice_late(w: CaseWriting, deadline: Deadline) -> None:
    asked = await _request(w, deadline)
    if asked is None:
        return
    await w.owe(
        "notice_late",
        f"{w.case.payer} had to be told of the admission by now: tell it by telephone and keep the reference",
        subject=asked.trace,
        rule="domain 4.1",
    )
    await w.note("admission_notice_late", {"request": str(asked.id)})


async def _contest(w: CaseWriting, deadline: Deadline) -> None:
    """Half of a window, most of it, all of it: reminders first, then the next way (AUTH-13, E46)."""
    dispute = await w.session.get(AuthorizationDispute, UUID(deadline.subject_id))
    if dispute is None or dispute.status not in OPEN or dispute.file_by is None:
        return
    name = deadline.key.split(":", 1)[0]
    if name.endswith("_outcome") and dispute.scheduled_at is not None:
        await w.owe(
            "peer_to_peer_outcome",
            f"the hour of the peer-to-peer with {w.case.payer} has passed: record what came of it",
            subject=f"{dispute.id}:{dispute.scheduled_at.isoformat()}",
            rule="AUTH-13",
        )
    elif name.endswith("_end"):
        await _missed(w, dispute)
    else:
        await w.owe(
            name,
            f"{WORDS[dispute.kind]} against {w.case.payer}'s answer must be asked for by {dispute.file_by.isoformat()}",
            due_at=dispute.file_by,
            subject=f"{dispute.id}:{dispute.opened_at.isoformat()}",
            rule="AUTH-13",
        )


async def _missed(w: CaseWriting, dispute: AuthorizationDispute) -> None:
    dispute.status, dispute.decided_at = DisputeStatus.MISSED, w.now
    dispute.version += 1
    w.case.version += 1
    await case_clocks.breach(w, dispute.id)
    await case_clocks.stop(w, dispute.id)
    await w.note(f"authorization_{dispute.kind.value}_missed", {"dispute": str(dispute.id)})
    root = await w.session.get_one(AuthorizationRequest, dispute.request_id)
    if dispute.kind is DisputeKind.PEER_TO_PEER:
        await say_appeal_is_open(w, root)
        return
    await w.owe(
        "denial_final",
        f"the time to contest {w.case.payer}'s answer for {w.case.level} is over: decide who pays the days it leaves open",
        subject=root.trace,
        rule="AUTH-12",
        owner="biller",
    )


async def _request(w: CaseWriting, deadline: Deadline) -> AuthorizationRequest | None:
    return await w.session.get(AuthorizationRequest, UUID(deadline.subject_id)) if deadline.subject_id else None


Effect = Callable[[CaseWriting, Deadline], Awaitable[None]]
EFFECTS: Final[dict[DeadlineKind, Effect]] = {
    DeadlineKind.REVIEW_DUE: _review_due,
    DeadlineKind.LAST_COVERED_DAY: _lapsed,
    DeadlineKind.PAYER_DECISION: _late,
    DeadlineKind.PAYER_INQUIRY: _inquire,
    DeadlineKind.PAYER_RETRY: _retry,
    DeadlineKind.INFORMATION_DUE: _information_late,
    DeadlineKind.NOTIFICATION_DUE: _notice_late,
    DeadlineKind.PEER_TO_PEER: _contest,
    DeadlineKind.APPEAL_FILING: _contest,
}
