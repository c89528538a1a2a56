"""What a form on the episode page asks for, as a command: one entry per act (D2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api.commands import command_key
from api.errors import problem
from api.tokens import User
from api.web.forms import Form
from definitions.episode import (
    Command,
    DecideTransition,
    Decision,
    DischargeEpisode,
    RequestTransition,
    ResolveItem,
    ReturnFromLeave,
    RevokeConsent,
    SignConsent,
    SignOffTransition,
    StartLeave,
    WithdrawTransition,
)
from definitions.errors import ErrorType
from definitions.vocabulary import DeviationReason, Disposition, MovementKind, Role


@dataclass(frozen=True, slots=True)
class Ask:
    """A form with who sent it, about which episode, in which zone its times are."""

    form: Form
    user: User
    episode_id: UUID
    zone: str

    def moment(self, name: str, label: str) -> datetime:
        return self.form.moment(name, label, self.zone)

    def about(self, now: datetime) -> dict[str, Any]:
        version = self.form.text("version")
        return {
            "key": command_key(self.user, self.form.key),
            "actor": self.user.actor,
            "role": Role(self.user.role),
            "now": now,
            "episode_id": self.episode_id,
            "expected_version": int(version) if version.isdigit() else None,
        }


@dataclass(frozen=True, slots=True)
class Act:
    """`said` is what the page says once it is done; `build` makes the command's own fields."""

    right: str
    update: str
    command: Callable[..., Command]
    fields: Callable[[Ask], dict[str, Any]]
    said: str

    def prepare(self, ask: Ask) -> tuple[dict[str, Any], Callable[[datetime], Command]]:
        """(body to remember, maker of the command). Raises a problem when a field is wrong."""
        own = self.fields(ask)
        body = {"episode_id": str(ask.episode_id), **{k: str(v) for k, v in own.items() if v is not None}}
        return body, lambda now: self.command(**ask.about(now), **own)


def _choice[T](ask: Ask, name: str, label: str, kinds: Callable[[str], T]) -> T:
    try:
        return kinds(ask.form.needed(name, label))
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, f"{label} is not one of the choices", field=name) from None
