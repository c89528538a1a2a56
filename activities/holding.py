"""Authorization requests, notices, appeals, documents, inquiries and cancellations stand still when nothing covers them any
more, and go by themselves, once, when something does again (domain 3.4, 3.5, E16 to E20)."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.case_record import WAITING, CaseHands, CaseWriting, record_of
from activities.departure import ask_of, grounds_of, known_person, recipient_of
from activities.documents import kept_back
from activities.sending import wait_for_consent
from definitions.halting import Halted, HoldOrder, Standing
from definitions.vocabulary import AuthorizationStatus, DisputeKind, DisputeStatus, Role
from rules.disclosure import judge
from rules.sending import content_class
from storage.models import Authorization, AuthorizationDispute, AuthorizationRequest, ExchangeMessage
from storage.repositories import disclosure
from storage.repositories.authorization import requests_of_case
from storage.repositories.exchange import INTENT, request_message

QUEUED: Final = (AuthorizationStatus.READY, AuthorizationStatus.HELD)
AFTER_REVOCATION: Final = ("self_pay_risk", "revocation_counselling", "request_lapses", "peer_to_peer_cancelled")
"""Items that a new signature makes needless."""
COUNSEL_WITHIN: Final = timedelta(hours=24)


async def why_it_stays(w: CaseWriting, asked: AuthorizationRequest) -> str | None:
    """Why a request may not leave now, in the words of the gate; None: it may. One that its payer takes without its
    documents may go when the rest may."""
    if await known_person(w) is None:
        return "the person's record was erased; nothing can be sent"
    consents, exceptions = await grounds_of(w, recipient_of(w, asked))
    whole = judge(
        await ask_of(w, asked, content_class(asked.kind, bool(asked.attachments))), consents, w.now, exceptions
    )
    kept = await kept_back(w, asked)
    if whole.allowed and not kept:
        return None
    bare = content_class(asked.kind, False)
    if w.payer.takes_without_documents and asked.attachments:
        verdict = judge(await ask_of(w, asked, bare), consents, w.now, exceptions)
        if verdict.allowed:
            return None
    return "; ".join(whole.reasons if not whole.allowed else [f"document {n}: {why}" for n, why in kept.items()])


async def look_again(w: CaseWriting) -> list[AuthorizationRequest]:
    """Every request of the case before the gate: what may go is ready, what may not waits. Answers what was stopped."""
    stopped, released = [], False
    requests = await requests_of_case(w.session, w.case.id)
    for asked in requests:
        if asked.status is AuthorizationStatus.WAITING_CONSENT and await why_it_stays(w, asked) is None:
            w.follow(asked, AuthorizationStatus.READY)
            released = True
        elif asked.status in QUEUED and not await _on_the_line(w, asked):
            why = await why_it_stays(w, asked)
            if why is not None:
                await wait_for_consent(w, asked, why)
                stopped.append(asked)
        elif asked.inquired_at is not None and asked.inquired_at > w.now and await why_it_stays(w, asked) is None:
            # The question was put off because nothing covered it; its hour is the one it had.
            asked.inquired_at = None
            w.case.version += 1
    if any(r.status is AuthorizationStatus.WAITING_CONSENT for r in requests):
        return stopped
    if released or (requests and await why_it_stays(w, requests[-1]) is None):
        await w.done(("consent_needed", *AFTER_REVOCATION), "covered again")
    return stopped


async def _on_the_line(w: CaseWriting, asked: AuthorizationRequest) -> bool:
    """Its intent is committed and its outcome unknown: the bytes may be there."""
    message = await w.session.get(ExchangeMessage, request_message(asked.id), populate_existing=True)
    return message is not None and message.status == INTENT


class AuthorizationSender:
    """The port of everything that cases send (activities/partners/sender.py)."""

    name = "authorization"

    def __init__(self, hands: CaseHands) -> None:
        self._hands = hands

    async def hold(self, session: AsyncSession, order: HoldOrder) -> tuple[Halted, ...]:
        """The cases of the episode that is locked; those of the person's other episodes look by themselves when they
        are told, and refuse to send until then."""
        found: list[Halted] = []
        rows = await session.execute(
            select(Authorization.id).where(Authorization.episode_id == order.episode_id).order_by(Authorization.id)
        )
        for case_id in rows.scalars():
            w = await self._hands.writing(session, case_id, order.key, order.now, order.actor, order.role.value)
            if w is not None:
                found += await _hold_case(self.name, w)
        return tuple(found)


async def _hold_case(sender: str, w: CaseWriting) -> list[Halted]:
    stopped = await look_again(w)
    requests = await requests_of_case(w.session, w.case.id)
    gone = [r for r in requests if r.status in WAITING or (r.status in QUEUED and await _on_the_line(w, r))]
    uncovered = [r for r in gone if await why_it_stays(w, r) is not None]
    told = [await _halted(sender, w, r, Standing.STOPPED) for r in stopped]
    told += [await _halted(sender, w, r, Standing.GONE) for r in uncovered]
    calls = await _calls_cancelled(w, requests)
    if stopped or uncovered or calls:
        await _owe(w, uncovered)
        await record_of(w)
    return told


async def _halted(sender: str, w: CaseWriting, asked: AuthorizationRequest, standing: Standing) -> Halted:
    last = await disclosure.newest_about(w.session, w.case.person_id, asked.id)
    return Halted(
        sender=sender, kind=asked.kind.value, subject_id=asked.id,
        content=content_class(asked.kind, bool(asked.attachments)), recipient=recipient_of(w, asked), standing=standing,
        left_at=last.intent_at if last else None, consent_id=last.consent_id if last else None,
        disclosure_id=last.id if last else None,
    )  # fmt: skip


async def _calls_cancelled(w: CaseWriting, requests: list[AuthorizationRequest]) -> bool:
    """A call between physicians tells more than any message: one that is set does not take place (E16). The right to it
    stays, so that it may be set anew when something covers it."""
    rows = await w.session.execute(
        select(AuthorizationDispute).where(
            AuthorizationDispute.authorization_id == w.case.id,
            AuthorizationDispute.kind == DisputeKind.PEER_TO_PEER,
            AuthorizationDispute.status == DisputeStatus.SCHEDULED,
        )
    )
    cancelled = False
    by_id = {r.id: r for r in requests}
    for call in rows.scalars():
        about = by_id.get(call.request_id)
        if about is None or await why_it_stays(w, about) is None:
            continue
        at = call.scheduled_at
        call.status, call.scheduled_at = DisputeStatus.OPEN, None
        call.version += 1
        w.case.version += 1
        cancelled = True
        await w.owe(
            "peer_to_peer_cancelled",
            f"the consent was taken back: call {w.payer.key} off the peer-to-peer set for "
            f"{at.isoformat() if at else 'an hour not recorded'}, and say nothing about the patient",
            due_at=w.now,
            subject=f"{call.id}:{call.version}",
            rule="E16",
        )
        await w.note("authorization_peer_to_peer_cancelled", {"dispute": str(call.id)})
    return cancelled


async def _owe(w: CaseWriting, gone: list[AuthorizationRequest]) -> None:
    """Who pays now, and what the patient must hear; and of what has left, that nothing follows it (E16, E18)."""
    lcd = w.case.last_covered_day
    first = lcd + timedelta(days=1) if lcd is not None else w.case.from_date
    await w.owe(
        "self_pay_risk",
        f"nothing more may be told to {w.payer.key}: days at {w.case.level} from {first.isoformat()} are at the patient's own "
        "risk until a consent covers them; bill nothing that a consent must cover",
        subject=w.key,
        due_at=w.now,
        rule="E16",
        owner=Role.BILLER.value,
    )
    await w.owe(
        "revocation_counselling",
        f"tell the patient what it means that {w.payer.key} is told nothing more: who pays from {first.isoformat()}, and that "
        "signing again goes on where it stopped; record it",
        subject=w.key,
        due_at=w.now + COUNSEL_WITHIN,
        rule="E16",
        owner=Role.ADMISSIONS.value,
    )
    for asked in gone:
        await w.owe(
            "request_lapses",
            f"the {asked.kind.value} request with trace {asked.trace} has left and nothing follows it: no documents, no "
            f"question, no cancellation; let it lapse, and record what {w.payer.key} answers",
            subject=f"{asked.trace}:{w.key}",
            rule="E16",
        )
