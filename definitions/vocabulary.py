"""Closed vocabularies shared by every floor. Values are wire- and database-stable: add, never rename."""

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where an episode stands as a whole; the level of care says the rest (domain 1.7)."""

    INTAKE = "intake"
    IN_CARE = "in_care"
    CLOSED = "closed"
    NOT_ADMITTED = "not_admitted"


OPEN_PHASES: Final = (Phase.INTAKE, Phase.IN_CARE)
"""An episode that has not ended: a person has one of them in a facility."""


class Track(StrEnum):
    """The lane a stay occupies. Two stays of one episode may run beside each other only on
    different tracks: a night in a bed (3.1) and a day programme (2.5, 2.1), domain 1.7 parallel."""

    BED = "bed"
    DAY = "day"


class BillingBehaviour(StrEnum):
    """How a day at a level becomes payable (domain 6.1, 6.8)."""

    OVERNIGHT = "overnight"
    ATTENDANCE = "attendance"
    SESSION = "session"


class Family(StrEnum):
    """The five things that must happen together at every move."""

    ASSESSMENTS = "assessments"
    CONSENTS = "consents"
    AUTHORIZATION = "authorization"
    SCHEDULE = "schedule"
    PER_DIEM = "per_diem"


class Role(StrEnum):
    ADMISSIONS = "admissions"
    REVIEWER = "reviewer"
    DIRECTOR = "director"
    CLINICIAN = "clinician"
    BILLER = "biller"
    AUDITOR = "auditor"
    ADMIN = "admin"
    PAYER = "payer"
    EXTERNAL_REVIEWER = "external_reviewer"
    SYSTEM = "system"


class TransitionKind(StrEnum):
    """Kinds of move (domain 1.7)."""

    ADMISSION = "admission"
    STEP_DOWN = "step_down"
    STEP_UP = "step_up"
    LATERAL = "lateral"
    PARALLEL = "parallel"
    BED_MOVE = "bed_move"
    DISCHARGE = "discharge"


class TransitionStatus(StrEnum):
    """`needs_sign_off` and `needs_order` come before the reviewer's queue (LOC-04); `blocked` is an
    approved future transition that a re-check at its hour refused: a person must decide."""

    NEEDS_SIGN_OFF = "needs_sign_off"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    EXECUTED = "executed"
    BLOCKED = "blocked"
    RETURNED = "returned"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class MovementKind(StrEnum):
    """Facts about where a person was (D14)."""

    ADMISSION = "admission"
    TRANSFER = "transfer"
    PARALLEL = "parallel"
    BED_MOVE = "bed_move"
    LEAVE = "leave"
    SEND_OUT = "send_out"
    RETURN = "return"
    DISCHARGE = "discharge"
    DEATH = "death"
    NOT_ADMITTED = "not_admitted"
    VOID = "void"


class DeviationReason(StrEnum):
    """Why the actual level differs from the recommended one (LOC-03)."""

    RECOMMENDED_UNAVAILABLE = "recommended_unavailable"
    PAYER_DENIED = "payer_denied"
    PATIENT_PREFERENCE = "patient_preference"
    LEGAL_MANDATE = "legal_mandate"
    GEOGRAPHY_TRANSPORT = "geography_transport"
    WAITLIST = "waitlist"
    CLINICAL_OVERRIDE = "clinical_override"
    SAME = "same"


class Disposition(StrEnum):
    """Every way an episode ends (domain 8)."""

    COMPLETED = "completed"
    STEP_DOWN_INTERNAL = "step_down_internal"
    TRANSFER_SUD = "transfer_sud"
    TRANSFER_PSYCHIATRIC = "transfer_psychiatric"
    TRANSFER_ACUTE = "transfer_acute"
    AGAINST_ADVICE = "against_advice"
    ELOPEMENT = "elopement"
    ADMINISTRATIVE = "administrative"
    FINANCIAL = "financial"
    INCARCERATED = "incarcerated"
    DECEASED = "deceased"
    MEDICAL = "medical"
    LOST_TO_CONTACT = "lost_to_contact"
    ADMITTED_IN_ERROR = "admitted_in_error"
    OTHER = "other"


class AssessmentStatus(StrEnum):
    DUE = "due"
    COMPLETED = "completed"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class ConsentStatus(StrEnum):
    """State machine of domain 3.4."""

    PRESENTED = "presented"
    SIGNED = "signed"
    REFUSED = "refused"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    VOIDED = "voided"
    UNABLE_TO_SIGN = "unable_to_sign"
    """No capacity at that hour: the end of that presentation, and a new one follows (domain 3.8)."""


class AuthorizationStatus(StrEnum):
    """One authorization case: one payer, one stay (domain 4.4)."""

    NOT_REQUIRED = "not_required"
    WAITING_CONSENT = "waiting_consent"
    READY = "ready"
    SUBMITTED = "submitted"
    PENDED = "pended"
    APPROVED = "approved"
    PARTIAL = "partial"
    DENIED = "denied"
    CANCELLED = "cancelled"
    CONTACT_PAYER = "contact_payer"
    DATA_PROBLEM = "data_problem"
    TIMED_OUT = "timed_out"
    END_DATED = "end_dated"
    HELD = "held"
    """Ready, and kept in the payer's queue while its system is down."""
    INFORMATION_REQUESTED = "information_requested"
    INFORMATION_SENT = "information_sent"
    VOIDED = "voided"
    """Approved once, and taken back by the payer (AUTH-09)."""


class RequestKind(StrEnum):
    """What is asked of a payer (domain 4.1). `information` sends documents a pended request waits for;
    `discharge` tells the payer of the end and releases unused days."""

    INITIAL = "initial"
    CONCURRENT = "concurrent"
    EXPEDITED = "expedited"
    RETROSPECTIVE = "retrospective"
    NOTIFICATION = "notification"
    CANCEL = "cancel"
    INFORMATION = "information"
    RECONSIDERATION = "reconsideration"
    APPEAL = "appeal"
    EXTERNAL_REVIEW = "external_review"
    DISCHARGE = "discharge"


class GrantState(StrEnum):
    """A grant's life (domain 4.4). Exhausted and expired are not states: they follow from days and dates."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    VOIDED_BY_PAYER = "voided_by_payer"


class DisputeKind(StrEnum):
    """Ways to contest an adverse determination, in their usual order (domain 4.1)."""

    PEER_TO_PEER = "peer_to_peer"
    RECONSIDERATION = "reconsideration"
    APPEAL = "appeal"
    EXTERNAL_REVIEW = "external_review"


class DisputeStatus(StrEnum):
    """`open`: may still be asked for; `missed`: its window closed unused."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    FILED = "filed"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    MISSED = "missed"


class ClockName(StrEnum):
    """The clocks of utilization review (domain 4.3). Ours and the payer's are told apart in the rule."""

    DECISION_URGENT = "decision_urgent"
    DECISION_CONCURRENT = "decision_concurrent"
    DECISION_STANDARD = "decision_standard"
    DECISION_RETROSPECTIVE = "decision_retrospective"
    DECISION_AFTER_INFORMATION = "decision_after_information"
    INFORMATION = "information"
    NOTIFICATION = "notification"
    RETROSPECTIVE_FILING = "retrospective_filing"
    PEER_TO_PEER = "peer_to_peer"
    APPEAL_FILING = "appeal_filing"
    APPEAL_DECISION_URGENT = "appeal_decision_urgent"
    APPEAL_DECISION = "appeal_decision"
    EXTERNAL_FILING = "external_filing"
    EXTERNAL_DECISION_URGENT = "external_decision_urgent"
    EXTERNAL_DECISION = "external_decision"


class LineState(StrEnum):
    """The circuit to one payer's system: `draining` sends what was held, oldest first."""

    CLOSED = "closed"
    OPEN = "open"
    DRAINING = "draining"


class SessionStatus(StrEnum):
    """One person's place in one session (SCH-03)."""

    SCHEDULED = "scheduled"
    ATTENDED = "attended"
    NO_SHOW = "no_show"
    EXCUSED = "excused"
    CANCELLED = "cancelled"


class ChargeStatus(StrEnum):
    LIVE = "live"
    VOID = "void"


class DeadlineKind(StrEnum):
    """What an episode, an authorization or a stand-in waits for (D6, domain 11.1)."""

    ASSESSMENT_DUE = "assessment_due"
    ASSESSMENT_ESCALATION = "assessment_escalation"
    CONSENT_RENEWAL = "consent_renewal"
    CONSENT_EXPIRY = "consent_expiry"
    TRANSITION_EFFECTIVE = "transition_effective"
    LEAVE_RETURN = "leave_return"
    BED_HOLD_END = "bed_hold_end"
    REVIEW_DUE = "review_due"
    LAST_COVERED_DAY = "last_covered_day"
    PAYER_DECISION = "payer_decision"
    PAYER_INQUIRY = "payer_inquiry"
    PAYER_RETRY = "payer_retry"
    INFORMATION_DUE = "information_due"
    PEER_TO_PEER = "peer_to_peer"
    APPEAL_FILING = "appeal_filing"
    APPEAL_DECISION = "appeal_decision"
    NOTIFICATION_DUE = "notification_due"
    FOLLOW_UP = "follow_up"
    OPEN_ITEM_DUE = "open_item_due"
    ALERT_ACKNOWLEDGEMENT = "alert_acknowledgement"
    COVERAGE_CHANGE = "coverage_change"


class OpenItemStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class ContentClass(StrEnum):
    """What kind of content leaves (domain 3.5)."""

    AUTHORIZATION_REQUEST = "authorization_request"
    CLINICAL_ATTACHMENT = "clinical_attachment"
    CLAIM = "claim"
    ELIGIBILITY_QUERY = "eligibility_query"
    COUNSELLING_NOTES = "counselling_notes"
    HANDOFF = "handoff"
    MANDATED_REPORT = "mandated_report"
    """What a law asks to be reported, and nothing beside it (2.12(c)(6))."""


class Purpose(StrEnum):
    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    LEGAL = "legal"
    """Civil, criminal, administrative or legislative proceedings."""
    PATIENT_REQUEST = "patient_request"
    PUBLIC_DUTY = "public_duty"
    """A report that a law asks for."""


class CoverageKind(StrEnum):
    """Insurance asks before it pays; self-pay and county funding need no request (issue text)."""

    INSURANCE = "insurance"
    SELF_PAY = "self_pay"
    COUNTY_FUNDING = "county_funding"


class CoverageAct(StrEnum):
    """What is said about a person's coverages (E38 to E41, domain 6.16)."""

    SWITCH = "switch"
    """Another payer takes the place of the one of this rank."""
    ADD = "add"
    """One more coverage, beside or after what is there; it may overlap none of its rank."""
    END = "end"
    """The last day of a coverage, ahead or looking back (retro-termination, E39)."""
    CORRECT = "correct"
    """The dates or the rank were recorded wrongly."""


class CoverageReason(StrEnum):
    """Why a coverage stands as it does."""

    REFERRAL = "referral"
    PLAN_CHANGED = "plan_changed"
    EMPLOYMENT_ENDED = "employment_ended"
    CONTINUATION = "continuation"
    """COBRA and alike."""
    ORDER_CHANGED = "order_changed"
    """Coordination of benefits: who pays first (domain 6.16)."""
    RETRO_TERMINATED = "retro_terminated"
    RETRO_GRANTED = "retro_granted"
    COVERAGE_FOUND = "coverage_found"
    RECORDED_IN_ERROR = "recorded_in_error"
