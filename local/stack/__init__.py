"""The servers and processes of a local installation, brought up by one command (D4).

    python -m local.stack up | down | status | reset

`EmbeddedPostgres` and `EmbeddedTemporal` are also what tests and rehearsals start."""

from local.stack.errors import StackError
from local.stack.postgres import EmbeddedPostgres
from local.stack.temporal import EmbeddedTemporal

__all__ = ["EmbeddedPostgres", "EmbeddedTemporal", "StackError"]
