"""What a payer answers over PAS: a denial is complete, A6 says what was granted beside it, errors are data problems, and
nothing unknown is lost (domain 4.4, 4.6)."""

import json
from pathlib import Path

import fhirkit
import pytest

from definitions.review_codes import Action
from interchange.fhir.pas.arrival import arrival_of, finds_nothing, parts_of
from interchange.fhir.pas.inquiry_bundle import encode_found
from interchange.fhir.pas.reading import loaded
from interchange.fhir.pas.response_reading import parse_response
from interchange.fhir.pas.words import PasProblem
from local.payer.script import Say
from tests.interchange.fhir.pas.samples import GUIDE, answered, resource, told

ANSWERS = [
    Say.APPROVE,
    Say.FEWER,
    Say.LOWER,
    Say.DENY,
    Say.NOT_NEEDED,
    Say.CALL,
    Say.REJECT,
    Say.VOID,
    Say.PEND,
    Say.ASK,
]


@pytest.mark.parametrize("say", ANSWERS)
def test_every_answer_is_valid_r4_and_read_whole(say: Say) -> None:
    text = answered(say)
    assert fhirkit.validate(json.loads(text)) == []
    found = parse_response(text, GUIDE)
    assert found.unread == ()
    said, line = told(say), next(iter(found.told.lines), None)
    assert (found.told.trace, found.told.member_id) == (said.trace, said.member_id)
    assert found.told.rejections == said.rejections
    first = said.lines[0] if said.lines else None
    assert (line.action if line else None) == (first.action if first else said.action)
    if first is not None and line is not None:
        kept = (
            "number",
            "reason",
            "from_date",
            "through_date",
            "units",
            "unit",
            "revenue_code",
            "procedure_code",
            "wanted",
        )
        assert {f: getattr(line, f) for f in kept} == {f: getattr(first, f) for f in kept}


def test_a_denial_is_complete() -> None:
    answer = resource(answered(Say.DENY), "ClaimResponse")
    assert answer["outcome"] == "complete"
    assert "error" not in answer
    found = parse_response(answered(Say.DENY), GUIDE).told.lines[0]
    assert (found.action, found.reason, found.number) == (Action.NOT_CERTIFIED, "0G", None)


def test_what_was_granted_instead_stands_beside_the_item_that_was_asked() -> None:
    """A6: the item keeps its sequence, `addItem` names it."""
    answer = resource(answered(Say.FEWER, units=7), "ClaimResponse")
    (item,), (added,) = answer["item"], answer["addItem"]
    assert (item["itemSequence"], added["itemSequence"]) == (1, [1])
    line = parse_response(answered(Say.FEWER, units=7), GUIDE).told.lines[0]
    assert (line.action, line.units, str(line.through_date)) == (Action.MODIFIED, 7, "2026-03-13")


def test_an_error_carries_its_code_and_follow_up() -> None:
    answer = resource(answered(Say.REJECT), "ClaimResponse")
    assert answer["outcome"] == "error"
    (said,) = parse_response(answered(Say.REJECT), GUIDE).told.rejections
    assert (said.loop, said.code, said.follow_up) == ("2010C", "75", "C")


def test_of_an_update_only_what_was_asked_now_is_answered() -> None:
    value = json.loads(answered(Say.APPROVE))
    answer = value["entry"][0]["resource"]
    second = json.loads(json.dumps(answer["item"][0])) | {"itemSequence": 2}
    answer["item"].append(second)
    found = parse_response(json.dumps(value), GUIDE)
    assert [li.trace for li in found.about({2: "EP1001RES2L1"}).lines] == ["EP1001RES1L1"]
    assert len(found.about({2: None}).lines) == 1
    assert len(found.told.lines) == 2


def test_the_same_answer_in_another_bundle_has_the_same_substance() -> None:
    first = json.loads(answered(Say.PEND))
    again = first | {"timestamp": "2026-03-09T00:00:00Z", "id": "another"}
    again["entry"][0]["resource"]["id"] = "renamed"
    other = json.loads(answered(Say.DENY))
    marks = [parse_response(json.dumps(v), GUIDE).substance for v in (first, again, other)]
    assert marks[0] == marks[1] != marks[2]


def test_what_is_not_known_is_named_and_an_unknown_action_is_no_answer() -> None:
    value = json.loads(answered(Say.APPROVE))
    answer = value["entry"][0]["resource"]
    answer["item"][0]["extension"].append(
        {"url": "http://payer.example/StructureDefinition/tier", "valueString": "gold"}
    )
    answer["disposition"] = "free words"
    unread = parse_response(json.dumps(value), GUIDE).unread
    assert any("[tier]" in path for path in unread)
    assert any(path.endswith("disposition") for path in unread)
    assert not any("gold" in path or "free words" in path for path in unread)
    broken = json.dumps(value).replace('"code": "A1"', '"code": "ZZ"')
    with pytest.raises(PasProblem):
        parse_response(broken, GUIDE)


def test_an_inquiry_finds_bundles_one_by_one_or_nothing() -> None:
    whole = encode_found([json.loads(answered(Say.APPROVE)), json.loads(answered(Say.DENY))])
    assert [arrival_of(p, GUIDE).trace for p in parts_of(whole)] == ["EP1001RES1", "EP1001RES1"]
    assert fhirkit.validate(json.loads(whole)) == []
    assert finds_nothing(loaded(encode_found([])))
    held_back = {
        "resourceType": "Parameters",
        "parameter": [{"name": "warning", "resource": {"resourceType": "OperationOutcome"}}],
    }
    assert not finds_nothing(held_back)


def _bundle(resource: str) -> str:
    return f'{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{resource}}}]}}'


HOSTILE = [
    "", "null", "[]", "{}", '{"resourceType":"Bundle"}', _bundle("1"), '{"a":1,"a":2}', "{" * 9000,
    _bundle('{"resourceType":"ClaimResponse"}'), _bundle('{"resourceType":"ClaimResponse","identifier":7}'),
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_answer_is_said_to_be_none(text: str) -> None:
    with pytest.raises(PasProblem):
        parse_response(text, GUIDE)
    assert not arrival_of(text, GUIDE).whole


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"use": "claim"},
        {"modifierExtension": [{"url": "http://payer.example/not", "valueBoolean": True}]},
    ],
)
def test_what_is_not_in_force_or_modified_is_no_answer(change: dict[str, object]) -> None:
    value = json.loads(answered(Say.APPROVE))
    value["entry"][0]["resource"].update(change)
    with pytest.raises(PasProblem):
        parse_response(json.dumps(value), GUIDE)


def test_a_path_shows_no_words_from_outside() -> None:
    value = json.loads(answered(Say.APPROVE))
    answer = value["entry"][0]["resource"]
    answer["ROBIN TESTERMAN"] = 1
    answer["TestermanRobin"] = {"x": 1}
    answer["extension"] = [{"url": "http://payer.example/about/ROBIN TESTERMAN", "valueString": "x"}]
    answer["item"][0]["adjudication"][0]["reason"] = {"text": "because of TESTERMAN"}
    unread = parse_response(json.dumps(value), GUIDE).unread
    assert len(unread) == 5
    assert not any("testerman" in path.lower() for path in unread)


GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["approve", "approve_fewer", "deny", "ask_documents", "reject"])
def test_answers_that_are_kept_are_still_read(name: str) -> None:
    """An answer of last year is opened next year; what it says then is what it said."""
    kept = (GOLDEN / f"answer_{name}.json").read_text()
    assert json.loads(kept) == json.loads(answered(Say(name)))
    assert parse_response(kept, GUIDE).unread == ()
