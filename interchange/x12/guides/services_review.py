"""005010X217 request and response as data (domain 4.5): which loops, segments, elements and codes may stand where."""

from typing import Final

from interchange.x12.guide import (
    EMPTY,
    REQUIRED,
    SITUATIONAL,
    ElementRule,
    Guide,
    LoopRule,
    SegmentRule,
    composite,
    may,
    must,
)

VERSION: Final = "005010X217"
ACTIONS_EVENT: Final = "A1 A2 A3 A4 A6 C CT NA"
ACTIONS_LINE: Final = "A1 A3 A4 A6 C CT NA"


def _hl(level: str, children: str, *, top: bool = False) -> SegmentRule:
    parent = EMPTY if top else must("N0", 1, 12)
    return SegmentRule("HL", 1, 1, (must("N0", 1, 12), parent, must("ID", 1, 2, level), must("ID", 1, 1, children)), 3)


def _name(entities: str, kinds: str, qualifiers: str, *, name: ElementRule, id_usage: str = REQUIRED) -> SegmentRule:
    number = must if id_usage == REQUIRED else may
    return SegmentRule(
        "NM1", 1, 1,
        (must("ID", 2, 3, entities), must("ID", 1, 1, kinds), name, may("AN", 1, 35), may("AN", 1, 25), EMPTY,
         may("AN", 1, 10), number("ID", 1, 2, qualifiers), number("AN", 2, 80)),
        1,
    )  # fmt: skip


def _reference(codes: str, high: int) -> SegmentRule:
    return SegmentRule("REF", 0, high, (must("ID", 2, 3, codes), must("AN", 1, 50)), 1)


def _period(codes: str, high: int, *, low: int = 0) -> SegmentRule:
    return SegmentRule("DTP", low, high, (must("ID", 3, 3, codes), must("ID", 2, 3, "D8 RD8"), must("D8", 8, 17)), 1)


def _trace(codes: str, low: int) -> SegmentRule:
    return SegmentRule(
        "TRN", low, 3, (must("ID", 1, 1, codes), must("AN", 1, 50), must("AN", 10, 10), may("AN", 1, 50))
    )


N3: Final = SegmentRule("N3", 0, 1, (must("AN", 1, 55), may("AN", 1, 55)))
N4: Final = SegmentRule("N4", 0, 1, (must("AN", 2, 30), may("ID", 2, 2), may("ID", 3, 15), may("ID", 2, 3)))
CONTACT: Final = SegmentRule(
    "PER", 0, 3,
    (must("ID", 2, 2, "IC"), may("AN", 1, 60), may("ID", 2, 2, "TE FX EM UR"), may("AN", 1, 256),
     may("ID", 2, 2, "TE FX EM EX UR"), may("AN", 1, 256), may("ID", 2, 2, "TE FX EM EX UR"), may("AN", 1, 256)),
)  # fmt: skip
TAXONOMY: Final = SegmentRule(
    "PRV", 0, 1, (must("ID", 1, 3, "AT AD OR PE RF SU OP AS"), must("ID", 2, 3, "PXC"), must("AN", 1, 50))
)
BIRTH: Final = SegmentRule("DMG", 0, 1, (must("ID", 2, 3, "D8"), must("DT", 8, 8), may("ID", 1, 1, "F M U")))
RELATION: Final = SegmentRule("INS", 0, 1, (must("ID", 1, 1, "Y N"), must("ID", 2, 2)))
REVIEW_CATEGORY: Final = composite(REQUIRED, must("AN", 1, 2), must("ID", 1, 2, "A B"))
EVENT_REVIEW: Final = (
    must("ID", 1, 2, "AR HS SC"), must("ID", 1, 1, "I 4 R S 3 1 2 N"), may("ID", 1, 2),
    composite(SITUATIONAL, must("AN", 1, 2), must("ID", 1, 2, "A B")), EMPTY, may("ID", 1, 3, "U 03 E"),
    EMPTY, EMPTY, may("ID", 1, 1, "Y I M"), may("ID", 1, 2, "1 2 3 4 7 8 10 11 15 16 17"),
)  # fmt: skip
LINE_REVIEW: Final = (must("ID", 1, 2, "HS SC IN"), *EVENT_REVIEW[1:])
DELIVERY: Final = SegmentRule(
    "HSD", 0, 1,
    (may("ID", 2, 2, "DY VS HS FL UN MN"), may("R", 1, 15), may("ID", 2, 2, "DA WK MO"), may("R", 1, 6),
     may("ID", 1, 2, "6 7 21 26 27 34 35"), may("N0", 1, 3), may("ID", 1, 2), may("ID", 1, 1)),
)  # fmt: skip
ADMISSION: Final = SegmentRule("CL1", 0, 1, (may("ID", 1, 1), may("ID", 1, 1), may("ID", 1, 2)))
ATTACHMENT: Final = SegmentRule(
    "PWK", 0, 10,
    (must("ID", 2, 2), must("ID", 1, 2, "EL EM FX BM VO AA"), EMPTY, EMPTY, may("ID", 1, 2, "AC"), may("AN", 2, 80)),
)  # fmt: skip
MESSAGE: Final = SegmentRule("MSG", 0, 1, (must("AN", 1, 264),))
CONDITION: Final = SegmentRule(
    "CRC", 0, 9, (must("ID", 2, 2), must("ID", 1, 1, "Y N"), *(may("ID", 2, 3) for _ in range(5)))
)
PROCEDURE: Final = (must("ID", 2, 2, "HC ID N4 WK ZZ"), must("AN", 1, 48), *(may("AN", 2, 2) for _ in range(4)))
INSTITUTIONAL: Final = SegmentRule(
    "SV2", 0, 1,
    (may("AN", 1, 48),
     composite(SITUATIONAL, *PROCEDURE), may("R", 1, 18), may("ID", 2, 2, "DA UN F2"), may("R", 1, 15)),
)  # fmt: skip
PROFESSIONAL: Final = SegmentRule(
    "SV1", 0, 1,
    (composite(REQUIRED, *PROCEDURE), may("R", 1, 18), may("ID", 2, 2, "UN MJ F2"), may("R", 1, 15)),
)  # fmt: skip
REJECTION: Final = SegmentRule(
    "AAA", 0, 9, (must("ID", 1, 1, "N Y"), EMPTY, may("ID", 2, 2), may("ID", 1, 1, "C N P R S W X Y"))
)


def _codes(qualifiers: str) -> SegmentRule:
    """HI: up to twelve code pairs, the first of them required."""
    pair = (must("ID", 1, 3, qualifiers), must("AN", 1, 30), may("ID", 2, 3), may("AN", 1, 35))
    rest = (composite(SITUATIONAL, *pair) for _ in range(11))
    return SegmentRule("HI", 0, 1, (composite(REQUIRED, *pair), *rest))


def _decision(actions: str) -> SegmentRule:
    return SegmentRule(
        "HCR", 0, 1, (must("ID", 1, 2, actions), may("AN", 1, 50), may("AN", 1, 30), may("ID", 1, 1, "Y N"))
    )


PROVIDER_IDS: Final = _reference("0B 1G 1J EI N5 N7 SY ZH", 8)
PATIENT_NAME: Final = must("AN", 1, 60)
ORGANISATION: Final = may("AN", 1, 60)
HEADER_REQUEST: Final = SegmentRule(
    "BHT", 1, 1,
    (must("ID", 4, 4, "0007"), must("ID", 2, 2, "13 01 36"), must("AN", 1, 50), must("DT", 8, 8), must("TM", 4, 8)),
)  # fmt: skip
HEADER_RESPONSE: Final = SegmentRule(
    "BHT", 1, 1,
    (must("ID", 4, 4, "0007"), must("ID", 2, 2, "11"), must("AN", 1, 50), must("DT", 8, 8), must("TM", 4, 8),
     may("ID", 2, 2, "18 19")),
)  # fmt: skip
PROVIDERS: Final = "71 FA SJ DK DN AAJ 77 DD SS P3"
DIAGNOSES: Final = "ABK ABJ ABF APR BK BJ BF PR"

REQUEST: Final = Guide(
    "278", VERSION, purpose=frozenset({"13", "01", "36"}), root=LoopRule("ST", 1, 1, (HEADER_REQUEST,
        LoopRule("2000A", 1, 1, (_hl("20", "1", top=True),
            LoopRule("2010A", 1, 1, (_name("X3 2B 36 PR", "1 2", "PI 24 34 46 XV", name=ORGANISATION),)),
            LoopRule("2000B", 1, 1, (_hl("21", "1"),
                LoopRule("2010B", 1, 1, (_name("1P FA", "1 2", "XX 24 34 46", name=ORGANISATION),
                    _reference("1G 1J EI G5 N5 N7 SY ZH", 8), N3, N4, CONTACT, TAXONOMY)),
                LoopRule("2000C", 1, 1, (_hl("22", "1"),
                    LoopRule("2010C", 1, 1, (_name("IL", "1", "MI II", name=PATIENT_NAME),
                        _reference("6P EJ IG N6 NQ SY 1L", 9), N3, N4, BIRTH, RELATION)),
                    LoopRule("2000D", 0, 1, (_hl("23", "1"),
                        LoopRule("2010D", 1, 1, (_name("QC", "1", "MI II", name=PATIENT_NAME, id_usage=SITUATIONAL),
                            _reference("EJ SY", 3), N3, N4, BIRTH, RELATION)))),
                    LoopRule("2000E", 1, 1, (_hl("EV", "0 1"), _trace("1", 1),
                        SegmentRule("UM", 1, 1, EVENT_REVIEW), _reference("BB NT", 2),
                        _period("435 096 AAH 439 ABC", 6), _codes(DIAGNOSES), DELIVERY, CONDITION, ADMISSION,
                        ATTACHMENT, MESSAGE,
                        LoopRule("2010E", 0, 14, (_name(PROVIDERS, "1 2", "XX 24 34 46", name=ORGANISATION,
                            id_usage=SITUATIONAL), PROVIDER_IDS, N3, N4, CONTACT, TAXONOMY)),
                        LoopRule("2000F", 0, 999, (_hl("SS", "0"), _trace("1", 0),
                            SegmentRule("UM", 0, 1, LINE_REVIEW), _reference("BB NT", 2), _period("472", 1),
                            _codes(DIAGNOSES), PROFESSIONAL, INSTITUTIONAL, DELIVERY, ATTACHMENT, MESSAGE,
                            LoopRule("2010F", 0, 10, (_name(PROVIDERS, "1 2", "XX 24 34 46", name=ORGANISATION,
                                id_usage=SITUATIONAL), PROVIDER_IDS, N3, N4, CONTACT,
                                TAXONOMY)),
                        )),
                    )),
                )),
            )),
        )),
    )),
)  # fmt: skip
"""A request: BHT02 13 asks, 01 cancels."""

RESPONSE: Final = Guide(
    "278", VERSION, purpose=frozenset({"11"}), root=LoopRule("ST", 1, 1, (HEADER_RESPONSE,
        LoopRule("2000A", 1, 1, (_hl("20", "0 1", top=True), REJECTION,
            LoopRule("2010A", 1, 1, (_name("X3 2B 36 PR", "1 2", "PI 24 34 46 XV", name=ORGANISATION), CONTACT,
                REJECTION)),
            LoopRule("2000B", 0, 1, (_hl("21", "0 1"),
                LoopRule("2010B", 1, 1, (_name("1P FA", "1 2", "XX 24 34 46", name=ORGANISATION),
                    _reference("1G 1J EI G5 N5 N7 SY ZH", 8), REJECTION, TAXONOMY)),
                LoopRule("2000C", 0, 1, (_hl("22", "0 1"),
                    LoopRule("2010C", 1, 1, (_name("IL", "1", "MI II", name=may("AN", 1, 60), id_usage=SITUATIONAL),
                        _reference("6P EJ IG N6 NQ SY 1L", 9), N3, N4, REJECTION, BIRTH, RELATION)),
                    LoopRule("2000D", 0, 1, (_hl("23", "0 1"),
                        LoopRule("2010D", 1, 1, (_name("QC", "1", "MI II", name=may("AN", 1, 60), id_usage=SITUATIONAL),
                            _reference("EJ SY", 3), N3, N4, REJECTION, BIRTH, RELATION)))),
                    LoopRule("2000E", 0, 1, (_hl("EV", "0 1"), _trace("1 2", 0), REJECTION,
                        SegmentRule("UM", 0, 1, EVENT_REVIEW), _decision(ACTIONS_EVENT), _reference("BB NT", 2),
                        _period("435 096 AAH 102 007 036 439", 7), _codes(DIAGNOSES + " LOI"), DELIVERY, CONDITION,
                        ADMISSION, ATTACHMENT, MESSAGE,
                        LoopRule("2010E", 0, 14, (_name(PROVIDERS + " X3", "1 2", "XX 24 34 46 PI", name=ORGANISATION,
                            id_usage=SITUATIONAL), PROVIDER_IDS, N3, N4, CONTACT, REJECTION,
                            TAXONOMY)),
                        LoopRule("2000F", 0, 999, (_hl("SS", "0"), _trace("1 2", 0), REJECTION,
                            SegmentRule("UM", 0, 1, LINE_REVIEW), _decision(ACTIONS_LINE), _reference("BB NT", 2),
                            _period("472 102 007 036", 4), _codes("LOI " + DIAGNOSES), PROFESSIONAL, INSTITUTIONAL,
                            DELIVERY, ATTACHMENT, MESSAGE,
                            LoopRule("2010F", 0, 10, (_name(PROVIDERS, "1 2", "XX 24 34 46", name=ORGANISATION,
                                id_usage=SITUATIONAL), PROVIDER_IDS, N3, N4, CONTACT,
                                REJECTION, TAXONOMY)),
                        )),
                    )),
                )),
            )),
        )),
    )),
)  # fmt: skip
"""A response. Loops below a rejection may be missing: an unknown member has no event."""
