"""The one place where a refusal value becomes an error for the caller (architecture 5)."""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from definitions.errors import Refusal


def refused(refusal: Refusal) -> ApplicationError:
    """Final and benign: no retry, no alarm. The refusal travels as the error's detail, sealed like any payload."""
    return ApplicationError(
        refusal.detail,
        refusal,
        type=refusal.code.value,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )
