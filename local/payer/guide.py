"""The guide that this payer's FHIR system goes by: the shipped one in force today."""

from datetime import UTC, datetime
from functools import cache

from definitions.pas_guide import PasGuide
from runtime.catalog import load_catalog


@cache
def guide() -> PasGuide:
    return load_catalog().pas_guide(datetime.now(UTC).date())
