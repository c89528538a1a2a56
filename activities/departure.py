"""One message on its way out of the house: gate, control number, sealed copy, disclosure intent, in one transaction
(D11, domain 3.5). A send cannot sit in a transaction: what is prepared here is committed before bytes leave."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from activities.case_record import CaseHands, CaseWriting
from activities.partners.channel import PayerChannel
from activities.partners.channels import channel_for
from activities.partners.line import PayerLine
from definitions.disclosure import ContentPart, ExceptionOnFile, RecordPeriod
from definitions.ids import derived
from definitions.payer import Channel, Payer
from definitions.vocabulary import ContentClass, Purpose, RequestKind
from interchange.problem import InterchangeProblem
from interchange.x12.arrival import fingerprint
from interchange.x12.envelope import Control
from rules.disclosure import ConsentOnFile, DisclosureAsk, Released, release
from rules.disclosure_terms import MESSAGE
from rules.grounds import consents_on_file, recorded
from rules.sending import channel_of, endpoint_of
from runtime.keyring import Keyring
from runtime.metrics import Metrics
from runtime.people import open_message, seal_message
from storage.models import AuthorizationRequest, ExchangeMessage, Person, Stay
from storage.repositories import disclosure, exchange
from storage.repositories.disclosure import DisclosureGround
from storage.repositories.exception import exceptions_of
from storage.repositories.exchange import INTENT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExchangeIdentity:
    """Who we are to partners, from the settings."""

    submitter_id: str
    usage: str
    public_url: str = ""
    """Where partners reach our API; empty: no payer is asked to notify us."""


@dataclass(frozen=True, slots=True)
class ExchangeHands:
    """What the activities of the exchange share."""

    case: CaseHands
    keyring: Keyring
    line: PayerLine
    identity: ExchangeIdentity
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Departure:
    """Committed and ready to leave: the bytes, where they go, and the rows that tell of it. `inquiry`: not the request
    itself but the question what became of it. `interrupted`: an earlier attempt ended between its commit and its
    outcome, so the bytes may be there already: nothing is sent, the outcome is unknown."""

    text: str
    endpoint: str
    message_id: UUID
    disclosure_id: UUID | None
    inquiry: bool = False
    interrupted: bool = False
    channel: Channel = Channel.X12_REALTIME
    payer: Payer | None = None
    """Whose definition it leaves by."""


class Withheld(Exception):
    """Nothing may leave: the gate's reasons, as a sentence for the person who must act."""


async def known_person(w: CaseWriting) -> tuple[Person, bytes] | None:
    """The person with their key; None once they were erased, and then nothing about them leaves."""
    person = await w.session.get(Person, w.case.person_id)
    if person is None or person.wrapped_key is None:
        return None
    return person, person.wrapped_key


async def gate(w: CaseWriting, asked: AuthorizationRequest, content: T, kind: ContentClass) -> Released[T]:
    """Asked in the sending transaction, on the consents it sees (D11). Raises Withheld."""
    consents, exceptions = await grounds_of(w, recipient_of(w, asked))
    verdict = release(content, await ask_of(w, asked, kind), consents, w.now, exceptions)
    if isinstance(verdict, Released):
        return verdict
    raise Withheld("; ".join(verdict.reasons))


async def grounds_of(w: CaseWriting, recipient: str) -> tuple[tuple[ConsentOnFile, ...], tuple[ExceptionOnFile, ...]]:
    """All that a disclosure of this case to this recipient may ride on, as the transaction sees it."""
    consents = consents_on_file(await disclosure.consents_of(w.session, w.case.person_id))
    exceptions = await exceptions_of(
        w.session, person_id=w.case.person_id, facility=w.episode.facility, recipient=recipient
    )
    return consents, exceptions


async def first_departure(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, message_id: UUID, released: Released[T],
    encode: Callable[[Released[T], Control], str], channel: PayerChannel, version: str,
) -> Departure:  # fmt: skip
    """Take the next control number and commit to these bytes. What cannot be written takes no number, so that the
    partner sees no gap; InterchangeProblem then says why."""
    known = await known_person(w)
    if known is None:
        raise Withheld("the person's record was erased; nothing can be sent")
    person, wrapped = known
    identity = hands.identity
    savepoint = await w.session.begin_nested()
    number = await exchange.next_control_number(w.session, w.payer.key)
    try:
        text = encode(released, Control(identity.submitter_id, w.payer.payer_id, number, w.now, identity.usage))
    except InterchangeProblem:
        await savepoint.rollback()
        raise
    await savepoint.commit()
    mark = fingerprint(text)
    w.session.add(
        ExchangeMessage(
            id=message_id, partner=w.payer.key, direction="out", kind=channel.kind, control_number=f"{number:09d}",
            subject_id=asked.id, person_id=person.id, sealed=seal_message(hands.keyring, person.id, wrapped, text),
            fingerprint=mark, status=INTENT, at=w.now, version=version, transaction_control=f"{number}/0001",
        )
    )  # fmt: skip
    return await _intend(w, asked, message_id, released, text, mark)


async def again(
    hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest, message: ExchangeMessage, kind: ContentClass
) -> Departure:
    """The very same bytes under the same control number: the partner is known not to have them. The gate is asked
    again, and each time bytes may leave is one disclosure."""
    text = open_text(hands.keyring, await known_person(w), message)
    released = await gate(w, asked, text, kind)
    message.status, message.finished_at, message.problem = INTENT, None, None
    return await _intend(w, asked, message.id, released, text, message.fingerprint)


async def interrupted(w: CaseWriting, message: ExchangeMessage) -> Departure:
    """The intent stands and its outcome was never written: a crash in between. The bytes may have arrived."""
    _, last = await disclosure.departures_of(w.session, w.case.person_id, message.id)
    return Departure(text="", endpoint="", message_id=message.id, disclosure_id=last, interrupted=True)


def open_text(keyring: Keyring, known: tuple[Person, bytes] | None, message: ExchangeMessage) -> str:
    if known is None:
        raise Withheld("the person's record was erased; nothing can be sent")
    return open_message(keyring, known[0].id, known[1], message.sealed)


async def _intend(
    w: CaseWriting, asked: AuthorizationRequest, message_id: UUID, released: Released[T], text: str, mark: str
) -> Departure:
    before, _ = await disclosure.departures_of(w.session, w.case.person_id, message_id)
    disclosure_id = derived(message_id, "disclosure", before)
    await disclosure.intend(
        w.session, disclosure_id=disclosure_id, person_id=w.case.person_id, episode_id=w.episode.id,
        content=released.ask.content.value, purpose=released.ask.purpose.value, recipient=released.ask.recipient,
        ground=DisclosureGround(**recorded(released.cover)), subject_id=asked.id, message_id=message_id, fingerprint=mark,
        now=w.now,
        actor=w.actor,
    )  # fmt: skip
    endpoint = endpoint_of(asked.kind, w.payer) or ""
    channel = channel_of(asked.kind, w.payer)
    return Departure(text, endpoint, message_id, disclosure_id, channel=channel, payer=w.payer)


def channel_to(hands: ExchangeHands, w: CaseWriting, asked: AuthorizationRequest) -> PayerChannel:
    """How this request leaves, by the guides of the day."""
    return channel_for(channel_of(asked.kind, w.payer), hands.case.catalog.pas_guide(w.now.date()))


async def ask_of(w: CaseWriting, asked: AuthorizationRequest, kind: ContentClass) -> DisclosureAsk:
    """The dates are those that are asked for, the program the one of the stay they are asked for."""
    stay = await w.session.get(Stay, w.case.stay_id) if w.case.stay_id is not None else None
    documents = {ContentPart.DOCUMENTS} if kind is ContentClass.CLINICAL_ATTACHMENT else set()
    return DisclosureAsk(
        person_id=str(w.case.person_id),
        episode_id=str(w.episode.id),
        content=kind,
        purpose=Purpose.PAYMENT,
        recipient=recipient_of(w, asked),
        recipient_class=w.payer.recipient_class,
        parts=tuple(sorted(MESSAGE | documents)),
        program=stay.program if stay is not None else None,
        period=RecordPeriod(from_date=asked.from_date, through_date=asked.through_date),
    )


def recipient_of(w: CaseWriting, asked: AuthorizationRequest) -> str:
    """Who gets it: an external review goes to the house that reviews the payer's decision, not to the payer."""
    role = "external_review" if asked.kind is RequestKind.EXTERNAL_REVIEW else "payer"
    return f"{role}/{w.payer.key}"
