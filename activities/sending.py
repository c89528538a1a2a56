"""Sending a request: what may leave now, and what became of it. Never twice on a guess, never forgotten (E82, E95)."""

from functools import partial
from typing import Final

from activities.answer_reading import keep_refusal, take_delivered
from activities.case_clocks import start_decision
from activities.case_record import CaseWriting
from activities.departed import follow_departure
from activities.departure import (
    Departure,
    ExchangeHands,
    Withheld,
    again,
    channel_to,
    first_departure,
    gate,
    interrupted,
    known_person,
)
from activities.documents import in_words, kept_back, leave_behind
from activities.messages.ground import Ground
from activities.messages.notice import notice_of
from activities.messages.review import review_of
from activities.partners import line
from activities.partners.line import Delivery
from activities.payer_queue import attempted, fallback, hold, left_queue, may_leave
from definitions.exchange import Attempt
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, ContentClass, OpenItemStatus
from interchange.problem import InterchangeProblem
from rules.sending import Road, content_class, must_call, road
from runtime.people import open_person
from storage.models import AuthorizationRequest, ExchangeMessage, OpenItem
from storage.repositories import disclosure
from storage.repositories.exchange import FAILED, MAY_GO_AGAIN, SENT, UNKNOWN, request_message

ATTEMPT: Final = {
    line.SENT: Attempt.ANSWERED,
    line.UNKNOWN: Attempt.AMBIGUOUS,
    line.NOT_SENT: Attempt.UNREACHABLE,
}
"""What a delivery says about the payer's system."""


async def request_leaves(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest) -> Departure | None:
    """The departure of a ready request; None when it stays, and then its rows say why."""
    if road(asked.kind, w.payer) is Road.BY_HAND:
        await ask_by_hand(w, asked)
        return None
    if await known_person(w) is None:
        await wait_for_consent(w, asked, "the person's record was erased; nothing can be sent")
        return None
    message = await w.session.get(ExchangeMessage, request_message(asked.id))
    if message is not None and message.status not in MAY_GO_AGAIN:
        return await interrupted(w, message)
    if not await may_leave(w, asked):
        return None
    try:
        if message is not None:
            return await _once_more(hands, w, asked, message)
        await leave_behind(w, asked)
        kind = content_class(asked.kind, bool(asked.attachments))
        return await _first_time(hands, w, asked, kind)
    except Withheld as reasons:
        await wait_for_consent(w, asked, str(reasons))
    except InterchangeProblem as problem:
        await data_problem(w, asked, str(problem))
    return None


async def _once_more(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage
) -> Departure:
    kept = await kept_back(w, asked)
    if kept:
        raise Withheld(in_words(kept))
    return await again(hands, w, asked, message, content_class(asked.kind, bool(asked.attachments)))


async def _first_time(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, kind: ContentClass
) -> Departure:
    known = await known_person(w)
    if known is None:
        raise Withheld("the person's record was erased; nothing can be sent")
    person, wrapped = known
    details = open_person(hands.keyring, person.id, person.sealed, wrapped)
    edition = hands.case.catalog.edition(w.episode.edition)
    facility = edition.facilities[w.episode.facility]
    ground = await Ground.of(w, asked, details, facility, hands.identity.submitter_id)
    channel = channel_to(hands, w, asked)
    leave = partial(first_departure, hands, w, asked, request_message(asked.id), channel=channel)
    if road(asked.kind, w.payer) is Road.NOTICE:
        notice = await gate(w, asked, notice_of(ground), kind)
        departure = await leave(notice, channel.notice, version=channel.version(notice=True))
    else:
        review = await gate(w, asked, review_of(ground), kind)
        departure = await leave(review, channel.review, version=channel.version())
    await w.note("authorization_requested", {"request": str(asked.id), "kind": asked.kind.value, "units": asked.units})
    return departure


async def ask_by_hand(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """No machine takes it: a person calls, uploads or faxes, and records it with its reference (AUTH-12)."""
    w.follow(asked, AuthorizationStatus.CONTACT_PAYER)
    await w.owe(
        "contact_payer",
        f"{w.payer.key} takes this {asked.kind.value} request by hand only: {fallback(w.payer)}",
        subject=asked.trace,
        rule="AUTH-12",
    )
    await left_queue(w, asked)


async def wait_for_consent(w: CaseWriting, asked: AuthorizationRequest, why: str) -> None:
    """Nothing leaves: the request waits for consent, and somebody is told (domain 3.5)."""
    w.follow(asked, AuthorizationStatus.WAITING_CONSENT, why)
    before = await w.session.get(OpenItem, derived(w.case.id, "consent_needed", asked.trace))
    # One that was done with stays done: what waits a second time is told of a second time.
    subject = (
        asked.trace if before is None or before.status is OpenItemStatus.OPEN else f"{asked.trace}:{w.case.version}"
    )
    await w.owe("consent_needed", f"the request to {w.payer.key} waits: {why}", subject=subject, rule="domain 3.5")
    await w.note("authorization_waiting_consent", {"request": str(asked.id)})
    await w.tell_episode()
    await left_queue(w, asked)


async def data_problem(w: CaseWriting, asked: AuthorizationRequest, why: str) -> None:
    w.follow(asked, AuthorizationStatus.DATA_PROBLEM, why)
    await w.owe("authorization_data_problem", why, subject=asked.trace)
    await left_queue(w, asked)


async def request_left(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, departure: Departure,
    delivery: Delivery,
) -> None:  # fmt: skip
    """Write what became of a departure. What is true of the message is written whatever the request came to be
    meanwhile: a request cancelled while its bytes were on the line was disclosed all the same."""
    await conclude(w, message, departure, delivery)
    asked.attempts += 1
    if asked.status is AuthorizationStatus.READY:
        await _follow(w, asked, delivery)
    if not departure.interrupted:
        await attempted(w, asked, ATTEMPT[delivery.outcome], delivery.problem)
    if delivery.refusal is not None:
        await keep_refusal(hands, w, asked, delivery.refusal)
    if delivery.body is not None:
        await take_delivered(hands, w, asked, delivery.body)
        if delivery.problem is not None:
            await w.owe("answer_unreadable", f"{delivery.problem}; call {w.payer.key}", subject=asked.trace)


async def conclude(w: CaseWriting, message: ExchangeMessage, departure: Departure, delivery: Delivery) -> None:
    """The outcome of a departure, on the message and in the ledger of disclosures (D11)."""
    if departure.disclosure_id is not None:
        await disclosure.outcome(
            w.session, disclosure_id=departure.disclosure_id, outcome=delivery.outcome, now=w.now
        )  # fmt: skip
    message.status = {line.SENT: SENT, line.UNKNOWN: UNKNOWN}.get(delivery.outcome, FAILED)
    message.finished_at, message.problem = w.now, delivery.problem


async def _follow(w: CaseWriting, asked: AuthorizationRequest, delivery: Delivery) -> None:
    if delivery.outcome == line.NOT_SENT:
        await hold(w, asked)
        return
    asked.sent_at, asked.held_at = w.now, None
    await w.done("payer_unreachable", "sent")
    if delivery.outcome == line.UNKNOWN:
        await _unknown(w, asked, delivery)
        return
    if delivery.body is None:
        # It was refused before anybody read it: the address, the credentials or the size, which is ours to correct.
        await data_problem(w, asked, f"{delivery.problem}; tell the administrator, then ask again")
        return
    w.follow(asked, AuthorizationStatus.SUBMITTED)
    await start_decision(w, asked)
    await follow_departure(w, asked)


async def _unknown(w: CaseWriting, asked: AuthorizationRequest, delivery: Delivery) -> None:
    """Bytes may have arrived: never sent again on a guess. The payer is asked what became of it, or a person calls."""
    w.follow(asked, AuthorizationStatus.TIMED_OUT, delivery.problem or "no answer")
    await start_decision(w, asked)
    await follow_departure(w, asked)
    await w.note("authorization_no_answer", {"request": str(asked.id), "outcome": delivery.outcome})
    if must_call(w.payer, asked.status, asked.inquiries):
        await call_payer(w, asked)


async def call_payer(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """No electronic way is left to learn what became of it (E82)."""
    await w.owe(
        "payer_silent",
        f"nobody knows whether {w.payer.key} has the request with trace {asked.trace}: call, ask for it by its trace, "
        "and record whether it was received",
        subject=asked.trace,
        rule="E82",
    )
