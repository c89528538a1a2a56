"""What may be kept as a clinical document, who may open, sign, amend and void it, and which may leave with a request
(domain 3.1, 3.5; E23)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from definitions.document import DocumentEntry, DocumentStatus, DocumentType
from definitions.errors import ErrorType, Refusal
from definitions.vocabulary import ContentClass, Role

SIGN_WITHIN: Final = timedelta(hours=72)
"""How long a document may wait for its author's signature; a default of the house."""
TEXT: Final = "text/plain"
MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
TYPES: Final = frozenset({TEXT, *(kind for _, kind in MAGIC)})
"""Text, PDF and images: nothing that a reader would run."""
ALLOWED_CONTROLS: Final = frozenset("\t\n\r\f")
COSIGNERS: Final = frozenset({Role.CLINICIAN, Role.DIRECTOR})
KEPT_OPEN: Final = frozenset({DocumentStatus.UNSIGNED, DocumentStatus.COSIGN, DocumentStatus.SIGNED})


def sniffed(body: bytes) -> str | None:
    """What the bytes are by themselves; None: nothing this house keeps."""
    for mark, kind in MAGIC:
        if body.startswith(mark):
            return kind
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    controls = any((ord(c) < 32 and c not in ALLOWED_CONTROLS) or ord(c) == 127 for c in text)
    return TEXT if text.strip() and not controls else None


def content_problem(declared: str, body: bytes) -> Refusal | None:
    """Why these bytes are not kept: what they say they are and what they are must agree."""
    said = declared.split(";", 1)[0].strip().lower()
    allowed = ", ".join(sorted(TYPES))
    if said not in TYPES:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"say the Content-Type of the document: one of {allowed}")
    if not body:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the document is empty; send its bytes as the body")
    found = sniffed(body)
    if found != said:
        what = f"are {found}" if found else f"are none of {allowed}"
        return Refusal(code=ErrorType.INVALID_REQUEST, detail=f"the bytes do not match their Content-Type: they {what}")
    return None


def filing_problem(kind: DocumentType, role: Role, service_date: date, today: date) -> Refusal | None:
    """Why this person may not file it so. `today` is the facility's."""
    if kind is DocumentType.COUNSELLING_NOTE and role is not Role.CLINICIAN:
        return Refusal(
            code=ErrorType.FORBIDDEN, detail="a counselling note is filed by the clinician who wrote it and nobody else"
        )
    if service_date > today:
        return Refusal(code=ErrorType.INVALID_REQUEST, detail="the service date lies in the future; check it")
    return None


def status_of(
    *, signed: bool, needs_cosign: bool, cosigned: bool, superseded: bool, voided: bool
) -> DocumentStatus:  # fmt: skip
    if voided:
        return DocumentStatus.VOIDED
    if superseded:
        return DocumentStatus.AMENDED
    if not signed:
        return DocumentStatus.UNSIGNED
    return DocumentStatus.COSIGN if needs_cosign and not cosigned else DocumentStatus.SIGNED


def same_hand(one: str, other: str) -> bool:
    """Whether two actors (`role:name`) are one person: somebody whose role changed is still themselves."""
    return one.split(":", 1)[-1] == other.split(":", 1)[-1]


def opening_problem(entry: DocumentEntry, actor: str, role: Role) -> Refusal | None:
    """Why the body stays shut (3.5: counselling notes to anyone but their author: blocked always)."""
    if entry.content_class is ContentClass.COUNSELLING_NOTES and not same_hand(entry.author, actor):
        return Refusal(code=ErrorType.FORBIDDEN, detail="a counselling note opens for its author only (42 CFR 2.11)")
    if entry.status is DocumentStatus.VOIDED and not same_hand(entry.author, actor) and role is not Role.DIRECTOR:
        return Refusal(
            code=ErrorType.FORBIDDEN, detail="this was voided; it opens for its author and the director only"
        )
    return None


def signing_problem(entry: DocumentEntry, actor: str, role: Role) -> Refusal | None:
    """The author signs first, somebody else with the right signs beside, each once."""
    if entry.status not in (DocumentStatus.UNSIGNED, DocumentStatus.COSIGN):
        return Refusal(code=ErrorType.STALE, detail=f"it is {entry.status.value} already; look again")
    if entry.status is DocumentStatus.UNSIGNED:
        if not same_hand(entry.author, actor):
            return Refusal(code=ErrorType.FORBIDDEN, detail="its author signs it first; ask them to")
        return None
    if same_hand(entry.author, actor):
        return Refusal(code=ErrorType.FORBIDDEN, detail="its second signature is somebody else's; ask a colleague")
    if entry.content_class is ContentClass.COUNSELLING_NOTES or role not in COSIGNERS:
        return Refusal(code=ErrorType.FORBIDDEN, detail="its second signature is a clinician's or the director's")
    return None


def change_problem(entry: DocumentEntry, actor: str, role: Role, *, by_director: bool) -> Refusal | None:
    """Why somebody may not amend or void it. `by_director`: the director may too."""
    if entry.status not in KEPT_OPEN:
        return Refusal(code=ErrorType.STALE, detail=f"it is {entry.status.value} already; work on what stands instead")
    apart = entry.content_class is ContentClass.COUNSELLING_NOTES
    if same_hand(entry.author, actor) or (by_director and role is Role.DIRECTOR and not apart):
        return None
    who = "its author or the director" if by_director and not apart else "its author"
    return Refusal(code=ErrorType.FORBIDDEN, detail=f"this is for {who} to do")


def attachment_problems(
    entries: Sequence[DocumentEntry], wanted: Sequence[UUID], episode_id: UUID
) -> tuple[Refusal, ...]:
    """Why documents may not go with a request of this episode, one sentence each: a counselling note never does (E23),
    nor what is unsigned, voided, amended, erased or of somebody else. The database refuses the first by itself
    (revision of the registry)."""
    known = {entry.document_id: entry for entry in entries if entry.episode_id == episode_id}
    found = []
    for document_id in wanted:
        entry = known.get(document_id)
        if entry is None:
            found.append(
                Refusal(code=ErrorType.NOT_FOUND, detail=f"no such thing is on record: document {document_id}")
            )
        elif entry.content_class is ContentClass.COUNSELLING_NOTES:
            found.append(
                Refusal(
                    code=ErrorType.DISCLOSURE_REFUSED,
                    detail=f"document {document_id} is a counselling note; it never goes with a request (E23)",
                )
            )
        elif entry.status is not DocumentStatus.SIGNED or not entry.opens:
            why = entry.status.value if entry.opens else "erased"
            found.append(
                Refusal(code=ErrorType.SIGN_OFF_MISSING, detail=f"document {document_id} is {why}; only signed ones go")
            )
    return tuple(found)
