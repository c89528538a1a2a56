"""A session as the template plans it, before anybody has a place in it (SCH-01)."""

from definitions.base import Moment, ServiceDate, WireModel


class PlannedSession(WireModel):
    block: str
    title: str
    kind: str
    service_date: ServiceDate
    starts_at: Moment
    ends_at: Moment
    minutes: int
    counts: bool


class WeekHours(WireModel):
    """Counted minutes a template plans in one week against its floor (SCH-06). `closed_minutes` fall away by
    holidays: a shortfall they explain is the programme's closure, not the person's absence (E79)."""

    week_of: ServiceDate
    """The Monday."""
    planned_minutes: int
    closed_minutes: int
    floor_minutes: int

    @property
    def short_minutes(self) -> int:
        """How much the week falls short of the floor; zero when it does not."""
        return max(self.floor_minutes - self.planned_minutes, 0)

    @property
    def short_by_closure(self) -> bool:
        """Short only because of holidays."""
        return 0 < self.short_minutes <= self.closed_minutes
