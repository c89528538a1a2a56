"""What a case decides: answers taken, clocks fired, reviewers' acts (domain 4.4, 4.9)."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from temporalio import activity

from activities.answer_reading import read_answer
from activities.answers import apply_verdict
from activities.case_record import ATTEMPTS_MAX, ENDED, CaseHands, CaseWriting, record_of, requests_of
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
from definitions.vocabulary import AuthorizationStatus, DeadlineKind, Phase, RequestKind
from rules.payer_answer import STATUS, AnswerVerdict
from rules.utilization import units_through
from runtime.keyring import Keyring
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories import authorization as cases
from storage.repositories.work import deadlines_of


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
            if w.case.status in ENDED:
                return Refusal(code=ErrorType.STALE, detail=f"the case is {w.case.status.value}; open the current one")
            if request.units <= 0 or request.through_date < request.from_date:
                return Refusal(
                    code=ErrorType.INVALID_REQUEST,
                    detail="ask for at least one unit over a span that ends after it begins",
                )
            await _ask(
                w, derived(request.key, "request"), request.kind, request.units, request.from_date, request.through_date
            )
            return None

        return await self._hands.act(
            request.authorization_id, request.key, request.now, "request_review", act, request.actor, request.role.value
        )

    @activity.defn
    async def record_decision(self, request: RecordDecision) -> CaseOutcome:
        """By telephone or fax: the call reference is the evidence (AUTH-12)."""

        async def act(w: CaseWriting) -> Refusal | None:
            if request.action not in {a.value for a in Action}:
                known = ", ".join(a.value for a in Action)
                return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"action is one of {known}")
            asked = await requests_of(w.session, w.case.id)
            if not asked:
                return Refusal(
                    code=ErrorType.STALE, detail="nothing was asked in this case yet; request a review first"
                )
            verdict = AnswerVerdict(
                status=STATUS[Action(request.action)], action=request.action,
                why=f"by telephone or fax, reference {request.call_reference or 'not given'}", number=request.number,
                reason=request.reason, level=request.level or w.case.level, unit=w.case.unit,
                units=request.units or 0, from_date=request.from_date, through_date=request.through_date,
            )  # fmt: skip
            await apply_verdict(w, asked[-1], verdict, fingerprint=request.key, source="by_hand", message_id=None)
            return None

        return await self._hands.act(
            request.authorization_id,
            request.key,
            request.now,
            "record_decision",
            act,
            request.actor,
            request.role.value,
        )

    @activity.defn
    async def take_answer(self, request: TakeAnswer) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            message = await w.session.get(ExchangeMessage, request.message_id)
            if message is None or message.subject_id is None:
                return None
            asked = await w.session.get(AuthorizationRequest, message.subject_id)
            if asked is not None:
                await read_answer(w, asked, message, self._keyring)
            return None

        return await self._hands.act(request.authorization_id, request.key, request.now, "take_answer", act)

    @activity.defn
    async def note_case_change(self, request: CaseChanged) -> CaseOutcome:
        """Rows changed elsewhere: a consent that now covers makes a waiting request ready again."""

        async def act(w: CaseWriting) -> Refusal | None:
            if w.case.status is AuthorizationStatus.WAITING_CONSENT:
                for asked in await requests_of(w.session, w.case.id):
                    if asked.status is AuthorizationStatus.WAITING_CONSENT:
                        asked.status = AuthorizationStatus.READY
                w.case.status = AuthorizationStatus.READY
                w.case.version += 1
            return None

        return await self._hands.act(request.authorization_id, request.key, request.at, "note_case_change", act)

    @activity.defn
    async def fire_case_deadlines(self, request: FireCaseDeadlines) -> CaseOutcome:
        async def act(w: CaseWriting) -> Refusal | None:
            for deadline in await deadlines_of(w.session, "authorization", w.case.id):
                if deadline.at <= request.now:
                    await _fire(w, deadline.kind, deadline.subject_id)
            return None

        return await self._hands.act(request.authorization_id, request.key, request.now, "fire_case", act)


async def _ask(w: CaseWriting, request_id: UUID, kind: RequestKind, units: int, first: date, last: date) -> None:
    await cases.add_request(
        w.session, request_id=request_id, case_id=w.case.id, episode_id=w.episode.id, kind=kind, level=w.case.level,
        unit=w.case.unit, units=units, from_date=first, through_date=last, urgent=True, now=w.now,
    )  # fmt: skip
    w.case.requested_units += units
    w.case.version += 1
    await w.note("authorization_review_requested", {"kind": kind.value, "units": units, "from": first.isoformat()})


async def _fire(w: CaseWriting, kind: DeadlineKind, subject_id: str | None) -> None:
    if kind is DeadlineKind.REVIEW_DUE:
        await _review_due(w)
    elif kind is DeadlineKind.LAST_COVERED_DAY:
        await _lapsed(w)
    elif kind is DeadlineKind.PAYER_DECISION:
        await _late(w, subject_id)
    elif kind is DeadlineKind.PAYER_INQUIRY:
        await _repeat(w, subject_id)


async def _review_due(w: CaseWriting) -> None:
    """No authorization lapses because somebody forgot: the continued-stay request goes by itself, and the
    reviewer is told what went (AUTH-04)."""
    lcd = w.case.last_covered_day
    if lcd is None:
        return
    terms = w.payer.terms(w.case.level)
    units = terms.concurrent_units if terms else 0
    await w.owe(
        "review_due",
        f"{w.case.level} is covered through {lcd.isoformat()}: send what the payer needs for the continued stay",
        due_at=w.case.review_due_at,
        subject=lcd.isoformat(),
        rule="AUTH-04",
    )
    if units == 0 or w.episode.phase is not Phase.IN_CARE or w.episode.level != w.case.level:
        return
    first = lcd + timedelta(days=1)
    last = units_through(first, terms.span_days or units) if terms else first
    await _ask(w, derived(w.case.id, "continued", lcd.isoformat()), RequestKind.CONCURRENT, units, first, last)


async def _lapsed(w: CaseWriting) -> None:
    lcd = w.case.last_covered_day
    if lcd is None:
        return
    await w.owe(
        "authorization_lapsed",
        f"days at {w.case.level} after {lcd.isoformat()} are not covered: extend, appeal, or accept the risk",
        subject=lcd.isoformat(),
        rule="AUTH-06",
    )
    await w.note("authorization_lapsed", {"last_covered_day": lcd.isoformat()})
    await w.tell_episode()


async def _late(w: CaseWriting, subject_id: str | None) -> None:
    """A missed payer deadline is an event with evidence, never silence (AUTH-03)."""
    asked = await _request(w, subject_id)
    if asked is None:
        return
    await w.owe(
        "payer_late",
        f"{w.case.payer} did not decide in its time: call, and keep the dates as evidence",
        subject=asked.trace,
        rule="AUTH-03",
    )
    await w.note("payer_late", {"request": str(asked.id)})


async def _repeat(w: CaseWriting, subject_id: str | None) -> None:
    """The same trace again, which the payer answers with its first answer; after that a person calls."""
    asked = await _request(w, subject_id)
    if asked is None or asked.status is not AuthorizationStatus.TIMED_OUT:
        return
    if asked.attempts >= ATTEMPTS_MAX:
        await w.owe("payer_silent", f"{w.case.payer} stays silent: call and ask for the request by its trace")
        return
    asked.status = AuthorizationStatus.READY
    if w.case.last_covered_day is None:
        # A case that holds a grant keeps saying so while its extension is asked for again.
        w.case.status = AuthorizationStatus.READY
    w.case.version += 1


async def _request(w: CaseWriting, subject_id: str | None) -> AuthorizationRequest | None:
    if subject_id is None:
        return None
    found = await w.session.execute(select(AuthorizationRequest).where(AuthorizationRequest.id == UUID(subject_id)))
    return found.scalar_one_or_none()
