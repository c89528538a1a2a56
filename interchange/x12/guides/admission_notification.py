"""005010X216 notification and its acknowledgement as data.

Not adopted by rule and not printed in the public; this is our own reading of public messages and companion texts: who
tells stands in 2000A and who is told in 2000B, in the notice and in its acknowledgement alike. BHT02 CN tells of what
has happened (admission, discharge), 14 of what is planned, 22 copies, 01 cancels; 53 acknowledges (11 and 44 are read
too). A receipt number comes as REF NT; what cannot be processed as AAA, never as a decision."""

from typing import Final

from interchange.x12.guide import REQUIRED, SITUATIONAL, Guide, LoopRule, SegmentRule
from interchange.x12.guides.review_parts import (
    ACTIONS_EVENT,
    ADMISSION,
    ANY_ID,
    CONTACT,
    DIAGNOSES,
    EVENT_CATEGORIES,
    LEVELS,
    N3,
    N4,
    NUMBERS,
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

VERSION: Final = "005010X216"
TELLS: Final = "CN"
CANCELS: Final = "01"
ACKNOWLEDGES: Final = "53"
_TELLING: Final = f"{TELLS} 14 22 {CANCELS}"
_ACKNOWLEDGING: Final = f"{ACKNOWLEDGES} 11 44"
_UM: Final = review(EVENT_CATEGORIES, certification=SITUATIONAL)

NOTIFICATION: Final = Guide(
    "278", VERSION, purpose=frozenset(_TELLING.split()), levels=LEVELS,
    root=LoopRule("ST", 1, 1, (bht(_TELLING, "RD"),
        LoopRule("2000A", 1, 1, (hl("20", "1", top=True),
            LoopRule("2010A", 1, 1, (name_of(REQUESTER, ANY_ID, id_usage=REQUIRED), REQUESTER_REFERENCES, N3, N4,
                CONTACT, TAXONOMY)),
            LoopRule("2000B", 1, 1, (hl("21", "1"),
                LoopRule("2010B", 1, 1, (name_of(REVIEWER, REVIEWER_ID, id_usage=REQUIRED),)),
                LoopRule("2000C", 1, 1, (hl("22", "1"), subscriber(answer=False), dependent(answer=False),
                    LoopRule("2000E", 1, 1, (hl("EV", "0 1"), traces("1", 1, 2), SegmentRule("UM", 1, 1, _UM),
                        references(NUMBERS, 2, each=1), dates("435 096 AAH", 3), codes(DIAGNOSES), ADMISSION,
                        messages(1), providers("2010EA", 12, answer=False))),
                )),
            )),
        )),
    )),
)  # fmt: skip
NOTIFICATION_ANSWER: Final = Guide(
    "278", VERSION, purpose=frozenset(_ACKNOWLEDGING.split()), levels=LEVELS,
    root=LoopRule("ST", 1, 1, (bht(_ACKNOWLEDGING, "18 19"),
        LoopRule("2000A", 1, 1, (hl("20", "0 1", top=True), REJECTION,
            LoopRule("2010A", 1, 1, (name_of(REQUESTER, ANY_ID, id_usage=REQUIRED), REJECTION)),
            LoopRule("2000B", 0, 1, (hl("21", "0 1"),
                LoopRule("2010B", 1, 1, (name_of(REVIEWER, REVIEWER_ID, id_usage=REQUIRED), CONTACT, REJECTION)),
                LoopRule("2000C", 0, 1, (hl("22", "0 1"), subscriber(answer=True), dependent(answer=True),
                    LoopRule("2000E", 0, 1, (hl("EV", "0 1"), traces("1 2", 0, 3), REJECTION,
                        SegmentRule("UM", 0, 1, _UM), decision(ACTIONS_EVENT), references(NUMBERS, 2, each=1),
                        dates("435 096 AAH 102", 4), messages(10))),
                )),
            )),
        )),
    )),
)  # fmt: skip
