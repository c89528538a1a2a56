"""Asking a silent payer what became of a request (X215): found, its answer is taken as if it had come; absent, the very
same bytes go again; silent still, asked later and at last a person calls (E30, E82)."""

from dataclasses import replace
from datetime import timedelta

from activities.answer_reading import take_delivered
from activities.case_record import CaseWriting
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
from activities.messages.ground import Ground
from activities.messages.inquiry import inquiry_of
from activities.partners import line
from activities.partners.line import Delivery
from activities.payer_queue import attempted, line_is_open
from activities.sending import ATTEMPT, call_payer, conclude
from definitions.vocabulary import ContentClass
from interchange.problem import InterchangeProblem
from rules.sending import must_call
from runtime.people import open_person
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories.exchange import MAY_GO_AGAIN, inquiry_message


def arm(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """Its moment has come: the question is owed, and the exchange asks it next."""
    asked.inquiries += 1
    asked.inquired_at = w.now
    w.case.version += 1


async def inquiry_leaves(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest) -> Departure | None:
    """The departure of an armed question. One that may not leave now is armed again later: never left owed, or the case
    would not rest."""
    number = asked.inquiries
    message_id = inquiry_message(asked.id, number)
    message = await w.session.get(ExchangeMessage, message_id)
    if message is not None and message.status not in MAY_GO_AGAIN:
        # A crash before its outcome was written. A question repeated is only a question, but its bytes are not sent
        # twice under one control number: the next one asks.
        return replace(await interrupted(w, message), inquiry=True)
    if not await line_is_open(w):
        _not_asked(w, asked, timedelta(0))
        return None
    try:
        if message is not None:
            return replace(await again(hands, w, asked, message, ContentClass.AUTHORIZATION_REQUEST), inquiry=True)
        return await _question(hands, w, asked, number)
    except (Withheld, InterchangeProblem) as reason:
        _not_asked(w, asked, timedelta(hours=w.payer.decision.inquire_after_hours))
        await w.owe(
            "payer_silent", f"{w.payer.key} cannot be asked about trace {asked.trace}: {reason}", subject=asked.trace
        )
    return None


def _not_asked(w: CaseWriting, asked: AuthorizationRequest, later: timedelta) -> None:
    asked.inquiries -= 1
    asked.inquired_at = w.now + later
    w.case.version += 1


async def _question(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, number: int) -> Departure:
    known = await known_person(w)
    if known is None:
        raise Withheld("the person's record was erased")
    person, wrapped = known
    details = open_person(hands.keyring, person.id, person.sealed, wrapped)
    facility = hands.case.catalog.edition(w.episode.edition).facilities[w.episode.facility]
    ground = await Ground.of(w, asked, details, facility, hands.identity.submitter_id)
    released = await gate(w, asked, inquiry_of(ground, number), ContentClass.AUTHORIZATION_REQUEST)
    channel = channel_to(hands, w, asked)
    departure = await first_departure(
        hands, w, asked, inquiry_message(asked.id, number), released, channel.inquiry, channel,
        channel.version(inquiry=True),
    )  # fmt: skip
    await w.note("payer_inquiry", {"request": str(asked.id), "number": number})
    return replace(departure, inquiry=True)


async def inquiry_left(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, departure: Departure,
    delivery: Delivery,
) -> None:  # fmt: skip
    await conclude(w, message, departure, delivery)
    if delivery.outcome == line.NOT_SENT:
        asked.inquiries -= 1
    w.case.version += 1
    if not departure.interrupted:
        await attempted(w, asked, ATTEMPT[delivery.outcome], delivery.problem)
    if delivery.body is not None:
        await take_delivered(hands, w, asked, delivery.body, inquiry=True)
    if must_call(w.payer, asked.status, asked.inquiries):
        await call_payer(w, asked)
