"""Recorded histories replay, sandboxed, under today's code; a changed spine is refused (architecture 2)."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from runtime.codec import data_converter
from runtime.keyring import Keyring
from tests.workflows.changed_spine import ChangedEpisodeWorkflow
from worker import WORKFLOWS

HISTORIES = Path(__file__).parents[1] / "histories"
KEYRING = Keyring.parse(f"recorded:{'5a' * 32}", "a5" * 32)
"""The key the recordings were made under; it seals invented people only."""


def recorded() -> list[Path]:
    return sorted(HISTORIES.glob("*.json"))


def history(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, json.loads(file.read_text()))


def test_there_are_recordings_of_every_kind() -> None:
    kinds = {file.stem.split("-")[0] for file in recorded()}
    assert {"episode", "authorization", "midnight"} <= kinds


@pytest.mark.parametrize("file", recorded(), ids=lambda f: f.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter(KEYRING))
    await replayer.replay_workflow(history(file))


async def test_a_changed_spine_does_not_replay() -> None:
    file = next(f for f in recorded() if f.stem.startswith("episode-"))
    replayer = Replayer(workflows=[ChangedEpisodeWorkflow], data_converter=data_converter(KEYRING))
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history(file))
