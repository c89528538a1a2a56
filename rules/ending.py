"""The plan of an ending: discharge with every disposition of domain 8, death, or not admitted."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from definitions.errors import ErrorType, Refusal
from definitions.plan import (
    AssessmentToRaise,
    BedChange,
    DaysChange,
    OwnedItem,
    SessionsChange,
    TransitionPlan,
)
from definitions.plan_facts import PlanFacts, Wish
from definitions.vocabulary import Disposition, MovementKind, Phase, Role, TransitionKind
from rules.calendar import facility_date
from rules.plan_words import in_words
from rules.transition import cases_closed

AT_ONCE: Final = frozenset(
    {
        Disposition.AGAINST_ADVICE,
        Disposition.ELOPEMENT,
        Disposition.DECEASED,
        Disposition.INCARCERATED,
        Disposition.TRANSFER_ACUTE,
        Disposition.TRANSFER_PSYCHIATRIC,
        Disposition.MEDICAL,
    }
)
"""These happen whether we are ready or not: open alerts never hold them back."""


UNPLANNED_REVIEW_HOURS: Final = 24
"""As soon as the payer's notice is due (domain 8: payer notice within 24 hours)."""
PLANNED_REVIEW_HOURS: Final = 48
"""Together with the payer's notice of a planned discharge."""


@dataclass(frozen=True, slots=True)
class Duty:
    kind: str
    owner: Role
    hours: int
    why: str


FOLLOW_UP: Final = (
    Duty("follow_up_contact", Role.CLINICIAN, 72, "contact after discharge within 72 hours, if consented"),
    Duty("follow_up_contact_7d", Role.CLINICIAN, 7 * 24, "contact seven days after discharge, if consented"),
    Duty("readmission_watch", Role.DIRECTOR, 30 * 24, "readmission watch ends"),
)
TOLD: Final = (Duty("payer_told", Role.REVIEWER, 24, "payer told within 24 hours"),)
SUMMARY: Final = (Duty("discharge_notice", Role.REVIEWER, 48, "tell the payer of the discharge; unused days released"),)
AFTERCARE: Final = (
    Duty("aftercare_booked", Role.CLINICIAN, 24, "aftercare appointment within seven days"),
    Duty("naloxone_offered", Role.CLINICIAN, 4, "naloxone and medications at discharge"),
)
LEFT: Final = (
    Duty(
        "against_advice_form",
        Role.CLINICIAN,
        4,
        "form for leaving against advice, signed or refused; suicide screen tried",
    ),
    Duty("naloxone_offered", Role.CLINICIAN, 4, "naloxone offered"),
    Duty("prescriber_told", Role.CLINICIAN, 2, "prescriber told; duty-to-warn checked"),
    *TOLD,
    Duty("outreach_24h", Role.CLINICIAN, 24, "outreach after 24 hours"),
)
DEATH: Final = (
    Duty("state_death_report", Role.DIRECTOR, 24, "report the death to the state"),
    Duty("sentinel_event", Role.DIRECTOR, 72, "sentinel event review opened; records locked"),
    Duty("next_of_kin", Role.DIRECTOR, 4, "next of kin and coroner"),
    *TOLD,
)
EMERGENCY: Final = (
    Duty("emergency_disclosure_log", Role.CLINICIAN, 4, "log what was told to the hospital and why (2.51)"),
    *TOLD,
)
APPEAL: Final = (
    Duty("financial_notice", Role.ADMISSIONS, 24, "financial notice, appeal status and alternatives given"),
)
RIGHTS: Final = (
    Duty("grievance_rights", Role.CLINICIAN, 24, "grievance rights, referral and medication bridge given"),
)
JAIL: Final = (
    Duty("jail_continuity", Role.CLINICIAN, 24, "medication continuity; hand-off only with consent or order"),
)
LOST: Final = (Duty("outreach_letter", Role.CLINICIAN, 7 * 24, "outreach letter sent"),)
REVIEW: Final = (Duty("privacy_review", Role.DIRECTOR, 24, "privacy review; claims voided"),)

DUTIES: Final[dict[Disposition, tuple[Duty, ...]]] = {
    Disposition.COMPLETED: AFTERCARE + SUMMARY + FOLLOW_UP,
    Disposition.STEP_DOWN_INTERNAL: AFTERCARE + SUMMARY + FOLLOW_UP,
    Disposition.TRANSFER_SUD: SUMMARY + FOLLOW_UP[2:],
    Disposition.TRANSFER_PSYCHIATRIC: EMERGENCY + FOLLOW_UP[2:],
    Disposition.TRANSFER_ACUTE: EMERGENCY + FOLLOW_UP[2:],
    Disposition.AGAINST_ADVICE: LEFT + FOLLOW_UP,
    Disposition.ELOPEMENT: LEFT[2:] + FOLLOW_UP,
    Disposition.ADMINISTRATIVE: RIGHTS + SUMMARY + FOLLOW_UP,
    Disposition.FINANCIAL: APPEAL + SUMMARY + FOLLOW_UP,
    Disposition.INCARCERATED: JAIL + TOLD + FOLLOW_UP[2:],
    Disposition.DECEASED: DEATH,
    Disposition.MEDICAL: EMERGENCY + FOLLOW_UP[2:],
    Disposition.LOST_TO_CONTACT: LOST + SUMMARY + FOLLOW_UP[2:],
    Disposition.ADMITTED_IN_ERROR: REVIEW + TOLD,
    Disposition.OTHER: SUMMARY + FOLLOW_UP,
}


def plan_ending(facts: PlanFacts, wish: Wish, disposition: Disposition) -> TransitionPlan | Refusal:
    """Everything an ending entails: reminders, sessions and requirements stop; what stays open has an owner."""
    if facts.phase in (Phase.CLOSED, Phase.NOT_ADMITTED):
        return Refusal(code=ErrorType.EPISODE_CLOSED, detail="the episode has already ended")
    movement = _movement(facts, disposition)
    admitted = facts.phase is Phase.IN_CARE
    items = _duties(facts, wish, disposition) if admitted else ()
    open_stays = tuple(s.id for s in facts.stays if s.ended_at is None)
    made = TransitionPlan(
        kind=TransitionKind.DISCHARGE,
        movement=movement,
        from_level=next((s.level for s in facts.stays if s.ended_at is None), None),
        to_level=None,
        program=None,
        track=None,
        effective_at=wish.effective_at,
        disposition=disposition,
        urgent=disposition in AT_ONCE,
        assessments_cancelled=tuple(r.id for r in facts.requirements),
        assessments=_summary(wish) if admitted and disposition is not Disposition.ADMITTED_IN_ERROR else (),
        cases_closed=cases_closed(facts, wish, open_stays),
        sessions=SessionsChange(cancel_stays=open_stays, cancel_after=wish.effective_at, cancelled=facts.future_places),
        days=DaysChange(
            close_stays=open_stays,
            closed_on=facility_date(wish.effective_at, facts.facility.zone) if admitted else None,
        ),
        bed=BedChange(release=facts.held_bed),
        items=items,
        blockers=_blockers(facts, wish, disposition),
    )
    return made.model_copy(update={"words": in_words(made)})


def _movement(facts: PlanFacts, disposition: Disposition) -> MovementKind:
    if facts.phase is Phase.INTAKE:
        return MovementKind.NOT_ADMITTED
    return MovementKind.DEATH if disposition is Disposition.DECEASED else MovementKind.DISCHARGE


def _blockers(facts: PlanFacts, wish: Wish, disposition: Disposition) -> tuple[Refusal, ...]:
    found = []
    if facts.last_movement_at is not None and wish.effective_at < facts.last_movement_at:
        found.append(
            Refusal(
                code=ErrorType.EFFECTIVE_TOO_EARLY,
                detail=f"the last movement took effect at {facts.last_movement_at.isoformat()}; choose a later time, "
                "or correct that movement",
            )
        )
    if disposition not in AT_ONCE:
        found += [
            Refusal(
                code=ErrorType.ALERT_OPEN, detail=f"alert {a.rule} is open; a clinician must clear it first (ALR-02)"
            )
            for a in facts.alerts
            if a.severity == "critical"
        ]
    return tuple(found)


def _review(disposition: Disposition) -> Duty:
    """Every discharge of somebody admitted is looked at by a reviewer afterwards: the bed is empty whatever is
    decided, so the discharge itself is not held (decision 0005)."""
    if disposition in AT_ONCE:
        return Duty(
            "discharge_review", Role.REVIEWER, UNPLANNED_REVIEW_HOURS, "left unplanned, recorded at once: review it"
        )
    return Duty(
        "discharge_review",
        Role.REVIEWER,
        PLANNED_REVIEW_HOURS,
        f"discharged on the clinician's word ({disposition.value}): criteria, aftercare and the payer's days reviewed",
    )


def _duties(facts: PlanFacts, wish: Wish, disposition: Disposition) -> tuple[OwnedItem, ...]:
    items = [
        OwnedItem(
            kind=duty.kind,
            owner_role=duty.owner,
            why=duty.why,
            due_at=wish.effective_at + timedelta(hours=duty.hours),
            rule=f"domain 8 {disposition.value}",
        )
        for duty in (*DUTIES[disposition], _review(disposition))
    ]
    items.append(
        OwnedItem(
            kind="state_record",
            owner_role=Role.BILLER,
            why="state discharge record",
            due_at=wish.effective_at + timedelta(days=facts.facility.policy.state_record_days),
            rule="domain 1.8 (10)",
        )
    )
    return tuple(items)


SUMMARY_INSTRUMENT: Final = "DISCHARGE_SUMMARY"


def _summary(wish: Wish) -> tuple[AssessmentToRaise, ...]:
    due = wish.effective_at + timedelta(days=7)
    return (
        AssessmentToRaise(
            instrument=SUMMARY_INSTRUMENT,
            due_at=due,
            escalate_at=due + timedelta(days=7),
            owner_role=Role.CLINICIAN.value,
            why="discharge summary within seven days (domain 2.4)",
        ),
    )
