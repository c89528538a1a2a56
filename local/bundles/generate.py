"""Builds the bundles; the same seed gives the same bytes."""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from interchange.fhir.referral import FACILITY_SYSTEM, ICD10, LEVEL_SYSTEM, PAYER_SYSTEM, SCENARIO_SYSTEM
from local.bundles.people import (
    DEPENDENCE,
    DETOX,
    FAMILIES,
    GIVEN,
    PARTS,
    PLAIN_LEVELS,
    PLAIN_PAYERS,
    PLAIN_SCRIPTS,
    REPEATS,
    SCENARIOS,
    WITHDRAWAL,
)

NAMESPACE = UUID("0b9a5c1e-6f0c-5f1b-8a52-3f2a9e7d1c44")
DATA = Path(__file__).parent / "data"
FIRST_BIRTH = date(1961, 1, 1)


def scenario_of(index: int) -> str:
    return SCENARIOS[index % len(SCENARIOS)] if index < len(SCENARIOS) * REPEATS else "plain"


def bundle(seed: int, index: int) -> dict[str, Any]:
    """Bundle number `index`. Its own generator: leaving one out changes no other."""
    draw = random.Random(f"{seed}:{index}")  # invented people, not secrets
    scenario = scenario_of(index)
    part = PARTS.get(scenario)
    turn = index // len(SCENARIOS)
    payer = part.payers[turn % len(part.payers)] if part else PLAIN_PAYERS[index % len(PLAIN_PAYERS)]
    level = part.level if part else PLAIN_LEVELS[index % len(PLAIN_LEVELS)]
    script = part.script if part else PLAIN_SCRIPTS[index % len(PLAIN_SCRIPTS)]
    ids = {
        name: str(uuid5(NAMESPACE, f"{seed}:{index}:{name}")) for name in ("patient", "coverage", "dx", "org", "ask")
    }
    entries = [
        _entry(ids["patient"], _patient(ids["patient"], draw, index)),
        _entry(ids["org"], {"resourceType": "Organization", "id": ids["org"],
                            "identifier": [{"system": PAYER_SYSTEM, "value": payer}], "name": payer.title()}),
        _entry(ids["coverage"], _coverage(ids, draw, payer, script)),
        _entry(ids["dx"], _condition(ids, draw, level)),
        _entry(ids["ask"], _request(ids, level)),
    ]  # fmt: skip
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(uuid5(NAMESPACE, f"{seed}:{index}")),
        "type": "collection",
    }
    if scenario != "plain":
        made["meta"] = {"tag": [{"system": SCENARIO_SYSTEM, "code": scenario}]}
    made["entry"] = entries
    return made


def _entry(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{name}", "resource": resource}


def _patient(name: str, draw: random.Random, index: int) -> dict[str, Any]:
    born = FIRST_BIRTH + timedelta(days=draw.randrange(365 * 44))
    gender = draw.choice(["male", "female", "female", "male", "other"])
    return {
        "resourceType": "Patient",
        "id": name,
        "name": [{"use": "official", "family": FAMILIES[index % len(FAMILIES)], "given": [draw.choice(GIVEN)]}],
        "gender": gender,
        "birthDate": born.isoformat(),
        "address": [
            {
                "line": [f"{draw.randrange(1, 900)} Synthetic Street"],
                "city": "Austin",
                "state": "TX",
                "postalCode": "78702",
            }
        ],
    }


def _coverage(ids: dict[str, str], draw: random.Random, payer: str, script: str) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Coverage", "id": ids["coverage"], "status": "active"}
    if payer not in ("self_pay", "county"):
        made["subscriberId"] = f"MB{draw.randrange(10**8, 10**9)}{script}"
    made["beneficiary"] = {"reference": f"urn:uuid:{ids['patient']}"}
    made["period"] = {"start": "2026-01-01"}
    made["payor"] = [{"reference": f"urn:uuid:{ids['org']}"}]
    return made


def _condition(ids: dict[str, str], draw: random.Random, level: str) -> dict[str, Any]:
    code = draw.choice(WITHDRAWAL if level == DETOX else DEPENDENCE)
    return {
        "resourceType": "Condition",
        "id": ids["dx"],
        "code": {"coding": [{"system": ICD10, "code": code}]},
        "subject": {"reference": f"urn:uuid:{ids['patient']}"},
    }


def _request(ids: dict[str, str], level: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": ids["ask"],
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": LEVEL_SYSTEM, "code": level}]},
        "subject": {"reference": f"urn:uuid:{ids['patient']}"},
        "performer": [{"identifier": {"system": FACILITY_SYSTEM, "value": "harbor"}}],
    }


def text_of(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=1, ensure_ascii=True) + "\n"


def write(folder: Path, seed: int, count: int) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        (folder / f"referral-{index + 1:03d}.json").write_text(text_of(bundle(seed, index)))
    return count


def read_folder(folder: Path | None = None) -> list[dict[str, Any]]:
    """The bundles of a folder in order of their names."""
    return [json.loads(file.read_text()) for file in sorted((folder or DATA).glob("*.json"))]
