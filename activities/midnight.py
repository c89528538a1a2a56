"""The midnight close: every night of a facility ends with one answer per person, set-based and repeatable (D5)."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.drift import watch_drift
from activities.joined_nights import beside, charged_once, every_record, groups_of
from activities.scarce_units import tell_scarce_cases
from activities.session_horizon import extend_horizon
from definitions.accrual import DayKind
from definitions.charging import (
    NO_PAYER,
    AgreedRate,
    CoverageFact,
    NightStay,
    PresenceRow,
    WantedCharge,
    WantedException,
)
from definitions.contracts import MidnightContract
from definitions.midnight import CloseDate, DateClosed, DatesToClose, DatesWanted
from definitions.payer import Payer
from definitions.vocabulary import Track
from rules.accrual import NOTHING_USED, Night, UsedBefore, judge_night, night_of
from rules.calendar import dates_between, facility_date, midnight_ending
from rules.census import by_payer, count_lines, state_at_end, steps_of
from rules.charging import NO_AGREEMENT, Tariff, charge_for
from rules.two_beds import Beside, steps_beside, yields
from rules.utilization import unit_for
from runtime.catalog import Catalog
from storage.engine import Database
from storage.models import Facility, FacilityDay
from storage.reads import night as reads
from storage.reads.night import NightRow, Used
from storage.repositories import census, ledger
from storage.repositories.charge_exception import write_exceptions
from storage.repositories.facility_day import reopen_dependents

DATES_AT_ONCE = 40
"""Unclosed dates named in one answer; a longer downtime takes several rounds."""
PEOPLE_A_BREATH = 1000
"""People judged before the worker's other work gets a turn and the server hears from us."""
NO_COVER: Final[Mapping[str, CoverageFact]] = {}
Beat = Callable[[], None]


def _still() -> None:
    """No heartbeat: outside an activity nobody listens."""


class NightBook:
    """Collects one night in plain lists; local to one close."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.tariff = Tariff(night.service_date)
        self.charges: list[WantedCharge] = []
        self.exceptions: list[WantedException] = []
        self.presence: list[PresenceRow] = []
        self.steps: Counter[tuple[str, str, str, str]] = Counter()
        self.beside: dict[str, Beside] = {}
        """Bed stays of people whose joined records hold stays of their own, by stay."""
        self.joined: dict[UUID, UUID] = {}
        """Records joined to another one, of people of this night, and the record that stands."""

    def digest(self) -> str:
        rows = sorted((str(p.stay_id), p.program, p.level, p.payer, p.state) for p in self.presence)
        return hashlib.md5(",".join("".join(r) for r in rows).encode(), usedforsecurity=False).hexdigest()

    def yields(self, stay_id: UUID) -> bool:
        """Another bed stay of the person holds the night and stands before this one."""
        one = self.beside.get(str(stay_id))
        return one is not None and yields(one, self.night.ends)

    def problems(self, changes: ledger.Changes, lost: set[UUID]) -> list[WantedException]:
        """Everything a biller must see. A day that a person voided is only a suggestion, whatever else is wrong with
        it; a day that lost says that another live charge of the same person stands (invariant 1)."""
        settled = lost | {s.stay_id for s in changes.suggestions}
        conflicts = [
            WantedException(
                c.stay_id, c.episode_id, c.service_date, "pairing_conflict",
                f"another per diem of this person stands on {c.service_date}; decide which one bills", c.amount,
            )
            for c in self.charges
            if c.stay_id in lost
        ]  # fmt: skip
        return [e for e in self.exceptions if e.stay_id not in settled] + changes.suggestions + conflicts


class MidnightActivities(MidnightContract):
    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog

    @activity.defn
    async def dates_to_close(self, request: DatesWanted) -> DatesToClose:
        async with self._database.read() as session:
            facility = await session.get(Facility, request.facility)
            if facility is None:
                return DatesToClose(dates=())
            last = facility_date(request.now, facility.zone) - timedelta(days=1)
            if request.through is not None:
                last = min(last, request.through)
            rows = await session.execute(
                select(FacilityDay.service_date).where(
                    FacilityDay.facility == request.facility,
                    FacilityDay.closed_at.is_not(None),
                    FacilityDay.stale.is_(False),
                )
            )
            closed = set(rows.scalars())
            wanted = [d for d in dates_between(facility.opened_on, last) if d not in closed]
            return DatesToClose(dates=tuple(wanted[:DATES_AT_ONCE]))

    @activity.defn
    async def close_date(self, request: CloseDate) -> DateClosed:
        closed = await self.close(request, activity.heartbeat)
        async with self._database.write() as session:
            await extend_horizon(session, self._catalog, request.facility, request.service_date)
            await watch_drift(session, self._catalog, request.facility, request.service_date, request.now)
            await tell_scarce_cases(session, request.facility, request.service_date, request.now)
        return closed

    async def close(self, request: CloseDate, beat: Beat = _still) -> DateClosed:
        """One transaction. Closing twice changes nothing; closing late or again after a correction is this."""
        async with self._database.write() as session:
            day = await census.lock_day(session, request.facility, request.service_date)
            facility = await session.get_one(Facility, request.facility)
            if midnight_ending(request.service_date, facility.zone) > request.now:
                raise RuntimeError(f"{request.service_date} is not over at {request.facility}; nothing was closed")
            book = await self._judge(session, facility, night_of(request.service_date, facility.zone), beat)
            restated = await self._snapshot(session, request, day, book)
            beat()
            posted = await ledger.read_posted(session, request.facility, request.service_date)
            changes = ledger.compare(book.charges, posted)
            lost = await ledger.apply(
                session, request.facility, request.service_date, changes, version=day.version, now=request.now
            )
            beat()
            opened, resolved = await write_exceptions(
                session, request.facility, request.service_date, book.problems(changes, lost), request.now
            )
            inserted = len(changes.insert) - len(lost)
            changed = restated or bool(inserted or changes.void or changes.refresh or opened or resolved)
            if inserted or changes.void or changes.refresh:
                await self._reopen_dependents(session, request, changes, book.joined)
            if changed or day.stale or day.closed_at is None:
                day.closed_at, day.stale, day.stale_reason = request.now, False, None
            return DateClosed(
                facility=request.facility,
                service_date=request.service_date,
                version=day.version,
                changed=changed,
                present=sum(p.state in ("present", "enrolled") for p in book.presence),
                posted=inserted,
                voided=len(changes.void),
                exceptions=opened,
            )

    async def _judge(self, session: AsyncSession, facility: Facility, night: Night, beat: Beat) -> NightBook:
        """Read the night set-based, decide each person by the one rule."""
        on = night.service_date
        rows = await reads.read_presence(session, facility.key, on, night.begins, night.ends)
        beat()
        coverage = await reads.read_coverage(session, facility.key, on, unit_for)
        agreed = await reads.read_agreed(session, facility.key, on)
        counted = {r.stay.person_id for r in rows if r.absences or r.attended is not None}
        used = await reads.read_used(session, facility.key, on, counted)
        beat()
        book = NightBook(night)
        book.joined = _joined_here(rows, await reads.read_joined(session))
        book.beside = beside(rows, book.joined)
        for number, (person, group) in enumerate(groupby(rows, key=lambda row: row.stay.person_id)):
            self._person(book, person, list(group), coverage, used, agreed)
            if number % PEOPLE_A_BREATH == PEOPLE_A_BREATH - 1:
                beat()
                await asyncio.sleep(0)
        if book.joined:
            book.exceptions = [e for e in book.exceptions if not book.yields(e.stay_id)]
            elsewhere = await reads.read_elsewhere(session, facility.key, on, groups_of(book.charges, book.joined))
            book.charges, conflicts = charged_once(book.charges, book.joined, elsewhere, book.yields)
            book.exceptions += conflicts
        return book

    def _person(
        self,
        book: NightBook,
        person: UUID,
        rows: Sequence[NightRow],
        coverage: reads.Cover,
        used: Used,
        agreed: dict[tuple[UUID, str], dict[str, AgreedRate]],
    ) -> None:
        payer = self._payer(rows[-1].stay)
        spans = [row.span for row in rows]
        away = [absence for row in rows for absence in row.absences]
        attended = {row.span.stay_id: row.attended for row in rows if row.attended is not None}
        before = NOTHING_USED
        if away or attended:
            key = (person, payer.key)
            before = UsedBefore(used.holds.get(key, 0), used.week.get(key, {}))
        verdicts = {v.stay_id: v for v in judge_night(spans, away, attended, payer.accrual, book.night, before)}
        in_bed = any(v.track is Track.BED and v.kind is not DayKind.NONE for v in verdicts.values())
        for row in rows:
            _count(book, row)
            verdict = verdicts.get(row.span.stay_id)
            if verdict is None:
                continue
            cover = coverage.get((row.stay.episode_id, row.stay.payer), NO_COVER)
            prices = agreed.get((row.stay.episode_id, payer.key), NO_AGREEMENT)
            charge, exception = charge_for(row.stay, verdict, payer, cover, in_bed, book.tariff, prices)
            if charge is not None:
                book.charges.append(charge)
            if exception is not None:
                book.exceptions.append(exception)

    def _payer(self, stay: NightStay) -> Payer:
        """Money is looked up in the newest edition, by the day it applies to; processes pin theirs (D12). A day that
        nobody pays is judged, not charged, by the contract of the one who paid last."""
        payers = self._catalog.latest.payers
        key = stay.last_payer if stay.payer == NO_PAYER else stay.payer
        return payers.get(key) or self._catalog.edition(stay.edition).payers[key]

    async def _snapshot(self, session: AsyncSession, request: CloseDate, day: FacilityDay, book: NightBook) -> bool:
        """The next version of the census, when it says anything new; `day.version` is the newest afterwards."""
        facility, on = request.facility, request.service_date
        lines = count_lines(book.steps)
        broken = [line for line in lines if not line.balanced]
        if broken:
            raise RuntimeError(f"census of {facility} on {on} does not balance: {broken}")
        standing = await census.newest_lines(session, facility, on, day.version)
        if (
            day.version > 0
            and standing == lines
            and await census.same_presence(session, facility, on, day.version, book.digest())
        ):
            return False
        reason = (day.stale_reason or "closed again") if day.version else "night"
        day.version += 1
        await census.write_snapshot(
            session, facility, on, day.version, lines, book.presence, reason=reason, now=request.now
        )
        if {line.key: line.closing for line in standing} != {line.key: line.closing for line in lines}:
            await census.reopen_following(session, facility, on)
        await census.reopen_preceding(session, facility, on, lines)
        return True

    async def _reopen_dependents(
        self, session: AsyncSession, request: CloseDate, changes: ledger.Changes, joined: Mapping[UUID, UUID]
    ) -> None:
        """Later days that counted what changed here, and days elsewhere that waited for it."""
        payers = self._catalog.latest.payers
        touched: list[WantedCharge | ledger.Posted] = [w for w, _ in changes.insert]
        touched += [v.posted for v in changes.void]
        await reopen_dependents(
            session,
            facility=request.facility,
            on=request.service_date,
            week=any(t.payer in payers and t.level in payers[t.payer].accrual.weekly_cap for t in touched),
            held=[t.person_id for t in touched if t.kind == DayKind.BED_HOLD],
            freed=every_record((v.posted.person_id for v in changes.void if v.successor is None), joined),
            grants=changes.grants,
            now=request.now,
        )


def _joined_here(rows: Sequence[NightRow], joined: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    if not joined:
        return {}
    here = {row.stay.person_id for row in rows}
    stand = {joined.get(one, one) for one in here}
    return {one: stands for one, stands in joined.items() if stands in stand}


def _count(book: NightBook, row: NightRow) -> None:
    stay, span = row.stay, row.span
    one = book.beside.get(span.stay_id)
    steps = steps_of(span, row.absences, book.night) if one is None else steps_beside(one, book.night)
    for payer, step in by_payer(steps, stay.payer_before, stay.payer):
        book.steps[(stay.program, span.level, payer, step)] += 1
    state = state_at_end(span, row.absences, book.night)
    if state is not None and not book.yields(stay.stay_id):
        book.presence.append(
            PresenceRow(stay.stay_id, stay.episode_id, stay.program, span.level, stay.payer, span.track.value, state)
        )
