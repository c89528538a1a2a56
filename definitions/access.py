"""What an identity provider's groups mean here."""

from definitions.base import WireModel
from definitions.vocabulary import Role


class GroupGrant(WireModel):
    """Who is in `group` has `role` at `facilities`; `*` is every facility."""

    group: str
    role: Role
    facilities: tuple[str, ...]
