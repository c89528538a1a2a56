"""From a day's verdict to the charge it wants, or the exception a biller must see (domain 6.8, AUTH-05, BILL-10)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from definitions.accrual import DayKind, DayVerdict
from definitions.charging import NO_PAYER, UNCOVERED, AgreedRate, CoverageFact, NightStay, WantedCharge, WantedException
from definitions.payer import AuthorizationNeed, LevelTerms, Payer, Rate
from definitions.vocabulary import Track

Coverage = Mapping[str, CoverageFact]
"""What the episode's cases say on the date, by level."""

NO_AGREEMENT: Mapping[str, AgreedRate] = {}
AT_RISK = ("at_risk", "uncovered")
BED_HOLD_REVENUE_CODE = "0185"
"""BILL-12, domain 6.2."""
NOT_REQUIRED = CoverageFact(None, "not_required")


class Tariff:
    """Rates and terms of one date, each looked up once: a night asks the same questions for every bed (E90: the
    rate is the one of the date of service)."""

    def __init__(self, on: date) -> None:
        self.on = on
        self._rates: dict[tuple[str, str, str], Rate | None] = {}
        self._terms: dict[tuple[str, str], LevelTerms | None] = {}

    def rate(self, payer: Payer, level: str, kind: DayKind = DayKind.PER_DIEM) -> Rate | None:
        key = (payer.key, level, kind.value)
        if key not in self._rates:
            self._rates[key] = payer.rate_on(level, self.on, kind.value)
        return self._rates[key]

    def terms(self, payer: Payer, level: str) -> LevelTerms | None:
        key = (payer.key, level)
        if key not in self._terms:
            self._terms[key] = payer.terms(level)
        return self._terms[key]


def charge_for(
    stay: NightStay,
    verdict: DayVerdict,
    payer: Payer,
    coverage: Coverage,
    paired: bool,
    tariff: Tariff,
    agreed: Mapping[str, AgreedRate] = NO_AGREEMENT,
) -> tuple[WantedCharge | None, WantedException | None]:
    """The charge a payable day wants, with what a person must look at. A day without a rate is never a zero
    charge: it is an exception. `paired`: this day bills beside a night in a bed. `agreed`: prices of signed
    single-case agreements by level; out of network nothing else has a price (E43)."""
    if verdict.kind is DayKind.NONE:
        return None, _unpaid(stay, verdict, payer, tariff)
    if stay.payer == NO_PAYER:
        why = f"no coverage is in force on {verdict.service_date}: find one, or decide who pays (E38, E39)"
        return None, _exception(stay, verdict, "no_coverage", why, _price(tariff, payer, verdict.level))
    terms = tariff.terms(payer, verdict.level)
    fact = _coverage(coverage, verdict.level, terms)
    if verdict.fallback_of is not None and fact.state in AT_RISK:
        why = f"{verdict.why}; no authorization covers {verdict.level}"
        return None, _exception(stay, verdict, "hours_short", why, _price(tariff, payer, verdict.fallback_of))
    rate = _rate(payer, verdict, tariff, agreed)
    if rate is None and not payer.network:
        why = (
            f"{payer.key} is out of network and no single-case agreement prices {verdict.level} on "
            f"{verdict.service_date}; sign one or decide who pays"
        )
        return None, _exception(stay, verdict, "no_agreement", why, None)
    if rate is None:
        why = (
            f"{payer.key} has no {verdict.kind.value} rate for {verdict.level} on {verdict.service_date}; "
            "add one to the edition"
        )
        return None, _exception(stay, verdict, "no_rate", why, None)
    uses_unit = verdict.kind is DayKind.PER_DIEM or payer.leave_consumes
    charge = _charge(stay, verdict, terms, fact, rate, paired, uses_unit)
    return charge, _authorization_problem(stay, verdict, coverage, charge)


def _rate(payer: Payer, verdict: DayVerdict, tariff: Tariff, agreed: Mapping[str, AgreedRate]) -> AgreedRate | None:
    """The agreement's price beats the contract's; bed-hold days are the contract's alone."""
    if verdict.kind is DayKind.PER_DIEM and verdict.level in agreed:
        return agreed[verdict.level]
    if not payer.network:
        return None
    rate = tariff.rate(payer, verdict.level, verdict.kind)
    return None if rate is None else AgreedRate(rate.amount, rate.version)


def _coverage(coverage: Coverage, level: str, terms: LevelTerms | None) -> CoverageFact:
    """What stands for the level; where the payer asks for nothing, nothing is missing (AUTH-10)."""
    fact = coverage.get(level)
    if fact is not None:
        return fact
    return NOT_REQUIRED if terms is not None and terms.need is AuthorizationNeed.NONE else UNCOVERED


def _charge(
    stay: NightStay,
    verdict: DayVerdict,
    terms: LevelTerms | None,
    fact: CoverageFact,
    rate: AgreedRate,
    paired: bool,
    uses_unit: bool,
) -> WantedCharge:
    held = verdict.kind is DayKind.BED_HOLD
    return WantedCharge(
        stay_id=stay.stay_id,
        episode_id=stay.episode_id,
        person_id=stay.person_id,
        payer=stay.payer,
        service_date=verdict.service_date,
        kind=verdict.kind.value,
        level=verdict.level,
        track=verdict.track.value,
        per_diem_track="day" if paired and verdict.track is Track.DAY else "main",
        revenue_code=BED_HOLD_REVENUE_CODE if held else (terms.revenue_code if terms else None),
        procedure_code=None if held or terms is None else terms.procedure_code,
        amount=rate.amount,
        rate_version=rate.version,
        authorization_id=fact.authorization_id,
        authorization_state=fact.state,
        rule=verdict.rule,
        why=verdict.why,
        grant_id=fact.grant_id if uses_unit else None,
    )


def _authorization_problem(
    stay: NightStay, verdict: DayVerdict, coverage: Coverage, charge: WantedCharge
) -> WantedException | None:
    """A payable day nobody authorized, and one that is authorized at another level (AUTH-07)."""
    if charge.authorization_state != "uncovered":
        return None
    used_up = _coverage(coverage, verdict.level, None).used_up
    if used_up is not None:
        return _exception(stay, verdict, "units_used_up", used_up, charge.amount)
    granted = sorted(level for level, fact in coverage.items() if fact.state == "covered")
    if granted:
        why = (
            f"care on {verdict.service_date} is at {verdict.level}, the authorization covers {', '.join(granted)}; "
            "ask for the right level or decide which one bills"
        )
        return _exception(stay, verdict, "level_differs_from_authorized", why, charge.amount)
    why = (
        f"no authorization covers {verdict.level} on {verdict.service_date}; ask for a retrospective one or "
        "decide who pays"
    )
    return _exception(stay, verdict, "no_authorization", why, charge.amount)


def _unpaid(stay: NightStay, verdict: DayVerdict, payer: Payer, tariff: Tariff) -> WantedException | None:
    if verdict.cause is None:
        return None
    return _exception(stay, verdict, verdict.cause, verdict.why, _price(tariff, payer, verdict.level))


def _price(tariff: Tariff, payer: Payer, level: str) -> Decimal | None:
    rate = tariff.rate(payer, level)
    return rate.amount if rate else None


def _exception(stay: NightStay, verdict: DayVerdict, cause: str, why: str, at_risk: Decimal | None) -> WantedException:
    return WantedException(stay.stay_id, stay.episode_id, verdict.service_date, cause, why, at_risk)
