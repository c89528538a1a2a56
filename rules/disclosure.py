"""The disclosure gate: the only place that can make a `Released` (D11, domain 3.5).

Encoders of outbound content take `Released[T]`. Nothing about a patient can therefore be written for
a partner without a verdict that names the consent or the exception it rides on.
"""

from datetime import datetime
from typing import Final, Generic, TypeVar

from pydantic import Field

from definitions.base import Moment, WireModel
from definitions.disclosure import ContentPart, Evidence, ExceptionKind, ExceptionOnFile, NoticeCode, RecordPeriod
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose
from rules.disclosure_terms import TERMS, TPO, beyond_minimum, in_force, lacking, notice_for

T = TypeVar("T")

_SEAL: Final = object()
"""Held by this module only; `Released` refuses to be made without it."""


INTERMEDIARY: Final = "intermediary/"
"""How recipients begin who pass on what they get (2.11)."""
ENDED: Final = {
    "discharge": "ended with the treatment it was signed for; sign a new one",
    "condition": "ended when what it names came about; sign a new one",
    "authority": "ended with the authority of who signed it; sign a new one",
}
"""Why a consent ended before its term, by what ended it (2.31(a)(7))."""


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
    parts: tuple[ContentPart, ...] = ()
    """Kinds of fields in the content, where its maker says so; measured by the minimum necessary."""
    program: str | None = None
    """Program the content comes from."""
    intermediary: str | None = None
    """Through whom it goes who passes it on, for example `intermediary/lone_star`; None: straight to the recipient."""
    period: RecordPeriod | None = None


class ConsentOnFile(WireModel):
    """What the gate needs to know of one consent; codes and ids only. `programs` empty: all of them. `period` None:
    records of any date, also of before the signature (E19)."""

    consent_id: str
    form: str
    status: ConsentStatus
    purposes: tuple[Purpose, ...]
    contents: tuple[ContentClass, ...]
    recipients: tuple[str, ...] = ()
    recipient_classes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    period: RecordPeriod | None = None
    taken_back: tuple[str, ...] = ()
    """Recipients for whom it was revoked while the rest of it stands."""
    lacks: tuple[str, ...] = ()
    """Elements of 2.31(a) that it was found without: it covers nothing (2.31(c))."""
    signed_at: Moment | None = None
    expires_at: Moment | None = None
    ends_by: str = ""
    """What `expires_at` comes from when it is not the term: `discharge`, `condition`, `majority`."""
    revoked_at: Moment | None = None

    @property
    def intermediaries(self) -> tuple[str, ...]:
        return tuple(r for r in self.recipients if r.startswith(INTERMEDIARY))

    def valid_at(self, now: datetime) -> bool:
        """Signed, not revoked and not expired at `now`; expiry and revocation bite at their instant."""
        if self.status is not ConsentStatus.SIGNED or self.signed_at is None or self.signed_at > now:
            return False
        if self.revoked_at is not None and self.revoked_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at

    def covers(self, ask: DisclosureAsk) -> bool:
        return self.why_not(ask) is None

    def why_not(self, ask: DisclosureAsk) -> str | None:
        """What the consent does not say of the ask, whatever the hour; None: it covers it (domain 3.1, 3.2)."""
        unnamed = self._unnamed(ask)
        if unnamed is not None:
            return unnamed
        by_name = ask.recipient in self.recipients
        if ask.purpose not in TPO and set(self.purposes) != {ask.purpose}:
            return f"names {ask.purpose.value} beside other purposes; it needs a form of its own"
        if ask.content is ContentClass.COUNSELLING_NOTES and set(self.contents) != {ContentClass.COUNSELLING_NOTES}:
            return "names counselling notes beside other records; they need a form of their own"
        alone = ask.content is ContentClass.COUNSELLING_NOTES or ask.purpose is Purpose.LEGAL
        if alone and not by_name:
            return f"names a class only; {ask.content.value} for {ask.purpose.value} needs {ask.recipient} by name"
        if self.programs and ask.program not in self.programs:
            return f"is for {', '.join(self.programs)}, not for {ask.program or 'a program that nobody named'}"
        if self.period is not None and not _within(ask.period, self.period):
            first, last = self.period.from_date.isoformat(), self.period.through_date.isoformat()
            return f"covers records from {first} through {last} only"
        return None

    def _unnamed(self, ask: DisclosureAsk) -> str | None:
        """What of the ask the consent does not name, or names no more."""
        if self.lacks:
            return f"lacks {', '.join(self.lacks)} and covers nothing (2.31(c))"
        if self.intermediaries and ask.intermediary is None:
            return f"is for what goes through {', '.join(self.intermediaries)} only"
        if ask.intermediary is not None and ask.intermediary not in self.intermediaries:
            return f"does not name {ask.intermediary}, through which it would go (2.31(a)(4)(ii))"
        if ask.intermediary is not None and ask.intermediary in self.taken_back:
            return f"was taken back for {ask.intermediary}"
        if ask.purpose not in self.purposes:
            return f"does not name {ask.purpose.value}"
        if ask.content not in self.contents:
            return f"does not name {ask.content.value}"
        if ask.recipient in self.taken_back:
            return f"was taken back for {ask.recipient}"
        if ask.recipient not in self.recipients and ask.recipient_class not in self.recipient_classes:
            return f"does not name {ask.recipient}"
        return None

    def scope(self) -> dict[str, object]:
        """What the patient agreed to, for the ledger and for the recipient (2.32)."""
        said = self.model_dump(
            mode="json",
            include={"form", "purposes", "contents", "recipients", "recipient_classes", "programs", "period"},
        )
        return {name: value for name, value in said.items() if value not in (None, [])}


def _within(asked: RecordPeriod | None, allowed: RecordPeriod) -> bool:
    """Records of unknown date are outside of every period."""
    if asked is None:
        return False
    return allowed.from_date <= asked.from_date and asked.through_date <= allowed.through_date


class Cover(WireModel):
    """What a permitted disclosure rides on: a consent, or a path without one. Never both."""

    consent_id: str | None = None
    form: str = ""
    scope: dict[str, object] = Field(default_factory=dict)
    notice: NoticeCode | None = None
    """What must accompany it; disclosures without consent need none."""
    exception: ExceptionKind | None = None
    exception_id: str | None = None
    evidence: dict[Evidence, str] = Field(default_factory=dict)


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


def judge(
    ask: DisclosureAsk, consents: tuple[ConsentOnFile, ...], now: datetime,
    exceptions: tuple[ExceptionOnFile, ...] = (),
) -> DisclosureVerdict:  # fmt: skip
    """Whether `ask` may go at `now`, and on what (domain 3.5: evaluate per disclosure, deny by default). A consent comes
    first: what the patient allowed needs no exception."""
    too_much = beyond_minimum(ask.purpose, ask.content, ask.parts)
    if too_much is not None:
        return DisclosureVerdict(allowed=False, reasons=(too_much,))
    covering = [c for c in consents if c.covers(ask)]
    for consent in covering:
        if consent.valid_at(now):
            return _allowed(_by_consent(consent, ask), f"covered by consent {consent.consent_id} ({consent.form})")
    refused = [(e, _closed(e, ask, now)) for e in exceptions]
    for found, why in refused:
        if why is None:
            terms = TERMS[found.kind]
            return _allowed(_by_exception(found), f"allowed by {terms.words} ({terms.section}), {found.exception_id}")
    reasons = [_why_not(c, now) for c in covering] or [_nothing_covers(ask, consents, now)]
    return DisclosureVerdict(allowed=False, reasons=(*reasons, *(why for _, why in refused if why is not None)))


def _allowed(cover: Cover, reason: str) -> DisclosureVerdict:
    return DisclosureVerdict(allowed=True, cover=cover, reasons=(reason,))


def _by_consent(consent: ConsentOnFile, ask: DisclosureAsk) -> Cover:
    scope = consent.scope()
    if ask.intermediary is not None:
        scope["intermediary"] = ask.intermediary
    return Cover(consent_id=consent.consent_id, form=consent.form, scope=scope, notice=notice_for(ask.content))


def _by_exception(found: ExceptionOnFile) -> Cover:
    return Cover(exception=found.kind, exception_id=found.exception_id, evidence=found.evidence)


def _closed(found: ExceptionOnFile, ask: DisclosureAsk, now: datetime) -> str | None:
    """Why a path without consent is not open to the ask; None: it is."""
    terms = TERMS[found.kind]
    what = f"{terms.words} ({terms.section}), {found.exception_id},"
    person = found.person_id
    if person != ask.person_id and (person is not None or terms.about_one_person):
        return f"{what} is not about this person"
    if ask.purpose not in terms.purposes:
        return f"{what} is no ground for {ask.purpose.value}"
    if ask.content not in terms.contents or ask.content not in found.contents:
        return f"{what} does not reach {ask.content.value}"
    if ask.recipient != found.recipient:
        return f"{what} is not for {ask.recipient}"
    missing = lacking(found)
    if missing:
        return f"{what} lacks its evidence: {', '.join(e.value.replace('_', ' ') for e in missing)}"
    if not in_force(found, now):
        return f"{what} is not in force at this moment"
    return None


def _nothing_covers(ask: DisclosureAsk, consents: tuple[ConsentOnFile, ...], now: datetime) -> str:
    """Names what valid consents came closest, so that the person who acts knows which form to present."""
    sentence = (
        f"no consent on file covers {ask.content.value} to {ask.recipient} for {ask.purpose.value}; "
        "present one to the patient"
    )
    near = [f"{c.form} {c.why_not(ask)}" for c in consents if c.valid_at(now) and c.purposes]
    return f"{sentence} ({'; '.join(near)})" if near else sentence


def _why_not(consent: ConsentOnFile, now: datetime) -> str:
    if consent.revoked_at is not None and consent.revoked_at <= now:
        return f"consent {consent.consent_id} ({consent.form}) was revoked"
    if consent.expires_at is not None and consent.expires_at <= now:
        said = f"consent {consent.consent_id} ({consent.form})"
        return f"{said} {ENDED[consent.ends_by]}" if consent.ends_by in ENDED else f"{said} has expired; renew it"
    if consent.status is ConsentStatus.SIGNED and consent.signed_at is not None:
        return f"consent {consent.consent_id} ({consent.form}) is signed as of {consent.signed_at.isoformat()}, not yet"
    return f"consent {consent.consent_id} ({consent.form}) is {consent.status.value}, not signed"


def release(
    content: T, ask: DisclosureAsk, consents: tuple[ConsentOnFile, ...], now: datetime,
    exceptions: tuple[ExceptionOnFile, ...] = (),
) -> Released[T] | DisclosureVerdict:  # fmt: skip
    """The content, sealed for an encoder, or the verdict that says why it stays."""
    verdict = judge(ask, consents, now, exceptions)
    if not verdict.allowed or verdict.cover is None:
        return verdict
    return Released(_SEAL, content, ask, verdict.cover, now)
