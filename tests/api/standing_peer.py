"""The tests' OIDC issuer (oidc_peer.py) as a process, and how a test speaks to it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from local.rehearsal.house import ROOT
from local.stack.process import ChildProcess, free_port

GROUPS = "reviewers=reviewer@harbor,night=clinician@harbor+lakeside,auditors=auditor@*"


@dataclass(frozen=True, slots=True)
class Peer:
    url: str
    process: ChildProcess

    def control(self, path: str, **body: Any) -> Any:
        return httpx2.post(f"{self.url}/control/{path}", json=body, timeout=10).json()

    def token(self, algorithm: str | None = None, head: dict[str, Any] | None = None, **claims: Any) -> str:
        claims.setdefault("groups", ["reviewers"])
        return str(self.control("token", claims=claims, head=head or {}, algorithm=algorithm))

    def asked(self) -> int:
        return int(httpx2.get(f"{self.url}/control/asked", timeout=10).json())

    @property
    def settings(self) -> dict[str, str]:
        """Of a house whose people come from here."""
        return {
            "STEPDOWN_OIDC_ISSUER": f"{self.url}/realm", "STEPDOWN_OIDC_GROUPS": GROUPS, "STEPDOWN_OIDC_CLIENT_ID": "pages",
            "STEPDOWN_OIDC_CLIENT_SECRET": "pages-secret", "STEPDOWN_OIDC_PARTIES": "pages,chart",
        }  # fmt: skip


@contextmanager
def standing_peer(folder: Path) -> Iterator[Peer]:
    port = free_port()
    child = ChildProcess(
        "issuer",
        [sys.executable, "-m", "tests.api.oidc_peer", str(port)],
        log=folder / "log",
        environment={},
        folder=ROOT,
    )
    child.start()
    made = Peer(f"http://127.0.0.1:{port}", child)
    try:
        for _ in range(100):
            try:
                made.asked()
                break
            except httpx2.HTTPError:
                time.sleep(0.1)
        yield made
    finally:
        child.stop(5)
