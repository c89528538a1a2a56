"""Migrations from the command line: `python -m storage.migrate [upgrade|check|sql]`.

Every run takes one advisory lock, so two starting processes do not race (anchors A6)."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"


def config(url: str) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS))
    settings.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return settings


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest revision; safe to repeat."""
    command.upgrade(config(url), "head")


def check(url: str) -> None:
    """Fail when the models and the migrated database differ."""
    command.check(config(url))


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
    else:
        sys.stderr.write("say one of: upgrade, check, sql\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
