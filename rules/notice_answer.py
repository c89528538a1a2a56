"""What the receipt of a notice (X216) means: taken, the window without review begins as a grant (domain 4.3)."""

from datetime import date

from definitions.services_review import ServicesReviewResponse
from definitions.vocabulary import AuthorizationStatus
from rules.grants import RECEIPT
from rules.payer_answer import AnswerVerdict


def judge_notice(
    answer: ServicesReviewResponse, level: str, unit: str, units: int, from_date: date, through_date: date
) -> AnswerVerdict | None:
    """None: it was not taken, and its AAA says why."""
    if answer.rejections:
        return None
    return AnswerVerdict(
        status=AuthorizationStatus.APPROVED,
        action=RECEIPT,
        why=f"notice received; {units} {unit} of {level} without review from {from_date} through {through_date}",
        number=answer.number or answer.previous_number,
        reference=answer.reference_number,
        level=level,
        unit=unit,
        units=units,
        from_date=from_date,
        through_date=through_date,
        stated_at=answer.created_at,
    )
