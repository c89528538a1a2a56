"""`make support`, `python -m local.support [--out FILE] [--log FILE ...]`: what is needed to find a fault, and nobody's name.

One JSON file: versions, settings without secrets, migrations, counts, what waits and what is stuck by id and kind, the last
errors and log lines. It is searched for the secrets of the installation before it is written."""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError

from local.leak_search import SHORTEST, Searcher
from local.stack.up import data_folder
from runtime.keyring import KeyringError
from runtime.keyring_file import load_keyring, read_keys
from runtime.logging import redact
from runtime.settings import Settings, SettingsError, load_settings
from runtime.temporal import TemporalUnavailable, connect, leave
from storage.engine import Database, make_engine
from storage.migrate import config
from storage.models import Base

LINES_KEPT: Final = 200
"""Of each log, the newest; and as many errors."""
LINE_MAX: Final = 600
ROWS_MAX: Final = 50
"""Stuck things named of each kind; the count beside them is whole."""
STATEMENT_SECONDS: Final = 10

STUCK: Final[dict[str, str]] = {
    "outbox": "SELECT id::text, kind, target, created_at AS since, attempts, parked FROM outbox WHERE relayed_at IS NULL",
    "commands": "SELECT kind, subject_id::text, accepted_at AS since FROM command WHERE answered_at IS NULL",
    "deadlines": "SELECT owner_kind || '/' || owner_id AS owner, kind, at AS since FROM due WHERE at < :now",
    "requests": "SELECT id::text, status, attempts, sent_at AS since FROM authorization_request "
    "WHERE status IN ('ready', 'unknown')",
    "quarantine": "SELECT id::text, partner, kind, reason, at AS since FROM exchange_message WHERE status = 'quarantined'",
    "open_items": "SELECT id::text, kind, owner_role, due_at AS since FROM open_item WHERE status = 'open' AND due_at < :now",
}
"""What waits longer than it should, by id and kind; `since` orders it, oldest first."""


class SupportRefused(Exception):
    """The bundle was not written; the message says why and shows nothing."""


async def bundle(settings: Settings, logs: Sequence[Path], now: datetime) -> dict[str, Any]:
    """Everything that can be said; what is away is named instead of told."""
    kept = {path.name: tail(path) for path in logs}
    return {
        "made_at": now.isoformat(),
        "versions": versions(settings),
        "settings": shown(settings),
        "keys": list(load_keyring(settings).ids),
        "database": await _database(settings, now),
        "temporal": await _temporal(settings),
        "errors": [line for lines in kept.values() for line in lines if line.get("level") in ("error", "critical")][
            -LINES_KEPT:
        ],
        "logs": kept,
    }


def versions(settings: Settings) -> dict[str, Any]:
    found = {str(one.metadata["Name"]).lower(): one.version for one in distributions()}
    return {
        "build": settings.build, "python": platform.python_version(), "system": platform.platform(),
        "packages": dict(sorted(found.items())),
    }  # fmt: skip


def shown(settings: Settings) -> dict[str, str]:
    """Secrets say whether they are set, addresses stand without user and password."""
    said = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            said[name] = "set" if value.get_secret_value() else "not set"
        else:
            said[name] = ",".join(_without_credentials(part) for part in str(value).split(","))
    return said


def _without_credentials(value: str) -> str:
    if "://" not in value:
        return value
    before, _, rest = value.rpartition("://")
    host = urlsplit(f"//{rest}")
    return f"{before}://{host.netloc.rpartition('@')[2]}{host.path}"


async def _database(settings: Settings, now: datetime) -> dict[str, Any]:
    database = Database(make_engine(settings.database_url, pool_size=1, application="support"))
    try:
        async with database.read() as session:
            await session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
            server = await session.scalar(text("SHOW server_version"))
            revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
            estimates = await session.execute(text("SELECT relname, n_live_tup FROM pg_stat_user_tables"))
            rows = {name: int(count) for name, count in estimates if name in Base.metadata.tables}
            stuck = {}
            for name, query in STUCK.items():
                count = await session.scalar(text(f"SELECT count(*) FROM ({query}) AS s"), {"now": now})
                found = await session.execute(
                    text(f"SELECT * FROM ({query}) AS s ORDER BY since NULLS LAST LIMIT {ROWS_MAX}"), {"now": now}
                )
                stuck[name] = {"count": count, "oldest": [_plain(row._mapping) for row in found]}
    except (SQLAlchemyError, OSError) as error:
        return {"away": type(error).__name__}
    finally:
        await database.close()
    head = ScriptDirectory.from_config(config(settings.database_url)).get_current_head()
    return {
        "server": server, "revision": revision, "revision_of_this_code": head,
        "rows_estimated": dict(sorted(rows.items())), "stuck": stuck,
    }  # fmt: skip


def _plain(row: Any) -> dict[str, Any]:
    return {key: value if isinstance(value, int | bool | None) else str(value) for key, value in row.items()}


async def _temporal(settings: Settings) -> dict[str, Any]:
    secret = settings.temporal_api_key
    try:
        client = await connect(
            settings.temporal_address, settings.temporal_namespace, load_keyring(settings), tls=settings.temporal_tls,
            api_key=secret.get_secret_value() if secret else None,
        )  # fmt: skip
        return {
            "running": await _counted(client, "ExecutionStatus = 'Running'"),
            "failed": await _counted(client, "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')"),
            "not_well": [
                {"id": run.id, "type": run.workflow_type, "status": run.status.name if run.status else "unknown"}
                async for run in client.list_workflows(
                    "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')", limit=ROWS_MAX
                )
            ],
        }
    except (TemporalUnavailable, RPCError) as error:
        return {"away": type(error).__name__}


async def _counted(client: Client, query: str) -> int:
    return (await client.count_workflows(query)).count


def tail(path: Path) -> list[dict[str, Any]]:
    """The newest lines of one of our logs, masked once more. Lines that are not ours in form (a library's own print) are
    counted and left out: nothing masked them."""
    try:
        with path.open("rb") as file:
            newest = deque(file, maxlen=LINES_KEPT)
    except OSError as error:
        return [{"unreadable": type(error).__name__}]
    return list(_masked(newest))


def _masked(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    left_out = 0
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if isinstance(said, dict) and "event" in said:
            yield {key: _bounded(value) for key, value in redact(None, "", said).items()}
        else:
            left_out += 1
    if left_out:
        yield {"lines_left_out": left_out}


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LINE_MAX]
    return value if len(json.dumps(value, default=str)) <= LINE_MAX else "too long"


def secrets_of(settings: Settings) -> dict[str, str]:
    """Every secret of the installation by a name that may be told."""
    found = {
        name: value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    for whose, url in (
        ("owner's", settings.database_url), ("API's", settings.api_database_url),
        ("worker's", settings.worker_database_url),
    ):  # fmt: skip
        found[f"{whose} database password"] = urlsplit(url).password or ""
    keys = read_keys(settings.keyring_file) if settings.keyring_file is not None else []
    found |= {f"key {key.id}": key.secret.hex() for key in keys}
    found |= {f"keyring {n}": pair.partition(":")[2] for n, pair in enumerate(found.pop("keyring").split(","))}
    return {name: word for name, word in found.items() if len(word) >= SHORTEST}


def written(said: dict[str, Any], settings: Settings, out: Path) -> None:
    """Raises SupportRefused when a secret of the installation stands in it."""
    content = json.dumps(said, indent=1, default=str).encode()
    found = Searcher(secrets_of(settings)).found(content)
    if found:
        raise SupportRefused(f"nothing was written: the bundle would have held {', '.join(sorted(found))}")
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.support", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--log", type=Path, action="append", help="a log of ours; by default those of `make up`")
    said = parser.parse_args(arguments)
    now = datetime.now(UTC)
    out = said.out or Path(f"stepdown-support-{now:%Y%m%dT%H%M%SZ}.json")
    folder = data_folder()
    try:
        settings = load_settings(None if os.environ.get("STEPDOWN_SETTINGS_FILE") else folder.settings)
        logs = said.log or [path for name in ("api", "worker") if (path := folder.logs / f"{name}.log").is_file()]
        written(asyncio.run(bundle(settings, logs, now)), settings, out)
    except (SettingsError, KeyringError, SupportRefused) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except FileExistsError:
        sys.stderr.write(f"{out} is there already; say another place with --out\n")
        return 1
    sys.stdout.write(f"{out}: read it before you send it\n")
    return 0


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
