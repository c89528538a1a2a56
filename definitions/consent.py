"""Consent forms: ours in text, versioned, with the elements 42 CFR 2.31 asks for as data (domain 3.2, 3.7)."""

from enum import StrEnum

from pydantic import Field, model_validator

from definitions.base import Definition
from definitions.vocabulary import ContentClass, Purpose


class ValidityKind(StrEnum):
    UNTIL_REVOKED = "until_revoked"
    DAYS = "days"
    EPISODE = "episode"


class EndEvent(StrEnum):
    """What ends a consent beside its term (2.31(a)(7): date, event or condition)."""

    DISCHARGE = "discharge"
    """The treatment episode it was signed in has ended."""
    CONDITION = "condition"
    """What the form names has come about, such as the end of a supervision: staff record it."""


class RecipientKind(StrEnum):
    """Whom a form's recipients must be, where that is said by key and not in words."""

    PAYER = "payer"
    INTERMEDIARY = "intermediary"
    """Passes records on to its participants (2.11, 2.31(a)(4)(ii)); never somebody who only carries them for us."""


class ConsentForm(Definition):
    """One form. A form that authorizes disclosure names contents, purposes and recipients; one that does
    not (consent to treatment) leaves them empty and can never cover a disclosure.

    `renew_days_before`: reminders ahead of expiry, latest last (domain 3.4 default 30/14/3).
    `blocks`: what waits for it: `admission`, `payer`, `billing` or nothing.
    `ends_on`, `ends_after_days`: ends with an event, these days after it, or by its term if that comes first.
    `recipient_kind`: the one recipient is of this kind, by its key; with an intermediary the classes are those of its
    participants, where it names none.
    """

    key: str
    edition: str
    title: str
    text: str
    purposes: tuple[Purpose, ...] = ()
    contents: tuple[ContentClass, ...] = ()
    recipient_classes: tuple[str, ...] = ()
    names_recipients: bool = False
    validity: ValidityKind
    valid_days: int | None = Field(default=None, gt=0)
    ends_on: EndEvent | None = None
    ends_after_days: int = Field(default=0, ge=0)
    recipient_kind: RecipientKind | None = None
    renew_days_before: tuple[int, ...] = (30, 14, 3)
    blocks: str | None = None
    redisclosure_notice: bool = False
    right_to_revoke: str = ""
    refusal_consequences: str = ""

    @model_validator(mode="after")
    def _days_belong_to_days(self) -> "ConsentForm":
        if (self.validity is ValidityKind.DAYS) != (self.valid_days is not None):
            raise ValueError("valid_days is given exactly when validity is days")
        if self.ends_after_days and self.ends_on is None:
            raise ValueError("ends_after_days is given with ends_on only")
        if self.recipient_kind is not None and not self.names_recipients:
            raise ValueError("recipient_kind is given with names_recipients only")
        return self

    @property
    def event(self) -> EndEvent | None:
        """What ends it beside its term; a form for an episode ends with it."""
        return EndEvent.DISCHARGE if self.validity is ValidityKind.EPISODE else self.ends_on
