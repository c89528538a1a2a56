"""The queue of a payer whose system is down: requests wait in order, go out oldest first, and each that is through
wakes the next (E95, E96). Only rows of that payer are touched."""

from activities.case_record import CaseWriting
from definitions.exchange import Attempt, Circuit
from definitions.payer import Payer
from definitions.vocabulary import AuthorizationStatus
from rules import circuit as circuits
from storage.models import AuthorizationRequest
from storage.repositories import payer_circuit as rows
from storage.repositories.authorization import requests_of_case


async def may_leave(w: CaseWriting, asked: AuthorizationRequest) -> bool:
    """Whether a ready request goes now; otherwise it is held in the queue. The circuit stays locked until the
    transaction ends, so that two requests of one payer cannot both be the first."""
    circuit = await rows.locked(w.session, w.payer.key, w.now)
    first = not await rows.older_waits(w.session, w.payer.key, asked.held_at or w.now, asked.id)
    if not circuits.may_go(circuit, first, w.now):
        await hold(w, asked)
        return False
    await rows.keep(w.session, w.payer.key, circuits.probing(circuit, w.now), None, w.now)
    return True


async def line_is_open(w: CaseWriting) -> bool:
    """Whether a question that stands in no queue may be asked now."""
    circuit = await rows.locked(w.session, w.payer.key, w.now)
    return circuits.may_go(circuit, True, w.now)


async def hold(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """Into the queue, or back to its place in it; the reviewer learns of the other roads (AUTH-12)."""
    newly = asked.held_at is None
    asked.held_at = asked.held_at or w.now
    why = f"the system of {w.payer.key} cannot be reached; the request waits in order"
    w.follow(asked, AuthorizationStatus.HELD, why)
    await w.owe(
        "payer_unreachable",
        f"the system of {w.payer.key} cannot be reached; the request is held and goes by itself once it answers. "
        f"If it cannot wait: {fallback(w.payer)}",
        subject=asked.trace,
        rule="AUTH-12",
    )
    if newly:
        await w.note("authorization_held", {"request": str(asked.id)})


def fallback(payer: Payer) -> str:
    """The other roads to a payer, in words for the reviewer."""
    roads = [f"telephone {payer.telephone}" if payer.telephone else "", f"fax {payer.fax}" if payer.fax else ""]
    named = " or ".join(r for r in roads if r)
    return f"ask by {named} and record it" if named else "ask by telephone or fax and record it"


async def attempted(w: CaseWriting, asked: AuthorizationRequest, attempt: Attempt, why: str | None) -> Circuit:
    """Note in the circuit what a call showed, and wake whoever is next. To be called when the request's own status is
    written and flushed."""
    await w.session.flush()
    before = await rows.locked(w.session, w.payer.key, w.now)
    following = await rows.waiting(w.session, w.payer.key, but=asked.id)
    circuit = circuits.after(before, attempt, following is not None or _waits(asked), w.now)
    await rows.keep(w.session, w.payer.key, circuit, why, w.now)
    if attempt is Attempt.ANSWERED and following is not None:
        await rows.wake(w.session, request_id=following[0], case_id=following[1], now=w.now, because=w.key)
    return circuit


def _waits(asked: AuthorizationRequest) -> bool:
    return asked.status is AuthorizationStatus.HELD


async def left_queue(w: CaseWriting, asked: AuthorizationRequest) -> None:
    """It went another road, or waits for something else: the next one must not wait for it."""
    if asked.held_at is None:
        return
    asked.held_at = None
    await w.session.flush()
    circuit = await rows.locked(w.session, w.payer.key, w.now)
    following = await rows.waiting(w.session, w.payer.key, but=asked.id)
    if following is not None and circuits.may_go(circuit, True, w.now):
        await rows.wake(w.session, request_id=following[0], case_id=following[1], now=w.now, because=f"left:{w.key}")


async def wake_held(w: CaseWriting) -> None:
    """The case was told, or its own look is due: what is first in its queue now becomes ready."""
    for asked in await requests_of_case(w.session, w.case.id):
        if asked.status is not AuthorizationStatus.HELD or asked.held_at is None:
            continue
        circuit = await rows.locked(w.session, w.payer.key, w.now)
        first = not await rows.older_waits(w.session, w.payer.key, asked.held_at, asked.id)
        if circuits.may_go(circuit, first, w.now):
            w.follow(asked, AuthorizationStatus.READY)
            await w.session.flush()
