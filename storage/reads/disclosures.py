"""The accounting of disclosures: what left about a person, to whom, on what ground (42 CFR 2.25, 45 CFR 164.528)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Consent, Disclosure, DisclosureOutcome, Episode
from storage.reach import Reach
from storage.repositories.person import same_person

NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Accounted:
    """One departure. `outcome` None: the intent stands and nobody wrote what became of it, which counts as disclosed."""

    id: UUID
    seq: int
    at: datetime
    facility: str
    episode_id: UUID
    content: str
    purpose: str
    recipient: str
    consent_id: UUID | None
    consent_form: str | None
    consent_edition: str | None
    scope: dict[str, Any] | None
    notice: str | None
    exception: str | None
    evidence: dict[str, Any] | None
    fingerprint: str
    outcome: str | None
    outcome_at: datetime | None
    actor: str

    @property
    def disclosed(self) -> bool:
        return self.outcome != NOT_SENT


async def known_to(session: AsyncSession, person_id: UUID, facilities: Reach) -> bool:
    """Whether the person has or had an episode in one of the facilities."""
    if person_id in facilities.hidden:
        return False
    found = exists().where(Episode.person_id.in_(same_person(person_id)), Episode.facility.in_(facilities))
    return bool((await session.execute(select(found))).scalar_one())


async def disclosures_of(
    session: AsyncSession, person_id: UUID, facilities: Reach, *, since: datetime, until: datetime,
    after: tuple[datetime, int] | None, limit: int, disclosed_only: bool = False,
    intermediary: str | None = None,
) -> list[Accounted]:  # fmt: skip
    """Newest first, from `since` through `until`; `after` is the moment and number of the last one seen. `intermediary`: only
    what went through this one, for its list (42 CFR 2.24)."""
    statement = (
        select(Disclosure, DisclosureOutcome, Consent.form, Consent.edition, Episode.facility)
        .join(Episode, Episode.id == Disclosure.episode_id)
        .join(DisclosureOutcome, DisclosureOutcome.disclosure_id == Disclosure.id, isouter=True)
        .join(Consent, Consent.id == Disclosure.consent_id, isouter=True)
        .where(
            Disclosure.person_id.in_(same_person(person_id)),
            Disclosure.intent_at >= since,
            Disclosure.intent_at <= until,
            Episode.facility.in_(facilities),
            facilities.shows(Episode.id),
        )
        .order_by(Disclosure.intent_at.desc(), Disclosure.seq.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(Disclosure.intent_at, Disclosure.seq) < tuple_(*after))
    if intermediary is not None:
        statement = statement.where(Disclosure.scope["intermediary"].astext == intermediary)
    if disclosed_only:
        statement = statement.where(DisclosureOutcome.outcome.is_distinct_from(NOT_SENT))
    return [_accounted(*row) for row in await session.execute(statement)]


def _accounted(
    d: Disclosure, outcome: DisclosureOutcome | None, form: str | None, edition: str | None, facility: str
) -> Accounted:
    return Accounted(
        id=d.id, seq=d.seq, at=d.intent_at, facility=facility, episode_id=d.episode_id, content=d.content,
        purpose=d.purpose, recipient=d.recipient, consent_id=d.consent_id, consent_form=form, consent_edition=edition,
        scope=d.scope, notice=d.notice, exception=d.exception, evidence=d.evidence, fingerprint=d.fingerprint,
        outcome=outcome.outcome if outcome else None, outcome_at=outcome.at if outcome else None, actor=d.actor,
    )  # fmt: skip
