"""Words of staff in their own sentences: free text names people, so it is sealed under the key of whom it is about (D15).

What the house itself writes into the same columns ("the episode ended") is no free text: it stands in clear, a correction
finds rows by it, and the lists below say what it may be."""

from enum import StrEnum
from typing import Final


class Words(StrEnum):
    """Where such words stand, as table and column. The value is bound into the sealed bytes: never rename one."""

    RATIONALE = "transition.rationale"
    DECISION_REASON = "transition.decision_reason"
    MOVEMENT_REASON = "movement.reason"
    RESOLUTION = "open_item.resolution"
    CLEARED_REASON = "alert.cleared_reason"
    CONSENT_REASON = "consent.reason"
    EXCEPTION_RESOLUTION = "charge_exception.resolution"
    VOID_REASON = "charge.void_reason"
    ANSWERS = "assessment.answers"
    """The whole document of answers, as JSON: ratings and free text together. Scores stay beside it as numbers and codes."""


EPISODE_ENDED: Final = "the episode ended"
"""How an ending closes items and requests; a correction finds them by this and by the moment."""
TAKEN_BACK: Final = "what it followed from was taken back"
REFUSED: Final = "refused"
"""A consent that was refused without words."""
NO_CAPACITY: Final = "no capacity at that hour"
HOUSE_RESOLUTIONS: Final = frozenset(
    {
        EPISODE_ENDED, TAKEN_BACK, "signed", "amended", "voided", "returned", "done", "justified", "not_justified",
        "declined", "erased", "proved", "the merge was taken back", "charted elsewhere",
        "asked again", "nothing needs it any more",
    }
)  # fmt: skip
"""Resolutions the house writes for a person who acted elsewhere. One that is missing here is sealed like any other."""
