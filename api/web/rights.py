"""Which role may do which act on a page; the same table the API promises (api.md)."""

from typing import Final

from api.auth import STAFF
from api.errors import problem
from api.tokens import User
from definitions.errors import ErrorType
from definitions.vocabulary import Role

CARE = frozenset({Role.CLINICIAN, Role.ADMISSIONS})
RIGHTS: Final[dict[str, frozenset[Role]]] = {
    "see": frozenset(STAFF),
    "start": frozenset({Role.ADMISSIONS}),
    "assess": CARE,
    "consent": frozenset(STAFF),
    "guardian": CARE,
    "request": CARE,
    "sign_off": frozenset({Role.CLINICIAN}),
    "decide": frozenset({Role.REVIEWER}),
    "review": frozenset({Role.REVIEWER}),
    "leave": CARE,
    "discharge": CARE,
    "resolve": frozenset(STAFF),
    "break_glass": CARE | {Role.REVIEWER, Role.DIRECTOR},
    "review_glass": frozenset({Role.DIRECTOR}),
    "tell_apart": frozenset({Role.ADMISSIONS, Role.DIRECTOR}),
    "join": frozenset({Role.DIRECTOR}),
}


def may(user: User, act: str) -> bool:
    return user.role == Role.ADMIN.value or user.role in {r.value for r in RIGHTS[act]}


def must(user: User, act: str) -> None:
    """Raises a problem that names the roles which may."""
    if not may(user, act):
        who = " or ".join(sorted(r.value.replace("_", " ") for r in RIGHTS[act]))
        raise problem(ErrorType.FORBIDDEN, f"this needs the role {who}; ask somebody who has it")
