"""Any sequence of joining records and taking them apart, over HTTP with everything real: no day is billed twice at any moment,
nobody is shown to who was blocked by any of the records that are one now, and with all taken apart every record has what it
had (E03, E13, invariant 1)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.rehearsal.caller import Caller
from local.rehearsal.house import House
from tests.api.conftest import MOMENT
from tests.api.test_break_glass import Asker
from tests.api.test_joined_access import everywhere, line, put, sees
from tests.api.test_merging import apart, join, read_models, rows
from tests.api.test_people import patient, person_of, start

FIRST = datetime(2026, 2, 20, 15, tzinfo=UTC)
NIGHTS = ((0, 4), (2, 6), (3, 8))
"""From and through which day each record had a bed: every two of them overlap, in two facilities."""
TWICE = (
    "SELECT p.id FROM (SELECT coalesce(p.merged_into, p.id) AS id, c.service_date FROM charge c JOIN person p "
    "ON p.id = c.person_id WHERE c.status = 'live' GROUP BY 1, 2, c.per_diem_track HAVING count(*) > 1) p"
)
_keys = itertools.count(1)


@dataclass
class Town:
    """Three records with a bed stay, its charged nights and one user each whom they block."""

    house: House
    caller: Caller
    people: list[str] = field(default_factory=list)
    episodes: list[str] = field(default_factory=list)
    blocked: list[Asker] = field(default_factory=list)

    def settle(self, number: int) -> None:
        facility = "lakeside" if number == 1 else "harbor"
        card = {"payer": "statecare", "member_id": f"SQ{number:08d}"} if number == 1 else None
        made = start(
            self.caller, patient(f"Sequencer{'abc'[number]}", birth_date=f"19{70 + number}-05-0{number + 1}"),
            facility=facility, **({"coverages": [card]} if card else {}),
        )  # fmt: skip
        self.people.append(person_of(self.caller, made))
        self.episodes.append(str(made["episode_id"]))
        if number == 2:  # the third was here once, or two would be running in one facility
            self.caller.post("clinician", f"/v1/episodes/{made['episode_id']}/discharge", {
                "disposition": "other", "effective_at": MOMENT.isoformat(), "reason": "did not come"})  # fmt: skip
        self._nights(number, facility)
        asker = everywhere(self.house, "clinician")
        put(self.caller, self.people[number], line("blocked", asker.name))
        self.blocked.append(asker)

    def _nights(self, number: int, facility: str) -> None:
        began, ended = NIGHTS[number]
        stay = str(uuid4())
        with psycopg.connect(self.house.postgres.dsn("stepdown")) as connection:
            connection.execute(
                "INSERT INTO stay (id, episode_id, person_id, facility, program, level, track, billing, payer, period, "
                "arrival, departure, edition) SELECT %s, e.id, e.person_id, e.facility, (SELECT key FROM program WHERE "
                "facility = e.facility ORDER BY key LIMIT 1), '3.5', 'bed', 'overnight', e.payer, tstzrange(%s, %s), "
                "'admission', 'discharge', e.edition FROM episode e WHERE e.id = %s",
                (stay, FIRST + timedelta(days=began), FIRST + timedelta(days=ended), self.episodes[number]),
            )
            for night in range(began, ended):
                connection.execute(
                    "INSERT INTO charge (id, stay_id, episode_id, person_id, facility, payer, service_date, kind, level, "
                    "track, per_diem_track, revenue_code, procedure_code, amount, rate_version, authorization_state, rule, "
                    "why, status, revision, posted_at, close_version) SELECT %s, s.id, s.episode_id, s.person_id, "
                    "s.facility, s.payer, %s, 'per_diem', s.level, s.track, 'main', '1002', 'H0018', 700.00, '1', "
                    "'covered', 'r', 'w', 'live', 1, %s, 1 FROM stay s WHERE s.id = %s",
                    (str(uuid4()), (FIRST + timedelta(days=night)).date(), MOMENT, stay),
                )

    def seen(self) -> list[tuple[bool, ...]]:
        return [sees(asker, *self.episodes) for asker in self.blocked]


@pytest.fixture(scope="module")
def town(house: House) -> Iterator[Town]:
    caller = Caller(house.url, prefix="sequences")
    made = Town(house, caller)
    for number in range(3):
        made.settle(number)
    yield made
    caller.close()


steps = st.lists(st.sampled_from([*itertools.permutations(range(3), 2), None]), min_size=1, max_size=6)
"""(which stands, which is joined to it), or the last one is taken apart."""


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps)
def test_any_sequence_bills_once_hides_from_whom_it_must_and_leads_back(
    town: Town, plan: list[tuple[int, int] | None]
) -> None:
    before, stands = read_models(town.house), list(range(3))
    joined: list[tuple[int, list[int]]] = []
    assert rows(town.house, TWICE) == []
    for step in plan:
        if step is None:
            if not joined:
                continue
            survivor, moved = joined.pop()
            apart(town.caller, town.people[survivor])
            for one in moved:
                stands[one] = moved[0]
        else:
            survivor, merged = step
            if stands[survivor] != survivor or stands[merged] != merged:
                continue
            join(town.caller, town.people[survivor], town.people[merged])
            moved = [merged, *(n for n in range(3) if stands[n] == merged and n != merged)]
            joined.append((survivor, moved))
            for one in moved:
                stands[one] = survivor
        check(town, stands)
    while joined:
        survivor, moved = joined.pop()
        apart(town.caller, town.people[survivor])
        for one in moved:
            stands[one] = moved[0]
        check(town, stands)
    assert stands == [0, 1, 2]
    assert read_models(town.house) == before


def check(town: Town, stands: list[int]) -> None:
    assert rows(town.house, TWICE) == [], f"billed twice while {stands}"
    expected = [tuple(stands[n] != stands[own] for n in range(3)) for own in range(3)]
    assert town.seen() == expected, f"shown to who was blocked while {stands}"
