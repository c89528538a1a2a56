"""What becomes of consents when somebody may sign for the patient no more (domain 3.4; 42 CFR 2.14, 2.15, 2.31(c))."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from definitions.signing import AuthorityEnd


class SignedBefore(StrEnum):
    """What holds for a consent that they signed while they might."""

    ENDS = "ends"
    """The patient decides now: it ends at that instant, and the patient is asked (2.14; domain 3.4)."""
    ASKED_ANEW = "asked_anew"
    """It was given by who might give it, so it stands until its term or until somebody takes it back; whoever decides now is
    asked at once (2.15: the personal representative acts)."""
    VOID = "void"
    """It is known to be false and covers nothing (2.31(c)); what left on it is looked at."""


SIGNED_BEFORE: Final[Mapping[AuthorityEnd, SignedBefore]] = MappingProxyType(
    {
        AuthorityEnd.MAJORITY: SignedBefore.ENDS,
        AuthorityEnd.EMANCIPATED: SignedBefore.ENDS,
        AuthorityEnd.COURT_ORDER_ENDED: SignedBefore.ASKED_ANEW,
        AuthorityEnd.REVOKED: SignedBefore.ASKED_ANEW,
        AuthorityEnd.REPLACED: SignedBefore.ASKED_ANEW,
        AuthorityEnd.GUARDIAN_DIED: SignedBefore.ASKED_ANEW,
        AuthorityEnd.NEVER_VALID: SignedBefore.VOID,
    }
)
"""One line for each reason. General knowledge: a centre's counsel confirms its state's law."""


class Authority(Protocol):
    """An authority as the record keeps it. Both dates are the facility's, and included."""

    @property
    def from_date(self) -> date: ...
    @property
    def until_date(self) -> date | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def end_reason(self) -> str | None: ...


def in_force(authority: Authority, on: date, at: datetime) -> bool:
    """By its dates on a facility's day, and not ended by that moment. One that never was valid never is."""
    if authority.end_reason == AuthorityEnd.NEVER_VALID.value:
        return False
    if authority.ended_at is not None and authority.ended_at <= at:
        return False
    return authority.from_date <= on and (authority.until_date is None or on <= authority.until_date)


def effect_on(reason: AuthorityEnd, signed_at: datetime, ended_at: datetime) -> SignedBefore:
    """What becomes of one signature. Made after the authority had ended, it was nobody's to make, whatever the reason."""
    return SignedBefore.VOID if signed_at >= ended_at else SIGNED_BEFORE[reason]
