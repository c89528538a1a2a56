"""Each script at the end of a member id, over real HTTP (domain 4.4, 4.5)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import httpx2
import pytest

from definitions.review_codes import Action, Certification
from definitions.services_review import Rejection
from tests.interchange.x12.samples import emitted, golden, intensive_outpatient, only_set, residential
from tests.local_payer.conftest import Door, PayerProcess, Start

NOON = "2026-03-06T12:00:00+00:00"


def test_the_default_approves_what_was_asked(driven: PayerProcess) -> None:
    answer = driven.ask(residential(), at=NOON)
    assert (answer.action, answer.units, answer.more_to_come) == (Action.CERTIFIED, 14, False)
    assert (answer.from_date, answer.through_date, answer.issued_on) == (
        date(2026, 3, 7), date(2026, 3, 20), date(2026, 3, 6),
    )  # fmt: skip
    assert answer.number is not None
    assert answer.trace == "EP1001RES1"
    assert [(line.action, line.trace, line.units) for line in answer.lines] == [(Action.CERTIFIED, "EP1001RES1L1", 14)]


def test_fewer_days_are_partial_at_the_event_and_modified_at_the_line(driven: PayerProcess) -> None:
    answer = driven.ask(residential(member_id="W123456789F7"))
    (line,) = answer.lines
    assert (answer.action, answer.units, answer.through_date) == (Action.PARTIAL, 7, date(2026, 3, 13))
    assert (line.action, line.reason, line.units) == (Action.MODIFIED, "10", 7)


def test_fewer_visits_keep_their_span(driven: PayerProcess) -> None:
    answer = driven.ask(intensive_outpatient(member_id="W123456789F5"))
    assert (answer.units, answer.unit, answer.through_date) == (5, "VS", date(2026, 4, 30))


def test_more_days_than_asked_are_not_granted(driven: PayerProcess) -> None:
    assert driven.ask(residential(member_id="W123456789F90")).action is Action.CERTIFIED


def test_a_lower_level_is_a_modified_line_with_other_codes(driven: PayerProcess) -> None:
    answer = driven.ask(intensive_outpatient(member_id="W123456789L"))
    (line,) = answer.lines
    assert (answer.action, line.action) == (Action.PARTIAL, Action.MODIFIED)
    assert (line.revenue_code, line.procedure_code, line.reason) == ("0914", "H0004", "0G")


@pytest.mark.parametrize(
    ("script", "action", "reason"),
    [
        ("D", Action.NOT_CERTIFIED, "0G"),
        ("N", Action.NO_ACTION_REQUIRED, "0H"),
        ("C", Action.CONTACT_PAYER, None),
    ],
)
def test_no_grant(driven: PayerProcess, script: str, action: Action, reason: str | None) -> None:
    answer = driven.ask(residential(member_id=f"W123456789{script}"))
    assert (answer.action, answer.reason, answer.number, answer.lines) == (action, reason, None, ())


def test_an_unknown_member_is_a_rejection(driven: PayerProcess) -> None:
    answer = driven.ask(residential(member_id="W123456789X"))
    assert answer.rejections == (Rejection(loop="2010C", code="75", follow_up="C"),)
    assert (answer.action, answer.trace) == (None, None)


def test_pended_then_answered(driven: PayerProcess, door: Door) -> None:
    first = driven.ask(residential(member_id="W123456789P6"), at=NOON)
    assert (first.action, first.more_to_come, first.reason) == (Action.PENDED, True, "0U")
    assert first.reference_number
    assert driven.next_due() == "2026-03-06T18:00:00+00:00"
    assert driven.advance("2026-03-06T17:59:59+00:00").json() == {"delivered": 0, "left": 0}
    assert door.taken == []
    assert driven.advance("2026-03-06T18:00:00+00:00").json() == {"delivered": 1, "left": 0}
    (second,) = door.answers()
    assert (second.action, second.trace, second.units) == (Action.CERTIFIED, first.trace, 14)
    path, _, at = door.taken[0]
    assert (path, at) == ("/v1/payers/meridian/x12", "2026-03-06T18:00:00+00:00")
    assert driven.next_due() is None


def test_pended_then_denied(driven: PayerProcess, door: Door) -> None:
    assert driven.ask(residential(member_id="W123456789P2D"), at=NOON).action is Action.PENDED
    driven.advance("2026-03-07T00:00:00+00:00")
    assert [a.action for a in door.answers()] == [Action.NOT_CERTIFIED]


def test_after_delivery_the_same_question_gets_the_final_answer(driven: PayerProcess, door: Door) -> None:
    request = residential(member_id="W123456789P2")
    assert driven.ask(request, at=NOON).action is Action.PENDED
    assert driven.ask(request, at=NOON).action is Action.PENDED
    driven.advance("2026-03-06T14:00:00+00:00")
    assert driven.ask(request, at=NOON) == door.answers()[0]
    assert len(driven.cases()) == 1


def test_silence_keeps_the_case_and_the_answer_comes_when_asked_again(driven: PayerProcess, door: Door) -> None:
    request = residential(member_id="W123456789T")
    with pytest.raises(httpx2.ReadTimeout):
        driven.send(emitted(request), at=NOON, seconds=0.5)
    assert [c["kind"] for c in driven.cases()] == ["final"]
    assert driven.ask(request, at=NOON).action is Action.CERTIFIED
    assert len(driven.cases()) == 1
    assert door.taken == []


def test_silence_with_a_number_is_answered_later(driven: PayerProcess, door: Door) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        driven.send(emitted(residential(member_id="W123456789T2")), at=NOON, seconds=0.5)
    assert driven.advance("2026-03-06T14:00:00+00:00").json()["delivered"] == 1
    assert door.answers()[0].action is Action.CERTIFIED


def test_silence_ends_by_itself(driven: PayerProcess) -> None:
    assert driven.ask(residential(member_id="W123456789T")).action is Action.CERTIFIED


def test_the_same_answer_comes_twice(driven: PayerProcess, door: Door) -> None:
    first = driven.ask(residential(member_id="W123456789W"), at=NOON)
    assert driven.advance("2026-03-06T12:10:00+00:00").json()["delivered"] == 1
    assert door.answers() == [first]


def test_a_question_sent_twice_makes_one_case(driven: PayerProcess) -> None:
    text = emitted(residential())
    assert driven.send(text).text == driven.send(text).text
    assert len(driven.cases()) == 1


def test_many_at_once_make_one_case(driven: PayerProcess) -> None:
    text = emitted(residential())
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda _: driven.send(text).text, range(24)))
    assert len(bodies) == 1
    assert len(driven.cases()) == 1


def test_an_extension_keeps_its_cases_number_and_a_new_case_gets_another(driven: PayerProcess) -> None:
    first = driven.ask(residential())
    longer = residential(trace="EP1001RES2", days=7).model_copy(
        update={"certification": Certification.EXTENSION, "previous_number": first.number}
    )
    second = driven.ask(longer)
    assert (second.action, second.number, second.previous_number) == (Action.CERTIFIED, first.number, first.number)
    assert driven.ask(residential(trace="EP1002RES1")).number != first.number


def test_a_gateway_that_rejects(driven: PayerProcess) -> None:
    assert driven.verdicts(emitted(residential(member_id="W123456789R"))) == ["R"]
    assert [c["kind"] for c in driven.cases()] == ["rejected"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (golden("request_residential").replace("UM*AR*I", "UM*QQ*I"), "R"),
        (golden("request_residential").replace("SE*28", "SE*99"), "R"),
        (golden("response_pended"), "R"),
        (golden("request_residential").replace("IEA*1*000000101", "IEA*1*000000999"), "R"),
        ("hello", "R"),
        ("", "R"),
    ],
    ids=["segment", "count", "not a request", "envelope", "no x12", "empty"],
)
def test_broken_syntax_is_rejected_and_makes_no_case(driven: PayerProcess, text: str, verdict: str) -> None:
    assert driven.verdicts(text) == [verdict]
    assert driven.cases() == []


def test_ids_that_hold_our_delimiters_are_rejected_not_echoed(driven: PayerProcess) -> None:
    foreign = golden("request_residential").translate(str.maketrans("*:^~", "|>!'")).replace("\n", "")
    hostile = foreign.replace("MI|W123456789", "MI|W*9~HL*1").replace("HARBORREC      ", "A*B~SE*9~      ")
    assert hostile != foreign
    assert driven.verdicts(hostile) == ["R"]
    assert driven.cases() == []


def test_the_answer_goes_back_to_the_sender(driven: PayerProcess) -> None:
    interchange, _ = only_set(driven.send(golden("request_residential")).text)
    assert (interchange.sender, interchange.receiver) == ("SAMPLECH", "HARBORREC")


def test_only_named_payers_are_answered_for(start: Start) -> None:
    payer = start("--drive", "driven", "--payer", "meridian", "--payer", "unity")
    assert payer.send(golden("request_residential"), payer="unity").status_code == 200
    refused = payer.send(golden("request_residential"), payer="bluestone")
    assert refused.status_code == 404
    assert "--payer" in refused.json()["detail"]


@pytest.mark.parametrize("said", ["yesterday", "2026-03-06T12:00:00"])
def test_a_business_time_without_meaning_is_refused(driven: PayerProcess, said: str) -> None:
    assert driven.send(golden("request_residential"), at=said).status_code == 400
    assert driven.cases() == []


def test_a_message_that_is_too_long_is_refused(driven: PayerProcess) -> None:
    assert driven.send("ISA" + "x" * 1_000_001).status_code == 413
