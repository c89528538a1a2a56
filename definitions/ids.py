"""Identifiers: opaque, derived from the command's key so that a repeated command names the same rows (D2)."""

from typing import Final
from uuid import UUID, uuid5

STEPDOWN: Final = UUID("6f1a2f0e-7a53-5c0b-9d4e-2f1f5a0c9d11")
"""Our namespace for uuid5; changing it would orphan every derived row."""


def derived(key: str | UUID, *parts: str | int) -> UUID:
    """The id of the row that command `key` makes for `parts`; the same inputs always give the same id."""
    return uuid5(STEPDOWN, ":".join([str(key), *(str(p) for p in parts)]))


def episode_id_of(key: str) -> UUID:
    """The episode that the start command `key` opens."""
    return derived(key, "episode")


def episode_workflow(episode_id: UUID) -> str:
    return f"episode/{episode_id}"


def authorization_workflow(authorization_id: UUID) -> str:
    return f"authorization/{authorization_id}"


def midnight_workflow(facility: str) -> str:
    return f"midnight/{facility}"


def entity_of(workflow_id: str) -> UUID:
    """Inverse of `episode_workflow` and `authorization_workflow`."""
    return UUID(workflow_id.split("/", 1)[1])
