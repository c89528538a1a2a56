"""Released messages stay readable: golden payloads, unknown fields tolerated, values never in errors."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from definitions import authorization, dispute, episode, exchange, midnight
from definitions.base import WireModel

GOLDEN = Path(__file__).parent
MODELS = {
    f"{module.__name__.rsplit('.', 1)[-1]}.{name}": model
    for module in (episode, authorization, dispute, exchange, midnight)
    for name, model in inspect.getmembers(module, inspect.isclass)
    if issubclass(model, WireModel) and model.__module__ == module.__name__
}


def golden() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((GOLDEN / "golden.json").read_text())
    return found


@pytest.mark.parametrize("name", sorted(golden()))
def test_a_released_payload_still_reads_to_the_same(name: str) -> None:
    payload = golden()[name]
    read = MODELS[name].model_validate_json(json.dumps(payload))
    written = read.model_dump(mode="json")
    assert kept(written, payload) == payload


def kept(written: Any, payload: Any) -> Any:
    """What was written, of what the payload says: a later release may have added fields, also to a message's parts."""
    if isinstance(payload, dict):
        return {key: kept(written[key], said) for key, said in payload.items()}
    if isinstance(payload, list) and len(written) == len(payload):
        return [kept(one, said) for one, said in zip(written, payload, strict=True)]
    return written


@pytest.mark.parametrize("name", sorted(golden()))
def test_a_field_of_the_future_is_tolerated(name: str) -> None:
    MODELS[name].model_validate_json(json.dumps({**golden()[name], "added_next_year": 1}))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_message_is_frozen_tolerant_and_silent(name: str) -> None:
    config = MODELS[name].model_config
    assert (config["frozen"], config["extra"], config["hide_input_in_errors"]) == (True, "ignore", True)


def test_every_message_that_is_sent_to_a_case_has_a_golden_payload() -> None:
    sent = {
        n for n, m in MODELS.items() if issubclass(m, authorization.CaseCommand) and m is not authorization.CaseCommand
    }
    assert sent <= set(golden())


def test_errors_do_not_print_values() -> None:
    with pytest.raises(ValidationError) as error:
        episode.ReadEpisode.model_validate({"episode_id": "Robin Testerman"})
    assert "Testerman" not in str(error.value)
