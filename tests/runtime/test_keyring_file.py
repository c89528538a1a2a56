"""Keys that change while processes hold them: the file is followed, and nothing is lost on the way."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime import keyring_file
from runtime.keyring import Key, Keyring, KeyringError, SealBroken, sealed_under
from runtime.keyring_file import FileKeyring, new_key, read_keys, write_keys

INDEX = bytes(32)
OLD, NEW = Key("old", bytes([1]) * 32), Key("new", bytes([2]) * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keyring"
    write_keys(made, [OLD])
    return made


def test_a_new_key_seals_once_the_file_was_looked_at_again_and_the_old_one_still_opens(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = FileKeyring(path, INDEX)
    before = ring.seal(b"words", b"row")
    write_keys(path, [NEW, OLD])
    assert sealed_under(ring.seal(b"words")) == "old", "looked at a moment ago"
    monkeypatch.setattr(keyring_file, "LOOKED_AT_SECONDS", 0.0)
    after = ring.seal(b"words", b"row")
    assert (sealed_under(before), sealed_under(after)) == ("old", "new")
    assert ring.open(before, b"row") == ring.open(after, b"row") == b"words"
    assert ring.ids == ("new", "old")


def test_what_another_process_sealed_under_a_key_not_seen_yet_opens_at_once(path: Path) -> None:
    """Both hold the old file; the other has read the new one already."""
    late = FileKeyring(path, INDEX)
    write_keys(path, [NEW, OLD])
    quick = FileKeyring(path, INDEX)
    assert late.open(quick.seal(b"words")) == b"words"
    assert late.current_id == "new"


@pytest.mark.parametrize("text", ["", "old", "old:zz", "old:" + "11" * 31, f"a:{'11' * 32},a:{'22' * 32}"])
def test_a_file_that_does_not_parse_changes_nothing(path: Path, text: str) -> None:
    ring = FileKeyring(path, INDEX)
    sealed = ring.seal(b"words")
    path.write_text(text)
    ring.follow()
    assert ring.open(sealed) == b"words"
    assert ring.ids == ("old",)


def test_a_file_that_is_away_changes_nothing_and_comes_back(path: Path) -> None:
    ring = FileKeyring(path, INDEX)
    path.unlink()
    ring.follow()
    assert ring.current_id == "old"
    write_keys(path, [NEW, OLD])
    ring.follow()
    assert ring.current_id == "new"


def test_a_key_taken_out_opens_nothing_any_more(path: Path) -> None:
    ring = FileKeyring(path, INDEX)
    sealed = ring.seal(b"words")
    write_keys(path, [NEW])
    ring.follow()
    with pytest.raises(SealBroken, match="does not hold"):
        ring.open(sealed)


def test_search_tokens_stay_as_they_are(path: Path) -> None:
    ring = FileKeyring(path, INDEX)
    before = ring.token("name", "Testerman")
    write_keys(path, [NEW])
    ring.follow()
    assert ring.token("name", "Testerman") == before == Keyring([OLD], INDEX).token("name", "Testerman")


def test_the_file_is_its_owners_alone_and_written_whole(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keys(path) == [OLD]
    assert os.listdir(path.parent) == ["keyring"]
    with pytest.raises(KeyringError, match="cannot be read"):
        read_keys(path.parent / "absent")


def test_a_key_bears_the_moment_it_was_made() -> None:
    made = new_key(datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC))
    assert made.id == "k20260301T123005"
    assert made.secret.hex() not in repr(made)
