"""Census, board, schedule, charges, the midnight close (api.md)."""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import select, text

from api import bodies
from api.attendance import record_attendance
from api.auth import STAFF, must_see, require, scope
from api.closing import close_facility, resolve_exception
from api.commands import respond
from api.deps import Key, Wired
from api.errors import PROBLEMS, problem
from api.routes.access import see_episode
from api.staff_words import note_and_open
from api.tokens import User
from api.told import words
from definitions.errors import ErrorType
from definitions.vocabulary import Role
from storage.models import Charge
from storage.reads.board import board as read_board
from storage.reads.census import behind, census_of

router = APIRouter(prefix="/v1", tags=["census, schedule, money"])
Staff = Annotated[User, Depends(require(*STAFF))]
Director = Annotated[User, Depends(require(Role.DIRECTOR))]
Clinician = Annotated[User, Depends(require(Role.CLINICIAN))]
Biller = Annotated[User, Depends(require(Role.BILLER, Role.DIRECTOR))]

SESSIONS = text(
    """
    SELECT m.id, m.program, m.title, m.kind, m.service_date, m.starts_at, m.ends_at, m.minutes AS length, m.counts,
           a.episode_id, a.status, a.minutes
    FROM session m JOIN attendance a ON a.session_id = m.id
    WHERE m.facility = ANY(:facilities) AND m.service_date >= :first AND m.service_date <= :last
      AND a.episode_id <> ALL(CAST(:hidden AS uuid[]))
      AND (CAST(:episode AS uuid) IS NULL OR a.episode_id = CAST(:episode AS uuid))
      AND (CAST(:program AS text) IS NULL OR m.program = CAST(:program AS text))
    ORDER BY m.starts_at, m.id, a.episode_id LIMIT 3000
    """
)
EXCEPTIONS = text(
    """
    SELECT x.id, x.episode_id, x.stay_id, x.facility, x.service_date, x.cause, x.why, x.amount_at_risk, x.opened_at,
           x.version
    FROM charge_exception x
    WHERE x.facility = ANY(:facilities) AND x.resolved_at IS NULL AND x.episode_id <> ALL(CAST(:hidden AS uuid[]))
    ORDER BY x.service_date, x.id LIMIT 500
    """
)


@router.get("/census", responses=PROBLEMS)
async def census(
    held: Wired, user: Staff, facility: str, date: date, version: int | None = None, why: bool = False
) -> JSONResponse:
    """Midnight census by program, level and payer: opening + in - out = closing. `why` adds who stands behind it."""
    must_see(user, held, facility, "that facility")
    async with held.read(user) as session:
        found = await census_of(session, facility, date, version)
        if found is None:
            raise problem(ErrorType.NOT_FOUND, f"{date} is not closed at {facility}; close it first")
        if why:
            rows = await behind(session, facility, date, found["version"])
            found["behind"] = [
                {
                    "episode_id": p.episode_id,
                    "stay_id": p.stay_id,
                    "program": p.program,
                    "level": p.level,
                    "state": p.state,
                }
                for p in rows
                if p.episode_id not in user.hidden
            ]
    return JSONResponse(jsonable_encoder(found))


@router.get("/census/board", responses=PROBLEMS)
async def board(held: Wired, user: Staff, facility: str) -> JSONResponse:
    now = await held.clock.now()
    async with held.read(user) as session:
        found = await read_board(session, scope(user, held), facility, now)
    if found is None:
        raise problem(ErrorType.NOT_FOUND, "no such thing is on record: that facility")
    return JSONResponse(
        jsonable_encoder(
            {
                "facility": facility, "at": now, "counts": found.counts(),
                "beds": [{**asdict(b), "reason_text": words(b.reason) if b.reason else None} for b in found.beds],
                "day_programs": found.day, "moves": found.moves,
                "pending_in": [
                    {"episode_id": e, "requested_level": level, "since": at} for e, _, level, at in found.pending_in
                ],
                "without_bed": [{"episode_id": e, "level": level} for e, _, level in found.unbedded],
            }
        )
    )  # fmt: skip


@router.get("/schedule", responses=PROBLEMS)
async def schedule(
    held: Wired, user: Staff, week: date, episode: UUID | None = None, program: str | None = None
) -> JSONResponse:
    """Sessions of the week that holds `week`, with everybody's place."""
    if episode is None and program is None:
        raise problem(ErrorType.INVALID_REQUEST, "name an episode or a program")
    mine = scope(user, held)
    first = week - timedelta(days=week.weekday())
    async with held.read(user) as session:
        if episode is not None:
            await see_episode(session, held, user, episode)
        rows = await session.execute(
            SESSIONS,
            {
                "facilities": list(mine), "hidden": mine.hidden_ids, "first": first, "last": first + timedelta(days=6),
                "episode": episode, "program": program,
            },
        )  # fmt: skip
        meetings: dict[UUID, dict[str, Any]] = {}
        for r in rows:
            meeting = meetings.setdefault(
                r.id,
                {
                    "id": r.id, "program": r.program, "title": r.title, "kind": r.kind, "service_date": r.service_date,
                    "starts_at": r.starts_at, "ends_at": r.ends_at, "minutes": r.length, "counts": r.counts,
                    "attendees": [],
                },
            )  # fmt: skip
            meeting["attendees"].append({"episode_id": r.episode_id, "status": r.status, "minutes": r.minutes})
    return JSONResponse(jsonable_encoder({"items": list(meetings.values()), "next": None}))


@router.post("/sessions/{session_id}/attendance", responses=PROBLEMS)
async def attendance(
    session_id: UUID, body: bodies.AttendanceBody, key: Key, held: Wired, user: Clinician
) -> JSONResponse:
    return respond(await record_attendance(held, user, key, session_id, body))


@router.post("/facilities/{facility}/midnight-close", responses=PROBLEMS)
async def midnight_close(
    facility: str, body: bodies.MidnightBody, key: Key, held: Wired, user: Director
) -> JSONResponse:
    """Close every open date through `date`; safe to repeat."""
    must_see(user, held, facility, "that facility")
    return respond(await close_facility(held, user, key, facility, body.date))


@router.get("/charges", responses=PROBLEMS)
async def charges(held: Wired, user: Staff, episode: UUID) -> JSONResponse:
    """The day ledger of an episode, voids included, each with its rule and reason."""
    async with held.read(user) as session:
        await see_episode(session, held, user, episode)
        rows = await session.execute(
            select(Charge).where(Charge.episode_id == episode).order_by(Charge.service_date, Charge.revision)
        )
        ledger = rows.scalars().all()
    people = [c.person_id for c in ledger]
    spoken = await note_and_open(held, user, "answer/charges", people, {"episode": str(episode)}, ledger)
    items = [
        {
            "id": c.id, "service_date": c.service_date, "kind": c.kind, "level": c.level, "payer": c.payer,
            "revenue_code": c.revenue_code, "procedure_code": c.procedure_code, "amount": str(c.amount),
            "rate_version": c.rate_version, "authorization_id": c.authorization_id,
            "authorization_state": c.authorization_state, "rule": c.rule, "why": c.why, "status": c.status,
            "revision": c.revision, "successor": c.successor, "void_reason": spoken.void(c),
        }
        for c in ledger
    ]  # fmt: skip
    return JSONResponse(jsonable_encoder({"items": items, "next": None}))


@router.get("/charges/exceptions", responses=PROBLEMS)
async def exceptions(held: Wired, user: Biller) -> JSONResponse:
    """Days that need a person: one cause each, with what is at risk."""
    mine = scope(user, held)
    async with held.read(user) as session:
        rows = await session.execute(EXCEPTIONS, {"facilities": list(mine), "hidden": mine.hidden_ids})
        items = [dict(r._mapping) for r in rows]
    risk = sum((i["amount_at_risk"] or 0) for i in items)
    shown = [
        {**i, "amount_at_risk": str(i["amount_at_risk"]) if i["amount_at_risk"] is not None else None} for i in items
    ]
    return JSONResponse(
        jsonable_encoder({"items": shown, "next": None, "count": len(items), "amount_at_risk": str(risk)})
    )


@router.post("/charges/exceptions/{exception_id}/resolve", responses=PROBLEMS)
async def resolve(exception_id: UUID, body: bodies.ExceptionBody, key: Key, held: Wired, user: Biller) -> JSONResponse:
    return respond(await resolve_exception(held, user, key, exception_id, body))
