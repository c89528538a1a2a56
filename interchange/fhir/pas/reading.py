"""Reading FHIR and knowing what was not read: every value that nobody asked for is named by its path, never by itself."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from definitions.pas_guide import PasGuide
from definitions.review_parts import DateSpan
from interchange.fhir.pas.words import PasProblem

ROOT: Final = re.compile(r"[A-Z][A-Za-z]{0,40}", re.ASCII)
NAME: Final = re.compile(r"[a-z_][A-Za-z0-9]{0,63}(\[[A-Za-z0-9\-]{1,80}\])*", re.ASCII)
ADDRESS: Final = re.compile(r"[a-z]+:[A-Za-z0-9./:_\-]{1,200}/[A-Za-z][A-Za-z0-9\-]{0,79}", re.ASCII)
MODIFIES: Final = "modifierExtension"
DEEPEST: Final = 40
TEXT_MAX: Final = 2_000
UNREAD_MAX: Final = 50


def loaded(text: str) -> dict[str, Any]:
    """One JSON object; a name twice in one object is refused, for which of the two counts nobody can say."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise PasProblem("this is not one JSON document") from None
    if not isinstance(found, dict) or _depth(found) > DEEPEST:
        raise PasProblem("this is no FHIR resource")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name twice")
    return made


def _depth(value: Any) -> int:
    deepest, line = 0, [(value, 1)]
    while line:
        one, depth = line.pop()
        deepest = max(deepest, depth)
        if depth > DEEPEST:
            break
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        line += [(v, depth + 1) for v in inside]
    return deepest


def modified(value: Any) -> bool:
    """Whether anything in it carries a modifier extension: its meaning may be another one then, and FHIR forbids to read on."""
    if isinstance(value, dict):
        return MODIFIES in value or any(modified(inside) for inside in value.values())
    return isinstance(value, list) and any(modified(inside) for inside in value)


class Node:
    """One object of a document. Wrong types are problems with their path; what is absent is None."""

    def __init__(self, value: Mapping[str, Any], path: str, guide: PasGuide, seen: set[str]) -> None:
        self._value = value
        self.path = path
        self.guide = guide
        self._seen = seen

    @classmethod
    def root(cls, value: Mapping[str, Any], guide: PasGuide) -> "Node":
        return cls(value, str(value.get("resourceType", "?"))[:40], guide, set())

    @property
    def value(self) -> Mapping[str, Any]:
        """As it stands, unread."""
        return self._value

    def known(self, *names: str) -> None:
        """These say nothing this house needs."""
        for name in names:
            self._seen.add(f"{self.path}.{name}")

    def _typed(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """What holds others is not read by being opened; a value is."""
        value = self._value.get(name)
        if not isinstance(value, dict | list):
            self._seen.add(f"{self.path}.{name}")
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise PasProblem(f"{_safe(self.path)}.{name} is of the wrong type")
        return value

    def text(self, name: str) -> str | None:
        value: str | None = self._typed(name, str)
        if value is not None and len(value) > TEXT_MAX:
            raise PasProblem(f"{_safe(self.path)}.{name} is too long")
        return value.replace("\x00", "").strip() or None if value is not None else None

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise PasProblem(f"{_safe(self.path)}.{name} is missing")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number; FHIR writes decimals, and half a day nobody grants."""
        value = self._typed(name, (int, float))
        if value is not None and int(value) != value:
            raise PasProblem(f"{_safe(self.path)}.{name} is no whole number")
        return None if value is None else int(value)

    def flag(self, name: str) -> bool | None:
        value: bool | None = self._typed(name, bool)
        return value

    def day(self, name: str) -> date | None:
        text = self.text(name)
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            raise PasProblem(f"{_safe(self.path)}.{name} is no whole date") from None

    def moment(self, name: str) -> datetime | None:
        """None also for a dateTime that names only a day: a day is no moment."""
        text = self.text(name)
        if text is None or "T" not in text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise PasProblem(f"{_safe(self.path)}.{name} is no moment") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def span(self, name: str) -> DateSpan | None:
        node = self.node(name)
        first = node.day("start") if node else None
        last = node.day("end") if node else None
        if first is None and last is None:
            return None
        return DateSpan(first=first or last or date.min, last=last or first or date.min)

    def node(self, name: str) -> "Node | None":
        value = self._typed(name, dict)
        return Node(value, f"{self.path}.{name}", self.guide, self._seen) if value is not None else None

    def nodes(self, name: str) -> "list[Node]":
        value = self._typed(name, list) or []
        if any(not isinstance(one, dict) for one in value):
            raise PasProblem(f"{_safe(self.path)}.{name} must hold objects")
        return [Node(one, f"{self.path}.{name}[{i}]", self.guide, self._seen) for i, one in enumerate(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._typed(name, list) or []
        self.known(name)
        if any(not isinstance(one, str) or len(one) > TEXT_MAX for one in value):
            raise PasProblem(f"{_safe(self.path)}.{name} must hold texts")
        return tuple(one.replace("\x00", "").strip() for one in value)

    def numbers(self, name: str) -> tuple[int, ...]:
        value = self._typed(name, list) or []
        self._seen.add(f"{self.path}.{name}")
        return tuple(v for v in value if isinstance(v, int) and not isinstance(v, bool))

    def extensions(self, name: str, under: str = "extension") -> "list[Node]":
        """Those of this short name; its address is the guide's, or the word itself inside another extension."""
        url = self.guide.extensions.get(name, name)
        return [
            Node(v, f"{self.path}.{under}[{i}]", self.guide, self._seen)
            for i, v in enumerate(self._typed(under, list) or [])
            if isinstance(v, dict) and v.get("url") == url
        ]

    def extension(self, name: str, under: str = "extension") -> "Node | None":
        found = self.extensions(name, under)
        if found:
            found[0].known("url")
        return found[0] if found else None

    def said(self, name: str, kind: str = "String") -> str | None:
        found = self.extension(name)
        return found.text(f"value{kind}") if found else None

    def coded_extension(self, name: str, system: str) -> str | None:
        found = self.extension(name)
        return found.code("valueCodeableConcept", system) if found else None

    def code(self, name: str, *systems: str) -> str | None:
        """The code of a concept in one of these systems of the guide; of none, None: its path is then named as unread."""
        concept = self.node(name)
        wanted = {self.guide.systems[s] for s in systems}
        for coding in concept.nodes("coding") if concept else []:
            if coding._value.get("system") in wanted:
                coding.known("system", "display", "version", "userSelected")
                return coding.text("code")
        return None

    def unread(self) -> tuple[str, ...]:
        """Paths of the values below that nobody asked for, fit to be shown: names of elements and addresses only."""
        return tuple(sorted({_safe(p) for p in self._leaves(self._value, self.path, self.path)})[:UNREAD_MAX])

    def _leaves(self, value: Any, path: str, shown: str) -> Iterator[str]:
        if path in self._seen:
            return
        if isinstance(value, dict):
            for name, inside in value.items():
                yield from self._leaves(inside, f"{path}.{name}", f"{shown}.{name}")
        elif isinstance(value, list):
            for i, inside in enumerate(value):
                yield from self._leaves(inside, f"{path}[{i}]", f"{shown}{_label(inside, i)}")
        else:
            yield shown


def _label(value: Any, index: int) -> str:
    """An extension is named by the last word of its address."""
    url = value.get("url") if isinstance(value, dict) else None
    return f"[{url.rsplit('/', 1)[-1]}]" if isinstance(url, str) and ADDRESS.fullmatch(url) else f"[{index}]"


def _safe(path: str) -> str:
    """Names from outside are shown only when they look like FHIR's: a small letter first, no blanks."""
    first, *others = path.split(".")
    return ".".join([first if ROOT.fullmatch(first) else "?", *(p if NAME.fullmatch(p) else "?" for p in others)])[:300]
