"""The command: `python -m local.stack up | down | status | reset`."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from local.stack.errors import StackError
from local.stack.parts import ROOT
from local.stack.postgres import QUICK, EmbeddedPostgres
from local.stack.up import LocalStack, data_folder, stop_running
from runtime.settings import SettingsError

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="The local installation of Stepdown.")
_console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


class _Lines:
    """Sentences with the seconds since the start in front."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, sentence: str) -> None:
        _console.print(f"{time.monotonic() - self._began:6.1f} s  {sentence}")


def _fail(error: Exception) -> typer.Exit:
    Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True).print(str(error))
    return typer.Exit(1)


@cli.command()
def up(
    servers_only: Annotated[
        bool, typer.Option(help="Only PostgreSQL and Temporal, prepared for our processes.")
    ] = False,
) -> None:
    """Start everything and serve until Ctrl-C. A second start only says where the first one serves."""
    try:
        holder = LocalStack(data_folder(), _Lines(), servers_only=servers_only).run()
    except (StackError, SettingsError) as error:
        raise _fail(error) from None
    if holder is not None:
        _console.print(f"Stepdown already runs at {holder.address} (process {holder.pid}); nothing was started.")


@cli.command()
def down() -> None:
    """Stop a running stack and wait until it has stopped."""
    try:
        stop_running(data_folder(), _Lines())
    except StackError as error:
        raise _fail(error) from None


@cli.command()
def status() -> None:
    """Say whether it runs, and where. Exit status 1 when it does not."""
    folder = data_folder()
    holder = folder.holder()
    if holder is None:
        _console.print(f"Stepdown is not running; its data lies in {folder.path}")
        raise typer.Exit(1)
    _console.print(f"Stepdown runs at {holder.address} (process {holder.pid}); its data lies in {folder.path}")
    for name, process in folder.leftovers().items():
        _console.print(f"  {name}: process {process.pid}")


@cli.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False) -> None:
    """Delete the demo data: database, histories, keys and logs. Refused while the stack runs."""
    folder = data_folder()
    holder = folder.hold("reset")
    if holder is not None:
        raise _fail(StackError(f"Stepdown runs at {holder.address}; stop it first with `make down`."))
    try:
        if not yes:
            _console.print(f"This deletes everyone and everything recorded in {folder.path}, and the keys to it.")
            if typer.prompt("Type reset to go on", default="", show_default=False).strip() != "reset":
                _console.print("Nothing was deleted.")
                raise typer.Exit(1)
        removed = folder.clear()
    finally:
        folder.release()
    _console.print(f"Deleted {', '.join(removed)}." if removed else "There was nothing to delete.")


@cli.command("check-migrations")
def check_migrations() -> None:
    """Migrate an empty throw-away database and fail when the models differ from it (alembic check)."""
    with TemporaryDirectory(prefix="stepdown-check-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", options=QUICK)
        try:
            server.start()
            server.ensure_database()
            seen = {**os.environ, "STEPDOWN_DATABASE_URL": server.url()}
            for verb in ("upgrade", "check"):
                done = subprocess.run([sys.executable, "-m", "storage.migrate", verb], env=seen, cwd=ROOT, check=False)
                if done.returncode != 0:
                    raise typer.Exit(done.returncode)
        except StackError as error:
            raise _fail(error) from None
        finally:
            server.stop()


if __name__ == "__main__":
    cli()
