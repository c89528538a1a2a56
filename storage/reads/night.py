"""What one facility's night needs, read set-based: presence in one statement, then cover and what earlier dates
used up (D5)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Protocol
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.accrual import Absence, DayAttendance, StaySpan
from definitions.charging import NO_PAYER, AgreedRate, CoverageFact, NightStay
from definitions.utilization import GrantUse
from definitions.vocabulary import AuthorizationStatus, BillingBehaviour, Track
from storage.models import Person

# A stay that ended at the very midnight the date begins with is counted in the date's opening (BILL-11), so the
# range starts one instant earlier.
INSTANT = timedelta(microseconds=1)
PRESENCE = text(
    """
    SELECT s.id, s.id::text, s.episode_id, s.person_id, s.program, s.level, s.track, s.billing, s.payer, s.edition,
           lower(s.period), upper(s.period), s.arrival, s.departure, away.kinds, away.lefts, away.returns,
           met.minutes, met.services,
           coalesce(paid.today, CASE WHEN :on < paid.first THEN paid.reach END,
                    CASE WHEN paid.person_id IS NULL THEN s.payer ELSE :nobody END),
           coalesce(paid.eve, CASE WHEN :eve < paid.first THEN paid.reach END,
                    CASE WHEN paid.person_id IS NULL THEN s.payer ELSE :nobody END)
    FROM stay s
    LEFT JOIN (
        -- Who pays on the date and on its eve: rules.coverage.primary_on, for everybody at once (E38). A voided row
        -- pays nothing, and says all the same that coverages of this person are on record.
        -- Smallest texts instead of ordered arrays: rank (or date and rank) in front of the payer, so nothing is sorted.
        SELECT c.person_id, min(c.from_date) FILTER (WHERE NOT c.voided) AS first,
               substr(min((lpad(CAST(c.rank AS text), 6, '0') || c.payer) COLLATE "C") FILTER (WHERE NOT c.voided
                   AND c.from_date <= :on AND (c.through_date IS NULL OR c.through_date >= :on)), 7) AS today,
               substr(min((lpad(CAST(c.rank AS text), 6, '0') || c.payer) COLLATE "C") FILTER (WHERE NOT c.voided
                   AND c.from_date <= :eve AND (c.through_date IS NULL OR c.through_date >= :eve)), 7) AS eve,
               nullif(substr(min((to_char(c.from_date, 'YYYYMMDD') || lpad(CAST(c.rank AS text), 6, '0')
                   || CASE WHEN c.reaches_back THEN c.payer ELSE '' END) COLLATE "C")
                   FILTER (WHERE NOT c.voided), 15), '') AS reach
        FROM coverage c
        WHERE c.person_id IN (
            SELECT h.person_id FROM stay h WHERE h.facility = :facility AND h.period && tstzrange(:before, :ends, '[)'))
        GROUP BY c.person_id
    ) paid ON paid.person_id = s.person_id
    LEFT JOIN (
        SELECT a.stay_id, array_agg(a.kind ORDER BY a.left_at) AS kinds,
               array_agg(a.left_at ORDER BY a.left_at) AS lefts, array_agg(a.returned_at ORDER BY a.left_at) AS returns
        FROM absence a
        WHERE a.left_at < :ends AND (a.returned_at IS NULL OR a.returned_at >= :begins)
        GROUP BY a.stay_id
    ) away ON away.stay_id = s.id
    LEFT JOIN (
        SELECT a.stay_id, sum(a.minutes) AS minutes, count(*) FILTER (WHERE a.minutes > 0) AS services
        FROM attendance a JOIN session m ON m.id = a.session_id
        WHERE a.service_date = :on AND a.minutes IS NOT NULL AND a.status = 'attended' AND m.counts
          AND m.facility = :facility
        GROUP BY a.stay_id
    ) met ON met.stay_id = s.id
    WHERE s.facility = :facility AND s.period && tstzrange(:before, :ends, '[)')
    ORDER BY s.person_id, lower(s.period), s.id
    """
)
ELSEWHERE = text(
    """
    SELECT person_id, per_diem_track FROM charge
    WHERE person_id = ANY(:people) AND service_date = :on AND status = 'live' AND facility <> :facility
    """
)
ONE_CLOSE = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
# Units can only run out before the dates do where more dates passed than units were granted; nothing else is counted.
GRANTS = text(
    """
    SELECT g.episode_id, g.payer, g.level, g.authorization_id, g.id, g.units, g.through_date,
           CASE WHEN :on - g.from_date < g.units THEN 0 ELSE (
               SELECT count(*) FROM charge u
               WHERE u.grant_id = g.id AND u.status = 'live' AND u.service_date < :on) END AS used
    FROM authorization_grant g JOIN "authorization" c ON c.id = g.authorization_id
    WHERE g.facility = :facility AND g.state = 'active' AND g.from_date <= :on AND g.through_date >= :on
      AND (c.end_dated_on IS NULL OR c.end_dated_on >= :on)
    ORDER BY g.episode_id, g.payer, g.level, g.through_date, g.id
    """
)
AGREED = text(
    """
    SELECT s.episode_id, s.payer, s.level, s.amount, coalesce(s.number, s.id::text) AS version
    FROM single_case_agreement s
    WHERE s.facility = :facility AND s.signed_at IS NOT NULL AND s.ended_at IS NULL
      AND s.from_date <= :on AND s.through_date >= :on
    ORDER BY s.signed_at, s.id
    """
)
# What was asked and is not decided: by the case while nothing is granted, by the question itself for an extension or
# an appeal of a case that holds a grant. Evidence that nothing was required stands for the days until it ended
# (AUTH-10).
CASES = text(
    """
    SELECT c.episode_id, c.payer, c.level, c.id, coalesce(c.ended_from, c.status) AS status, c.opened_at
    FROM "authorization" c
    WHERE c.facility = :facility AND c.from_date <= :on AND (c.end_dated_on IS NULL OR c.end_dated_on >= :on)
      AND (c.status = ANY(:statuses) OR c.ended_from = :evidence)
    UNION
    SELECT c.episode_id, c.payer, r.level, c.id, r.status, c.opened_at
    FROM authorization_request r JOIN "authorization" c ON c.id = r.authorization_id
    WHERE c.facility = :facility AND r.from_date <= :on
      AND (r.status = ANY(:asked) AND r.through_date >= :on OR r.status = :evidence AND r.about IS NULL)
      AND (c.end_dated_on IS NULL OR c.end_dated_on >= :on)
    ORDER BY opened_at, id
    """
)
USED = text(
    """
    SELECT person_id, payer, level,
           count(*) FILTER (WHERE kind = 'per_diem' AND service_date >= :week),
           count(*) FILTER (WHERE kind = 'bed_hold' AND service_date >= :year)
    FROM charge
    WHERE person_id = ANY(:people) AND facility = :facility AND status = 'live'
      AND service_date >= least(:week, :year) AND service_date < :on
      AND (kind = 'bed_hold' OR service_date >= :week)
    GROUP BY person_id, payer, level
    """
)
ASKED = (
    AuthorizationStatus.READY,
    AuthorizationStatus.WAITING_CONSENT,
    AuthorizationStatus.SUBMITTED,
    AuthorizationStatus.PENDED,
    AuthorizationStatus.TIMED_OUT,
    AuthorizationStatus.CONTACT_PAYER,
    AuthorizationStatus.DATA_PROBLEM,
    AuthorizationStatus.HELD,
    AuthorizationStatus.INFORMATION_REQUESTED,
    AuthorizationStatus.INFORMATION_SENT,
)
TRACKS = {t.value: t for t in Track}
BEHAVIOURS = {b.value: b for b in BillingBehaviour}
Cover = dict[tuple[UUID, str], dict[str, CoverageFact]]
NOT_AWAY: tuple[Absence, ...] = ()


@dataclass(frozen=True, slots=True)
class NightRow:
    """One stay that touches the date, with its absences and what was attended."""

    stay: NightStay
    span: StaySpan
    absences: Sequence[Absence]
    attended: DayAttendance | None


@dataclass(frozen=True, slots=True)
class Used:
    """What earlier dates used up, by person and payer: payable days this week by level, bed-hold days this year."""

    week: dict[tuple[UUID, str], dict[str, int]]
    holds: dict[tuple[UUID, str], int]


async def read_presence(
    session: AsyncSession, facility: str, on: date, begins: datetime, ends: datetime
) -> list[NightRow]:
    """Everybody whom the date touches, ordered by person and time, in one statement."""
    found = await session.execute(
        PRESENCE,
        {
            "facility": facility, "on": on, "eve": on - timedelta(days=1), "before": begins - INSTANT, "begins": begins,
            "ends": ends, "nobody": NO_PAYER,
        },
    )  # fmt: skip
    # By place, not by name: a night makes these for every bed.
    return [
        NightRow(
            NightStay(r[0], r[2], r[3], r[4], r[19], r[9], r[20], r[8]),
            StaySpan(r[1], r[5], TRACKS[r[6]], BEHAVIOURS[r[7]], r[10], r[11], r[13], r[12]),
            _absences(r[1], r[14], r[15], r[16]) if r[14] else NOT_AWAY,
            DayAttendance(stay_id=r[1], service_date=on, minutes=r[17], services=r[18]) if r[17] is not None else None,
        )
        for r in found.all()
    ]  # fmt: skip


async def read_joined(session: AsyncSession) -> dict[UUID, UUID]:
    """Records that were joined to another one, and the record that stands for each (E03); few."""
    found = await session.execute(select(Person.id, Person.merged_into).where(Person.merged_into.is_not(None)))
    return {one: stands for one, stands in found if stands is not None}


async def read_elsewhere(
    session: AsyncSession, facility: str, on: date, groups: Mapping[UUID, Collection[UUID]]
) -> set[tuple[UUID, str]]:
    """(record, per diem track) of live charges at other facilities, for records by the one that stands for them. Closes of
    one date at two facilities wait for each other here: the index knows one record, and a person may have two."""
    for stands in sorted(groups):
        await session.execute(ONE_CLOSE, {"key": f"{stands}:{on}"})
    people = sorted({one for group in groups.values() for one in group})
    found = await session.execute(ELSEWHERE, {"people": people, "on": on, "facility": facility})
    return {(person, track) for person, track in found}


def _absences(
    stay: str, kinds: Sequence[str], lefts: Sequence[datetime], returns: Sequence[datetime | None]
) -> list[Absence]:
    return [
        Absence(stay_id=stay, kind=kind, left_at=left, returned_at=back)
        for kind, left, back in zip(kinds, lefts, returns, strict=True)
    ]


class UsesOfGrants(Protocol):
    """The rule that says which of the fitting grants a date uses, or why none is left (rules/utilization.py)."""

    def __call__(self, fitting: Sequence[GrantUse], /) -> GrantUse | str: ...


async def read_coverage(session: AsyncSession, facility: str, on: date, unit_for: UsesOfGrants) -> Cover:
    """By episode and payer, then by level: what the cases say on the date; a grant with a unit left beats everything
    (AUTH-01, AUTH-06), and covers days of its own payer only (E38). Where units ran out, what is asked for more keeps
    the day at risk instead of uncovered."""
    found: Cover = {}
    statuses = [s.value for s in (*ASKED, AuthorizationStatus.NOT_REQUIRED)]
    asked = [s.value for s in ASKED]
    evidence = AuthorizationStatus.NOT_REQUIRED.value
    for episode_id, payer, level, case_id, status, _ in await session.execute(
        CASES, {"facility": facility, "on": on, "statuses": statuses, "asked": asked, "evidence": evidence}
    ):
        levels = found.setdefault((episode_id, payer), {})
        if status == AuthorizationStatus.NOT_REQUIRED:
            levels[level] = CoverageFact(case_id, "not_required")
        else:
            levels.setdefault(level, CoverageFact(case_id, "at_risk"))
    rows = (await session.execute(GRANTS, {"facility": facility, "on": on})).all()
    for (episode_id, payer, level), group in groupby(rows, key=itemgetter(0, 1, 2)):
        uses = [GrantUse(g[4], g[3], level, g[5], g[7], g[6]) for g in group]
        chosen = unit_for(uses)
        levels = found.setdefault((episode_id, payer), {})
        if isinstance(chosen, GrantUse):
            levels[level] = CoverageFact(chosen.authorization_id, "covered", chosen.grant_id)
        else:
            levels.setdefault(level, CoverageFact(None, "uncovered", used_up=chosen))
    return found


async def read_agreed(session: AsyncSession, facility: str, on: date) -> dict[tuple[UUID, str], dict[str, AgreedRate]]:
    """By episode and payer: prices of signed single-case agreements by level; the newest signed wins (E43)."""
    found: dict[tuple[UUID, str], dict[str, AgreedRate]] = {}
    for episode_id, payer, level, amount, version in await session.execute(AGREED, {"facility": facility, "on": on}):
        found.setdefault((episode_id, payer), {})[level] = AgreedRate(amount, f"agreement {version}")
    return found


async def read_used(session: AsyncSession, facility: str, on: date, people: Collection[UUID]) -> Used:
    """For the given people only: those away and those of day programs, whose contracts may count (BILL-12, 6.8)."""
    used = Used({}, {})
    if not people:
        return used
    week = on - timedelta(days=on.weekday())
    rows = await session.execute(
        USED, {"facility": facility, "on": on, "week": week, "year": date(on.year, 1, 1), "people": list(people)}
    )
    for person_id, payer, level, days, held in rows:
        key = (person_id, payer)
        if days:
            used.week.setdefault(key, {})[level] = days
        if held:
            used.holds[key] = used.holds.get(key, 0) + held
    return used
