"""Refusals: what a rule answers when something may not be, as a value with a stable type (architecture 5)."""

from enum import StrEnum
from typing import Final

from definitions.base import WireModel


class ErrorType(StrEnum):
    """Stable over releases: clients decide on these, never on text."""

    # 400 / 422: the request itself
    INVALID_REQUEST = "invalid_request"
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    LOCAL_TIME_GAP = "local_time_gap"
    LOCAL_TIME_FOLD = "local_time_fold"
    EFFECTIVE_TOO_EARLY = "effective_too_early"
    EFFECTIVE_IN_FUTURE = "effective_in_future"
    UNKNOWN_LEVEL = "unknown_level"
    UNKNOWN_PAYER = "unknown_payer"
    UNKNOWN_FACILITY = "unknown_facility"
    UNKNOWN_PROGRAM = "unknown_program"
    UNKNOWN_BED = "unknown_bed"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    ASSESSMENT_INCOMPLETE = "assessment_incomplete"
    ASSESSMENT_OUT_OF_RANGE = "assessment_out_of_range"
    DEVIATION_REASON_MISSING = "deviation_reason_missing"
    IMPORT_INVALID = "import_invalid"
    # 401, 403, 404
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    # 429
    TOO_OFTEN = "too_often"
    # 409: the state of things
    STALE = "stale"
    ILLEGAL_TRANSITION = "illegal_transition"
    TRANSITION_OPEN = "transition_open"
    TRANSITION_NOT_OPEN = "transition_not_open"
    SIGN_OFF_MISSING = "sign_off_missing"
    ORDER_MISSING = "order_missing"
    BED_TAKEN = "bed_taken"
    BED_CLOSED = "bed_closed"
    NO_BED = "no_bed"
    PROGRAM_FULL = "program_full"
    CONSENT_MISSING = "consent_missing"
    CONSENT_NOT_OPEN = "consent_not_open"
    ALERT_OPEN = "alert_open"
    ASSESSMENT_STALE = "assessment_stale"
    EPISODE_OPEN_ELSEWHERE = "episode_open_elsewhere"
    DUPLICATE_PERSON = "duplicate_person"
    COVERAGE_OVERLAPS = "coverage_overlaps"
    EPISODE_CLOSED = "episode_closed"
    NOT_ADMITTED = "not_admitted"
    ON_LEAVE = "on_leave"
    NOT_ON_LEAVE = "not_on_leave"
    ALREADY_DECIDED = "already_decided"
    PLAN_CHANGED = "plan_changed"
    DATE_NOT_OVER = "date_not_over"
    DISCLOSURE_REFUSED = "disclosure_refused"
    COMMAND_IN_FLIGHT = "command_in_flight"
    DISPUTE_NOT_OPEN = "dispute_not_open"
    REQUEST_NOT_OPEN = "request_not_open"
    LEGAL_HOLD = "legal_hold"
    RETENTION_RUNS = "retention_runs"
    RECORD_IN_USE = "record_in_use"
    # 503
    UNAVAILABLE = "unavailable"


HTTP_STATUS: Final[dict[ErrorType, int]] = {
    ErrorType.IDEMPOTENCY_KEY_MISSING: 400,
    ErrorType.IMPORT_INVALID: 422,
    ErrorType.UNAUTHENTICATED: 401,
    ErrorType.FORBIDDEN: 403,
    ErrorType.NOT_FOUND: 404,
    ErrorType.TOO_OFTEN: 429,
    ErrorType.UNAVAILABLE: 503,
} | {
    t: 422
    for t in (
        ErrorType.INVALID_REQUEST,
        ErrorType.IDEMPOTENCY_KEY_REUSED,
        ErrorType.LOCAL_TIME_GAP,
        ErrorType.LOCAL_TIME_FOLD,
        ErrorType.EFFECTIVE_TOO_EARLY,
        ErrorType.EFFECTIVE_IN_FUTURE,
        ErrorType.UNKNOWN_LEVEL,
        ErrorType.UNKNOWN_PAYER,
        ErrorType.UNKNOWN_FACILITY,
        ErrorType.UNKNOWN_PROGRAM,
        ErrorType.UNKNOWN_BED,
        ErrorType.UNKNOWN_INSTRUMENT,
        ErrorType.ASSESSMENT_INCOMPLETE,
        ErrorType.ASSESSMENT_OUT_OF_RANGE,
        ErrorType.DEVIATION_REASON_MISSING,
    )
}
"""The one table of statuses; every type not named here is a conflict with the state of things: 409."""


def http_status(error: ErrorType) -> int:
    return HTTP_STATUS.get(error, 409)


class Refusal(WireModel):
    """Why not, in a sentence that says what to do next. Ids and codes only, never names of people."""

    code: ErrorType
    detail: str
    changed_by: str | None = None
    """For stale views: who changed it."""
    current_version: int | None = None
