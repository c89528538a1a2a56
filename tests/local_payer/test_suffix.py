"""The letters at the end of a member id, table against meaning."""

import pytest

from local.payer.script import Damage, Fault, Ruling, Say, Script, Step
from local.payer.suffix import DAMAGES, LETTERS, REJECTIONS, script_of

APPROVE = Step(say=Say.APPROVE)
DENY = Step(say=Say.DENY)
PEND = Step(say=Say.PEND)


def steps(*said: Step) -> Script:
    return Script(steps=said)


def after(step: Step, hours: float, **more: object) -> Step:
    return step.model_copy(update={"after_hours": hours, **more})


@pytest.mark.parametrize(
    ("member", "script"),
    [
        ("MB900000001", Script()),
        ("MB900000001A", Script()),
        ("MB900000001F7", steps(Step(say=Say.FEWER, units=7))),
        ("MB900000001F", steps(Step(say=Say.FEWER, units=7))),
        ("mb900000001l ", steps(Step(say=Say.LOWER))),
        ("MB900000001P24", steps(PEND, after(APPROVE, 24))),
        ("MB900000001P", steps(PEND, after(APPROVE, 24))),
        ("MB900000001P24D", steps(PEND, after(DENY, 24))),
        (
            "MB900000001P6F3W",
            steps(PEND, after(Step(say=Say.FEWER, units=3), 6), after(Step(say=Say.AGAIN), 1 / 6)),
        ),
        ("MB900000001T", Script(fault=Fault.SILENT)),
        ("MB900000001T5", Script(fault=Fault.SILENT, steps=(APPROVE, after(Step(say=Say.AGAIN), 5)))),
        ("MB900000001W2", steps(APPROVE, after(Step(say=Say.ANEW), 1 / 6))),
        ("MB900000001AD", steps(APPROVE, after(DENY, 24))),
        ("MB900000001AV", steps(APPROVE, after(Step(say=Say.VOID), 24))),
        ("MB900000001P2DA", steps(PEND, after(DENY, 2), after(APPROVE, 26))),
        ("MB900000001M2", steps(after(APPROVE, 2))),
        ("MB900000001M2P6", steps(after(PEND, 2), after(APPROVE, 8))),
        ("MB900000001OP6D", steps(after(PEND, 7, stale=True), after(DENY, 6))),
        ("MB900000001O", steps(after(PEND, 25, stale=True), after(APPROVE, 24))),
        (
            "MB900000001I48",
            steps(
                Step(say=Say.ASK, due_hours=48),
                Step(say=Say.APPROVE, on="documents"),
                Step(say=Say.DENY, reason="0P", after_hours=48, unless_documents=True),
            ),
        ),
        ("MB900000001JD", steps(Step(say=Say.ASK), Step(say=Say.DENY, on="documents"))),
        ("MB900000001I48P12", steps(Step(say=Say.ASK, due_hours=48), after(APPROVE, 12))),
        ("MB900000001S3", Script(slow_seconds=3)),
        ("MB900000001E", Script(fault=Fault.BEFORE)),
        ("MB900000001E2D", Script(fault=Fault.AFTER, steps=(DENY,))),
        ("MB900000001B6", Script(fault=Fault.CUT)),
        ("MB900000001R", steps(Step(say=Say.REFUSE))),
        ("MB900000001R2", Script(syntax_refusals=2)),
        ("MB900000001K", Script(answers_cancelled=True)),
        ("MB900000001Q", Script(takes_unknown_numbers=True)),
        (
            "MB900000001DHG24",
            Script(steps=(DENY,), appeals=(Ruling(overturn=False), Ruling(overturn=True, hours=24))),
        ),
        ("LAST", Script()),
        ("MB900000001Z", Script()),
        ("1EG4TE5MK73", Script()),
        ("", Script()),
    ],
)
def test_scripts_are_read_from_the_end_of_the_member_id(member: str, script: Script) -> None:
    assert script_of(member) == script


@pytest.mark.parametrize(("number", "damage"), list(DAMAGES.items()))
def test_each_damage_has_its_number(number: int, damage: Damage) -> None:
    assert script_of(f"MB900000001B{number}").steps[0].damage is damage


def test_every_follow_up_of_an_aaa_has_its_number() -> None:
    said = [script_of(f"MB900000001X{n}").steps[0].follow_up for n in REJECTIONS if n]
    assert said == ["C", "N", "P", "R", "S", "W", "X", "Y"]


def test_no_letter_means_two_things() -> None:
    assert len(set(LETTERS)) == len(LETTERS)
