"""Search attributes: plain text on the server, so ids and codes only (architecture 2)."""

from typing import Final

from temporalio.common import SearchAttributeKey

FACILITY: Final = SearchAttributeKey.for_keyword("StepdownFacility")
PHASE: Final = SearchAttributeKey.for_keyword("StepdownPhase")
LEVEL: Final = SearchAttributeKey.for_keyword("StepdownLevel")

NAMES: Final = ("StepdownFacility", "StepdownPhase", "StepdownLevel")
"""All of type keyword; registered when the stack starts."""
