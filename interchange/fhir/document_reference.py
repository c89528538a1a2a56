"""A FHIR R4 DocumentReference that somebody sends: one document with its bytes inside, checked against what is said of them.

Problems are values with their path, all that were found at once, never with what was sent."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from definitions.document import DOCUMENT_BYTES, LOINC, LOINC_CODES, ArrivedDocument, DocumentType
from definitions.referral import ImportProblem
from interchange.fhir.bundle import parse, understood
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.systems import DOCUMENT_SYSTEM, USER_SYSTEM

RESOURCE_BYTES: Final = DOCUMENT_BYTES * 4 // 3 + 200_000
"""A document of the largest size in base64, and what is said of it."""
TOO_BIG: Final = ImportProblem(
    path="$", code="too_large", detail=f"the document is larger than {DOCUMENT_BYTES} bytes; send a smaller one"
)
NOT_ONE: Final = ImportProblem(path="$", code="not_a_document", detail="send one FHIR R4 DocumentReference as JSON")
BY_LOINC: Final = {code: kind for kind, code in LOINC_CODES.items()}
NOTES_APART: Final = frozenset({"PSY", "PSYTHPN"})
"""Security labels of HL7 ActCode that set notes apart from the chart."""


def read_document_reference(data: Any) -> ArrivedDocument | tuple[ImportProblem, ...]:
    """The document, or everything that is wrong with it. `data` is JSON (bytes or text) or what it parses to."""
    parsed = parse(data, RESOURCE_BYTES, TOO_BIG)
    if isinstance(parsed, ImportProblem):
        return (parsed,)
    if not isinstance(parsed, Mapping) or parsed.get("resourceType") != "DocumentReference":
        return (NOT_ONE,)
    report = Report()
    root = Element(parsed, "DocumentReference", report)
    understood(root)
    _stands(root)
    person = _reference(root.element("subject"), "Patient", root, "subject")
    context = root.element("context")
    kind = _kind(root)
    date = _service_date(root, context)
    content_type, body = _attachment(root)
    episode, stay = _about(context)
    author = _author(root)
    if report.problems or person is None or kind is None or date is None or content_type is None or body is None:
        return tuple(report.problems)
    return ArrivedDocument(
        person=person, episode=episode, stay=stay, kind=kind, service_date=date, author=author,
        content_type=content_type, body=body,
    )  # fmt: skip


def _stands(root: Element) -> None:
    if root.text("status") != "current":
        root.refuse("status", "not_current", "only a document that stands is taken; void or amend ours instead")
    if root.text("docStatus") == "entered-in-error":
        root.refuse("docStatus", "not_current", "its sender says that it was entered in error")
    if root.fields.get("relatesTo"):
        root.refuse("relatesTo", "relation_unknown", "a new version is sent to the document that it amends")


def _reference(holder: Element | None, kind: str, root: Element, name: str) -> str | None:
    """The id of `Kind/id`."""
    said = holder.text("reference", ADDRESS_MAX) if holder is not None else None
    found = said.removeprefix(f"{kind}/") if said is not None and said.startswith(f"{kind}/") else None
    if not found:
        root.refuse(name, "no_reference", f"say whose it is as {kind}/id, by our own id")
        return None
    return found


def _kind(root: Element) -> DocumentType | None:
    """By our own code or by LOINC; a kind nobody here knows is refused: it may be one that is kept apart."""
    ours = {kind.value for kind in DocumentType}
    found: set[DocumentType] = set()
    for coding in root.codings("type"):
        system, code = coding.text("system", ADDRESS_MAX), coding.text("code") or ""
        if system == DOCUMENT_SYSTEM and code in ours:
            found.add(DocumentType(code))
        elif system == LOINC and code in BY_LOINC:
            found.add(BY_LOINC[code])
    if len(found) != 1:
        wanted = ", ".join(sorted(ours))
        root.refuse(
            "type", "unknown_document_type", f"give one type we know, by LOINC or by {DOCUMENT_SYSTEM}: {wanted}"
        )
        return None
    kind = found.pop()
    labels = {c.text("code") for label in root.elements("securityLabel") for c in label.elements("coding")}
    if labels & NOTES_APART and kind is not DocumentType.COUNSELLING_NOTE:
        root.refuse(
            "securityLabel", "kept_apart", "its label keeps it apart from the chart, its type does not; mend one"
        )
        return None
    return kind


def _service_date(root: Element, context: Element | None) -> Any:
    period = context.element("period") if context is not None else None
    found = period.day("start", "bad_document_date") if period is not None else None
    found = found or root.day("date", "bad_document_date")
    if found is None and not root.report.problems:
        root.refuse("date", "bad_document_date", "say the date of service in context.period.start, or the date")
    return found


def _about(context: Element | None) -> tuple[str | None, str | None]:
    episode, stay = None, None
    for encounter in context.elements("encounter") if context is not None else []:
        said = encounter.text("reference", ADDRESS_MAX) or ""
        if said.startswith("EpisodeOfCare/"):
            episode = said.removeprefix("EpisodeOfCare/")
        elif said.startswith("Encounter/"):
            stay = said.removeprefix("Encounter/")
        else:
            encounter.refuse("reference", "no_reference", "point to EpisodeOfCare/id or Encounter/id, by our own ids")
    return episode, stay


def _author(root: Element) -> str | None:
    authors = root.elements("author")
    if not authors:
        return None
    identifier = authors[0].element("identifier") if len(authors) == 1 else None
    name = identifier.text("value") if identifier and identifier.text("system", ADDRESS_MAX) == USER_SYSTEM else None
    if name is None:
        root.refuse("author", "unknown_author", f"name one author by an identifier of {USER_SYSTEM}, or leave it out")
    return name


def _attachment(root: Element) -> tuple[str | None, bytes | None]:
    contents = root.elements("content")
    attachment = contents[0].element("attachment") if len(contents) == 1 else None
    if attachment is None:
        root.refuse("content", "one_attachment", "send exactly one attachment a document")
        return None, None
    content_type = attachment.text("contentType")
    if content_type is None:
        attachment.refuse("contentType", "no_content_type", "say what kind of file it is")
    body = _body(root, attachment)
    if body is not None:
        _as_said(attachment, body)
    return content_type, body


def _body(root: Element, attachment: Element) -> bytes | None:
    """From `data`, or from a contained Binary that `url` names; nothing is fetched from anywhere."""
    holder, name = attachment, "data"
    url = attachment.text("url", ADDRESS_MAX)
    if url is not None:
        named = url.removeprefix("#") if url.startswith("#") else None
        held = [c for c in root.elements("contained") if c.text("resourceType") == "Binary" and c.text("id") == named]
        if named is None or len(held) != 1 or attachment.fields.get("data") is not None:
            attachment.refuse("url", "not_contained", "send the bytes as data, or as one contained Binary")
            return None
        holder = held[0]
    data = holder.fields.get(name)
    if not isinstance(data, str):
        holder.refuse(name, "no_data", "send the bytes in base64")
        return None
    try:
        body = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        holder.refuse(name, "bad_base64", "the bytes are not base64; encode them again")
        return None
    if len(body) > DOCUMENT_BYTES:
        holder.refuse(name, "too_large", f"send at most {DOCUMENT_BYTES} bytes a document")
        return None
    return body


def _as_said(attachment: Element, body: bytes) -> None:
    """Attachment.hash is a SHA-1 in R4: good for a slip of the wire; what proves the bytes is our own SHA-256."""
    size = attachment.fields.get("size")
    if size is not None and (isinstance(size, bool) or size != len(body)):
        attachment.refuse("size", "wrong_size", "the bytes are more or fewer than was said")
    said = attachment.text("hash")
    if said is not None and said != base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode():
        attachment.refuse("hash", "wrong_hash", "the bytes do not have the hash that was said; they changed on the way")
