"""Reading what a payer answered: open the message, find what it says about our request, hand it to the case."""

from uuid import UUID

from activities.absence import absent, asked_since
from activities.answers import apply_verdict
from activities.case_record import CaseWriting
from activities.departure import ExchangeHands, known_person
from definitions.exchange import Arrival, ArrivalKind, MatchedBy
from definitions.services_review import Answers, ServicesReviewResponse
from definitions.vocabulary import AuthorizationStatus, RequestKind
from interchange.x12.acknowledgement import rejected_by
from interchange.x12.arrival import arrival_of, fingerprint
from interchange.x12.envelope import read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.pieces import File, Piece, pieces_of
from interchange.x12.review_inquiry import VERSION as INQUIRY
from interchange.x12.review_inquiry import shows_absence
from interchange.x12.segments import X12Problem
from rules import inbound as rules
from rules.notice_answer import judge_notice
from rules.payer_answer import AnswerVerdict, judge_answer
from runtime.keyring import Keyring
from runtime.people import open_message, seal_message
from storage.models import AuthorizationRequest, ExchangeMessage, Person
from storage.repositories import inbound, work

OPEN = (AuthorizationStatus.SUBMITTED, AuthorizationStatus.TIMED_OUT, AuthorizationStatus.PENDED)
"""A refusal of our bytes is believed only while no answer to them came."""


async def read_answer(w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, keyring: Keyring) -> None:
    """Open an inbound message and apply what it says. What cannot be applied stays in quarantine, with an item."""
    person = await w.session.get(Person, w.case.person_id)
    if person is None or person.wrapped_key is None:
        return
    text = open_message(keyring, person.id, person.wrapped_key, message.sealed)
    if await take_text(w, asked, text, fingerprint=message.fingerprint, message_id=message.id):
        message.status = inbound.MATCHED
        await _say_how(w, asked, message, text)
        return
    message.status, message.reason = inbound.QUARANTINED, rules.NOT_APPLIED
    await _unreadable(w, message.fingerprint, rules.SENTENCES[rules.NOT_APPLIED])


async def _say_how(w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, text: str) -> None:
    """An answer that did not name our trace was matched by something weaker, and the timeline says so (E33)."""
    piece = pieces_of(text).pieces[0]
    arrival = arrival_of(piece)
    if arrival.kind is not ArrivalKind.ANSWER or (arrival.trace or "").startswith(asked.trace):
        return
    by = MatchedBy.PERSON if message.resolved_by is not None else MatchedBy.MEMBER
    await w.note("authorization_answer_matched", {"request": str(asked.id), "by": by.value})


async def take_text(
    w: CaseWriting, asked: AuthorizationRequest, text: str, *, fingerprint: str, message_id: UUID | None
) -> bool:
    """Apply what a text says about this request; false when nothing in it could be. A file kept whole by an older
    release may speak of others too: then only what names this request's trace counts."""
    try:
        pieces = pieces_of(text).pieces
    except X12Problem:
        return False
    if len(pieces) > 1:
        named = [p for p in pieces if arrival_of(p).trace == asked.trace]
        pieces = tuple(named) or pieces
    applied = [await _apply(w, asked, piece, fingerprint, message_id) for piece in pieces]
    return any(applied)


async def take_delivered(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, body: str, *, inquiry: bool = False
) -> None:
    """What came back on the line that we opened: kept piece by piece, and what is about this request applied at once.
    An answer about another request finds its own way."""
    if not body.strip():
        # Taken, and the answer comes by itself later; the payer's clock runs.
        return
    file = _pieces(body)
    applied = False
    for piece in file.pieces if file else ():
        arrival = arrival_of(piece)
        ours = arrival.kind is not ArrivalKind.ANSWER or (arrival.trace or asked.trace).startswith(asked.trace)
        if not ours:
            await _of_another(hands, w, piece, arrival)
            continue
        kept = inbound.message_id(w.payer.key, arrival.fingerprint)
        taken = await _apply(w, asked, piece, arrival.fingerprint, kept, on_the_line=inquiry)
        applied |= taken
        await _keep(hands, w, asked, piece.text, arrival, None if taken else rules.NOT_APPLIED)
    unread = body if not file or not file.pieces else (body[file.problem.at :] if file.problem else "")
    if unread:
        # Nothing is lost because it could not be read.
        rest = Arrival(kind=ArrivalKind.OTHER, fingerprint=fingerprint(unread), whole=False)
        await _keep(hands, w, asked, unread, rest, rules.UNREADABLE)
    if not applied and not inquiry:
        await _unreadable(w, fingerprint(body), rules.SENTENCES[rules.NOT_APPLIED])


def _pieces(body: str) -> File | None:
    try:
        return pieces_of(body)
    except X12Problem:
        return None


async def _keep(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, text: str, arrival: Arrival,
    reason: str | None,
) -> None:  # fmt: skip
    known = await known_person(w)
    # What comes about an erased person is not kept: that it came is.
    sealed = (
        seal_message(hands.keyring, known[0].id, known[1], text)
        if known is not None
        else hands.keyring.seal(b"", b"orphan-message")
    )
    await inbound.keep(
        w.session, partner=w.payer.key, arrival=arrival, status=inbound.QUARANTINED if reason else inbound.MATCHED,
        sealed=sealed, person_id=w.case.person_id, request_id=asked.id, reason=reason, file_id=None, now=w.now,
    )  # fmt: skip


async def _of_another(hands: ExchangeHands, w: CaseWriting, piece: Piece, arrival: Arrival) -> None:
    """Found by its own trace like anything that arrives, or kept for a person."""
    found = await inbound.find(w.session, w.payer.key, arrival, ())
    verdict = rules.judge(arrival, found, w.payer, hands.identity.submitter_id, hands.identity.usage)
    person = await w.session.get(Person, verdict.request.person_id) if verdict.request is not None else None
    if person is not None and person.wrapped_key is not None:
        sealed = seal_message(hands.keyring, person.id, person.wrapped_key, piece.text)
    else:
        person, sealed = None, hands.keyring.seal(piece.text.encode(), b"orphan-message")
    kept = await inbound.keep(
        w.session, partner=w.payer.key, arrival=arrival,
        status=inbound.QUARANTINED if verdict.reason else inbound.RECEIVED, sealed=sealed,
        person_id=person.id if person else None,
        request_id=verdict.request.request_id if verdict.request else None, reason=verdict.reason, file_id=None,
        now=w.now,
    )  # fmt: skip
    if kept is not None and verdict.reason is None and verdict.request is not None:
        await inbound.tell_case(w.session, case_id=verdict.request.authorization_id, kept=kept, now=w.now)


async def _apply(
    w: CaseWriting, asked: AuthorizationRequest, piece: Piece, fingerprint: str, message_id: UUID | None, *,
    on_the_line: bool = False,
) -> bool:  # fmt: skip
    """One piece. What it says is said once: the same fingerprint is the same decision (E32). `on_the_line`: it answers
    the question that was asked in the same call."""
    try:
        interchange = read_interchanges(piece.text)[0]
        verdict = rejected_by(interchange)
        if verdict is not None:
            return await _acknowledged(w, asked, piece, verdict, fingerprint, message_id)
        answer = parse_inbound(interchange, interchange.groups[0].transactions[0])
    except (X12Problem, ValueError, IndexError):
        return False
    return await _answered(w, asked, answer, fingerprint, message_id, on_the_line)


async def _answered(
    w: CaseWriting, asked: AuthorizationRequest, answer: ServicesReviewResponse, fingerprint: str,
    message_id: UUID | None, on_the_line: bool,
) -> bool:  # fmt: skip
    if answer.answers is Answers.INQUIRY:
        if shows_absence(answer):
            since = on_the_line or await asked_since(w, asked, answer.inquiry_trace)
            return await absent(w, asked, "inquiry") if since else True
        if answer.rejections and answer.action is None:
            await w.note("payer_inquiry_refused", {"request": str(asked.id), "reason": answer.rejections[0].code})
            return True
    span = (asked.level, asked.unit, asked.units, asked.from_date, asked.through_date)
    verdict = judge_notice(answer, *span) if answer.answers is Answers.NOTIFICATION else None
    if verdict is not None and asked.kind is RequestKind.DISCHARGE:
        await _discharge_taken(w, asked, verdict)
        return True
    if verdict is None:
        verdict = judge_answer(answer, w.payer, *span)
    await apply_verdict(w, asked, verdict, fingerprint=fingerprint, source="x12", message_id=message_id)
    return True


async def _discharge_taken(w: CaseWriting, asked: AuthorizationRequest, verdict: AnswerVerdict) -> None:
    """The payer knows of the end; that changes no grant."""
    asked.status, asked.answered_at = verdict.status, w.now
    asked.reference = verdict.reference or asked.reference
    w.case.version += 1
    await work.close_items(
        w.session, episode_id=w.episode.id, now=w.now, actor="system", resolution=f"{w.payer.key} took the notice",
        kind="discharge_notice",
    )  # fmt: skip
    await w.done("receipt_missing", "received", asked.trace)
    await w.note("discharge_notice_received", {"request": str(asked.id)})


async def _acknowledged(
    w: CaseWriting, asked: AuthorizationRequest, piece: Piece, rejected: bool, fingerprint: str, message_id: UUID | None
) -> bool:
    """A 999 or TA1: accepted is evidence; rejected is a data problem of ours, unless an answer came all the same."""
    if not rejected:
        return True
    message = await inbound.sent_under(w.session, w.payer.key, arrival_of(piece).about_control)
    if message is not None and message.version == INQUIRY:
        # A question of ours was refused: it is unanswered, and the request as it was.
        return True
    if asked.status not in OPEN or (message is not None and message.subject_id != asked.id):
        return False
    verdict = AnswerVerdict(
        status=AuthorizationStatus.DATA_PROBLEM,
        action="999",
        why="the payer's gateway could not read the request (999); tell the administrator",
    )
    await apply_verdict(w, asked, verdict, fingerprint=fingerprint, source="x12", message_id=message_id)
    return True


async def _unreadable(w: CaseWriting, mark: str, why: str) -> None:
    await w.owe(
        "answer_unreadable",
        f"{w.case.payer} sent an answer that was not applied ({why}); open it in quarantine, or call",
        subject=mark[:12],
    )
