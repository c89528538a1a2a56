"""How activities are timed and retried. Units stand in the names of what they configure."""

from datetime import timedelta
from typing import Any, Final

from temporalio.common import RetryPolicy

from definitions.queues import CARE, EXCHANGE

RECORD_WRITE: Final[dict[str, Any]] = {
    "task_queue": CARE,
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=20)
    ),
}
"""Writes retry for ever: the database comes back, and the key makes repeats harmless (D2)."""

RECORD_READ: Final[dict[str, Any]] = RECORD_WRITE

LEDGER_WRITE: Final[dict[str, Any]] = {
    "task_queue": CARE,
    "start_to_close_timeout": timedelta(minutes=20),
    "heartbeat_timeout": timedelta(seconds=60),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=1)
    ),
}
"""A facility's whole night; it heartbeats while it works."""

PARTNER_SEND: Final[dict[str, Any]] = {
    "task_queue": EXCHANGE,
    "start_to_close_timeout": timedelta(seconds=90),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=2),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=5),
    ),
}
"""Sending is decided by rows, not by retries: a repeat first looks at what the intent row says (D11)."""
