"""Keys and settings for the tests of this folder; the keys seal nothing but test data."""

import base64
from typing import Any

from runtime.settings import Settings

KEY_A = base64.urlsafe_b64encode(bytes(range(32))).decode()
KEY_B = base64.urlsafe_b64encode(bytes(range(32, 64))).decode()
INDEX_KEY = base64.urlsafe_b64encode(bytes(range(64, 96))).decode()


def settings(**changes: Any) -> Settings:
    """Valid demo settings with `changes`."""
    values: dict[str, Any] = {
        "environment": "demo",
        "database_url": "postgresql+psycopg://u:p@127.0.0.1/stepdown",
        "keyring": f"a:{KEY_A}",
        "index_key": INDEX_KEY,
        "token_key": "t" * 32,
    }
    return Settings.model_validate(values | changes)
