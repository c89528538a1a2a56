"""One measured number a line: `{"name", "value", "unit", "floor", "ratio"}`. Floors are measured in the same run."""

import json
import sys
from collections.abc import Sequence
from statistics import median
from typing import Any

DIGITS = 4


def percentile(values: Sequence[float], share: float) -> float:
    """The measured value below which `share` of the values lie (0 to 1, or 1 to 100 as per cent)."""
    ordered = sorted(values)
    part = share / 100 if share > 1 else share
    return ordered[min(len(ordered) - 1, max(0, round(part * (len(ordered) - 1))))]


def middle(values: Sequence[float]) -> float:
    """The median: two noisy cores spoil means."""
    return float(median(values))


def report(name: str, value: float, unit: str, floor: float | None = None, **more: Any) -> None:
    """Print one line at once. `floor` is the least anybody could do for the same result; `ratio` is value by floor,
    None without a floor. `more` goes into the line as it is."""
    line = {
        "name": name,
        "value": round(value, DIGITS),
        "unit": unit,
        "floor": None if floor is None else round(floor, DIGITS),
        "ratio": round(value / floor, DIGITS) if floor else None,
        **more,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
