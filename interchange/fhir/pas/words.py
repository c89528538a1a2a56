"""Writing FHIR by a guide: concepts, extensions, identifiers, references."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from definitions.ids import derived
from definitions.pas_guide import PasGuide
from definitions.review_parts import DateSpan
from interchange.problem import InterchangeProblem

Json = dict[str, Any]
DOT: Final = 3
"""ICD-10-CM codes have a dot after so many characters in FHIR and none in X12."""


class PasProblem(InterchangeProblem):
    """What PAS cannot say or we cannot read. Names the place, never the value."""


@dataclass(frozen=True, slots=True)
class Words:
    """How things are called by this guide."""

    guide: PasGuide

    def code(self, table: str, key: str) -> str:
        found = self.guide.codes[table].get(key)
        if found is None:
            raise PasProblem(f"the guide has no {table.replace('_', ' ')} for this code; mend the definition")
        return found

    def concept(self, system: str, code: str) -> Json:
        return {"coding": [{"system": self.guide.systems[system], "code": code}]}

    def extension(self, name: str, kind: str, value: Any) -> Json:
        return {"url": self.guide.extensions[name], f"value{kind}": value}

    def coded(self, name: str, system: str, code: str) -> Json:
        return self.extension(name, "CodeableConcept", self.concept(system, code))

    def identifier(self, system: str, value: str) -> Json:
        return {"system": self.guide.systems[system], "value": value}

    def trace(self, originator: str, value: str) -> Json:
        """TRN02 with TRN03 (PASIdentifier)."""
        return {"system": f"{self.guide.systems['trace_prefix']}{originator}", "value": value}

    def profile(self, name: str) -> Json:
        return {"profile": [self.guide.profiles[name]]}


def part(url: str, kind: str, value: Any) -> Json:
    """An extension inside another: its address is a word."""
    return {"url": url, f"value{kind}": value}


def present(**fields: Any) -> Json:
    """Without what says nothing: FHIR knows no empty list, text or object. Names of Python's own take a `_` behind."""
    return {name.rstrip("_"): value for name, value in fields.items() if value not in (None, "", [], {})}


def full_url(*key: str) -> str:
    """The same thing in two bundles has the same address; two things never have."""
    return f"urn:uuid:{derived('pas', *key)}"


def reference(url: str) -> Json:
    return {"reference": url}


def period(dates: DateSpan | None) -> Json | None:
    return None if dates is None else {"start": dates.first.isoformat(), "end": dates.last.isoformat()}


def day(value: date | None) -> str | None:
    return value.isoformat() if value is not None else None


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def dotted(code: str) -> str:
    return f"{code[:DOT]}.{code[DOT:]}" if len(code) > DOT and "." not in code else code


def document(value: Mapping[str, Any]) -> str:
    """One text for one value: the same value always has the same bytes, in letters every reader takes."""
    return json.dumps(value, separators=(",", ":"))
