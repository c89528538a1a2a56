"""Rows as the JSON api.md promises: snake_case, RFC 3339, ids and codes; people only by id."""

from datetime import date
from typing import Any

from api.staff_words import Spoken
from api.told import titles_of, why_text
from definitions.edition import Edition
from definitions.vocabulary import TransitionStatus
from storage.models import Authorization, Coverage, Episode, TimelineEntry, Transition
from storage.reads.episodes import EpisodePage, EpisodeRow


def row(found: EpisodeRow) -> dict[str, Any]:
    return {
        "id": found.id, "person_id": found.person_id, "facility": found.facility, "phase": found.phase,
        "level": found.level, "authorized_level": found.authorized_level, "program": found.program,
        "payer": found.payer, "requested_level": found.requested_level, "opened_at": found.opened_at,
        "admitted_at": found.admitted_at, "closed_at": found.closed_at, "open_items": found.open_items,
    }  # fmt: skip


def page(found: EpisodePage, edition: Edition, today: date, spoken: Spoken) -> dict[str, Any]:
    """`why_text` beside each `why` says it in the facility's words and time, as the pages do."""
    episode = found.episode
    zone, titles = edition.facilities[episode.facility].zone, titles_of(edition)
    stay = next((s for s in found.stays if s.ended_at is None), None)
    return {
        **summary(episode),
        "away": found.away,
        "stay": {**stay.model_dump(), "payer": episode.payer if episode.coverage_id else None} if stay else None,
        "stays": [s.model_dump() for s in found.stays],
        "bed": {"id": found.bed.id, "label": found.bed.label} if found.bed else None,
        "open_items": [
            {
                "id": i.id, "kind": i.kind, "owner_role": i.owner_role, "why": i.why,
                "why_text": why_text(i.why, zone, titles), "rule": i.rule,
                "due_at": i.due_at, "opened_at": i.opened_at, "escalated_at": i.escalated_at, "subject_id": i.subject_id,
            }
            for i in found.items
        ],
        "next_events": [{**event, "why_text": why_text(event["why"], zone, titles)} for event in found.next_events],
        "assessments_due": [
            {"id": d.id, "instrument": d.instrument, "due_at": d.due_at, "why": d.why, "owner_role": d.owner_role}
            for d in found.dues
        ],
        "assessments": [
            {
                "id": a.id, "instrument": a.instrument, "score": str(a.score) if a.score is not None else None,
                "severity": a.severity, "performed_at": a.performed_at, "outcome": a.outcome,
            }
            for a in found.assessments
        ],
        "alerts": [
            {"id": a.id, "rule": a.rule, "severity": a.severity, "condition": a.condition, "opened_at": a.opened_at}
            for a in found.alerts
        ],
        "consents": [
            {
                "id": c.id, "form": c.form, "edition": c.edition, "program": c.program, "status": c.status,
                "signed_at": c.signed_at, "expires_at": c.expires_at, "revoked_at": c.revoked_at,
            }
            for c in found.consents
        ],
        "coverages": [coverage(c, today) for c in found.coverages],
        "authorizations": [case(a) for a in found.cases],
        "transitions": [transition(t, spoken) for t in found.transitions],
        "movements": [
            {
                "id": m.id, "kind": m.kind, "effective_at": m.effective_at, "recorded_at": m.recorded_at,
                "level": m.level, "program": m.program, "bed_id": m.bed_id, "supersedes": m.supersedes,
                "actor": m.actor, "reason": spoken.movement(m),
            }
            for m in found.movements
        ],
        "sessions_ahead": found.sessions_ahead,
        "charges": {"days": found.charges, "amount": str(found.charged)},
    }  # fmt: skip


def summary(episode: Episode) -> dict[str, Any]:
    return {
        "id": episode.id, "person_id": episode.person_id, "facility": episode.facility, "phase": episode.phase,
        "level": episode.level, "authorized_level": episode.authorized_level, "program": episode.program,
        "payer": episode.payer, "coverage_id": episode.coverage_id, "requested_level": episode.requested_level,
        "edition": episode.edition,
        "version": episode.version, "opened_at": episode.opened_at, "admitted_at": episode.admitted_at,
        "closed_at": episode.closed_at, "disposition": episode.disposition,
        "prior_episode_id": episode.prior_episode_id,
    }  # fmt: skip


def transition(t: Transition, spoken: Spoken) -> dict[str, Any]:
    return {
        "id": t.id, "episode_id": t.episode_id, "kind": t.kind, "from_level": t.from_level, "to_level": t.to_level,
        "program": t.program, "bed_id": t.bed_id, "effective_at": t.effective_at, "requested_at": t.requested_at,
        "requested_by": t.requested_by, "rationale": spoken.rationale(t), "recommended_level": t.recommended_level,
        "deviation_reason": t.deviation_reason, "status": t.status, "urgent": t.urgent,
        "signed_off_by": t.signed_off_by, "order_needed": t.order_needed, "ordered_by": t.ordered_by,
        "decided_by": t.decided_by, "decided_at": t.decided_at, "decision": t.decision,
        "decision_reason": spoken.decision(t), "executed_at": t.executed_at, "blocked_reasons": t.blocked_reasons,
        "plan": (t.plan or {}).get("words"), "plan_fingerprint": t.plan_fingerprint, "version": t.version,
        "waiting_for": _waiting_for(t),
    }  # fmt: skip


def _waiting_for(t: Transition) -> str | None:
    if t.status is not TransitionStatus.NEEDS_SIGN_OFF:
        return None
    return "prescriber's order" if t.order_needed and t.ordered_at is None else "clinician's sign-off"


def case(a: Authorization) -> dict[str, Any]:
    return {
        "id": a.id, "episode_id": a.episode_id, "payer": a.payer, "level": a.level, "granted_level": a.granted_level,
        "status": a.status, "why": a.why, "unit": a.unit, "requested_units": a.requested_units,
        "granted_units": a.granted_units, "number": a.number, "from_date": a.from_date,
        "last_covered_day": a.last_covered_day, "review_due_at": a.review_due_at, "end_dated_on": a.end_dated_on,
        "version": a.version,
    }  # fmt: skip


def coverage(c: Coverage, today: date) -> dict[str, Any]:
    return {
        "id": c.id, "payer": c.payer, "kind": c.kind, "rank": c.rank, "from_date": c.from_date,
        "through_date": c.through_date, "in_force": coverage_state(c, today), "reason": c.reason,
        "changed_at": c.changed_at, "changed_by": c.changed_by,
    }  # fmt: skip


def coverage_state(c: Coverage, today: date) -> str:
    """`now`, `ended`, `later`, or `never` for one recorded in error."""
    if c.voided:
        return "never"
    if c.from_date > today and not c.reaches_back:
        return "later"
    return "ended" if c.through_date is not None and c.through_date < today else "now"


def happened(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "id": entry.id, "at": entry.at, "recorded_at": entry.recorded_at, "kind": entry.kind, "actor": entry.actor,
        "edition": entry.edition, "detail": entry.detail,
    }  # fmt: skip
