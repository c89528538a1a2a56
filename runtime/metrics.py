"""The few numbers an operator needs. Labels are codes and route templates: never ids, never people."""

import re
from collections.abc import Mapping
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)

_CODE: Final = re.compile(r"[A-Za-z0-9_./{}:-]{1,80}")
_ID: Final = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}|[0-9]{7,}")

CIRCUIT_STATES: Final = ("closed", "draining", "open")
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def label(value: str) -> str:
    """`value` when it is a code; `other` when it could be an id or free text (and would grow without bound)."""
    return value if _CODE.fullmatch(value) and not _ID.search(value) else "other"


class Metrics:
    """One registry per process, made at its entry and handed down."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "stepdown_http_request_seconds",
            "Time to answer, by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=SECONDS,
        )
        self._activities = Histogram(
            "stepdown_activity_seconds",
            "Time of one activity attempt, by type and outcome.",
            ("activity", "outcome"),
            registry=self.registry,
            buckets=SECONDS,
        )
        self._refusals = Counter(
            "stepdown_refusals_total", "Refusals by error type.", ("code",), registry=self.registry
        )
        self._exchanges = Counter(
            "stepdown_exchanges_total",
            "Partner exchanges, by payer, message kind and outcome.",
            ("payer", "kind", "outcome"),
            registry=self.registry,
        )
        self._circuits = Gauge(
            "stepdown_payer_circuit",
            "The circuit to a payer's system: 0 closed, 1 draining, 2 open.",
            ("payer",),
            registry=self.registry,
        )
        self._held = Gauge(
            "stepdown_payer_held", "Requests that wait for a payer's system.", ("payer",), registry=self.registry
        )
        self._quarantine = Gauge(
            "stepdown_quarantine_waiting",
            "Messages from payers that wait for a person, by reason.",
            ("payer", "reason"),
            registry=self.registry,
        )
        self._outbox = Gauge("stepdown_outbox_waiting", "Outbox rows not yet relayed.", registry=self.registry)
        self._overdue = Gauge(
            "stepdown_deadlines_overdue", "Deadlines that passed without firing.", registry=self.registry
        )

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template (`/v1/episodes/{id}`), not the path."""
        self._requests.labels(label(method), label(route), str(status)).observe(seconds)

    def activity(self, *, activity: str, outcome: str, seconds: float) -> None:
        """`outcome`: `done`, `refused` or `fault`."""
        self._activities.labels(label(activity), label(outcome)).observe(seconds)

    def refused(self, code: str) -> None:
        self._refusals.labels(label(code)).inc()

    def exchanged(self, *, payer: str, kind: str, outcome: str) -> None:
        self._exchanges.labels(label(payer), label(kind), label(outcome)).inc()

    def payer_lines(
        self, circuits: Mapping[str, str], held: Mapping[str, int], quarantine: Mapping[tuple[str, str], int]
    ) -> None:
        """How the lines to payers stand now. What is no longer said is 0 or gone, never the last value."""
        for gauge in (self._circuits, self._held, self._quarantine):
            gauge.clear()
        for payer, state in circuits.items():
            self._circuits.labels(label(payer)).set(CIRCUIT_STATES.index(state))
        for payer, rows in held.items():
            self._held.labels(label(payer)).set(rows)
        for (payer, reason), rows in quarantine.items():
            self._quarantine.labels(label(payer), label(reason)).set(rows)

    def serve(self, port: int, host: str = "127.0.0.1") -> None:
        """For a process without HTTP of its own: the exposition on a port, in a thread that ends with the process."""
        start_http_server(port, addr=host, registry=self.registry)

    def outbox_waiting(self, rows: int) -> None:
        self._outbox.set(rows)

    def deadlines_overdue(self, rows: int) -> None:
        self._overdue.set(rows)

    def exposition(self) -> bytes:
        """The text format; serve it as `content_type`."""
        return generate_latest(self.registry)
