"""Two engines with maps that were written apart: on messages made wrong in one place they must agree."""

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.services_review import Answers
from interchange.x12.admission_notification import encode_notification, encode_notification_answer
from interchange.x12.conformance import findings
from interchange.x12.envelope import read_interchanges
from interchange.x12.review_inquiry import encode_inquiry, encode_inquiry_answer
from interchange.x12.review_request import encode
from interchange.x12.review_response import encode_answer
from tests.interchange.x12.messages import BACK
from tests.interchange.x12.mutants import Mutant, mutants_of
from tests.interchange.x12.pyx12_maps.judge import Bench
from tests.interchange.x12.samples import CONTROL, GOLDEN, golden, released
from tests.interchange.x12.strategies import INQUIRIES, NOTICES, REQUESTS, answers_to

EVERY = 101
"""Of some eight thousand mutants. All of them were judged once by hand; the rest of the time a part is enough."""

NAMED_DISAGREEMENTS: dict[tuple[str, str], str] = {}
"""(what was done, where): why the two judge otherwise. None is known."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    logging.disable(logging.CRITICAL)  # pyx12 logs every fault it finds
    yield Bench(tmp_path_factory.mktemp("pyx12"))
    logging.disable(logging.NOTSET)


def accepted_here(text: str) -> bool:
    found = findings(read_interchanges(text)[0].groups[0].transactions[0])
    assert found is not None
    return not found


def mutants() -> list[Mutant]:
    every = [m for path in sorted(GOLDEN.glob("*.x12")) for m in mutants_of(path.stem, path.read_text())]
    return every[::EVERY]


def test_both_engines_judge_mutants_alike(bench: Bench) -> None:
    tally: Counter[tuple[bool, bool]] = Counter()
    strangers = []
    for mutant in mutants():
        here, there = accepted_here(mutant.text), bench.says(mutant.text).good
        tally[here, there] += 1
        if here != there and (mutant.what, mutant.place) not in NAMED_DISAGREEMENTS:
            strangers.append((mutant.name, mutant.what, mutant.place, "accepted here" if here else "refused here"))
    assert strangers == []
    assert tally[False, False] > 40
    assert tally[True, True] > 5


def test_no_finding_repeats_what_stood_there() -> None:
    for mutant in mutants():
        said = str(findings(read_interchanges(mutant.text)[0].groups[0].transactions[0]))
        assert not any(
            personal in said for personal in ("DOE", "JORDAN", "W123456789", "19880412", "RILEY", "QQ", "999")
        )


WRITTEN = st.one_of(
    REQUESTS.map(lambda v: encode(released(v), CONTROL)),
    answers_to(Answers.REQUEST).map(lambda v: encode_answer(v, BACK)),
    INQUIRIES.map(lambda v: encode_inquiry(released(v), CONTROL)),
    answers_to(Answers.INQUIRY).map(lambda v: encode_inquiry_answer(v, BACK)),
    NOTICES.map(lambda v: encode_notification(released(v), CONTROL)),
    answers_to(Answers.NOTIFICATION).map(lambda v: encode_notification_answer(v, BACK)),
)


@settings(max_examples=25, deadline=None)
@given(WRITTEN)
def test_everything_this_house_can_write_is_accepted_by_the_other_engine(bench: Bench, text: str) -> None:
    verdict = bench.says(text)
    assert verdict.good, verdict.faults


def test_every_golden_message_is_judged_by_a_guide() -> None:
    for path in GOLDEN.glob("*.x12"):
        assert accepted_here(golden(path.stem)), path.stem
