"""Taking a file from a payer's system: every piece kept by itself and told to its case or kept in quarantine, the
file acknowledged by its standard, the same bytes answered the same (E05, E32 to E34, 6.12)."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Services
from definitions.exchange import Arrival, ArrivalKind
from definitions.ids import derived
from definitions.payer import Payer
from interchange.x12.acknowledgement import acknowledge_file
from interchange.x12.arrival import arrival_of, fingerprint
from interchange.x12.conformance import inbound_from_payer
from interchange.x12.envelope import EnvelopeProblem
from interchange.x12.pieces import pieces_of
from rules.inbound import UNREADABLE, InboundVerdict, judge
from runtime.people import MEMBER, seal_message
from storage.models import ExchangeFile, ExchangeMessage, Person
from storage.repositories import inbound
from storage.repositories.exchange import SENT, next_control_number
from storage.scope import HouseAct

ORPHAN: Final = b"orphan-message"
"""What a message is sealed under while nobody knows whose it is: the house key."""
ACCEPTED, PARTLY, REFUSED = "accepted", "partly", "refused"
ONE_INTERCHANGE: Final = re.compile(r"(?<=~)(?=ISA\*)")


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as far as it can be read. `rest`: text from where reading ended."""

    arrivals: tuple[tuple[Arrival, str], ...]
    rest: str | None
    control: str | None


class AnsweredMeanwhile(Exception):
    """The same bytes were answered by another call; this one leaves no trace."""


def text_of(raw: bytes) -> str:
    """UTF-8, else one character for each byte: no byte is lost, and the guide says which may stand where."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_file(text: str) -> Reading:
    try:
        file = pieces_of(text)
    except EnvelopeProblem:
        return Reading((), text, None)
    rest = text[file.problem.at :] if file.problem is not None else None
    arrivals = tuple((arrival_of(piece), piece.text) for piece in file.pieces)
    return Reading(arrivals, rest, file.pieces[0].interchange_control if file.pieces else None)


@dataclass(frozen=True, slots=True)
class Taken:
    """What stands on record of a file. `answer`: TA1s and 999s; empty when its standard wants none."""

    verdict: str
    answer: str


async def take_file(held: Services, payer: Payer, raw: bytes) -> str:
    """The answer to the file."""
    text = text_of(raw)

    async def read() -> Reading:
        return await asyncio.to_thread(read_file, text)

    async def acknowledge(session: AsyncSession, file_id: UUID, now: datetime) -> str:
        return await _acknowledge(held, session, payer, text, file_id, now)

    return (await _once(held, payer, raw, read, acknowledge)).answer


async def take_parts(held: Services, payer: Payer, raw: bytes, reading: Reading) -> str:
    """What came without an envelope: kept like a file, and acknowledged by the call itself. The verdict: `accepted`, `partly`
    or `refused`; the same bytes get the same."""

    async def read() -> Reading:
        return reading

    async def by_the_call(session: AsyncSession, file_id: UUID, now: datetime) -> str:
        return ""

    return (await _once(held, payer, raw, read, by_the_call)).verdict


async def _once(
    held: Services, payer: Payer, raw: bytes, read: Callable[[], Awaitable[Reading]],
    acknowledge: Callable[[AsyncSession, UUID, datetime], Awaitable[str]],
) -> Taken:  # fmt: skip
    """The same bytes are taken once and answered the same."""
    mark, now = fingerprint_of(raw), await held.clock.now()
    known = await _known(held, payer, mark)
    if known is not None:
        return known
    reading, file_id = await read(), derived(payer.key, "file", mark)
    try:
        async with held.database.write(held.house(HouseAct.PAYER_DOOR)) as session:
            accepted = await _keep_all(held, session, payer, reading, file_id, now)
            answer = await acknowledge(session, file_id, now)
            taken = Taken(_verdict(reading, accepted), answer)
            await _on_file(session, payer, file_id, mark, len(raw), reading, taken, now)
            return taken
    except AnsweredMeanwhile:
        return await _known(held, payer, mark) or Taken(REFUSED, "")


async def _known(held: Services, payer: Payer, mark: str) -> Taken | None:
    async with held.database.read(held.house(HouseAct.PAYER_DOOR)) as session:
        row = await inbound.file_known(session, payer.key, mark)
    return Taken(row.verdict, row.answer) if row is not None else None


def _verdict(reading: Reading, accepted: int) -> str:
    whole = accepted == len(reading.arrivals) and not reading.rest
    return (ACCEPTED if whole else PARTLY) if accepted else REFUSED


def fingerprint_of(raw: bytes) -> str:
    return fingerprint(raw.decode("latin-1"))


async def _keep_all(
    held: Services, session: AsyncSession, payer: Payer, reading: Reading, file_id: UUID, now: datetime
) -> int:
    """How many of its pieces their standard accepts."""
    accepted = 0
    for arrival, piece in reading.arrivals:
        accepted += await _keep(held, session, payer, arrival, piece, file_id, now)
    if reading.rest:
        await _keep_rest(held, session, payer, reading.rest, file_id, now)
    return accepted


async def _on_file(
    session: AsyncSession,
    payer: Payer,
    file_id: UUID,
    mark: str,
    size: int,
    reading: Reading,
    taken: Taken,
    now: datetime,
) -> None:
    made = await session.execute(
        insert(ExchangeFile)
        .values(
            id=file_id, partner=payer.key, fingerprint=mark, bytes=size, control_number=reading.control,
            pieces=len(reading.arrivals), answer=taken.answer, verdict=taken.verdict, at=now,
        )
        .on_conflict_do_nothing()
        .returning(ExchangeFile.id)
    )  # fmt: skip
    if made.first() is None:
        raise AnsweredMeanwhile


async def _keep(
    held: Services, session: AsyncSession, payer: Payer, arrival: Arrival, text: str, file_id: UUID, now: datetime
) -> bool:
    """One piece. Answers whether its standard accepts it; what is done with it is another matter."""
    tokens = [(MEMBER, held.keyring.token(MEMBER, arrival.member_id))] if arrival.member_id else []
    found = await inbound.find(session, payer.key, arrival, tokens)
    verdict = judge(arrival, found, payer, held.settings.submitter_id, held.settings.x12_usage)
    person, sealed = await _sealed(held, session, verdict, text)
    kept = await inbound.keep(
        session, partner=payer.key, arrival=arrival,
        status=inbound.QUARANTINED if verdict.reason else inbound.RECEIVED, sealed=sealed,
        person_id=person, request_id=verdict.request.request_id if verdict.request else None, reason=verdict.reason,
        file_id=file_id, now=now,
    )  # fmt: skip
    if kept is None:
        held.metrics.exchanged(payer=payer.key, kind="inbound", outcome="duplicate")
        return arrival.whole and arrival.understood
    held.metrics.exchanged(payer=payer.key, kind="inbound", outcome=verdict.reason or inbound.RECEIVED)
    if verdict.reason is None and verdict.request is not None:
        await inbound.tell_case(session, case_id=verdict.request.authorization_id, kept=kept, now=now)
    return arrival.whole and arrival.understood


async def _sealed(
    held: Services, session: AsyncSession, verdict: InboundVerdict, text: str
) -> tuple[UUID | None, bytes]:
    """Under the person's key when it is known whose it is, so that it is erased with them."""
    person = await session.get(Person, verdict.request.person_id) if verdict.request is not None else None
    if person is None or person.wrapped_key is None:
        return None, held.keyring.seal(text.encode(), ORPHAN)
    return person.id, seal_message(held.keyring, person.id, person.wrapped_key, text)


async def _keep_rest(
    held: Services, session: AsyncSession, payer: Payer, text: str, file_id: UUID, now: datetime
) -> None:
    arrival = Arrival(kind=ArrivalKind.OTHER, fingerprint=fingerprint(text), whole=False)
    await inbound.keep(
        session, partner=payer.key, arrival=arrival, status=inbound.QUARANTINED,
        sealed=held.keyring.seal(text.encode(), ORPHAN), person_id=None, request_id=None, reason=UNREADABLE,
        file_id=file_id, now=now,
    )  # fmt: skip
    held.metrics.exchanged(payer=payer.key, kind="inbound", outcome=UNREADABLE)


async def _acknowledge(
    held: Services, session: AsyncSession, payer: Payer, text: str, file_id: UUID, now: datetime
) -> str:
    """Numbers are taken last, so that the partner's sequence is locked for as short as may be; every one stands on a
    message that is kept, like all we send (`misnumbered` proves it)."""
    write = partial(
        _written, text, sender=held.settings.submitter_id, now=now, usage=held.settings.x12_usage
    )  # fmt: skip
    wanted = len(_interchanges(await asyncio.to_thread(write, itertools.count(1).__next__)))
    if wanted == 0:
        return ""
    numbers = [await next_control_number(session, payer.key) for _ in range(wanted)]
    answer = await asyncio.to_thread(write, iter(numbers).__next__)
    for number, one in zip(numbers, _interchanges(answer), strict=True):
        session.add(
            ExchangeMessage(
                id=derived(file_id, "answer", number), partner=payer.key, direction="out", kind="999",
                control_number=f"{number:09d}", sealed=held.keyring.seal(one.encode(), ORPHAN),
                fingerprint=fingerprint(one), status=SENT, at=now, finished_at=now, file_id=file_id,
            )
        )  # fmt: skip
    return answer


def _written(text: str, numbers: Callable[[], int], *, sender: str, now: datetime, usage: str) -> str:
    return acknowledge_file(text, inbound_from_payer, numbers, sender=sender, now=now, usage=usage)


def _interchanges(answer: str) -> list[str]:
    return [one for one in ONE_INTERCHANGE.split(answer) if one]
