"""Exact scoring and alert rules (domain 2.2, 2.3). The rules are data; this is the one engine that reads them."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from definitions.errors import ErrorType, Refusal
from definitions.instrument import AlertRule, Instrument, Item, Method, RaisedAlert, Scored, ScoringContext

Values = dict[str, int]


def score(
    instrument: Instrument, answers: Mapping[str, Any], context: ScoringContext | None = None
) -> Scored | Refusal:
    """The score, its band and the alerts it raises, or why the answers cannot be scored. A refusal names the
    item and what is allowed, never the answer given."""
    context = context or ScoringContext()
    values = _values(instrument, answers)
    if isinstance(values, Refusal):
        return values
    asked = [i for i in instrument.items if _asked(i, values)]
    missing = tuple(i.key for i in asked if i.required and i.key not in values and not i.text)
    absent_text = tuple(i.key for i in asked if i.required and i.text and not answers.get(i.key))
    problem = _missing_problem(instrument, missing + absent_text)
    if problem is not None:
        return problem
    total = _total(instrument, values, missing)
    subscores = {s.key: sum(values.get(k, 0) for k in s.items) for s in instrument.subscales}
    severity = _severity(instrument, values, total)
    scored = Scored(
        instrument=instrument.key,
        edition=instrument.edition,
        score=total,
        severity=severity,
        subscores=subscores,
        flags=_flags(instrument, subscores),
        prorated=bool(missing) and total is not None,
        missing=missing,
        recommended_level=_placement(instrument, values),
    )
    # Without a total the answers that are there still count: they are the least the score can be.
    least = scored if total is not None else scored.model_copy(update={"score": _known(instrument, values)})
    alerts = tuple(_raised(rule, context) for rule in instrument.alerts if _holds(rule, least, values, context))
    return scored.model_copy(update={"alerts": alerts})


def _values(instrument: Instrument, answers: Mapping[str, Any]) -> Values | Refusal:
    values: Values = {}
    for key, answer in answers.items():
        item = instrument.item(key)
        if item is None:
            return _refuse(
                ErrorType.INVALID_REQUEST,
                f"{instrument.key} has no such item; its items are {', '.join(i.key for i in instrument.items)}",
            )
        if item.text or answer is None:
            continue
        value = _as_value(answer)
        if value is None or (item.allowed and value not in item.allowed):
            allowed = ", ".join(str(v) for v in item.allowed)
            return _refuse(
                ErrorType.ASSESSMENT_OUT_OF_RANGE, f"{instrument.key} item {key} allows only {allowed}; correct it"
            )
        values[key] = value
    return values


def _as_value(answer: Any) -> int | None:
    if isinstance(answer, bool):
        return int(answer)
    return answer if isinstance(answer, int) else None


def _asked(item: Item, values: Values) -> bool:
    return item.asked_when is None or values.get(item.asked_when, 0) >= 1


def _missing_problem(instrument: Instrument, missing: tuple[str, ...]) -> Refusal | None:
    if not missing or instrument.method is Method.SUM_PRORATED:
        return None
    names = ", ".join(missing)
    return _refuse(
        ErrorType.ASSESSMENT_INCOMPLETE,
        f"{instrument.key} lacks {names}; answer every item, or record the assessment as refused",
    )


def _total(instrument: Instrument, values: Values, missing: tuple[str, ...]) -> Decimal | None:
    scored = [i for i in instrument.items if i.scored and i.key in values]
    if instrument.method is Method.SUM:
        return Decimal(sum(values[i.key] for i in scored))
    if instrument.method is Method.COUNT_YES:
        return Decimal(sum(1 - values[i.key] if i.reverse else values[i.key] for i in scored))
    if instrument.method is not Method.SUM_PRORATED:
        return None
    if len(missing) > instrument.missing_max or any(i.never_prorated and i.key in missing for i in instrument.items):
        return None
    whole = sum(1 for i in instrument.items if i.scored)
    answered = len(scored)
    exact = Decimal(sum(values[i.key] for i in scored)) * whole / answered
    return exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)


def _known(instrument: Instrument, values: Values) -> Decimal | None:
    if instrument.method is not Method.SUM_PRORATED:
        return None
    return Decimal(sum(values[i.key] for i in instrument.items if i.scored and i.key in values))


def _severity(instrument: Instrument, values: Values, total: Decimal | None) -> str | None:
    if instrument.method is Method.RISK_TABLE:
        held = [r.severity for r in instrument.risk if values.get(r.item, 0) >= r.at_least]
        order = [b.severity for b in instrument.bands]
        return max(held, key=order.index) if held else order[0]
    if total is None:
        return None
    return next((b.severity for b in instrument.bands if b.low <= total <= b.high), None)


def _flags(instrument: Instrument, subscores: Mapping[str, int]) -> tuple[str, ...]:
    raised = []
    for scale in instrument.subscales:
        value = subscores[scale.key]
        over = scale.flag_at_least is not None and value >= scale.flag_at_least
        under = scale.flag_at_most is not None and value <= scale.flag_at_most
        if over or under:
            raised.append(scale.key)
    return tuple(raised)


def _placement(instrument: Instrument, values: Values) -> str | None:
    if instrument.method is not Method.DIMENSIONAL:
        return None
    for row in instrument.placement:
        if any(values.get(d, 0) >= row.at_least for d in row.dimensions):
            return row.level
    return instrument.placement_default


def _holds(rule: AlertRule, scored: Scored, values: Values, context: ScoringContext) -> bool:
    if rule.when_flag is not None and rule.when_flag not in context.flags:
        return False
    tests = [
        _item_test(rule, values),
        _score_test(rule, scored.score),
        None if rule.category is None else scored.severity == rule.category,
        _rise_test(rule, scored, context),
        _subscale_test(rule, scored, context),
    ]
    known = [t for t in tests if t is not None]
    return bool(known) and any(known)


def _item_test(rule: AlertRule, values: Values) -> bool | None:
    if rule.item is None:
        return None
    return values.get(rule.item, 0) >= (rule.item_at_least or 1)


def _score_test(rule: AlertRule, total: Decimal | None) -> bool | None:
    if rule.score_at_least is None and rule.score_over is None:
        return None
    if total is None:
        return False
    if rule.score_over is not None and total <= rule.score_over:
        return False
    if rule.score_at_most is not None and total > rule.score_at_most:
        return False
    return rule.score_at_least is None or total >= rule.score_at_least


def _rise_test(rule: AlertRule, scored: Scored, context: ScoringContext) -> bool | None:
    if rule.rise is None:
        return None
    if scored.score is None or context.previous_score is None:
        return False
    if rule.rise_hours is not None and (
        context.hours_since_previous is None or context.hours_since_previous > rule.rise_hours
    ):
        return False
    return scored.score - context.previous_score >= rule.rise


def _subscale_test(rule: AlertRule, scored: Scored, context: ScoringContext) -> bool | None:
    if rule.subscale is None:
        return None
    now = scored.subscores.get(rule.subscale, 0)
    if rule.subscale_rises_from_zero:
        return context.previous_subscores.get(rule.subscale) == 0 and now > 0
    return rule.subscale in scored.flags


def _raised(rule: AlertRule, context: ScoringContext) -> RaisedAlert:
    minutes = rule.acknowledge_minutes
    if not context.around_the_clock and rule.acknowledge_minutes_outpatient is not None:
        minutes = rule.acknowledge_minutes_outpatient
    return RaisedAlert(
        rule=rule.id,
        severity=rule.severity,
        condition=_condition(rule),
        action=rule.action,
        acknowledge_minutes=minutes,
        blocks_step_down=rule.blocks_step_down,
    )


def _condition(rule: AlertRule) -> str:
    parts = []
    if rule.item is not None:
        parts.append(f"item {rule.item} at {rule.item_at_least or 1} or more")
    if rule.score_at_least is not None:
        parts.append(f"score {rule.score_at_least} or more")
    if rule.score_over is not None:
        parts.append(f"score over {rule.score_over}")
    if rule.category is not None:
        parts.append(f"risk {rule.category}")
    if rule.rise is not None:
        within = f" within {rule.rise_hours} hours" if rule.rise_hours else ""
        parts.append(f"rise of {rule.rise} or more{within}")
    if rule.subscale is not None:
        parts.append(f"{rule.subscale} rises from 0" if rule.subscale_rises_from_zero else f"{rule.subscale} flagged")
    return " or ".join(parts)


def _refuse(code: ErrorType, detail: str) -> Refusal:
    return Refusal(code=code, detail=detail)
