"""Bodies about who is who: closed, silent about values in errors, like api/bodies.py."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from api.bodies import Body, Short
from definitions.identity import NotSameReason, Sketch


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
