"""What a request says to the payer: the least it needs (domain 4.5, 3.6 minimum necessary)."""

from activities.case_record import CaseWriting
from definitions.facility import Facility
from definitions.person import PersonDetails
from definitions.review_codes import Certification, LevelOfService
from definitions.services_review import (
    AdmissionCodes,
    DateSpan,
    ReviewAddress,
    ReviewContact,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
)
from definitions.vocabulary import RequestKind
from storage.models import AuthorizationRequest


def build_request(
    w: CaseWriting, asked: AuthorizationRequest, details: PersonDetails, facility: Facility, submitter_id: str
) -> ServicesReviewRequest:
    """No clinical narrative: level codes, span, units and diagnoses only."""
    terms = w.payer.terms(asked.level)
    program = facility.program_for(asked.level)
    if terms is None or program is None:
        raise RuntimeError(f"no terms or program for level {asked.level} in edition {w.episode.edition}")
    extension = asked.kind is RequestKind.CONCURRENT
    inpatient = terms.category == "AR"
    dates = DateSpan(first=asked.from_date, last=asked.through_date)
    return ServicesReviewRequest(
        submitter_id=submitter_id,
        receiver_id=w.payer.payer_id,
        reviewer=ReviewParty(name=w.payer.name, id=w.payer.reviewer_id or w.payer.payer_id),
        requester=ReviewParty(name=program.name, id=program.npi),
        requester_address=ReviewAddress(
            street=facility.street, city=facility.city, state=facility.state, postal_code=facility.postal_code
        ),
        requester_contact=ReviewContact(name="UR DESK", telephone=facility.telephone),
        subscriber=ReviewPerson(
            family=details.family,
            given=details.given[0] if details.given else "UNKNOWN",
            member_id=details.member_ids.get(w.case.coverage_id, "UNKNOWN"),
            birth_date=details.birth_date,
            gender=details.gender,
        ),
        trace=asked.trace,
        originator=f"9{program.tax_id}"[:10],
        category=terms.category,
        certification=_certification(asked.kind, extension),
        service_type=terms.service_type,
        facility_type=terms.facility_type,
        location_qualifier=terms.location_qualifier,
        level_of_service=LevelOfService.URGENT if asked.urgent else None,
        previous_number=w.case.number if extension else None,
        admission_date=w.case.from_date if inpatient else None,
        event_dates=None if inpatient else dates,
        diagnoses=_diagnoses(w),
        delivery=ServiceDelivery(kind=asked.unit, quantity=asked.units),
        admission_codes=AdmissionCodes(type="2" if asked.urgent else "3", source="1") if inpatient else None,
        lines=(
            ServiceLine(
                trace=f"{asked.trace}L1",
                dates=dates,
                revenue_code=terms.revenue_code,
                procedure_code=terms.procedure_code,
                unit="DA" if asked.unit == "DY" else "UN",
                quantity=asked.units,
            ),
        ),
        created_at=w.now,
    )


def _certification(kind: RequestKind, extension: bool) -> Certification:
    if kind is RequestKind.CANCEL:
        return Certification.CANCEL
    return Certification.EXTENSION if extension else Certification.INITIAL


def _diagnoses(w: CaseWriting) -> tuple[ReviewDiagnosis, ...]:
    """Principal first (ABK), others after (ABF); codes without their dot (domain 6.6)."""
    ranked = sorted(w.episode.diagnoses, key=lambda d: int(d["rank"]))
    return tuple(
        ReviewDiagnosis(qualifier="ABK" if i == 0 else "ABF", code=str(d["code"]).replace(".", ""))
        for i, d in enumerate(ranked)
    )
