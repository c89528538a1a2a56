"""What an installation runs on, as codes and fingerprints: compared at every start with what was on record before."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from runtime.catalog import Catalog
from runtime.settings import Settings

SAID: Final = (
    "environment", "drive", "allow_driven", "local_users", "oidc_issuer", "token_audience", "public_url",
    "partner_base_url", "partner_addresses", "session_idle_minutes", "session_hours", "x12_usage", "temporal_ui_origin",
)  # fmt: skip
"""Settings whose change somebody must be able to find later. Never a secret, never an address with one."""


def fingerprint(value: Any) -> str:
    """SHA-256 over canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def configuration_of(
    settings: Settings, catalog: Catalog, policy: Mapping[str, frozenset[Any]] | None = None
) -> dict[str, str]:
    """One flat row of texts: `edition/<name>` and `law` by their content, `policy` by its lines, settings by value.
    `policy` None: a process without doors."""
    said = {f"setting/{name}": str(getattr(settings, name)) for name in SAID}
    said["setting/build"] = settings.build
    for name, edition in catalog.editions.items():
        said[f"edition/{name}"] = fingerprint(edition.model_dump(mode="json"))
    law = (catalog.regimes, catalog.retention, catalog.wordings, catalog.minor_laws)
    said["law"] = fingerprint([one.model_dump(mode="json") for kind in law for one in kind])
    if policy is not None:
        said["policy"] = fingerprint({door: sorted(str(role) for role in line) for door, line in policy.items()})
    return said
