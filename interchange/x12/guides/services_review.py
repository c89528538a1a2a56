"""005010X217 request and response as data (domain 4.5): which loops, segments, elements and codes may stand where.

Our own reading of the guide, held against pyx12 with maps that were written apart from this file. 2010EC (another
organisation that reviewed) and the role L5 of 2010EB stand as we understand them."""

from typing import Final

from interchange.x12.guide import REQUIRED, Guide, LoopRule, SegmentRule
from interchange.x12.guides.review_parts import (
    ACTIONS_EVENT,
    ACTIONS_LINE,
    ADMISSION,
    ANY_ID,
    ATTACHMENT,
    CONDITION,
    CONTACT,
    DELIVERY,
    DIAGNOSES,
    EVENT_CATEGORIES,
    INSTITUTIONAL,
    LEVELS,
    LINE_CATEGORIES,
    N3,
    N4,
    NUMBERS,
    PROFESSIONAL,
    REJECTION,
    REQUESTER,
    REQUESTER_REFERENCES,
    REVIEWER,
    REVIEWER_ID,
    TAXONOMY,
    bht,
    codes,
    dates,
    decision,
    dependent,
    hl,
    messages,
    name_of,
    providers,
    references,
    review,
    subscriber,
    traces,
)

VERSION: Final = "005010X217"
PURPOSES_REQUEST: Final = "13 01 36"
PURPOSES_RESPONSE: Final = "11"
MESSAGES_MAX: Final = 10
"""MSG of an answer: payers write more than one."""

OTHER_REVIEWER: Final = LoopRule(
    "2010EC", 0, 3, (name_of("PR 2B 36 X3 00", REVIEWER_ID, kinds="2"), references("ZZ", 3), dates("598", 1))
)
INFORMATION_CONTACT: Final = LoopRule("2010EB", 0, 1, (name_of("L5", f"{ANY_ID} PI"), N3, N4, CONTACT))

LINE_REQUEST: Final = LoopRule("2000F", 0, 999, (
    hl("SS", "0"), traces("1", 0, 2), SegmentRule("UM", 0, 1, review(LINE_CATEGORIES)), references(NUMBERS, 2, each=1),
    dates("472", 1), codes(DIAGNOSES), PROFESSIONAL, INSTITUTIONAL, DELIVERY, ATTACHMENT, messages(1),
    providers("2010F", 10, answer=False),
))  # fmt: skip
EVENT_REQUEST: Final = LoopRule("2000E", 1, 1, (
    hl("EV", "0 1"), traces("1", 1, 2), SegmentRule("UM", 1, 1, review(EVENT_CATEGORIES)),
    references(NUMBERS, 2, each=1), dates("435 096 AAH 439 484 ABC 431", 7), codes(DIAGNOSES), DELIVERY, CONDITION,
    ADMISSION, ATTACHMENT, messages(1), providers("2010EA", 14, answer=False), OTHER_REVIEWER, LINE_REQUEST,
))  # fmt: skip
REQUEST: Final = Guide(
    "278", VERSION, purpose=frozenset(PURPOSES_REQUEST.split()), levels=LEVELS,
    root=LoopRule("ST", 1, 1, (bht(PURPOSES_REQUEST, "RU"),
        LoopRule("2000A", 1, 1, (hl("20", "1", top=True),
            LoopRule("2010A", 1, 1, (name_of(REVIEWER, REVIEWER_ID, id_usage=REQUIRED),)),
            LoopRule("2000B", 1, 1, (hl("21", "1"),
                LoopRule("2010B", 1, 1, (name_of(REQUESTER, ANY_ID, id_usage=REQUIRED), REQUESTER_REFERENCES,
                    N3, N4, CONTACT, TAXONOMY)),
                LoopRule("2000C", 1, 1, (hl("22", "1"), subscriber(answer=False), dependent(answer=False),
                    EVENT_REQUEST)),
            )),
        )),
    )),
)  # fmt: skip
"""A request: BHT02 13 asks, 01 cancels."""

LINE_RESPONSE: Final = LoopRule("2000F", 0, 999, (
    hl("SS", "0"), traces("1 2", 0, 3), REJECTION,
    SegmentRule("UM", 0, 1, review(LINE_CATEGORIES, certification="S")), decision(ACTIONS_LINE),
    references(NUMBERS, 2, each=1), dates("472 102 007 036", 4), codes(f"LOI {DIAGNOSES}"), PROFESSIONAL,
    INSTITUTIONAL, DELIVERY, ATTACHMENT, messages(MESSAGES_MAX), providers("2010F", 10, answer=True),
))  # fmt: skip


def event_response(*, certification: str, low: int = 0) -> LoopRule:
    return LoopRule("2000E", low, 1, (
        hl("EV", "0 1"), traces("1 2", 0, 3), REJECTION,
        SegmentRule("UM", 0, 1, review(EVENT_CATEGORIES, certification=certification)), decision(ACTIONS_EVENT),
        references(NUMBERS, 2, each=1), dates("435 096 AAH 102 007 036 439 484 ABC 431", 10),
        codes(f"{DIAGNOSES} LOI"), DELIVERY, CONDITION, ADMISSION, ATTACHMENT, messages(MESSAGES_MAX),
        providers("2010EA", 14, answer=True, extra="X3"), INFORMATION_CONTACT, LINE_RESPONSE,
    ))  # fmt: skip


def response_root(header: SegmentRule, event: LoopRule) -> LoopRule:
    return LoopRule("ST", 1, 1, (header,
        LoopRule("2000A", 1, 1, (hl("20", "0 1", top=True), REJECTION,
            LoopRule("2010A", 1, 1, (name_of(REVIEWER, REVIEWER_ID, id_usage=REQUIRED), CONTACT, REJECTION)),
            LoopRule("2000B", 0, 1, (hl("21", "0 1"),
                LoopRule("2010B", 1, 1, (name_of(REQUESTER, ANY_ID, id_usage=REQUIRED), REQUESTER_REFERENCES,
                    REJECTION, TAXONOMY)),
                LoopRule("2000C", 0, 1, (hl("22", "0 1"), subscriber(answer=True), dependent(answer=True), event)),
            )),
        )),
    ))  # fmt: skip


RESPONSE: Final = Guide(
    "278", VERSION, purpose=frozenset(PURPOSES_RESPONSE.split()), levels=LEVELS,
    root=response_root(bht(PURPOSES_RESPONSE, "18 19 AT RU"), event_response(certification=REQUIRED)),
)  # fmt: skip
"""A response. Loops below a rejection may be missing: an unknown member has no event."""
