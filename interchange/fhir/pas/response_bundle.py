"""What a payer answers, as PAS says it: written by the local payer, read by us with nothing lost (domain 4.6)."""

from typing import Final

from definitions.pas_guide import PasGuide
from definitions.review_codes import Action
from definitions.services_review import LineDecision, Rejection, ServicesReviewResponse
from interchange.fhir.pas import parties
from interchange.fhir.pas.claim import claim_url, quantity
from interchange.fhir.pas.parties import entry
from interchange.fhir.pas.request_bundle import bundle
from interchange.fhir.pas.words import (
    Json,
    Words,
    day,
    document,
    full_url,
    instant,
    part,
    period,
    present,
    reference,
)
from interchange.x12.envelope import Control

COMPLETE, ERROR = "complete", "error"
"""A denial is complete; only what could not be processed is an error. `partial` we read and never write."""
GRANTING: Final = frozenset({Action.CERTIFIED, Action.PARTIAL, Action.MODIFIED})


def encode_response(
    told: ServicesReviewResponse, control: Control, guide: PasGuide, sequences: dict[str, int], *, inquiry: bool = False
) -> str:  # fmt: skip
    """`sequences`: by a line's trace the sequence its item was asked under."""
    return document(response_bundle(told, control, guide, sequences, inquiry=inquiry))


def response_bundle(
    told: ServicesReviewResponse, control: Control, guide: PasGuide, sequences: dict[str, int], *, inquiry: bool = False
) -> Json:  # fmt: skip
    words = Words(guide)
    trace, originator = told.trace or told.reference, told.originator or "0000000000"
    told = _by_item(told, sequences)
    urls = parties.urls(originator, trace)
    answer = full_url(originator, trace, "ClaimResponse", instant(told.created_at))
    wanted = _wanted(words, told, sequences, urls, answer)
    made = _head(words, told, urls, trace, originator, inquiry=inquiry) | present(
        outcome=ERROR if told.rejections else COMPLETE, preAuthRef=told.number if _grants(told) else None,
        item=_items(words, told, sequences), addItem=_granted(words, told, sequences),
        adjudication=[] if told.lines else _adjudication(words, told.action, told.number, told.reason),
        processNote=[{"number": 1, "text": told.message}] if told.message else [],
        error=[_error(words, one) for one in told.rejections],
        communicationRequest=[reference(wanted["fullUrl"])] if wanted else [],
    )  # fmt: skip
    if not told.lines and told.reference_number:
        made["extension"] = [words.extension("reference_number", "String", told.reference_number)]
    entries = [
        entry(answer, made),
        parties.insurer(words, told.reviewer, told.submitter_id, urls["Insurer"]),
        parties.requester(words, told.requester, urls["Requestor"]),
        _patient(words, told, urls["Patient"]),
        *([wanted] if wanted else []),
    ]
    return bundle(
        words, "inquiry_response_bundle" if inquiry else "response_bundle", control, entries, told.submitter_id
    )


def _by_item(told: ServicesReviewResponse, sequences: dict[str, int]) -> ServicesReviewResponse:
    """PAS decides item by item: what a 278 says once for the event is said of each."""
    if told.lines or told.rejections or told.action is None:
        return told
    lines = tuple(
        LineDecision(
            trace=trace, action=told.action, number=told.number, reason=told.reason, issued_on=told.issued_on,
            reference_number=told.reference_number,
        )
        for trace in sequences
    )  # fmt: skip
    return told.model_copy(update={"lines": lines})


def _grants(told: ServicesReviewResponse) -> bool:
    return told.action in GRANTING or any(line.action in GRANTING for line in told.lines)


def _head(
    words: Words, told: ServicesReviewResponse, urls: dict[str, str], trace: str, originator: str, *, inquiry: bool
) -> Json:
    qualifier = told.location_qualifier or "A"
    return {
        "resourceType": "ClaimResponse",
        "meta": words.profile("claim_inquiry_response" if inquiry else "claim_response"),
        "identifier": [words.trace(originator, trace)],
        "status": "active",
        "type": words.concept("claim_type", words.code("claim_type", qualifier)),
        "use": "preauthorization",
        "patient": reference(urls["Patient"]),
        "created": instant(told.created_at),
        "insurer": reference(urls["Insurer"]),
        "requestor": reference(urls["Requestor"]),
        "request": reference(claim_url(originator, trace)) | {"identifier": words.trace(originator, trace)},
    }


def _patient(words: Words, told: ServicesReviewResponse, url: str) -> Json:
    """By the member id and what the request said of the name."""
    name = present(family=told.member_family, given=[told.member_given] if told.member_given else [])
    member = words.identifier("member", told.member_id or "UNKNOWN")
    made = present(
        resourceType="Patient", meta=words.profile("beneficiary"),
        identifier=[member | {"type": words.concept("identifier_type", parties.MEMBER_TYPE)}], name=[name] if name else [],
        gender=words.code("gender", told.member_gender) if told.member_gender else None, birthDate=day(told.member_birth_date),
    )  # fmt: skip
    return entry(url, made)


def _items(words: Words, told: ServicesReviewResponse, sequences: dict[str, int]) -> list[Json]:
    return [
        present(
            extension=_about(words, told, line), itemSequence=sequences.get(line.trace or "", n),
            adjudication=_adjudication(words, line.action, line.number, line.reason),
            noteNumber=[1] if told.message else [],
        )
        for n, line in enumerate(told.lines, start=1)
    ]  # fmt: skip


def _about(words: Words, told: ServicesReviewResponse, line: LineDecision) -> list[Json]:
    """What is said of an item as it was asked. What was granted instead stands in `addItem`."""
    found: list[Json] = []
    if line.trace:
        originator = told.originator or "0000000000"
        found.append(words.extension("item_trace", "Identifier", words.trace(originator, line.trace)))
    tracking = line.reference_number or told.reference_number
    if tracking:
        found.append(words.extension("reference_number", "String", tracking))
    previous = line.previous_number or told.previous_number
    if previous:
        found.append(words.extension("authorization_number", "String", previous))
    if line.issued_on:
        found.append(words.extension("issued_on", "Date", day(line.issued_on)))
    if line.certified:
        found.append(words.extension("certified", "Period", period(line.certified)))
    if line.action is not Action.MODIFIED:
        found += _details(words, line)
    return found


def _details(words: Words, line: LineDecision) -> list[Json]:
    found: list[Json] = []
    if line.from_date:
        dates = {"start": day(line.from_date), "end": day(line.through_date or line.from_date)}
        found.append(words.extension("service_dates", "Period", dates))
    inside: list[Json] = []
    if line.procedure_code:
        inside.append(part("productOrServiceCode", "CodeableConcept", words.concept("procedure", line.procedure_code)))
    if line.revenue_code:
        inside.append(part("revenue", "CodeableConcept", words.concept("revenue", line.revenue_code)))
    if line.units is not None:
        inside.append(part("quantity", "Quantity", quantity(words, line.units, "amount", line.unit or "DY")))
    if inside:
        found.append({"url": words.guide.extensions["authorized_detail"], "extension": inside})
    return found


def _granted(words: Words, told: ServicesReviewResponse, sequences: dict[str, int]) -> list[Json]:
    """A6: what was granted in place of what was asked, linked by the item's sequence."""
    made = []
    for n, line in enumerate(told.lines, start=1):
        if line.action is not Action.MODIFIED:
            continue
        dates = (
            {"start": day(line.from_date), "end": day(line.through_date or line.from_date)} if line.from_date else None
        )
        revenue = [words.coded("item_revenue", "revenue", line.revenue_code)] if line.revenue_code else []
        service = words.concept("procedure", line.procedure_code) if line.procedure_code else None
        made.append(
            present(
                extension=revenue, itemSequence=[sequences.get(line.trace or "", n)],
                productOrService=service or words.concept("data_absent", "not-applicable"), servicedPeriod=dates,
                quantity=quantity(words, line.units, "amount", line.unit or "DY") if line.units is not None else None,
                adjudication=_adjudication(words, Action.CERTIFIED, line.number, None),
            )
        )  # fmt: skip
    return made


def _adjudication(words: Words, action: Action | None, number: str | None, reason: str | None) -> list[Json]:
    if action is None:
        return [{"category": words.concept("adjudication", "submitted")}]
    inside: list[Json] = [words.coded("review_action_code", "action", action.value)]
    if number and action in (*GRANTING, Action.CANCELLED):
        inside.insert(0, part("number", "String", number))
    if reason:
        inside.append(part("reasonCode", "CodeableConcept", words.concept("reason", reason)))
    said = {"url": words.guide.extensions["review_action"], "extension": inside}
    return [{"extension": [said], "category": words.concept("adjudication", "submitted")}]


def _error(words: Words, said: Rejection) -> Json:
    return {
        "extension": [
            words.coded("error_follow_up", "follow_up", said.follow_up),
            words.extension("error_element", "String", said.loop),
        ],
        "code": words.concept("reject", said.code),
    }


def _wanted(
    words: Words, told: ServicesReviewResponse, sequences: dict[str, int], urls: dict[str, str], answer: str
) -> Json | None:
    """Documents by their LOINC codes, with the item they are about and the moment they are wanted by."""
    payload = [
        {
            "extension": [words.extension("service_line", "PositiveInt", sequences.get(line.trace or "", n))],
            "contentString": code,
        }
        for n, line in enumerate(told.lines, start=1)
        for code in line.wanted
    ] or [{"contentString": code} for code in told.wanted]
    if not payload:
        return None
    made = present(
        resourceType="CommunicationRequest", meta=words.profile("communication_request"), status="active",
        payload=payload, occurrencePeriod={"end": instant(told.wanted_by)} if told.wanted_by else None,
        requester=reference(urls["Insurer"]), recipient=[reference(urls["Requestor"])], sender=reference(urls["Requestor"]),
    )  # fmt: skip
    return entry(full_url(answer, "CommunicationRequest"), made)
