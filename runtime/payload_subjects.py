"""Whom a workflow payload is about, as far as it says so itself: for the record of who opened it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from temporalio.api.common.v1 import Payload

SUBJECTS: Final = {"person_id": "people", "episode_id": "episodes", "authorization_id": "authorizations"}
"""Fields of our messages that name somebody by an id (D15), and under what they are noted. Anything else is not noted."""


def subjects_of(payloads: Sequence[Payload]) -> dict[str, list[str]]:
    """Ids by kind, each once; only what is an id: a record of who read must not hold what was read."""
    found: dict[str, set[str]] = {}
    for payload in payloads:
        for name, value in _fields(_said(payload)):
            kind, known = SUBJECTS.get(name), _id(value)
            if kind is not None and known is not None:
                found.setdefault(kind, set()).add(known)
    return {kind: sorted(ids) for kind, ids in sorted(found.items())}


def _said(payload: Payload) -> Any:
    try:
        return json.loads(payload.data)
    except ValueError:  # no JSON, or not in UTF-8
        return None


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Every field, however deep; without recursion, for what is opened may nest as it likes."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _id(value: Any) -> str | None:
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None
