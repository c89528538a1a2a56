"""Bodies about who may sign in."""

from typing import Annotated

from pydantic import Field

from api.bodies import Body
from definitions.sign_in_change import SignInReason
from definitions.vocabulary import Role

Username = Annotated[str, Field(min_length=2, max_length=80, pattern=r"^[a-z0-9][a-z0-9._@-]+$")]
Houses = Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(min_length=1, max_length=200)]


class NewUserBody(Body):
    """`facilities`: keys, or `*` for every one."""

    username: Username
    role: Role
    facilities: Houses


class UserChangesBody(Body):
    """What is left out stays as it is."""

    role: Role | None = None
    facilities: Houses | None = None
    disabled: bool | None = None
    reason: SignInReason


class SignInReasonBody(Body):
    reason: SignInReason


class UserSignOutBody(Body):
    """`local`: of our own users, where an issuer is set too. `machine`: a payer's machines; the name is the payer's key."""

    reason: SignInReason
    local: bool = False
    machine: bool = False
