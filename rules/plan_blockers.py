"""What forbids a planned move now, and which bed it takes (domain 1.7, LOC-04, D10).

Pure, like the plan these are parts of: a blocker is a refusal with a sentence, and an urgent move turns it into
work that somebody owns."""

from datetime import timedelta

from definitions.errors import ErrorType, Refusal
from definitions.level import ConsentNeed, LevelOfCare, Move
from definitions.plan import BedChange, OwnedItem
from definitions.plan_facts import BedFact, ConsentFact, PlanFacts, Wish
from definitions.vocabulary import AuthorizationStatus, ConsentStatus, Phase, Role, Track, TransitionKind

RATING = "LOC_DIM"


def blockers_of(
    facts: PlanFacts, wish: Wish, move: Move, level: LevelOfCare, bed: Refusal | None, capacity: int | None
) -> tuple[Refusal, ...]:
    """What forbids the move now. Urgent moves turn these into owned items (issue: the clinician's word). `capacity`
    None: no place is taken."""
    found = []
    if facts.away:
        found.append(Refusal(code=ErrorType.ON_LEAVE, detail="the person is away; record the return before a move"))
    if facts.last_movement_at is not None and wish.effective_at < facts.last_movement_at:
        found.append(
            Refusal(
                code=ErrorType.EFFECTIVE_TOO_EARLY,
                detail=f"the last movement took effect at {facts.last_movement_at.isoformat()}; choose a later time, "
                "or correct that movement",
            )
        )
    rating = _rating_problem(facts, wish, level)
    if rating is not None:
        found.append(rating)
    found += _consent_blockers(facts, wish, level)
    if move.kind is TransitionKind.STEP_DOWN:
        found += [
            Refusal(code=ErrorType.ALERT_OPEN, detail=f"alert {a.rule} is open; a clinician must clear it first")
            for a in facts.alerts
            if a.severity == "critical"
        ]
    if bed is not None:
        found.append(bed)
    if capacity is not None and level.track is Track.DAY and facts.enrolled >= capacity:
        found.append(Refusal(code=ErrorType.PROGRAM_FULL, detail=f"{facts.enrolled} of {capacity} places are taken"))
    found += [
        Refusal(
            code=ErrorType.DISCLOSURE_REFUSED,
            detail=f"the payer denied authorization {c.id} for {c.level}; appeal, choose another level, or accept the "
            "financial risk with a new request",
        )
        for c in facts.cases
        if c.transition_id is not None
        and c.transition_id == wish.transition_id
        and c.status is AuthorizationStatus.DENIED
    ]
    return tuple(found)


def _rating_problem(facts: PlanFacts, wish: Wish, level: LevelOfCare) -> Refusal | None:
    """LOC-04: a dimensional assessment no older than the target's window at the change."""
    window = timedelta(days=level.assessment_window_days) + timedelta(
        hours=facts.facility.policy.transition_grace_hours
    )
    if facts.rating is None:
        return Refusal(
            code=ErrorType.ASSESSMENT_STALE,
            detail=f"no {RATING} is on record; rate the dimensions before a change of level (LOC-04)",
        )
    if facts.rating.performed_at < wish.effective_at - window:
        return Refusal(
            code=ErrorType.ASSESSMENT_STALE,
            detail=f"the last {RATING} is from {facts.rating.performed_at.isoformat()}; {level.key} wants one no older "
            f"than {level.assessment_window_days} days at the change (LOC-04)",
        )
    return None


def _consent_blockers(facts: PlanFacts, wish: Wish, level: LevelOfCare) -> list[Refusal]:
    if facts.phase is not Phase.INTAKE:
        return []
    return [
        Refusal(
            code=ErrorType.CONSENT_MISSING,
            detail=f"consent {rule.form} is not signed; present it before admission",
        )
        for rule in level.consents
        if rule.need is ConsentNeed.REQUIRED
        and facts.forms[rule.form].blocks == "admission"
        and standing_consent(facts, rule.form, wish) is None
    ]


def standing_consent(facts: PlanFacts, form: str, wish: Wish) -> ConsentFact | None:
    """The newest consent of this form that is valid when the move takes effect."""
    return next(iter(standing_consents(facts, form, wish)), None)


def standing_consents(facts: PlanFacts, form: str, wish: Wish) -> list[ConsentFact]:
    """All of them, the newest first."""
    valid = [
        c
        for c in facts.consents
        if c.form == form
        and c.status is ConsentStatus.SIGNED
        and c.revoked_at is None
        and (c.expires_at is None or c.expires_at > wish.effective_at)
    ]
    return sorted(valid, key=lambda c: c.signed_at or wish.effective_at, reverse=True)


def bed_for(facts: PlanFacts, wish: Wish, level: LevelOfCare, program: str) -> tuple[BedChange, Refusal | None]:
    release = facts.held_bed
    kept = wish.keeps(facts.stays)
    if kept is not None:
        return BedChange(release=release, take=release if kept.track is Track.BED else None), None
    if not level.needs_bed:
        return BedChange(release=release), None
    able = [b for b in facts.beds if level.key in b.levels and b.program == program]
    if wish.bed_id is not None:
        bed = next((b for b in facts.beds if b.id == wish.bed_id), None)
        problem = _bed_problem(bed, wish.bed_id, level, able)
        return BedChange(release=release, take=None if problem else wish.bed_id), problem
    held = next((b for b in able if b.id == facts.held_bed), None)
    free = held or next((b for b in able if not b.taken and b.closed_reason is None), None)
    if free is None:
        return BedChange(release=release), Refusal(
            code=ErrorType.NO_BED,
            detail=f"no free bed serves {level.key} in {program} then; choose another time or free a bed",
        )
    if free is held:
        return BedChange(take=free.id, release=free.id), None
    return BedChange(release=release, take=free.id), None


def _bed_problem(bed: BedFact | None, wanted: str, level: LevelOfCare, able: list[BedFact]) -> Refusal | None:
    if bed is None or bed not in able:
        return Refusal(code=ErrorType.UNKNOWN_BED, detail=f"bed {wanted} does not serve {level.key} here")
    alternatives = ", ".join(b.label for b in able if not b.taken and b.closed_reason is None) or "none is free"
    if bed.closed_reason is not None:
        return Refusal(
            code=ErrorType.BED_CLOSED, detail=f"bed {bed.label} is closed ({bed.closed_reason}); free: {alternatives}"
        )
    if bed.taken:
        return Refusal(code=ErrorType.BED_TAKEN, detail=f"bed {bed.label} is taken then; free: {alternatives}")
    return None


OWED_BY: dict[ErrorType, tuple[str, Role]] = {
    ErrorType.NO_BED: ("bed_needed", Role.DIRECTOR),
    ErrorType.BED_TAKEN: ("bed_needed", Role.DIRECTOR),
    ErrorType.BED_CLOSED: ("bed_needed", Role.DIRECTOR),
    ErrorType.UNKNOWN_BED: ("bed_needed", Role.DIRECTOR),
    ErrorType.CONSENT_MISSING: ("consent_needed", Role.ADMISSIONS),
    ErrorType.ASSESSMENT_STALE: ("rating_needed", Role.CLINICIAN),
    ErrorType.DISCLOSURE_REFUSED: ("payer_denied", Role.REVIEWER),
}


def owed(blocker: Refusal, wish: Wish) -> OwnedItem:
    """What an urgent move leaves behind for somebody to mend."""
    kind, role = OWED_BY.get(blocker.code, (blocker.code.value, Role.CLINICIAN))
    return OwnedItem(kind=kind, owner_role=role, why=blocker.detail, due_at=wish.effective_at + timedelta(hours=4))
