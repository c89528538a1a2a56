"""What leaves by a person's hand: gated, kept sealed and written into the ledger like bytes (D11, AUTH-12)."""

import json
from uuid import UUID

from activities.case_record import CaseWriting
from activities.departure import Withheld, gate, known_person, recipient_of
from activities.documents import in_words, kept_back
from definitions.errors import ErrorType, Refusal
from definitions.ids import derived
from definitions.vocabulary import ContentClass, Purpose, Role
from interchange.x12.arrival import fingerprint
from rules.disclosure import Released
from rules.grounds import recorded
from runtime.keyring import Keyring
from runtime.people import seal_message
from storage.models import AuthorizationRequest, ExchangeMessage
from storage.repositories import disclosure
from storage.repositories.disclosure import NO_GROUND, DisclosureGround
from storage.repositories.exchange import SENT


def words_of(request_id: UUID, key: str, channel: str, call_reference: str | None) -> str:
    """What is kept of a call, upload or fax; the key makes two calls two messages."""
    return json.dumps(
        {"request": str(request_id), "channel": channel, "call_reference": call_reference, "command": key}
    )


async def keep_evidence(
    w: CaseWriting, keyring: Keyring, asked: AuthorizationRequest, text: str, channel: str
) -> UUID | None:
    """The evidence, sealed like a message: its reference may name a person. None once the person was erased."""
    known = await known_person(w)
    if known is None:
        return None
    message_id = derived(w.key, "by_hand")
    w.session.add(
        ExchangeMessage(
            id=message_id, partner=w.payer.key, direction="out", kind=channel, subject_id=asked.id,
            person_id=known[0].id, sealed=seal_message(keyring, known[0].id, known[1], text),
            fingerprint=fingerprint(text), status=SENT, at=w.now, finished_at=w.now,
        )
    )  # fmt: skip
    await w.session.flush()
    return message_id


async def leaves_by_hand(
    w: CaseWriting, keyring: Keyring, asked: AuthorizationRequest, kind: ContentClass, *, channel: str,
    call_reference: str | None,
) -> Refusal | None:  # fmt: skip
    """It has left when it is recorded: gate, evidence, intent and outcome stand together, or nothing does."""
    text = words_of(asked.id, w.key, channel, call_reference)
    kept = await kept_back(w, asked)
    if kept:
        return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail=in_words(kept))
    try:
        released = await gate(w, asked, text, kind)
    except Withheld as reasons:
        return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail=str(reasons))
    message_id = await keep_evidence(w, keyring, asked, text, channel)
    if message_id is None:
        return Refusal(code=ErrorType.DISCLOSURE_REFUSED, detail="the person's record was erased")
    await _disclose(w, asked, released, message_id, text)
    return None


async def spoken(
    w: CaseWriting, keyring: Keyring, asked: AuthorizationRequest, kind: ContentClass, call_reference: str | None
) -> None:
    """A call that has been held. What was said cannot be unsaid: one that nothing covered stands in the ledger as what it
    is, and the director looks at it."""
    refusal = await leaves_by_hand(w, keyring, asked, kind, channel="telephone", call_reference=call_reference)
    if refusal is None:
        return
    text = words_of(asked.id, w.key, "telephone", call_reference)
    message_id = await keep_evidence(w, keyring, asked, text, "telephone")
    if message_id is not None:
        await _tell_ledger(
            w, asked, kind, recipient_of(w, asked), DisclosureGround(exception=NO_GROUND, evidence={}), message_id, text
        )
    await w.owe(
        "privacy_review",
        f"{w.payer.key} was told by telephone about trace {asked.trace} without a ground: {refusal.detail}; look at what was "
        "said, and say what follows",
        subject=w.key,
        rule="domain 3.5",
        owner=Role.DIRECTOR.value,
    )


async def _disclose(
    w: CaseWriting, asked: AuthorizationRequest, released: Released[str], message_id: UUID, text: str
) -> None:
    ground = DisclosureGround(**recorded(released.cover))
    await _tell_ledger(w, asked, released.ask.content, released.ask.recipient, ground, message_id, text)


async def _tell_ledger(
    w: CaseWriting, asked: AuthorizationRequest, kind: ContentClass, recipient: str, ground: DisclosureGround,
    message_id: UUID, text: str,
) -> None:  # fmt: skip
    """Intent and outcome at once: it has left when it is recorded."""
    disclosure_id = derived(message_id, "disclosure", 0)
    await disclosure.intend(
        w.session, disclosure_id=disclosure_id, person_id=w.case.person_id, episode_id=w.episode.id, content=kind.value,
        purpose=Purpose.PAYMENT.value, recipient=recipient, ground=ground, subject_id=asked.id, message_id=message_id,
        fingerprint=fingerprint(text), now=w.now, actor=w.actor,
    )  # fmt: skip
    await disclosure.outcome(w.session, disclosure_id=disclosure_id, outcome=SENT, now=w.now)
