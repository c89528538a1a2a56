"""One patient's whole record as a FHIR R4 bundle: what the right of access asks for in a form that machines read
(45 CFR 164.524). Pure: the same record is the same bundle."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from definitions.document import LOINC, LOINC_CODES, DocumentStatus
from definitions.record import (
    AssessmentPart,
    ConsentPart,
    CoveragePart,
    DayPart,
    DisclosurePart,
    DocumentPart,
    EpisodePart,
    PatientRecord,
    StayPart,
)
from definitions.vocabulary import ConsentStatus, Phase, Track
from interchange.fhir.systems import (
    DOCUMENT_SYSTEM,
    FACILITY_SYSTEM,
    ICD10,
    LEVEL_SYSTEM,
    PAYER_SYSTEM,
    USER_SYSTEM,
)

Resource = dict[str, Any]
GENDERS: Final = {"F": "female", "M": "male", "U": "unknown"}
EPISODES: Final = {
    Phase.INTAKE: "planned", Phase.IN_CARE: "active", Phase.CLOSED: "finished", Phase.NOT_ADMITTED: "cancelled",
}  # fmt: skip
CONSENTS: Final = {
    ConsentStatus.PRESENTED: "proposed", ConsentStatus.SIGNED: "active", ConsentStatus.REFUSED: "rejected",
    ConsentStatus.VOIDED: "entered-in-error",
}  # fmt: skip
"""Others have been in force once: `inactive`."""
DOCUMENTS: Final = {DocumentStatus.AMENDED: "superseded", DocumentStatus.VOIDED: "entered-in-error"}
SURVEY: Final = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REVENUE: Final = "https://www.nubc.org/CodeSystem/RevenueCodes"
PROCEDURE: Final = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
PERSON_SYSTEM: Final = "urn:stepdown:person"
_NAMES: Final = UUID("2b1f0a5e-55c7-5b0e-9a7e-0b6f2f3f7a11")


def record_bundle(record: PatientRecord) -> Resource:
    """Every resource once, each under its full address; references resolve within the bundle."""
    return {
        "resourceType": "Bundle",
        "identifier": {"system": PERSON_SYSTEM, "value": f"{record.person_id}/{record.as_of.date().isoformat()}"},
        "type": "collection",
        "timestamp": _moment(record.as_of),
        "entry": [
            {"fullUrl": f"{record.base}/fhir/{held['resourceType']}/{held['id']}", "resource": held}
            for held in _resources(record)
        ],
    }


def _resources(record: PatientRecord) -> Iterator[Resource]:
    yield _patient(record)
    yield from _organizations(record)
    yield from (_coverage(record, part) for part in record.coverages)
    for episode in record.episodes:
        yield from _conditions(record, episode)
        yield _episode(record, episode)
    yield from (_encounter(record, part) for part in record.stays)
    for assessment in record.assessments:
        yield _answers(record, assessment)
        if assessment.score is not None:
            yield _score(record, assessment)
    yield from (_consent(record, part) for part in record.consents)
    yield from (_document(record, part) for part in record.documents)
    yield from (_charge(record, part) for part in record.days)
    yield from (_disclosure(record, part) for part in record.disclosures)


def _patient(record: PatientRecord) -> Resource:
    who = record.person
    names: list[Resource] = [{"use": "official", "family": who.family, "given": list(who.given)}]
    if who.preferred_name:
        names.append({"use": "nickname", "given": [who.preferred_name]})
    identifiers = [{"system": PERSON_SYSTEM, "value": str(record.person_id)}]
    identifiers += [{"system": i.system, "value": i.value} for i in who.identifiers]
    address = _there(
        use="home", line=[who.street] if who.street else None, city=who.city, state=who.state,
        postalCode=who.postal_code,
    )  # fmt: skip
    return _there(
        resourceType="Patient", id=str(record.person_id), identifier=identifiers, name=names,
        gender=GENDERS.get(who.gender, "unknown"), birthDate=who.birth_date.isoformat(),
        address=[address] if len(address) > 1 else None,
        telecom=[{"system": "phone", "value": who.telephone}] if who.telephone else None,
    )  # fmt: skip


def _organizations(record: PatientRecord) -> Iterator[Resource]:
    for place in record.facilities:
        yield {
            "resourceType": "Organization", "id": _id(FACILITY_SYSTEM, place.key), "name": place.name,
            "identifier": [{"system": FACILITY_SYSTEM, "value": place.key}],
        }  # fmt: skip
    for payer, name in {part.payer: part.payer_name for part in record.coverages}.items():
        yield {
            "resourceType": "Organization", "id": _id(PAYER_SYSTEM, payer), "name": name,
            "identifier": [{"system": PAYER_SYSTEM, "value": payer}],
        }  # fmt: skip


def _coverage(record: PatientRecord, part: CoveragePart) -> Resource:
    period = _there(start=part.from_date.isoformat(), end=part.through_date.isoformat() if part.through_date else None)
    return _there(
        resourceType="Coverage", id=str(part.id), status="entered-in-error" if part.voided else "active",
        subscriberId=part.member_id or None, beneficiary=_patient_of(record), period=period, order=part.rank,
        payor=[{"reference": f"Organization/{_id(PAYER_SYSTEM, part.payer)}"}],
    )  # fmt: skip


def _conditions(record: PatientRecord, episode: EpisodePart) -> Iterator[Resource]:
    for code in episode.diagnoses:
        yield {
            "resourceType": "Condition", "id": _id("condition", str(episode.id), code), "subject": _patient_of(record),
            "code": {"coding": [{"system": ICD10, "code": code if len(code) < 4 else f"{code[:3]}.{code[3:]}"}]},
            "recordedDate": _moment(episode.opened_at),
        }  # fmt: skip


def _episode(record: PatientRecord, part: EpisodePart) -> Resource:
    diagnoses = [
        {"condition": {"reference": f"Condition/{_id('condition', str(part.id), code)}"}, "rank": rank}
        for rank, code in enumerate(part.diagnoses, start=1)
    ]
    return _there(
        resourceType="EpisodeOfCare", id=str(part.id), status=EPISODES[part.phase], patient=_patient_of(record),
        diagnosis=diagnoses or None, managingOrganization=_place(part.facility),
        period=_period(part.admitted_at or part.opened_at, part.closed_at),
    )  # fmt: skip


def _encounter(record: PatientRecord, part: StayPart) -> Resource:
    bed = part.track is Track.BED
    level = {"coding": [{"system": LEVEL_SYSTEM, "code": part.level, "display": part.level_name}]}
    return {
        "resourceType": "Encounter", "id": str(part.id), "status": "finished" if part.end else "in-progress",
        "class": {"system": ACT, "code": "IMP" if bed else "AMB"}, "type": [level], "subject": _patient_of(record),
        "episodeOfCare": [{"reference": f"EpisodeOfCare/{part.episode_id}"}], "period": _period(part.start, part.end),
        "serviceProvider": {**_place(part.facility), "display": part.program_name},
    }  # fmt: skip


def _answers(record: PatientRecord, part: AssessmentPart) -> Resource:
    done = part.outcome == "completed"
    return _there(
        resourceType="QuestionnaireResponse", id=str(part.id), status="completed" if done else "stopped",
        questionnaire=f"urn:stepdown:instrument:{part.instrument}|{part.edition}", subject=_patient_of(record),
        authored=_moment(part.performed_at),
        item=[{"linkId": name, "answer": [_answer(value)]} for name, value in sorted(part.answers.items())] or None,
    )  # fmt: skip


def _answer(value: Any) -> Resource:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, float):
        return {"valueDecimal": value}
    return {"valueString": str(value)}


def _score(record: PatientRecord, part: AssessmentPart) -> Resource:
    assert part.score is not None
    return _there(
        resourceType="Observation", id=_id("score", str(part.id)), status="final", category=[{"coding": [SURVEY]}],
        code={"coding": [{"system": "urn:stepdown:instrument", "code": part.instrument}], "text": part.title},
        subject=_patient_of(record), effectiveDateTime=_moment(part.performed_at),
        valueQuantity={"value": float(part.score)},
        interpretation=[{"text": part.severity}] if part.severity else None,
        derivedFrom=[{"reference": f"QuestionnaireResponse/{part.id}"}],
    )  # fmt: skip


def _consent(record: PatientRecord, part: ConsentPart) -> Resource:
    scope = "patient-privacy" if part.discloses else "treatment"
    ends = part.revoked_at or part.expires_at
    provision = _there(
        type="permit",
        period=_there(
            start=_moment(part.signed_at) if part.signed_at else None, end=_moment(ends) if ends else None
        ) or None,
        actor=[
            {"role": {"text": "recipient"}, "reference": {"display": recipient}} for recipient in part.recipients
        ] or None,
        code=[{"text": content} for content in part.contents] or None,
    )  # fmt: skip
    return _there(
        resourceType="Consent", id=str(part.id), status=CONSENTS.get(part.status, "inactive"),
        scope={"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]},
        category=[{"coding": [{"system": LOINC, "code": "59284-0"}], "text": part.title}],
        patient=_patient_of(record), dateTime=_moment(part.signed_at) if part.signed_at else None,
        policyRule={"text": "42 CFR part 2" if part.discloses else "consent of the program"}, provision=provision,
    )  # fmt: skip


def _document(record: PatientRecord, part: DocumentPart) -> Resource:
    entry = part.entry
    types = [{"system": DOCUMENT_SYSTEM, "code": entry.kind.value}]
    if entry.kind in LOINC_CODES:
        types.append({"system": LOINC, "code": LOINC_CODES[entry.kind]})
    about = [{"reference": f"EpisodeOfCare/{entry.episode_id}"}]
    if entry.stay_id is not None and entry.stay_id in {s.id for s in record.stays}:
        about.append({"reference": f"Encounter/{entry.stay_id}"})
    before = entry.supersedes if entry.supersedes in {d.entry.document_id for d in record.documents} else None
    return _there(
        resourceType="DocumentReference", id=str(entry.document_id), status=DOCUMENTS.get(entry.status, "current"),
        docStatus="final" if entry.signed_at else "preliminary", type={"coding": types}, subject=_patient_of(record),
        date=_moment(entry.received_at),
        author=[{"identifier": {"system": USER_SYSTEM, "value": entry.author.split(":", 1)[-1]}}],
        relatesTo=[{"code": "replaces", "target": {"reference": f"DocumentReference/{before}"}}] if before else None,
        content=[{"attachment": _attachment(record, part)}],
        context={"encounter": about, "period": {"start": entry.service_date.isoformat()}},
    )  # fmt: skip


def _attachment(record: PatientRecord, part: DocumentPart) -> Resource:
    entry = part.entry
    said: Resource = {"contentType": entry.content_type, "size": entry.size, "title": f"SHA-256 {entry.sha256}"}
    if part.body is None:
        return said | {"url": f"{record.base}/v1/documents/{entry.document_id}/body"}
    mark = hashlib.sha1(part.body, usedforsecurity=False).digest()  # what R4 wants in this place
    return said | {"data": base64.b64encode(part.body).decode(), "hash": base64.b64encode(mark).decode()}


def _charge(record: PatientRecord, part: DayPart) -> Resource:
    """A day of the ledger; what was billed for it is a claim's to say."""
    codes = [{"system": LEVEL_SYSTEM, "code": part.level}]
    if part.revenue_code:
        codes.append({"system": REVENUE, "code": part.revenue_code})
    if part.procedure_code:
        codes.append({"system": PROCEDURE, "code": part.procedure_code})
    # A day of a stay that was none after all leads to no encounter.
    stands = part.stay_id in {s.id for s in record.stays}
    where = {"context": {"reference": f"Encounter/{part.stay_id}"}} if stands else {}
    return {
        "resourceType": "ChargeItem", "id": str(part.id), "status": "billable" if part.live else "aborted",
        "code": {"coding": codes}, "subject": _patient_of(record), **where,
        "occurrenceDateTime": part.service_date.isoformat(), "quantity": {"value": 1},
        "priceOverride": {"value": float(part.amount), "currency": "USD"},
    }  # fmt: skip


def _disclosure(record: PatientRecord, part: DisclosurePart) -> Resource:
    """One line of the accounting of disclosures (42 CFR 2.25, 45 CFR 164.528)."""
    return {
        "resourceType": "AuditEvent", "id": str(part.id), "recorded": _moment(part.at), "action": "R",
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110106", "display": "Export"},
        "outcome": "0", "outcomeDesc": part.outcome, "purposeOfEvent": [{"text": part.purpose}],
        "agent": [
            {"requestor": True, "altId": part.actor}, {"requestor": False, "who": {"display": part.recipient}},
        ],
        "source": {"observer": {"display": "Stepdown"}},
        "entity": [{"what": _patient_of(record), "description": f"{part.content}; {part.ground}"}],
    }  # fmt: skip


def _patient_of(record: PatientRecord) -> Resource:
    return {"reference": f"Patient/{record.person_id}"}


def _place(facility: str) -> Resource:
    return {"reference": f"Organization/{_id(FACILITY_SYSTEM, facility)}"}


def _period(start: datetime, end: datetime | None) -> Resource:
    return _there(start=_moment(start), end=_moment(end) if end else None)


def _id(*parts: str) -> str:
    return str(uuid5(_NAMES, "/".join(parts)))


def _moment(at: datetime | date) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if isinstance(at, datetime) else at.isoformat()


def _there(**fields: Any) -> Resource:
    return {name: value for name, value in fields.items() if value is not None}
