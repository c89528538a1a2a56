"""What the payer does with one request: its steps, how the call itself goes, and what it rules on appeals.

Member ids say it in letters (`suffix.py`), `POST /script` says it in full; both become this one value."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FEWER: Final = 7
SCRIPT_HOURS_MAX: Final = 24 * 400


class Scripted(BaseModel):
    """Strict: a misspelt key of a script would otherwise quietly approve."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Say(StrEnum):
    APPROVE = "approve"
    FEWER = "approve_fewer"
    LOWER = "approve_lower_level"
    DENY = "deny"
    NOT_NEEDED = "not_needed"
    CALL = "wants_a_call"
    REJECT = "reject"
    """AAA: the data cannot be processed."""
    REFUSE = "refuse_syntax"
    """999 R."""
    VOID = "void"
    """HCR C of its own accord."""
    CANCEL = "confirm_cancellation"
    PEND = "pend"
    ASK = "ask_documents"
    AGAIN = "again"
    """The first step's bytes once more."""
    ANEW = "again_in_other_bytes"
    """The first step's content under a new control number."""
    RECEIPT = "acknowledge_notice"


class Damage(StrEnum):
    """What is wrong with the bytes that leave; the book keeps the answer whole."""

    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    CONTROL_NUMBER = "wrong_control_number"
    TRACE = "wrong_trace"
    VERSION = "wrong_version"


class Fault(StrEnum):
    """How the first calls of a trace end, whatever was decided."""

    BEFORE = "unavailable_before_taking"
    """503, and the book has nothing."""
    AFTER = "failed_after_taking"
    """503, and the book has the case."""
    SILENT = "silent"
    """No answer while any caller waits; the book has the case."""
    CUT = "cut_in_the_answer"
    """The connection ends in the middle of the answer."""


Hours = Annotated[float, Field(ge=0, le=SCRIPT_HOURS_MAX)]
"""Business time."""


class Step(Scripted):
    """One thing the payer says, `after_hours` of business time. The first step of a script answers the call when it
    has no delay; all others are delivered."""

    say: Say
    after_hours: Hours = 0
    units: int = Field(default=FEWER, ge=0)
    """`approve_fewer`: at most so many of each line."""
    reason: str | None = Field(default=None, max_length=2)
    """HCR03 of a denial; 0G when None."""
    loop: str = "2010C"
    code: str = Field(default="75", max_length=2)
    follow_up: Literal["C", "N", "P", "R", "S", "W", "X", "Y"] = "C"
    """AAA03 and AAA04, with the loop the AAA stands in."""
    due_hours: Hours = 0
    """`ask_documents`: they are wanted so soon; 0: no date is named."""
    documents: tuple[str, ...] = ()
    """LOINC codes; nursing notes when empty."""
    damage: Damage | None = None
    on: Literal["time", "documents"] = "time"
    """`documents`: the delay begins when documents come, and without them nothing is said."""
    unless_documents: bool = False
    """Dropped when documents come first."""
    stale: bool = False
    """Leaves late and says what no longer holds: the payer's own book stays as it is."""


class Ruling(Scripted):
    """What becomes of one appeal. `hours`: until a standard appeal is decided, by UM02 when None; an expedited one
    is answered at once."""

    overturn: bool
    hours: Hours | None = None


class Script(Scripted):
    """`fault_calls`: for so many calls of the same trace the fault and the first step's damage hold.
    `appeals`: one ruling a level, the last for every further level; upheld when there is none."""

    steps: tuple[Step, ...] = Field(default=(Step(say=Say.APPROVE),), min_length=1, max_length=20)
    slow_seconds: float = Field(default=0, ge=0, le=600)
    """Time of the wall, in either drive: the caller's time-out is."""
    fault: Fault | None = None
    fault_calls: int = Field(default=1, ge=1)
    syntax_refusals: int = Field(default=0, ge=0)
    """So many calls get a 999 R before the same trace is taken."""
    answers_cancelled: bool = False
    takes_unknown_numbers: bool = False
    appeals: tuple[Ruling, ...] = ()


class Rule(Scripted):
    """A script for what it matches: the newest rule that fits wins. At least one of the three must be said.
    `nth` counts new traces that fit the rest, from 1 and from the rule's posting on."""

    payer: str | None = Field(default=None, max_length=40)
    member_suffix: str | None = Field(default=None, min_length=1, max_length=20)
    trace: str | None = Field(default=None, min_length=1, max_length=50)
    nth: int | None = Field(default=None, ge=1)
    kind: Literal["review", "inquiry", "notification"] = "review"
    script: Script
