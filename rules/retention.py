"""From when, until when and why records are kept, and what stands in the way of their deletion (domain 3.6, E24)."""

from collections.abc import Sequence
from datetime import date

from definitions.errors import ErrorType, Refusal
from definitions.retention import (
    EVERYWHERE,
    DeletionFacts,
    KeptUntil,
    RecordFacts,
    RecordKind,
    RetentionRule,
    RetentionVerdict,
)


def years_after(day: date, years: int) -> date:
    """The same day of a later year; 29 February goes on to 1 March, so that no period is a day short."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def rules_for(rules: Sequence[RetentionRule], state: str, on: date) -> dict[RecordKind, RetentionRule]:
    """The rule of each kind that is in force in a state on a day: the state's own, or else everybody's."""
    found: dict[RecordKind, RetentionRule] = {}
    for rule in sorted(rules, key=lambda r: (r.state == state, r.effective_from)):
        if rule.state in (state, EVERYWHERE) and rule.effective_from <= on:
            found[rule.record] = rule
    return found


def shortest_years(rules: Sequence[RetentionRule]) -> int:
    """No medical record is over before this many years, whatever its state: what a first look at the table goes by."""
    return min(r.years for r in rules if r.record is RecordKind.MEDICAL_RECORD)


def retention_of(rules: Sequence[RetentionRule], facts: RecordFacts, on: date) -> RetentionVerdict:
    """Where several states have a say the longest period holds. Raises ValueError when a kind has no rule at all."""
    periods: list[KeptUntil] = []
    for state in dict.fromkeys(facts.states):
        live = rules_for(rules, state, on)
        missing = [kind.value for kind in RecordKind if kind not in live]
        if missing:
            raise ValueError(f"no retention rule for {', '.join(missing)} in {state} on {on}")
        periods.append(_record(live[RecordKind.MEDICAL_RECORD], facts))
        for kind, last in ((RecordKind.CONSENT, facts.last_consent), (RecordKind.LOG, facts.last_log)):
            if last is not None:
                periods.append(_dated(live[kind], last))
    return RetentionVerdict(periods=tuple(periods), until=max(p.until for p in periods))


def _record(rule: RetentionRule, facts: RecordFacts) -> KeptUntil:
    until = years_after(facts.last_service, rule.years)
    why = f"{rule.years} years after the last service of {facts.last_service} ({rule.source})"
    of_age = years_after(facts.birth_date, rule.majority_age)
    if rule.majority_plus_years is not None and facts.last_service < of_age:
        grown = years_after(of_age, rule.majority_plus_years)
        if grown > until:
            until = grown
            why = f"a minor at the last service: {rule.majority_plus_years} years after coming of age ({rule.source})"
    return KeptUntil(record=rule.record, begins=facts.last_service, until=until, rule=rule.key, why=why)


def _dated(rule: RetentionRule, last: date) -> KeptUntil:
    what = "creation or last effective date" if rule.record is RecordKind.CONSENT else "last entry"
    why = f"{rule.years} years after its {what}, {last} ({rule.source})"
    return KeptUntil(record=rule.record, begins=last, until=years_after(last, rule.years), rule=rule.key, why=why)


def deletion_problems(verdict: RetentionVerdict, facts: DeletionFacts, today: date) -> tuple[Refusal, ...]:
    """Everything that stands in the way, each with its sentence; nothing: it may go."""
    found: list[Refusal] = []

    def refuse(code: ErrorType, detail: str) -> None:
        found.append(Refusal(code=code, detail=detail))

    if facts.erased_at is not None:
        refuse(ErrorType.STALE, f"the record was erased on {facts.erased_at.date()}")
    if facts.open_episodes:
        refuse(ErrorType.RECORD_IN_USE, f"{facts.open_episodes} episode(s) are open; a record in use is not deleted")
    if facts.holds:
        refuse(ErrorType.LEGAL_HOLD, f"{facts.holds} legal hold(s) stand on the record; nothing is destroyed (E24)")
    if facts.legal_demands:
        detail = f"{facts.legal_demands} legal demand(s) are not settled; the record is kept as it is (E24)"
        refuse(ErrorType.LEGAL_HOLD, detail)
    if not verdict.over(today):
        longest = max(verdict.periods, key=lambda p: p.until)
        refuse(ErrorType.RETENTION_RUNS, f"it is kept through {verdict.until}: {longest.why}")
    if facts.undecided_requests or facts.open_disputes:
        detail = (
            f"{facts.undecided_requests} request(s) to a payer and {facts.open_disputes} dispute(s) are undecided; "
            "settle them first"
        )
        refuse(ErrorType.RECORD_IN_USE, detail)
    if facts.open_charge_questions or facts.open_accounts:
        detail = (
            f"{facts.open_charge_questions} day(s) wait for somebody's decision and {facts.open_accounts} account(s) are "
            "open; settle the money first"
        )
        refuse(ErrorType.RECORD_IN_USE, detail)
    if facts.copies_being_made:
        refuse(ErrorType.RECORD_IN_USE, "a copy for the patient is being made or not handed over yet")
    return tuple(found)
