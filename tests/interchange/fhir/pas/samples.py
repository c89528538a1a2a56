"""The worked examples of domain 4.5 as PAS says them."""

import json
from datetime import date
from typing import Any

from definitions.pas_guide import PasGuide
from definitions.review_codes import Certification
from definitions.services_review import (
    DateSpan,
    PriorLine,
    PriorReview,
    ReviewCondition,
    ServiceDelivery,
    ServicesReviewRequest,
    ServicesReviewResponse,
)
from interchange.fhir.pas.request_bundle import encode_request
from interchange.fhir.pas.response_bundle import encode_response
from local.payer.decision import Telling, tell
from local.payer.script import Say, Step
from runtime.catalog import load_catalog
from tests.interchange.x12.samples import CONTROL, NOW, intensive_outpatient, residential
from tests.local_payer.asked import gated

GUIDE: PasGuide = load_catalog().pas_guide(date(2026, 3, 7))


def admission(**changes: Any) -> ServicesReviewRequest:
    return residential().model_copy(update={"reference": None} | changes)


def outpatient(**changes: Any) -> ServicesReviewRequest:
    return intensive_outpatient().model_copy(update={"reference": None} | changes)


def conditioned() -> ServicesReviewRequest:
    return admission(conditions=(ReviewCondition(category="75", applies=True, codes=("01", "02")),))


def extension() -> ServicesReviewRequest:
    """Seven more days of the same stay: an update of what was asked first."""
    first = admission()
    second = residential(trace="EP1001RES2", days=7)
    dates = DateSpan(first=date(2026, 3, 21), last=date(2026, 3, 27))
    line = second.lines[0].model_copy(update={"dates": dates})
    return second.model_copy(
        update={
            "reference": None, "certification": Certification.EXTENSION, "previous_number": "AUTH778812",
            "lines": (line,),
            "continues": PriorReview(trace=first.trace, created_at=NOW, lines=(PriorLine(line=first.lines[0]),)),
        }
    )  # fmt: skip


def documents() -> ServicesReviewRequest:
    """The same days again, with what the payer asked for."""
    first = admission()
    return residential(trace="EP1001RES3").model_copy(
        update={
            "reference": None, "certification": Certification.REVISED, "reference_number": "ADM0099881",
            "continues": PriorReview(trace=first.trace, created_at=NOW, lines=(PriorLine(line=first.lines[0]),)),
        }
    )  # fmt: skip


def cancellation() -> ServicesReviewRequest:
    first = admission()
    return admission(
        trace="EP1001RES4", certification=Certification.CANCEL, lines=(), attachments=(), reference=first.trace,
        delivery=ServiceDelivery(),
        continues=PriorReview(trace=first.trace, created_at=NOW, lines=(PriorLine(line=first.lines[0]),)),
    )  # fmt: skip


ASKED = {
    "residential": admission, "outpatient": outpatient, "conditions": conditioned, "extension": extension,
    "documents": documents, "cancellation": cancellation,
}  # fmt: skip


def written(asked: ServicesReviewRequest) -> str:
    return encode_request(gated(asked), CONTROL, GUIDE)


def told(say: Say, asked: ServicesReviewRequest | None = None, **step: Any) -> ServicesReviewResponse:
    request = asked or admission()
    answer = tell(Telling(request, Step(say=say, **step), "AUTH778812", "ADM0099881", NOW))
    return answer.model_copy(update={"trace": request.trace, "originator": request.originator})


def answered(say: Say, **step: Any) -> str:
    return encode_response(told(say, **step), CONTROL, GUIDE, {"EP1001RES1L1": 1})


def resource(text: str, kind: str) -> dict[str, Any]:
    found = [e["resource"] for e in json.loads(text)["entry"] if e["resource"]["resourceType"] == kind]
    one: dict[str, Any] = found[0]
    return one
