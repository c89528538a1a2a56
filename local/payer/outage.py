"""When the payer is down: by a switch, or in windows of business time. Kept in the book."""

import json
from datetime import UTC, datetime
from itertools import chain

from pydantic import AwareDatetime, model_validator

from local.payer.book import Book
from local.payer.script import Scripted

SWITCH, WINDOWS = "switched_off", "windows"


class Window(Scripted):
    """Down from the first moment to the second, which is up again."""

    begins: AwareDatetime
    ends: AwareDatetime

    @model_validator(mode="after")
    def _forward(self) -> "Window":
        if self.ends <= self.begins:
            raise ValueError("a window must end after it begins")
        return self


class Outages:
    """In driven drive `now` is the latest business time anybody told; on the wall it is the wall's."""

    def __init__(self, book: Book, *, driven: bool) -> None:
        self._book = book
        self._driven = driven
        self._told: datetime | None = None
        self._off = self._get(SWITCH) == "1"
        self._windows = [Window.model_validate(w) for w in json.loads(self._get(WINDOWS) or "[]")]

    def told(self, now: datetime) -> None:
        self._told = now if self._told is None else max(self._told, now)

    @property
    def now(self) -> datetime:
        return (self._told or datetime.min.replace(tzinfo=UTC)) if self._driven else datetime.now(UTC)

    def switch(self, *, off: bool) -> None:
        self._off = off
        self._put(SWITCH, "1" if off else "")

    def add(self, window: Window) -> None:
        self._keep([*self._windows, window])

    def clear(self) -> None:
        self._keep([])
        self.switch(off=False)

    def _keep(self, windows: list[Window]) -> None:
        self._windows = sorted(windows, key=lambda w: w.begins)
        self._put(WINDOWS, json.dumps([w.model_dump(mode="json") for w in self._windows]))

    @property
    def switched_off(self) -> bool:
        return self._off

    def windows(self) -> tuple[Window, ...]:
        """In the order of their beginning."""
        return tuple(self._windows)

    def down(self, at: datetime) -> bool:
        return self.switched_off or any(w.begins <= at < w.ends for w in self.windows())

    def reachable_from(self, due: datetime) -> datetime | None:
        """When something due then can leave; None while nobody says when."""
        if self.switched_off:
            return None
        for window in self.windows():
            if window.begins <= due < window.ends:
                due = window.ends
        return due

    def next_edge(self) -> datetime | None:
        """The next moment a window begins or ends: the driver stops there, so that the door shuts in time."""
        edges = chain.from_iterable((w.begins, w.ends) for w in self.windows())
        return min((e for e in edges if e > self.now), default=None)

    def _get(self, name: str) -> str:
        rows = self._book.rows("SELECT value FROM setting WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def _put(self, name: str, value: str) -> None:
        self._book.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)
