"""Per diem accounts of stays: one for each run of days that one payer pays (E38, D9)."""

from datetime import timedelta

from activities.hands import Writing
from definitions.ids import derived
from rules.calendar import facility_date
from rules.coverage import Rows, payer_runs
from storage.models import PerDiemAccount
from storage.repositories.coverage import replace_accounts
from storage.repositories.episode import stays_of


async def write_accounts(writing: Writing, rows: Rows) -> None:
    """The accounts of every stay as its dates and the coverages say, as far as today. Safe to repeat."""
    if not rows:
        return
    zone = writing.facility.zone
    today = facility_date(writing.now, zone)
    for stay in await stays_of(writing.session, writing.episode.id):
        first = facility_date(stay.started_at, zone)
        left = facility_date(stay.ended_at, zone) if stay.ended_at is not None else None
        last = max(first, today if left is None else left - timedelta(days=1))
        wanted = []
        for number, (begins, ends, payer) in enumerate(payer_runs(rows, first, last)):
            parts = ("account",) if number == 0 else ("account", begins.isoformat())
            closed_on = ends + timedelta(days=1) if ends is not None else left
            wanted.append(
                PerDiemAccount(
                    id=derived(stay.id, *parts), stay_id=stay.id, episode_id=writing.episode.id, payer=payer,
                    level=stay.level, track=stay.track, opened_on=begins, closed_on=closed_on, opened_by=writing.key,
                )
            )  # fmt: skip
        await replace_accounts(writing.session, stay.id, wanted)
