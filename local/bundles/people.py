"""Obviously invented people and what happens to them in a rehearsal."""

from dataclasses import dataclass
from typing import Final

FAMILIES: Final = (
    "Examplewood", "Samplefield", "Testerman", "Placeholder", "Fictson", "Mockingham", "Demovale", "Synthley",
    "Imagino", "Pretendez", "Makebelieve", "Inventorov", "Notareal", "Specimenko", "Trialworth", "Paperdoll",
    "Dummery", "Fabricato", "Wunderfake", "Nonesuch", "Phantomas", "Whatifson", "Storyman", "Legendre",
    "Mythwell", "Unrealis", "Propman", "Scenario", "Draftley", "Templeton-Test", "O'Sample", "de la Muestra",
)  # fmt: skip
GIVEN: Final = (
    "Avery", "Blake", "Casey", "Devon", "Emery", "Finley", "Harper", "Indigo", "Jamie", "Kendall", "Logan", "Morgan",
    "Noel", "Oakley", "Parker", "Quinn", "Reese", "Sage", "Taylor", "Umber", "Val", "Wren", "Xen", "Yael", "Zion",
)  # fmt: skip

DETOX: Final = "3.7-WM"
SCENARIOS: Final = (
    "full_continuum", "step_up_iop_to_detox", "ama_0200", "denial_lower_level", "leave_weekend", "future_transfer",
    "downtime_two_midnights",
)  # fmt: skip
"""Each comes three times before the plain ones; a bundle without a tag is `plain`."""

REPEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """What a scenario fixes of a bundle: payer, level, the payer's script on the member id."""

    payers: tuple[str, ...]
    level: str
    script: str


PARTS: Final[dict[str, Part]] = {
    "full_continuum": Part(("meridian", "bluestone", "statecare"), DETOX, "A"),
    "step_up_iop_to_detox": Part(("meridian", "statecare", "unity"), "2.1", "A"),
    "ama_0200": Part(("bluestone", "meridian", "self_pay"), DETOX, "A"),
    "denial_lower_level": Part(("meridian", "statecare", "meridian"), "3.5", "D"),
    "leave_weekend": Part(("meridian", "bluestone", "statecare"), "3.5", "A"),
    "future_transfer": Part(("meridian", "unity", "bluestone"), "3.5", "A"),
    "downtime_two_midnights": Part(("meridian", "county", "statecare"), "3.5", "A"),
}
PLAIN_SCRIPTS: Final = ("A", "F7", "P24", "A", "W", "L", "A", "P6", "A", "T")
PLAIN_PAYERS: Final = ("meridian", "bluestone", "statecare", "unity", "self_pay", "county")
PLAIN_LEVELS: Final = ("3.5", "2.5", "2.1", "1.5", "3.7", "3.1", DETOX, "1.7")
WITHDRAWAL: Final = ("F10.239", "F11.23", "F13.239")
DEPENDENCE: Final = ("F10.20", "F11.20", "F14.20", "F15.20", "F19.20")
"""Principal diagnosis matches the level: withdrawal for detox, dependence after (domain 6.6)."""
