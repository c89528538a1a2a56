"""The data folder: one holder, private keys, and clearing only what is ours."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from local.stack.errors import StackError
from local.stack.folder import DataFolder
from runtime.keyring_file import load_keyring
from runtime.settings import load_settings

URL = {"STEPDOWN_DATABASE_URL": "postgresql+psycopg://postgres@/stepdown?host=/somewhere"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("STEPDOWN_"):
            monkeypatch.delenv(name)


def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert first.hold("http://127.0.0.1:1") is None
    holder = second.hold("http://127.0.0.1:2")
    assert holder is not None
    assert (holder.pid, holder.address) == (os.getpid(), "http://127.0.0.1:1")
    first.announce("http://127.0.0.1:3")
    holder = second.holder()
    assert holder is not None
    assert holder.address == "http://127.0.0.1:3"
    first.release()
    assert second.holder() is None
    assert second.hold("http://127.0.0.1:2") is None
    second.release()


def test_a_lock_file_without_a_living_holder_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"pid": 1, "address": "http://127.0.0.1:1"}')
    folder = DataFolder(tmp_path)
    assert folder.holder() is None
    assert folder.hold("http://127.0.0.1:2") is None
    folder.release()


def test_first_settings_work_and_are_private(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.write_settings(URL)
    assert stat.S_IMODE(folder.settings.stat().st_mode) == 0o600
    settings = load_settings(folder.settings)
    assert load_keyring(settings).current_id == "local1"
    assert settings.token_key is not None
    assert load_pem_private_key(settings.token_key.get_secret_value().encode(), None)
    assert (settings.environment, settings.local_users) == ("local", True)


def test_keys_stay_and_addresses_change(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    first = folder.write_settings(URL)
    second = folder.write_settings({"STEPDOWN_TEMPORAL_ADDRESS": "127.0.0.1:5"})
    assert second == first | {"STEPDOWN_TEMPORAL_ADDRESS": "127.0.0.1:5"}
    assert load_settings(folder.settings).temporal_address == "127.0.0.1:5"


def test_two_installations_share_no_key(tmp_path: Path) -> None:
    one, other = (DataFolder(tmp_path / name) for name in ("one", "other"))
    for folder in (one, other):
        folder.path.mkdir()
    first, second = one.write_settings(URL), other.write_settings(URL)
    secrets = [name for name in first if name.endswith(("KEY", "SECRET"))]
    assert len(secrets) == 3
    assert one.keyring.read_text() != other.keyring.read_text()
    assert all(first[name] != second[name] for name in secrets)


def test_data_without_its_keys_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.postgres.mkdir()
    with pytest.raises(StackError, match=r"keys that open its people are gone.*make reset"):
        folder.write_settings(URL)


def test_clearing_leaves_what_is_not_ours(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.write_settings(URL)
    folder.logs.mkdir()
    (folder.logs / "api.log").write_text("line")
    folder.temporal.write_text("")
    (tmp_path / "holiday.jpg").write_text("not ours")
    assert sorted(folder.clear()) == ["keyring", "logs", "settings.env", "temporal.db"]
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]
    assert folder.clear() == []


def test_leftovers_are_told_from_strangers_by_their_birth(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.leftovers() == {}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        folder.remember({"worker": process.pid})
        assert folder.leftovers()["worker"].pid == process.pid
        said = folder.running.read_text()
        folder.running.write_text(said.replace(f"[{process.pid}, ", f"[{process.pid}, 1"))
        assert folder.leftovers() == {}
        folder.running.write_text(said)
        process.communicate(b"\n")
    assert folder.leftovers() == {}
    folder.forget()
    assert not folder.running.exists()


def test_a_folder_that_cannot_be_made_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="STEPDOWN_DATA_DIR"):
        DataFolder(tmp_path / "file" / "inner").hold("http://127.0.0.1:1")


def test_keys_from_before_are_moved_into_a_file_of_their_own(tmp_path: Path) -> None:
    """Rotation needs a file that processes follow; an installation keeps the keys it has."""
    folder = DataFolder(tmp_path)
    folder.settings.write_text(f'STEPDOWN_KEYRING="local1:{"ab" * 32}"\nSTEPDOWN_BLIND_INDEX_KEY="{"cd" * 32}"\n')
    values = folder.write_settings(URL)
    assert "STEPDOWN_KEYRING" not in values
    assert "ab" * 32 not in folder.settings.read_text()
    assert folder.keyring.read_text() == f"local1:{'ab' * 32}\n"
    assert folder.write_settings(URL)["STEPDOWN_KEYRING_FILE"] == str(folder.keyring)
