"""Every setting in one class, read once at an entry point (never at import)."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from definitions.episode import Drive


class Settings(BaseSettings):
    """Environment variables with the prefix `STEPDOWN_`. Secrets have no default outside `local`."""

    model_config = SettingsConfigDict(env_prefix="STEPDOWN_", env_file=None, extra="ignore", frozen=True)

    environment: str = "production"
    database_url: str
    database_pool: int = Field(default=10, gt=0)
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "stepdown"
    api_host: str = "127.0.0.1"
    api_port: int = 8700
    public_url: str = "http://127.0.0.1:8700"
    drive: Drive = Drive.WALL
    allow_driven: bool = False
    keyring: SecretStr
    """`id:hex` pairs separated by commas; the first seals, all open. 32-byte keys."""
    blind_index_key: SecretStr
    token_key: SecretStr | None = None
    """PEM of the RSA key that signs local tokens; None where an OIDC issuer does."""
    oidc_issuer: str | None = None
    oidc_jwks_url: str | None = None
    token_audience: str = "stepdown"
    local_users: bool = False
    """Password tokens for demo users; refused in production."""
    payer_secret: SecretStr = SecretStr("")
    catalog_folder: Path | None = None
    partner_base_url: str = "http://127.0.0.1:8710"
    partner_timeout_seconds: float = Field(default=15.0, gt=0)
    update_wait_seconds: float = Field(default=8.0, gt=0)
    submitter_id: str = "STEPDOWN"
    x12_usage: str = "T"
    """ISA15: T test, P production."""
    log_level: str = "info"
    log_format: str = "json"
    build: str = "dev"

    @model_validator(mode="after")
    def _safe(self) -> "Settings":
        if self.drive is Drive.DRIVEN and not self.allow_driven:
            raise ValueError("the driven clock is for rehearsals: set STEPDOWN_ALLOW_DRIVEN=true to permit it")
        if self.environment == "production" and self.local_users:
            raise ValueError("demo users are refused in production: unset STEPDOWN_LOCAL_USERS")
        return self
