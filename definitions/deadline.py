"""A deadline as data: what comes next, when and why (D6)."""

from definitions.base import Moment, WireModel
from definitions.vocabulary import DeadlineKind


class Deadline(WireModel):
    """`key` is unique per owner: writing it again replaces the deadline, never stacks a second one.
    `why` is a sentence with ids and codes only."""

    key: str
    kind: DeadlineKind
    at: Moment
    why: str
    subject_id: str | None = None
