"""Documents judged one by one: what may go goes, what may not stays and is named (domain 3.1, 3.5, E23)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from activities.dispute import DisputeActivities
from definitions.dispute import Attachment, SubmitInformation
from definitions.document import DocumentSource, DocumentType, content_class_of
from definitions.vocabulary import AuthorizationStatus, ConsentStatus, ContentClass, RequestKind, Role
from runtime.catalog import Catalog, load_catalog
from runtime.people import open_message
from storage.engine import Database
from storage.models import ClinicalDocument, Consent, OpenItem
from tests.activities import cases
from tests.activities.cases import KEYRING, NOW, Case, Exchange

NOWHERE = "http://127.0.0.1:9"
REPORT = {"kind": "09", "transmission": "EL", "control_number": "REPORT1"}
NOTE = {"kind": "09", "transmission": "EL", "control_number": "NOTE1", "content": "counselling_notes"}


@pytest.fixture
async def house(database: Database) -> AsyncIterator[Exchange]:
    """Nobody listens there: what may leave is written, tried and held."""
    made = Exchange(database, NOWHERE, timeout=1)
    yield made
    await made.line.close()


@pytest.fixture
async def lenient(database: Database) -> AsyncIterator[Exchange]:
    """The same before a payer that takes requests without their documents."""
    made = Exchange(database, NOWHERE, timeout=1, catalog=taking_less())
    yield made
    await made.line.close()


def taking_less() -> Catalog:
    catalog = load_catalog()
    edition = catalog.latest
    payer = edition.payers["meridian"].model_copy(update={"takes_without_documents": True})
    changed = edition.model_copy(update={"payers": {**edition.payers, "meridian": payer}})
    return replace(catalog, editions={**catalog.editions, "2026-01": changed})


async def only(database: Database, one: Case, *contents: ContentClass) -> None:
    """The person's consent names these classes and no other."""
    async with database.write() as session:
        found = (await session.execute(select(Consent).where(Consent.person_id == one.person_id))).scalar_one()
        found.scope = {**found.scope, "contents": [c.value for c in contents]}


async def written(database: Database, one: Case) -> str:
    """The message as it was written for the payer; empty when there is none."""
    found = [m for m in await cases.messages(database, one) if m.kind == "278"]
    if not found:
        return ""
    person = await cases.person_of(database, one)
    assert person.wrapped_key is not None
    return open_message(KEYRING, person.id, person.wrapped_key, found[0].sealed)


async def why(database: Database, one: Case, kind: str) -> str:
    async with database.read() as session:
        rows = await session.execute(
            select(OpenItem.why).where(OpenItem.episode_id == one.episode_id, OpenItem.kind == kind)
        )
        return " ".join(rows.scalars())


async def test_a_document_that_is_not_covered_holds_the_request_and_is_named(
    database: Database, house: Exchange
) -> None:
    one = await cases.case(database, attachments=[REPORT])
    await only(database, one, ContentClass.AUTHORIZATION_REQUEST)
    record = await house.send(one)
    assert record.status is AuthorizationStatus.WAITING_CONSENT
    assert "document REPORT1" in await why(database, one, "consent_needed")
    assert (await written(database, one), await cases.disclosures(database, one)) == ("", [])


async def test_where_the_payer_takes_it_the_request_goes_without_the_document(
    database: Database, lenient: Exchange
) -> None:
    one = await cases.case(database, attachments=[REPORT])
    await only(database, one, ContentClass.AUTHORIZATION_REQUEST)
    await lenient.send(one)
    told = await written(database, one)
    assert told.startswith("ISA")
    assert "REPORT1" not in told
    assert "document REPORT1" in await why(database, one, "documents_withheld")
    assert [d.content for d in await cases.disclosures(database, one)] == ["authorization_request"]


async def test_of_two_documents_the_one_that_may_go_goes(database: Database, lenient: Exchange) -> None:
    """E23: a counselling note put among the papers stays; the report beside it goes."""
    one = await cases.case(database, attachments=[REPORT, NOTE])
    await lenient.send(one)
    told = await written(database, one)
    assert ("REPORT1" in told, "NOTE1" in told) == (True, False)
    assert "NOTE1" in await why(database, one, "documents_withheld")
    assert [d.content for d in await cases.disclosures(database, one)] == ["clinical_attachment"]


async def test_a_counselling_note_holds_a_request_whose_payer_takes_nothing_less(
    database: Database, house: Exchange
) -> None:
    one = await cases.case(database, attachments=[REPORT, NOTE])
    assert (await house.send(one)).status is AuthorizationStatus.WAITING_CONSENT
    assert await written(database, one) == ""


async def test_nothing_goes_without_its_documents_when_the_request_itself_may_not(
    database: Database, lenient: Exchange
) -> None:
    one = await cases.case(database, attachments=[REPORT])
    await only(database, one, ContentClass.CLAIM)
    assert (await lenient.send(one)).status is AuthorizationStatus.WAITING_CONSENT
    assert (await cases.request_of(database, one)).attachments == [REPORT], "nothing is taken out for nothing"


async def test_a_revoked_document_keeps_what_was_written_with_it(database: Database, lenient: Exchange) -> None:
    """Bytes under a control number do not change: they go whole or not at all."""
    one = await cases.case(database, attachments=[REPORT])
    await lenient.send(one)
    assert "REPORT1" in await written(database, one)
    await only(database, one, ContentClass.AUTHORIZATION_REQUEST)
    record = await lenient.due(one, NOW + timedelta(minutes=10))
    assert record.status is AuthorizationStatus.WAITING_CONSENT
    assert await cases.outcomes(database, one) == ["not_sent"]


async def information(house: Exchange, one: Case, **fields: Any) -> str | None:
    said = SubmitInformation(
        key="reviewer:lee:papers", actor="reviewer:lee", role=Role.REVIEWER, now=NOW, authorization_id=one.case_id,
        attachments=(
            Attachment(kind="09", control_number="REPORT1"),
            Attachment(kind="09", control_number="NOTE1", content=ContentClass.COUNSELLING_NOTES),
        ),
        **fields,
    )  # fmt: skip
    outcome = await DisputeActivities(house.hands, KEYRING).submit_information(said)
    return outcome.refusal.detail if outcome.refusal else None


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_counselling_note_among_documents_is_refused_by_its_class(
    database: Database, house: Exchange, by_hand: bool
) -> None:
    one = await cases.case(database, status=AuthorizationStatus.PENDED, sent_at=NOW, first_sent_at=NOW, attempts=1)
    refused = await information(house, one, by_hand=by_hand, call_reference="CALL 1")
    assert refused is not None
    assert "take it out: document NOTE1" in refused
    assert "REPORT1" not in refused
    async with database.read() as session:
        kinds = (
            await session.execute(
                text("SELECT kind FROM authorization_request WHERE authorization_id = :c"), {"c": one.case_id}
            )
        ).scalars()
        assert list(kinds) == [RequestKind.INITIAL]
    assert await cases.disclosures(database, one) == []


async def test_a_counselling_note_with_its_own_consent_goes(database: Database, house: Exchange) -> None:
    one = await cases.case(database, status=AuthorizationStatus.PENDED, sent_at=NOW, first_sent_at=NOW, attempts=1)
    async with database.write() as session:
        own = cases.consent(one.person_id, one.episode_id, NOW)
        own.form, own.status = "counselling_notes", ConsentStatus.SIGNED
        own.scope = {
            "purposes": ["payment"], "contents": ["counselling_notes"], "recipients": ["payer/meridian"],
            "recipient_classes": [],
        }  # fmt: skip
        session.add(own)
    assert await information(house, one) is None


async def registered(database: Database, one: Case, kind: DocumentType, **changes: Any) -> str:
    """A document of the registry; answers the control number it goes by."""
    made = uuid4()
    async with database.write() as session:
        row = ClinicalDocument(
            id=made, person_id=one.person_id, episode_id=one.episode_id, facility="harbor", kind=kind,
            content_class=content_class_of(kind), author="clinician:lee", service_date=NOW.date(),
            content_type="text/plain", size=1, sha256="0" * 64, sealed=b"x", source=DocumentSource.UPLOAD,
            received_at=NOW, received_by="clinician:lee", needs_cosign=False, version=1, signed_at=NOW,
            signed_by="clinician:lee",
        )  # fmt: skip
        for name, value in changes.items():
            setattr(row, name, value)
        session.add(row)
    return str(made)


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        (DocumentType.COUNSELLING_NOTE, {}, "disclosure_refused"),
        (DocumentType.PROGRESS_NOTE, {"signed_at": None, "signed_by": None}, "sign_off_missing"),
        (DocumentType.PROGRESS_NOTE, {"needs_cosign": True}, "sign_off_missing"),
        (DocumentType.PROGRESS_NOTE, {}, None),
    ],
)
async def test_a_registered_document_is_judged_by_the_registry_whatever_the_reviewer_said(
    database: Database, house: Exchange, kind: DocumentType, changes: dict[str, Any], code: str | None
) -> None:
    """Without it the database refused the row, and the case waited for ever for a fixed deploy."""
    one = await cases.case(database, status=AuthorizationStatus.PENDED, sent_at=NOW, first_sent_at=NOW, attempts=1)
    number = await registered(database, one, kind, **changes)
    said = SubmitInformation(
        key="reviewer:lee:papers", actor="reviewer:lee", role=Role.REVIEWER, now=NOW, authorization_id=one.case_id,
        attachments=(Attachment(kind="09", control_number=number),),
    )  # fmt: skip
    outcome = await DisputeActivities(house.hands, KEYRING).submit_information(said)
    assert (outcome.refusal.code if outcome.refusal else None) == code


async def test_a_document_of_another_episode_is_unknown(database: Database, house: Exchange) -> None:
    one = await cases.case(database, status=AuthorizationStatus.PENDED, sent_at=NOW, first_sent_at=NOW, attempts=1)
    number = await registered(database, await cases.case(database), DocumentType.PROGRESS_NOTE)
    said = SubmitInformation(
        key="reviewer:lee:papers", actor="reviewer:lee", role=Role.REVIEWER, now=NOW, authorization_id=one.case_id,
        attachments=(Attachment(kind="09", control_number=number),),
    )  # fmt: skip
    outcome = await DisputeActivities(house.hands, KEYRING).submit_information(said)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "not_found"
