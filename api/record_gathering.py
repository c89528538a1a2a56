"""Rows about one person, opened and put into words: a `PatientRecord` for its patient (45 CFR 164.524)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from api.accounting import CONTENTS, EXCEPTIONS, PURPOSES, recipient_name
from api.deps import Services
from api.document_shown import entry_of
from definitions.edition import Edition
from definitions.person import PersonDetails
from definitions.record import (
    AssessmentPart,
    ConsentPart,
    CoveragePart,
    DayPart,
    DisclosurePart,
    DocumentPart,
    EpisodePart,
    FacilityPart,
    PatientRecord,
    StayPart,
)
from definitions.vocabulary import ChargeStatus
from runtime.people import open_document, open_person
from runtime.staff_words import WordOpener, owner_of
from storage.models import Assessment, Charge, Consent, Coverage, Episode, Person, Stay
from storage.reach import Reach
from storage.reads.disclosures import Accounted, disclosures_of
from storage.reads.documents import Registered
from storage.reads.record import RecordRows, record_rows, sealed_of
from storage.repositories.person import wrapped_keys
from storage.scope import HouseAct

BODIES_MAX: Final = 50_000_000
"""Bytes of documents that stand in one file; what goes beyond is given beside, and the file says where."""
DISCLOSURES_MAX: Final = 20_000
AGES_AGO: Final = datetime(1900, 1, 1, tzinfo=UTC)

Told = Callable[[int, int], Awaitable[None]]


class PersonErased(Exception):
    """The person's key is gone; nothing of a copy is kept."""


async def gather(
    services: Services, person_id: UUID, *, with_notes: bool, as_of: datetime, told: Told
) -> PatientRecord:
    """Reads rows in one snapshot and documents one by one; `told` hears how many of how many steps are done."""
    async with services.database.read(services.house(HouseAct.EXPORT)) as session:
        person = await _person(services, session, person_id)
        rows = await record_rows(session, person_id, with_notes=with_notes)
        owners = [owner_of(row.sealed_answers) for row in rows.assessments if row.sealed_answers]
        opener = WordOpener(services.keyring, await wrapped_keys(session, owners))
        facilities = Reach(sorted({e.facility for e in rows.episodes}))
        ledger = await disclosures_of(
            session, person_id, facilities, since=AGES_AGO, until=as_of, after=None, limit=DISCLOSURES_MAX,
            disclosed_only=True,
        )  # fmt: skip
    total = len(rows.documents) + 2
    documents = await _documents(services, rows.documents, told, total)
    edition = services.catalog.latest
    places = edition.facilities
    return PatientRecord(
        person_id=person_id, person=person, as_of=as_of, base=services.settings.public_url, notes_included=with_notes,
        facilities=tuple(FacilityPart(key=f, name=places[f].name, zone=places[f].zone) for f in facilities),
        coverages=tuple(_coverage(edition, person, row) for row in rows.coverages),
        episodes=tuple(_episode(row) for row in rows.episodes),
        stays=tuple(_stay(_of(services, row.edition), row) for row in rows.stays),
        assessments=tuple(_assessment(services, rows, row, opener) for row in rows.assessments),
        consents=tuple(_consent(edition, row) for row in rows.consents), documents=documents,
        days=tuple(_day(row) for row in rows.charges), disclosures=tuple(_told(edition, row) for row in ledger),
    )  # fmt: skip


async def _person(services: Services, session: AsyncSession, person_id: UUID) -> PersonDetails:
    row = await session.get(Person, person_id)
    if row is None or row.wrapped_key is None:
        raise PersonErased
    return open_person(services.keyring, person_id, row.sealed, row.wrapped_key)


async def _documents(
    services: Services, rows: Sequence[Registered], told: Told, total: int
) -> tuple[DocumentPart, ...]:
    made: list[DocumentPart] = []
    held = 0
    for number, found in enumerate(rows, start=1):
        entry = entry_of(found)
        body = None
        if entry.opens and held + entry.size <= BODIES_MAX:
            async with services.database.read(services.house(HouseAct.EXPORT)) as session:
                kept = await sealed_of(session, entry.document_id)
            if kept is None or kept[0] is None or kept[2] is None:
                raise PersonErased
            body = await asyncio.to_thread(
                open_document, services.keyring, kept[1], kept[2], entry.document_id, kept[0]
            )  # fmt: skip
            held += entry.size
        made.append(DocumentPart(entry=entry, body=body))
        await told(number, total)
    return tuple(made)


def _of(services: Services, edition: str) -> Edition:
    return services.catalog.editions.get(edition, services.catalog.latest)


def _coverage(edition: Edition, person: PersonDetails, row: Coverage) -> CoveragePart:
    return CoveragePart(
        id=row.id, payer=row.payer, payer_name=recipient_name(edition, f"payer/{row.payer}"), rank=row.rank,
        member_id=person.member_ids.get(row.id), from_date=row.from_date, through_date=row.through_date,
        voided=row.voided,
    )  # fmt: skip


def _episode(row: Episode) -> EpisodePart:
    ranked = sorted(row.diagnoses, key=lambda d: int(d.get("rank", 0)))
    return EpisodePart(
        id=row.id, facility=row.facility, phase=row.phase, opened_at=row.opened_at, admitted_at=row.admitted_at,
        closed_at=row.closed_at, diagnoses=tuple(dict.fromkeys(str(d["code"]) for d in ranked)),
        disposition=row.disposition.value if row.disposition else None,
    )  # fmt: skip


def _stay(edition: Edition, row: Stay) -> StayPart:
    level = edition.levels.get(row.level)
    program = edition.facilities[row.facility].program(row.program) if row.facility in edition.facilities else None
    assert row.period.lower is not None, "a stay has a beginning"
    return StayPart(
        id=row.id, episode_id=row.episode_id, facility=row.facility, level=row.level,
        level_name=level.trade_name if level else row.level, program_name=program.name if program else row.program,
        track=row.track, start=row.period.lower, end=row.period.upper,
    )  # fmt: skip


def _assessment(services: Services, rows: RecordRows, row: Assessment, opener: WordOpener) -> AssessmentPart:
    episode = next(e for e in rows.episodes if e.id == row.episode_id)
    instrument = _of(services, episode.edition).instruments.get(row.instrument)
    return AssessmentPart(
        id=row.id, episode_id=row.episode_id, instrument=row.instrument, edition=row.edition,
        title=instrument.title if instrument else row.instrument, score=row.score, severity=row.severity,
        answers=_plain(opener.answers(row.id, row.sealed_answers, row.answers)), outcome=row.outcome,
        performed_at=row.performed_at, supersedes=row.supersedes,
    )  # fmt: skip


def _plain(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in answers.items() if value is not None}


def _consent(edition: Edition, row: Consent) -> ConsentPart:
    form = edition.consents.get(row.form)
    contents = tuple(str(c) for c in row.scope.get("contents", []))
    who = (*row.scope.get("recipients", []), *row.scope.get("recipient_classes", []))
    return ConsentPart(
        id=row.id, episode_id=row.episode_id, form=row.form, title=form.title if form else row.form, status=row.status,
        discloses=bool(contents), signed_at=row.signed_at, expires_at=row.expires_at, revoked_at=row.revoked_at,
        contents=contents, recipients=tuple(str(r) for r in who),
    )  # fmt: skip


def _day(row: Charge) -> DayPart:
    return DayPart(
        id=row.id, episode_id=row.episode_id, stay_id=row.stay_id, service_date=row.service_date, level=row.level,
        payer=row.payer, revenue_code=row.revenue_code, procedure_code=row.procedure_code, amount=Decimal(row.amount),
        live=row.status is ChargeStatus.LIVE,
    )  # fmt: skip


def _told(edition: Edition, row: Accounted) -> DisclosurePart:
    form = edition.consents.get(row.consent_form or "")
    ground = (
        EXCEPTIONS.get(row.exception, row.exception) if row.exception else (form.title if form else row.consent_form)
    )
    return DisclosurePart(
        id=row.id, at=row.at, recipient=recipient_name(edition, row.recipient),
        content=CONTENTS.get(row.content, row.content), purpose=PURPOSES.get(row.purpose, row.purpose),
        ground=str(ground), outcome=row.outcome or "unknown", actor=row.actor,
    )  # fmt: skip
