"""005010X215 inquiry and its answer as data.

The guide is not adopted by rule and not printed in the public; this is our own reading: BHT02 28 asks, 49 answers (11
is read too), BHT06 RD in the answer, and the loops of X217 without lines in the question. Public messages show the
inquiry without TRN, with UM, REF NT and DTP AAH; we add TRN 1 (its own trace) and TRN 2 (the trace of the request it
asks about)."""

from typing import Final

from interchange.x12.guide import REQUIRED, Guide, LoopRule, SegmentRule
from interchange.x12.guides.review_parts import (
    ANY_ID,
    CONTACT,
    EVENT_CATEGORIES,
    LEVELS,
    N3,
    N4,
    NUMBERS,
    REQUESTER,
    REQUESTER_REFERENCES,
    REVIEWER,
    REVIEWER_ID,
    TAXONOMY,
    bht,
    dates,
    dependent,
    hl,
    name_of,
    providers,
    references,
    review,
    subscriber,
    traces,
)
from interchange.x12.guides.services_review import event_response, response_root

VERSION: Final = "005010X215"
ASKS: Final = "28"
ANSWERS: Final = "49"

INQUIRY: Final = Guide(
    "278", VERSION, purpose=frozenset({ASKS}), levels=LEVELS,
    root=LoopRule("ST", 1, 1, (bht(ASKS, ""),
        LoopRule("2000A", 1, 1, (hl("20", "1", top=True),
            LoopRule("2010A", 1, 1, (name_of(REVIEWER, REVIEWER_ID, id_usage=REQUIRED),)),
            LoopRule("2000B", 1, 1, (hl("21", "1"),
                LoopRule("2010B", 1, 1, (name_of(REQUESTER, ANY_ID, id_usage=REQUIRED), REQUESTER_REFERENCES,
                    N3, N4, CONTACT, TAXONOMY)),
                LoopRule("2000C", 1, 1, (hl("22", "1"), subscriber(answer=False), dependent(answer=False),
                    LoopRule("2000E", 1, 1, (hl("EV", "0 1"), traces("1 2", 0, 3),
                        SegmentRule("UM", 1, 1, review(EVENT_CATEGORIES, certification="S")),
                        references(NUMBERS, 2, each=1), dates("435 096 AAH 102", 4),
                        providers("2010EA", 14, answer=False))),
                )),
            )),
        )),
    )),
)  # fmt: skip
INQUIRY_ANSWER: Final = Guide(
    "278", VERSION, purpose=frozenset({ANSWERS, "11"}), levels=LEVELS,
    root=response_root(bht(f"{ANSWERS} 11", "RD 18 19"), event_response(certification="S")),
)  # fmt: skip
