"""The searcher finds what it is there to find: a search that finds nothing proves nothing by itself."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

import pytest

from local.leak_search import Searcher, of_date

WORD = "Zyx Quomárk-Fàm"
SEARCHER = Searcher({"family": WORD})
NOISE = random.Random(7)  # bytes around the word, not secrets


def noise(length: int) -> bytes:
    return NOISE.randbytes(length)


DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda b: b,
    "upper": lambda b: b.decode().upper().encode(),
    "json": lambda b: json.dumps({"x": b.decode()}).encode(),
    "an address": lambda b: b"/search?q=" + quote(b.decode()).encode(),
    "hex": lambda b: b.hex().encode(),
    "utf-16": lambda b: b.decode().encode("utf-16-le"),
    "gzip": lambda b: noise(40) + gzip.compress(noise(100) + b + noise(100)) + noise(20),
    "zlib": lambda b: noise(40) + zlib.compress(noise(100) + b),
    "base64 in gzip": lambda b: gzip.compress(base64.b64encode(noise(7) + b)),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_word_is_found_in_every_dress(dress: str) -> None:
    assert SEARCHER.found(noise(50) + DRESSES[dress](WORD.encode()) + noise(50)) == {"family"}


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(3))
def test_base64_is_found_at_every_offset_in_both_alphabets(before: int, after: int) -> None:
    said = noise(before) + WORD.encode() + noise(after)
    assert SEARCHER.found(base64.b64encode(said)) == {"family"}
    assert SEARCHER.found(base64.urlsafe_b64encode(said).rstrip(b"=")) == {"family"}
    assert SEARCHER.found(base64.b64encode(said.decode("latin-1").encode("latin-1"))) == {"family"}


def test_what_is_not_there_is_not_found() -> None:
    assert SEARCHER.found(noise(2_000_000)) == set()
    assert SEARCHER.found(b"Zyx and Quom and nobody") == set()
    assert SEARCHER.found(b"") == set()


def test_a_date_is_found_as_people_and_messages_write_it() -> None:
    forms = of_date(date(1953, 11, 29))
    searcher = Searcher({f"birth {n}": form for n, form in enumerate(forms)})
    for form in forms:
        assert searcher.found(b"DMG*D8*" + form.encode() + b"*F~")


def test_a_word_too_short_to_be_told_from_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noise"):
        Searcher({"x": "Bob"})
