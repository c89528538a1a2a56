"""Codes of the 278: actions, kinds of request, and what reject and decision codes mean (domain 4.4, 4.5)."""

from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """HCR01 (domain 4.4). A denial is A3, never an AAA. A2 stands at the event only, never on a line."""

    CERTIFIED = "A1"
    PARTIAL = "A2"
    NOT_CERTIFIED = "A3"
    PENDED = "A4"
    MODIFIED = "A6"
    CANCELLED = "C"
    CONTACT_PAYER = "CT"
    NO_ACTION_REQUIRED = "NA"


class Certification(StrEnum):
    """UM02."""

    INITIAL = "I"
    EXTENSION = "4"
    RENEWAL = "R"
    REVISED = "S"
    CANCEL = "3"
    APPEAL_IMMEDIATE = "1"
    APPEAL_STANDARD = "2"
    RECONSIDERATION = "N"


class LevelOfService(StrEnum):
    """UM06. U is a clinician's statement of urgency (domain 4.1)."""

    URGENT = "U"
    EMERGENCY = "03"
    ELECTIVE = "E"


REJECT_REASONS: Final[dict[str, str]] = {
    "04": "quantity exceeded",
    "15": "required data missing",
    "33": "input errors",
    "35": "out of network",
    "41": "access restricted",
    "42": "unable to respond now",
    "43": "provider identification problem",
    "44": "provider name problem",
    "45": "provider specialty problem",
    "46": "provider telephone problem",
    "47": "provider state problem",
    "48": "provider reference problem",
    "49": "not the primary care provider",
    "50": "provider not eligible",
    "51": "provider not on file",
    "52": "dates outside the provider's enrolment",
    "56": "date not appropriate",
    "57": "service dates missing or wrong",
    "58": "birth date missing or wrong",
    "60": "birth date after the service",
    "61": "death before the service",
    "62": "date of service not allowed",
    "63": "date of service in the future",
    "64": "patient id missing or wrong",
    "65": "patient name missing or wrong",
    "66": "patient gender missing or wrong",
    "67": "patient not found",
    "71": "birth date does not match",
    "72": "member id missing or wrong",
    "73": "name missing or wrong",
    "74": "gender missing or wrong",
    "75": "subscriber not found",
    "76": "duplicate member id",
    "77": "subscriber found, patient not",
    "78": "subscriber not in the group",
    "79": "participant identification problem",
    "80": "no answer at the clearinghouse",
    "97": "provider address problem",
    "98": "experimental service",
    "AA": "authorization number not found",
    "AE": "primary care provider must authorize",
    "AF": "diagnosis missing or wrong",
    "AG": "procedure missing or wrong",
    "AO": "more information on the condition needed",
    "CI": "certification information does not match",
    "E8": "medical review needed",
    "IA": "authorization number wrong",
    "MA": "authorization number missing",
    "T4": "payer id missing",
    "T5": "certification information missing",
}
"""AAA03 in our own words (domain 4.5)."""

FOLLOW_UPS: Final[dict[str, str]] = {
    "C": "correct and send again",
    "N": "do not send again",
    "P": "send the original again",
    "R": "may be sent again",
    "S": "do not send again, an answer follows",
    "W": "wait 30 days, then send again",
    "X": "wait 10 days, then send again",
    "Y": "do not send again, an answer follows",
}
"""AAA04 in our own words (domain 4.5)."""

DECISION_REASONS: Final[dict[str, str]] = {
    "04": "quantity exceeded",
    "07": "administrative cancellation",
    "09": "out of network",
    "0B": "sent to an external reviewer",
    "0C": "access restricted",
    "0D": "primary care provider must authorize",
    "0F": "not medically necessary",
    "0G": "level of care not appropriate",
    "0H": "no certification required",
    "0J": "an external reviewer is responsible",
    "0L": "exceeds plan maximum",
    "0M": "not covered",
    "0N": "no prior approval",
    "0P": "requested information not received",
    "0Q": "duplicate request",
    "0R": "inconsistent with the diagnosis",
    "0T": "experimental",
    "0U": "more patient information required",
    "0V": "medical review required",
    "0W": "pending review",
    "0X": "inconsistent with the provider's type",
    "10": "units or days changed",
    "12": "restricted to another provider",
    "13": "authorized for another provider",
    "14": "plan guidelines not followed",
    "15": "geographic restriction",
    "16": "facility type not appropriate",
    "17": "time limits not met",
    "18": "notification received",
    "25": "not considered because of other errors",
    "26": "provider role missing",
    "27": "exchange grace period, first month",
    "28": "exchange grace period, second month",
    "29": "exchange grace period, third month",
}
"""HCR03 in our own words (domain 4.5)."""
