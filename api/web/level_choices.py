"""The levels a person may be asked for from where they are, as the form offers them (domain 1.7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from definitions.level import LevelOfCare
from definitions.vocabulary import TransitionKind
from storage.reads.episodes import EpisodePage

BESIDE: Final = "beside:"
"""Before a level in the form: it begins beside the stay that is open, and both go on."""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


def level_choices(levels: Mapping[str, LevelOfCare], found: EpisodePage) -> list[Choice]:
    """Before admission every level of the house, the one asked for first; later the legal moves, usual ones first,
    then one of two parallel stays alone, then what may run beside."""
    level = levels.get(found.episode.level or "")
    if level is None:
        asked = sorted(levels.values(), key=lambda one: one.key != found.episode.requested_level)
        return [Choice(one.key, _name(one)) for one in asked]
    going_on = [s for s in found.stays if s.ended_at is None]
    alone = [s.level for s in going_on] if len(going_on) > 1 else []
    ways = sorted(level.moves, key=lambda m: not m.common)
    moves = [
        Choice(m.to, _name(levels[m.to]))
        for m in ways
        if m.to in levels and m.kind is not TransitionKind.PARALLEL and m.to not in alone
    ]
    ends = [
        Choice(key, f"{_name(levels[key])} alone: {', '.join(k for k in alone if k != key)} ends")
        for key in alone
        if key in levels
    ]
    tracks = {s.track for s in going_on}
    beside = [
        Choice(f"{BESIDE}{m.to}", f"{_name(levels[m.to])}, beside {level.key}: both go on")
        for m in ways
        if m.kind is TransitionKind.PARALLEL and m.to in levels and levels[m.to].track not in tracks
    ]
    return moves + ends + beside


def _name(level: LevelOfCare) -> str:
    return f"{level.key} {level.trade_name}"


def asked_level(said: str) -> tuple[str, bool]:
    """(level, beside the open stay) as a form sent it."""
    return said.removeprefix(BESIDE), said.startswith(BESIDE)
