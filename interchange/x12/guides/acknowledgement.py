"""005010X231A1, the 999, as data (domain 6.12). It has no HL: loops open by AK2, IK3 and IK4."""

from typing import Final

from interchange.x12.guide import (
    MANY,
    REQUIRED,
    SITUATIONAL,
    Guide,
    LoopRule,
    SegmentRule,
    composite,
    may,
    must,
)

VERSION: Final = "005010X231A1"
SET_ERRORS: Final = "1 2 3 4 5 6 7 8 9 10 11 12 13 15 16 17 18 19 23 24 25 26 27 I5 I6"
GROUP_ERRORS: Final = "1 2 3 4 5 6 10 11 12 13 14 15 16 17 18 19 23 24 25 26"

CONTEXT: Final = SegmentRule(
    "CTX", 0, 10,
    (composite(REQUIRED, must("AN", 1, 35), may("AN", 1, 35)), may("ID", 2, 3), may("N0", 1, 10), may("AN", 1, 4),
     composite(SITUATIONAL, must("N0", 1, 2), may("N0", 1, 2), may("N0", 1, 4)),
     composite(SITUATIONAL, must("N0", 1, 4), may("N0", 1, 4))),
)  # fmt: skip
ELEMENT: Final = SegmentRule(
    "IK4", 1, 1,
    (composite(REQUIRED, must("N0", 1, 2), may("N0", 1, 2), may("N0", 1, 4)), may("N0", 1, 4),
     must("ID", 1, 3, "1 2 3 4 5 6 7 8 9 10 12 13 I10 I11 I12 I13 I6 I9"), may("AN", 1, 99)),
)  # fmt: skip
SEGMENT: Final = SegmentRule(
    "IK3", 1, 1,
    (must("ID", 2, 3), must("N0", 1, 10), may("AN", 1, 4), must("ID", 1, 3, "1 2 3 4 5 6 7 8 I4 I6 I7 I8 I9")),
)  # fmt: skip

ACKNOWLEDGEMENT: Final = Guide(
    "999", VERSION,
    root=LoopRule("ST", 1, 1, (
        SegmentRule("AK1", 1, 1, (must("ID", 2, 2), must("N0", 1, 9), may("AN", 1, 12))),
        LoopRule("2000", 0, MANY, (
            SegmentRule("AK2", 1, 1, (must("ID", 3, 3), must("AN", 4, 9), may("AN", 1, 35))),
            LoopRule("2100", 0, MANY, (SEGMENT, CONTEXT, LoopRule("2110", 0, MANY, (ELEMENT, CONTEXT)))),
            SegmentRule("IK5", 1, 1, (must("ID", 1, 1, "A E M R W X"), *(may("ID", 1, 3, SET_ERRORS)
                                                                        for _ in range(5)))),
        )),
        SegmentRule("AK9", 1, 1, (must("ID", 1, 1, "A E M P R W X"), must("N0", 1, 6), must("N0", 1, 6),
                                  must("N0", 1, 6), *(may("ID", 1, 3, GROUP_ERRORS) for _ in range(5)))),
    )),
)  # fmt: skip
BASE: Final = Guide("999", "005010X231", root=ACKNOWLEDGEMENT.root)
"""Some engines name the guide without its addenda."""
