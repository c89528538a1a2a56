"""What stands of all answers, written as grants: rows open and close, none is edited; only dates whose cover may differ
are priced again (AUTH-08, E32)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from activities.case_record import CaseWriting
from activities.scarce_units import carried_through
from definitions.ids import derived
from definitions.vocabulary import AuthorizationStatus, GrantState
from rules.grants import (
    Changes,
    DecisionFact,
    GrantFact,
    RequestFact,
    Standing,
    changes,
    family_of,
    matter_of,
    standing,
)
from rules.utilization import review_due
from storage.models import AuthorizationDecision, AuthorizationGrant, AuthorizationRequest
from storage.repositories.authorization import requests_of_case

VOID_ACTION = "C"


async def decisions_of(w: CaseWriting) -> list[AuthorizationDecision]:
    """In the order they arrived."""
    rows = await w.session.execute(
        select(AuthorizationDecision)
        .where(AuthorizationDecision.authorization_id == w.case.id)
        .order_by(AuthorizationDecision.arrival, AuthorizationDecision.received_at, AuthorizationDecision.id)
    )
    return list(rows.scalars())


async def open_grants(w: CaseWriting) -> list[AuthorizationGrant]:
    rows = await w.session.execute(
        select(AuthorizationGrant)
        .where(AuthorizationGrant.authorization_id == w.case.id, AuthorizationGrant.state == GrantState.ACTIVE)
        .order_by(AuthorizationGrant.through_date, AuthorizationGrant.id)
    )
    return list(rows.scalars())


def request_fact(r: AuthorizationRequest) -> RequestFact:
    return RequestFact(
        id=r.id, kind=r.kind, about=r.about, cancelled=r.status is AuthorizationStatus.CANCELLED
    )  # fmt: skip


async def root_of(w: CaseWriting, asked: AuthorizationRequest) -> AuthorizationRequest:
    """The request that began the matter `asked` belongs to."""
    requests = {r.id: r for r in await requests_of_case(w.session, w.case.id)}
    return requests[family_of(asked.id, {i: request_fact(r) for i, r in requests.items()})]


async def matter_asked(w: CaseWriting, asked: AuthorizationRequest) -> AuthorizationRequest:
    """The request or appeal that `asked` sends documents for; otherwise itself."""
    requests = {r.id: r for r in await requests_of_case(w.session, w.case.id)}
    return requests[matter_of(asked.id, {i: request_fact(r) for i, r in requests.items()})]


def decision_fact(d: AuthorizationDecision, status: AuthorizationStatus) -> DecisionFact:
    return DecisionFact(
        id=d.id, request_id=d.request_id, action=d.action, status=status, received_at=d.received_at,
        stated_at=d.stated_at, level=d.level, unit=d.unit, units=d.units or 0, from_date=d.from_date,
        through_date=d.through_date, number=d.number,
    )  # fmt: skip


def _fact_of(row: AuthorizationGrant) -> GrantFact:
    return GrantFact(
        request_id=row.request_id, decision_id=row.decision_id, level=row.level, unit=row.unit, units=row.units,
        from_date=row.from_date, through_date=row.through_date, number=row.number,
    )  # fmt: skip


async def settle_grants(w: CaseWriting, statuses: dict[UUID, AuthorizationStatus]) -> tuple[Standing, Changes]:
    """Recompute what stands from every decision of the case and let the grant rows follow. `statuses`: what each
    decision means, by decision."""
    requests = await requests_of_case(w.session, w.case.id)
    rows = await decisions_of(w)
    facts = [decision_fact(d, statuses.get(d.id, AuthorizationStatus(d.status))) for d in rows]
    stand = standing([request_fact(r) for r in requests], facts)
    await _supersede(w, rows, stand, {r.id: request_fact(r) for r in requests})
    held = await open_grants(w)
    made = changes([_fact_of(row) for row in held], stand.grants)
    await _close(w, held, made, stand)
    _open(w, made.opened)
    await w.session.flush()
    for first, last in made.spans:
        await w.reprice(first, last, "what an authorization grants changed")
    await summarize(w)
    return stand, made


async def _supersede(
    w: CaseWriting, rows: Sequence[AuthorizationDecision], stand: Standing, requests: dict[UUID, RequestFact]
) -> None:
    """Each answer that does not stand names the one that does; nothing is deleted."""
    for row in rows:
        stands = stand.decisions.get(family_of(row.request_id, requests))
        wanted = None if stands is None or stands.id == row.id else stands.id
        if row.superseded_by != wanted:
            await w.session.execute(
                update(AuthorizationDecision).where(AuthorizationDecision.id == row.id).values(superseded_by=wanted)
            )


async def _close(w: CaseWriting, held: Sequence[AuthorizationGrant], made: Changes, stand: Standing) -> None:
    gone = {g.content for g in made.closed}
    for row in held:
        fact = _fact_of(row)
        if fact.content not in gone:
            continue
        now_stands = stand.decisions.get(row.request_id)
        taken_back = now_stands is not None and not now_stands.grants
        row.state = GrantState.VOIDED_BY_PAYER if taken_back else GrantState.SUPERSEDED
        row.closed_at = w.now
        row.closed_why = (
            f"the payer answered {now_stands.action} afterwards" if now_stands is not None else "no answer stands"
        )


def _open(w: CaseWriting, facts: Sequence[GrantFact]) -> None:
    for fact in facts:
        w.session.add(
            AuthorizationGrant(
                id=derived(fact.decision_id, "grant", w.key), authorization_id=w.case.id, request_id=fact.request_id,
                decision_id=fact.decision_id, episode_id=w.episode.id, facility=w.episode.facility,
                payer=w.case.payer, level=fact.level, unit=fact.unit, units=fact.units, from_date=fact.from_date,
                through_date=fact.through_date, number=fact.number, state=GrantState.ACTIVE, opened_at=w.now,
            )
        )  # fmt: skip


async def summarize(w: CaseWriting) -> None:
    """The case says what its open grants say: units, last covered day (inclusive, AUTH-06; earlier than the grant's
    last date where its units run out first, AUTH-01), level, number, review."""
    case, held = w.case, await open_grants(w)
    case.granted_units = sum(g.units for g in held)
    newest = held[-1] if held else None
    case.last_covered_day = await carried_through(w.session, newest, w.billing_of(newest.level)) if newest else None
    case.granted_level = newest.level if newest else None
    case.number = (newest.number if newest else None) or case.number
    lcd = case.last_covered_day
    # A case that looks back at a stay which has ended asks for no continuation (E26).
    over = lcd is not None and case.end_dated_on is not None and lcd >= case.end_dated_on
    case.review_due_at = review_due(lcd, w.payer.review) if lcd and not over else None
    # A case opened ahead of a scheduled move speaks for its level only once the person is there, and a case of another
    # payer (second, gone or still to come) never for what the one who pays authorized.
    if case.stay_id is not None and w.episode.stay_id == case.stay_id and w.episode.payer == case.payer:
        w.episode.authorized_level = case.granted_level
