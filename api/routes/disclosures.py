"""Accounting of disclosures (42 CFR 2.25, 45 CFR 164.528): as data for auditors, as a letter for the patient. Whoever asks
is on record before anything is read."""

import asyncio
import base64
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounting import accounting_pdf
from api.auth import require, scope
from api.deps import Services, Wired
from api.errors import PROBLEMS, problem
from api.tokens import User
from api.viewing import purpose_of
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from runtime.keyring import SealBroken
from runtime.people import open_person
from storage.models import Person
from storage.reads.disclosures import Accounted, disclosures_of, known_to
from storage.repositories.viewing import note_view

router = APIRouter(prefix="/v1", tags=["disclosures"])
Auditor = Annotated[User, Depends(require(Role.AUDITOR))]
YEARS = (3, 6)
"""Part 2 gives three years of disclosures under consent, HIPAA six of the others; every list holds both."""
LETTER_MAX = 2000


@dataclass(frozen=True, slots=True)
class Period:
    since: datetime
    until: datetime
    now: datetime


async def asked_period(
    held: Wired,
    since: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to")] = None,
    years: Annotated[int | None, Query()] = None,
) -> Period:
    """`from` and `to`, both included, or the last `years`; three years when nothing is said."""
    now = await held.clock.now()
    if years is not None and (since is not None or years not in YEARS):
        raise problem(ErrorType.INVALID_REQUEST, "say from and to, or years=3 or years=6")
    begin = since if since is not None else _years_before(now, years or YEARS[0])
    end = until if until is not None else now
    if begin > end:
        raise problem(ErrorType.INVALID_REQUEST, "the time asked for ends before it begins")
    return Period(begin, end, now)


def _years_before(now: datetime, years: int) -> datetime:
    """The same day of the calendar; 29 February begins on the 28th, a day more rather than one less."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)


Asked = Annotated[Period, Depends(asked_period)]


@router.get("/disclosures", responses=PROBLEMS)
async def listed(
    held: Wired, user: Auditor, patient: UUID, period: Asked, cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    intermediary: Annotated[str | None, Query(pattern=r"^intermediary/[A-Za-z0-9._\-]{1,60}$")] = None,
) -> JSONResponse:  # fmt: skip
    """Newest first; with `intermediary` what went through this one.

    `disclosed` is false only for what surely never left; without an outcome it counts as disclosed."""
    after = _read_cursor(cursor)
    await _on_record(held, user, patient, period, "disclosures")
    async with held.read(user) as session:
        rows = await disclosures_of(
            session, patient, scope(user, held), since=period.since, until=period.until, after=after, limit=limit + 1,
            intermediary=intermediary,
        )  # fmt: skip
    shown = rows[:limit]
    following = _cursor(shown[-1]) if len(rows) > limit else None
    return JSONResponse(jsonable_encoder({"items": [_item(r) for r in shown], "next": following}))


@router.get(
    "/disclosures.pdf", responses={**PROBLEMS, 200: {"content": {"application/pdf": {}}}}, response_class=Response
)
async def letter(held: Wired, user: Auditor, patient: UUID, period: Asked) -> Response:
    """The same for the patient: what surely never left is not in it. Tagged PDF (PDF/UA-1)."""
    await _on_record(held, user, patient, period, "disclosures.pdf")
    async with held.read(user) as session:
        person = await _opened(held, session, patient)
        rows = await disclosures_of(
            session, patient, scope(user, held), since=period.since, until=period.until, after=None,
            limit=LETTER_MAX + 1, disclosed_only=True,
        )  # fmt: skip
    body = await asyncio.to_thread(
        accounting_pdf, held.catalog.latest, person, rows[:LETTER_MAX], since=period.since, until=period.until,
        as_of=period.now, more=len(rows) > LETTER_MAX,
    )  # fmt: skip
    return Response(
        body, media_type="application/pdf",
        headers={
            "Content-Disposition": 'attachment; filename="accounting-of-disclosures.pdf"',
            "Cache-Control": "no-store",
        },
    )  # fmt: skip


async def _on_record(held: Services, user: User, patient: UUID, period: Period, page: str) -> None:
    """Somebody who was never in a facility of yours is unknown."""
    async with held.write(user) as session:
        if not await known_to(session, patient, scope(user, held)):
            raise problem(ErrorType.NOT_FOUND, f"no such thing is on record: patient {patient}")
        await note_view(
            session, actor=user.actor, role=user.role, at=period.now, purpose=purpose_of(user.role), page=page,
            people=[patient], filters={"from": period.since.isoformat(), "to": period.until.isoformat()},
        )  # fmt: skip


async def _opened(held: Services, session: AsyncSession, patient: UUID) -> tuple[str, date]:
    """The name the letter is for: the legal one."""
    person = await session.get(Person, patient)
    try:
        if person is not None and person.wrapped_key is not None:
            details = open_person(held.keyring, person.id, person.sealed, person.wrapped_key)
            return details.legal_name, details.birth_date
    except SealBroken:
        pass
    raise problem(ErrorType.NOT_FOUND, "the person's record was erased; the list without a name is at /v1/disclosures")


def _item(row: Accounted) -> dict[str, Any]:
    told = asdict(row)
    del told["seq"]
    consent = {"id": row.consent_id, "form": row.consent_form, "edition": row.consent_edition, "scope": row.scope}
    for name in ("consent_id", "consent_form", "consent_edition", "scope", "exception", "evidence"):
        del told[name]
    return {
        **told,
        "consent": consent if row.consent_id is not None else None,
        "exception": {"kind": row.exception, "evidence": row.evidence} if row.exception is not None else None,
        "disclosed": row.disclosed,
    }


def _cursor(row: Accounted) -> str:
    return base64.urlsafe_b64encode(f"{row.at.isoformat()}|{row.seq}".encode()).decode()


def _read_cursor(text: str | None) -> tuple[datetime, int] | None:
    if text is None:
        return None
    try:
        at, _, seq = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        return datetime.fromisoformat(at), int(seq)
    except (ValueError, UnicodeDecodeError):
        raise problem(
            ErrorType.INVALID_REQUEST, "the cursor is not one this list gave; start from the beginning"
        ) from None
