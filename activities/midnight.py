"""The midnight close: every night of a facility ends with one answer per person, set-based and repeatable (D5)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.session_horizon import extend_horizon
from definitions.accrual import Absence, DayAttendance, DayKind, StaySpan
from definitions.charging import (
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
from rules.accrual import Night, UsedBefore, judge_night, night_of
from rules.calendar import dates_between, facility_date, midnight_ending
from rules.census import count_lines, state_at_end, steps_of
from rules.charging import charge_for
from runtime.catalog import Catalog
from storage.engine import Database
from storage.models import Facility, FacilityDay
from storage.reads import night as reads
from storage.repositories import census, ledger

DATES_AT_ONCE = 40
"""Unclosed dates named in one answer; a longer downtime takes several rounds."""


class NightBook:
    """Collects one night in plain lists; local to one close."""

    def __init__(self, night: Night) -> None:
        self.night = night
        self.charges: list[WantedCharge] = []
        self.exceptions: list[WantedException] = []
        self.presence: list[PresenceRow] = []
        self.steps: Counter[tuple[str, str, str, str]] = Counter()

    def digest(self) -> str:
        rows = sorted((str(p.stay_id), p.program, p.level, p.payer, p.state) for p in self.presence)
        return hashlib.md5(",".join("".join(r) for r in rows).encode(), usedforsecurity=False).hexdigest()


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
        closed = await self.close(request)
        async with self._database.write() as session:
            await extend_horizon(session, self._catalog, request.facility, request.service_date)
        return closed

    async def close(self, request: CloseDate) -> DateClosed:
        """One transaction. Closing twice changes nothing; closing late or again after a correction is this."""
        async with self._database.write() as session:
            day = await census.lock_day(session, request.facility, request.service_date)
            facility = await session.get_one(Facility, request.facility)
            if midnight_ending(request.service_date, facility.zone) > request.now:
                raise RuntimeError(f"{request.service_date} is not over at {request.facility}; nothing was closed")
            book = await self._judge(session, facility, night_of(request.service_date, facility.zone))
            version = day.version + 1
            posted = await ledger.read_posted(session, request.facility, request.service_date)
            changes = ledger.compare(book.charges, posted)
            lost = await ledger.apply(session, request.facility, changes, version=version, now=request.now)
            exceptions = [*book.exceptions, *changes.suggestions, *_lost(book, lost)]
            opened = await ledger.write_exceptions(
                session, request.facility, request.service_date, exceptions, request.now
            )
            restated = await self._snapshot(session, request, day, version, book)
            day.closed_at = request.now
            day.stale = False
            return DateClosed(
                facility=request.facility,
                service_date=request.service_date,
                version=day.version,
                changed=restated or bool(changes.insert or changes.void),
                present=sum(p.state in ("present", "enrolled") for p in book.presence),
                posted=len(changes.insert) - len(lost),
                voided=len(changes.void),
                exceptions=opened,
            )

    async def _judge(self, session: AsyncSession, facility: Facility, night: Night) -> NightBook:
        """Read the night set-based, decide each person by the one rule."""
        on, ends = night.service_date, night.ends
        stays = await reads.read_stays(session, facility.key, night.begins, ends)
        absences = await reads.read_absences(session, facility.key, night.begins, ends)
        attendance = await reads.read_attendance(session, facility.key, on)
        coverage = await reads.read_coverage(session, facility.key, on)
        weeks, holds = await reads.read_used(session, facility.key, on)
        book = NightBook(night)
        start = 0
        while start < len(stays):
            end = start + 1
            person = stays[start][0].person_id
            while end < len(stays) and stays[end][0].person_id == person:
                end += 1
            used = UsedBefore(holds.get(person, 0), weeks.get(person, {}))
            self._person(book, stays[start:end], absences, attendance, coverage, used)
            start = end
        return book

    def _person(
        self,
        book: NightBook,
        stays: Sequence[tuple[NightStay, StaySpan]],
        absences: dict[str, list[Absence]],
        attendance: dict[str, DayAttendance],
        coverage: dict[UUID, dict[str, CoverageFact]],
        used: UsedBefore,
    ) -> None:
        spans = [span for _, span in stays]
        away = [a for span in spans for a in absences.get(span.stay_id, ())]
        payer = self._payer(stays[-1][0])
        verdicts = {v.stay_id: v for v in judge_night(spans, away, attendance, payer.accrual, book.night, used)}
        in_bed = any(v.track is Track.BED and v.kind is not DayKind.NONE for v in verdicts.values())
        for stay, span in stays:
            _count(book, stay, span, away)
            verdict = verdicts.get(span.stay_id)
            if verdict is None:
                continue
            charge, exception = charge_for(stay, verdict, payer, coverage.get(stay.episode_id, {}), in_bed)
            if charge is not None:
                book.charges.append(charge)
            if exception is not None:
                book.exceptions.append(exception)

    def _payer(self, stay: NightStay) -> Payer:
        """Money is looked up in the newest edition, by the day it applies to; processes pin theirs (D12)."""
        payers = self._catalog.latest.payers
        return payers.get(stay.payer) or self._catalog.edition(stay.edition).payers[stay.payer]

    async def _snapshot(
        self, session: AsyncSession, request: CloseDate, day: FacilityDay, version: int, book: NightBook
    ) -> bool:
        lines = count_lines(book.steps)
        broken = [line for line in lines if not line.balanced]
        if broken:
            raise RuntimeError(f"census of {request.facility} on {request.service_date} does not balance: {broken}")
        if day.version > 0:
            standing = await census.newest_lines(session, request.facility, request.service_date, day.version)
            if standing == lines and await census.same_presence(
                session, request.facility, request.service_date, day.version, book.digest()
            ):
                return False
        await census.write_snapshot(
            session, request.facility, request.service_date, version, lines, book.presence,
            reason=day.stale_reason or "night" if day.version else "night", now=request.now,
        )  # fmt: skip
        day.version = version
        await census.reopen_following(session, request.facility, request.service_date)
        return True


def _count(book: NightBook, stay: NightStay, span: StaySpan, away: Sequence[Absence]) -> None:
    for step in steps_of(span, away, book.night):
        book.steps[(stay.program, span.level, stay.payer, step)] += 1
    state = state_at_end(span, away, book.night)
    if state is not None:
        book.presence.append(
            PresenceRow(stay.stay_id, stay.episode_id, stay.program, span.level, stay.payer, span.track.value, state)
        )


def _lost(book: NightBook, lost: set[UUID]) -> list[WantedException]:
    """Another live charge of the same person and day stands, at whatever facility (invariant 1)."""
    return [
        WantedException(
            c.stay_id, c.episode_id, c.service_date, "pairing_conflict",
            f"another per diem of this person stands on {c.service_date}; decide which one bills", c.amount,
        )
        for c in book.charges
        if c.stay_id in lost
    ]  # fmt: skip
