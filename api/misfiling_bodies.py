"""Bodies about what was charted on the wrong episode: closed, silent about values in errors, like api/bodies.py."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.bodies import Body
from definitions.misfiling import MisfiledKind, MisfilingReason


class MisfilingPreviewBody(Body):
    """`subject`: the fact; for attendance the session. `right_episode`: where it belongs, if that is known and it is to be
    recorded there."""

    kind: MisfiledKind
    subject: UUID
    right_episode: UUID | None = None


class MisfilingBody(MisfilingPreviewBody):
    """`seen`: of the preview, so that nothing follows that nobody saw."""

    reason: MisfilingReason
    seen: Annotated[str, Field(min_length=16, max_length=128)]
