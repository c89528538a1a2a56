"""Why somebody's way in was changed (45 CFR 164.308(a)(3) and (4))."""

from enum import StrEnum


class SignInReason(StrEnum):
    """A code and no sentence: it stands in an audit that nobody can take a name out of again."""

    NEW_HERE = "new_here"
    CHANGED_DUTIES = "changed_duties"
    AWAY = "away"
    BACK = "back"
    LEFT = "left"
    FORGOTTEN = "forgotten"
    LOST_DEVICE = "lost_device"
    SUSPECTED_MISUSE = "suspected_misuse"
    ROTATED = "rotated"
    MISTAKE = "mistake"
    OTHER = "other"
