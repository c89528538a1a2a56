"""Answers that leave broken: each kind changes finished bytes, as a faulty line or gateway does."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from local.payer.script import Damage

OLD_VERSION: Final = "004010X094A1"
OTHER_TRACE: Final = "NOBODYS9999"


def damaged(text: str, how: Damage | None) -> bytes:
    """The bytes that leave; the text as it is when nothing is wrong with it."""
    return DAMAGED[how](text) if how is not None else text.encode()


def _garbage(text: str) -> bytes:
    """Not text in any encoding, and the same for the same answer."""
    return b"\x00\xff\xfe" + hashlib.sha256(text.encode()).digest() * 8


def _truncated(text: str) -> bytes:
    return text[: len(text) * 3 // 5].encode()


def _elements(text: str, tag: str, places: Mapping[int, str]) -> str:
    """Other values at these places of every segment `tag`."""
    segments = text.split("~")
    for index, segment in enumerate(segments):
        elements = segment.split("*")
        if elements[0].strip() == tag:
            segments[index] = "*".join(places.get(n, value) for n, value in enumerate(elements))
    return "~".join(segments)


DAMAGED: Final[Mapping[Damage, Callable[[str], bytes]]] = {
    Damage.GARBAGE: _garbage,
    Damage.TRUNCATED: _truncated,
    Damage.CONTROL_NUMBER: lambda text: _elements(text, "IEA", {2: "999999999"}).encode(),
    Damage.TRACE: lambda text: _elements(text, "TRN", {2: OTHER_TRACE}).encode(),
    Damage.VERSION: lambda text: _elements(_elements(text, "GS", {8: OLD_VERSION}), "ST", {3: OLD_VERSION}).encode(),
}


def damaged_bundle(text: str, how: Damage | None) -> bytes:
    """The same kinds for a FHIR bundle."""
    return DAMAGED_BUNDLE[how](text) if how is not None else text.encode()


DAMAGED_BUNDLE: Final[Mapping[Damage, Callable[[str], bytes]]] = {
    Damage.GARBAGE: _garbage,
    Damage.TRUNCATED: _truncated,
    Damage.CONTROL_NUMBER: lambda text: text.replace(
        '"resourceType":"ClaimResponse"', '"resourceType":"Basic"'
    ).encode(),
    Damage.TRACE: lambda text: re.sub(
        r'("system":"urn:trnorg:[^"]*","value":)"[^"]*"', rf'\1"{OTHER_TRACE}"', text
    ).encode(),
    Damage.VERSION: lambda text: text.replace('"itemSequence":', '"sequenceLinkId":').encode(),
}
"""A bundle without its ClaimResponse, of a stranger's trace, of another version of FHIR."""
