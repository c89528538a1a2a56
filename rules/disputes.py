"""Contesting a determination: what is open after what, until when, and what comes next (domain 4.1, 4.4, AUTH-13)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from definitions.base import Moment, WireModel
from definitions.errors import ErrorType, Refusal
from definitions.regime import Regime
from definitions.vocabulary import ClockName, DisputeKind, DisputeStatus

Step = tuple[DisputeKind, int]
"""A kind with the level it is on; levels count internal appeals from 1."""

OPEN = frozenset({DisputeStatus.OPEN, DisputeStatus.SCHEDULED})
LIVE = OPEN | {DisputeStatus.FILED}

FILING_CLOCK: dict[DisputeKind, ClockName] = {
    DisputeKind.PEER_TO_PEER: ClockName.PEER_TO_PEER,
    DisputeKind.RECONSIDERATION: ClockName.APPEAL_FILING,
    DisputeKind.APPEAL: ClockName.APPEAL_FILING,
    DisputeKind.EXTERNAL_REVIEW: ClockName.EXTERNAL_FILING,
}
"""Until when each may be asked for."""


class DisputeFact(WireModel):
    id: UUID
    kind: DisputeKind
    level: int
    status: DisputeStatus
    file_by: Moment | None = None


def opened_by_denial(regime: Regime) -> tuple[Step, ...]:
    """What may be asked for at once: a call between physicians, and the first internal appeal beside it."""
    steps: list[Step] = [(DisputeKind.PEER_TO_PEER, 0)]
    if regime.appeal_levels:
        steps.append((DisputeKind.APPEAL, 1))
    elif regime.external_review:
        steps.append((DisputeKind.EXTERNAL_REVIEW, 0))
    return tuple(steps)


def after_upheld(kind: DisputeKind, level: int, regime: Regime) -> Step | None:
    """What is open once an appeal failed; None: nothing is left, and somebody decides who pays. A failed call or
    reconsideration opens nothing new: the appeal is open beside them."""
    if kind is DisputeKind.APPEAL:
        if level < regime.appeal_levels:
            return DisputeKind.APPEAL, level + 1
        return (DisputeKind.EXTERNAL_REVIEW, 0) if regime.external_review else None
    return None


def to_file(disputes: Sequence[DisputeFact], kind: DisputeKind, now: datetime) -> DisputeFact | Refusal:
    """The dispute of this kind that may be filed now, or why none may. A call that was set in time may be held, and its
    outcome recorded, after the window for asking has ended (E46)."""
    of_kind = sorted((d for d in disputes if d.kind is kind), key=lambda d: d.level)
    if not of_kind:
        known = ", ".join(sorted({d.kind.value for d in disputes if d.status in LIVE})) or "none"
        return Refusal(
            code=ErrorType.DISPUTE_NOT_OPEN, detail=f"no {kind.value} is open in this case; open are: {known}"
        )
    newest = of_kind[-1]
    if newest.status not in OPEN:
        return Refusal(
            code=ErrorType.DISPUTE_NOT_OPEN,
            detail=f"the {kind.value} of this case is {newest.status.value}; it cannot be asked for again",
        )
    if newest.status is DisputeStatus.OPEN and newest.file_by is not None and now > newest.file_by:
        return Refusal(
            code=ErrorType.DISPUTE_NOT_OPEN,
            detail=f"the {kind.value} had to be asked for by {newest.file_by.isoformat()}; see what else is open",
        )
    return newest
