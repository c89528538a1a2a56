"""pyx12, with maps of its own, reads every sentence the payer can say about a request."""

from datetime import UTC, datetime

import pytest

from definitions.services_review import ServicesReviewRequest
from interchange.x12.envelope import Control
from interchange.x12.review_response import encode_answer
from local.payer.decision import SAYINGS, Telling, tell
from local.payer.script import Say, Step
from local.payer.suffix import REJECTIONS, rejection
from tests.interchange.x12.pyx12_maps.judge import Judge, Verdict
from tests.interchange.x12.samples import intensive_outpatient, residential

NOW = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
BACK = Control(sender="SAMPLECH", receiver="HARBORREC", number=7, at=NOW)
STEPS = {
    **{say.value: Step(say=say, units=3, due_hours=48) for say in SAYINGS if say is not Say.REJECT},
    **{f"aaa {number}": rejection(*said) for number, said in REJECTIONS.items()},
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(tmp_path_factory.mktemp("pyx12"), "response")


@pytest.mark.parametrize("said", list(STEPS))
@pytest.mark.parametrize("asked", [residential(), intensive_outpatient()], ids=["residential", "outpatient"])
def test_every_sentence_is_read(judge: Judge, said: str, asked: ServicesReviewRequest) -> None:
    answer = tell(Telling(asked, STEPS[said], "AUTH000001", "NT000001", NOW))
    assert judge.says(encode_answer(answer, BACK)) == Verdict(True, ())
