"""Settings: where they come from, what is refused, and that secrets do not print."""

import os
import runpy
from pathlib import Path
from typing import Literal

import pytest
from pydantic import ValidationError

from definitions.episode import Drive
from runtime import settings as module
from runtime.keyring_file import load_keyring
from runtime.settings import SettingsError, load_settings, settings_file
from tests.runtime.samples import INDEX_KEY, KEY_A, KEY_B, settings

PEM = r"-----BEGIN KEY-----\nabc\n-----END KEY-----"

FILE = f"""
STEPDOWN_ENVIRONMENT=local
STEPDOWN_DATABASE_URL=postgresql+psycopg://u:p@127.0.0.1/stepdown
STEPDOWN_KEYRING="a:{KEY_A}"
STEPDOWN_BLIND_INDEX_KEY={INDEX_KEY}
STEPDOWN_TOKEN_KEY="{PEM}"
STEPDOWN_API_PORT=8123
"""


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("STEPDOWN_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.env"
    path.write_text(FILE)
    return path


def test_a_file_is_enough(file: Path) -> None:
    loaded = load_settings(file)
    assert loaded.api_port == 8123
    assert loaded.drive is Drive.WALL
    assert loaded.database_url.endswith("/stepdown")
    assert loaded.token_key is not None
    assert loaded.token_key.get_secret_value().splitlines()[1] == "abc"


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_API_PORT", "9001")
    assert load_settings(file).api_port == 9001


def test_the_data_folder_holds_the_file_unless_it_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_file() == Path(".stepdown/settings.env")
    monkeypatch.setenv("STEPDOWN_DATA_DIR", str(file.parent))
    assert settings_file() == file
    assert load_settings().api_port == 8123
    monkeypatch.setenv("STEPDOWN_SETTINGS_FILE", str(file.parent / "absent.env"))
    with pytest.raises(SettingsError, match="not there"):
        load_settings()


def test_importing_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_API_PORT", "not a port")
    assert module.__file__ is not None
    assert runpy.run_path(module.__file__)["PREFIX"] == "STEPDOWN_"


def test_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "absent")
    assert "STEPDOWN_BLIND_INDEX_KEY: Field required" in str(caught.value)
    assert "make up" in str(caught.value)


@pytest.mark.parametrize("part", ["api", "worker"])
def test_who_knows_the_owners_address_only_does_not_serve(file: Path, part: Literal["api", "worker"]) -> None:
    with pytest.raises(SettingsError, match=f"STEPDOWN_{part.upper()}_DATABASE_URL is not set: .*stepdown_{part}"):
        load_settings(file).model_copy(update={"environment": "production"}).address_of(part)


def test_a_wrong_value_is_named_but_not_shown(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPDOWN_API_PORT", "hunter2")
    with pytest.raises(SettingsError, match="STEPDOWN_API_PORT") as caught:
        load_settings(file)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"drive": "driven"}, "STEPDOWN_ALLOW_DRIVEN=true"),
        ({"environment": "production", "local_users": True}, "STEPDOWN_LOCAL_USERS"),
        ({"oidc_jwks_url": "https://issuer.example/keys"}, "name it in STEPDOWN_OIDC_ISSUER"),
        ({"oidc_issuer": "http://issuer.example", "environment": "production"}, "https in production"),
        ({"oidc_issuer": "https://issuer.example", "oidc_groups": "machines=payer@*"}, "tokens of ours"),
        ({"oidc_groups": "no-role"}, "oidc_groups"),
        ({"keyring_file": "/nowhere", "keyring": ""}, "not there"),
        ({"keyring": ""}, "one of the two"),
        ({"database_url": "sqlite://"}, "postgresql"),
        ({"partner_timeout_seconds": 90}, "less than or equal to 80"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings(**changes)


def test_driven_is_possible_in_a_rehearsal() -> None:
    assert settings(drive="driven", allow_driven=True).drive is Drive.DRIVEN


def test_secrets_do_not_print() -> None:
    shown = repr(settings()) + str(settings())
    for secret in (KEY_A, INDEX_KEY, "u:p@"):
        assert secret not in shown


def test_the_keyring_may_stand_in_a_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = "\n".join(line for line in FILE.splitlines() if "KEYRING" not in line)
    file.write_text(without)
    keys = tmp_path / "keys"
    keys.write_text(f"b:{KEY_B}\na:{KEY_A}\n")
    monkeypatch.setenv("STEPDOWN_KEYRING_FILE", str(keys))
    assert repr(load_keyring(load_settings(file))) == "Keyring(b, a)"
    monkeypatch.setenv("STEPDOWN_KEYRING_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match="STEPDOWN_KEYRING_FILE"):
        load_settings(file)


def test_payers_with_an_address_of_their_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(file).partners_apart == {}
    monkeypatch.setenv("STEPDOWN_PARTNER_ADDRESSES", "x12/a=https://a.example/,x12/b=http://127.0.0.1:1")
    assert load_settings(file).partners_apart == {"x12/a": "https://a.example", "x12/b": "http://127.0.0.1:1"}
    monkeypatch.setenv("STEPDOWN_PARTNER_ADDRESSES", "x12/a=file:///etc")
    with pytest.raises(SettingsError, match="STEPDOWN_PARTNER_ADDRESSES"):
        load_settings(file)


def test_groups_of_an_issuer_mean_a_role_at_facilities() -> None:
    found = settings(oidc_groups="r=reviewer@harbor+lakeside,all=admin@*").oidc_grants
    assert [(g.group, g.role, g.facilities) for g in found] == [
        ("r", "reviewer", ("harbor", "lakeside")), ("all", "admin", ("*",)),
    ]  # fmt: skip
