"""What happens when a deadline comes. The rows decide what still stands; the same moment twice does nothing new."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from activities.consent_ends import MAJORITY
from activities.coverage_effects import settle
from activities.hands import Writing
from activities.presenting import ASKED_AGAIN, REFUSED_ITEM, ask_no_more, present_again
from activities.transition import execute_scheduled
from definitions.consent import EndEvent
from definitions.deadline import Deadline
from definitions.ids import derived
from definitions.vocabulary import ConsentStatus, DeadlineKind, OpenItemStatus, Phase, Role
from rules.calendar import facility_date
from rules.consent import REPRESENTED_AFTER_HOURS, reminders
from rules.coverage import primary_on
from rules.deadlines import due
from rules.episode_clock import deadlines_of
from storage.models import Alert, AssessmentDue, Consent, OpenItem
from storage.reads.clock_facts import ASSESSMENT_NOTICE, HOLD_NOTICE, RETURN_NOTICE, read_clock_facts
from storage.repositories import work
from storage.repositories.coverage import coverages_of

Effect = Callable[[Writing, Deadline, datetime], Awaitable[None]]


async def fire(writing: Writing, now: datetime) -> int:
    """Everything of this episode that has come by `now`, earliest first. Answers how many."""
    facts, _ = await read_clock_facts(writing.session, writing.episode, writing.edition.consents)
    come = due(deadlines_of(facts), now)
    for deadline in come:
        await EFFECTS[deadline.kind](writing, deadline, now)
        await writing.session.flush()
    if come:
        writing.episode.version += 1
    return len(come)


async def _owe(
    writing: Writing, deadline: Deadline, kind: str, owner: str, why: str, subject: str | None = None
) -> None:
    await work.open_item(
        writing.session,
        item_id=derived(writing.episode.id, kind, deadline.key),
        episode_id=writing.episode.id,
        facility=writing.episode.facility,
        kind=kind,
        owner_role=owner,
        why=why,
        opened_at=deadline.at,
        subject_id=subject or deadline.subject_id,
    )


async def _assessment_due(writing: Writing, deadline: Deadline, now: datetime) -> None:
    row = await writing.session.get(AssessmentDue, UUID(deadline.subject_id))
    if row is None:
        return
    await _owe(writing, deadline, ASSESSMENT_NOTICE, row.owner_role, f"{row.instrument} was due; {row.why}")
    await writing.note("assessment_overdue", {"due": str(row.id), "instrument": row.instrument}, at=deadline.at)


async def _assessment_escalates(writing: Writing, deadline: Deadline, now: datetime) -> None:
    row = await writing.session.get(AssessmentDue, UUID(deadline.subject_id))
    if row is None:
        return
    row.escalated_at = now
    await _owe(
        writing, deadline, "assessment_escalated", Role.DIRECTOR.value, f"{row.instrument} is long overdue; {row.why}"
    )
    await writing.note("assessment_escalated", {"due": str(row.id), "instrument": row.instrument}, at=deadline.at)


async def _consent_renews(writing: Writing, deadline: Deadline, now: datetime) -> None:
    """Presented again ahead of expiry, and spoken of again 14 and 3 days before (domain 3.4)."""
    consent = await writing.session.get(Consent, UUID(deadline.subject_id))
    if consent is None or consent.signed_at is None or consent.expires_at is None:
        return
    form = writing.edition.consents.get(consent.form)
    ahead = reminders(consent.signed_at, consent.expires_at, form.renew_days_before if form else ())
    consent.reminded = max(sum(at <= now for at in ahead), consent.reminded + 1)
    await present_again(writing, consent, due_at=consent.expires_at, reason=deadline.why)
    await work.open_item(
        writing.session, item_id=derived(consent.id, "consent_renewal", str(consent.reminded)),
        episode_id=writing.episode.id, facility=writing.episode.facility, kind="consent_renewal",
        owner_role=Role.ADMISSIONS.value, why=deadline.why, opened_at=deadline.at, due_at=consent.expires_at,
        subject_id=consent.form, rule="domain 3.4",
    )  # fmt: skip
    detail = {"consent": str(consent.id), "form": consent.form, "reminder": consent.reminded}
    await writing.note("consent_renewal_due", detail, at=deadline.at)


async def _consent_expires(writing: Writing, deadline: Deadline, now: datetime) -> None:
    """Blocks new disclosures at that instant (E17). What a guardian signed ends as the minor comes of age: the patient is
    asked now (E11)."""
    consent = await writing.session.get(Consent, UUID(deadline.subject_id))
    if consent is None:
        return
    consent.status = ConsentStatus.EXPIRED
    consent.version += 1
    await writing.session.flush()
    ended_by = consent.scope.get("ends_by")
    if ended_by in {e.value for e in EndEvent}:
        await writing.note(
            "consent_expired", {"consent": str(consent.id), "form": consent.form, "by": ended_by}, at=deadline.at
        )
        return
    by_age = ended_by == MAJORITY
    if by_age:
        await present_again(writing, consent, due_at=deadline.at, reason="the patient came of age")
    why = (
        f"consent {consent.form} was signed by a guardian and ended as the patient came of age: the patient signs now, and "
        "until then what it covered is held (E11)"
        if by_age
        else f"consent {consent.form} expired: what it covered is held until it is signed again"
    )
    kind = "consent_majority" if by_age else "consent_expired"
    await _owe(writing, deadline, kind, Role.ADMISSIONS.value, why, subject=consent.form)
    detail = {"consent": str(consent.id), "form": consent.form, "majority": by_age}
    await writing.note("consent_expired", detail, at=deadline.at)


async def _transition(writing: Writing, deadline: Deadline, now: datetime) -> None:
    """The hour of an approved move; the move's rows derive from this deadline's own key."""
    key = f"{writing.episode.id}:{deadline.key}"
    own = replace(writing, key=key, actor="system", role=Role.SYSTEM, now=now)
    await execute_scheduled(own, UUID(deadline.subject_id))


async def _return_overdue(writing: Writing, deadline: Deadline, now: datetime) -> None:
    """Not back from leave (E53): a person looks, nobody is discharged by a timer."""
    await _owe(
        writing, deadline, RETURN_NOTICE, Role.CLINICIAN.value,
        "not back when expected: search, call, and decide on return or elopement",
    )  # fmt: skip
    await writing.note("return_overdue", {"absence": deadline.subject_id}, at=deadline.at)


async def _hold_ends(writing: Writing, deadline: Deadline, now: datetime) -> None:
    await _owe(
        writing, deadline, HOLD_NOTICE, Role.DIRECTOR.value,
        "the bed hold has ended: record the return or discharge as of the departure (E52)",
    )  # fmt: skip
    await writing.note("bed_hold_ended", {"absence": deadline.subject_id}, at=deadline.at)


async def _item_escalates(writing: Writing, deadline: Deadline, now: datetime) -> None:
    item = await writing.session.get(OpenItem, UUID(deadline.subject_id))
    if item is None or item.status is not OpenItemStatus.OPEN:
        return
    if item.kind == REFUSED_ITEM:
        await ask_no_more(writing)
        if item.status is not OpenItemStatus.OPEN:
            return
    if item.kind in ASKED_AGAIN and writing.episode.phase not in (Phase.CLOSED, Phase.NOT_ADMITTED):
        # Asked again each shift until somebody signs or the episode ends (domain 11.1).
        shifts = (now - deadline.at) // REPRESENTED_AFTER_HOURS + 1
        item.due_at = deadline.at + shifts * REPRESENTED_AFTER_HOURS
        await writing.note("consent_asked_again", {"item": str(item.id), "form": item.subject_id}, at=deadline.at)
        return
    item.escalated_at = now
    await writing.note(
        "item_overdue", {"item": str(item.id), "kind": item.kind, "owner": item.owner_role}, at=deadline.at
    )


async def _alert_unanswered(writing: Writing, deadline: Deadline, now: datetime) -> None:
    alert = await writing.session.get(Alert, UUID(deadline.subject_id))
    if alert is None:
        return
    alert.acknowledge_by = None
    await _owe(
        writing, deadline, "alert_unacknowledged", Role.DIRECTOR.value,
        f"alert {alert.rule} ({alert.severity}) was not acknowledged in time",
    )  # fmt: skip
    await writing.note("alert_unacknowledged", {"alert": str(alert.id), "rule": alert.rule}, at=deadline.at)


async def _coverage_changes(writing: Writing, deadline: Deadline, now: datetime) -> None:
    """The midnight at which another payer takes over, or nobody pays any more (E38). Several coverages that change at
    one midnight are settled together."""
    on = facility_date(deadline.at, writing.facility.zone)
    if writing.episode.coverage_on is not None and writing.episode.coverage_on >= on:
        return
    own = replace(
        writing, key=f"{writing.episode.id}:{deadline.key}", actor="system", role=Role.SYSTEM, now=now
    )  # fmt: skip
    rows = await coverages_of(writing.session, writing.episode.person_id)
    ended = await settle(own, rows)
    paying = primary_on(rows, on)
    detail = {"payer": paying.payer if paying else None, "cases_ended": [str(c) for c in ended]}
    await own.note("coverage_in_force", detail, at=deadline.at, purpose="payment")


EFFECTS: Final[dict[DeadlineKind, Effect]] = {
    DeadlineKind.ASSESSMENT_DUE: _assessment_due,
    DeadlineKind.ASSESSMENT_ESCALATION: _assessment_escalates,
    DeadlineKind.CONSENT_RENEWAL: _consent_renews,
    DeadlineKind.CONSENT_EXPIRY: _consent_expires,
    DeadlineKind.TRANSITION_EFFECTIVE: _transition,
    DeadlineKind.LEAVE_RETURN: _return_overdue,
    DeadlineKind.BED_HOLD_END: _hold_ends,
    DeadlineKind.OPEN_ITEM_DUE: _item_escalates,
    DeadlineKind.ALERT_ACKNOWLEDGEMENT: _alert_unanswered,
    DeadlineKind.COVERAGE_CHANGE: _coverage_changes,
}
"""One effect per kind of deadline an episode can have."""
