"""999 and TA1 as values: whether what was sent could be read (domain 6.12)."""

from definitions.base import Moment, WireModel


class SyntaxFinding(WireModel):
    """One fault of a transaction: IK3 and IK4 of a 999. Says where, never what stood there.

    `position` counts segments from ST = 1. `code` is IK304; `element_code` IK403 when an element is at fault.
    """

    tag: str
    position: int
    loop: str | None = None
    code: str
    element: int | None = None
    component: int | None = None
    repetition: int | None = None
    """Which repetition of a repeated element, from 1; None when the element does not repeat."""
    element_code: str | None = None


class SetAcknowledgement(WireModel):
    """What became of one transaction. `problems`: IK502 and on (domain 6.12)."""

    kind: str
    control: str
    version: str
    accepted: bool
    findings: tuple[SyntaxFinding, ...] = ()
    problems: tuple[str, ...] = ()


class Acknowledgement999(WireModel):
    """The answer to one functional group: only failed sets are to be sent again (E80)."""

    group_control: str
    functional_id: str
    version: str
    verdict: str
    """AK901: A accepted, E accepted with errors, P partly, R rejected."""
    included: int = 0
    received: int = 0
    accepted: int = 0
    sets: tuple[SetAcknowledgement, ...] = ()
    problems: tuple[str, ...] = ()
    """AK905 and on: what was wrong with the group itself (4 numbers differ, 5 wrong count)."""

    @property
    def rejected(self) -> bool:
        """R or P: something must be corrected and sent again."""
        return self.verdict in ("R", "P")


class InterchangeAcknowledgement(WireModel):
    """TA1: the envelope itself. `code` A accepted, E with errors, R rejected; `note` 000 to 031."""

    control_number: str
    at: Moment
    code: str
    note: str = "000"
