"""Who signs a consent, on what authority, how, and in what state (domain 3.4, 3.8; 42 CFR 2.14, 2.15, 2.31)."""

from enum import StrEnum


class SigningParty(StrEnum):
    """Who signs a consent. A representative signs for an adult, by a document of authority (2.15)."""

    PATIENT = "patient"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"


class AuthorityEnd(StrEnum):
    """Why somebody may sign for the patient no more (domain 3.4, 2.14, 2.15)."""

    COURT_ORDER_ENDED = "court_order_ended"
    REVOKED = "revoked"
    """By who gave it, or by a court."""
    REPLACED = "replaced"
    GUARDIAN_DIED = "guardian_died"
    MAJORITY = "majority"
    EMANCIPATED = "emancipated"
    NEVER_VALID = "never_valid"
    """The document turned out to give no authority; what was signed on it is known to be false (2.31(c))."""


class SignatureMethod(StrEnum):
    """How a consent was signed. Spoken and witnessed is enough only where nothing may be disclosed on it: 2.31 asks for
    writing."""

    ELECTRONIC = "electronic"
    PAPER = "paper"
    VERBAL_WITNESSED = "verbal_witnessed"


class IdentityCheck(StrEnum):
    """How staff made sure who signs."""

    KNOWN = "known"
    PHOTO_ID = "photo_id"
    TWO_IDENTIFIERS = "two_identifiers"
    """Said their name and date of birth, unprompted."""
    WRISTBAND = "wristband"


class Capacity(StrEnum):
    """What staff saw when it was signed (domain 3.8)."""

    PRESENT = "present"
    LACKING = "lacking"
