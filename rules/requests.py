"""When something may be said to have happened: backdating limits and the future (issue 2, item 4; E58)."""

from datetime import datetime, timedelta

from definitions.errors import ErrorType, Refusal
from definitions.facility import FacilityPolicy

CLOCK_SKEW = timedelta(minutes=5)
"""Callers' clocks may run this far ahead (E69)."""


def early_problem(effective_at: datetime, now: datetime, policy: FacilityPolicy, what: str) -> Refusal | None:
    """Backdated within the facility's limit, or not at all."""
    limit = timedelta(hours=policy.backdate_limit_hours)
    if effective_at < now - limit:
        return Refusal(
            code=ErrorType.EFFECTIVE_TOO_EARLY,
            detail=f"a {what} may be backdated {policy.backdate_limit_hours} hours at most; "
            f"record a correction for anything before {(now - limit).isoformat()}",
        )
    return None


def future_problem(effective_at: datetime, now: datetime, what: str) -> Refusal | None:
    """What is recorded as having happened cannot lie ahead."""
    if effective_at > now + CLOCK_SKEW:
        return Refusal(
            code=ErrorType.EFFECTIVE_IN_FUTURE,
            detail=f"a {what} is recorded when it has happened; {effective_at.isoformat()} is still ahead",
        )
    return None
