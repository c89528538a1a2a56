"""Reading somebody's record against the ordinary rule: why it may be asked for, and what a review of it may find."""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class GlassReason(StrEnum):
    """Why a record is opened that the asker may not see (HIPAA emergency access, 45 CFR 164.312(a)(2)(ii); E13)."""

    EMERGENCY = "emergency"
    COVERING_CARE = "covering_care"
    PATIENT_ASKS = "patient_asks"
    SAFETY = "safety"


class GlassFinding(StrEnum):
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class AccessKind(StrEnum):
    """`blocked`: this user never sees the person (a patient's own wish). `restricted`: nobody sees them but those who are
    `allowed` (E13)."""

    BLOCKED = "blocked"
    RESTRICTED = "restricted"
    ALLOWED = "allowed"


OPEN_FOR: Final = timedelta(minutes=60)
"""How long one episode stays open to who broke the glass; a default of the house."""
REVIEWED_WITHIN: Final = timedelta(hours=72)
"""By when somebody else has looked whether it was justified; overdue, the item escalates."""
REVIEW_ITEM: Final = "break_glass_review"
