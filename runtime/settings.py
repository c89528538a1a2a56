"""What an installation decides, read once at an entry point from `STEPDOWN_*` variables and an optional file.

Nothing here is read at import: entries call `load_settings()` and hand the value on. The environment
wins over the file; `make up` writes the file itself, `docker-compose.yml` passes it as the environment."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from definitions.access import GroupGrant
from definitions.episode import Drive
from definitions.vocabulary import Role

PREFIX: Final = "STEPDOWN_"
FILE_VARIABLE: Final = "STEPDOWN_SETTINGS_FILE"
DATA_DIR_VARIABLE: Final = "STEPDOWN_DATA_DIR"
DATA_DIR_DEFAULT: Final = ".stepdown"
FILE_NAME: Final = "settings.env"
PRODUCTION: Final = "production"
ADDRESS: Final = r"^$|^postgresql\+psycopg://"


class SettingsError(Exception):
    """The settings cannot be used; the message names each variable and what to do about it."""


class Settings(BaseSettings):
    """One installation. Secrets do not print and have no default outside `local`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, env_file_encoding="utf-8"
    )

    environment: str = Field(default=PRODUCTION, pattern="^[a-z]+$")
    """`production`, or `local` for `make up` and tests."""
    data_dir: Path = Path(DATA_DIR_DEFAULT)

    database_url: str = Field(default="", pattern=ADDRESS, repr=False)
    """`postgresql+psycopg://user:password@host/database`, as the owner of the tables: for migrations and for proving the
    chains; what serves does not know it. PostgreSQL 15 or newer with btree_gist."""
    api_database_url: str = Field(default="", pattern=ADDRESS, repr=False)
    worker_database_url: str = Field(default="", pattern=ADDRESS, repr=False)
    """The same database under `stepdown_api` and `stepdown_worker`, or roles that are their members (docs/operations.md)."""
    database_pool: int = Field(default=10, gt=0)
    """Connections a process keeps. A worker runs as many record activities at once; past ten, a second worker process
    brings more than a larger pool (docs/performance.md)."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "stepdown"
    temporal_tls: bool = False
    temporal_api_key: SecretStr | None = None
    temporal_ui_origin: str | None = Field(default=None, pattern=r"^https?://[^/,\s]+$")
    """Origin of the Temporal pages that may have payloads opened (`/codec/decode`), for people whose role may; None: no
    page may."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8700, ge=1, le=65535)
    public_url: str = "http://127.0.0.1:8700"
    """Where browsers and partners reach the API; stands in links and in the token issuer."""

    drive: Drive = Drive.WALL
    allow_driven: bool = False
    """Rehearsals move business time themselves (D7); an installation with patients never allows it."""

    keyring: SecretStr = SecretStr("")
    """`id:hex` pairs separated by commas; the first seals, all open. Keys of 32 bytes. A change needs a restart."""
    keyring_file: Path | None = None
    """A file that holds the same instead, one key a line. It is followed: keys can be rotated while everything runs."""
    blind_index_key: SecretStr
    """64 hex digits; makes the search tokens. Changing it makes people already on record unfindable by name."""

    token_key: SecretStr | None = None
    """PEM of the RSA key that signs local tokens (`\\n` for line ends is fine); None where an OIDC issuer does."""
    oidc_issuer: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Whose tokens staff bring; found by discovery. Stands beside our own tokens, which payers' machines go on using."""
    oidc_jwks_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Where its keys are, when discovery is not to say it."""
    oidc_groups: str = Field(default="", pattern=r"^$|^[^=@,]+=[a-z_]+@[^@,=]+(,[^=@,]+=[a-z_]+@[^@,=]+)*$")
    """`group=role@facility+facility` pairs separated by commas (`*`: every facility). With them the token's `groups` decide;
    without, its claims `role` and `facilities`."""
    oidc_parties: str = ""
    """Client ids, separated by commas, whose access tokens are taken where a token names its client (`azp`)."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    """Of the pages, for signing in through the issuer (authorization code with PKCE)."""
    token_audience: str = "stepdown"
    local_users: bool = False
    """Password tokens for demo users; refused in production."""

    api_concurrency: int = Field(default=1000, gt=0)
    """Connections and requests one API process holds at a time; more are answered 503."""
    address_requests_per_second: float = Field(default=300, gt=0)
    user_requests_per_second: float = Field(default=100, gt=0)
    sign_ins_per_minute: float = Field(default=120, ge=1)
    """What one client address or one user may ask of one API process; bursts of ten seconds' worth, of a minute's
    for signing in."""

    session_idle_minutes: float = Field(default=30, gt=0)
    session_hours: float = Field(default=12, gt=0)
    """A browser is signed out when nobody has done anything in it for so long, and in any case after so many hours."""

    payer_secret: SecretStr = SecretStr("")
    catalog_folder: Path | None = None
    """A folder of definition editions instead of the one that ships."""
    partner_base_url: str = "http://127.0.0.1:8710"
    partner_addresses: str = Field(default="", pattern=r"^$|^[^=,\s]+=https?://[^=,\s]+(,[^=,\s]+=https?://[^=,\s]+)*$")
    """`endpoint=address` pairs separated by commas: payers whose system is not below the partners' base address. Only
    who runs the installation says so, never an edition."""
    partner_timeout_seconds: float = Field(default=15.0, gt=0, le=80)
    """Stays under the 90 s an exchange activity may take (definitions/policies.py)."""
    update_wait_seconds: float = Field(default=8.0, gt=0)
    session_horizon_days: int = Field(default=28, ge=7, le=120)
    """How far ahead the weekly template is turned into sessions."""
    submitter_id: str = "STEPDOWN"
    x12_usage: str = Field(default="T", pattern="^[TP]$")
    """ISA15: T test, P production."""

    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where the worker serves its numbers, loopback only; 0: nowhere. The API serves its own under /metrics."""

    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    log_format: str = Field(default="json", pattern="^(json|console)$")
    build: str = "dev"

    @model_validator(mode="after")
    def _holds_together(self) -> "Settings":
        complaints = [sentence for broken, sentence in self._conditions() if broken]
        if complaints:
            raise ValueError("; ".join(complaints))
        return self

    @property
    def partners_apart(self) -> dict[str, str]:
        """Base address by endpoint."""
        pairs = (pair.partition("=") for pair in self.partner_addresses.split(",") if pair)
        return {endpoint: address.rstrip("/") for endpoint, _, address in pairs}

    @property
    def oidc_grants(self) -> tuple[GroupGrant, ...]:
        """What each group means. Raises ValidationError for a role that is not known."""
        found = []
        for pair in filter(None, self.oidc_groups.split(",")):
            group, _, rest = pair.partition("=")
            role, _, houses = rest.partition("@")
            found.append(GroupGrant(group=group.strip(), role=Role(role), facilities=tuple(houses.strip().split("+"))))
        return tuple(found)

    @property
    def oidc_parties_said(self) -> frozenset[str]:
        return frozenset(filter(None, (p.strip() for p in self.oidc_parties.split(","))))

    def address_of(self, part: Literal["api", "worker"]) -> str:
        """Where `api` or `worker` finds the database. Raises SettingsError: in
        production nobody serves as the owner of the tables; a local installation that names no other address does."""
        said = self.api_database_url if part == "api" else self.worker_database_url
        if not said and self.environment != PRODUCTION and self.database_url:
            return self.database_url
        if not said:
            name = f"{PREFIX}{part.upper()}_DATABASE_URL"
            raise SettingsError(
                f"{name} is not set: the {part} connects as stepdown_{part}, a role that owns no table, and not by "
                f"{PREFIX}DATABASE_URL, which is for migrations (docs/operations.md, Roles of the database)"
            )
        return said

    def _conditions(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.drive is Drive.DRIVEN and not self.allow_driven,
                "the driven clock is for rehearsals: set STEPDOWN_ALLOW_DRIVEN=true to permit it",
            ),
            (
                self.environment == PRODUCTION and self.local_users,
                "demo users are refused in production: unset STEPDOWN_LOCAL_USERS",
            ),
            (
                self.oidc_issuer is None and self.oidc_jwks_url is not None,
                "STEPDOWN_OIDC_JWKS_URL says where the keys of an issuer are: name it in STEPDOWN_OIDC_ISSUER",
            ),
            (
                self.environment == PRODUCTION and (self.oidc_issuer or "https://").startswith("http://"),
                "STEPDOWN_OIDC_ISSUER must be https in production",
            ),
            (
                bool({g.role for g in self.oidc_grants} & {Role.PAYER, Role.SYSTEM}),
                "STEPDOWN_OIDC_GROUPS gives staff's roles; payers' machines have tokens of ours",
            ),
            (
                bool(self.keyring.get_secret_value()) == (self.keyring_file is not None),
                "set STEPDOWN_KEYRING or STEPDOWN_KEYRING_FILE, one of the two",
            ),
            (
                self.keyring_file is not None and not self.keyring_file.is_file(),
                "STEPDOWN_KEYRING_FILE names a file that is not there",
            ),
        )


def settings_file() -> Path:
    """`STEPDOWN_SETTINGS_FILE`, else `settings.env` in the data folder."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get(DATA_DIR_VARIABLE, DATA_DIR_DEFAULT)) / FILE_NAME


def load_settings(file: Path | None = None) -> Settings:
    """The settings of this process. Raises SettingsError with one sentence per wrong variable."""
    chosen = file if file is not None else settings_file()
    if file is None and os.environ.get(FILE_VARIABLE) and not chosen.is_file():
        raise SettingsError(f"{FILE_VARIABLE} names {chosen}, which is not there; create it or unset the variable.")
    try:
        return Settings(_env_file=chosen if chosen.is_file() else None)
    except ValidationError as error:
        raise SettingsError(_sentences(error)) from None


def _sentences(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = "".join(f"{PREFIX}{str(part).upper()}" for part in problem["loc"][:1])
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{place}: {message}" if place else message)
    return "settings cannot be used: " + "; ".join(lines) + " (`make up` writes them for a local installation)"
