"""`python -m local.cohort load`: the demo facility, once; loading again changes nothing."""

import asyncio
import dataclasses
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text

from activities.midnight import MidnightActivities
from api.app import wire
from api.deps import Services
from definitions.midnight import CloseDate, DatesWanted
from definitions.referral import Referral
from interchange.fhir.referral import read_referral
from local.bundles.generate import bundle
from local.cohort.going_live import Desk, GoingLive, MovingClock
from local.cohort.lives import FIRST_BUNDLE, HISTORY_DAYS, LIVES, SEED, Life
from runtime.catalog import Catalog
from runtime.settings import load_settings
from runtime.temporal import leave
from storage.engine import Database, make_engine
from storage.models import Episode, Facility
from storage.repositories.command import recall
from storage.repositories.facility import ensure_facilities

FACILITY = "harbor"
MARK = "demo-cohort-loaded"
ATTENDED = text(
    """
    UPDATE attendance a SET status = 'attended', minutes = m.minutes, recorded_at = :now, recorded_by = 'clinician:going_live'
    FROM session m WHERE m.id = a.session_id AND m.ends_at <= :now AND a.status = 'scheduled'
      AND abs(hashtext(a.session_id::text || a.stay_id::text)) % 14 > 0
    """
)


def referral_of(number: int, life: Life) -> Referral:
    """The person of bundle `number`, with this life's payer, script and level."""
    payers = {k: k for k in ("meridian", "bluestone", "statecare", "unity", "self_pay", "county")}
    read = read_referral(bundle(SEED, FIRST_BUNDLE + number), payers)
    if isinstance(read, tuple):
        raise RuntimeError(f"bundle {number} cannot be read: {read[0].detail}")
    coverage = read.coverages[0].model_copy(
        update={"payer": life.payer, "member_id": f"MB{900_000_000 + number}{life.script}" if life.script else ""}
    )
    level = life.steps[0].level if life.steps else life.asked
    return read.model_copy(update={"coverages": (coverage,), "requested_level": level})


async def load(services: Services, records: Database, say: bool = True) -> int:
    """Answers how many episodes the facility has."""
    now = datetime.now(UTC).replace(microsecond=0)
    clock = MovingClock()
    desk = Desk.over(dataclasses.replace(services, clock=clock), records, clock)
    async with records.write() as session:
        await ensure_facilities(session, services.catalog.latest)
        if await recall(session, MARK) is not None:
            return int((await session.execute(select(func.count()).select_from(Episode))).scalar_one())
        first = (now - timedelta(days=HISTORY_DAYS)).date()
        facility = await session.get_one(Facility, FACILITY)
        facility.opened_on = min(facility.opened_on, first)
    for number, life in enumerate(LIVES):
        key = f"demo:{number:02d}"
        async with records.read() as session:
            known = await recall(session, f"{key}:whole")
        if known is None:
            await GoingLive(desk, key, referral_of(number, life), life, now).live()
            await _mark(records, f"{key}:whole", now)
        if say:
            print(f"demo facility: {number + 1} of {len(LIVES)} people", flush=True)
    async with records.write() as session:
        await session.execute(ATTENDED, {"now": now})
    await close_past(records, services.catalog, now, say=say)
    await _mark(records, MARK, now)
    return len(LIVES)


async def _mark(records: Database, key: str, now: datetime) -> None:
    async with records.write() as session:
        await session.execute(
            text(
                "INSERT INTO command (key, kind, body_hash, actor, accepted_at, status) "
                "VALUES (:key, 'demo', '', 'system', :now, 'done') ON CONFLICT DO NOTHING"
            ),
            {"key": key, "now": now},
        )


async def close_past(records: Database, catalog: Catalog, now: datetime, *, say: bool = False) -> None:
    hands = MidnightActivities(records, catalog)
    for facility in catalog.latest.facilities:
        wanted = await hands.dates_to_close(DatesWanted(facility=facility, now=now))
        for on in wanted.dates:
            if say:
                print(f"demo facility: closing the night of {on.isoformat()} at {facility}", flush=True)
            await hands.close(CloseDate(facility=facility, service_date=on, now=now))


async def run() -> int:
    settings = load_settings()
    services = await wire(settings)
    records = Database(make_engine(settings.address_of("worker"), application="cohort"))
    count = await load(services, records)
    await records.close()
    await services.database.close()
    print(f"demo facility ready: {count} episodes")
    return 0


def main() -> int:
    if sys.argv[1:] != ["load"]:
        print("say: python -m local.cohort load", file=sys.stderr)
        return 2
    return asyncio.run(run())


if __name__ == "__main__":
    leave(main())
