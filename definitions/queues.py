"""Task queues: entities and records, partners, reports (architecture 2). Plain text on the server."""

from typing import Final

CARE: Final = "care"
EXCHANGE: Final = "exchange"
DESK: Final = "desk"
