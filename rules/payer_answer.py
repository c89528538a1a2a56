"""What a payer's answer means for a case: a verdict from the parsed 278 (domain 4.4; AUTH-01, AUTH-06, AUTH-07)."""

from datetime import date, timedelta

from definitions.base import Moment, WireModel
from definitions.payer import Payer
from definitions.review_codes import (
    DECISION_REASONS,
    REJECT_REASONS,
    Action,
)
from definitions.services_review import LineDecision, ServicesReviewResponse
from definitions.vocabulary import AuthorizationStatus


class AnswerVerdict(WireModel):
    """The case's new status with its grant, in words. `units` 0: nothing granted."""

    status: AuthorizationStatus
    action: str
    why: str
    number: str | None = None
    reason: str | None = None
    reference: str | None = None
    level: str | None = None
    unit: str | None = None
    units: int = 0
    from_date: date | None = None
    through_date: date | None = None
    information_requested: str | None = None
    wanted: tuple[str, ...] = ()
    """LOINC codes of the documents asked for (HI LOI)."""
    wanted_by: Moment | None = None
    stated_at: Moment | None = None
    """The payer's own moment of the answer; for order only (E32)."""

    @property
    def wants_documents(self) -> bool:
        return bool(self.wanted or self.information_requested or self.reason in WANTS_MORE)


WANTS_MORE = frozenset({"0U", "0P"})
"""HCR03: more patient information required, requested information not received."""

STATUS: dict[Action, AuthorizationStatus] = {
    Action.CERTIFIED: AuthorizationStatus.APPROVED,
    Action.PARTIAL: AuthorizationStatus.PARTIAL,
    Action.MODIFIED: AuthorizationStatus.PARTIAL,
    Action.NOT_CERTIFIED: AuthorizationStatus.DENIED,
    Action.PENDED: AuthorizationStatus.PENDED,
    Action.CANCELLED: AuthorizationStatus.CANCELLED,
    Action.CONTACT_PAYER: AuthorizationStatus.CONTACT_PAYER,
    Action.NO_ACTION_REQUIRED: AuthorizationStatus.NOT_REQUIRED,
}


def judge_answer(
    answer: ServicesReviewResponse, payer: Payer, level: str, unit: str, units: int, from_date: date, through_date: date
) -> AnswerVerdict:
    """The last four arguments are what was asked. AAA is a data problem, HCR a decision; A2 at event level sends
    us to the lines (domain 4.4)."""
    if answer.rejections:
        first = answer.rejections[0]
        words = REJECT_REASONS.get(first.code, "see the payer's guide")
        return AnswerVerdict(
            status=AuthorizationStatus.DATA_PROBLEM,
            action="AAA",
            reason=first.code,
            why=f"the payer could not process the request ({first.code} {words}); correct it and ask again",
            stated_at=answer.created_at,
        )
    line = answer.lines[0] if answer.lines else None
    action = answer.action
    if action is None or (action is Action.PARTIAL and line is not None):
        action = line.action if line is not None else None
    if action is None:
        return AnswerVerdict(
            status=AuthorizationStatus.CONTACT_PAYER,
            action="none",
            why="the answer holds no decision; call the payer",
            stated_at=answer.created_at,
        )
    reason = (line.reason if line else None) or answer.reason
    verdict = AnswerVerdict(
        status=STATUS[action],
        action=action.value,
        why=_why(action, reason),
        number=(line.number if line else None) or answer.number,
        reason=reason,
        reference=answer.reference_number,
        information_requested=answer.message if action is Action.PENDED else None,
        wanted=tuple(code for line in answer.lines for code in line.wanted) if action is Action.PENDED else (),
        wanted_by=answer.wanted_by if action is Action.PENDED else None,
        stated_at=answer.created_at,
    )
    if verdict.status is AuthorizationStatus.PENDED and verdict.wants_documents:
        verdict = verdict.model_copy(update={"status": AuthorizationStatus.INFORMATION_REQUESTED})
    if action not in (Action.CERTIFIED, Action.PARTIAL, Action.MODIFIED):
        return verdict
    return _granted(verdict, answer, line, payer, level, unit, units, from_date, through_date)


def _why(action: Action, reason: str | None) -> str:
    words = f": {DECISION_REASONS.get(reason, reason)}" if reason else ""
    sentences = {
        Action.CERTIFIED: "approved as asked",
        Action.PARTIAL: "approved in part",
        Action.MODIFIED: "approved with changes",
        Action.NOT_CERTIFIED: "denied",
        Action.PENDED: "the payer is still deciding",
        Action.CANCELLED: "cancelled",
        Action.CONTACT_PAYER: "the payer wants a call",
        Action.NO_ACTION_REQUIRED: "the payer says no authorization is required",
    }
    return sentences[action] + words


def _granted(
    verdict: AnswerVerdict, answer: ServicesReviewResponse, line: LineDecision | None, payer: Payer, level: str,
    unit: str, units: int, from_date: date, through_date: date,
) -> AnswerVerdict:  # fmt: skip
    granted = (line.units if line else None) or answer.units or units
    first = (line.from_date if line else None) or answer.from_date or from_date
    last = (line.through_date if line else None) or answer.through_date
    if last is None:
        last = first + timedelta(days=granted - 1) if unit == "DY" and granted < units else through_date
    granted_level = _level_of(line, payer, level)
    status = AuthorizationStatus.APPROVED
    if granted < units or granted_level != level or first > from_date:
        status = AuthorizationStatus.PARTIAL
    why = f"{granted} of {units} {unit} granted for {granted_level} from {first} through {last}"
    return verdict.model_copy(
        update={
            "status": status, "why": why, "level": granted_level, "unit": unit, "units": granted,
            "from_date": first, "through_date": last,
        }
    )  # fmt: skip


def _level_of(line: LineDecision | None, payer: Payer, asked: str) -> str:
    """The level a granted code stands for under this contract; the asked one when codes agree or say nothing."""
    if line is None or line.procedure_code is None:
        return asked
    terms = payer.terms(asked)
    if terms is not None and terms.procedure_code == line.procedure_code:
        return asked
    return next((t.level for t in payer.levels if t.procedure_code == line.procedure_code), asked)
