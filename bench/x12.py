"""278 read and written per second, beside pyx12 on the same messages (`python -m bench.x12`).

pyx12 is the one Python engine that validates X12 by maps; it carries no 5010 278, so it runs with the maps of our tests.
Reading: a file of many transactions is read, judged by its guide and, here, made into values. pyx12 loads its map once
for the file. Writing: the same answers as text; ours are judged before they leave, pyx12's writer only counts segments
and closes the envelope. A message is one 278 of about thirty segments."""

import io
import logging
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyx12.segment
import pyx12.x12file

from bench.measure import middle, report
from interchange.x12.conformance import findings
from interchange.x12.envelope import read_interchanges
from interchange.x12.inbound import parse_inbound
from interchange.x12.pieces import pieces_of
from interchange.x12.review_request import encode, parse
from interchange.x12.review_response import encode_answer
from tests.interchange.x12.messages import BACK
from tests.interchange.x12.pyx12_maps.judge import Judge
from tests.interchange.x12.samples import CONTROL, golden, only_set, released, residential

MESSAGES = 200
ROUNDS = 5
FEW = 20
"""The peer loads its map for every file."""


def measure() -> None:
    peer = f"pyx12 {version('pyx12')}"
    logging.getLogger("pyx12").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="stepdown-bench-x12-") as folder:
        request, response = (Judge(Path(folder), direction) for direction in ("request", "response"))
        read_both("request_residential", request, peer)
        read_both("response_seven_of_fourteen", response, peer)
        sealed = released(residential())
        answer = parse_inbound(*only_set(golden("response_seven_of_fourteen")))
        write_both("request", lambda: encode(sealed, CONTROL), request, peer)
        write_both("response", lambda: encode_answer(answer, BACK), response, peer)


def read_both(name: str, judge: Judge, peer: str) -> None:
    text = many(golden(name).replace("\n", ""), MESSAGES)
    if not judge.says(text).good:
        raise RuntimeError("pyx12 does not accept the message of the benchmark")
    kind = name.partition("_")[0]
    ours, theirs = per_second(lambda: read_all(text)), per_second(lambda: judge.says(text))
    report(f"x12_278_{kind}_read_judged_parsed", ours, "messages/s", peer=peer, peer_value=round(theirs, 1),
           faster=round(ours / theirs, 1))  # fmt: skip
    report(f"x12_278_{kind}_taken_apart", per_second(lambda: pieces_of(text)), "messages/s")


def write_both(kind: str, write: Callable[[], str], judge: Judge, peer: str) -> None:
    """Ours writes and judges. The peer's writer alone, and its writer with its judge, stand beside it."""
    text = write()
    segments = [pyx12.segment.Segment(s, "~", "*", ":") for s in text.split("~") if s]
    ours = per_second(lambda: [write() for _ in range(MESSAGES)])
    alone = per_second(lambda: [written_by_peer(segments) for _ in range(MESSAGES)])
    judged = per_second(lambda: [judge.says(written_by_peer(segments)) for _ in range(FEW)], FEW)
    report(f"x12_278_{kind}_written_and_judged", ours, "messages/s", peer=f"{peer} X12Writer and its judge",
           peer_value=round(judged, 1), faster=round(ours / judged, 1), peer_writer_alone=round(alone, 1))  # fmt: skip


def many(text: str, count: int) -> str:
    """The transaction of `text`, `count` times in one group."""
    start, end = text.index("ST*278"), text.index("GE*1*")
    one = text[start:end]
    sets = [one.replace("*0001*0", f"*{n:04d}*0").replace("*0001~", f"*{n:04d}~") for n in range(1, count + 1)]
    return text[:start] + "".join(sets) + text[end:].replace("GE*1*", f"GE*{count}*", 1)


def read_all(text: str) -> None:
    for interchange in read_interchanges(text):
        for group in interchange.groups:
            for transaction in group.transactions:
                if findings(transaction):
                    raise RuntimeError("a message of the benchmark does not follow its guide")
                asks = transaction.segments[0].at(2) == "13"
                (parse if asks else parse_inbound)(interchange, transaction)


def written_by_peer(segments: list[pyx12.segment.Segment]) -> str:
    out = io.StringIO()
    writer = pyx12.x12file.X12Writer(out, "~", "*", ":", "", "^")
    for segment in segments:
        if segment.get_seg_id() not in ("SE", "GE", "IEA"):
            writer.Write(segment)
    writer.Close()
    return out.getvalue()


def per_second(work: Callable[[], object], messages: int = MESSAGES) -> float:
    """The middle of several rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return messages / middle(took)


if __name__ == "__main__":
    measure()
