"""Messages of the midnight close: per facility, every unclosed date in order (D5)."""

from datetime import date

from definitions.base import Moment, WireModel


class CloseFacility(WireModel):
    """Input of `MidnightCloseWorkflow`. `now` None: the workflow's own clock (wall drive)."""

    facility: str
    now: Moment | None = None
    through: date | None = None
    """Close no later date than this; None: every date whose midnight has passed."""
    key: str = ""


class DatesWanted(WireModel):
    facility: str
    now: Moment
    through: date | None = None


class DatesToClose(WireModel):
    dates: tuple[date, ...]


class CloseDate(WireModel):
    facility: str
    service_date: date
    now: Moment


class DateClosed(WireModel):
    """What closing one date did; a repeat that changes nothing has zeros and `changed` False."""

    facility: str
    service_date: date
    version: int
    changed: bool
    present: int
    posted: int
    voided: int
    exceptions: int


class FacilityClosed(WireModel):
    facility: str
    dates: tuple[DateClosed, ...]
