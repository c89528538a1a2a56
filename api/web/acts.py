"""What a form on the episode page asks for, as a command: one entry per act (D2)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from api.commands import command_key
from api.errors import problem
from api.tokens import User
from api.web.forms import Form
from api.web.level_choices import asked_level
from definitions.episode import (
    Command,
    DecideTransition,
    Decision,
    DischargeEpisode,
    RequestTransition,
    ResolveItem,
    ReturnFromLeave,
    SignOffTransition,
    StartLeave,
    WithdrawTransition,
)
from definitions.errors import ErrorType
from definitions.vocabulary import DeviationReason, Disposition, MovementKind, Role

E = TypeVar("E", bound=StrEnum)


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


def _choice(ask: Ask, name: str, label: str, kinds: type[E]) -> E:
    try:
        return kinds(ask.form.needed(name, label))
    except ValueError:
        raise problem(ErrorType.INVALID_REQUEST, f"{label} is not one of the choices", field=name) from None


def _request(ask: Ask) -> dict[str, Any]:
    form = ask.form
    deviation = form.maybe("deviation_reason")
    level, beside = asked_level(form.needed("to_level", "The level"))
    return {
        "to_level": level,
        "bed_id": form.maybe("bed_id"),
        "effective_at": ask.moment("effective_at", "When it takes effect"),
        "rationale": form.needed("rationale", "The rationale"),
        "deviation_reason": _choice(ask, "deviation_reason", "The reason", DeviationReason) if deviation else None,
        "urgent": form.ticked("urgent"),
        "parallel": beside,
    }


def _sign_off(ask: Ask) -> dict[str, Any]:
    return {"transition_id": ask.form.identifier("transition_id"), "order": ask.form.ticked("order")}


def _withdraw(ask: Ask) -> dict[str, Any]:
    return {
        "transition_id": ask.form.identifier("transition_id"),
        "reason": ask.form.needed("reason", "The reason"),
    }


def decision(ask: Ask) -> dict[str, Any]:
    """The reviewer's decision on the version and plan the card showed; anything but approval needs a reason."""
    chosen = _choice(ask, "decision", "The decision", Decision)
    reason = ask.form.maybe("reason")
    if chosen is not Decision.APPROVE and reason is None:
        said = f"say why you {chosen.value} it: the clinician reads this"
        raise problem(ErrorType.INVALID_REQUEST, said, field="reason")
    return {
        "transition_id": ask.form.identifier("transition_id"),
        "transition_version": ask.form.whole("transition_version", "The version of the request"),
        "decision": chosen,
        "reason": reason,
        "plan_fingerprint": ask.form.maybe("plan_fingerprint"),
    }


def _leave(ask: Ask) -> dict[str, Any]:
    return {
        "kind": _choice(ask, "kind", "The kind of leave", MovementKind),
        "left_at": ask.moment("left_at", "When they left"),
        "expected_return_at": ask.form.moment_or_none("expected_return_at", "The expected return", ask.zone),
        "reason": ask.form.needed("reason", "The reason"),
    }


def _return(ask: Ask) -> dict[str, Any]:
    return {"returned_at": ask.moment("returned_at", "When they came back"), "bed_id": ask.form.maybe("bed_id")}


def _discharge(ask: Ask) -> dict[str, Any]:
    return {
        "disposition": _choice(ask, "disposition", "How the episode ends", Disposition),
        "effective_at": ask.moment("effective_at", "When it takes effect"),
        "reason": ask.form.needed("reason", "The reason"),
    }


def _resolve(ask: Ask) -> dict[str, Any]:
    return {
        "item_id": ask.form.identifier("item_id"),
        "resolution": ask.form.needed("resolution", "What was done"),
        "cancelled": ask.form.ticked("cancelled"),
    }


ACTS: Final[dict[str, Act]] = {
    "request": Act("request", "request_transition", RequestTransition, _request, "The level was asked for."),
    "sign-off": Act("sign_off", "sign_off_transition", SignOffTransition, _sign_off, "Signed."),
    "withdraw": Act("request", "withdraw_transition", WithdrawTransition, _withdraw, "The request was withdrawn."),
    "decide": Act("decide", "decide_transition", DecideTransition, decision, "The decision was recorded."),
    "leave": Act("leave", "start_leave", StartLeave, _leave, "The leave was recorded."),
    "return": Act("leave", "return_from_leave", ReturnFromLeave, _return, "The return was recorded."),
    "discharge": Act("discharge", "discharge", DischargeEpisode, _discharge, "The end of the episode was recorded."),
    "resolve": Act("resolve", "resolve_item", ResolveItem, _resolve, "The item was closed."),
}
