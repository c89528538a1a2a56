"""Logs that carry ids, codes and places in our code, never people (architecture 5).

Two rules do the work. Keys that could name a person are masked wherever they stand. Exceptions are
written as their types and the lines they passed: messages and local values may quote a row."""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from typing import Any, Final, TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor

MASK: Final = "***"
FRAMES_MAX: Final = 12
CHAIN_MAX: Final = 6
LINE_MAX: Final = 400

PERSONAL: Final = frozenset(
    """name names given family first last middle birth dob born address street city zip postal phone tel telephone
    email mail ssn mrn member subscriber insured gender race guardian contact diagnosis diagnoses answers answer note
    notes text comment rationale sealed password secret token cookie bearer keyring dsn""".split()  # noqa: SIM905
)
"""Words that make a key personal or secret wherever they stand in it: a member id names a person."""

CONTENT: Final = frozenset(
    """person patient body payload content details document authorization key keys url query params parameters
    statement""".split()  # noqa: SIM905
)
"""Words that make a key personal unless it ends in one of `POINTERS`: `patient_id` is fine, `patient` is not."""

POINTERS: Final = frozenset({"id", "ids", "count", "kind", "type", "code", "status", "version", "hash", "bytes"})
ALLOWED: Final = frozenset({"logger_name", "event_name", "workflow_name", "activity_name"})

# uvicorn's access lines quote query strings, and a search is somebody's name; the API logs route templates itself.
# HTTP client lines quote partners' addresses. Both are silenced as a whole.
SILENCED: Final = ("uvicorn.access", "httpx2", "httpx", "httpcore", "httpcore2")


def configure(level: str = "info", form: str = "json", service: str = "stepdown", stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers through one redacting pipeline. Call once, at an
    entry; `service` names the process on every line."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        shorten_exception,
        redact,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )

    def name_service(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[first_line, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, name_service, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in SILENCED:
        logging.getLogger(name).disabled = True


def bind(**values: str) -> None:
    """Add ids (`request_id`, `workflow_id`, `episode_id`) to every line of this task until `unbind`."""
    structlog.contextvars.bind_contextvars(**values)


def unbind() -> None:
    structlog.contextvars.clear_contextvars()


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask personal keys at any depth and reduce unknown objects to their type."""
    kept = {k: v for k, v in event.items() if k.startswith("_")}
    return {k: _clean(k, v) for k, v in event.items() if not k.startswith("_")} | kept


def first_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Keep the first line of a library's message: asyncio's second line quotes the exception with its values."""
    event["event"] = str(event.get("event", "")).partition("\n")[0][:LINE_MAX]
    return event


def shorten_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by `error` (types, outermost first) and `at` (file:line function, innermost last)."""
    error = _exception_of(event.pop("exc_info", None))
    event.pop("exception", None)
    event.pop("stack_info", None)
    if error is not None:
        event["error"] = [_named(link) for link in _chain(error)]
        event["at"] = _places(error)
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        # The formatter would otherwise append the full traceback after our renderer.
        record.exc_info = None
        record.exc_text = None
    return event


def is_personal(key: str) -> bool:
    """Whether a key may hold something about a person, or a secret."""
    if key in ALLOWED:
        return False
    words = key.lower().replace("-", "_").split("_")
    if any(word in PERSONAL for word in words):
        return True
    return words[-1] not in POINTERS and any(word in CONTENT for word in words)


def _clean(key: str, value: Any) -> Any:
    if is_personal(key):
        return MASK
    if value is None or isinstance(value, str | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, UUID | date | timedelta | Enum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _clean(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(key, item) for item in value]
    return f"<{type(value).__name__}>"


def _exception_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        given = given[1]
        return given if isinstance(given, BaseException) else None
    return sys.exc_info()[1] if given else None


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links and len(links) < CHAIN_MAX:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _named(error: BaseException) -> str:
    """The type, with the stable code where an exception has one: ApplicationError.type, psycopg's sqlstate."""
    code = getattr(error, "type", None) or getattr(error, "sqlstate", None)
    return f"{type(error).__name__}({code})" if isinstance(code, str) else type(error).__name__


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    return [f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in frames]
