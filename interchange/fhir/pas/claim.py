"""The Claim of a request: what is asked, as PAS says it (domain 4.5, 4.6). Nothing that is asked is left out in silence."""

from collections.abc import Sequence
from typing import Final

from definitions.review_codes import Certification
from definitions.review_parts import ReviewAttachment, ServiceLine
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas.parties import entry
from interchange.fhir.pas.words import (
    Json,
    PasProblem,
    Words,
    day,
    dotted,
    full_url,
    instant,
    part,
    period,
    present,
    reference,
)

NO_PLACE: Final = (
    "requester_references", "requester_taxonomy", "dependent", "delay_reason", "providers", "other_reviewers",
)  # fmt: skip
"""Fields of a review that PAS 2.2.1 has no element for, as far as we know it."""
NO_PLACE_IN_LINE: Final = (
    "amount", "review", "previous_number", "reference_number", "diagnoses", "delivery", "attachments", "message", "providers",
)  # fmt: skip
ATTENDING: Final = "71"
ADDED, CHANGED = "added", "changed"
TIMING: Final = ("days", "time_of_day")
RESENT: Final = frozenset({Certification.REVISED})
"""Ask nothing new: their lines are among those that were sent."""


def refuse_without_place(request: ServicesReviewRequest) -> None:
    said = [name for name in NO_PLACE if getattr(request, name)]
    said += [f"lines.{name}" for line in request.lines for name in NO_PLACE_IN_LINE if getattr(line, name)]
    if request.release_code != "Y":
        said.append("release_code")
    if said:
        raise PasProblem(f"PAS has no place for {', '.join(sorted(set(said)))}; send this request by hand")


def claim_url(originator: str, trace: str) -> str:
    return full_url(originator, trace, "Claim")


def claim(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> Json:
    """The entry of the request's own Claim."""
    update = asked.continues is not None
    cancels = asked.certification is Certification.CANCEL
    prior = claim_url(asked.originator, asked.continues.trace) if asked.continues else None
    whole = [words.coded("certification_type", "certification_type", asked.certification.value)] if update else []
    made = _head(words, asked, urls, asked.trace, instant(asked.created_at), update=update) | present(
        extension=[*_level(words, asked), *whole, *_conditions(words, asked)],
        related=_related(words, prior) if prior else None,
        careTeam=_care_team(words, asked, urls),
        supportingInfo=_supporting(words, asked, urls, update=update),
        diagnosis=_diagnoses(words, asked),
        item=[] if cancels and update else items(words, asked, urls),
    )
    return entry(claim_url(asked.originator, asked.trace), made)


def prior_claim(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> Json | None:
    """What is updated, as far as it is needed to know it again; what it updated itself is never included."""
    before = asked.continues
    if before is None:
        return None
    made = _head(words, asked, urls, before.trace, instant(before.created_at), update=False) | present(
        careTeam=_care_team(words, asked, urls), diagnosis=_diagnoses(words, asked),
        item=[_item(words, asked, one.line, n, Certification.INITIAL) for n, one in enumerate(before.lines, start=1)],
    )  # fmt: skip
    return entry(claim_url(asked.originator, before.trace), made)


def _head(
    words: Words, asked: ServicesReviewRequest, urls: dict[str, str], trace: str, created: str, *, update: bool
) -> Json:
    level = asked.level_of_service.value if asked.level_of_service else ""
    return {
        "resourceType": "Claim",
        "meta": words.profile("claim_update" if update else "claim"),
        "identifier": [words.trace(asked.originator, trace)],
        "status": "active",
        "type": words.concept("claim_type", words.code("claim_type", asked.location_qualifier)),
        "use": "preauthorization",
        "patient": reference(urls["Patient"]),
        "created": created,
        "insurer": reference(urls["Insurer"]),
        "provider": reference(urls["Requestor"]),
        "priority": words.concept("priority", words.code("priority", level)),
        "insurance": [{"sequence": 1, "focal": True, "coverage": reference(urls["Coverage"])}],
    }


def _level(words: Words, asked: ServicesReviewRequest) -> list[Json]:
    if asked.level_of_service is None:
        return []
    return [words.coded("level_of_service", "level_of_service", asked.level_of_service.value)]


def _conditions(words: Words, asked: ServicesReviewRequest) -> list[Json]:
    return [
        {
            "url": words.guide.extensions["condition_code"],
            "extension": [
                part("category", "CodeableConcept", words.concept("condition_category", one.category)),
                part("indicator", "Boolean", one.applies),
                *(part("code", "CodeableConcept", words.concept("condition_code", code)) for code in one.codes),
            ],
        }
        for one in asked.conditions
    ]


def _related(words: Words, prior: str) -> list[Json]:
    return [{"claim": reference(prior), "relationship": words.concept("related", "prior")}]


def _care_team(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> list[Json]:
    if asked.attending is None:
        return []
    taxonomy = asked.attending.taxonomy
    return [
        present(
            extension=[words.extension("care_team_scope", "Boolean", True)], sequence=1,
            provider=reference(urls["Attending"]), role=words.concept("provider_role", ATTENDING),
            qualification=words.concept("taxonomy", taxonomy) if taxonomy else None,
        )
    ]  # fmt: skip


def _supporting(words: Words, asked: ServicesReviewRequest, urls: dict[str, str], *, update: bool) -> list[Json]:
    """Dates, documents that are announced, and words. Of an update, documents are what is added."""
    found: list[tuple[str, Json]] = []
    if asked.event_dates is not None:
        found.append(("patientEvent", {"timingPeriod": period(asked.event_dates)}))
    if asked.admission_date is not None:
        found.append(("admissionDates", {"timingDate": day(asked.admission_date)}))
    if asked.discharge_date is not None:
        found.append(("dischargeDates", {"timingDate": day(asked.discharge_date)}))
    if asked.admission_codes is not None:
        found.append(("institutionalEncounter", {"valueReference": reference(urls["Encounter"])}))
    for attachment in asked.attachments:
        found.append(("additionalInformation", _document(words, attachment, added=update)))
    if asked.message is not None:
        found.append(("freeFormMessage", {"valueString": asked.message}))
    return [
        {"sequence": n, "category": words.concept("supporting_info", kind), **said}
        for n, (kind, said) in enumerate(found, start=1)
    ]


def _document(words: Words, attachment: ReviewAttachment, *, added: bool) -> Json:
    """PWK: announced under its control number, never included (domain 3.6)."""
    inside = [
        part("reportTypeCode", "CodeableConcept", words.concept("document", attachment.kind)),
        part("transmissionMethod", "CodeableConcept", words.concept("transmission", attachment.transmission)),
    ]
    if attachment.control_number:
        inside.append(part("controlNumber", "String", attachment.control_number))
    if attachment.description:
        inside.append(part("description", "String", attachment.description))
    extension: list[Json] = [{"url": words.guide.extensions["document"], "extension": inside}]
    if added:
        extension.append(words.extension("info_changed", "Code", ADDED))
    named = {"identifier": {"value": attachment.control_number or "UNNUMBERED"}}
    return {"extension": extension, "valueReference": named}


def _diagnoses(words: Words, asked: ServicesReviewRequest) -> list[Json]:
    found = []
    for n, one in enumerate(asked.diagnoses, start=1):
        kind = words.code("diagnosis_type", one.qualifier)
        found.append(
            present(
                sequence=n, diagnosisCodeableConcept=words.concept("diagnosis", dotted(one.code)),
                type=[words.concept("diagnosis_type", kind)] if kind else [],
            )
        )  # fmt: skip
    return found


def items(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> list[Json]:
    """Every item of the case with the sequence it always had; what this request asks is the one that is flagged."""
    if asked.continues is None:
        return [_own(words, asked, urls, line, n, None) for n, line in enumerate(asked.lines or _bare(asked), start=1)]
    before = asked.continues.lines
    own = own_sequences(asked)
    made = []
    for n, prior in enumerate(before, start=1):
        if n in own.values():
            line = next(li for li in asked.lines if own[asked.lines.index(li)] == n)
            made.append(_own(words, asked, urls, line, n, CHANGED))
        elif prior.cancelled:
            gone = _item(words, asked, prior.line, n, Certification.CANCEL)
            made.append(gone | {"modifierExtension": [words.extension("info_cancelled", "Boolean", True)]})
        else:
            made.append(_item(words, asked, prior.line, n, Certification.INITIAL))
    for index, line in enumerate(asked.lines):
        if own[index] > len(before):
            made.append(_own(words, asked, urls, line, own[index], ADDED))
    return made


def own_sequences(asked: ServicesReviewRequest) -> dict[int, int]:
    """By the index of a line of this request, the sequence of its item (the tracing key of PAS)."""
    before = asked.continues.lines if asked.continues else ()
    found: dict[int, int] = {}
    last = len(before)
    for index, line in enumerate(asked.lines):
        same = [n for n, prior in enumerate(before, start=1) if _same(prior.line, line) and n not in found.values()]
        if same and asked.certification in RESENT:
            found[index] = same[-1]
        else:
            last += 1
            found[index] = last
    return found


def _same(one: ServiceLine, other: ServiceLine) -> bool:
    return (one.dates, one.procedure_code, one.quantity) == (other.dates, other.procedure_code, other.quantity)


def _bare(asked: ServicesReviewRequest) -> Sequence[ServiceLine | None]:
    """A request without lines still names its service type: an item wants to be there (Claim.item 1..*)."""
    return (None,)


def _own(
    words: Words, asked: ServicesReviewRequest, urls: dict[str, str], line: ServiceLine | None, sequence: int,
    flag: str | None,
) -> Json:  # fmt: skip
    made = _item(words, asked, line, sequence, asked.certification)
    more: list[Json] = []
    if asked.previous_number is not None:
        more.append(words.extension("authorization_number", "String", asked.previous_number))
    if asked.reference_number is not None:
        more.append(words.extension("reference_number", "String", asked.reference_number))
    if asked.delivery.kind:
        more.append(words.extension("requested_service", "Reference", reference(urls["Service"])))
    if flag is not None:
        more.append(words.extension("info_changed", "Code", flag))
    return made | {"extension": [*made["extension"], *more]}


def _item(
    words: Words, asked: ServicesReviewRequest, line: ServiceLine | None, sequence: int, certification: Certification
) -> Json:
    where = words.code("location", asked.location_qualifier)
    extension = [
        words.coded("request_type", "request_type", asked.category),
        words.coded("certification_type", "certification_type", certification.value),
    ]
    if line is not None and line.trace is not None:
        extension.insert(0, words.extension("item_trace", "Identifier", words.trace(asked.originator, line.trace)))
    if line is None:
        service = words.concept("data_absent", "not-applicable")
    else:
        service = words.concept("procedure", line.procedure_code)
    return present(
        extension=extension, sequence=sequence, diagnosisSequence=list(range(1, len(asked.diagnoses) + 1)),
        careTeamSequence=[1] if asked.attending is not None else [],
        revenue=words.concept("revenue", line.revenue_code) if line is not None and not line.professional else None,
        category=words.concept("service_type", asked.service_type), productOrService=service,
        modifier=[words.concept("procedure", m) for m in line.modifiers] if line is not None else [],
        servicedPeriod=period(line.dates) if line is not None else None,
        locationCodeableConcept=words.concept(where, asked.facility_type),
        quantity=quantity(words, line.quantity, "unit", line.unit) if line is not None else None,
    )  # fmt: skip


def quantity(words: Words, value: int, system: str, unit: str) -> Json:
    return {"value": value, "system": words.guide.systems[system], "code": unit}


def encounter(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> Json | None:
    """CL1 as a planned stay."""
    codes = asked.admission_codes
    if codes is None:
        return None
    source = words.concept("admission_source", codes.source) if codes.source else None
    status = [words.coded("patient_status", "patient_status", codes.patient_status)] if codes.patient_status else []
    made = present(
        resourceType="Encounter", meta=words.profile("encounter"), extension=status, status="planned",
        class_={"system": words.guide.systems["encounter_class"], "code": "IMP"},
        type=[words.concept("admission_type", codes.type)] if codes.type else [],
        subject=reference(urls["Patient"]), hospitalization={"admitSource": source} if source else None,
    )  # fmt: skip
    return entry(urls["Encounter"], made)


def service(words: Words, asked: ServicesReviewRequest, urls: dict[str, str]) -> Json | None:
    """HSD: how much, in which rhythm."""
    said = asked.delivery
    if not said.kind:
        return None
    if any(getattr(said, name) for name in TIMING):
        raise PasProblem("a pattern of days or hours has no place in PAS; send this request by hand")
    timing = present(
        frequency=said.quantity if said.period else None, period=(said.every or 1) if said.period else None,
        periodUnit=words.code("period", said.period) if said.period else None,
        boundsDuration=present(value=said.span_count, system="http://unitsofmeasure.org", code=words.code("span", said.span))
        if said.span and said.span_count else None,
    )  # fmt: skip
    made = present(
        resourceType="ServiceRequest", meta=words.profile("service_request"), status="active", intent="order",
        subject=reference(urls["Patient"]), quantityQuantity=quantity(words, said.quantity, "amount", said.kind),
        occurrenceTiming={"repeat": timing} if timing else None,
    )  # fmt: skip
    return entry(urls["Service"], made)
