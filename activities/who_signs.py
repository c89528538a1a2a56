"""Whom a consent is about and who must sign it, as the sealed record and the law of the day say (2.14, 2.15; domain 3.8)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from activities.hands import Writing
from definitions.consent_wording import MinorLaw
from definitions.errors import ErrorType, Refusal
from definitions.signing import SigningParty
from rules.authority import in_force
from rules.calendar import facility_date
from rules.consent import is_minor, majority_at, parties_required
from runtime.catalog import Catalog
from runtime.keyring import Keyring, SealBroken
from runtime.people import open_person
from storage.models import Person
from storage.repositories import guardian


@dataclass(frozen=True, slots=True)
class Known:
    """What only the sealed record says of the patient, and what the day makes of it. `person` None: signed before the house
    had its keys (people who were in care when it went live); then the patient is taken to be of age."""

    person: Person | None
    name: str
    required: tuple[SigningParty, ...]
    minor: bool
    majority: datetime | None

    def __repr__(self) -> str:
        return "Known(***)"


async def may_sign(writing: Writing, guardian_id: UUID | None, at: datetime) -> bool:
    """Whether this authority is on record for the patient and in force then."""
    row = await guardian.authority_of(writing.session, writing.episode.person_id, guardian_id)
    return row is not None and in_force(row, facility_date(at, writing.facility.zone), at)


async def known_at(writing: Writing, at: datetime, catalog: Catalog, keyring: Keyring | None) -> Known | Refusal:
    """Who must sign what is signed at `at`; whether the patient is a minor is asked of now."""
    if keyring is None:
        return Known(None, "", (SigningParty.PATIENT,), minor=False, majority=None)
    person = await writing.session.get(Person, writing.episode.person_id)
    try:
        if person is None or person.wrapped_key is None:
            raise SealBroken("no key")
        details = open_person(keyring, person.id, person.sealed, person.wrapped_key)
    except SealBroken:
        return Refusal(
            code=ErrorType.NOT_FOUND, detail="the person's record does not open; nobody can sign for them here"
        )
    zone, born = writing.facility.zone, details.birth_date
    law: MinorLaw = catalog.minor_law(writing.facility.state, facility_date(at, zone))
    freed = await guardian.emancipated_at(writing.session, person.id)
    level = writing.levels.get(writing.episode.level or "")
    return Known(
        person, details.legal_name,
        parties_required(born, law, zone, at, level.track if level else None, freed),
        is_minor(born, law, zone, writing.now, freed), majority_at(born, law, zone, freed),
    )  # fmt: skip
