"""Forms put before the patient, and consents renewed before a payer is asked for days that outlive them (domain 3.4)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from activities.hands import Writing
from definitions.ids import derived
from definitions.vocabulary import ConsentStatus, ContentClass, Purpose, Role
from rules.calendar import facility_date
from rules.consent import outlives
from storage.models import Consent
from storage.repositories import work


def present_consent(
    writing: Writing,
    *,
    form: str,
    program: str | None,
    due_at: datetime | None,
    renews: UUID | None,
    transition_id: UUID | None,
    reason: str,
) -> UUID:
    """Put a form before the patient: status presented, scope copied from the edition (domain 3.4)."""
    definition = writing.edition.consents[form]
    consent_id = derived(writing.key, "consent", form, program or "")
    writing.session.add(
        Consent(
            id=consent_id,
            person_id=writing.episode.person_id,
            episode_id=writing.episode.id,
            form=form,
            edition=definition.edition,
            program=program,
            status=ConsentStatus.PRESENTED,
            scope={
                "purposes": [p.value for p in definition.purposes],
                "contents": [c.value for c in definition.contents],
                "recipients": [],
                "recipient_classes": list(definition.recipient_classes),
            },
            presented_at=writing.now,
            due_at=due_at,
            renews=renews,
            transition_id=transition_id,
            reason=reason,
            version=1,
        )
    )
    return consent_id


async def renew_before_window(writing: Writing, through: date, *, key: str) -> None:
    """Days are about to be asked of a payer: where the consent that carries the request ends before they do, it is renewed
    first, or the next review would have nothing to stand on."""
    await writing.session.flush()
    rows = await writing.session.execute(
        select(Consent).where(Consent.person_id == writing.episode.person_id, Consent.status == ConsentStatus.SIGNED)
    )
    carrying = [c for c in rows.scalars() if _carries_requests(c)]
    zone = writing.facility.zone
    if not carrying or any(outlives(c.expires_at, through, zone) for c in carrying):
        return
    ending = max((c for c in carrying if c.expires_at is not None), key=lambda c: c.expires_at or writing.now)
    if ending.expires_at is None or ending.form not in writing.edition.consents:
        return
    last_day = facility_date(ending.expires_at, zone).isoformat()
    why = f"consent {ending.form} ends on {last_day}, before the days asked for do ({through.isoformat()}); renew it first"
    waiting = await writing.session.execute(
        select(Consent.id).where(
            Consent.episode_id == writing.episode.id,
            Consent.form == ending.form,
            Consent.status == ConsentStatus.PRESENTED,
        )
    )
    if waiting.first() is None:
        present_consent(
            writing, form=ending.form, program=ending.program, due_at=ending.expires_at, renews=ending.id,
            transition_id=None, reason=why,
        )  # fmt: skip
    await work.open_item(
        writing.session, item_id=derived(key, "item", "consent_before_window"), episode_id=writing.episode.id,
        facility=writing.episode.facility, kind="consent_before_window", owner_role=Role.ADMISSIONS.value, why=why,
        opened_at=writing.now, due_at=ending.expires_at, subject_id=ending.form, rule="domain 3.4",
    )  # fmt: skip


def _carries_requests(consent: Consent) -> bool:
    said = consent.scope
    return Purpose.PAYMENT.value in said.get("purposes", []) and ContentClass.AUTHORIZATION_REQUEST.value in said.get(
        "contents", []
    )
