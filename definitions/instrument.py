"""Instruments as data: items, allowed values, how they add up, which answers raise an alert (domain 2).

Item labels are our own words. Proprietary text is never shipped (LOC-05, domain 2.6)."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import Field

from definitions.base import Definition, WireModel


class Method(StrEnum):
    """How a score comes about."""

    SUM = "sum"
    SUM_PRORATED = "sum_prorated"
    """Sum; up to `missing_max` items may be blank and are made up in proportion (PHQ-9 rule, domain 2.2)."""
    COUNT_YES = "count_yes"
    RISK_TABLE = "risk_table"
    """The worst category whose condition holds (C-SSRS)."""
    SUBSCALES = "subscales"
    DIMENSIONAL = "dimensional"
    COMPLETION = "completion"


class Item(Definition):
    """One question. `allowed` lists every legal value; gaps are real (COWS pulse 0,1,2,4). `asked_when`
    names an item and value that make this one asked (C-SSRS skip logic)."""

    key: str
    label: str
    allowed: tuple[int, ...] = ()
    required: bool = True
    scored: bool = True
    reverse: bool = False
    """Yes/no items where no is the scored answer (DAST-10 item 3)."""
    asked_when: str | None = None
    never_prorated: bool = False
    text: bool = False


class Band(Definition):
    low: int
    high: int
    severity: str


class RiskRow(Definition):
    """`item` answered with a value >= `at_least` puts the person at `severity`; later rows weigh more."""

    item: str
    at_least: int = 1
    severity: str


class Subscale(Definition):
    key: str
    items: tuple[str, ...]
    flag_at_least: int | None = None
    flag_at_most: int | None = None


class AlertRule(Definition):
    """A critical-item rule (domain 2.3). Exactly the given conditions must hold. `rise` compares with the
    previous score within `rise_hours` (None: whenever it was)."""

    id: str
    severity: str
    action: str
    item: str | None = None
    item_at_least: int | None = None
    score_at_least: int | None = None
    score_over: int | None = None
    score_at_most: int | None = None
    category: str | None = None
    subscale: str | None = None
    subscale_rises_from_zero: bool = False
    rise: int | None = None
    rise_hours: int | None = None
    when_flag: str | None = None
    acknowledge_minutes: int | None = None
    acknowledge_minutes_outpatient: int | None = None
    blocks_step_down: bool = False


class PlacementRow(Definition):
    """Neutral demonstration rule (LOC-02), not ASAM's: any of `dimensions` rated at least `at_least`
    recommends `level`; the first row that holds wins."""

    dimensions: tuple[str, ...]
    at_least: int
    level: str


class Instrument(Definition):
    key: str
    edition: str
    title: str
    method: Method
    items: tuple[Item, ...] = ()
    bands: tuple[Band, ...] = ()
    risk: tuple[RiskRow, ...] = ()
    subscales: tuple[Subscale, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    placement: tuple[PlacementRow, ...] = ()
    placement_default: str | None = None
    missing_max: int = Field(default=0, ge=0)
    variant: str | None = None
    loinc_panel: str | None = None
    loinc_total: str | None = None
    notice: str = ""
    """Licence or attribution a screen must show."""

    def item(self, key: str) -> Item | None:
        return next((i for i in self.items if i.key == key), None)


class RaisedAlert(WireModel):
    rule: str
    severity: str
    condition: str
    action: str
    acknowledge_minutes: int | None = None
    blocks_step_down: bool = False


class Scored(WireModel):
    """`score` None: too much is missing, or the instrument has no total."""

    instrument: str
    edition: str
    score: Decimal | None = None
    severity: str | None = None
    subscores: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    prorated: bool = False
    missing: tuple[str, ...] = ()
    alerts: tuple[RaisedAlert, ...] = ()
    recommended_level: str | None = None


class ScoringContext(WireModel):
    """What a rule needs beside the answers. `flags`: facts such as `buprenorphine_ordered`."""

    around_the_clock: bool = True
    previous_score: Decimal | None = None
    previous_subscores: dict[str, int] = {}
    hours_since_previous: Decimal | None = None
    flags: tuple[str, ...] = ()
    sex: str | None = None


Answers = dict[str, Any]
