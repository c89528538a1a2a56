"""A house whose payer `meridian` speaks Da Vinci PAS: the shipped edition with one payer's channel changed."""

from dataclasses import replace
from typing import Any

from definitions.payer import Channel
from runtime.catalog import Catalog, load_catalog


def over_pas(payer: str = "meridian", **changes: Any) -> Catalog:
    catalog = load_catalog()
    edition = catalog.latest
    terms = {"channel": Channel.PAS, "endpoint": f"fhir/{payer}", "x12_endpoint": f"x12/{payer}"} | changes
    changed = edition.payers[payer].model_copy(update=terms)
    whole = edition.model_copy(update={"payers": edition.payers | {payer: changed}})
    return replace(catalog, editions={edition.name: whole})
