"""Synthetic requests and answers, golden files, and the gate they leave by."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from definitions.review_codes import Certification, LevelOfService
from definitions.services_review import (
    AdmissionCodes,
    AttendingProvider,
    DateSpan,
    ReviewAddress,
    ReviewAttachment,
    ReviewContact,
    ReviewDiagnosis,
    ReviewParty,
    ReviewPerson,
    ServiceDelivery,
    ServiceLine,
    ServicesReviewRequest,
)
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from interchange.x12.envelope import Control, Interchange, Transaction, read_interchanges
from interchange.x12.review_request import encode
from rules.disclosure import ConsentOnFile, DisclosureAsk, Released, release

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 3, 6, 14, 10, tzinfo=UTC)
CONTROL = Control(sender="HARBORREC", receiver="SAMPLECH", number=101, at=NOW)


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.x12").read_text()


T = TypeVar("T")


def released(content: T) -> Released[T]:
    """Through the real gate, on a consent that covers it."""
    ask = DisclosureAsk(
        person_id="p1", episode_id="e1", content=ContentClass.AUTHORIZATION_REQUEST, purpose=Purpose.PAYMENT,
        recipient="payer/sample", recipient_class="health_plans",
    )  # fmt: skip
    consent = ConsentOnFile(
        consent_id="c1", form="part2_tpo", status=ConsentStatus.SIGNED, purposes=(Purpose.PAYMENT,),
        contents=(ContentClass.AUTHORIZATION_REQUEST,), recipient_classes=("health_plans",), signed_at=NOW,
    )  # fmt: skip
    made = release(content, ask, (consent,), NOW)
    assert isinstance(made, Released)
    return made


def emitted(request: ServicesReviewRequest, control: Control = CONTROL) -> str:
    return encode(released(request), control)


def only_set(text: str) -> tuple[Interchange, Transaction]:
    """The one transaction of a file."""
    (interchange,) = read_interchanges(text)
    (group,) = interchange.groups
    (transaction,) = group.transactions
    return interchange, transaction


def residential(
    *, trace: str = "EP1001RES1", member_id: str = "W123456789", days: int = 14, family: str = "DOE"
) -> ServicesReviewRequest:
    """The worked example of domain 4.5."""
    first = date(2026, 3, 7)
    last = date.fromordinal(first.toordinal() + days - 1)
    return ServicesReviewRequest(
        submitter_id="HARBORREC",
        receiver_id="SAMPLECH",
        reviewer=ReviewParty(name="SAMPLE BEHAVIORAL UM", id="88888"),
        requester=ReviewParty(name="HARBOR RECOVERY CENTER", id="1234567893"),
        requester_address=ReviewAddress(
            street="100 EXAMPLE WAY", city="AUSTIN", state="TX", postal_code="787010001"
        ),
        requester_contact=ReviewContact(name="UR DESK", telephone="5125550140", fax="5125550141"),
        subscriber=ReviewPerson(
            family=family, given="JORDAN", member_id=member_id, birth_date=date(1988, 4, 12), gender="M"
        ),
        trace=trace,
        originator="9741234567",
        category="AR",
        certification=Certification.INITIAL,
        service_type="AI",
        facility_type="86",
        location_qualifier="A",
        level_of_service=LevelOfService.URGENT,
        admission_date=first,
        diagnoses=(
            ReviewDiagnosis(qualifier="ABK", code="F1020"),
            ReviewDiagnosis(qualifier="ABJ", code="F10239"),
            ReviewDiagnosis(qualifier="ABF", code="F4310"),
        ),
        delivery=ServiceDelivery(kind="DY", quantity=days),
        admission_codes=AdmissionCodes(type="3", source="D"),
        attachments=(ReviewAttachment(kind="06", control_number="ATT1001A"),),
        attending=AttendingProvider(family="RIVERA", given="ALEX", npi="1098765435", taxonomy="2084A0401X"),
        message="TRANSFER FROM LEVEL 3.7 DETOX SAME CAMPUS. LEVEL 3.5 REQUESTED.",
        lines=(
            ServiceLine(
                trace=f"{trace}L1", dates=DateSpan(first=first, last=last), revenue_code="1002",
                procedure_code="H0018", unit="DA", quantity=days,
            ),
        ),
        reference="AR20260306A",
        created_at=NOW,
    )  # fmt: skip


def intensive_outpatient(*, trace: str = "EP1001IOP1", member_id: str = "W123456789") -> ServicesReviewRequest:
    """The outpatient example of domain 4.5: three visits a week for a month."""
    base = residential(trace=trace, member_id=member_id)
    dates = DateSpan(first=date(2026, 4, 1), last=date(2026, 4, 30))
    line = ServiceLine(
        trace=f"{trace}L1", dates=dates, revenue_code="0906", procedure_code="H0015", unit="UN", quantity=12
    )
    return base.model_copy(
        update={
            "category": "HS", "facility_type": "57", "location_qualifier": "B", "level_of_service": None,
            "admission_date": None, "admission_codes": None, "attachments": (), "attending": None, "message": None,
            "diagnoses": base.diagnoses[:1], "reference": None, "lines": (line,),
            "delivery": ServiceDelivery(kind="VS", quantity=3, period="WK", every=1, span="34", span_count=1),
        }
    )  # fmt: skip
