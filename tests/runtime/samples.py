"""Keys and settings for the tests of this folder; the keys seal nothing but test data."""

from typing import Any

from runtime.settings import Settings

KEY_A = bytes(range(32)).hex()
KEY_B = bytes(range(32, 64)).hex()
INDEX_KEY = bytes(range(64, 96)).hex()


def settings(**changes: Any) -> Settings:
    """Valid local settings with `changes`."""
    values: dict[str, Any] = {
        "environment": "local",
        "database_url": "postgresql+psycopg://u:p@127.0.0.1/stepdown",
        "api_database_url": "postgresql+psycopg://a:p@127.0.0.1/stepdown",
        "worker_database_url": "postgresql+psycopg://w:p@127.0.0.1/stepdown",
        "keyring": f"a:{KEY_A}",
        "blind_index_key": INDEX_KEY,
    }
    return Settings.model_validate(values | changes)
