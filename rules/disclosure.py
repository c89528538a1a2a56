"""The disclosure gate: the only place that can make a `Released` (D11, domain 3.5).

Encoders of outbound content take `Released[T]`. Nothing about a patient can therefore be written for
a partner without a verdict that names the consent or the exception it rides on.
"""

from datetime import datetime
from typing import Final, Generic, TypeVar

from definitions.base import Moment, WireModel
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose

T = TypeVar("T")

_SEAL: Final = object()
"""Held by this module only; `Released` refuses to be made without it."""


class DisclosureAsk(WireModel):
    """One wish to disclose: this content, to this recipient, for this purpose, at this moment."""

    person_id: str
    episode_id: str
    content: ContentClass
    purpose: Purpose
    recipient: str
    """Partner key, for example `payer/meridian`."""
    recipient_class: str
    """Class phrase the recipient belongs to, for example `health_plans`."""


class ConsentOnFile(WireModel):
    """What the gate needs to know of one consent; codes and ids only."""

    consent_id: str
    form: str
    status: ConsentStatus
    purposes: tuple[Purpose, ...]
    contents: tuple[ContentClass, ...]
    recipients: tuple[str, ...] = ()
    recipient_classes: tuple[str, ...] = ()
    signed_at: Moment | None = None
    expires_at: Moment | None = None
    revoked_at: Moment | None = None

    def valid_at(self, now: datetime) -> bool:
        """Signed, not revoked and not expired at `now`; expiry and revocation bite at their instant."""
        if self.status is not ConsentStatus.SIGNED or self.signed_at is None or self.signed_at > now:
            return False
        if self.revoked_at is not None and self.revoked_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at

    def covers(self, ask: DisclosureAsk) -> bool:
        """Purpose, content and recipient are all named by the consent; counselling notes only by
        a consent that names them (domain 3.1)."""
        if ask.purpose not in self.purposes or ask.content not in self.contents:
            return False
        return ask.recipient in self.recipients or ask.recipient_class in self.recipient_classes


class Cover(WireModel):
    """What a permitted disclosure rides on."""

    consent_id: str
    form: str


class DisclosureVerdict(WireModel):
    """Deny by default; `reasons` are sentences for the person who must act."""

    allowed: bool
    cover: Cover | None = None
    reasons: tuple[str, ...] = ()


class Released(Generic[T]):
    """Content that the gate let through. Made by `release` only."""

    __slots__ = ("ask", "content", "cover", "decided_at")

    def __init__(self, seal: object, content: T, ask: DisclosureAsk, cover: Cover, decided_at: datetime) -> None:
        if seal is not _SEAL:
            raise TypeError("Released is made by rules.disclosure.release only")
        self.content = content
        self.ask = ask
        self.cover = cover
        self.decided_at = decided_at


def judge(ask: DisclosureAsk, consents: tuple[ConsentOnFile, ...], now: datetime) -> DisclosureVerdict:
    """Whether `ask` may go at `now`, and on what (domain 3.5: evaluate per disclosure, deny by default)."""
    covering = [c for c in consents if c.covers(ask)]
    for consent in covering:
        if consent.valid_at(now):
            return DisclosureVerdict(
                allowed=True,
                cover=Cover(consent_id=consent.consent_id, form=consent.form),
                reasons=(f"covered by consent {consent.consent_id} ({consent.form})",),
            )
    if not covering:
        reason = (
            f"no consent on file covers {ask.content.value} to {ask.recipient} for {ask.purpose.value}; "
            "present one to the patient"
        )
        return DisclosureVerdict(allowed=False, reasons=(reason,))
    return DisclosureVerdict(allowed=False, reasons=tuple(_why_not(c, now) for c in covering))


def _why_not(consent: ConsentOnFile, now: datetime) -> str:
    if consent.revoked_at is not None and consent.revoked_at <= now:
        return f"consent {consent.consent_id} ({consent.form}) was revoked"
    if consent.expires_at is not None and consent.expires_at <= now:
        return f"consent {consent.consent_id} ({consent.form}) has expired; renew it"
    return f"consent {consent.consent_id} ({consent.form}) is {consent.status.value}, not signed"


def release(
    content: T, ask: DisclosureAsk, consents: tuple[ConsentOnFile, ...], now: datetime
) -> Released[T] | DisclosureVerdict:
    """The content, sealed for an encoder, or the verdict that says why it stays."""
    verdict = judge(ask, consents, now)
    if not verdict.allowed or verdict.cover is None:
        return verdict
    return Released(_SEAL, content, ask, verdict.cover, now)
