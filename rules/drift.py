"""What drifted apart on a day: care against authorization, attendance and schedule (AUTH-01, AUTH-07, SCH-05, SCH-06).

Each finding is an item with an owner the day it appears, and goes when it is gone."""

from collections.abc import Iterator
from datetime import date, timedelta

from definitions.drift import Drift, DriftFacts
from definitions.payer import AuthorizationNeed, LevelTerms
from definitions.vocabulary import Role, Track

SUNDAY = 6
KINDS = ("drift_level", "drift_uncovered", "drift_attendance", "drift_schedule")


def drift_of(
    facts: DriftFacts, terms: LevelTerms | None, floor_minutes: int, on: date, planned_minutes: int
) -> tuple[Drift, ...]:
    """Everything that drifted for one stay on `on`. `floor_minutes`: what the level owes a week; `planned_minutes`:
    what its template has in the next seven days after holidays (SCH-08)."""
    return (*_cover(facts, terms, on), *_hours(facts, floor_minutes, on, planned_minutes))


def _cover(facts: DriftFacts, terms: LevelTerms | None, on: date) -> Iterator[Drift]:
    reviewer = Role.REVIEWER.value
    other = [level for level in facts.granted_levels if level != facts.level]
    if other and facts.level not in facts.granted_levels:
        yield Drift(
            kind="drift_level", owner=reviewer, rule="AUTH-07",
            why=f"care is at {facts.level} on {on.isoformat()}, the authorization covers {', '.join(sorted(other))}: "
            "move, contest, or ask for the right level",
        )  # fmt: skip
        return
    needed = terms is not None and terms.need is not AuthorizationNeed.NONE
    if needed and facts.charged and not facts.covered and not facts.asked:
        yield Drift(
            kind="drift_uncovered", owner=reviewer, rule="AUTH-01",
            why=f"{on.isoformat()} at {facts.level} was billed without cover, and nothing is asked for: request a review",
        )  # fmt: skip


def _hours(facts: DriftFacts, floor_minutes: int, on: date, planned_minutes: int) -> Iterator[Drift]:
    """Programmes live by their hours; nights in a bed do not."""
    if facts.track is not Track.DAY or floor_minutes == 0:
        return
    clinician = Role.CLINICIAN.value
    monday = on - timedelta(days=on.weekday())
    whole_week = on.weekday() == SUNDAY and facts.started_on <= monday
    if whole_week and facts.attended_this_week < floor_minutes:
        yield Drift(
            kind="drift_attendance", owner=clinician, rule="SCH-06",
            why=f"{facts.attended_this_week // 60} of {floor_minutes // 60} hours attended in the week of "
            f"{monday.isoformat()}: plan make-up sessions, or review whether {facts.level} still fits",
        )  # fmt: skip
    owed = min(floor_minutes, planned_minutes)
    if facts.scheduled_ahead < owed:
        yield Drift(
            kind="drift_schedule", owner=clinician, rule="SCH-06",
            why=f"{facts.scheduled_ahead // 60} of {owed // 60} hours are placed in the seven days after "
            f"{on.isoformat()} at {facts.level}: place the missing sessions",
        )  # fmt: skip
