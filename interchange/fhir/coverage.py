"""The Coverages of a referral bundle: who pays, under which number, in which order (domain 6.16)."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from definitions.referral import CoverageDetails
from definitions.vocabulary import CoverageKind
from interchange.fhir.bundle import Bundle, Entry
from interchange.fhir.element import ADDRESS_MAX, Element, Report
from interchange.fhir.systems import MEMBER_NUMBER

COVERAGES_MAX: Final = 5
MEMBER_MAX: Final = 40
MEMBER: Final = re.compile(r"(?=\S)[\x20-\x7e]+(?<=\S)")
DELIMITERS: Final = frozenset("*:^~")
"""An X12 message cannot carry these inside a number, and a repaired number is another person's."""
NOT_IN_FORCE: Final = frozenset({"cancelled", "draft", "entered-in-error"})
RELATIONSHIPS: Final = frozenset({"self", "child", "parent", "spouse", "common", "other", "injured"})
BY_KEY: Final = {"self_pay": CoverageKind.SELF_PAY, "county": CoverageKind.COUNTY_FUNDING}
"""Kinds of payer keys when the caller brings no table of its own."""


def read_coverages(
    bundle: Bundle,
    report: Report,
    payers: Mapping[str, str],
    kinds: Mapping[str, CoverageKind],
    today: date | None,
) -> tuple[CoverageDetails, ...]:
    """In the order of payment; at least one, each with a known payer."""
    live = [entry for entry in bundle.of("Coverage") if _in_force(entry.resource)]
    if not live:
        report.refuse("Bundle.entry", "no_coverage", "send at least one active Coverage; self-pay is a coverage too")
    if len(live) > COVERAGES_MAX:
        report.refuse("Bundle.entry", "too_many_coverages", f"send at most {COVERAGES_MAX} that are in force")
        return ()
    orders = _orders(live)
    names = {name.casefold(): key for name, key in payers.items()}
    read = (
        _coverage(bundle, e.resource, rank, names, kinds, today) for e, rank in zip(live, orders, strict=True)
    )  # fmt: skip
    made = sorted((c for c in read if c is not None), key=lambda c: c.rank)
    if len({(c.payer, c.member_id, c.from_date) for c in made}) < len(made):
        report.refuse("Bundle.entry", "coverage_repeated", "the same coverage stands here twice; send it once")
    return tuple(made)


def _in_force(coverage: Element) -> bool:
    if coverage.text("status") in NOT_IN_FORCE:
        coverage.note("status", "coverage_left_out", "not in force, so not taken over")
        return False
    return True


def _orders(live: list[Entry]) -> list[int]:
    """`Coverage.order` where it is said; the others take the lowest free places as they come."""
    said: list[int | None] = []
    for entry in live:
        value = entry.resource.fields.get("order")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 100):
            entry.resource.refuse("order", "bad_order", "the order of payment is a whole number from 1")
            value = None
        if value is not None and value in said:
            entry.resource.refuse("order", "order_repeated", "two coverages pay at the same place; say which is first")
        said.append(value)
    free = iter(n for n in range(1, 200) if n not in said)
    return [next(free) if value is None else value for value in said]


def _coverage(
    bundle: Bundle,
    coverage: Element,
    rank: int,
    names: Mapping[str, str],
    kinds: Mapping[str, CoverageKind],
    today: date | None,
) -> CoverageDetails | None:
    ours = bundle.about_the_patient(coverage, "beneficiary")
    payer = _payer(bundle, coverage, names, [key for key, kind in kinds.items() if kind is CoverageKind.SELF_PAY])
    period = coverage.element("period")
    first = period.day("start", "bad_coverage_period") if period else None
    last = period.day("end", "bad_coverage_period", last=True) if period else None
    if first and last and last < first:
        coverage.refuse("period", "coverage_period_inverted", "the period ends before it begins")
        return None
    if payer is None or not ours:
        return None
    if today is not None and last is not None and last < today:
        coverage.note("period", "coverage_ended", "this coverage has ended; check who pays before admission")
    kind = kinds.get(payer, CoverageKind.INSURANCE)
    member = _member(coverage)
    if member is None and kind is CoverageKind.INSURANCE:
        if not coverage.refused("subscriberId"):
            coverage.refuse("subscriberId", "no_member_id", "an insured person has a member id")
        return None
    return CoverageDetails(
        payer=payer,
        kind=kind,
        member_id=member or "",
        group_number=_group(coverage),
        rank=rank,
        from_date=first,
        through_date=last,
        relationship=_relationship(coverage),
    )


def _payer(bundle: Bundle, coverage: Element, names: Mapping[str, str], own: list[str]) -> str | None:
    """The one payer of ours that the payor's identifier, name or Organization says; the patient as payor is
    self-pay, whose keys are `own`."""
    keys: set[str] = set()
    lost = False
    for payor in coverage.elements("payor"):
        identifier = payor.element("identifier")
        said = [identifier.text("value") if identifier else None, payor.text("display")]
        reference = payor.text("reference", ADDRESS_MAX)
        target = bundle.find(reference, coverage) if reference else None
        if target is not None and target.kind == "Patient":
            said += own
        elif target is not None:
            said += [i.text("value") for i in target.resource.elements("identifier")]
            said.append(target.resource.text("name"))
        lost = lost or (reference is not None and target is None)
        keys |= {names[name.casefold()] for name in said if name and name.casefold() in names}
    if len(keys) > 1:
        coverage.refuse("payor", "payers_contradict", "this names several payers; send one Coverage for each")
    elif not keys and lost:
        coverage.refuse("payor", "reference_unresolved", "this points to nothing in the bundle; send the Organization")
    elif not keys:
        known = ", ".join(sorted(set(names.values())))
        coverage.refuse("payor", "unknown_payer", f"name a payer we have a contract with: {known}")
    return keys.pop() if len(keys) == 1 else None


def _member(coverage: Element) -> str | None:
    """The number on the card: `subscriberId`, or an identifier of type MB."""
    found = coverage.text("subscriberId", MEMBER_MAX)
    if found is None:
        cards = [
            i for i in coverage.elements("identifier") if any(c.text("code") == MEMBER_NUMBER for c in i.codings("type"))
        ]  # fmt: skip
        found = next((v for v in (card.text("value", MEMBER_MAX) for card in cards) if v), None)
    if found is not None and (MEMBER.fullmatch(found) is None or DELIMITERS & set(found)):
        coverage.refuse(
            "subscriberId", "bad_member_id", "a member id has plain letters and digits, none of * : ^ ~; check the card"
        )
        return None
    return found


def _group(coverage: Element) -> str | None:
    for part in coverage.elements("class"):
        if part.coded("type") == "group":
            return part.text("value")
    return None


def _relationship(coverage: Element) -> str:
    """Whose plan it is; the payer knows a dependent by the subscriber's number (278 loop 2010D)."""
    said = coverage.coded("relationship") or "self"
    if said != "self":
        coverage.note(
            "relationship", "subscriber_is_other", "somebody else holds this plan; check the number with them"
        )
    return said if said in RELATIONSHIPS else "other"
