"""Segments that the 278 guides share (domain 4.5): X217 request and answer, X215 inquiry, X216 notification."""

from typing import Final

from interchange.x12.guide import (
    EMPTY,
    REQUIRED,
    SITUATIONAL,
    ElementRule,
    LoopRule,
    SegmentRule,
    composite,
    may,
    must,
    relation,
)

LEVELS: Final = {
    "20": frozenset[str](),
    "21": frozenset({"20"}),
    "22": frozenset({"21"}),
    "23": frozenset({"22"}),
    "EV": frozenset({"22", "23"}),
    "SS": frozenset({"EV"}),
}
"""HL03 and what may stand above it."""


def hl(level: str, children: str, *, top: bool = False) -> SegmentRule:
    parent = EMPTY if top else must("N0", 1, 12)
    return SegmentRule("HL", 1, 1, (must("N0", 1, 12), parent, must("ID", 1, 2, level), must("ID", 1, 1, children)), 3)


def bht(purposes: str, kinds: str) -> SegmentRule:
    """`kinds`: codes of BHT06, empty when it is not used."""
    head = (must("ID", 4, 4, "0007"), must("ID", 2, 2, purposes), must("AN", 1, 50), must("DT", 8, 8),
            must("TM", 4, 8))  # fmt: skip
    return SegmentRule("BHT", 1, 1, (*head, may("ID", 2, 2, kinds)) if kinds else head)


def name_of(entities: str, qualifiers: str, *, kinds: str = "1 2", name: ElementRule | None = None,
            id_usage: str = SITUATIONAL) -> SegmentRule:  # fmt: skip
    number = must if id_usage == REQUIRED else may
    return SegmentRule(
        "NM1", 1, 1,
        (must("ID", 2, 3, entities), must("ID", 1, 1, kinds), name or may("AN", 1, 60), may("AN", 1, 35),
         may("AN", 1, 25), EMPTY, may("AN", 1, 10), number("ID", 1, 2, qualifiers), number("AN", 2, 80)),
        1, relations=(relation("P0809"),),
    )  # fmt: skip


def references(codes: str, high: int, *, each: int = 0, low: int = 0) -> SegmentRule:
    return SegmentRule("REF", low, high, (must("ID", 2, 3, codes), must("AN", 1, 50)), 1, each=each)


def dates(codes: str, high: int) -> SegmentRule:
    """Each kind of date once."""
    elements = (must("ID", 3, 3, codes), must("ID", 2, 3, "D8 RD8"), must("AN", 8, 17))
    return SegmentRule("DTP", 0, high, elements, 1, each=1, form_of=(3, 2))


def traces(codes: str, low: int, high: int) -> SegmentRule:
    return SegmentRule(
        "TRN", low, high, (must("ID", 1, 1, codes), must("AN", 1, 50), must("AN", 10, 10), may("AN", 1, 50))
    )


N3: Final = SegmentRule("N3", 0, 1, (must("AN", 1, 55), may("AN", 1, 55)))
N4: Final = SegmentRule("N4", 0, 1, (must("AN", 2, 30), may("ID", 2, 2), may("ID", 3, 15), may("ID", 2, 3)))
CONTACT: Final = SegmentRule(
    "PER", 0, 1,
    (must("ID", 2, 2, "IC"), may("AN", 1, 60), may("ID", 2, 2, "TE FX EM UR"), may("AN", 1, 256),
     may("ID", 2, 2, "TE FX EM EX UR"), may("AN", 1, 256), may("ID", 2, 2, "TE FX EM EX UR"), may("AN", 1, 256)),
    relations=(relation("P0304"), relation("P0506"), relation("P0708")),
)  # fmt: skip
TAXONOMY: Final = SegmentRule(
    "PRV", 0, 1, (must("ID", 1, 3, "AT AD OR OP PE RF SU AS"), must("ID", 2, 3, "PXC"), must("AN", 1, 50))
)
BIRTH: Final = SegmentRule("DMG", 0, 1, (must("ID", 2, 3, "D8"), must("DT", 8, 8), may("ID", 1, 1, "F M U")))


def relationship(subscriber: str) -> SegmentRule:
    """INS; its fields after the relationship are known and not looked into."""
    rest = (*(may("AN", 1, 35) for _ in range(14)), may("N0", 1, 9))
    return SegmentRule("INS", 0, 1, (must("ID", 1, 1, subscriber), must("ID", 2, 2), *rest))


def review(categories: str, *, certification: str = REQUIRED) -> tuple[ElementRule, ...]:
    """UM. A location code says by its qualifier which list it is from."""
    kind = must if certification == REQUIRED else may
    place = composite(SITUATIONAL, must("AN", 1, 2), must("ID", 1, 2, "A B"))
    return (
        must("ID", 1, 2, categories), kind("ID", 1, 1, "I 4 R S 3 1 2 N"), may("ID", 1, 2), place, EMPTY,
        may("ID", 1, 3, "U 03 E"), EMPTY, EMPTY, may("ID", 1, 1, "Y I M"), may("ID", 1, 2, "1 2 3 4 7 8 10 11 15 16 17"),
    )  # fmt: skip


EVENT_CATEGORIES: Final = "AR HS SC"
LINE_CATEGORIES: Final = "HS SC IN"
DELIVERY: Final = SegmentRule(
    "HSD", 0, 1,
    (may("ID", 2, 2, "DY VS HS FL UN MN"), may("R", 1, 15), may("ID", 2, 2, "DA WK MO"), may("R", 1, 6),
     may("ID", 1, 2, "6 7 21 26 27 34 35"), may("N0", 1, 3), may("ID", 1, 2), may("ID", 1, 1)),
    relations=(relation("P0102"), relation("C0605")),
)  # fmt: skip
ADMISSION: Final = SegmentRule("CL1", 0, 1, (may("ID", 1, 1), may("ID", 1, 1), may("ID", 1, 2)))
ATTACHMENT: Final = SegmentRule(
    "PWK", 0, 10,
    (must("ID", 2, 2), must("ID", 1, 2, "EL EM FX BM VO AA"), EMPTY, EMPTY, may("ID", 1, 2, "AC"), may("AN", 2, 80),
     may("AN", 1, 80)),
    relations=(relation("P0506"),),
)  # fmt: skip
CONDITION: Final = SegmentRule(
    "CRC", 0, 9, (must("ID", 2, 2), must("ID", 1, 1, "Y N"), must("ID", 2, 3), *(may("ID", 2, 3) for _ in range(4)))
)
PROCEDURE: Final = (must("ID", 2, 2, "HC ID N4 WK ZZ"), must("AN", 1, 48), *(may("AN", 2, 2) for _ in range(4)),
                    may("AN", 1, 80), may("AN", 1, 48))  # fmt: skip
INSTITUTIONAL: Final = SegmentRule(
    "SV2", 0, 1,
    (may("AN", 1, 48), composite(SITUATIONAL, *PROCEDURE), may("R", 1, 18), may("ID", 2, 2, "DA UN F2"),
     may("R", 1, 15)),
    relations=(relation("R0102"), relation("P0405")),
)  # fmt: skip
PROFESSIONAL: Final = SegmentRule(
    "SV1", 0, 1,
    (composite(REQUIRED, *PROCEDURE), may("R", 1, 18), may("ID", 2, 2, "DA UN MJ F2"), may("R", 1, 15)),
    relations=(relation("P0304"),),
)  # fmt: skip
REJECTION: Final = SegmentRule(
    "AAA", 0, 9, (must("ID", 1, 1, "N Y"), EMPTY, may("ID", 2, 2), may("ID", 1, 1, "C N P R S W X Y"))
)


def messages(high: int) -> SegmentRule:
    return SegmentRule("MSG", 0, high, (must("AN", 1, 264),))


def codes(qualifiers: str) -> SegmentRule:
    """HI: up to twelve code pairs, the first of them required; told from others by HI01-1."""
    pair = (must("ID", 1, 3, qualifiers), must("AN", 1, 30), may("ID", 2, 3), may("AN", 1, 35))
    rest = (composite(SITUATIONAL, *pair, relations=(relation("P0304"),)) for _ in range(11))
    first = composite(REQUIRED, *pair, relations=(relation("P0304"),))
    return SegmentRule("HI", 0, 1, (first, *rest), 1, 1)


def decision(actions: str) -> SegmentRule:
    return SegmentRule(
        "HCR", 0, 1, (must("ID", 1, 2, actions), may("AN", 1, 50), may("AN", 1, 30), may("ID", 1, 1, "Y N"))
    )


ACTIONS_EVENT: Final = "A1 A2 A3 A4 A6 C CT NA"
ACTIONS_LINE: Final = "A1 A3 A4 A6 C CT NA"
"""A2 stands at the event only (domain 4.4)."""
DIAGNOSES: Final = "ABK ABJ ABF APR BK BJ BF PR"
NUMBERS: Final = "BB NT"
PROVIDERS: Final = "71 72 73 77 AAJ DD DK DN FA G3 P3 QB QV SJ SS"
ANY_ID: Final = "XX 24 34 46"
REVIEWER: Final = "X3 2B 36 PR"
REVIEWER_ID: Final = "PI 24 34 46 XV"
REQUESTER: Final = "1P FA"
REQUESTER_REFERENCES: Final = references("1G 1J EI G5 N5 N7 SY ZH", 8)
PROVIDER_REFERENCES: Final = references("0B 1G 1J EI N5 N7 SY ZH", 8)


def subscriber(*, answer: bool) -> LoopRule:
    """2010C. An answer may leave out what it does not know, and rejects here (AAA)."""
    name = may("AN", 1, 60) if answer else must("AN", 1, 60)
    middle = (REJECTION,) if answer else ()
    return LoopRule(
        "2010C", 1, 1,
        (name_of("IL", "MI II", kinds="1", name=name, id_usage=SITUATIONAL if answer else REQUIRED),
         references("6P EJ IG N6 NQ SY 1L HJ", 9), N3, N4, *middle, BIRTH, relationship("Y")),
    )  # fmt: skip


def dependent(*, answer: bool, levels: tuple[SegmentRule, ...] = ()) -> LoopRule:
    """2000D: the patient when that is not the subscriber. The event stands below it."""
    name = may("AN", 1, 60) if answer else must("AN", 1, 60)
    middle = (REJECTION,) if answer else ()
    inner = LoopRule(
        "2010D", 1, 1,
        (name_of("QC", "MI II", kinds="1", name=name), references("EJ SY 6P", 3), N3, N4, *middle, BIRTH,
         relationship("N")),
    )  # fmt: skip
    return LoopRule("2000D", 0, 1, (hl("23", "0 1" if answer else "1"), *levels, inner))


def providers(loop: str, high: int, *, answer: bool, extra: str = "") -> LoopRule:
    middle = (REJECTION,) if answer else ()
    return LoopRule(
        loop, 0, high,
        (name_of(f"{PROVIDERS} {extra}", f"{ANY_ID} PI"), PROVIDER_REFERENCES, N3, N4, CONTACT, *middle, TAXONOMY),
    )  # fmt: skip
