"""A document as the API shows it: everything the registry knows, and never a byte of it."""

from typing import Any

from definitions.document import DocumentEntry
from rules.documents import status_of
from storage.reads.documents import Registered


def entry_of(found: Registered) -> DocumentEntry:
    row = found.row
    status = status_of(
        signed=row.signed_at is not None, needs_cosign=row.needs_cosign, cosigned=row.cosigned_at is not None,
        superseded=found.superseded_by is not None, voided=row.voided_at is not None,
    )  # fmt: skip
    return DocumentEntry(
        document_id=row.id, episode_id=row.episode_id, kind=row.kind, content_class=row.content_class, status=status,
        author=row.author, service_date=row.service_date, stay_id=row.stay_id, session_id=row.session_id,
        authorization_id=row.authorization_id, content_type=row.content_type, size=row.size, sha256=row.sha256,
        source=row.source, received_at=row.received_at, received_by=row.received_by, needs_cosign=row.needs_cosign,
        signed_at=row.signed_at, signed_by=row.signed_by, cosigned_at=row.cosigned_at, cosigned_by=row.cosigned_by,
        version=row.version, supersedes=row.supersedes, superseded_by=found.superseded_by, voided_at=row.voided_at,
        voided_by=row.voided_by, void_reason=row.void_reason, opens=found.opens,
    )  # fmt: skip


def document_shown(entry: DocumentEntry) -> dict[str, Any]:
    return entry.model_dump(mode="json")
