"""A released edition: every definition an episode pins, looked up by key (D12)."""

from definitions.base import Definition
from definitions.consent import ConsentForm
from definitions.facility import Facility
from definitions.instrument import Instrument
from definitions.level import LevelOfCare
from definitions.payer import Payer
from definitions.schedule import ScheduleTemplate


class Edition(Definition):
    """All definitions under one edition name, as a value that rules can take."""

    name: str
    levels: dict[str, LevelOfCare]
    instruments: dict[str, Instrument]
    consents: dict[str, ConsentForm]
    payers: dict[str, Payer]
    schedules: dict[str, ScheduleTemplate]
    facilities: dict[str, Facility]
