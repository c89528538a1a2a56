"""The Consents that came with a referral: read, shown, and never counted as one of ours (domain 3.2)."""

from definitions.referral import ReferralConsent
from interchange.fhir.bundle import Bundle
from interchange.fhir.element import Element


def read_consents(bundle: Bundle) -> tuple[ReferralConsent, ...]:
    made = []
    for entry in bundle.of("Consent"):
        consent = entry.resource
        if not bundle.about_the_patient(consent, "patient"):
            continue
        status = consent.text("status")
        if status != "active":
            consent.note("status", "consent_left_out", "not in force, so not taken over")
            continue
        consent.note("scope", "consent_of_sender", "it does not cover what we disclose; have ours signed at intake")
        made.append(_consent(consent, entry.id))
    return tuple(made)


def _consent(consent: Element, name: str | None) -> ReferralConsent:
    provision = consent.element("provision")
    period = provision.element("period") if provision else None
    return ReferralConsent(
        external_id=name,
        permits=provision is None or provision.text("type") != "deny",
        signed_on=consent.day("dateTime", "bad_consent_date"),
        from_date=period.day("start", "bad_consent_date") if period else None,
        through_date=period.day("end", "bad_consent_date", last=True) if period else None,
    )
