"""The letters at the end of a member id, read by tables into a script (the table is in the package's docstring)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.payer.script import Damage, Fault, Ruling, Say, Script, Step

APART_HOURS: Final = 24.0
"""Between two outcomes that contradict each other."""
AGAIN_HOURS: Final = 1 / 6
STALE_HOURS: Final = 1.0

REJECTIONS: Final[Mapping[int, tuple[str, str, str]]] = {
    0: ("2010C", "75", "C"),
    1: ("2010C", "72", "C"),
    2: ("2010B", "50", "N"),
    3: ("2000A", "42", "P"),
    4: ("2000A", "42", "R"),
    5: ("2000E", "E8", "S"),
    6: ("2010C", "78", "W"),
    7: ("2010C", "78", "X"),
    8: ("2000E", "E8", "Y"),
}
"""Loop, AAA03, AAA04 by the number behind X: every follow-up once (domain 4.5)."""

OUTCOMES: Final[Mapping[str, Callable[[int], Step]]] = {
    "A": lambda _: Step(say=Say.APPROVE),
    "F": lambda units: Step(say=Say.FEWER, units=units or 7),
    "L": lambda _: Step(say=Say.LOWER),
    "D": lambda _: Step(say=Say.DENY),
    "N": lambda _: Step(say=Say.NOT_NEEDED),
    "C": lambda _: Step(say=Say.CALL),
    "X": lambda which: rejection(*REJECTIONS.get(which, REJECTIONS[0])),
    "R": lambda _: Step(say=Say.REFUSE),
    "V": lambda _: Step(say=Say.VOID),
}
ON_THE_WAY: Final[Mapping[str, int]] = {
    "P": 24, "I": 48, "J": 0, "M": 1, "O": 0, "T": 0, "S": 5, "W": 1, "E": 1, "B": 1, "K": 0, "Q": 0
}  # fmt: skip
"""Each with its number when none is given."""
RULINGS: Final[Mapping[str, bool]] = {"H": False, "G": True}
"""Of appeals: upheld, overturned."""
DAMAGES: Final[Mapping[int, Damage]] = dict(enumerate(Damage, start=1))
CUT: Final = len(DAMAGES) + 1

PENDS: Final[Mapping[str, Callable[[int], Step]]] = {
    "I": lambda hours: Step(say=Say.ASK, due_hours=hours),
    "J": lambda _: Step(say=Say.ASK),
    "P": lambda _: Step(say=Say.PEND),
}
FIELDS: Final[Mapping[str, Callable[[int], dict[str, Any]]]] = {
    "S": lambda seconds: {"slow_seconds": seconds},
    "T": lambda _: {"fault": Fault.SILENT},
    "E": lambda which: {"fault": Fault.BEFORE if which == 1 else Fault.AFTER},
    "B": lambda which: {"fault": Fault.CUT} if which == CUT else {},
    "R": lambda times: {"syntax_refusals": times},
    "K": lambda _: {"answers_cancelled": True},
    "Q": lambda _: {"takes_unknown_numbers": True},
}

LETTERS: Final = "".join((*OUTCOMES, *ON_THE_WAY, *RULINGS))
SUFFIX: Final = re.compile(rf"\d{{4}}((?:[{LETTERS}]\d{{0,3}})+)$")
"""Four digits before it: the end of an ordinary id that mixes letters and digits is no script."""
STEP: Final = re.compile(r"([A-Z])(\d*)")


def rejection(loop: str, code: str, follow_up: str) -> Step:
    return Step.model_validate({"say": Say.REJECT, "loop": loop, "code": code, "follow_up": follow_up})


def script_of(member_id: str) -> Script:
    """Approves when nothing is written there."""
    found = SUFFIX.search(member_id.strip().upper())
    said = [(letter, int(n) if n else None) for letter, n in STEP.findall(found.group(1))] if found else []
    way = {letter: ON_THE_WAY[letter] if n is None else n for letter, n in said if letter in ON_THE_WAY}
    way.update((letter, n) for letter, n in said if letter == "R" and n)
    if "O" in way and not way.keys() & PENDS.keys():
        way["P"] = ON_THE_WAY["P"]
    outcomes = [OUTCOMES[letter](n or 0) for letter, n in said if letter in OUTCOMES and letter not in way]
    fields = {key: value for letter in way if letter in FIELDS for key, value in FIELDS[letter](way[letter]).items()}
    rulings = tuple(Ruling(overturn=RULINGS[letter], hours=n) for letter, n in said if letter in RULINGS)
    steps = _steps(outcomes or [Step(say=Say.APPROVE)], way)
    return Script.model_validate({**fields, "steps": steps, "appeals": rulings})


def _steps(outcomes: list[Step], way: Mapping[str, int]) -> tuple[Step, ...]:
    start = float(way.get("M", 0))
    pend = next((PENDS[letter](way[letter]) for letter in PENDS if letter in way), None)
    waits = ("I" in way or "J" in way) and "P" not in way
    lag = start if pend is None or waits else start + way.get("P", 0)
    steps = [
        s.model_copy(update={"after_hours": lag + n * APART_HOURS, "on": "documents" if waits else "time"})
        for n, s in enumerate(outcomes)
    ]
    if pend is not None:
        late = lag + STALE_HOURS if "O" in way else start
        steps.insert(0, pend.model_copy(update={"after_hours": late, "stale": "O" in way}))
        if waits and pend.due_hours:
            steps.append(Step(say=Say.DENY, reason="0P", after_hours=start + pend.due_hours, unless_documents=True))
    if way.get("B") in DAMAGES:
        steps[0] = steps[0].model_copy(update={"damage": DAMAGES[way["B"]]})
    if way.get("T") and len(steps) == 1:
        steps.append(Step(say=Say.AGAIN, after_hours=way["T"]))
    if "W" in way:
        steps.append(Step(say=Say.ANEW if way["W"] > 1 else Say.AGAIN, after_hours=start + AGAIN_HOURS))
    return tuple(steps)
