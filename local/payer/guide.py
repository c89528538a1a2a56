"""The guide that this payer's FHIR system goes by: the shipped one in force today."""

from datetime import UTC, datetime
from functools import cache

from definitions.pas_guide import PasGuide
from runtime.catalog import FOLDER, LAW, load_pas_guides


@cache
def guide() -> PasGuide:
    today = datetime.now(UTC).date()
    live = [g for g in load_pas_guides(FOLDER / LAW) if g.effective_from <= today]
    return max(live, key=lambda g: g.effective_from)
