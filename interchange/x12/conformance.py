"""Which guide a transaction is held to, and what it finds (domain 4.5, 6.12)."""

from typing import Final

from definitions.acknowledgement import SyntaxFinding
from interchange.x12.envelope import Transaction, read_interchanges
from interchange.x12.guide import Guide, Reading
from interchange.x12.guide_reader import read_by
from interchange.x12.guides.acknowledgement import ACKNOWLEDGEMENT, BASE
from interchange.x12.guides.admission_notification import NOTIFICATION, NOTIFICATION_ANSWER
from interchange.x12.guides.review_inquiry import INQUIRY, INQUIRY_ANSWER
from interchange.x12.guides.services_review import REQUEST, RESPONSE
from interchange.x12.segments import X12Problem

GUIDES: Final[tuple[Guide, ...]] = (
    REQUEST,
    RESPONSE,
    INQUIRY,
    INQUIRY_ANSWER,
    NOTIFICATION,
    NOTIFICATION_ANSWER,
    ACKNOWLEDGEMENT,
    BASE,
)
FROM_PAYER: Final = frozenset(id(g) for g in (RESPONSE, INQUIRY_ANSWER, NOTIFICATION_ANSWER, ACKNOWLEDGEMENT, BASE))
AT_PAYER: Final = frozenset(id(g) for g in (REQUEST, INQUIRY, NOTIFICATION))
BHT_WITHIN: Final = 5
"""It comes first; a partner who puts something before it is still understood."""
NAMED: Final = 10
"""Characters of a version that name the guide; what follows (A1, E2) are its addenda."""


def read_version(transaction: Transaction) -> str:
    """ST03, else GS08, without the letters of an errata: `005010X217E2` is read by 005010X217."""
    version = transaction.version
    return version[:NAMED] if transaction.kind == "278" else version


def guide_for(transaction: Transaction) -> Guide | None:
    """By transaction, version and BHT02; None when this house has no guide for it. A purpose that no guide of that
    version knows is held to the first, which names it as the fault."""
    version, purpose = read_version(transaction), purpose_of(transaction)
    fitting = [g for g in GUIDES if g.kind == transaction.kind and g.version == version]
    return next((g for g in fitting if not g.purpose or purpose in g.purpose), fitting[0] if fitting else None)


def purpose_of(transaction: Transaction) -> str:
    """BHT02; empty when the transaction does not begin with one."""
    return next((s.at(2) for s in transaction.segments[:BHT_WITHIN] if s.tag == "BHT"), "")


def findings(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """What is wrong with a transaction by its guide; None when no guide is known."""
    guide = guide_for(transaction)
    return read_by(guide, transaction.segments).findings if guide else None


def inbound_from_payer(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A provider's judge: takes the answers to requests, inquiries and notifications, and 999s; None: nothing else."""
    return _judged(transaction, FROM_PAYER)


def inbound_at_payer(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A payer's judge: takes requests, inquiries and notifications; None: nothing else."""
    return _judged(transaction, AT_PAYER)


def requests_only(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A payer's judge: takes 278 requests, nothing else."""
    return _judged(transaction, frozenset({id(REQUEST)}))


def responses_only(transaction: Transaction) -> tuple[SyntaxFinding, ...] | None:
    """A provider's judge: takes 278 responses, nothing else."""
    return _judged(transaction, frozenset({id(RESPONSE)}))


def _judged(transaction: Transaction, taken: frozenset[int]) -> tuple[SyntaxFinding, ...] | None:
    guide = guide_for(transaction)
    if guide is None or id(guide) not in taken:
        return None
    return read_by(guide, transaction.segments).findings


def of_guide(guide: Guide, transaction: Transaction, what: str = "the message") -> Reading:
    """The tree of a transaction that is one of this guide's; a problem when it is another message, or too broken to be
    read at all. Elements are not judged here: a parser says itself what it cannot do without."""
    if transaction.kind != guide.kind or read_version(transaction) != guide.version:
        raise X12Problem(f"{what} is no {guide.kind} of version {guide.version}")
    purpose = purpose_of(transaction)
    if guide.purpose and purpose and purpose not in guide.purpose:
        raise X12Problem(f"{what} has another purpose (BHT02) than {' or '.join(sorted(guide.purpose))}")
    reading = read_by(guide, transaction.segments, checked=False)
    if not reading.whole:
        raise X12Problem(f"{what} does not follow its guide: too many segments are out of place")
    return reading


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
    "2": "is missing beside another element that needs it",
    "3": "holds too many elements",
    "4": "is too short",
    "5": "is too long",
    "6": "holds a character it may not",
    "7": "holds a code the guide does not know",
    "8": "is not a date",
    "9": "is not a time",
    "10": "may not stand beside another element",
    "12": "repeats too often",
    "13": "holds too many components",
    "I10": "may not be used",
}
SEGMENT_FAULTS: Final[dict[str, str]] = {
    "1": "is not known",
    "2": "is not expected there",
    "3": "is missing",
    "4": "begins a loop too often",
    "5": "comes too often",
    "I7": "begins a loop too seldom",
    "I8": "comes too seldom",
}


def place_of(finding: SyntaxFinding) -> str:
    """A sentence's worth of a finding, for the person who must correct it."""
    where = f" in loop {finding.loop}" if finding.loop else ""
    if finding.element is None:
        return f"segment {finding.tag}{where} {SEGMENT_FAULTS.get(finding.code, 'is wrong')}"
    part = f"-{finding.component}" if finding.component else ""
    return f"{finding.tag}{finding.element:02d}{part}{where} {FAULTS.get(finding.element_code or '', 'is wrong')}"
