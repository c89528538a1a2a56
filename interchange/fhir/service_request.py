"""The ServiceRequest of a referral bundle: which level, at which facility."""

import re
from typing import Final

from interchange.fhir.bundle import Bundle, Entry
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.systems import FACILITY_SYSTEM, LEVEL_SYSTEM

KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
"""Levels and facilities are keys of the edition; nothing else may come through these fields."""
NOT_ASKED: Final = frozenset({"revoked", "completed", "entered-in-error"})


def live_requests(bundle: Bundle) -> list[Entry]:
    return [entry for entry in bundle.of("ServiceRequest") if _asks(bundle, entry.resource)]


def read_level(asked: list[Entry], report: Report, default: str | None) -> str | None:
    found = {
        coding.text("code")
        for entry in asked
        for coding in entry.resource.codings("code")
        if coding.text("system", ADDRESS_MAX) == LEVEL_SYSTEM
    }
    return _one(found, default, report, "ServiceRequest.code", "level", f"with a coding of system {LEVEL_SYSTEM}")


def read_facility(bundle: Bundle, asked: list[Entry], report: Report, default: str | None) -> str | None:
    found = {value for entry in asked for value in _facilities(bundle, entry.resource)}
    where = f"by an identifier of {FACILITY_SYSTEM}"
    return _one(found, default, report, "ServiceRequest.performer", "facility", where)


def _asks(bundle: Bundle, request: Element) -> bool:
    if request.text("status") in NOT_ASKED or request.flag("doNotPerform"):
        request.note("status", "request_left_out", "this asks for nothing any more")
        return False
    return bundle.about_the_patient(request, "subject")


def _facilities(bundle: Bundle, request: Element) -> list[str | None]:
    found: list[str | None] = []
    for performer in request.elements("performer"):
        own = performer.element("identifier")
        reference = performer.text("reference", ADDRESS_MAX)
        target = bundle.find(reference, request) if reference else None
        identifiers = ([own] if own else []) + (target.resource.elements("identifier") if target else [])
        found += [i.text("value") for i in identifiers if i.text("system", ADDRESS_MAX) == FACILITY_SYSTEM]
    return found


def _one(found: set[str | None], default: str | None, report: Report, path: str, noun: str, how: str) -> str | None:
    keys = {value for value in found if value}
    if len(keys) > 1:
        report.refuse(path, f"several_{noun}s", f"the requests name more than one {noun}; send one")
        return None
    key = next(iter(keys), default)
    if key is None:
        report.refuse(path, f"no_{noun}", f"say the {noun} {how}")
    elif KEY.fullmatch(key) is None:
        report.refuse(path, f"bad_{noun}", f"a {noun} is written as its key")
        return None
    return key
