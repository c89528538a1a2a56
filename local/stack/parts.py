"""What a local installation consists of besides its servers: our own processes and the steps between."""

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.stack.errors import StackError
from local.stack.folder import DataFolder
from local.stack.process import ChildProcess, port_taken
from runtime.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
DEMO_USERS: Final = ("admissions", "reviewer", "director", "clinician", "biller", "auditor", "admin")


def environment(said: Mapping[str, str], forced: Mapping[str, str]) -> dict[str, str]:
    """What our processes see: this process's environment wins over the settings file, `forced` over both.
    The local payer presents the secret that the API expects of payers."""
    seen = {**said, **os.environ, **forced, "PYTHONUNBUFFERED": "1"}
    seen.setdefault("STEPDOWN_LOCAL_PAYER_SECRET", seen.get("STEPDOWN_PAYER_SECRET", ""))
    return seen


def module(name: str, arguments: list[str], folder: DataFolder, seen: Mapping[str, str], *, label: str) -> ChildProcess:
    """One of our modules as a process of its own, logging to the data folder."""
    command = [sys.executable, "-m", name, *arguments]
    return ChildProcess(label, command, log=folder.logs / f"{label}.log", environment=seen, folder=ROOT)


def migrate(folder: DataFolder, seen: Mapping[str, str]) -> ChildProcess:
    return module("storage.migrate", ["upgrade"], folder, seen, label="migrate")


def seal_words(folder: DataFolder, seen: Mapping[str, str]) -> ChildProcess:
    return module("activities.seal_words", [], folder, seen, label="seal_words")


def namespace(folder: DataFolder, seen: Mapping[str, str]) -> ChildProcess:
    return module("runtime.temporal", [], folder, seen, label="namespace")


def cohort(folder: DataFolder, seen: Mapping[str, str]) -> ChildProcess:
    return module("local.cohort", ["load"], folder, seen, label="cohort")


def services(folder: DataFolder, settings: Settings, seen: Mapping[str, str]) -> list[ChildProcess]:
    """Payer, worker and API, in the order of their start."""
    folder.payer.mkdir(parents=True, exist_ok=True)
    payer = ["--port", str(payer_port(settings)), "--book", str(folder.payer / "book.sqlite")]
    payer += ["--deliver-to", f"http://127.0.0.1:{settings.api_port}", "--drive", "wall"]
    return [
        module("local.payer", payer, folder, seen, label="payer"),
        module("worker", [], folder, seen, label="worker"),
        module("api", [], folder, seen, label="api"),
    ]


def payer_port(settings: Settings) -> int:
    """Raises StackError when the partner's address is not on this machine."""
    address = urlsplit(settings.partner_base_url)
    if address.hostname not in ("127.0.0.1", "localhost") or address.port is None:
        raise StackError(
            "STEPDOWN_PARTNER_BASE_URL must be http://127.0.0.1:<port> for the local payer; "
            f"it names {address.hostname or 'no host'}"
        )
    return address.port


def check_ports(settings: Settings) -> None:
    """Raises StackError naming the first taken port and the setting that changes it."""
    payer = payer_port(settings)
    wanted = (
        ("API", settings.api_port, f"STEPDOWN_API_PORT={settings.api_port + 10}"),
        ("local payer", payer, f"STEPDOWN_PARTNER_BASE_URL=http://127.0.0.1:{payer + 10}"),
    )
    for what, port, remedy in wanted:
        if port_taken(port):
            raise StackError(
                f"Port {port}, which the {what} needs, is taken by another program. "
                f"Stop that program, or use another port: `{remedy} make up`."
            )


def http_status(port: int, path: str) -> int | None:
    """What the API answers at `path`; None while nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
