"""Known faults of locked versions fail the check; reasons are dated, and what nobody entered is not claimed."""

from datetime import date, timedelta

import pytest
from packaging.specifiers import SpecifierSet

from local.advisories import FILE, LOCKS, ROOT, STALE, Advisories, findings, pins, read, staleness

DAY = date(2026, 3, 2)
ONE = """
looked_through = 2026-03-01
[[advisory]]
id = "CVE-1"
package = "Some_Package"
affected = ">=1.0,<1.4.2"
what = "made up for a test"
"""
EXCEPTION = """
[[exception]]
id = "CVE-1"
package = "some-package"
reason = "the broken function is never called here"
until = 2026-03-02
"""


def told(known: Advisories, lock: str, today: date = DAY) -> list[str]:
    return list(findings(known, pins(lock), today))


@pytest.mark.parametrize(
    ("version", "bad"),
    [("0.9", False), ("1.0", True), ("1.4.1", True), ("1.4.1.post1", True), ("1.4.2", False), ("2.0", False)],
)
def test_a_locked_version_in_the_range_fails(version: str, bad: bool) -> None:
    found = told(
        read(ONE), f"other==1.0 \\\n    --hash=sha256:00\nsome.package[extra]=={version} \\\n    --hash=sha256:00\n"
    )
    assert [("CVE-1" in line, version in line) for line in found] == ([(True, True)] if bad else [])


def test_an_exception_holds_to_its_last_day() -> None:
    known = read(ONE + EXCEPTION)
    assert told(known, "some-package==1.1") == []
    (line,) = told(known, "some-package==1.1", DAY + timedelta(days=1))
    assert "ended on 2026-03-02" in line


@pytest.mark.parametrize(
    "text",
    [
        ONE.replace(">=1.0,<1.4.2", ""),
        ONE.replace(">=1.0,<1.4.2", "older"),
        ONE + EXCEPTION.replace("the broken function is never called here", "fine"),
        ONE + 'surprise = "x"\n',
    ],
)
def test_a_file_that_says_less_than_it_must_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"validation error|Invalid specifier"):
        read(text)


def test_an_old_file_says_so_and_fails_nothing() -> None:
    known = read(ONE)
    assert staleness(known, known.looked_through + STALE) is None
    said = staleness(known, known.looked_through + STALE + timedelta(days=1))
    assert said is not None
    assert "31 days" in said


def test_the_file_that_ships_reads_and_the_locks_pass() -> None:
    known = read(FILE.read_text())
    locked = {name: pins((ROOT / name).read_text()) for name in LOCKS}
    assert all(len(versions) > 30 for versions in locked.values())
    assert [line for versions in locked.values() for line in findings(known, versions, known.looked_through)] == []
    named = {one.package for one in known.advisory} & set(locked["requirements.lock"])
    assert len(named) > 8, "a list about packages we do not have would never fail"
    for one in known.advisory:
        assert SpecifierSet(one.affected)
