"""Authorizations for reviewers (api.md, Utilization review)."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from api import bodies
from api.auth import STAFF, require, scope
from api.commands import command_key, respond, run_case_command
from api.deps import Key, Wired
from api.errors import problem
from api.routes.access import see_case
from api.routes.episodes import PROBLEMS
from api.shown import case
from api.tokens import User
from definitions.authorization import RecordDecision, RequestReview
from definitions.errors import ErrorType
from definitions.vocabulary import RequestKind, Role
from storage.models import AuthorizationDecision, AuthorizationRequest, Charge
from storage.reads.episodes import next_events
from storage.reads.queue import worklist

router = APIRouter(prefix="/v1", tags=["utilization review"])
Staff = Annotated[User, Depends(require(*STAFF))]
Reviewer = Annotated[User, Depends(require(Role.REVIEWER))]
BUCKETS = ("overdue", "today", "tomorrow", "week", "later", "none", "waiting")


@router.get("/authorizations", responses=PROBLEMS)
async def listed(held: Wired, user: Staff, bucket: str | None = None) -> JSONResponse:
    """The worklist: one row per episode and payer, counts per bucket in `buckets`."""
    if bucket is not None and bucket not in BUCKETS:
        raise problem(ErrorType.INVALID_REQUEST, f"bucket is one of {', '.join(BUCKETS)}")
    now = await held.clock.now()
    async with held.database.read() as session:
        rows = await worklist(session, scope(user, held), now, now + timedelta(hours=24))
    counts = {b: sum(r["bucket"] == b for r in rows) for b in BUCKETS}
    items = [_left(r) for r in rows if bucket is None or r["bucket"] == bucket]
    return JSONResponse(jsonable_encoder({"items": items, "next": None, "buckets": counts}))


def _left(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "units_left": max(row["granted_units"] - row["used_units"], 0)}


@router.get("/authorizations/{case_id}", responses=PROBLEMS)
async def one(case_id: UUID, held: Wired, user: Staff) -> JSONResponse:
    async with held.database.read() as session:
        found = await see_case(session, held, user, case_id)
        requests = await session.execute(
            select(AuthorizationRequest)
            .where(AuthorizationRequest.authorization_id == case_id)
            .order_by(AuthorizationRequest.requested_at)
        )
        decisions = await session.execute(
            select(AuthorizationDecision)
            .where(AuthorizationDecision.authorization_id == case_id)
            .order_by(AuthorizationDecision.received_at)
        )
        used = await session.execute(
            select(func.count()).select_from(Charge).where(Charge.authorization_id == case_id, Charge.status == "live")
        )
        units = int(used.scalar_one())
        body = {
            **case(found),
            "used_units": units,
            "units_left": max(found.granted_units - units, 0),
            "requests": [_request(r) for r in requests.scalars()],
            "decisions": [_decision(d) for d in decisions.scalars()],
            "payer_clock": [e for e in await next_events(session, found.episode_id) if e["subject_id"] == str(case_id)],
        }
    return JSONResponse(jsonable_encoder(body))


def _request(r: AuthorizationRequest) -> dict[str, Any]:
    return {
        "id": r.id, "kind": r.kind, "status": r.status, "trace": r.trace, "units": r.units, "unit": r.unit,
        "from_date": r.from_date, "through_date": r.through_date, "requested_at": r.requested_at,
        "sent_at": r.sent_at, "answered_at": r.answered_at, "decision_due_at": r.decision_due_at,
        "attempts": r.attempts,
    }  # fmt: skip


def _decision(d: AuthorizationDecision) -> dict[str, Any]:
    return {
        "id": d.id, "action": d.action, "reason": d.reason, "number": d.number, "level": d.level, "units": d.units,
        "from_date": d.from_date, "through_date": d.through_date, "received_at": d.received_at, "source": d.source,
        "superseded_by": d.superseded_by,
    }  # fmt: skip


@router.post("/authorizations/{case_id}/reviews", responses=PROBLEMS)
async def review(case_id: UUID, body: bodies.ReviewBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """Ask the payer for more."""
    async with held.database.read() as session:
        await see_case(session, held, user, case_id)
    return respond(
        await run_case_command(
            held, user, key, "request_review", {"case": str(case_id), **body.model_dump(mode="json")}, case_id,
            lambda now: RequestReview(
                key=command_key(user, key), actor=user.actor, role=Role(user.role), now=now, authorization_id=case_id,
                kind=RequestKind(body.kind), units=body.units, from_date=body.from_date, through_date=body.through_date,
            ),
            "request_review",
        )
    )  # fmt: skip


@router.post("/authorizations/{case_id}/decisions", responses=PROBLEMS)
async def record(case_id: UUID, body: bodies.CaseDecisionBody, key: Key, held: Wired, user: Reviewer) -> JSONResponse:
    """A decision that came by telephone or fax."""
    async with held.database.read() as session:
        await see_case(session, held, user, case_id)
    fields = body.model_dump(exclude={"version"})
    return respond(
        await run_case_command(
            held, user, key, "record_decision", {"case": str(case_id), **body.model_dump(mode="json")}, case_id,
            lambda now: RecordDecision(
                key=command_key(user, key), actor=user.actor, role=Role(user.role), now=now, authorization_id=case_id,
                **fields,
            ),
            "record_decision",
        )
    )  # fmt: skip
