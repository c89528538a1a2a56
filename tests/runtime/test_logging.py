"""Logs carry ids and places, never people: keys are masked, exceptions lose their messages."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from definitions.base import WireModel
from runtime.logging import SILENCED, bind, configure, is_personal, unbind

NAME = "Quillfeather"


class Note(WireModel):
    text: str


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    buffer = io.StringIO()
    configure("info", "json", "api", buffer)
    yield buffer
    unbind()
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)
    for name in SILENCED:
        logging.getLogger(name).disabled = False


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ids_codes_and_bound_context_stay(stream: io.StringIO) -> None:
    bind(request_id="r-1", workflow_id="episode/1")
    structlog.get_logger("here").info("transition executed", episode_id=UUID(int=5), level="3.5", patient_id="p-1", n=3)
    (line,) = lines(stream)
    assert line["request_id"] == "r-1"
    assert line["workflow_id"] == "episode/1"
    assert line["episode_id"] == str(UUID(int=5))
    assert (line["patient_id"], line["n"], line["event"]) == ("p-1", 3, "transition executed")
    assert (line["logger"], line["service"]) == ("here", "api")


@pytest.mark.parametrize(
    "key",
    ["name", "family_name", "patient", "birth_date", "member_id", "ssn", "phone", "password", "access_token", "body",
     "answers", "diagnosis_code", "database_url", "keyring", "authorization", "zip_code", "rationale"],
)  # fmt: skip
def test_personal_keys_are_masked_at_any_depth(stream: io.StringIO, key: str) -> None:
    log = structlog.get_logger("here")
    log.info("flat", **{key: NAME})
    log.info("deep", row={"inner": [{key: NAME}]})
    assert NAME not in stream.getvalue()
    assert len(lines(stream)) == 2


@pytest.mark.parametrize(
    "key", ["episode_id", "patient_id", "payload_bytes", "authorization_id", "level", "workflow_name"]
)
def test_pointers_are_not_personal(key: str) -> None:
    assert not is_personal(key)


def test_models_are_reduced_to_their_type(stream: io.StringIO) -> None:
    structlog.get_logger("here").info("got", thing=Note(text=NAME), raw=NAME.encode())
    (line,) = lines(stream)
    assert (line["thing"], line["raw"]) == ("<Note>", "<bytes>")


def test_exceptions_keep_types_and_places_only(stream: io.StringIO) -> None:
    def inner() -> None:
        raise KeyError(NAME)

    try:
        try:
            inner()
        except KeyError as error:
            raise RuntimeError(f"row of {NAME}") from error
    except RuntimeError:
        structlog.get_logger("here").exception("failed")
        logging.getLogger("library").exception("library failed")
    assert NAME not in stream.getvalue()
    for line in lines(stream):
        assert line["error"] == ["RuntimeError", "KeyError"]
        assert any("test_logging.py" in place for place in line["at"])


def test_library_lines_pass_the_same_pipe_but_access_lines_do_not(stream: io.StringIO) -> None:
    bind(request_id="r-2")
    logging.getLogger("library").warning("retry %d", 3)
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: {NAME}")
    logging.getLogger("uvicorn.access").info(f"GET /v1/episodes?q={NAME}")
    first, second = lines(stream)
    assert (first["event"], first["request_id"], first["level"]) == ("retry 3", "r-2", "warning")
    assert second["event"] == "Task exception was never retrieved"
    assert NAME not in stream.getvalue()


def test_the_console_form_masks_too(stream: io.StringIO) -> None:
    configure("info", "console", "api", stream)
    try:
        raise ValueError(NAME)
    except ValueError:
        structlog.get_logger("here").exception("failed", name=NAME, episode_id="e-1")
    assert NAME not in stream.getvalue()
    assert "e-1" in stream.getvalue()


def test_the_level_is_kept(stream: io.StringIO) -> None:
    structlog.get_logger("here").debug("quiet")
    logging.getLogger("library").debug("quiet")
    assert stream.getvalue() == ""
