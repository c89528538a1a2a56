"""What was charted on the wrong episode: what kinds of facts, why, and what follows when that is said (E03, E08)."""

from enum import StrEnum

from definitions.base import WireModel


class MisfiledKind(StrEnum):
    """A fact that somebody may have recorded on the wrong episode. Stable codes."""

    ASSESSMENT = "assessment"
    DOCUMENT = "document"
    ATTENDANCE = "attendance"
    """One person's place in one session; named by the session."""
    CONSENT = "consent"
    MOVEMENT = "movement"


class MisfilingReason(StrEnum):
    """How it came about; codes, for words would name somebody."""

    CHART_MIXED_UP = "chart_mixed_up"
    SAME_NAME = "same_name"
    LABEL_MIXED_UP = "label_mixed_up"
    OTHER_EPISODE_OF_PERSON = "other_episode_of_person"
    OTHER = "other"


class Effect(WireModel):
    """One thing that becomes otherwise, named by what it is, its id and what happens to it; ids and codes only."""

    what: str
    id: str
    act: str
