"""The watch over drift, set-based, once a night on the newest date: new differences become owned items, gone ones close."""

from datetime import date, datetime

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.drift import Drift, DriftFacts
from definitions.ids import derived
from definitions.vocabulary import OpenItemStatus
from rules.calendar import facility_date, midnight_ending
from rules.drift import KINDS, drift_of
from rules.sessions import counted_minutes, sessions_for
from runtime.catalog import Catalog
from storage.models import OpenItem
from storage.reads.drift import read_drift, standing_items


async def watch_drift(session: AsyncSession, catalog: Catalog, facility_key: str, on: date, now: datetime) -> int:
    """Compare and write; answers how many items were opened. A date that is not the newest says nothing about now:
    its days have exceptions of their own."""
    facility = catalog.latest.facilities.get(facility_key)
    if facility is None or midnight_ending(on, facility.zone) != midnight_ending(
        _newest(now, facility.zone), facility.zone
    ):
        return 0
    found: dict[tuple[str, str], tuple[DriftFacts, Drift]] = {}
    planned: dict[str, int] = {}
    for facts, payer, edition_name in await read_drift(session, facility_key, on, midnight_ending(on, facility.zone)):
        edition = catalog.edition(edition_name)
        terms = edition.payers[payer].terms(facts.level) if payer in edition.payers else None
        template = edition.schedules[edition.levels[facts.level].template]
        if facts.level not in planned:
            ahead = sessions_for(template, facility.zone, on.fromordinal(on.toordinal() + 1),
                                 on.fromordinal(on.toordinal() + 7), facility.holidays)  # fmt: skip
            planned[facts.level] = counted_minutes(ahead)
        for drift in drift_of(facts, terms, template.hours_floor_weekly * 60, on, planned[facts.level]):
            found[(drift.kind, str(facts.stay_id))] = (facts, drift)
    standing = await standing_items(session, facility_key, KINDS)
    gone = [standing[key] for key in standing if key not in found]
    if gone:
        await session.execute(
            update(OpenItem)
            .where(OpenItem.id.in_(gone))
            .values(
                status=OpenItemStatus.DONE, resolved_at=now, resolved_by="system",
                resolution=f"no longer so on {on.isoformat()}",
            )
        )  # fmt: skip
    new = [(key, pair) for key, pair in found.items() if key not in standing]
    if new:
        await session.execute(insert(OpenItem), [_row(facility_key, key, *pair, on, now) for key, pair in new])
    return len(new)


def _newest(now: datetime, zone: str) -> date:
    today = facility_date(now, zone)
    return today.fromordinal(today.toordinal() - 1)


def _row(
    facility: str, key: tuple[str, str], facts: DriftFacts, drift: Drift, on: date, now: datetime
) -> dict[str, object]:
    return {
        "id": derived(facts.stay_id, drift.kind, on.isoformat(), now.isoformat()), "episode_id": facts.episode_id,
        "facility": facility, "kind": drift.kind, "subject_id": key[1], "owner_role": drift.owner, "why": drift.why,
        "rule": drift.rule, "opened_at": now, "status": OpenItemStatus.OPEN,
    }  # fmt: skip
