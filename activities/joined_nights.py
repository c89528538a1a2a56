"""Nights of people whose records were joined: one bed counts, and one day is charged, whichever record and facility it stands
under (E03, invariant 1)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from definitions.charging import WantedCharge, WantedException
from definitions.vocabulary import Track
from rules.two_beds import Beside, in_order
from storage.reads.night import NightRow


def beside(rows: Sequence[NightRow], joined: Mapping[UUID, UUID]) -> dict[str, Beside]:
    """Bed stays of these people by stay: those of the record that stands come first."""
    stand = set(joined.values())
    people: dict[UUID, list[NightRow]] = {}
    for row in rows if stand else ():
        stands = joined.get(row.stay.person_id, row.stay.person_id)
        if row.span.track is Track.BED and stands in stand:
            people.setdefault(stands, []).append(row)
    found = {}
    for stands, theirs in people.items():
        theirs.sort(key=lambda r: (r.stay.person_id != stands, r.span.started_at, r.span.stay_id))
        for one in in_order([(r.span, r.absences) for r in theirs]):
            found[one.stay.stay_id] = one
    return found


def groups_of(charges: Sequence[WantedCharge], joined: Mapping[UUID, UUID]) -> dict[UUID, list[UUID]]:
    """Every record of each person with a day here, by the one that stands."""
    wanted = {joined.get(c.person_id, c.person_id) for c in charges} & set(joined.values())
    return {stands: [stands, *sorted(o for o, to in joined.items() if to == stands)] for stands in sorted(wanted)}


def every_record(people: Iterable[UUID], joined: Mapping[UUID, UUID]) -> list[UUID]:
    """These and the other records of the same people."""
    stands = {joined.get(one, one) for one in people}
    return sorted(stands | {one for one, to in joined.items() if to in stands})


def charged_once(
    charges: Sequence[WantedCharge], joined: Mapping[UUID, UUID], elsewhere: set[tuple[UUID, str]],
    yields: Callable[[UUID], bool],
) -> tuple[list[WantedCharge], list[WantedException]]:  # fmt: skip
    """A night in a stay that yields is not charged. Of two days of one person on one track that of the record that stands
    is; where another record has one at another facility, a biller decides."""
    away = {(joined.get(person, person), track): person for person, track in elsewhere}
    kept: list[WantedCharge] = []
    conflicts: list[WantedException] = []
    taken: dict[tuple[UUID, str], UUID] = {}
    for charge in sorted(charges, key=lambda c: c.person_id in joined):
        day = (joined.get(charge.person_id, charge.person_id), charge.per_diem_track)
        if yields(charge.stay_id) or taken.get(day, charge.person_id) != charge.person_id:
            continue
        if away.get(day, charge.person_id) != charge.person_id:
            conflicts.append(_conflict(charge))
            continue
        taken[day] = charge.person_id
        kept.append(charge)
    return kept, conflicts


def _conflict(charge: WantedCharge) -> WantedException:
    return WantedException(
        charge.stay_id, charge.episode_id, charge.service_date, "pairing_conflict",
        f"another record of this person has a per diem at another facility on {charge.service_date}; decide which one bills",
        charge.amount,
    )  # fmt: skip
