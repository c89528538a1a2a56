"""Bodies of asking to see somebody against the ordinary rule, and of a person's own list."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from api.bodies import Body, Text
from api.disclosure_bodies import Code
from definitions.break_glass import AccessKind, GlassFinding, GlassReason


class BreakGlassBody(Body):
    """`words`: why, in the asker's own; kept sealed under the person's key."""

    episode_id: UUID
    reason: GlassReason
    words: Text


class GlassReviewBody(Body):
    finding: GlassFinding


class AccessBody(Body):
    """`username`: whom the line is about; nobody for a restriction. `reason`: a code."""

    kind: AccessKind
    username: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")] | None = None
    reason: Code

    @model_validator(mode="after")
    def _about_somebody(self) -> "AccessBody":
        if (self.kind is AccessKind.RESTRICTED) != (self.username is None):
            raise ValueError("a block and a permission name a user, a restriction names nobody")
        return self


Narrow = Literal["unreviewed", "all"]
