"""Bodies about who is who: closed, silent about values in errors, like api/bodies.py."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from api.bodies import Body, Short, Version
from definitions.identity import MergeReason, NotSameReason, Sketch


class PersonSearchBody(Body):
    """By what is known; the rest is left out. A given name alone names half the house: say the birth date or a year."""

    family: Short | None = None
    given: Annotated[list[Short], Field(max_length=5)] = []
    birth_date: date | None = None
    birth_year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    gender: Literal["F", "M", "U"] = "U"
    member_id: Annotated[str, Field(max_length=40)] = ""

    @model_validator(mode="after")
    def _something(self) -> "PersonSearchBody":
        if self.family or self.birth_date or self.member_id:
            return self
        raise ValueError("say a family name, a birth date or a member id")

    def sketch(self) -> Sketch:
        return Sketch(
            family=self.family, given=tuple(self.given), birth_date=self.birth_date, birth_year=self.birth_year,
            gender=self.gender, member_ids=(self.member_id,) if self.member_id else (),
        )  # fmt: skip


class DismissBody(Body):
    """Why these are two people."""

    reason: NotSameReason


class MergePreviewBody(Body):
    """`merged`: the record that is joined to the one in the address."""

    merged: UUID


class MergeBody(Body):
    """Both versions as the preview showed them. `ends_episode`: which of two running episodes is closed as admitted in
    error, where the preview says that one has to."""

    merged: UUID
    version: Version
    merged_version: Version
    reason: MergeReason
    ends_episode: UUID | None = None


class UnmergeBody(Body):
    """`gives_back`: episodes opened since the merge that belong to the record that comes back; everything else recorded
    since stays with the survivor, but for what was recorded on the returning episodes themselves."""

    merge_id: UUID
    version: Version
    reason: MergeReason
    gives_back: Annotated[list[UUID], Field(max_length=50)] = []
