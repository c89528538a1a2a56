"""Consent forms: ours in text, versioned, with the elements 42 CFR 2.31 asks for as data (domain 3.2, 3.7)."""

from enum import StrEnum

from pydantic import Field, model_validator

from definitions.base import Definition
from definitions.vocabulary import ContentClass, Purpose


class ValidityKind(StrEnum):
    UNTIL_REVOKED = "until_revoked"
    DAYS = "days"
    EPISODE = "episode"


class ConsentForm(Definition):
    """One form. A form that authorizes disclosure names contents, purposes and recipients; one that does
    not (consent to treatment) leaves them empty and can never cover a disclosure.

    `renew_days_before`: reminders ahead of expiry, latest last (domain 3.4 default 30/14/3).
    `blocks`: what waits for it: `admission`, `payer`, `billing` or nothing.
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
    renew_days_before: tuple[int, ...] = (30, 14, 3)
    blocks: str | None = None
    redisclosure_notice: bool = False
    right_to_revoke: str = ""
    refusal_consequences: str = ""

    @model_validator(mode="after")
    def _days_belong_to_days(self) -> "ConsentForm":
        if (self.validity is ValidityKind.DAYS) != (self.valid_days is not None):
            raise ValueError("valid_days is given exactly when validity is days")
        return self
