"""An object inside a bundle, read field by field: what is wrong is reported with its path, never its value."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from definitions.referral import ImportNote, ImportProblem

TEXT_MAX: Final = 120
"""Characters of one name or address part, as the API's own form allows."""
ADDRESS_MAX: Final = 2000
"""Characters of a reference, or of the name of a system."""
LISTED_MAX: Final = 50
"""Problems and notes that are told; the rest comes after the first are mended."""
UNWANTED: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of text, so that a page shows another name than the record holds."""
PARTIAL_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T\S+)?)?)?", re.ASCII)
"""FHIR date and dateTime: a year, a month, a day or a moment."""


class Report:
    """What is said about a bundle while it is read."""

    def __init__(self) -> None:
        self.problems: list[ImportProblem] = []
        self.notes: list[ImportNote] = []

    def refuse(self, path: str, code: str, detail: str) -> None:
        problem = ImportProblem(path=path, code=code, detail=detail)
        if len(self.problems) < LISTED_MAX and problem not in self.problems:
            self.problems.append(problem)

    def refused(self, path: str) -> bool:
        """Whether something at `path` or inside it was refused already."""
        return any(problem.path.startswith(path) for problem in self.problems)

    def note(self, path: str, code: str, detail: str) -> None:
        note = ImportNote(path=path, code=code, detail=detail)
        if len(self.notes) < LISTED_MAX and note not in self.notes:
            self.notes.append(note)


@dataclass(frozen=True, slots=True)
class Element:
    """`path` leads here from the bundle. Fields nobody asks for are never looked at."""

    fields: Mapping[str, Any] = field(repr=False)
    path: str
    report: Report = field(repr=False)

    def at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def refused(self, name: str) -> bool:
        return self.report.refused(self.at(name))

    def refuse(self, name: str, code: str, detail: str) -> None:
        self.report.refuse(self.at(name), code, detail)

    def note(self, name: str, code: str, detail: str) -> None:
        self.report.note(self.at(name), code, detail)

    def element(self, name: str) -> "Element | None":
        value = self.fields.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.refuse(name, "wrong_type", "an object is wanted here")
            return None
        return Element(value, self.at(name), self.report)

    def elements(self, name: str) -> "list[Element]":
        found = []
        for index, value in enumerate(self._list(name)):
            path = f"{self.at(name)}[{index}]"
            if isinstance(value, Mapping):
                found.append(Element(value, path, self.report))
            else:
                self.report.refuse(path, "wrong_type", "an object is wanted here")
        return found

    def text(self, name: str, longest: int = TEXT_MAX) -> str | None:
        value = self.fields.get(name)
        return None if value is None else self._text(value, self.at(name), longest)

    def texts(self, name: str, longest: int = TEXT_MAX) -> tuple[str, ...]:
        read = (self._text(v, f"{self.at(name)}[{i}]", longest) for i, v in enumerate(self._list(name)))
        return tuple(text for text in read if text)

    def flag(self, name: str) -> bool | None:
        value = self.fields.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.refuse(name, "wrong_type", "true or false is wanted here")
        return None

    def day(self, name: str, code: str, *, last: bool = False) -> date | None:
        """The day a date or dateTime names, as the sender wrote it; of a year or month the first day, or the last."""
        text = self.text(name)
        if text is None:
            return None
        found = _day(text, last=last)
        if found is None:
            self.refuse(name, code, "write the date as YYYY-MM-DD")
        return found

    def codings(self, name: str) -> "list[Element]":
        """The codings of a CodeableConcept."""
        concept = self.element(name)
        return concept.elements("coding") if concept else []

    def coded(self, name: str) -> str | None:
        """The first code of a CodeableConcept, whatever its system: for statuses, whose codes are fixed by FHIR."""
        return next((c for c in (coding.text("code") for coding in self.codings(name)) if c), None)

    def _list(self, name: str) -> list[Any]:
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.refuse(name, "wrong_type", "a list is wanted here")
            return []
        return value

    def _text(self, value: Any, path: str, longest: int) -> str | None:
        """Blanks collapse, letters compose (NFC): the same name typed elsewhere finds the same person."""
        if not isinstance(value, str):
            self.report.refuse(path, "wrong_type", "text is wanted here")
            return None
        if len(value) > longest * 2:
            self.report.refuse(path, "text_too_long", f"write at most {longest} characters")
            return None
        text = unicodedata.normalize("NFC", " ".join(value.split()))
        if len(text) > longest:
            self.report.refuse(path, "text_too_long", f"write at most {longest} characters")
            return None
        if any(c in TURNING or unicodedata.category(c) in UNWANTED for c in text):
            self.report.refuse(path, "bad_characters", "the text holds control characters; type it again")
            return None
        return text or None


def _day(text: str, *, last: bool) -> date | None:
    found = PARTIAL_DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        if day is not None:
            return date(year or 0, month or 0, day)
        first = date(year or 0, month or 1, 1)
        if not last:
            return first
        later = date(first.year + 1, 1, 1) if month in (None, 12) else date(first.year, first.month + 1, 1)
        return later - timedelta(days=1)
    except ValueError:
        return None
