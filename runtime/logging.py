"""Logs carry ids and codes. Keys that could name a person are masked, and tracebacks lose their values."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

MASKED = frozenset(
    "name family given birth_date dob member_id address telephone phone email ssn mrn answers body text password "
    "secret token authorization".split()
)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if key.lower() in MASKED:
            event[key] = "***"
    return event


def configure(level: str = "info", form: str = "json", service: str = "stepdown") -> None:
    """Set up structured logging for this process; library logs go through the same door."""
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(stream=sys.stderr, level=getattr(logging, level.upper()), format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
