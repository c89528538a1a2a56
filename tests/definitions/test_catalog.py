"""Definitions load; a broken copy is refused with file, path and fix; a released edition is locked (D12)."""

import shutil
from pathlib import Path

import pytest

from local.definitions import problems
from runtime.catalog import FOLDER, CatalogProblem, content_hash, load_catalog


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    target = tmp_path / "catalog"
    shutil.copytree(FOLDER, target)
    return target


def test_the_shipped_edition_is_whole_locked_and_its_schemas_are_current() -> None:
    assert problems() == []
    edition = load_catalog().latest
    assert {"3.7-WM", "3.7", "3.5", "3.1", "2.5", "2.1", "1.7", "1.5"} == set(edition.levels)
    assert all({"ASAM3", "ASAM4"} <= set(level.codes) for level in edition.levels.values())


def test_the_four_payers_differ_on_every_axis() -> None:
    """Domain 11.3."""
    payers = [p for p in load_catalog().latest.payers.values() if p.endpoint is not None]
    assert len(payers) == 4
    axes = [
        lambda p: p.review.zone,
        lambda p: p.review.cut_off,
        lambda p: p.review.lead_days,
        lambda p: p.decision.urgent_hours * 1000 + p.decision.standard_hours,
        lambda p: p.accrual.admit_discharge,
        lambda p: p.accrual.attendance,
        lambda p: p.timely_filing_days,
        lambda p: p.regime,
        lambda p: tuple((t.level, t.need, t.unit, t.initial_units) for t in p.levels),
    ]
    for axis in axes:
        assert len({repr(axis(p)) for p in payers}) == 4


def test_codes_stay_text() -> None:
    """Revenue code 0126 would become 86 and level 3.10 would become 3.1."""
    assert load_catalog().latest.payers["meridian"].levels[0].revenue_code == "0126"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("levels/3.5.yaml", "trade_name:", "trade_nam:", "trade_nam: remove it or mend its spelling"),
        ("levels/3.5.yaml", 'to: "3.1"', 'to: "9.9"', "level 3.5 moves to unknown level 9.9"),
        ("levels/3.5.yaml", "template: residential", "template: ghost", "level 3.5 uses unknown schedule ghost"),
        ("levels/3.5.yaml", "instrument: PHQ9", "instrument: GHOST", "level 3.5 owes unknown instrument GHOST"),
        ("levels/3.5.yaml", "needs_bed: yes", "needs_bed: no", "needs_bed must be yes exactly when track is bed"),
        ("payers/meridian.yaml", "urgent_hours: 72", "urgent_hours: soon", "decision.urgent_hours"),
        ("facilities/harbor.yaml", "program: harbor_inpatient", "program: ghost", "belongs to unknown program ghost"),
        (
            "consents/forms.yaml",
            "valid_days: 365\nblocks: admission",
            "blocks: admission",
            "valid_days is given exactly",
        ),
    ],
)
def test_a_broken_copy_names_file_path_and_fix(copy: Path, file: str, old: str, new: str, says: str) -> None:
    broken = copy / "2026-01" / file
    text = broken.read_text()
    assert old in text
    broken.write_text(text.replace(old, new, 1))
    with pytest.raises(CatalogProblem) as problem:
        load_catalog(copy)
    assert says in str(problem.value)


def test_a_key_twice_is_refused(copy: Path) -> None:
    file = copy / "2026-01" / "levels" / "3.5.yaml"
    file.write_text(file.read_text() + "trade_name: Again\n")
    with pytest.raises(CatalogProblem, match=r"levels/3\.5\.yaml"):
        load_catalog(copy)


def test_a_released_edition_does_not_change(copy: Path) -> None:
    file = copy / "2026-01" / "levels" / "3.5.yaml"
    file.write_text(file.read_text().replace("trade_name: Residential", "trade_name: Living"))
    with pytest.raises(CatalogProblem, match="is released and must not change"):
        load_catalog(copy)


def test_layout_does_not_matter_to_the_lock(copy: Path) -> None:
    file = copy / "2026-01" / "levels" / "3.5.yaml"
    file.write_text("# a remark\n" + file.read_text())
    assert content_hash(load_catalog(copy).latest) == content_hash(load_catalog().latest)
