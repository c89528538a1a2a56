"""Da Vinci PAS: FHIR bundles to Claim/$submit and Claim/$inquire; what is pended comes later by notification (domain 4.6)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from activities.partners.channel import Body, Nothing, Part, Receipt, Told
from activities.partners.line import Delivery, PayerLine
from definitions.admission_notification import AdmissionNotification
from definitions.pas_guide import PasGuide
from definitions.review_inquiry import ReviewInquiry
from definitions.services_review import ServicesReviewRequest
from interchange.fhir.pas import outcome
from interchange.fhir.pas.arrival import arrival_of, as_json, finds_nothing, parts_of, said_in
from interchange.fhir.pas.inquiry_bundle import encode_inquiry
from interchange.fhir.pas.request_bundle import asked_items, encode_request
from interchange.fhir.pas.response_reading import read_response
from interchange.fhir.pas.words import PasProblem
from interchange.x12.envelope import Control
from rules.disclosure import Released

FHIR: Final = "application/fhir+json"
SUBMIT, INQUIRE = "/Claim/$submit", "/Claim/$inquire"


@dataclass(frozen=True, slots=True)
class PasChannel:
    guide: PasGuide

    @property
    def kind(self) -> str:
        return "pas"

    @property
    def source(self) -> str:
        return "pas"

    @property
    def reads_request(self) -> bool:
        return True

    def version(self, *, inquiry: bool = False, notice: bool = False) -> str:
        return f"{self.guide.name}{INQUIRE if inquiry else SUBMIT}"

    def review(self, released: Released[ServicesReviewRequest], control: Control) -> str:
        return encode_request(released, control, self.guide)

    def inquiry(self, released: Released[ReviewInquiry], control: Control) -> str:
        return encode_inquiry(released, control, self.guide)

    def notice(self, released: Released[AdmissionNotification], control: Control) -> str:
        raise PasProblem("PAS has no notices; give the payer's definition an x12_endpoint, or tell it by hand")

    async def deliver(
        self, line: PayerLine, endpoint: str, text: str, now: datetime, *, inquiry: bool = False
    ) -> Delivery:
        operation = INQUIRE if inquiry else SUBMIT
        delivery = await line.deliver(endpoint, text, now, media=FHIR, operation=operation)
        said = as_json(delivery.refusal) if delivery.refusal else None
        if isinstance(said, dict) and outcome.is_outcome(said):
            return replace(delivery, problem=f"{delivery.problem}: {outcome.in_codes(said)}")
        return delivery

    def take_apart(self, body: str) -> Body:
        try:
            return Body(tuple(Part(text, arrival_of(text, self.guide)) for text in parts_of(body)))
        except PasProblem:
            return Body(rest=body)

    def read(self, text: str, sent: str | None) -> Receipt | Nothing | Told:
        value = said_in(text)
        if outcome.is_outcome(value):
            return Receipt(outcome.failing(value), outcome.in_codes(value))
        if finds_nothing(value):
            return Nothing()
        found = read_response(value, self.guide)
        own = asked_items(sent, self.guide) if sent else {}
        return Told(found.about(own), found.unread, found.substance)
