"""What is kept, who opens and signs it, and what never leaves (domain 3.1, 3.5; E23)."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from definitions.document import DocumentEntry, DocumentSource, DocumentStatus, DocumentType, content_class_of
from definitions.errors import ErrorType
from definitions.vocabulary import ContentClass, Role
from rules.documents import (
    attachment_problems,
    change_problem,
    content_problem,
    filing_problem,
    opening_problem,
    signing_problem,
    sniffed,
    status_of,
)

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINE, OTHER = "clinician:mine", "clinician:other"


def entry(kind: DocumentType = DocumentType.PROGRESS_NOTE, **changes: Any) -> DocumentEntry:
    said: dict[str, Any] = {
        "document_id": UUID(int=1), "episode_id": UUID(int=2), "kind": kind, "content_class": content_class_of(kind),
        "status": DocumentStatus.UNSIGNED, "author": MINE, "service_date": date(2026, 3, 1), "stay_id": None,
        "session_id": None, "authorization_id": None, "content_type": "text/plain", "size": 1, "sha256": "0" * 64,
        "source": DocumentSource.UPLOAD, "received_at": AT, "received_by": MINE, "needs_cosign": False,
        "signed_at": None, "signed_by": None, "cosigned_at": None, "cosigned_by": None, "version": 1,
        "supersedes": None, "superseded_by": None, "voided_at": None, "voided_by": None, "void_reason": None,
        "opens": True,
    }  # fmt: skip
    return DocumentEntry(**said | changes)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.7\n...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"II*\x00....", "image/tiff"),
        (b"MM\x00*....", "image/tiff"),
        ("Zoë came back.\n".encode(), "text/plain"),
        (b"\xef\xbb\xbfwith a mark", "text/plain"),
        (b"PK\x03\x04 a zip", None),
        (b"MZ\x90\x00 a program", None),
        (b"   \n\t ", None),
        (b"text with \x00", None),
        (b"text with \x1b[31m", None),
        (b"\xff\xfe\x00", None),
        (b"", None),
    ],
)
def test_bytes_are_what_they_are(body: bytes, kind: str | None) -> None:
    assert sniffed(body) == kind


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("application/pdf", b"plain words"),
        ("text/plain", b"%PDF-1.7"),
        ("image/png", b"\xff\xd8\xff"),
        ("text/html", b"<p>words</p>"),
        ("application/octet-stream", b"%PDF-1.7"),
        ("", b"words"),
        ("text/plain", b""),
    ],
)
def test_what_is_said_and_what_is_there_must_agree(declared: str, body: bytes) -> None:
    refusal = content_problem(declared, body)
    assert refusal is not None
    assert refusal.code is ErrorType.INVALID_REQUEST


def test_parameters_of_a_type_do_not_matter() -> None:
    assert content_problem("Text/Plain; charset=utf-8", b"words") is None


def test_the_class_follows_from_the_type_alone() -> None:
    apart = [kind for kind in DocumentType if content_class_of(kind) is ContentClass.COUNSELLING_NOTES]
    assert apart == [DocumentType.COUNSELLING_NOTE]


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.CLINICIAN])
def test_a_counselling_note_is_its_clinicians(role: Role) -> None:
    refusal = filing_problem(DocumentType.COUNSELLING_NOTE, role, AT.date(), AT.date())
    assert refusal is not None
    assert refusal.code is ErrorType.FORBIDDEN
    assert filing_problem(DocumentType.PROGRESS_NOTE, role, AT.date(), AT.date()) is None


def test_a_service_of_tomorrow_is_not_documented_today() -> None:
    assert filing_problem(DocumentType.PROGRESS_NOTE, Role.CLINICIAN, date(2026, 3, 3), date(2026, 3, 2)) is not None


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("actor", [MINE, OTHER])
def test_a_counselling_note_opens_for_its_author_only(role: Role, actor: str) -> None:
    note = entry(DocumentType.COUNSELLING_NOTE)
    assert (opening_problem(note, actor, role) is None) == (actor == MINE)
    assert opening_problem(entry(), actor, role) is None


@pytest.mark.parametrize(
    ("signed", "needs", "second", "later", "void", "status"),
    [
        (False, False, False, False, False, DocumentStatus.UNSIGNED),
        (True, False, False, False, False, DocumentStatus.SIGNED),
        (True, True, False, False, False, DocumentStatus.COSIGN),
        (True, True, True, False, False, DocumentStatus.SIGNED),
        (True, False, False, True, False, DocumentStatus.AMENDED),
        (True, False, False, True, True, DocumentStatus.VOIDED),
    ],
)
def test_status(signed: bool, needs: bool, second: bool, later: bool, void: bool, status: DocumentStatus) -> None:
    assert status_of(signed=signed, needs_cosign=needs, cosigned=second, superseded=later, voided=void) is status


@pytest.mark.parametrize(
    ("status", "actor", "role", "code"),
    [
        (DocumentStatus.UNSIGNED, MINE, Role.CLINICIAN, None),
        (DocumentStatus.UNSIGNED, OTHER, Role.DIRECTOR, ErrorType.FORBIDDEN),
        (DocumentStatus.COSIGN, MINE, Role.CLINICIAN, ErrorType.FORBIDDEN),
        (DocumentStatus.COSIGN, "director:mine", Role.DIRECTOR, ErrorType.FORBIDDEN),
        (DocumentStatus.UNSIGNED, "director:mine", Role.DIRECTOR, None),
        (DocumentStatus.COSIGN, OTHER, Role.BILLER, ErrorType.FORBIDDEN),
        (DocumentStatus.COSIGN, OTHER, Role.CLINICIAN, None),
        (DocumentStatus.COSIGN, "director:d", Role.DIRECTOR, None),
        (DocumentStatus.SIGNED, MINE, Role.CLINICIAN, ErrorType.STALE),
        (DocumentStatus.AMENDED, MINE, Role.CLINICIAN, ErrorType.STALE),
        (DocumentStatus.VOIDED, MINE, Role.CLINICIAN, ErrorType.STALE),
    ],
)
def test_the_author_signs_first_and_somebody_else_beside(
    status: DocumentStatus, actor: str, role: Role, code: ErrorType | None
) -> None:
    refusal = signing_problem(entry(status=status), actor, role)
    assert (refusal.code if refusal else None) is code


def test_only_the_author_amends_and_the_director_may_void() -> None:
    signed = entry(status=DocumentStatus.SIGNED)
    note = entry(DocumentType.COUNSELLING_NOTE)
    assert change_problem(signed, MINE, Role.CLINICIAN, by_director=False) is None
    assert change_problem(signed, "director:d", Role.DIRECTOR, by_director=False) is not None
    assert change_problem(signed, "director:d", Role.DIRECTOR, by_director=True) is None
    assert change_problem(note, "director:d", Role.DIRECTOR, by_director=True) is not None
    assert change_problem(entry(status=DocumentStatus.AMENDED), MINE, Role.CLINICIAN, by_director=True) is not None


def test_what_may_go_with_a_request() -> None:
    episode = UUID(int=2)
    good = entry(status=DocumentStatus.SIGNED)
    cases = {
        UUID(int=3): (entry(DocumentType.COUNSELLING_NOTE, status=DocumentStatus.SIGNED), ErrorType.DISCLOSURE_REFUSED),
        UUID(int=4): (entry(), ErrorType.SIGN_OFF_MISSING),
        UUID(int=5): (entry(status=DocumentStatus.SIGNED, opens=False), ErrorType.SIGN_OFF_MISSING),
        UUID(int=6): (entry(status=DocumentStatus.SIGNED, episode_id=UUID(int=9)), ErrorType.NOT_FOUND),
    }
    entries = [good, *(e.model_copy(update={"document_id": i}) for i, (e, _) in cases.items())]
    assert attachment_problems(entries, [good.document_id], episode) == ()
    refused = attachment_problems(entries, [*cases, UUID(int=7)], episode)
    assert [r.code for r in refused] == [*(code for _, code in cases.values()), ErrorType.NOT_FOUND]
    assert {"document " + str(UUID(int=i)) in " ".join(r.detail for r in refused) for i in (3, 4, 5, 6, 7)} == {True}
