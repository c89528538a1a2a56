"""Reading what a payer answered: open the message, find what it says about our request, hand it to the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from activities.absence import absent, asked_since
from activities.answers import apply_verdict
from activities.case_record import CaseWriting
from activities.departure import ExchangeHands, known_person
from activities.partners.channel import Nothing, Part, PayerChannel, Receipt, Told
from activities.partners.channels import channel_for, reader_of
from definitions.exchange import Arrival, ArrivalKind, MatchedBy
from definitions.services_review import Answers
from definitions.vocabulary import AuthorizationStatus, RequestKind
from interchange.problem import InterchangeProblem
from interchange.x12.arrival import fingerprint
from interchange.x12.review_inquiry import VERSION as INQUIRY
from interchange.x12.review_inquiry import shows_absence
from rules import inbound as rules
from rules.notice_answer import judge_notice
from rules.payer_answer import AnswerVerdict, judge_answer
from rules.sending import channel_of
from runtime.catalog import Catalog
from runtime.keyring import Keyring
from runtime.people import open_message, seal_message
from storage.models import AuthorizationRequest, ExchangeMessage, Person
from storage.repositories import inbound, work
from storage.repositories.exchange import request_message

SAYS_TRACE = (ArrivalKind.ANSWER, ArrivalKind.PAS)
OPEN = (AuthorizationStatus.SUBMITTED, AuthorizationStatus.TIMED_OUT, AuthorizationStatus.PENDED)
"""A refusal of our bytes is believed only while no answer to them came."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what came about a case: the keys of its messages, and the guides of the day."""

    keyring: Keyring
    catalog: Catalog

    def of(self, kind: str, w: CaseWriting) -> PayerChannel:
        return reader_of(kind, self.catalog.pas_guide(w.now.date()))


async def read_answer(w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, reader: Reader) -> None:
    """Open an inbound message and apply what it says. What cannot be applied stays in quarantine, with an item."""
    person = await w.session.get(Person, w.case.person_id)
    if person is None or person.wrapped_key is None:
        return
    text = open_message(reader.keyring, person.id, person.wrapped_key, message.sealed)
    channel = reader.of(message.kind, w)
    if await _take_text(w, asked, text, reader, channel, message):
        message.status = inbound.MATCHED
        await _say_how(w, asked, message, channel.take_apart(text).parts)
        return
    message.status, message.reason = inbound.QUARANTINED, rules.NOT_APPLIED
    await _unreadable(w, message.fingerprint, rules.SENTENCES[rules.NOT_APPLIED])


async def _say_how(
    w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, parts: Sequence[Part]
) -> None:
    """An answer that did not name our trace was matched by something weaker, and the timeline says so (E33)."""
    arrival = parts[0].arrival
    if arrival.kind not in SAYS_TRACE or (arrival.trace or "").startswith(asked.trace):
        return
    by = MatchedBy.PERSON if message.resolved_by is not None else MatchedBy.MEMBER
    await w.note("authorization_answer_matched", {"request": str(asked.id), "by": by.value})


async def _take_text(
    w: CaseWriting, asked: AuthorizationRequest, text: str, reader: Reader, channel: PayerChannel,
    message: ExchangeMessage,
) -> bool:  # fmt: skip
    """Apply what a text says about this request; false when nothing in it could be. A file kept whole by an older
    release may speak of others too: then only what names this request's trace counts."""
    parts = channel.take_apart(text).parts
    if len(parts) > 1:
        named = tuple(p for p in parts if p.arrival.trace == asked.trace)
        parts = named or parts
    sent = await _sent(w, asked, reader, channel)
    kept = _Kept(message.fingerprint, message.id)
    applied = [await _apply(w, asked, part, channel, sent, kept) for part in parts]
    return any(applied)


async def _sent(w: CaseWriting, asked: AuthorizationRequest, reader: Reader, channel: PayerChannel) -> str | None:
    """The request as it left, when it left by this channel and the channel reads it."""
    if not channel.reads_request:
        return None
    message = await w.session.get(ExchangeMessage, request_message(asked.id))
    known = await known_person(w)
    if message is None or known is None or message.kind != channel.kind:
        return None
    return open_message(reader.keyring, known[0].id, known[1], message.sealed)


async def take_delivered(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, body: str, *, inquiry: bool = False
) -> None:
    """What came back on the line that we opened: kept piece by piece, and what is about this request applied at once.
    An answer about another request finds its own way."""
    if not body.strip():
        # Taken, and the answer comes by itself later; the payer's clock runs.
        return
    reader = Reader(hands.keyring, hands.case.catalog)
    channel = _spoken(hands, w, asked)
    file = channel.take_apart(body)
    sent = await _sent(w, asked, reader, channel)
    applied = False
    for part in file.parts:
        arrival = part.arrival
        ours = arrival.kind not in SAYS_TRACE or (arrival.trace or asked.trace).startswith(asked.trace)
        if not ours:
            await _of_another(hands, w, part)
            continue
        kept = _Kept(arrival.fingerprint, inbound.message_id(w.payer.key, arrival.fingerprint), on_the_line=inquiry)
        taken = await _apply(w, asked, part, channel, sent, kept)
        applied |= taken
        await _keep(hands, w, asked, part.text, arrival, None if taken else rules.NOT_APPLIED)
    if file.rest:
        # Nothing is lost because it could not be read.
        rest = Arrival(kind=ArrivalKind.OTHER, fingerprint=fingerprint(file.rest), whole=False)
        await _keep(hands, w, asked, file.rest, rest, rules.UNREADABLE)
    if not applied and not inquiry:
        await _unreadable(w, fingerprint(body), rules.SENTENCES[rules.NOT_APPLIED])


def _spoken(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest) -> PayerChannel:
    return channel_for(channel_of(asked.kind, w.payer), hands.case.catalog.pas_guide(w.now.date()))


async def keep_refusal(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, said: str) -> None:
    """What a system said that refused: evidence of why, kept like any answer; what follows stands on the request."""
    channel = _spoken(hands, w, asked)
    parts = channel.take_apart(said).parts
    if parts and parts[0].arrival.whole:
        await _keep(hands, w, asked, parts[0].text, parts[0].arrival, None)


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


async def _of_another(hands: ExchangeHands, w: CaseWriting, part: Part) -> None:
    """Found by its own trace like anything that arrives, or kept for a person."""
    arrival = part.arrival
    found = await inbound.find(w.session, w.payer.key, arrival, ())
    verdict = rules.judge(arrival, found, w.payer, hands.identity.submitter_id, hands.identity.usage)
    person = await w.session.get(Person, verdict.request.person_id) if verdict.request is not None else None
    if person is not None and person.wrapped_key is not None:
        sealed = seal_message(hands.keyring, person.id, person.wrapped_key, part.text)
    else:
        person, sealed = None, hands.keyring.seal(part.text.encode(), b"orphan-message")
    kept = await inbound.keep(
        w.session, partner=w.payer.key, arrival=arrival,
        status=inbound.QUARANTINED if verdict.reason else inbound.RECEIVED, sealed=sealed,
        person_id=person.id if person else None,
        request_id=verdict.request.request_id if verdict.request else None, reason=verdict.reason, file_id=None,
        now=w.now,
    )  # fmt: skip
    if kept is not None and verdict.reason is None and verdict.request is not None:
        await inbound.tell_case(w.session, case_id=verdict.request.authorization_id, kept=kept, now=w.now)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The message that holds a part. `on_the_line`: it answers the question that was asked in the same call."""

    fingerprint: str
    id: UUID | None
    on_the_line: bool = False


async def _apply(
    w: CaseWriting, asked: AuthorizationRequest, part: Part, channel: PayerChannel, sent: str | None, kept: _Kept
) -> bool:
    """One part. What it says is said once: the same substance is the same decision (E32)."""
    try:
        said = channel.read(part.text, sent)
    except (InterchangeProblem, ValueError, IndexError):
        return False
    if isinstance(said, Receipt):
        return await _acknowledged(w, asked, part, said, channel, kept)
    if isinstance(said, Nothing):
        return await absent(w, asked, "inquiry") if kept.on_the_line else False
    await _answered(w, asked, said, channel, kept)
    if said.unread:
        await w.note("authorization_answer_says_more", {"request": str(asked.id), "unread": list(said.unread)})
    return True


async def _answered(
    w: CaseWriting, asked: AuthorizationRequest, said: Told, channel: PayerChannel, kept: _Kept
) -> bool:
    answer = said.answer
    if answer.answers is Answers.INQUIRY:
        if shows_absence(answer):
            since = kept.on_the_line or await asked_since(w, asked, answer.inquiry_trace)
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
    mark = said.substance or kept.fingerprint
    await apply_verdict(w, asked, verdict, fingerprint=mark, source=channel.source, message_id=kept.id)
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
    w: CaseWriting, asked: AuthorizationRequest, part: Part, said: Receipt, channel: PayerChannel, kept: _Kept
) -> bool:
    """A 999, TA1 or OperationOutcome: accepted is evidence; rejected is a data problem of ours, unless an answer came all
    the same."""
    if not said.rejected:
        return True
    message = await inbound.sent_under(w.session, w.payer.key, part.arrival.about_control)
    if kept.on_the_line or (message is not None and message.version == INQUIRY):
        # A question of ours was refused: it is unanswered, and the request as it was.
        return True
    if asked.status not in OPEN or (message is not None and message.subject_id != asked.id):
        return False
    verdict = AnswerVerdict(
        status=AuthorizationStatus.DATA_PROBLEM,
        action="999",
        why=f"the payer's gateway could not read the request ({said.words}); tell the administrator",
    )
    await apply_verdict(w, asked, verdict, fingerprint=kept.fingerprint, source=channel.source, message_id=kept.id)
    return True


async def _unreadable(w: CaseWriting, mark: str, why: str) -> None:
    await w.owe(
        "answer_unreadable",
        f"{w.case.payer} sent an answer that was not applied ({why}); open it in quarantine, or call",
        subject=mark[:12],
    )
