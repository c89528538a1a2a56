"""Midnight close of a whole facility beside plain INSERT ... SELECT of the same rows (architecture D5).

`python -m bench.midnight [beds ...]`; default 10 000 and 100 000. Aim: ratio of 3 or better, and linear: a bed costs
no more in the largest house than in the smallest."""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from activities.midnight import MidnightActivities
from bench.measure import middle, report
from definitions.midnight import CloseDate
from local.stack.postgres import EmbeddedPostgres
from runtime.catalog import load_catalog
from runtime.long_lived import set_aside
from storage.engine import Database, make_engine
from storage.migrate import upgrade
from storage.row_security import DatabaseRole

SIZES = (10_000, 100_000)
FACILITY = "bench"
FIRST = date(2026, 3, 2)
ROUNDS = 3

SEED = (
    "INSERT INTO facility (key, zone, name, edition, opened_on) "
    "VALUES ('bench', 'America/Chicago', 'Bench', '2026-01', '2026-03-02')",
    "INSERT INTO program (key, facility, name, capacity) VALUES ('bench_beds', 'bench', 'Beds', :beds)",
    "CREATE TEMP TABLE someone AS SELECT n, gen_random_uuid() AS person, gen_random_uuid() AS coverage, "
    "gen_random_uuid() AS episode, gen_random_uuid() AS stay, gen_random_uuid() AS auth, gen_random_uuid() AS request "
    "FROM generate_series(1, :beds) n",
    "INSERT INTO person (id, sealed, created_at, version) SELECT person, 'sealed', :since, 1 FROM someone",
    "INSERT INTO coverage (id, person_id, payer, kind, rank, from_date) "
    "SELECT coverage, person, 'meridian', 'insurance', 1, '2026-01-01' FROM someone",
    "INSERT INTO episode (id, person_id, facility, coverage_id, payer, edition, phase, requested_level, level, "
    "source, diagnoses, opened_at, version) SELECT episode, person, 'bench', coverage, 'meridian', '2026-01', "
    "'in_care', '3.5', '3.5', 'bench', '[]', :since, 1 FROM someone",
    "INSERT INTO stay (id, episode_id, person_id, facility, program, level, track, billing, payer, period, arrival, "
    "edition) SELECT stay, episode, person, 'bench', 'bench_beds', '3.5', 'bed', 'overnight', 'meridian', "
    "tstzrange(:since, NULL), 'admission', '2026-01' FROM someone",
    'INSERT INTO "authorization" (id, episode_id, person_id, coverage_id, stay_id, facility, payer, level, status, '
    "why, unit, requested_units, granted_units, granted_level, from_date, last_covered_day, opened_at, version) "
    "SELECT auth, episode, person, coverage, stay, 'bench', 'meridian', '3.5', 'approved', 'granted', 'DY', 90, 90, "
    "'3.5', '2026-02-01', '2026-06-01', :since, 1 FROM someone",
    "INSERT INTO authorization_request (id, authorization_id, episode_id, kind, status, trace, level, unit, units, "
    "from_date, through_date, urgent, requested_at, attempts) SELECT request, auth, episode, 'initial', 'approved', "
    "n::text, '3.5', 'DY', 90, '2026-02-01', '2026-06-01', false, :since, 1 FROM someone",
    "INSERT INTO authorization_decision (id, request_id, authorization_id, action, status, level, unit, units, "
    "from_date, through_date, received_at, source, fingerprint) SELECT gen_random_uuid(), request, auth, 'A1', "
    "'approved', '3.5', 'DY', 90, "
    "'2026-02-01', '2026-06-01', :since, 'bench', n::text FROM someone",
    "INSERT INTO authorization_grant (id, authorization_id, request_id, decision_id, episode_id, facility, payer, level, "
    "unit, units, from_date, through_date, state, opened_at) SELECT d.id, d.authorization_id, d.request_id, d.id, "
    "auth.episode_id, 'bench', 'meridian', d.level, d.unit, 121, d.from_date, d.through_date, 'active', :since "
    'FROM authorization_decision d JOIN "authorization" auth ON auth.id = d.authorization_id',
    "DROP TABLE someone",
)
FLOOR = (
    "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, track, "
    "per_diem_track, revenue_code, procedure_code, amount, rate_version, authorization_id, grant_id, "
    "authorization_state, rule, why, status, revision, posted_at, close_version) SELECT gen_random_uuid(), s.id, "
    "s.episode_id, s.person_id, s.facility, s.payer, :on, 'per_diem', s.level, s.track, 'main', '1002', 'H0018', "
    "800.00, '2025-01', a.id, g.id, 'covered', 'BILL-01', 'present at midnight', 'live', 1, :now, 1 "
    'FROM stay s JOIN "authorization" a ON a.stay_id = s.id JOIN authorization_grant g ON g.authorization_id = a.id',
    "INSERT INTO census_presence (stay_id, service_date, version, facility, episode_id, program, level, payer, track, "
    "state) SELECT s.id, :on, 1, s.facility, s.episode_id, s.program, s.level, s.payer, s.track, 'present' FROM stay s",
)


async def seed(database: Database, beds: int) -> None:
    since = datetime(2026, 2, 1, 18, tzinfo=UTC)
    async with database.write() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in SEED:
            values = {k: v for k, v in {"beds": beds, "since": since}.items() if f":{k}" in statement}
            await session.execute(text(statement), values)
    async with database.engine.connect() as connection:
        loose = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await loose.execute(text("VACUUM ANALYZE"))


async def floor(database: Database, on: date, now: datetime) -> float:
    """The same rows by one statement a table, in one transaction, with the same indexes and constraints."""
    started = time.perf_counter()
    async with database.write() as session:
        for statement in FLOOR:
            values = {k: v for k, v in {"on": on, "now": now}.items() if f":{k}" in statement}
            await session.execute(text(statement), values)
    return time.perf_counter() - started


async def rows_of(session: AsyncSession, on: date) -> int:
    found = await session.execute(
        text("SELECT count(*) FROM charge WHERE facility = :facility AND service_date = :on AND status = 'live'"),
        {"facility": FACILITY, "on": on},
    )
    return int(found.scalar_one())


async def measure(server: EmbeddedPostgres, beds: int) -> float:
    """Answers the seconds of a first close (the median of the rounds)."""
    name = f"bench_{beds}"
    server.ensure_database(name)
    upgrade(server.url(name))
    database = Database(make_engine(server.url(name, DatabaseRole.WORKER), pool_size=4))
    try:
        await seed(database, beds)
        hands = MidnightActivities(database, load_catalog())
        set_aside()  # as the worker does
        floors: list[float] = []
        closes: list[float] = []
        repeats: list[float] = []
        for turn in range(ROUNDS):
            on = FIRST + timedelta(days=2 * turn)
            now = datetime(2026, 4, 1, tzinfo=UTC)
            floors.append(await floor(database, on, now))
            on += timedelta(days=1)
            request = CloseDate(facility=FACILITY, service_date=on, now=now)
            started = time.perf_counter()
            await hands.close(request)
            closes.append(time.perf_counter() - started)
            started = time.perf_counter()
            await hands.close(request)
            repeats.append(time.perf_counter() - started)
            async with database.read() as session:
                posted = await rows_of(session, on)
                if posted != beds:
                    raise RuntimeError(
                        f"{posted} charges for {beds} beds on {on}: the close is wrong, its speed is none"
                    )
        plain = middle(floors)
        report(f"midnight_close_{beds}_beds", middle(closes), "s", plain)
        report(f"midnight_close_repeat_{beds}_beds", middle(repeats), "s", plain)
        return middle(closes)
    finally:
        await database.close()


async def run(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure each size in a database of its own on a throw-away server with safe settings (no fsync tricks)."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        try:
            per_bed = {beds: await measure(server, beds) / beds * 1_000_000 for beds in sorted(sizes)}
        finally:
            server.stop()
    if len(per_bed) > 1:
        small, *_, large = per_bed
        report(f"midnight_close_per_bed_at_{large}_beside_{small}", per_bed[large], "us", per_bed[small])


def main() -> None:
    asyncio.run(run(tuple(int(a) for a in sys.argv[1:]) or SIZES))


if __name__ == "__main__":
    main()
