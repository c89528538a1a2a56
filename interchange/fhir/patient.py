"""The Patient of a referral bundle as the details that will be sealed (D15)."""

from datetime import date
from typing import Final

from definitions.person import Identifier, PersonDetails
from interchange.fhir.bundle import Bundle
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.systems import SOCIAL_SECURITY

GENDERS: Final = {"male": "M", "female": "F", "other": "U", "unknown": "U"}
NAMES_BY_USE: Final = ("official", "usual", None, "temp", "maiden", "old")
CALLED_BY_USE: Final = ("nickname", "usual")
GIVEN_MAX: Final = 5
IDENTIFIERS_MAX: Final = 10
FIRST_BIRTH: Final = date(1900, 1, 1)


def read_person(bundle: Bundle, report: Report, today: date | None) -> PersonDetails | None:
    """Exactly one Patient, alive and in use, with a name and a whole birth date; None when refused."""
    patients = bundle.of("Patient")
    if len(patients) != 1:
        code = "several_patients" if patients else "no_patient"
        report.refuse("Bundle.entry", code, "send exactly one Patient per bundle")
        return None
    patient = patients[0].resource
    _still_in_use(patient)
    names = patient.elements("name")
    name = _chosen(names, NAMES_BY_USE)
    family = name.text("family") if name else None
    given = name.texts("given") if name else ()
    if family is None or not given:
        patient.refuse("name", "no_name", "give a family name and at least one given name")
    if len(given) > GIVEN_MAX:
        patient.refuse("name", "too_many_names", f"give at most {GIVEN_MAX} given names")
    born = _birth_date(patient, today)
    if family is None or not given or born is None:
        return None
    address = _chosen(patient.elements("address"), ("home", None, "temp", "work"))
    line = ", ".join(address.texts("line")) if address else ""
    return PersonDetails(
        family=family,
        given=given,
        birth_date=born,
        gender=_gender(patient),
        preferred_name=_called(names, given),
        street=line or None,
        city=address.text("city") if address else None,
        state=address.text("state") if address else None,
        postal_code=address.text("postalCode") if address else None,
        telephone=_telephone(patient),
        identifiers=_identifiers(patient),
    )


def _still_in_use(patient: Element) -> None:
    if patient.flag("active") is False:
        patient.refuse("active", "patient_inactive", "the sender no longer uses this record; send the current one")
    if patient.flag("deceasedBoolean") or patient.fields.get("deceasedDateTime"):
        patient.refuse("deceased", "patient_deceased", "the record says the person died; ask the sender")


def _birth_date(patient: Element, today: date | None) -> date | None:
    text = patient.text("birthDate")
    born = patient.day("birthDate", "bad_birth_date") if text and len(text) == len("1990-01-31") else None
    if born is None or born < FIRST_BIRTH:
        if not patient.refused("birthDate"):
            patient.refuse("birthDate", "bad_birth_date", "write the whole birth date as YYYY-MM-DD")
        return None
    if today is not None and born > today:
        patient.refuse("birthDate", "birth_date_in_future", "the birth date lies in the future; check the year")
        return None
    return born


def _gender(patient: Element) -> str:
    """What X12 DMG03 can say; another word is noted, because the payer's record decides (E14)."""
    said = patient.text("gender")
    if said is not None and said not in GENDERS:
        patient.note("gender", "unknown_gender", "taken as unknown; correct it on the record")
    return GENDERS.get(said or "unknown", "U")


def _chosen(found: list[Element], uses: tuple[str | None, ...]) -> Element | None:
    """The first by the order of `uses`; an element of another use comes last."""
    ranks = {use: rank for rank, use in enumerate(uses)}
    return min(found, key=lambda e: ranks.get(e.text("use"), len(ranks)), default=None)


def _called(names: list[Element], given: tuple[str, ...]) -> str | None:
    """The name somebody goes by, when the sender tells it apart from the legal one (E14)."""
    for use in CALLED_BY_USE:
        for name in names:
            called = next(iter(name.texts("given")), None) if name.text("use") == use else None
            if called is not None and called not in given:
                return called
    return None


def _telephone(patient: Element) -> str | None:
    phones = [t for t in patient.elements("telecom") if t.text("system") == "phone" and t.text("use") != "old"]
    return next((number for number in (t.text("value") for t in phones) if number), None)


def _identifiers(patient: Element) -> tuple[Identifier, ...]:
    """The sender's numbers; a social security number is left behind: nothing here needs it."""
    kept = []
    for identifier in patient.elements("identifier"):
        system, value = identifier.text("system", ADDRESS_MAX), identifier.text("value")
        if system in SOCIAL_SECURITY:
            identifier.note("value", "number_left_out", "a social security number is not taken over")
        elif system and value and identifier.text("use") != "old":
            kept.append(Identifier(system=system, value=value))
    return tuple(kept[:IDENTIFIERS_MAX])
