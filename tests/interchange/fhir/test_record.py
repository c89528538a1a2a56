"""The bundle and the letter of a whole record, without a house around them: every status, hostile values, what is too large."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import fhirkit
import pytest

from api.record_letter import record_pdf
from definitions.document import DocumentEntry, DocumentSource, DocumentStatus, DocumentType, content_class_of
from definitions.person import Identifier, PersonDetails
from definitions.record import (
    AssessmentPart,
    ConsentPart,
    CoveragePart,
    DayPart,
    DisclosurePart,
    DocumentPart,
    EpisodePart,
    FacilityPart,
    PatientRecord,
    StayPart,
)
from definitions.vocabulary import ConsentStatus, Phase, Track
from interchange.fhir.record import record_bundle

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
PERSON, EPISODE, STAY = UUID(int=1), UUID(int=2), UUID(int=3)
HOSTILE = '#panic() *x* $y$ @ref "quo\\te" <b>'


def document(number: int, status: DocumentStatus, body: bytes | None, **changes: Any) -> DocumentPart:
    kind = changes.pop("kind", DocumentType.PROGRESS_NOTE)
    said: dict[str, Any] = {
        "document_id": UUID(int=number), "episode_id": EPISODE, "kind": kind, "content_class": content_class_of(kind),
        "status": status, "author": "clinician:c", "service_date": AT.date(), "stay_id": STAY, "session_id": None,
        "authorization_id": None, "content_type": "text/plain", "size": len(body or b""), "sha256": "0" * 64,
        "source": DocumentSource.UPLOAD, "received_at": AT, "received_by": "clinician:c", "needs_cosign": False,
        "signed_at": AT, "signed_by": "clinician:c", "cosigned_at": None, "cosigned_by": None, "version": 1,
        "supersedes": None, "superseded_by": None, "voided_at": None, "voided_by": None, "void_reason": None,
        "opens": True,
    }  # fmt: skip
    return DocumentPart(entry=DocumentEntry(**said | changes), body=body)


def record(**changes: Any) -> PatientRecord:
    person = PersonDetails(
        family=HOSTILE, given=("Robin", "Q"), birth_date=date(1990, 2, 3), gender="F", preferred_name=HOSTILE,
        street="1 Way", city="Austin", state="TX", postal_code="78701", telephone="5125550100",
        identifiers=(Identifier(system="urn:sender", value="7"),),
    )  # fmt: skip
    said: dict[str, Any] = {
        "person_id": PERSON, "person": person, "as_of": AT, "base": "https://house.example", "notes_included": False,
        "facilities": (FacilityPart(key="harbor", name="Harbor", zone="America/Chicago"),),
        "coverages": (
            CoveragePart(id=UUID(int=10), payer="meridian", payer_name="Meridian", rank=1, member_id="M1",
                         from_date=AT.date(), through_date=None, voided=False),
            CoveragePart(id=UUID(int=11), payer="county", payer_name="County", rank=2, member_id=None,
                         from_date=AT.date(), through_date=AT.date(), voided=True),
        ),
        "episodes": tuple(
            EpisodePart(id=UUID(int=20 + n) if n else EPISODE, facility="harbor", phase=phase, opened_at=AT,
                        admitted_at=AT if phase is Phase.IN_CARE else None,
                        closed_at=AT if phase is Phase.CLOSED else None, diagnoses=("F1020", "F33"), disposition=None)
            for n, phase in enumerate(Phase)
        ),
        "stays": (
            StayPart(id=STAY, episode_id=EPISODE, facility="harbor", level="3.5", level_name="Residential",
                     program_name="Inpatient", track=Track.BED, start=AT, end=AT + timedelta(days=1)),
            StayPart(id=UUID(int=4), episode_id=EPISODE, facility="harbor", level="2.5", level_name="Day",
                     program_name="Day", track=Track.DAY, start=AT, end=None),
        ),
        "assessments": (
            AssessmentPart(id=UUID(int=30), episode_id=EPISODE, instrument="PHQ9", edition="2026-01", title=HOSTILE,
                           answers={"1": 1, "2": True, "3": 1.5, "4": HOSTILE}, score=Decimal("7.00"), severity="mild",
                           outcome="completed", performed_at=AT, supersedes=None),
            AssessmentPart(id=UUID(int=31), episode_id=EPISODE, instrument="UDS", edition="2026-01", title="UDS",
                           answers={}, score=None, severity=None, outcome="refused", performed_at=AT, supersedes=None),
        ),
        "consents": tuple(
            ConsentPart(id=UUID(int=40 + n), episode_id=EPISODE, form="part2_tpo", title="TPO", status=status,
                        discloses=n % 2 == 0, signed_at=AT if n % 2 else None, expires_at=None, revoked_at=None,
                        contents=("claim",) if n % 2 == 0 else (), recipients=("health_plans",) if n % 2 == 0 else ())
            for n, status in enumerate(ConsentStatus)
        ),
        "documents": (
            document(50, DocumentStatus.SIGNED, HOSTILE.encode()),
            document(51, DocumentStatus.AMENDED, b"before"),
            document(52, DocumentStatus.SIGNED, b"after", version=2, supersedes=UUID(int=51)),
            document(53, DocumentStatus.VOIDED, b"wrong"),
            document(54, DocumentStatus.UNSIGNED, b"%PDF-1.7", content_type="application/pdf", signed_at=None),
            document(55, DocumentStatus.SIGNED, None, size=60_000_000),
            document(56, DocumentStatus.SIGNED, b"x" * 30_000, stay_id=UUID(int=99), supersedes=UUID(int=98)),
        ),
        "days": tuple(
            DayPart(id=UUID(int=60 + n), episode_id=EPISODE, stay_id=STAY, service_date=AT.date(), level="3.5",
                    payer="meridian", revenue_code="1002", procedure_code="H0018", amount=Decimal("812.50"), live=live)
            for n, live in enumerate((True, False))
        ),
        "disclosures": (
            DisclosurePart(id=UUID(int=70), at=AT, recipient="Meridian", content="a claim", purpose="for payment",
                           ground="Consent", outcome="sent", actor="worker"),
        ),
    }  # fmt: skip
    return PatientRecord(**said | changes)


def held(bundle: dict[str, Any], kind: str, number: int) -> dict[str, Any]:
    (found,) = [
        e["resource"] for e in bundle["entry"]
        if e["resource"]["resourceType"] == kind and e["resource"]["id"] == str(UUID(int=number))
    ]  # fmt: skip
    return dict(found)


def test_every_status_is_fhir_r4_by_an_independent_judge() -> None:
    assert fhirkit.validate(record_bundle(record())) == []


def test_the_same_record_is_the_same_bytes() -> None:
    assert json.dumps(record_bundle(record())) == json.dumps(record_bundle(record()))
    assert record_pdf(record()) == record_pdf(record())


def test_statuses_say_what_stands() -> None:
    bundle = record_bundle(record())
    said = [held(bundle, "DocumentReference", n) for n in range(50, 57)]
    assert [d["status"] for d in said] == [
        "current", "superseded", "current", "entered-in-error", "current", "current", "current",
    ]  # fmt: skip
    assert [d["docStatus"] for d in said] == ["final"] * 4 + ["preliminary"] + ["final"] * 2
    assert said[2]["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{UUID(int=51)}"
    assert "relatesTo" not in said[6], "a version that is not in the copy is not pointed to"
    assert len(said[6]["context"]["encounter"]) == 1, "nor a stay that is not"
    assert held(bundle, "ChargeItem", 61)["status"] == "aborted"
    assert held(bundle, "Coverage", 11)["status"] == "entered-in-error"
    assert held(bundle, "QuestionnaireResponse", 31)["status"] == "stopped"


def test_what_is_too_large_for_one_file_says_where_it_is() -> None:
    (content,) = held(record_bundle(record()), "DocumentReference", 55)["content"]
    attachment = content["attachment"]
    assert attachment["url"] == f"https://house.example/v1/documents/{UUID(int=55)}/body"
    assert attachment["size"] == 60_000_000
    assert "data" not in attachment


def test_no_value_of_the_letter_is_markup_and_an_empty_record_is_a_letter() -> None:
    whole = record_pdf(record())
    assert whole.startswith(b"%PDF-")
    assert b"pdfuaid" in whole
    nothing: dict[str, Any] = dict.fromkeys(
        ("coverages", "stays", "assessments", "consents", "documents", "days", "disclosures", "episodes", "facilities"),
        (),
    )
    empty = record_pdf(record(**nothing))
    assert empty.startswith(b"%PDF-")
    assert len(empty) < len(whole)
    assert fhirkit.validate(record_bundle(record(**nothing))) == []


@pytest.mark.parametrize("said", [repr(record()), str(record())])
def test_nothing_personal_is_printed(said: str) -> None:
    assert HOSTILE not in said
    assert "Robin" not in said
