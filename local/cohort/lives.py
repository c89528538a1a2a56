"""Who is in the demo facility and how they came there: levels with days ago, and what waits for somebody."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Step:
    level: str
    days_ago: float


@dataclass(frozen=True, slots=True)
class Life:
    """`steps` empty: still in intake. `wish`: a level asked for and waiting. `away`: on leave now."""

    payer: str
    script: str
    steps: tuple[Step, ...] = ()
    wish: str | None = None
    signed: bool = True
    away: bool = False
    asked: str = "3.7-WM"


def _life(payer: str, script: str, *steps: tuple[str, float], wish: str | None = None, signed: bool = True,
          away: bool = False, asked: str = "3.7-WM") -> Life:  # fmt: skip
    return Life(payer, script, tuple(Step(level, ago) for level, ago in steps), wish, signed, away, asked)


LIVES: Final = (
    _life("meridian", "A", ("3.7-WM", 3.1), wish="3.5"),
    _life("bluestone", "A", ("3.7-WM", 1.4)),
    _life("statecare", "F2", ("3.7-WM", 2.2)),
    _life("unity", "A", ("3.7-WM", 0.6)),
    _life("meridian", "A", ("3.7-WM", 14), ("3.5", 9.8), wish="2.5", signed=False),
    _life("meridian", "F7", ("3.7-WM", 12), ("3.5", 7.3)),
    _life("statecare", "A", ("3.7-WM", 17), ("3.5", 12.4), away=True),
    _life("bluestone", "P24", ("3.5", 5.2)),
    _life("county", "A", ("3.5", 11.7), wish="2.1"),
    _life("unity", "A", ("3.7", 6.4)),
    _life("meridian", "D", ("3.5", 2.3)),
    _life("meridian", "A", ("3.5", 19), ("3.1", 6.1)),
    _life("statecare", "A", ("3.1", 9.2)),
    _life("self_pay", "", ("3.1", 3.3)),
    _life("meridian", "A", ("3.5", 18), ("2.5", 7.2), wish="2.1"),
    _life("unity", "A", ("2.5", 9.1)),
    _life("bluestone", "A", ("2.5", 5.4)),
    _life("statecare", "L", ("2.5", 2.2)),
    _life("meridian", "A", ("2.5", 17), ("2.1", 9.3)),
    _life("statecare", "A", ("2.1", 12.2), wish="1.5"),
    _life("self_pay", "", ("2.1", 7.1)),
    _life("county", "", ("2.1", 4.5)),
    _life("meridian", "A", ("2.1", 16), ("1.5", 4.2)),
    _life("unity", "A", ("1.5", 13.3)),
    _life("statecare", "A", ("1.7", 10.1)),
    _life("bluestone", "A", asked="3.7-WM"),
    _life("meridian", "A", asked="2.1"),
)
"""Twenty-seven people; every level has somebody."""

HISTORY_DAYS: Final = 21
SEED: Final = 7
FIRST_BUNDLE: Final = 200
"""Their bundles are others than the fifty of the rehearsal, so both can be loaded."""
