"""Why somebody looks at a person, by what their role is for (45 CFR 164.501)."""

from typing import Final

from definitions.vocabulary import Role

PURPOSES: Final[dict[Role, str]] = {
    Role.ADMISSIONS: "treatment",
    Role.CLINICIAN: "treatment",
    Role.REVIEWER: "payment",
    Role.BILLER: "payment",
    Role.DIRECTOR: "operations",
    Role.AUDITOR: "operations",
    Role.ADMIN: "operations",
}


def purpose_of(role: str) -> str:
    """Roles that are not staff have no reason of their own; what they see is operations."""
    return PURPOSES.get(Role(role), "operations")
