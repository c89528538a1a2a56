"""PAS bundles built and read per second, beside a floor in the same run (`python -m bench.pas`).

The floor is what no reader or writer of this document can do without: `json.dumps` of the same values, `json.loads` of the same
bytes. A message is one residential request of domain 4.5 with six resources, and its answer by item. Building begins at the
released value and ends with the bytes; reading ends with values and the names of what was not read. The local reading of
requests, which only a payer does, stands beside it."""

import json
from collections.abc import Callable

from bench.measure import report
from bench.x12 import MESSAGES, per_second
from interchange.fhir.pas.arrival import arrival_of
from interchange.fhir.pas.request_bundle import encode_request, parse_request
from interchange.fhir.pas.response_reading import parse_response
from local.payer.script import Say
from tests.interchange.fhir.pas.samples import GUIDE, admission, answered
from tests.interchange.x12.samples import CONTROL
from tests.local_payer.asked import gated


def measure() -> None:
    sealed = gated(admission())
    asked, answer = encode_request(sealed, CONTROL, GUIDE), answered(Say.FEWER, units=7)
    value = json.loads(asked)
    dump = per_second(lambda: [json.dumps(value, separators=(",", ":")) for _ in range(MESSAGES)])
    build = per_second(lambda: [encode_request(sealed, CONTROL, GUIDE) for _ in range(MESSAGES)])
    report("pas_request_built", build, "messages/s", dump, bytes=len(asked), beside="json.dumps of the same document",
           times_the_floor=round(dump / build, 1))  # fmt: skip
    read_beside("pas_answer_read", answer, lambda: parse_response(answer, GUIDE))
    read_beside("pas_answer_taken_apart", answer, lambda: arrival_of(answer, GUIDE))
    read_beside("pas_request_read_by_a_payer", asked, lambda: parse_request(asked, GUIDE))


def read_beside(name: str, text: str, read: Callable[[], object]) -> None:
    load = per_second(lambda: [json.loads(text) for _ in range(MESSAGES)])
    ours = per_second(lambda: [read() for _ in range(MESSAGES)])
    report(name, ours, "messages/s", load, bytes=len(text), beside="json.loads of the same bytes",
           times_the_floor=round(load / ours, 1))  # fmt: skip


if __name__ == "__main__":
    measure()
