"""What a consent says, by the day it is signed: its wording by language and version, and who must sign for minors by state
(domain 3.2, 3.8). Looked up by the day it applies to, pinned by no stay (D12); what somebody signed is kept as it was shown."""

from datetime import date
from enum import StrEnum

from pydantic import Field, model_validator

from definitions.base import Definition
from definitions.signing import SigningParty
from definitions.vocabulary import Track


class ConsentElement(StrEnum):
    """What 42 CFR 2.31(a) asks a written consent to have; the words name a wording's fields."""

    PATIENT_NAME = "patient_name"
    DISCLOSER = "discloser"
    INFORMATION = "information"
    RECIPIENTS = "recipients"
    INTERMEDIARY = "intermediary"
    REDISCLOSURE_STATEMENT = "redisclosure_statement"
    PURPOSE = "purpose"
    RIGHT_TO_REVOKE = "right_to_revoke"
    EXPIRATION = "expiration"
    SIGNATURE = "signature"
    REFUSAL_CONSEQUENCES = "refusal_consequences"
    REDISCLOSURE_RISK = "redisclosure_risk"


class ConsentWording(Definition):
    """One form in one language, from a day on. Empty elements are not in it: a form that discloses and lacks one covers
    nothing (2.31(c)). `intermediary`: only where records go through one, with its participants."""

    form: str
    language: str = Field(min_length=2, max_length=12)
    version: str
    effective_from: date
    title: str
    text: str
    discloser: str = ""
    information: str = ""
    recipients: str = ""
    intermediary: str = ""
    redisclosure_statement: str = ""
    purpose: str = ""
    right_to_revoke: str = ""
    expiration: str = ""
    refusal_consequences: str = ""
    redisclosure_risk: str = ""


class MinorRule(Definition):
    """Who signs from an age on. `services` empty: at every level; otherwise only on these tracks."""

    from_age: int = Field(ge=0)
    services: tuple[Track, ...] = ()
    parties: tuple[SigningParty, ...] = Field(min_length=1)


class MinorLaw(Definition):
    """Minor consent law of one state from a day on (2.14: Part 2 follows it). `state` is the facility's, or `default` for
    states that nobody wrote down: then the minor and the guardian both sign. Counsel confirms these before use."""

    state: str
    effective_from: date
    majority_age: int = Field(default=18, ge=18, le=21)
    rules: tuple[MinorRule, ...]
    source: str

    @model_validator(mode="after")
    def _from_birth(self) -> "MinorLaw":
        if not any(rule.from_age == 0 and not rule.services for rule in self.rules):
            raise ValueError("give a rule from_age 0 for every service")
        return self
