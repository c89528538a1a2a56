"""Second answers, late answers, answers in the wrong order, answers that contradict each other (E32, AUTH-09)."""

from typing import Any

import pytest

from definitions.review_codes import Action, Certification
from definitions.services_review import ServicesReviewRequest
from interchange.x12.acknowledgement import acknowledgements
from interchange.x12.envelope import read_interchanges, wrap_all
from interchange.x12.review_response import parse_answer
from tests.interchange.x12.samples import CONTROL, emitted, only_set, residential
from tests.local_payer.conftest import Door, PayerProcess, Start

NOON = "2026-03-06T12:00:00+00:00"
NEXT_WEEK = "2026-03-13T12:00:00+00:00"


def cancelling(first: ServicesReviewRequest, number: str | None, trace: str) -> ServicesReviewRequest:
    return first.model_copy(
        update={"certification": Certification.CANCEL, "previous_number": number, "trace": trace, "lines": ()}
    )


@pytest.mark.parametrize(
    ("script", "actions", "state"),
    [
        ("AD", [Action.CERTIFIED, Action.NOT_CERTIFIED], "denied"),
        ("AV", [Action.CERTIFIED, Action.CANCELLED], "cancelled"),
        ("DA", [Action.NOT_CERTIFIED, Action.CERTIFIED], "approved"),
        ("P2DA", [Action.PENDED, Action.NOT_CERTIFIED, Action.CERTIFIED], "approved"),
    ],
)
def test_contradictory_answers(
    driven: PayerProcess, door: Door, script: str, actions: list[Action], state: str
) -> None:
    first = driven.ask(residential(member_id=f"W123456789{script}"), at=NOON)
    driven.advance(NEXT_WEEK)
    answers = [first, *door.answers()]
    assert [a.action for a in answers] == actions
    assert {a.number for a in answers if a.number} == {driven.reviews()[0]["number"]}
    assert driven.states() == [state]
    assert len({m["control_number"] for m in driven.messages("out")}) == len(actions)


def test_the_same_content_comes_again_in_other_bytes(driven: PayerProcess, door: Door) -> None:
    text = emitted(residential(member_id="W123456789W2"))
    first = driven.send(text, at=NOON).text
    driven.advance(NEXT_WEEK)
    ((_, second, _),) = door.taken
    assert first != second
    assert only_set(first)[0].control_number != only_set(second)[0].control_number
    told = [parse_answer(*only_set(t)).model_dump(exclude={"created_at"}) for t in (first, second)]
    assert told[0] == told[1]


def test_the_same_bytes_come_again(driven: PayerProcess, door: Door) -> None:
    first = driven.send(emitted(residential(member_id="W123456789W")), at=NOON).text
    driven.advance(NEXT_WEEK)
    assert [body for _, body, _ in door.taken] == [first]


def test_only_a_receipt_in_the_call_and_the_answer_later(driven: PayerProcess, door: Door) -> None:
    text = emitted(residential(member_id="W123456789M2"))
    assert driven.verdicts(text, at=NOON) == ["A"]
    assert driven.states() == ["received"]
    assert driven.verdicts(text, at=NOON) == ["A"]
    driven.advance(NEXT_WEEK)
    assert [a.action for a in door.answers()] == [Action.CERTIFIED]
    assert driven.send(text).text == door.taken[0][1]
    assert len(driven.reviews()) == 1


def test_out_of_order(driven: PayerProcess, door: Door) -> None:
    """The outcome arrives before the pend it should have followed; the payer's own book keeps the outcome."""
    text = emitted(residential(member_id="W123456789OP6D"))
    assert driven.verdicts(text, at=NOON) == ["A"]
    driven.advance(NEXT_WEEK)
    outcome, overtaken = door.answers()
    assert (outcome.action, overtaken.action) == (Action.NOT_CERTIFIED, Action.PENDED)
    assert overtaken.created_at < outcome.created_at
    numbers = [only_set(body)[0].control_number for _, body, _ in door.taken]
    assert numbers == sorted(numbers, reverse=True)
    assert driven.states() == ["denied"]
    assert parse_answer(*only_set(driven.send(text).text)).action is Action.NOT_CERTIFIED


@pytest.mark.parametrize(("script", "delivered"), [("P6", []), ("P6K", [Action.CERTIFIED])])
def test_a_cancelled_request_is_answered_only_by_script(
    driven: PayerProcess, door: Door, script: str, delivered: list[Action]
) -> None:
    asked = residential(member_id=f"W123456789{script}")
    reference = driven.ask(asked, at=NOON).reference_number
    said = driven.ask(cancelling(asked, reference, "EP1001CAN1"), at=NOON)
    assert (said.action, said.number) == (Action.CANCELLED, driven.reviews()[0]["number"])
    assert driven.states() == ["cancelled", "cancelled"]
    driven.advance(NEXT_WEEK)
    assert [a.action for a in door.answers()] == delivered


def test_a_cancellation_without_a_number_is_about_the_latest_open_request(driven: PayerProcess) -> None:
    for trace in ("EP1", "EP2"):
        driven.ask(residential(trace=trace, member_id="W123456789P6"), at=NOON if trace == "EP1" else NEXT_WEEK)
    driven.ask(cancelling(residential(member_id="W123456789P6"), None, "EP3"), at=NEXT_WEEK)
    assert driven.states() == ["pended", "cancelled", "cancelled"]


def test_answers_due_at_one_moment_leave_in_one_file(start: Start, door: Door) -> None:
    payer = start("--drive", "driven", "--together")
    for trace in ("EP1", "EP2"):
        payer.ask(residential(trace=trace, member_id="W123456789P6"), at=NOON)
    assert payer.advance(NEXT_WEEK).json() == {"delivered": 2, "left": 0}
    ((_, body, _),) = door.taken
    found = [parse_answer(i, i.groups[0].transactions[0]).trace for i in read_interchanges(body)]
    assert found == ["EP1", "EP2"]
    late: list[dict[str, Any]] = [m for m in payer.messages("out") if m["road"] == "delivery"]
    assert len({m["digest"] for m in late}) == 1
    assert len({m["control_number"] for m in late}) == 2


def test_several_interchanges_in_one_file_are_answered_in_their_order(driven: PayerProcess) -> None:
    asked = [residential(trace=t, member_id=m) for t, m in (("EP1", "W123456789"), ("EP2", "W123456780D"))]
    answers = read_interchanges(driven.send("\n".join(emitted(a) for a in asked), at=NOON).text)
    told = [parse_answer(i, i.groups[0].transactions[0]) for i in answers]
    assert [(a.trace, a.action) for a in told] == [("EP1", Action.CERTIFIED), ("EP2", Action.NOT_CERTIFIED)]
    assert len({m["digest"] for m in driven.messages("in")}) == 1


def test_several_transactions_in_one_group_are_cases_of_their_own(driven: PayerProcess) -> None:
    """Each gets its answer; only the one that is broken is refused (E80)."""
    asked = [("EP1", "W123456789"), ("EP2", "W123456780D"), ("EP3", "W123456781")]
    bodies = [emitted(residential(trace=t, member_id=m)).split("~")[3:-4] for t, m in asked]
    segments = [[f"{segment}~" for segment in body] for body in bodies]
    segments[2] = [s.replace("UM*AR*I", "UM*QQ*I") for s in segments[2]]
    text = wrap_all(segments, CONTROL, functional_id="HI", version="005010X217", transaction="278")
    first, second, refused = read_interchanges(driven.send(text, at=NOON).text)
    told = [parse_answer(i, i.groups[0].transactions[0]) for i in (first, second)]
    assert [(a.trace, a.action) for a in told] == [("EP1", Action.CERTIFIED), ("EP2", Action.NOT_CERTIFIED)]
    (partly,) = acknowledgements(refused)
    assert (partly.verdict, [s.accepted for s in partly.sets]) == ("P", [True, True, False])
    assert driven.states() == ["approved", "denied"]
