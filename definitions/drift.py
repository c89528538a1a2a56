"""Drift: clinical level, authorization, attendance and schedule that no longer say the same (issue of every morning)."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from definitions.base import WireModel
from definitions.vocabulary import Track


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """One open stay on the newest closed date. Minutes are counted ones (SCH-04)."""

    stay_id: UUID
    episode_id: UUID
    level: str
    track: Track
    started_on: date
    granted_levels: tuple[str, ...] = ()
    """Levels of active grants whose dates hold the date, of the payer in force."""
    asked: bool = False
    """Some question about the level is undecided."""
    covered: bool = False
    """The date's charge is covered, or needs no cover."""
    charged: bool = False
    attended_this_week: int = 0
    scheduled_ahead: int = 0
    """Minutes placed in the seven days after the date."""


class Drift(WireModel):
    """One difference, with its owner and the reason in words."""

    kind: str
    owner: str
    why: str
    rule: str
