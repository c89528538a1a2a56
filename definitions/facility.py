"""Facilities, programs and beds (domain 1.1 notes, 7.2)."""

from datetime import date, time

from pydantic import Field

from definitions.base import Definition


class Bed(Definition):
    key: str
    label: str
    room: str
    attributes: tuple[str, ...] = ()


class Unit(Definition):
    """A group of beds under one licence; `levels` are those its beds may serve."""

    key: str
    name: str
    program: str
    levels: tuple[str, ...]
    beds: tuple[Bed, ...]


class Program(Definition):
    """(facility, levels, licence, NPI, capacity): the legal identity payers and consents know (domain 1.1)."""

    key: str
    name: str
    levels: tuple[str, ...]
    npi: str
    taxonomy: str
    tax_id: str
    licence: str
    legal_entity: str
    capacity: int = Field(gt=0)


class FacilityPolicy(Definition):
    """House rules an administrator sets. Units stand in the names."""

    backdate_limit_hours: int = Field(default=72, ge=0)
    bed_hold_hours: int = Field(default=72, gt=0)
    reservation_lease_hours: int = Field(default=24, gt=0)
    transition_grace_hours: int = Field(default=24, ge=0)
    session_horizon_days: int = Field(default=14, gt=0)
    eligibility_max_age_hours: int = Field(default=72, gt=0)
    readmission_window_days: int = Field(default=30, gt=0)
    medication_reconciliation_hours: int = Field(default=24, gt=0)
    state_record_days: int = Field(default=7, gt=0)


class Participant(Definition):
    """A member of an intermediary, by the key it is told under."""

    key: str
    name: str


class Intermediary(Definition):
    """Somebody who passes records on to its participants, such as a health information exchange that is no business
    associate of ours. Without participants by name only who treats the patient is meant (2.31(a)(4)(ii))."""

    key: str
    name: str
    participants: tuple[Participant, ...] = ()


class Facility(Definition):
    key: str
    edition: str
    name: str
    zone: str
    street: str
    city: str
    state: str
    postal_code: str
    telephone: str
    midnight_run: time = time(0, 5)
    holidays: tuple[date, ...] = ()
    policy: FacilityPolicy = FacilityPolicy()
    programs: tuple[Program, ...]
    units: tuple[Unit, ...] = ()
    payers: tuple[str, ...]
    default_template: dict[str, str] = Field(default_factory=dict)
    intake_assessments: tuple[str, ...] = ()
    """Instruments owed before admission (domain 2.4 pre-admit column)."""
    intake_consents: tuple[str, ...] = ()
    intermediaries: tuple[Intermediary, ...] = ()

    def program_for(self, level: str) -> Program | None:
        return next((p for p in self.programs if level in p.levels), None)

    def intermediary(self, recipient: str) -> Intermediary | None:
        """By how a consent names it, `intermediary/key`."""
        return next((i for i in self.intermediaries if f"intermediary/{i.key}" == recipient), None)

    def program(self, key: str) -> Program | None:
        return next((p for p in self.programs if p.key == key), None)
