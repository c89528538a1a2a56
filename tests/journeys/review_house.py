"""A house whose payers are not all alike: one with a system of its own that can be down alone, one that takes nothing
but calls."""

import shutil
from pathlib import Path

from local.rehearsal.house import House
from local.stack.process import free_port
from runtime.catalog import FOLDER

APART = "statecare"
"""Its system is a process of its own."""
BY_TELEPHONE = "summit"
"""Takes every request by telephone; its desk works on the west coast. No shipped edition has such a payer."""
SUMMIT = {
    "key: meridian": f"key: {BY_TELEPHONE}",
    "name: Meridian Health": "name: Summit Trust",
    'payer_id: "88888"': 'payer_id: "99110"',
    'reviewer_id: "88888"': 'reviewer_id: "99110"',
    "endpoint: x12/meridian\n": "channel: by_hand\n",
    "zone: America/Chicago": "zone: America/Los_Angeles",
}


ELECTRONIC = ("bluestone", "meridian", "statecare", "unity")


def lay_out_catalog(folder: Path, channel: str = "x12") -> Path:
    """The shipped editions and the payer by telephone; the lock of released editions stays behind. `channel`: how every payer
    with a system is reached: a definition says it, and nothing else."""
    shutil.copytree(FOLDER, folder)
    (folder / "catalog.lock").unlink()
    edition = folder / "2026-01"
    summit = _changed((edition / "payers" / "meridian.yaml").read_text(), SUMMIT)
    (edition / "payers" / f"{BY_TELEPHONE}.yaml").write_text(summit)
    for payer in ELECTRONIC if channel == "pas" else ():
        file = edition / "payers" / f"{payer}.yaml"
        said = f"channel: pas\nendpoint: fhir/{payer}\nx12_endpoint: x12/{payer}\n"
        file.write_text(_changed(file.read_text(), {f"endpoint: x12/{payer}\n": said}))
    for facility in (edition / "facilities").glob("*.yaml"):
        facility.write_text(_changed(facility.read_text(), {"payers: [": f"payers: [{BY_TELEPHONE}, "}))
    return folder


def _changed(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        if old not in text:
            raise AssertionError(f"the shipped definitions no longer say {old!r}")
        text = text.replace(old, new)
    return text


class ReviewHouse(House):
    def __init__(self, folder: Path, channel: str = "x12") -> None:
        self._apart_door, self._apart_port = free_port(), free_port()
        self.apart_url = f"http://127.0.0.1:{self._apart_port}"
        extra = {
            "STEPDOWN_CATALOG_FOLDER": str(lay_out_catalog(folder / "catalog", channel)),
            "STEPDOWN_PARTNER_ADDRESSES": ",".join(
                f"{road}/{APART}=http://127.0.0.1:{self._apart_door}" for road in ("x12", "fhir")
            ),
        }
        super().__init__(folder, extra=extra)

    @property
    def payer_urls(self) -> tuple[str, ...]:
        return self.payer_url, self.apart_url

    def start_part(self, name: str) -> None:
        if name != APART:
            super().start_part(name)
            if name == "payer":
                self.start_part(APART)
            return
        child = self._child(
            name, "local.payer", "--port", str(self._apart_door), "--control-port", str(self._apart_port),
            "--book", str(self.folder / f"{APART}.db"), "--deliver-to", self.url, "--drive", "driven", "--payer", APART,
        )  # fmt: skip
        child.start()
        self.parts[name] = child

    def wait_ready(self, seconds: float = 60.0) -> None:
        super().wait_ready(seconds)
        if not self._answers(f"{self.apart_url}/healthz"):
            super().wait_ready(seconds)

    def stop(self) -> None:
        if APART in self.parts:
            self.parts[APART].stop()
        super().stop()
