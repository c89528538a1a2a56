"""How long records are kept: the law as data, dated, by state and kind of record (domain 3.6)."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from definitions.base import Definition, Moment, ServiceDate, WireModel


class RecordKind(StrEnum):
    """What is kept. `log`: disclosures, audit and notices."""

    MEDICAL_RECORD = "medical_record"
    CONSENT = "consent"
    LOG = "log"


EVERYWHERE = "*"
"""The state of a rule that holds where a state says nothing of its own."""


class RetentionRule(Definition):
    """One period in force from a day on. A medical record is kept `years` after the last service; somebody who was a minor
    then, also until `majority_plus_years` after they came of age, whichever is later. Consents and logs are kept `years`
    from their creation or last effective date."""

    key: str
    state: str = Field(pattern=r"^(\*|[A-Z]{2})$")
    record: RecordKind
    effective_from: date
    years: int = Field(gt=0)
    majority_age: int = Field(default=18, gt=0)
    majority_plus_years: int | None = Field(default=None, ge=0)
    source: str


class RecordFacts(WireModel):
    """What the periods of one person's records run from. Personal: the birth date stands in it."""

    states: tuple[str, ...]
    birth_date: ServiceDate
    last_service: ServiceDate
    last_consent: ServiceDate | None = None
    last_log: ServiceDate | None = None


class KeptUntil(WireModel):
    """One period: it may go on the day after `until`."""

    record: RecordKind
    begins: ServiceDate
    until: ServiceDate
    rule: str
    why: str


class RetentionVerdict(WireModel):
    """All periods of one person's records, and the last day of the longest."""

    periods: tuple[KeptUntil, ...]
    until: ServiceDate

    def over(self, today: ServiceDate) -> bool:
        return today > self.until


class DeletionFacts(WireModel):
    """What may stand in the way of a deletion besides the periods; counts only."""

    open_episodes: int = 0
    holds: int = 0
    legal_demands: int = 0
    undecided_requests: int = 0
    open_disputes: int = 0
    open_charge_questions: int = 0
    open_accounts: int = 0
    copies_being_made: int = 0
    erased_at: Moment | None = None
