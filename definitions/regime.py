"""Regimes: the law and the contracts' common clocks of utilization review, dated (domain 4.3, AUTH-02).

Law is looked up by the day it applies to, never pinned by a stay (D12)."""

from datetime import date

from pydantic import Field, model_validator

from definitions.base import Definition
from definitions.payer import ClockKind
from definitions.vocabulary import ClockName


class ClockRule(Definition):
    """One limit. Exactly one of `hours` and `days`. Hours run exactly; a limit in days ends at the payer's cut-off
    hour of its last day. `pauses`: waiting for documents we owe stops it. `ours`: we must act by it, so it moves
    earlier than weekends and holidays; otherwise it is the payer's."""

    name: ClockName
    hours: int | None = Field(default=None, gt=0)
    days: int | None = Field(default=None, gt=0)
    count: ClockKind = ClockKind.CALENDAR
    pauses: bool = False
    ours: bool = False
    source: str

    @model_validator(mode="after")
    def _one_length(self) -> "ClockRule":
        if (self.hours is None) == (self.days is None):
            raise ValueError("give either hours or days")
        return self

    @property
    def words(self) -> str:
        """The rule as kept with the clock it started."""
        length = f"{self.hours} hours" if self.hours is not None else f"{self.days} days"
        pause = ", paused while documents are owed" if self.pauses else ""
        return f"{length}, {self.count.value}{pause} ({self.source})"


class Regime(Definition):
    """All clocks of one regime in force from a day on. `appeal_levels`: internal appeals before the external one.
    `deemed_approved`: silence past the decision's limit counts as approval in this regime (AUTH-03)."""

    key: str
    name: str
    effective_from: date
    appeal_levels: int = Field(default=2, ge=0)
    external_review: bool = True
    deemed_approved: bool = False
    clocks: tuple[ClockRule, ...]

    def clock(self, name: ClockName) -> ClockRule | None:
        return next((c for c in self.clocks if c.name is name), None)
