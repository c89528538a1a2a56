"""What a later answer must know of the file that its question came in."""

import json
from dataclasses import asdict, dataclass
from typing import Final

from interchange.x12.envelope import Group, Interchange, Transaction

NOTICE: Final = "notice"
"""What stands for UM02 in the row of a notification."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Parties as the question named them: the answer goes the other way."""

    sender: str
    receiver: str
    group: str
    functional_id: str
    version: str
    transaction: str
    kind: str
    channel: str = "x12"
    """`pas`: it came as a FHIR bundle, and so go its answers."""
    items: str = "{}"
    """Of a bundle: by the trace of each item that was asked, its sequence, JSON."""

    @property
    def sequences(self) -> dict[str, int]:
        return {str(trace): int(n) for trace, n in json.loads(self.items).items()}

    @classmethod
    def of(cls, interchange: Interchange, group: Group, transaction: Transaction) -> "Envelope":
        return cls(
            interchange.sender, interchange.receiver, group.control, group.functional_id, group.version,
            transaction.control, transaction.kind,
        )  # fmt: skip

    @classmethod
    def read(cls, text: str) -> "Envelope":
        return cls(**json.loads(text))

    def text(self) -> str:
        return json.dumps(asdict(self))
