"""Bodies about disclosures that people make, and about the paths without consent they may ride on (domain 3.5)."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from api.bodies import Body, Day, Short, Text
from definitions.disclosure import ContentPart, Evidence, ExceptionKind
from definitions.vocabulary import ContentClass, Purpose

Recipient = Annotated[str, Field(pattern=r"^[a-z_]+/[A-Za-z0-9._\-]{1,60}$")]
"""Kind and key of who gets it, such as `hospital/mercy`; organizations and offices, never a person's name."""
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,63}$")]
"""An id or a code. Words, which may name somebody, go into `words` and are sealed."""
Contents = Annotated[list[ContentClass], Field(min_length=1, max_length=7)]
Channel = Literal["telephone", "portal", "fax", "post", "in_person"]


class ExceptionBody(Body):
    """`evidence`: ids and codes by name; `words`: what may name somebody (who received it, the affiliation), sealed and
    kept as `medical_personnel` where that is not said otherwise."""

    kind: ExceptionKind
    recipient: Recipient
    contents: Contents
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    evidence: dict[Evidence, Code] = {}
    words: Text | None = None


class HouseExceptionBody(Body):
    """About no one person: a service agreement, an audit of the house."""

    kind: Literal[ExceptionKind.SERVICE_ORGANIZATION, ExceptionKind.AUDIT_EVALUATION]
    recipient: Recipient
    contents: Contents
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    evidence: dict[Evidence, Code] = {}


class EndExceptionBody(Body):
    reason: Code


class LegalDemandBody(Body):
    """A subpoena, a warrant or an order, as it was received. Without `order` and `subpoena` both, nothing is released."""

    kind: Literal["subpoena", "warrant", "court_order"]
    recipient: Recipient
    contents: Contents
    received_at: AwareDatetime
    valid_until: AwareDatetime | None = None
    court: Code
    order: Code | None = None
    subpoena: Code | None = None
    words: Text | None = None


class AskBody(Body):
    """What would go, to whom, for what. `recipient_class`: the class phrase it belongs to, for class-wide consents.
    `intermediary`: through whom it goes, who passes it on. `from_date`, `through_date`: the service dates it is about."""

    content: ContentClass
    purpose: Purpose
    recipient: Recipient
    recipient_class: Short
    intermediary: Annotated[str, Field(pattern=r"^intermediary/[A-Za-z0-9._\-]{1,60}$")] | None = None
    parts: Annotated[list[ContentPart], Field(max_length=12)] = []
    from_date: Day | None = None
    through_date: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "AskBody":
        if (self.from_date is None) != (self.through_date is None):
            raise ValueError("say both dates, or neither")
        if self.from_date is not None and self.through_date is not None and self.through_date < self.from_date:
            raise ValueError("the records end before they begin")
        return self


class DisclosureBody(AskBody):
    """A disclosure made by a person. `outcome`: `sent` when it has been made, `intended` when it is about to be, and then
    what became of it is said afterwards. `emergency`: the evidence of 2.51 when it rides on nothing else; written down
    in the same moment."""

    channel: Channel
    disclosed_at: AwareDatetime
    outcome: Literal["sent", "intended"] = "sent"
    words: Text
    """What was said or handed over, sealed."""
    emergency: dict[Evidence, Code] | None = None
    received_by: Text | None = None
    """Who received it and their affiliation (2.51(c)), sealed."""


class OutcomeBody(Body):
    outcome: Literal["sent", "unknown", "not_sent"]
