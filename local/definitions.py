"""`python -m local.definitions check|lock|export`: the catalog's lock and its JSON Schemas (D12)."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from definitions.consent_wording import ConsentWording, MinorLaw
from definitions.pas_guide import PasGuide
from definitions.regime import Regime
from definitions.retention import RetentionRule
from runtime.catalog import FOLDER, KINDS, CatalogProblem, content_hash, load_catalog

SCHEMAS = FOLDER.parent / "schemas"
LOCK = FOLDER / "catalog.lock"
HEADER = "# Released editions and the SHA-256 of their content. A released edition never changes; start a new folder.\n"


def schema_texts() -> dict[str, str]:
    """File name -> JSON Schema of each kind of definition."""
    kinds: dict[str, type[BaseModel]] = {
        **KINDS,
        "regimes": Regime,
        "retention": RetentionRule,
        "wordings": ConsentWording,
        "minors": MinorLaw,
        "guides": PasGuide,
    }
    return {
        f"{kind}.json": json.dumps(model.model_json_schema(), indent=1, sort_keys=True) + "\n"
        for kind, model in kinds.items()
    }


def export(folder: Path = SCHEMAS) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text)


def problems() -> list[str]:
    """What is out of step, as sentences."""
    try:
        load_catalog()
    except CatalogProblem as problem:
        return [str(problem)]
    found = []
    for name, text in schema_texts().items():
        file = SCHEMAS / name
        if not file.exists() or file.read_text() != text:
            found.append(f"definitions/schemas/{name} is out of date; run python -m local.definitions export")
    return found


def lock() -> None:
    """Release every edition that is there."""
    catalog = load_catalog(check_lock=False)
    LOCK.write_text(HEADER + "".join(f"{n} {content_hash(e)}\n" for n, e in sorted(catalog.editions.items())))


def main() -> int:
    verb = sys.argv[1] if len(sys.argv) > 1 else "check"
    if verb == "export":
        export()
    elif verb == "lock":
        lock()
    elif verb == "check":
        for sentence in problems():
            print(sentence)
        return 1 if problems() else 0
    else:
        print("say one of: check, lock, export")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
