"""Every deadline of an episode from its rows: what happens next, when and why (D6, domain 11.1)."""

from definitions.clock_facts import ClockFacts, ConsentClock
from definitions.deadline import Deadline
from definitions.vocabulary import DeadlineKind
from rules.calendar import midnight_before
from rules.consent import reminders


def deadlines_of(facts: ClockFacts) -> tuple[Deadline, ...]:
    """One deadline per key. Past ones stay until what they ask for is done or told: a restart misses nothing."""
    found: list[Deadline] = []
    found += _requirements(facts)
    for consent in facts.consents:
        found += _consent(consent)
    found += _movements(facts)
    found += _people(facts)
    found += _coverages(facts)
    return tuple(sorted(found, key=lambda d: (d.at, d.key)))


def _requirements(facts: ClockFacts) -> list[Deadline]:
    found = []
    for due in facts.requirements:
        if not due.noticed:
            found.append(
                Deadline(
                    key=f"assessment:{due.id}",
                    kind=DeadlineKind.ASSESSMENT_DUE,
                    at=due.due_at,
                    why=f"{due.instrument} is due",
                    subject_id=str(due.id),
                )
            )
        elif not due.escalated:
            found.append(
                Deadline(
                    key=f"assessment:{due.id}",
                    kind=DeadlineKind.ASSESSMENT_ESCALATION,
                    at=due.escalate_at,
                    why=f"{due.instrument} is overdue; the director is told",
                    subject_id=str(due.id),
                )
            )
    return found


def _consent(consent: ConsentClock) -> list[Deadline]:
    """Renewal ahead of expiry (domain 3.4 default 30/14/3), and the expiry itself."""
    found = [
        Deadline(
            key=f"consent:{consent.id}:expiry",
            kind=DeadlineKind.CONSENT_EXPIRY,
            at=consent.expires_at,
            why=f"consent {consent.form} expires",
            subject_id=str(consent.id),
        )
    ]
    ahead = reminders(consent.signed_at, consent.expires_at, consent.renew_days_before)
    # A renewal that a plan has presented already is spoken of only by the later reminders.
    told = max(consent.reminded, 1) if consent.renewal_open else consent.reminded
    if told < len(ahead):
        found.append(
            Deadline(
                key=f"consent:{consent.id}:renewal",
                kind=DeadlineKind.CONSENT_RENEWAL,
                at=ahead[told],
                why=f"consent {consent.form} runs out on {consent.expires_at.date().isoformat()}; renew it",
                subject_id=str(consent.id),
            )
        )
    return found


def _movements(facts: ClockFacts) -> list[Deadline]:
    found = [
        Deadline(
            key=f"transition:{t.id}",
            kind=DeadlineKind.TRANSITION_EFFECTIVE,
            at=t.effective_at,
            why=f"the approved move to {t.to_level or 'discharge'} takes effect",
            subject_id=str(t.id),
        )
        for t in facts.transitions
    ]
    for absence in facts.absences:
        if absence.expected_return_at is not None and not absence.return_noticed:
            found.append(
                Deadline(
                    key=f"absence:{absence.id}:return",
                    kind=DeadlineKind.LEAVE_RETURN,
                    at=absence.expected_return_at,
                    why=f"expected back from {absence.kind}",
                    subject_id=str(absence.id),
                )
            )
        if absence.hold_until is not None and not absence.hold_noticed:
            found.append(
                Deadline(
                    key=f"absence:{absence.id}:hold",
                    kind=DeadlineKind.BED_HOLD_END,
                    at=absence.hold_until,
                    why="the bed hold ends; decide on return or discharge",
                    subject_id=str(absence.id),
                )
            )
    return found


def _people(facts: ClockFacts) -> list[Deadline]:
    found = [
        Deadline(
            key=f"item:{i.id}",
            kind=DeadlineKind.OPEN_ITEM_DUE,
            at=i.due_at,
            why=f"{i.kind} is owed by {i.owner_role}",
            subject_id=str(i.id),
        )
        for i in facts.items
        if not i.escalated
    ]
    found += [
        Deadline(
            key=f"alert:{a.id}",
            kind=DeadlineKind.ALERT_ACKNOWLEDGEMENT,
            at=a.acknowledge_by,
            why=f"alert {a.rule} must be acknowledged",
            subject_id=str(a.id),
        )
        for a in facts.alerts
    ]
    return found


def _coverages(facts: ClockFacts) -> list[Deadline]:
    """The midnight at which another payer takes over, or a coverage has run out (E38)."""
    return [
        Deadline(
            key=f"coverage:{c.id}:{c.on.isoformat()}",
            kind=DeadlineKind.COVERAGE_CHANGE,
            at=midnight_before(c.on, c.zone),
            why=f"{c.payer} {'takes effect' if c.begins else 'has run out'} on {c.on.isoformat()}",
            subject_id=str(c.id),
        )
        for c in facts.coverages
    ]
