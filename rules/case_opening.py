"""What is asked of which payer for a level, and which cases a payer's end leaves behind (AUTH-01, E38, E41)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from definitions.coverage import CoverageInterval
from definitions.level import LevelOfCare
from definitions.payer import AuthorizationNeed, LevelTerms, Payer
from definitions.plan import CaseToClose, CaseToOpen
from definitions.plan_facts import CaseFact, PlanFacts, Wish
from definitions.vocabulary import AuthorizationStatus, CoverageKind, RequestKind
from rules.calendar import facility_date
from rules.coverage import in_force, last_day_of, primary_on

OPEN_CASES: Final = frozenset(AuthorizationStatus) - {AuthorizationStatus.CANCELLED, AuthorizationStatus.END_DATED}


@dataclass(frozen=True, slots=True)
class CaseWish:
    """One payer asked for one level over dates. `last` None: as long as the payer's terms say."""

    level: LevelOfCare
    first: date
    last: date | None = None
    urgent: bool = False
    looking_back: bool = False
    """The care has begun already: the request is retrospective (domain 4.1, E26)."""
    delay_reason: str | None = None
    """UM10, why it comes late; said of a request that looks back only."""
    coverage_id: UUID | None = None


def needs_request(payer: Payer, terms: LevelTerms | None) -> bool:
    return (
        terms is not None and terms.need is not AuthorizationNeed.NONE and payer.kind is CoverageKind.INSURANCE
    )  # fmt: skip


def case_for(payer: Payer, wish: CaseWish) -> CaseToOpen:
    """What is asked of the payer for the level (AUTH-01, domain 4.1, 4.2), or the evidence that nothing is."""
    level, terms = wish.level, payer.terms(wish.level.key)
    if terms is None or not needs_request(payer, terms):
        return CaseToOpen(
            payer=payer.key, level=level.key, kind=RequestKind.INITIAL, unit=terms.unit.value if terms else "DY",
            units=0, from_date=wish.first, through_date=wish.first, urgent=False, required=False,
            why=f"{payer.name} asks for no authorization at {level.key} (edition {payer.edition})",
            coverage_id=wish.coverage_id,
        )  # fmt: skip
    kind = _kind(terms, wish)
    days = terms.span_days or max(terms.initial_units, 1)
    through = wish.first + timedelta(days=days - 1)
    units = terms.initial_units
    if wish.last is not None and wish.last < through:
        through = wish.last
        units = min(units, (through - wish.first).days + 1)
    return CaseToOpen(
        payer=payer.key, level=level.key, kind=kind, unit=terms.unit.value, units=units, from_date=wish.first,
        through_date=through, urgent=wish.urgent or (level.needs_bed and not wish.looking_back), required=True,
        why=f"{payer.name} wants {kind.value} for {level.key}: {units} {terms.unit.value}",
        coverage_id=wish.coverage_id, delay_reason=wish.delay_reason if wish.looking_back else None,
    )  # fmt: skip


def _kind(terms: LevelTerms, wish: CaseWish) -> RequestKind:
    if wish.looking_back:
        return RequestKind.RETROSPECTIVE
    if terms.need is AuthorizationNeed.NOTIFICATION:
        return RequestKind.NOTIFICATION
    return RequestKind.EXPEDITED if wish.urgent else RequestKind.INITIAL


def payer_at(facts: PlanFacts, wish: Wish) -> Payer:
    """Whose coverage is in force on the date the move takes effect; with none, the one the episode shows."""
    found = _coverage_at(facts, wish)
    return facts.payers.get(found.payer, facts.payer) if found else facts.payer


def _coverage_at(facts: PlanFacts, wish: Wish) -> CoverageInterval | None:
    return primary_on(facts.coverages, facility_date(wish.effective_at, facts.facility.zone))


def uncovered_at(facts: PlanFacts, wish: Wish) -> bool:
    """Coverages are on record, and none is in force when the move takes effect."""
    return bool(facts.coverages) and _coverage_at(facts, wish) is None


def case_of(facts: PlanFacts, wish: Wish, level: LevelOfCare, payer: Payer, urgent: bool) -> CaseToOpen | None:
    """The case of the payer that pays first when the move takes effect; None when nobody does."""
    if uncovered_at(facts, wish):
        return None
    coverage = _coverage_at(facts, wish)
    first = facility_date(wish.effective_at, facts.facility.zone)
    return case_for(payer, CaseWish(level, first, urgent=urgent, coverage_id=coverage.id if coverage else None))


def cases_beside(facts: PlanFacts, wish: Wish, level: LevelOfCare, urgent: bool) -> tuple[CaseToOpen, ...]:
    """Every other payer in force then, or recorded to come, is asked for its own days (E41, E38)."""
    first = facility_date(wish.effective_at, facts.facility.zone)
    main = _coverage_at(facts, wish)
    then = in_force(facts.coverages, first)
    coming = (c for c in facts.coverages if not c.voided and c.from_date > first)
    return tuple(
        case_for(
            facts.payers[c.payer],
            CaseWish(level, max(first, c.from_date), c.through_date, urgent=urgent, coverage_id=c.id),
        )
        for c in (*then, *coming)
        if main is not None and c.id != main.id and c.payer != main.payer and c.payer in facts.payers
    )


def outlived(cases: Iterable[CaseFact], rows: tuple[CoverageInterval, ...], today: date) -> tuple[CaseToClose, ...]:
    """Open cases whose payer is out by `today`, or never comes to the case's dates: their last day is the payer's
    (E38). A payer whose end lies ahead keeps its cases until that day."""
    closed = []
    for case in cases:
        if case.status not in OPEN_CASES:
            continue
        last = last_day_of(rows, case.payer, case.from_date)
        stands = case.end_dated_on is None or case.end_dated_on > last
        if stands and (last < today or last < case.from_date):
            closed.append(CaseToClose(authorization_id=case.id, on=last))
    return tuple(closed)
