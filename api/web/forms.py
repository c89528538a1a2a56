"""What a form sent: checked for its origin, its key and its local times, and kept to be shown again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from api.commands import CommandResult
from api.errors import Problem, problem
from api.sessions import csrf_holds
from definitions.errors import ErrorType, Refusal
from rules.calendar import local_instant

KEY_LENGTH: Final = range(8, 201)
MOST_TEXT: Final = 4000
HIDDEN: Final = frozenset({"csrf", "key", "fold"})


@dataclass(frozen=True, slots=True)
class Form:
    """One act's fields. `typed` is what is shown again beside an error; hidden fields are not part of it."""

    key: str
    values: dict[str, list[str]]
    uploads: dict[str, UploadFile] = field(default_factory=dict)

    @property
    def typed(self) -> dict[str, str]:
        return {name: found[0] for name, found in self.values.items() if name not in HIDDEN and found}

    def text(self, name: str) -> str:
        return (self.values.get(name) or [""])[0].strip()

    def maybe(self, name: str) -> str | None:
        return self.text(name) or None

    def many(self, name: str) -> list[str]:
        return [v.strip() for v in self.values.get(name, []) if v.strip()]

    def ticked(self, name: str) -> bool:
        return self.text(name) == "yes"

    def needed(self, name: str, label: str) -> str:
        found = self.text(name)
        if not found:
            raise problem(ErrorType.INVALID_REQUEST, f"{label} is empty; fill it in and send again", field=name)
        return found

    def whole(self, name: str, label: str) -> int:
        text = self.needed(name, label)
        if not (text.isascii() and text.isdigit()):
            raise problem(ErrorType.INVALID_REQUEST, f"{label} must be a whole number", field=name)
        return int(text)

    def identifier(self, name: str) -> UUID:
        try:
            return UUID(self.text(name))
        except ValueError:
            raise problem(ErrorType.INVALID_REQUEST, "the page sent no valid id; load it again") from None

    def moment(self, name: str, label: str, zone: str) -> datetime:
        """A local wall time as an instant; a night when clocks change is refused unless the field says which."""
        text = self.needed(name, label)
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            raise problem(ErrorType.INVALID_REQUEST, f"{label} is not a date and time", field=name) from None
        if wall.tzinfo is not None:
            return wall
        fold = {"first": 0, "second": 1}.get(self.text("fold"))
        found = local_instant(wall.date(), wall.time(), zone, fold=fold)
        if isinstance(found, Refusal):
            raise Problem(found)
        return self._as_shown(found)

    def _as_shown(self, minute: datetime) -> datetime:
        """A field shows minutes. Left as the page filled it, it means the page's own moment to the second, so that
        what was recorded earlier in that minute stays earlier."""
        try:
            seen = datetime.fromisoformat(self.text("as_of"))
        except ValueError:
            return minute
        return seen if seen.tzinfo is not None and seen.replace(second=0, microsecond=0) == minute else minute

    def moment_or_none(self, name: str, label: str, zone: str) -> datetime | None:
        return self.moment(name, label, zone) if self.text(name) else None


async def read_form(request: Request) -> Form:
    """Raises a problem when the form did not come from a page of ours."""
    sent: FormData = await request.form()
    values: dict[str, list[str]] = {}
    uploads: dict[str, UploadFile] = {}
    for name, value in sent.multi_items():
        if isinstance(value, UploadFile):
            uploads[name] = value
        elif len(value) <= MOST_TEXT:
            values.setdefault(name, []).append(value)
        else:
            raise problem(ErrorType.INVALID_REQUEST, f"{name} is too long; at most {MOST_TEXT} characters")
    if not csrf_holds(request, (values.get("csrf") or [""])[0]):
        raise problem(ErrorType.FORBIDDEN, "this page is too old or was opened elsewhere; load it again and repeat")
    key = (values.get("key") or [""])[0]
    if len(key) not in KEY_LENGTH:
        raise problem(ErrorType.IDEMPOTENCY_KEY_MISSING, "the page sent no key for this act; load it again")
    return Form(key, values, uploads)


def outcome_of(refused: Problem) -> dict[str, Any]:
    """What stands beside a form that was refused before it was sent on."""
    said = refused.refusal
    return {
        "code": said.code.value,
        "detail": said.detail,
        "field": refused.more.get("field"),
        "status": refused.status,
        "candidates": refused.more.get("candidates", []),
    }


def refusal_of(result: CommandResult) -> dict[str, Any]:
    """What stands beside a form whose command was refused."""
    return {
        "code": result.body["code"],
        "detail": result.body["detail"],
        "field": None,
        "status": result.status_code,
    }
