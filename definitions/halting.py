"""Hold and stop: what every sender is asked when somebody takes a consent back (domain 3.4, E16, E18)."""

from enum import StrEnum
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.vocabulary import ContentClass, Role


class Standing(StrEnum):
    """What became of something a sender had about the person when it was asked."""

    STOPPED = "stopped"
    """It was queued and stays in this house until something covers it again."""
    GONE = "gone"
    """It left, or may have: nothing takes it back, and it stays valid as relied upon."""
    WITH_A_PERSON = "with_a_person"
    """Somebody was about to tell it; an item tells them not to."""


class HoldOrder(WireModel):
    """Stop what nothing covers any more. `recipient` None: the consent was taken back for everybody. `consent_id`: the
    one that was; a sender asks the gate, so what another consent or path covers goes on."""

    person_id: UUID
    episode_id: UUID
    """Where it was received; its row is locked."""
    consent_id: UUID
    recipient: str | None = None
    key: str
    actor: str
    role: Role
    now: Moment


class Halted(WireModel):
    """One thing a sender had: ids and codes. `left_at` and `consent_id`: when it left and on what, where it did."""

    sender: str
    kind: str
    subject_id: UUID
    content: ContentClass
    recipient: str
    standing: Standing
    left_at: Moment | None = None
    consent_id: UUID | None = None
    disclosure_id: UUID | None = None
