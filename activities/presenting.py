"""Forms put before the patient, and consents renewed before a payer is asked for days that outlive them (domain 3.4)."""

from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.hands import Writing
from definitions.disclosure import RecordPeriod
from definitions.edition import Edition
from definitions.facility import Facility
from definitions.ids import derived
from definitions.payer import Payer
from definitions.vocabulary import ConsentStatus, OpenItemStatus, Role
from rules.calendar import facility_date
from rules.consent import REPRESENTED_AFTER_HOURS, last_to_end, needed_at
from rules.grounds import authorization_ask, consents_on_file
from storage.models import Consent, Episode, OpenItem
from storage.repositories import disclosure, work

BEFORE_WINDOW: Final = "consent_before_window"
CAPACITY_ITEM: Final = "consent_capacity"
REFUSED_ITEM: Final = "consent_refused"
ASKED_AGAIN: Final = (CAPACITY_ITEM, REFUSED_ITEM)
"""Kinds of items that come back each shift."""
WAS_REFUSED: Final = "was refused"
NOT_NEEDED: Final = "nothing needs it any more"


class Presenting(Protocol):
    """One transaction in which forms are put before somebody: on an episode, or on a case of it."""

    @property
    def session(self) -> AsyncSession: ...
    @property
    def episode(self) -> Episode: ...
    @property
    def edition(self) -> Edition: ...
    @property
    def facility(self) -> Facility: ...
    @property
    def key(self) -> str: ...
    @property
    def now(self) -> datetime: ...

    async def note(self, kind: str, detail: dict[str, Any]) -> None: ...


def present_consent(
    writing: Presenting,
    *,
    form: str,
    program: str | None,
    due_at: datetime | None,
    renews: UUID | None,
    transition_id: UUID | None,
    reason: str,
    key: str | None = None,
) -> UUID:
    """Put a form before the patient: status presented, scope copied from the edition (domain 3.4). `key` tells presentations
    of one command apart."""
    definition = writing.edition.consents[form]
    consent_id = derived(key or writing.key, "consent", form, program or "")
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


async def renew_before_window(
    writing: Presenting, payer: Payer, first: date, through: date, *, key: str, subject: UUID | None = None
) -> bool:
    """Days are about to be asked of a payer: where every consent that carries the request to this payer ends before they do,
    it is renewed first, or the next review would have nothing to stand on. Answers whether one had to be. `key` tells
    presentations of one command apart; the item stands once for a consent and a last day."""
    await writing.session.flush()
    ask = authorization_ask(
        writing.episode, payer.key, payer.recipient_class, RecordPeriod(from_date=first, through_date=through)
    )
    rows = {str(c.id): c for c in await disclosure.consents_of(writing.session, writing.episode.person_id)}
    on_file = [c for c in consents_on_file(rows.values()) if c.covers(ask) and c.valid_at(writing.now)]
    zone = writing.facility.zone
    ending = last_to_end(on_file, through, zone)
    if ending is None or ending.expires_at is None or ending.form not in writing.edition.consents:
        return False
    last_day = facility_date(ending.expires_at, zone).isoformat()
    why = f"consent {ending.form} ends on {last_day}, before the days asked for do ({through.isoformat()}); renew it first"
    if not await _waits(writing, ending.form):
        present_consent(
            writing, key=key, form=ending.form, program=rows[ending.consent_id].program, due_at=ending.expires_at,
            renews=UUID(ending.consent_id), transition_id=None, reason=why,
        )  # fmt: skip
    owed = select(OpenItem.id).where(
        OpenItem.episode_id == writing.episode.id, OpenItem.kind == BEFORE_WINDOW, OpenItem.subject_id == ending.form,
        OpenItem.status == OpenItemStatus.OPEN,
    )  # fmt: skip
    if (await writing.session.execute(owed)).first() is None:
        await work.open_item(
            writing.session, item_id=derived(UUID(ending.consent_id), BEFORE_WINDOW, through.isoformat()),
            episode_id=writing.episode.id, facility=writing.episode.facility, kind=BEFORE_WINDOW,
            owner_role=Role.ADMISSIONS.value, why=why, opened_at=writing.now, due_at=ending.expires_at,
            subject_id=ending.form, rule="domain 3.4",
        )  # fmt: skip
        await writing.note(
            "consent_renewal_before_window",
            {"consent": ending.consent_id, "form": ending.form, "through": through.isoformat(),
             "request": str(subject) if subject else None},
        )  # fmt: skip
    return True


async def present_again(
    writing: Writing, consent: Consent, *, due_at: datetime | None, reason: str, key: str | None = None
) -> None:
    """The same form once more, for another signature; one presentation of a form waits at a time."""
    await writing.session.flush()
    if not await _waits(writing, consent.form):
        present_consent(
            writing, form=consent.form, program=consent.program, due_at=due_at, renews=consent.id, transition_id=None,
            reason=reason, key=key,
        )  # fmt: skip


async def _waits(writing: Presenting, form: str) -> bool:
    """One presentation of a form waits at a time."""
    found = await writing.session.execute(
        select(Consent.id).where(
            Consent.episode_id == writing.episode.id, Consent.form == form, Consent.status == ConsentStatus.PRESENTED
        )
    )
    return found.first() is not None


async def ask_again(writing: Writing, kind: str, consent: Consent, why: str, reason: str) -> datetime:
    """Put before them again after 8 hours, and then each shift, as one owned item with its hour (domain 3.4, 3.8, 11.1)."""
    again_at = writing.now + REPRESENTED_AFTER_HOURS
    await writing.session.flush()
    if not await _waits(writing, consent.form):
        present_consent(
            writing, key=f"{writing.key}:again", form=consent.form, program=consent.program, due_at=again_at,
            renews=consent.renews, transition_id=consent.transition_id, reason=reason,
        )  # fmt: skip
    await work.close_items(
        writing.session, episode_id=writing.episode.id, now=writing.now, actor=writing.actor, resolution="asked again",
        kind=ASKED_AGAIN, subject_id=consent.form,
    )  # fmt: skip
    await work.open_item(
        writing.session, item_id=derived(writing.key, "item", kind), episode_id=writing.episode.id,
        facility=writing.episode.facility, kind=kind, owner_role=Role.CLINICIAN.value, why=why, opened_at=writing.now,
        due_at=again_at, subject_id=consent.form, rule="domain 3.4" if kind == REFUSED_ITEM else "domain 3.8",
    )  # fmt: skip
    return again_at


async def still_wanted(writing: Writing, form: str, *, at_a_move: bool) -> bool:
    """Whether somebody who refused is asked again: the level, or the one wished for, needs the form, and nothing signed
    stands. `at_a_move`: it was presented because the level changed, which asks for it anew."""
    level = writing.levels.get(writing.episode.level or writing.episode.requested_level)
    if not needed_at(form, level, writing.facility.intake_consents, intake=writing.episode.level is None):
        return False
    return at_a_move or not await _stands(writing, form)


async def _stands(writing: Writing, form: str) -> bool:
    await writing.session.flush()
    rows = await disclosure.consents_of(writing.session, writing.episode.person_id)
    return any(c.form == form and c.valid_at(writing.now) for c in consents_on_file(rows))


async def ask_no_more(writing: Writing) -> None:
    """What was refused is asked for no more where nothing needs it: its item closes by itself, its presentation is
    withdrawn. Called where the level changes, and at each shift."""
    rows = await writing.session.execute(
        select(OpenItem).where(
            OpenItem.episode_id == writing.episode.id,
            OpenItem.kind == REFUSED_ITEM,
            OpenItem.status == OpenItemStatus.OPEN,
        )
    )
    for item in rows.scalars().all():
        form = item.subject_id or ""
        found = await writing.session.execute(
            select(Consent).where(
                Consent.episode_id == writing.episode.id, Consent.form == form,
                Consent.status == ConsentStatus.PRESENTED, Consent.reason == WAS_REFUSED,
            )
        )  # fmt: skip
        waiting = found.scalars().all()
        if await still_wanted(writing, form, at_a_move=any(c.transition_id is not None for c in waiting)):
            continue
        item.status, item.resolution = OpenItemStatus.CANCELLED, NOT_NEEDED
        item.resolved_at, item.resolved_by = writing.now, "system"
        for consent in waiting:
            consent.status, consent.reason = ConsentStatus.SUPERSEDED, NOT_NEEDED
            consent.version += 1
        await writing.note("consent_asked_no_more", {"item": str(item.id), "form": form})
