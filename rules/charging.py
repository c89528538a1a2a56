"""From a day's verdict to the charge it wants, or the exception a biller must see (domain 6.8, AUTH-05, BILL-10)."""

from collections.abc import Mapping

from definitions.accrual import DayKind, DayVerdict
from definitions.charging import UNCOVERED, CoverageFact, NightStay, WantedCharge, WantedException
from definitions.payer import Payer
from definitions.vocabulary import Track

Coverage = Mapping[str, CoverageFact]
"""What the episode's cases say on the date, by level."""

AT_RISK = ("at_risk", "uncovered")


def charge_for(
    stay: NightStay, verdict: DayVerdict, payer: Payer, coverage: Coverage, paired: bool
) -> tuple[WantedCharge | None, WantedException | None]:
    """The charge a payable day wants, with what a person must look at. A day without a rate is never a zero
    charge: it is an exception. `paired`: this day bills beside a night in a bed."""
    if verdict.kind is DayKind.NONE:
        return None, _exception(stay, verdict) if verdict.needs_person else None
    fact = coverage.get(verdict.level, UNCOVERED)
    if verdict.fallback_of is not None and fact.state in AT_RISK:
        return None, WantedException(
            stay.stay_id, stay.episode_id, verdict.service_date, "hours_short",
            f"{verdict.why}; no authorization covers {verdict.level}",
        )  # fmt: skip
    rate = payer.rate_on(verdict.level, verdict.service_date, verdict.kind.value)
    if rate is None:
        return None, WantedException(
            stay.stay_id, stay.episode_id, verdict.service_date, "no_rate",
            f"{payer.key} has no {verdict.kind.value} rate for {verdict.level} on {verdict.service_date}; add one to the "
            "edition",
        )  # fmt: skip
    terms = payer.terms(verdict.level)
    charge = WantedCharge(
        stay_id=stay.stay_id,
        episode_id=stay.episode_id,
        person_id=stay.person_id,
        payer=stay.payer,
        service_date=verdict.service_date,
        kind=verdict.kind.value,
        level=verdict.level,
        track=verdict.track.value,
        per_diem_track="day" if paired and verdict.track is Track.DAY else "main",
        revenue_code="0185" if verdict.kind is DayKind.BED_HOLD else (terms.revenue_code if terms else None),
        procedure_code=None if verdict.kind is DayKind.BED_HOLD or terms is None else terms.procedure_code,
        amount=rate.amount,
        rate_version=rate.version,
        authorization_id=fact.authorization_id,
        authorization_state=fact.state,
        rule=verdict.rule,
        why=verdict.why,
    )
    if fact.state != "uncovered":
        return charge, None
    return charge, WantedException(
        stay.stay_id, stay.episode_id, verdict.service_date, "no_authorization",
        f"no authorization covers {verdict.level} on {verdict.service_date}; ask for a retrospective one or decide who pays",
        rate.amount,
    )  # fmt: skip


def _exception(stay: NightStay, verdict: DayVerdict) -> WantedException:
    cause = "pairing_conflict" if verdict.rule == "BILL-10" else "hours_short"
    return WantedException(stay.stay_id, stay.episode_id, verdict.service_date, cause, verdict.why)
