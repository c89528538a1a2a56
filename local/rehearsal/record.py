"""`python -m local.rehearsal.record OUT`: histories of three scenarios, kept as the tests' recordings."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from local.bundles.generate import read_folder
from local.rehearsal.__main__ import rehearse, scenario_of
from local.rehearsal.house import House
from runtime.keyring_file import load_keyring
from runtime.temporal import connect, leave

SCENARIOS = ("leave_weekend", "future_transfer", "ama_0200")
KEYS = {"STEPDOWN_KEYRING": f"recorded:{'5a' * 32}", "STEPDOWN_BLIND_INDEX_KEY": "a5" * 32}
PER_KIND = 4


async def _fetch(house: House, out: Path) -> int:
    settings = house.settings
    client = await connect(house.temporal.address, settings.temporal_namespace, load_keyring(settings))
    kept: dict[str, int] = {}
    async for found in client.list_workflows():
        kind = found.id.split("/")[0]
        if kept.get(kind, 0) >= PER_KIND or found.status is None or found.status.name == "RUNNING":
            continue
        kept[kind] = kept.get(kind, 0) + 1
        history = await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        (out / f"{kind}-{kept[kind]:02d}.json").write_text(
            json.dumps(json.loads(history.to_json()), indent=None) + "\n"
        )
    return sum(kept.values())


def main() -> int:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    bundles = [next(b for b in read_folder() if scenario_of(b) == name) for name in SCENARIOS]
    with tempfile.TemporaryDirectory(prefix="stepdown-record-") as folder:
        os.chmod(folder, 0o755)
        house = House(Path(folder), extra=KEYS)
        try:
            house.start()
            asyncio.run(rehearse(house, bundles, print))
            print(f"{asyncio.run(_fetch(house, out))} histories in {out.name}/")
        finally:
            house.stop()
    return 0


if __name__ == "__main__":
    leave(main())
