"""What a case decides: answers taken, clocks fired, reviewers' acts (domain 4.4, 4.9)."""

from datetime import date
from uuid import UUID

from temporalio import activity

from activities import case_clocks
from activities.answer_reading import Reader, read_answer
from activities.answers import Evidence, apply_verdict
from activities.case_effects import ask, fire
from activities.case_grants import summarize
from activities.case_record import CaseHands, CaseWriting, record_of
from activities.holding import look_again
from activities.payer_queue import wake_held
from activities.staleness import perform
from definitions.authorization import (
    AuthorizationRecord,
    CaseChanged,
    CaseOutcome,
    FireCaseDeadlines,
    ReadCase,
    RecordDecision,
    RequestReview,
    TakeAnswer,
)
from definitions.contracts import AuthorizationContract
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.review_codes import Action
from definitions.vocabulary import AuthorizationStatus, RequestKind
from rules.calendar import facility_date
from rules.grants import CONTINUING
from rules.payer_answer import STATUS, AnswerVerdict
from rules.requests import future_problem
from rules.utilization import units_through
from runtime.keyring import Keyring
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories.authorization import AT_REST, UNANSWERED, requests_of_case
from storage.repositories.case_end import CLOSING
from storage.repositories.work import deadlines_of

GRANTING = (Action.CERTIFIED, Action.PARTIAL, Action.MODIFIED)
DELAY_REASONS = frozenset({"1", "2", "3", "4", "7", "8", "10", "11", "15", "16", "17"})
"""UM10 (domain 4.5)."""
NOBODY_COULD_KNOW = frozenset({"1", "2", "7", "8", "15"})
"""UM10 that excuse a request past the contract's window: eligibility unknown or decided late, litigation, a third party's
delay, a disaster (domain 4.1, E40)."""


class AuthorizationActivities(AuthorizationContract):
    def __init__(self, hands: CaseHands, keyring: Keyring) -> None:
        self._hands = hands
        self._keyring = keyring

    @activity.defn
    async def read_case(self, request: ReadCase) -> AuthorizationRecord | None:
        async with self._hands.database.write() as session:
            probe = await self._hands.writing(session, request.authorization_id, "read", None)
            return None if probe is None else await record_of(probe)

    @activity.defn
    async def request_review(self, request: RequestReview) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            over = _over(w, request)
            if over is not None:
                return over
            if request.units <= 0 or request.through_date < request.from_date:
                return Refusal(
                    code=ErrorType.INVALID_REQUEST,
                    detail="ask for at least one unit over a span that ends after it begins",
                )
            return await _asked_by_person(w, request)

        return await perform(self._hands, request, "request_review", act)

    @activity.defn
    async def record_decision(self, request: RecordDecision) -> CaseOutcome:
        """By telephone or fax: the call reference is the evidence (AUTH-12)."""

        async def act(w: CaseWriting) -> Refusal | None:
            if request.decided_at is not None:
                wrong = future_problem(request.decided_at, w.now, "decision")
                if wrong is not None:
                    return wrong
            asked = await question_of(w, request.request_id)
            if isinstance(asked, Refusal):
                return asked
            verdict = by_hand_verdict(w, asked, request)
            if isinstance(verdict, Refusal):
                return verdict
            if asked.first_sent_at is None:
                asked.first_sent_at = asked.sent_at = request.decided_at or request.now
            evidence = Evidence(
                call_reference=request.call_reference, criteria=request.criteria,
                reviewer_credentials=request.reviewer_credentials, evidence_id=request.evidence_id,
                recorded_by=request.actor,
            )  # fmt: skip
            await apply_verdict(
                w, asked, verdict, fingerprint=request.key, source="by_hand", message_id=None,
                stated_at=request.decided_at, evidence=evidence,
            )  # fmt: skip
            return None

        return await perform(self._hands, request, "record_decision", act)

    @activity.defn
    async def take_answer(self, request: TakeAnswer) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            message = await w.session.get(ExchangeMessage, request.message_id)
            if message is None or message.subject_id is None:
                return None
            asked = await w.session.get(AuthorizationRequest, message.subject_id)
            if asked is not None:
                await read_answer(w, asked, message, Reader(self._keyring, self._hands.catalog))
            return None

        return await self._hands.act(request.authorization_id, request.key, request.now, "take_answer", act)

    @activity.defn
    async def note_case_change(self, request: CaseChanged) -> CaseOutcome:
        """Rows changed elsewhere: a consent that now covers makes a waiting request ready again, one that was taken back
        stops what is queued, and units used at night may move the last covered day up (AUTH-01)."""

        async def act(w: CaseWriting) -> Refusal | None:
            await look_again(w)
            await wake_held(w)
            before = w.case.last_covered_day
            await summarize(w)
            w.case.version += before != w.case.last_covered_day
            return None

        return await self._hands.act(request.authorization_id, request.key, request.at, "note_case_change", act)

    @activity.defn
    async def fire_case_deadlines(self, request: FireCaseDeadlines) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            for deadline in await deadlines_of(w.session, "authorization", w.case.id):
                if deadline.at <= request.now:
                    await fire(w, deadline)
            return None

        return await self._hands.act(request.authorization_id, request.key, request.now, "fire_case", act)


def _over(w: CaseWriting, request: RequestReview) -> Refusal | None:
    """A case that ended with its stay may still be asked about days that were stayed (retrospective, domain 4.1)."""
    last = w.case.end_dated_on
    if w.case.status not in AT_REST:
        return None
    if w.case.status is AuthorizationStatus.END_DATED and last is not None and request.through_date <= last:
        return None
    return Refusal(code=ErrorType.STALE, detail=f"the case is {w.case.status.value}; open the current one")


async def _asked_already(w: CaseWriting, request: RequestReview) -> Refusal | None:
    """Two open questions about the same days: the payer refuses the second as a duplicate (E30). One that it could not
    process is corrected by asking again."""
    for asked in await requests_of_case(w.session, w.case.id):
        apart = asked.from_date > request.through_date or asked.through_date < request.from_date
        if apart or asked.about is not None or asked.status not in UNANSWERED:
            continue
        if asked.status is not AuthorizationStatus.DATA_PROBLEM:
            return Refusal(
                code=ErrorType.REQUEST_NOT_OPEN,
                detail=f"{asked.from_date.isoformat()} through {asked.through_date.isoformat()} is asked for already and "
                f"{asked.status.value}; wait for its answer, or take it back first",
            )
    return None


async def _asked_by_person(w: CaseWriting, request: RequestReview) -> Refusal | None:
    """A review that a reviewer asks for; what lies in the past goes as a retrospective one (domain 4.1)."""
    kind = request.kind
    if kind in CONTINUING:
        return Refusal(
            code=ErrorType.INVALID_REQUEST, detail=f"{kind.value} continues another request; use its own command"
        )
    retrospective = request.through_date < facility_date(w.now, w.zone)
    if retrospective and kind in (RequestKind.INITIAL, RequestKind.CONCURRENT):
        kind = RequestKind.RETROSPECTIVE
    if kind is RequestKind.RETROSPECTIVE and request.delay_reason is None:
        return Refusal(
            code=ErrorType.INVALID_REQUEST, detail="say why it comes late: delay_reason is a UM10 code such as 8"
        )
    if request.delay_reason is not None and request.delay_reason not in DELAY_REASONS:
        return Refusal(
            code=ErrorType.INVALID_REQUEST, detail=f"delay_reason is one of {', '.join(sorted(DELAY_REASONS))}"
        )
    if kind is RequestKind.RETROSPECTIVE and request.delay_reason not in NOBODY_COULD_KNOW:
        back = (facility_date(w.now, w.zone) - request.from_date).days
        if back > w.payer.retrospective_days:
            return Refusal(
                code=ErrorType.INVALID_REQUEST,
                detail=f"{w.payer.key} takes requests {w.payer.retrospective_days} days back, and this one begins {back} "
                f"days back; only {', '.join(sorted(NOBODY_COULD_KNOW, key=int))} as delay_reason opens it again, or appeal",
            )
    twice = await _asked_already(w, request)
    if twice is not None:
        return twice
    await _replace_unreadable(w, request.from_date, request.through_date)
    await ask(
        w, derived(request.key, "request"), kind, request.units, request.from_date, request.through_date,
        urgent=w.urgent_care and kind is not RequestKind.RETROSPECTIVE if request.urgent is None else request.urgent,
        delay_reason=request.delay_reason,
    )  # fmt: skip
    return None


async def _replace_unreadable(w: CaseWriting, first: date, last: date) -> None:
    """The payer could not process what was asked for these dates; the corrected question takes its place (AAA, E02)."""
    for asked in await requests_of_case(w.session, w.case.id):
        overlaps = asked.from_date <= last and asked.through_date >= first
        if asked.status is AuthorizationStatus.DATA_PROBLEM and asked.about is None and overlaps:
            asked.status = AuthorizationStatus.CANCELLED
            await case_clocks.stop(w, asked.id, cancelled=True)
            await w.note("authorization_request_replaced", {"request": str(asked.id)})
    await w.done("authorization_data_problem", "asked again")


async def question_of(w: CaseWriting, request_id: UUID | None) -> AuthorizationRequest | Refusal:
    """The request a person means: the named one, or the newest."""
    asked = await requests_of_case(w.session, w.case.id)
    if not asked:
        return Refusal(code=ErrorType.STALE, detail="nothing was asked in this case yet; request a review first")
    if request_id is None:
        return next((r for r in reversed(asked) if r.kind not in CLOSING), asked[-1])
    named = next((r for r in asked if r.id == request_id), None)
    return named or Refusal(code=ErrorType.NOT_FOUND, detail=f"no request {request_id} in this case")


def by_hand_verdict(w: CaseWriting, asked: AuthorizationRequest, said: RecordDecision) -> AnswerVerdict | Refusal:
    """What a person heard, as a verdict like any other (AUTH-12)."""
    if said.action not in {a.value for a in Action}:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"action is one of {', '.join(a.value for a in Action)}")
    action = Action(said.action)
    # The reference is free text and may name a person: it stays with the decision, out of items and timeline.
    why = "heard by telephone or fax"
    if action not in GRANTING:
        if said.units or said.through_date:
            return Refusal(
                code=ErrorType.INVALID_REQUEST, detail=f"{action.value} grants nothing; leave units and dates out"
            )
        return AnswerVerdict(
            status=STATUS[action], action=action.value, why=why, number=said.number, reason=said.reason
        )
    units = said.units or asked.units
    first, last = said.from_date or asked.from_date, said.through_date
    last = last or (asked.through_date if units >= asked.units or asked.unit != "DY" else units_through(first, units))
    level = said.level or asked.level
    if last < first:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the grant must end on or after the day it begins")
    if level not in {t.level for t in w.payer.levels}:
        known = ", ".join(t.level for t in w.payer.levels)
        return Refusal(code=ErrorType.UNKNOWN_LEVEL, detail=f"{w.payer.key} has terms for {known}")
    whole = units >= asked.units and level == asked.level and first <= asked.from_date
    return AnswerVerdict(
        status=AuthorizationStatus.APPROVED if whole else AuthorizationStatus.PARTIAL, action=action.value,
        why=f"{units} of {asked.units} {asked.unit} granted for {level} from {first} through {last}, {why}",
        number=said.number, reason=said.reason, level=level, unit=asked.unit, units=units, from_date=first,
        through_date=last,
    )  # fmt: skip
