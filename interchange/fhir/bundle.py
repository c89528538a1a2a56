"""The bundle itself: its entries, and what their references point to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from definitions.referral import ImportProblem
from interchange.fhir.element import ADDRESS_MAX, Element, Report

ENTRIES_MAX: Final = 500
BYTES_MAX: Final = 1_000_000
TYPES: Final = frozenset({"collection", "transaction", "batch", "message", "document"})
READ: Final = frozenset({"Patient", "Coverage", "Condition", "ServiceRequest", "Consent", "Organization"})
NOT_JSON: Final = ImportProblem(path="$", code="not_json", detail="this is not JSON; export the bundle again")
TOO_DEEP: Final = ImportProblem(path="$", code="too_deep", detail="the JSON is nested too deeply to be a bundle")
TOO_BIG: Final = ImportProblem(
    path="$", code="too_large", detail="the bundle is larger than one megabyte; send one patient per bundle"
)
NOT_A_BUNDLE: Final = ImportProblem(path="$", code="not_a_bundle", detail="send one FHIR R4 Bundle as JSON")


class _KeyTwice(ValueError):
    """A JSON object names a field twice; which one counts, nobody can say."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of the bundle; `full_url` is what references call it."""

    kind: str
    resource: Element
    full_url: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    entries: tuple[Entry, ...] = field(repr=False)
    root: Element = field(repr=False)

    def of(self, kind: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == kind]

    def find(self, reference: str, holder: Element) -> Entry | None:
        """What a reference in the resource `holder` names: contained (`#id`), by full address, by `urn:uuid:` or
        as `Type/id` within this bundle."""
        if reference.startswith("#"):
            return _contained(holder, reference.removeprefix("#"))
        wanted = reference.split("/_history/", 1)[0]
        for entry in self.entries:
            if entry.full_url == wanted:
                return entry
        name = wanted.removeprefix("urn:uuid:")
        for entry in self.entries:
            if entry.id is not None and name in (entry.id, f"{entry.kind}/{entry.id}"):
                return entry
        return None

    def about_the_patient(self, resource: Element, name: str) -> bool:
        """False, and refused, when the reference `name` leads to anything but the bundle's one patient. A
        reference that is left out, or that has no address, is taken to mean the patient."""
        said = resource.element(name)
        reference = said.text("reference", ADDRESS_MAX) if said else None
        patients = self.of("Patient")
        if reference is None or len(patients) != 1:
            return True
        found = self.find(reference, resource)
        if found is None:
            resource.refuse(name, "reference_unresolved", "this points to nothing in the bundle; send what it names")
        elif found is not patients[0]:
            resource.refuse(name, "another_patient", "this is not about the bundle's patient; send one person's papers")
        return found is patients[0]


def parse(data: Any, most: int = BYTES_MAX, too_big: ImportProblem = TOO_BIG) -> Any:
    """JSON text as values, or the problem; what is already parsed goes through."""
    if not isinstance(data, bytes | bytearray | str):
        return data
    if len(data) > most:
        return too_big
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_no_number)
    except _KeyTwice:
        return ImportProblem(path="$", code="key_repeated", detail="an object names a field twice; send it once")
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return NOT_JSON


def open_bundle(data: Any, report: Report) -> Bundle | None:
    """The entries, or None with the reason in `report`."""
    parsed = parse(data)
    if isinstance(parsed, ImportProblem):
        report.problems.append(parsed)
        return None
    if not isinstance(parsed, Mapping) or parsed.get("resourceType") != "Bundle":
        report.problems.append(NOT_A_BUNDLE)
        return None
    root = Element(parsed, "Bundle", report)
    understood(root)
    if root.text("type") not in TYPES:
        root.refuse("type", "bundle_type", f"send a bundle of type {', '.join(sorted(TYPES))}")
    raw = parsed.get("entry")
    if not isinstance(raw, list) or not raw:
        root.refuse("entry", "empty_bundle", "the bundle has no entries")
    elif len(raw) > ENTRIES_MAX:
        root.refuse("entry", "too_large", f"send at most {ENTRIES_MAX} entries")
    else:
        return Bundle(_entries(root), root)
    return None


def _entries(root: Element) -> tuple[Entry, ...]:
    found: list[Entry] = []
    seen: set[str] = set()
    for holder in root.elements("entry"):
        held = holder.fields.get("resource")
        kind = held.get("resourceType") if isinstance(held, Mapping) else None
        if not isinstance(held, Mapping) or not isinstance(kind, str):
            holder.refuse("resource", "no_resource", "every entry holds a resource with its resourceType")
            continue
        resource = Element(held, holder.path, root.report)
        if kind not in READ:
            root.report.note(holder.path, "resource_ignored", "a referral does not read this kind of resource")
            continue
        understood(resource)
        full_url, name = holder.text("fullUrl", ADDRESS_MAX), resource.text("id", 64)
        for key in {full_url, f"{kind}/{name}" if name else None} - {None}:
            if key in seen:
                root.report.refuse(holder.path, "entry_repeated", "two entries have the same id; send each once")
            seen.add(str(key))
        found.append(Entry(kind, resource, full_url, name))
    return tuple(found)


def _contained(holder: Element, name: str) -> Entry | None:
    for held in holder.elements("contained"):
        kind = held.fields.get("resourceType")
        if isinstance(kind, str) and held.fields.get("id") == name:
            return Entry(kind, held, None, name)
    return None


def understood(element: Element) -> None:
    """FHIR R4 2.4.1: what carries a modifier nobody here knows must not be used."""
    for name in ("modifierExtension", "implicitRules"):
        if element.fields.get(name):
            element.refuse(name, "modifier_unknown", "this changes the meaning of the resource; send it without")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _KeyTwice
    return made


def _no_number(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")
