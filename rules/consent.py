"""Verdicts on consents: who must sign, what a signature lacks, when it ends, when to renew it (domain 3.2, 3.4, 3.8).

Pure: `now` and the birth date are arguments."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol, TypeVar

from definitions.consent import ConsentForm, EndEvent, RecipientKind, ValidityKind
from definitions.consent_wording import ConsentElement, ConsentWording, MinorLaw
from definitions.level import ConsentNeed, LevelOfCare
from definitions.signing import SignatureMethod, SigningParty
from definitions.vocabulary import ContentClass, Purpose, Track
from rules.calendar import facility_date, midnight_before, midnight_ending
from rules.disclosure_terms import TPO

REPRESENTED_AFTER_HOURS: Final = timedelta(hours=8)
"""Somebody who could not sign is asked again after this, and then each shift (domain 3.8, 11.1)."""
ALWAYS: Final = (
    ConsentElement.DISCLOSER,
    ConsentElement.INFORMATION,
    ConsentElement.RECIPIENTS,
    ConsentElement.PURPOSE,
    ConsentElement.RIGHT_TO_REVOKE,
    ConsentElement.EXPIRATION,
)
"""2.31(a)(2) to (a)(7): every consent to disclose has these in words; name, signature and date come with signing."""
FOR_TPO: Final = (
    ConsentElement.REDISCLOSURE_STATEMENT,
    ConsentElement.REFUSAL_CONSEQUENCES,
    ConsentElement.REDISCLOSURE_RISK,
)
"""2.31(a)(4)(iii) and domain 3.2: what a consent for treatment, payment and operations says beside."""


def required_elements(form: ConsentForm, *, through_intermediary: bool = False) -> tuple[ConsentElement, ...]:
    """What the words of the form must have. A form that discloses nothing needs none."""
    if not form.purposes:
        return ()
    found = ALWAYS + (FOR_TPO if set(form.purposes) == TPO else ())
    if form.recipient_kind is RecipientKind.PAYER and ConsentElement.REDISCLOSURE_STATEMENT not in found:
        # A plan is a covered entity: what it may do under HIPAA is said to the patient (2.31(a)(4)(iii)).
        found = (*found, ConsentElement.REDISCLOSURE_STATEMENT)
    passes_on = through_intermediary or form.recipient_kind is RecipientKind.INTERMEDIARY
    return (*found, ConsentElement.INTERMEDIARY) if passes_on else found


def lacking_elements(
    form: ConsentForm, wording: ConsentWording, recipients: Collection[str], *, through_intermediary: bool = False
) -> tuple[ConsentElement, ...]:
    """Elements that are required and empty; a consent that lacks one covers nothing (2.31(c))."""
    missing = [
        e
        for e in required_elements(form, through_intermediary=through_intermediary)
        if not str(getattr(wording, e.value)).strip()
    ]
    nobody_named = form.names_recipients and not recipients
    if nobody_named and ConsentElement.RECIPIENTS not in missing:
        missing.append(ConsentElement.RECIPIENTS)
    return tuple(missing)


def mixed_purposes(form: ConsentForm) -> str | None:
    """What may not stand on one form, as a sentence: TPO beside another purpose, counselling notes or a legal proceeding
    beside anything else (domain 3.1, 3.2)."""
    purposes, contents = set(form.purposes), set(form.contents)
    if purposes & TPO and purposes - TPO:
        return f"{form.key} names treatment, payment or operations beside another purpose; each needs a form of its own"
    if ContentClass.COUNSELLING_NOTES in contents and contents != {ContentClass.COUNSELLING_NOTES}:
        return f"{form.key} names counselling notes beside other records; they need a form of their own"
    if Purpose.LEGAL in purposes and purposes != {Purpose.LEGAL}:
        return f"{form.key} names a legal proceeding beside other purposes; it needs a form of its own"
    return None


def age_on(born: date, on: date) -> int:
    """Whole years. Somebody born on 29 February is a year older on 1 March of other years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def majority_at(born: date, law: MinorLaw, zone: str, emancipated_at: datetime | None = None) -> datetime:
    """When the patient decides alone: the facility's midnight at which the birthday of majority begins (E11), or the moment a
    court or the law made them of age before."""
    year = born.year + law.majority_age
    try:
        on = born.replace(year=year)
    except ValueError:
        on = date(year, 3, 1)
    birthday = midnight_before(on, zone)
    return birthday if emancipated_at is None else min(birthday, emancipated_at)


def is_minor(born: date, law: MinorLaw, zone: str, now: datetime, emancipated_at: datetime | None = None) -> bool:
    return now < majority_at(born, law, zone, emancipated_at)


def parties_required(
    born: date, law: MinorLaw, zone: str, now: datetime, service: Track | None, emancipated_at: datetime | None = None
) -> tuple[SigningParty, ...]:
    """Who must sign at `now`, all of them. `service` None: nobody knows yet where; then only rules for every service
    hold, which is the stricter reading."""
    if not is_minor(born, law, zone, now, emancipated_at):
        return (SigningParty.PATIENT,)
    age = age_on(born, facility_date(now, zone))
    fitting = [r for r in law.rules if r.from_age <= age and (not r.services or service in r.services)]
    return max(fitting, key=lambda r: (r.from_age, bool(r.services))).parties


def party_problem(
    party: SigningParty, required: Sequence[SigningParty], *, minor: bool, authority_on_record: bool
) -> str | None:
    """Why this one cannot sign, as a sentence; None: they can. A representative stands in for an adult (2.15)."""
    if party is SigningParty.GUARDIAN and not minor:
        return "the patient is of age; a guardian's signature counts no more, the patient signs"
    if party is SigningParty.GUARDIAN and SigningParty.GUARDIAN not in required:
        return "state law lets this minor consent alone; only the minor can sign (42 CFR 2.14)"
    if party is SigningParty.REPRESENTATIVE and minor:
        return "a minor is represented by a guardian on record"
    if party is not SigningParty.PATIENT and not authority_on_record:
        return f"no authority of this {party.value} is on record and in force; record it with its document first"
    return None


def method_problem(form: ConsentForm, method: SignatureMethod, *, witnessed: bool, hash_shown: bool) -> str | None:
    """Why it cannot be signed this way (2.31(a): written, on paper or electronic)."""
    if method is SignatureMethod.VERBAL_WITNESSED:
        if form.purposes:
            return f"{form.title} allows disclosures and must be in writing; spoken words are not enough (42 CFR 2.31)"
        if not witnessed:
            return "spoken consent needs a witness beside the one who records it"
    if method is SignatureMethod.ELECTRONIC and not hash_shown:
        return "an electronic signature names the text as shown; fetch the presentation and give its hash"
    return None


def ends_at(
    form: ConsentForm, signed_at: datetime, parties: Collection[SigningParty], majority: datetime | None
) -> datetime | None:
    """When it ends by itself, whatever happens: its term, and what a guardian signed at the latest when the minor comes of age
    (E11). None: until it is taken back, or by an event."""
    by_term = (
        signed_at + timedelta(days=form.valid_days)
        if form.validity is ValidityKind.DAYS and form.valid_days is not None
        else None
    )
    if SigningParty.GUARDIAN not in parties or majority is None:
        return by_term
    return majority if by_term is None else min(by_term, majority)


def event_ends_at(event: EndEvent | None, after_days: int, happened: Mapping[EndEvent, datetime]) -> datetime | None:
    """When the event ends a consent; None: it has not come about, or the consent names none (2.31(a)(7))."""
    at = happened.get(event) if event is not None else None
    return None if at is None else at + timedelta(days=after_days)


def first_end(term: datetime | None, by_event: datetime | None) -> tuple[datetime | None, bool]:
    """What comes first, and whether that is the event. At one instant the term is what is said."""
    if by_event is None or (term is not None and term <= by_event):
        return term, False
    return by_event, True


def recipients_problem(
    form: ConsentForm, recipients: Sequence[str], payers: Collection[str], intermediaries: Collection[str]
) -> str | None:
    """Why these cannot be its recipients, as a sentence. Forms without a kind name them in words."""
    if form.recipient_kind is None:
        return None
    known = payers if form.recipient_kind is RecipientKind.PAYER else intermediaries
    allowed = sorted(f"{form.recipient_kind.value}/{key}" for key in known)
    if len(recipients) == 1 and recipients[0] in allowed:
        return None
    return (
        f"{form.title} names one {form.recipient_kind.value} by its key: {', '.join(allowed) or 'none is known here'}"
    )


def reminders(signed_at: datetime, expires_at: datetime, days_before: Collection[int]) -> tuple[datetime, ...]:
    """When to speak of renewal, earliest first; those before the signature fall away (domain 3.4: 30, 14, 3 days)."""
    ahead = (expires_at - timedelta(days=d) for d in days_before)
    return tuple(sorted({at for at in ahead if at > signed_at}))


def outlives(expires_at: datetime | None, through: date, zone: str) -> bool:
    """Whether a consent still stands when the last day asked of a payer has ended: one that ends before is renewed first."""
    return expires_at is None or expires_at >= midnight_ending(through, zone)


class HasEnd(Protocol):
    """A consent as far as its end goes."""

    @property
    def expires_at(self) -> datetime | None: ...


Ending = TypeVar("Ending", bound=HasEnd)


def last_to_end(carrying: Sequence[Ending], through: date, zone: str) -> Ending | None:
    """Of consents that carry a request, the one to renew before days through `through` are asked for: the last to end, when
    none of them outlives these days. None: nothing carries it, or something does to the end."""
    if not carrying or any(outlives(c.expires_at, through, zone) for c in carrying):
        return None
    return max(carrying, key=lambda c: c.expires_at or datetime.max.replace(tzinfo=UTC))


def needed_at(form: str, level: LevelOfCare | None, at_intake: Collection[str], *, intake: bool) -> bool:
    """Whether somebody who refused is asked for this form again: the level requires it, or admission waits for it. What is
    optional was asked for once, and the answer was no."""
    if intake and form in at_intake:
        return True
    return level is not None and any(r.form == form and r.need is ConsentNeed.REQUIRED for r in level.consents)
