"""One authorization case as JSON: questions, answers, grants, days, disputes and clocks, each with its why."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from api.shown import case as summary
from api.told import titles_of, why_text
from api.worklist import OURS, counted, days_left, left_of, shown_line
from definitions.edition import Edition
from definitions.payer import Payer
from definitions.vocabulary import ClockName, GrantState
from rules.calendar import facility_date
from rules.disputes import OPEN
from rules.sending import CALLED, channel_of
from storage.models import (
    AuthorizationClock,
    AuthorizationDecision,
    AuthorizationDispute,
    AuthorizationGrant,
    AuthorizationRequest,
    SingleCaseAgreement,
)
from storage.reads.case import CaseDay, CasePage
from storage.reads.worklist import GrantUsed


def case_shown(found: CasePage, edition: Edition, now: datetime) -> dict[str, Any]:
    """What is left is counted from the facility's date. `why_text` beside each `why` says it in the facility's words
    and time, as the pages do."""
    case = found.case
    zone, titles = edition.facilities[case.facility].zone, titles_of(edition)
    today = facility_date(now, zone)
    active = [used_of(found, g) for g in found.grants if g.state is GrantState.ACTIVE]
    at_level = found.episode.level
    return {
        **summary(case),
        "person_id": case.person_id, "facility": case.facility, "clinical_level": at_level,
        "phase": found.episode.phase, "mismatch": bool(
            at_level and case.granted_level and at_level != case.granted_level
        ),
        "review_status": case.review_status, "owner": case.owner, "opened_at": case.opened_at,
        **counted(active, today, case.end_dated_on),
        "billed_units": sum(d.charge_id is not None for d in found.days),
        "days_left": days_left(case.last_covered_day, case.end_dated_on, today),
        "next_action": case.next_action, "next_action_at": case.next_action_at,
        "next_action_owner": case.next_action_owner, "next_action_why": case.next_action_why,
        "next_action_why_text": case.next_action_why and why_text(case.next_action_why, zone, titles),
        "circuit": shown_line(found.line) if found.line else None,
        "requests": [_request(r, edition.payers.get(found.case.payer)) for r in found.requests],
        "decisions": [_decision(d) for d in found.decisions],
        "grants": [_grant(found, g, today) for g in found.grants],
        "days": [_day(d) for d in found.days],
        "disputes": [_dispute(d, now) for d in found.disputes],
        "clocks": [_clock(c) for c in found.clocks],
        "agreements": [_agreement(a) for a in found.agreements],
        "open_items": [
            {
                "id": i.id, "kind": i.kind, "owner_role": i.owner_role, "why": i.why, "rule": i.rule,
                "why_text": why_text(i.why, zone, titles),
                "due_at": i.due_at, "opened_at": i.opened_at, "escalated_at": i.escalated_at,
            }
            for i in found.items
        ],
        "next_events": [
            {
                "at": d.at, "kind": d.kind, "why": d.why, "why_text": why_text(d.why, zone, titles),
                "subject_id": d.subject_id,
            }
            for d in found.due
        ],
        "evidence": _evidence(found),
    }  # fmt: skip


def used_of(found: CasePage, g: AuthorizationGrant) -> GrantUsed:
    return GrantUsed(
        g.id, g.authorization_id, g.level, g.unit, g.units, g.from_date, g.through_date, g.number, found.used(g.id)
    )


def _request(r: AuthorizationRequest, payer: Payer | None) -> dict[str, Any]:
    return {
        "id": r.id, "kind": r.kind, "status": r.status, "trace": r.trace, "level": r.level, "units": r.units,
        "unit": r.unit, "from_date": r.from_date, "through_date": r.through_date, "urgent": r.urgent,
        "delay_reason": r.delay_reason, "about": r.about, "dispute_id": r.dispute_id,
        "requested_at": r.requested_at, "first_sent_at": r.first_sent_at, "sent_at": r.sent_at,
        "held_at": r.held_at, "answered_at": r.answered_at, "decision_due_at": r.decision_due_at,
        "attempts": r.attempts, "inquiries": r.inquiries, "inquired_at": r.inquired_at, "reference": r.reference,
        "wanted": r.wanted, "wanted_by": r.wanted_by, "attachments": r.attachments,
        "channel": "by_hand" if r.sent_at is not None and r.attempts == 0 else _machine(r, payer),
    }  # fmt: skip


def _machine(r: AuthorizationRequest, payer: Payer | None) -> str:
    """The grammar in which it leaves."""
    return CALLED.get(channel_of(r.kind, payer), "x12") if payer is not None else "x12"


def _decision(d: AuthorizationDecision) -> dict[str, Any]:
    """`stands`: no later answer took its place; `superseded_by` names the one that did."""
    return {
        "id": d.id, "request_id": d.request_id, "arrival": d.arrival, "action": d.action, "status": d.status,
        "reason": d.reason, "number": d.number, "level": d.level, "unit": d.unit, "units": d.units,
        "from_date": d.from_date, "through_date": d.through_date, "stated_at": d.stated_at,
        "received_at": d.received_at, "source": d.source, "stands": d.superseded_by is None,
        "superseded_by": d.superseded_by, "call_reference": d.call_reference, "criteria": d.criteria,
        "reviewer_credentials": d.reviewer_credentials, "evidence_id": d.evidence_id, "recorded_by": d.recorded_by,
    }  # fmt: skip


def _grant(found: CasePage, g: AuthorizationGrant, today: date) -> dict[str, Any]:
    used = used_of(found, g)
    active = g.state is GrantState.ACTIVE
    return {
        "id": g.id, "request_id": g.request_id, "decision_id": g.decision_id, "level": g.level, "unit": g.unit,
        "units": g.units, "from_date": g.from_date, "through_date": g.through_date, "number": g.number,
        "state": g.state, "opened_at": g.opened_at, "closed_at": g.closed_at, "closed_why": g.closed_why,
        "used": used.used, "left": left_of(used, today, found.case.end_dated_on) if active else 0,
    }  # fmt: skip


def _day(d: CaseDay) -> dict[str, Any]:
    return {
        "service_date": d.service_date, "kind": d.kind, "level": d.level, "grant_id": d.grant_id,
        "charge_id": d.charge_id, "state": d.state, "amount": None if d.amount is None else str(d.amount),
        "why": d.why,
    }  # fmt: skip


def _dispute(d: AuthorizationDispute, now: datetime) -> dict[str, Any]:
    return {
        "id": d.id, "request_id": d.request_id, "kind": d.kind, "level": d.level, "status": d.status,
        "expedited": d.expedited, "opened_at": d.opened_at, "file_by": d.file_by, "open": may_be_asked(d, now),
        "scheduled_at": d.scheduled_at, "filed_at": d.filed_at, "filed_by": d.filed_by, "decided_at": d.decided_at,
        "representative": d.representative, "channel": d.channel, "call_reference": d.call_reference,
    }  # fmt: skip


def may_be_asked(d: AuthorizationDispute, now: datetime) -> bool:
    """Whether its window is open (AUTH-13)."""
    return d.status in OPEN and (d.file_by is None or now <= d.file_by)


def _clock(c: AuthorizationClock) -> dict[str, Any]:
    return {
        "id": c.id, "name": c.name, "whose": whose(c.name), "subject_id": c.subject_id, "regime": c.regime,
        "rule": c.rule, "started_at": c.started_at, "due_at": c.due_at, "paused_at": c.paused_at,
        "paused_seconds": c.paused_seconds, "stopped_at": c.stopped_at, "breached_at": c.breached_at,
        "outcome": c.outcome,
    }  # fmt: skip


def whose(name: ClockName) -> str:
    return "house" if name in OURS else "payer"


def _agreement(a: SingleCaseAgreement) -> dict[str, Any]:
    return {
        "id": a.id, "level": a.level, "amount": str(a.amount), "from_date": a.from_date,
        "through_date": a.through_date, "number": a.number, "proposed_at": a.proposed_at, "signed_at": a.signed_at,
        "ended_at": a.ended_at, "recorded_by": a.recorded_by,
    }  # fmt: skip


def _evidence(found: CasePage) -> list[Mapping[str, Any]]:
    """Ids and kinds; the words behind them are opened one by one."""
    behind: dict[UUID, UUID] = {d.evidence_id: d.id for d in found.decisions if d.evidence_id is not None}
    return [
        {"id": e.id, "kind": e.kind, "at": e.at, "recorded_by": e.recorded_by, "decision_id": behind.get(e.id)}
        for e in found.evidence
    ]
