"""Which guide a transaction is held to, and what it finds (domain 4.5, 6.12)."""

from typing import Final

from definitions.services_review import SyntaxFinding
from interchange.x12.envelope import Transaction, read_interchanges
from interchange.x12.guide import Guide, read_by
from interchange.x12.guides.services_review import REQUEST, RESPONSE
from interchange.x12.segments import X12Problem

GUIDES: Final[tuple[Guide, ...]] = (REQUEST, RESPONSE)


def guide_for(transaction: Transaction) -> Guide | None:
    """By transaction, version and BHT02; None when this house has no guide for it."""
    purpose = next((s.at(2) for s in transaction.segments if s.tag == "BHT"), "")
    fitting = [g for g in GUIDES if g.kind == transaction.kind and g.version == transaction.version]
    return next((g for g in fitting if not g.purpose or purpose in g.purpose), fitting[0] if fitting else None)


def findings(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """What is wrong with a transaction by its guide; None when no guide is known."""
    guide = guide_for(transaction)
    return read_by(guide, transaction.segments).findings if guide else None


def requests_only(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A payer's judge: takes 278 requests, nothing else."""
    return findings(transaction) if guide_for(transaction) is REQUEST else None


def responses_only(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A provider's judge: takes 278 responses, nothing else."""
    return findings(transaction) if guide_for(transaction) is RESPONSE else None


def refuse_unless_conforming(text: str, what: str) -> None:
    """What we write is read back and judged before it leaves. The problem names the place, never the value."""
    for interchange in read_interchanges(text):
        for group in interchange.groups:
            for transaction in group.transactions:
                found = findings(transaction)
                if found:
                    raise X12Problem(f"{what} would be rejected: {place_of(found[0])}; correct the record")


FAULTS: Final[dict[str, str]] = {
    "1": "is missing",
    "3": "holds too many elements",
    "4": "is too short",
    "5": "is too long",
    "6": "holds a character it may not",
    "7": "holds a code the guide does not know",
    "8": "is not a date",
    "9": "is not a time",
    "I10": "may not be used",
}
SEGMENT_FAULTS: Final[dict[str, str]] = {
    "1": "is not known",
    "2": "is not expected there",
    "3": "is missing",
    "4": "begins a loop too often",
    "5": "comes too often",
}


def place_of(finding: SyntaxFinding) -> str:
    """A sentence's worth of a finding, for the person who must correct it."""
    where = f" in loop {finding.loop}" if finding.loop else ""
    if finding.element is None:
        return f"segment {finding.tag}{where} {SEGMENT_FAULTS.get(finding.code, 'is wrong')}"
    part = f"-{finding.component}" if finding.component else ""
    return f"{finding.tag}{finding.element:02d}{part}{where} {FAULTS.get(finding.element_code or '', 'is wrong')}"
