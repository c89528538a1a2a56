"""Base models every noun derives from.

Three behaviours are decided here once:

- frozen: a value is replaced, never edited, so the carry of a workflow cannot be half changed;
- tolerant on the wire: an old worker that forbids unknown fields would fail every task once a newer
  client adds one (architecture 5);
- silent in errors: pydantic prints the offending value otherwise, and values may be about people.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ServiceDate = date
"""A calendar day in the facility's own zone; never derived from hours (BILL-01, BILL-11)."""

Moment = AwareDatetime
"""An instant. Naive datetimes are refused at every edge."""

Money = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
"""US dollars to the cent; travels as text in JSON."""


class WireModel(BaseModel):
    """A message or value that crosses a process: frozen, tolerant of fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Definition(BaseModel):
    """A part of a definition edition: frozen, and strict, so a misspelt key in YAML is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def local_date(moment: datetime) -> date:
    """The calendar date of an aware moment that is already expressed in the facility's zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment must carry its offset")
    return moment.date()
