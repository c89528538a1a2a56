"""One authorization case with everything on record about it: a fixed number of statements, scoped, fail-closed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from definitions.movement import ProjectedStay
from definitions.vocabulary import OpenItemStatus
from storage.models import (
    Authorization,
    AuthorizationClock,
    AuthorizationDecision,
    AuthorizationDispute,
    AuthorizationGrant,
    AuthorizationRequest,
    CaseEvidence,
    Due,
    Episode,
    OpenItem,
    SingleCaseAgreement,
)
from storage.reach import Reach
from storage.reads.worklist import PayerLine, payer_lines
from storage.repositories.episode import stays_of
from storage.repositories.work import AUTHORIZATION


@dataclass(frozen=True, slots=True)
class CaseDay:
    """A date of the case: what was charged for it and which grant it used, or why it was held back. `state`: the
    charge's authorization state, or `not_charged`."""

    service_date: date
    kind: str | None
    level: str | None
    grant_id: UUID | None
    charge_id: UUID | None
    state: str
    amount: Decimal | None
    why: str


@dataclass(frozen=True, slots=True)
class EvidenceOnRecord:
    """That words are on record, not the words."""

    id: UUID
    kind: str
    at: datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class CasePage:
    case: Authorization
    episode: Episode
    requests: list[AuthorizationRequest]
    decisions: list[AuthorizationDecision]
    grants: list[AuthorizationGrant]
    disputes: list[AuthorizationDispute]
    clocks: list[AuthorizationClock]
    agreements: list[SingleCaseAgreement]
    items: list[OpenItem]
    due: list[Due]
    evidence: list[EvidenceOnRecord]
    days: list[CaseDay]
    stays: tuple[ProjectedStay, ...]
    line: PayerLine | None
    """The payer's circuit, unless it is closed."""

    def used(self, grant_id: UUID) -> int:
        """Days that use a unit of a grant (AUTH-05)."""
        return sum(d.grant_id == grant_id for d in self.days)


# A day stands in the case by its payer, level and dates, also when no unit was left for it; an open exception stands
# for a date that could not be charged at all.
DAYS: Final = text(
    """
    SELECT c.service_date, c.kind, c.level, c.grant_id, c.id, c.authorization_state, c.amount, c.why
    FROM charge c
    WHERE c.episode_id = :episode AND c.status = 'live' AND c.payer = :payer AND (
        c.grant_id = ANY(CAST(:grants AS uuid[])) OR c.authorization_id = :case
        OR (c.level = ANY(CAST(:levels AS text[])) AND c.service_date BETWEEN :first AND coalesce(:last, c.service_date)))
    UNION ALL
    SELECT x.service_date, NULL, NULL, NULL, NULL, 'not_charged', x.amount_at_risk, x.why
    FROM charge_exception x JOIN stay s ON s.id = x.stay_id
    WHERE x.episode_id = :episode AND x.resolved_at IS NULL AND s.payer = :payer
      AND s.level = ANY(CAST(:levels AS text[])) AND x.service_date BETWEEN :first AND coalesce(:last, x.service_date)
      AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.stay_id = x.stay_id AND c.service_date = x.service_date
                      AND c.status = 'live')
    ORDER BY 1, 2 NULLS LAST
    """
)


async def case_page(session: AsyncSession, facilities: Reach, case_id: UUID) -> CasePage | None:
    """None: unknown, or not the caller's to see."""
    found = (
        await session.execute(
            select(Authorization, Episode)
            .join(Episode, Episode.id == Authorization.episode_id)
            .where(Authorization.id == case_id)
        )
    ).first()
    if found is None or not facilities.sees(found[0].facility, found[1].id, found[1].person_id):
        return None
    case, episode = found

    async def rows(model: Any, *order: Any) -> list[Any]:
        query = select(model).where(model.authorization_id == case_id).order_by(*order)
        return list((await session.execute(query)).scalars())

    grants = await rows(AuthorizationGrant, AuthorizationGrant.opened_at, AuthorizationGrant.from_date)
    return CasePage(
        case=case,
        episode=episode,
        requests=await rows(
            AuthorizationRequest,
            AuthorizationRequest.requested_at,
            AuthorizationRequest.about.is_not(None),
            AuthorizationRequest.id,
        ),
        decisions=await rows(AuthorizationDecision, AuthorizationDecision.arrival, AuthorizationDecision.received_at),
        grants=grants,
        disputes=await rows(AuthorizationDispute, AuthorizationDispute.opened_at, AuthorizationDispute.level),
        clocks=await rows(AuthorizationClock, AuthorizationClock.started_at, AuthorizationClock.name),
        agreements=await rows(SingleCaseAgreement, SingleCaseAgreement.proposed_at),
        items=await _items(session, case),
        due=await _due(session, case_id),
        evidence=await _evidence(session, case_id),
        days=await _days(session, case, [g.id for g in grants], {g.level for g in grants}),
        stays=await stays_of(session, case.episode_id),
        line=(await payer_lines(session, facilities)).get(case.payer),
    )


async def _items(session: AsyncSession, case: Authorization) -> list[OpenItem]:
    query = select(OpenItem).where(
        OpenItem.episode_id == case.episode_id, OpenItem.status == OpenItemStatus.OPEN,
        OpenItem.subject_id == str(case.id),
    )  # fmt: skip
    ordered = query.order_by(OpenItem.due_at.asc().nulls_last(), OpenItem.opened_at)
    return list((await session.execute(ordered)).scalars())


async def _due(session: AsyncSession, case_id: UUID) -> list[Due]:
    query = select(Due).where(Due.owner_kind == AUTHORIZATION, Due.owner_id == case_id).order_by(Due.at, Due.kind)
    return list((await session.execute(query)).scalars())


async def _evidence(session: AsyncSession, case_id: UUID) -> list[EvidenceOnRecord]:
    """Without the sealed words: they are opened one by one, and each opening is audited."""
    rows = await session.execute(
        select(CaseEvidence.id, CaseEvidence.kind, CaseEvidence.at, CaseEvidence.recorded_by)
        .where(CaseEvidence.authorization_id == case_id)
        .order_by(CaseEvidence.at, CaseEvidence.id)
    )
    return [EvidenceOnRecord(*row) for row in rows]


async def _days(session: AsyncSession, case: Authorization, grants: list[UUID], levels: set[str]) -> list[CaseDay]:
    rows = await session.execute(
        DAYS,
        {
            "episode": case.episode_id, "payer": case.payer, "case": case.id, "first": case.from_date,
            "last": case.end_dated_on, "levels": sorted(levels | {case.level}), "grants": [str(g) for g in grants],
        },
    )  # fmt: skip
    return [CaseDay(*row) for row in rows]
