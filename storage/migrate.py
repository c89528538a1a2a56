"""Migrations from the command line: `python -m storage.migrate [upgrade|check|sql]`.

Every run takes one advisory lock, so two starting processes do not race (anchors A6)."""

import os
import sys
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config

from storage import row_security

MIGRATION_LOCK = 0x57E9D0
SCRIPTS = Path(__file__).parent / "migrations"


def config(url: str) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return settings


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest revision, and rights and policies to what `storage/row_security.py` says;
    safe to repeat."""
    command.upgrade(config(url), "head")
    with _alone(url) as connection:
        row_security.apply(connection)


def check(url: str) -> None:
    """Fail when the models and the migrated database differ."""
    with _alone(url) as connection:
        differing, strangers = row_security.differing(connection), row_security.strangers(connection)
    if strangers:
        raise row_security.NotOnTheList(
            f"no line in storage/row_security.py says who may see {', '.join(strangers)}: add one to TABLES, or put an "
            "operator's own tables into another schema"
        )
    command.check(config(url))
    if differing:
        raise row_security.NotApplied(f"rights or policies differ: {', '.join(differing)}; run the upgrade")


def _alone(url: str) -> psycopg.Connection[Any]:
    """A connection under the lock of migrations."""
    connection = psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), autocommit=True)
    connection.execute("SET lock_timeout = '4s'")
    connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})".encode())
    return connection


def main(arguments: list[str]) -> int:
    url = os.environ.get("STEPDOWN_DATABASE_URL")
    if not url:
        sys.stderr.write("STEPDOWN_DATABASE_URL is not set; say which database to migrate.\n")
        return 2
    verb = arguments[0] if arguments else "upgrade"
    if verb == "upgrade":
        upgrade(url)
    elif verb == "check":
        check(url)
    elif verb == "sql":
        command.upgrade(config(url), "head", sql=True)
        sys.stdout.write(row_security.script())
    else:
        sys.stderr.write("say one of: upgrade, check, sql\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
