"""Search attributes of our workflows: plain text on the server, so ids and codes only, never people."""

from typing import Final

from temporalio.common import SearchAttributeKey

FACILITY: Final = SearchAttributeKey.for_keyword("StepdownFacility")
"""Facility key."""

PHASE: Final = SearchAttributeKey.for_keyword("StepdownPhase")
"""`Phase` of an episode, or the status of an authorization."""

LEVEL: Final = SearchAttributeKey.for_keyword("StepdownLevel")
"""Level of care code of the current stay."""

PAYER: Final = SearchAttributeKey.for_keyword("StepdownPayer")
"""Payer key."""

ALL: Final = (FACILITY, PHASE, LEVEL, PAYER)
"""Registered by `runtime.temporal.ensure_search_attributes` and by the compose file's one-shot step."""
