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
