"""Reads definition editions from YAML, refuses what is wrong with file, path and fix, and checks the lock (D12).

Every scalar is read as text: revenue code 0126 and level 3.10 would otherwise become numbers."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from definitions.consent import ConsentForm
from definitions.consent_wording import ConsentWording, MinorLaw
from definitions.edition import Edition
from definitions.facility import Facility
from definitions.instrument import Instrument
from definitions.level import LevelOfCare
from definitions.pas_guide import PasGuide
from definitions.payer import Payer
from definitions.regime import Regime
from definitions.retention import RetentionRule
from definitions.schedule import ScheduleTemplate

FOLDER = Path(__file__).resolve().parent.parent / "definitions" / "catalog"
KINDS: dict[str, type[BaseModel]] = {
    "levels": LevelOfCare,
    "instruments": Instrument,
    "consents": ConsentForm,
    "payers": Payer,
    "schedules": ScheduleTemplate,
    "facilities": Facility,
}


class CatalogProblem(Exception):
    """A definition that cannot be used. The message is for the person who edits the file."""


COMMERCIAL = "commercial"
"""The regime of contracts that name none."""

ENGLISH = "en"
ANY_STATE = "default"
"""The minor law of states that nobody wrote down."""

LAW = "law"
"""The folder beside the editions: what is looked up by the day it applies to, pinned by nobody (D12)."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All editions by name, the newest being the default for new episodes, and the law beside them."""

    editions: dict[str, Edition]
    regimes: tuple[Regime, ...] = ()
    retention: tuple[RetentionRule, ...] = ()
    wordings: tuple[ConsentWording, ...] = ()
    minor_laws: tuple[MinorLaw, ...] = ()
    pas_guides: tuple[PasGuide, ...] = ()

    def wording(self, form: ConsentForm, language: str, on: date) -> ConsentWording | None:
        """What the form says in a language on a day. A form without a wording of its own says in English what its edition
        says; in other languages it says nothing."""
        live = [w for w in self.wordings if (w.form, w.language) == (form.key, language) and w.effective_from <= on]
        if live:
            return max(live, key=lambda w: w.effective_from)
        if language != ENGLISH:
            return None
        return ConsentWording(
            form=form.key, language=ENGLISH, version=f"edition {form.edition}", effective_from=on, title=form.title,
            text=form.text, right_to_revoke=form.right_to_revoke, refusal_consequences=form.refusal_consequences,
        )  # fmt: skip

    def languages(self, form: ConsentForm, on: date) -> tuple[str, ...]:
        said = {w.language for w in self.wordings if w.form == form.key and w.effective_from <= on}
        return tuple(sorted(said | {ENGLISH}))

    def minor_law(self, state: str, on: date) -> MinorLaw:
        """The law of the facility's state in force on a day; states that nobody wrote down go by the stricter default."""
        live = [m for m in self.minor_laws if m.state == state and m.effective_from <= on]
        if live:
            return max(live, key=lambda m: m.effective_from)
        if state == ANY_STATE:
            raise CatalogProblem(f"no minor law {state!r} is in force on {on}; add one under {LAW}/minors")
        return self.minor_law(ANY_STATE, on)

    def regime(self, key: str, on: date) -> Regime:
        """The regime's clocks in force on a day; payers outside any regime go by their contracts' defaults."""
        live = [r for r in self.regimes if r.key == key and r.effective_from <= on]
        if live:
            return max(live, key=lambda r: r.effective_from)
        if key == COMMERCIAL:
            raise CatalogProblem(f"no regime {key!r} is in force on {on}; add one under {LAW}/regimes")
        return self.regime(COMMERCIAL, on)

    def pas_guide(self, on: date) -> PasGuide:
        """The guide that payers' FHIR systems go by on a day; on days before any, the first."""
        live = [g for g in self.pas_guides if g.effective_from <= on]
        return (
            max(live, key=lambda g: g.effective_from) if live else min(self.pas_guides, key=lambda g: g.effective_from)
        )

    @property
    def latest(self) -> Edition:
        return self.editions[max(self.editions)]

    def edition(self, name: str) -> Edition:
        """The edition an episode pinned; an unknown one is a breach, never silently replaced."""
        if name not in self.editions:
            raise CatalogProblem(f"edition {name!r} is not loaded; known are {', '.join(sorted(self.editions))}")
        return self.editions[name]


def load_catalog(folder: Path | None = None, *, check_lock: bool = True) -> Catalog:
    """Every edition below `folder` (default: the shipped ones), validated, cross-checked and held against
    the lock of released editions."""
    root = folder or FOLDER
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name != LAW) if root.is_dir() else []
    if not names:
        raise CatalogProblem(f"no edition found in {root.name}/; an edition is a folder such as 2026-01/levels/*.yaml")
    editions = {name: load_edition(root / name) for name in names}
    law = root / LAW if (root / LAW).is_dir() else FOLDER / LAW
    catalog = Catalog(
        editions, load_regimes(law), load_retention(law), load_wordings(law), load_minor_laws(law), load_pas_guides(law)
    )
    if check_lock:
        verify_lock(catalog, root)
    return catalog


def load_edition(folder: Path) -> Edition:
    parts: dict[str, Any] = {"name": folder.name}
    for kind, model in KINDS.items():
        parts[kind] = {}
        for file in sorted((folder / kind).glob("*.yaml")):
            for entry in _documents(file):
                value = _validated(model, entry, file)
                key = value.key  # type: ignore[attr-defined]  # every definition kind has a key
                if key in parts[kind]:
                    raise CatalogProblem(f"{_name(file)}: {key!r} is defined twice in {kind}; keep one")
                parts[kind][key] = value
    edition = Edition(**parts)
    problems = cross_check(edition)
    if problems:
        raise CatalogProblem(f"edition {edition.name}: " + "; ".join(problems))
    return edition


def load_regimes(folder: Path) -> tuple[Regime, ...]:
    """Every regime of the law folder, each key with one entry a day it begins to apply."""
    found: dict[tuple[str, date], Regime] = {}
    for file in sorted((folder / "regimes").glob("*.yaml")):
        for entry in _documents(file):
            regime = Regime.model_validate(_validated(Regime, entry, file))
            if (regime.key, regime.effective_from) in found:
                raise CatalogProblem(
                    f"{_name(file)}: regime {regime.key!r} is given twice from {regime.effective_from}; keep one"
                )
            found[(regime.key, regime.effective_from)] = regime
    return tuple(found.values())


def load_retention(folder: Path) -> tuple[RetentionRule, ...]:
    """Every period of the law folder; a folder of one's own that says nothing of periods has the shipped ones."""
    own = folder if (folder / "retention").is_dir() else FOLDER / LAW
    found: dict[tuple[str, str, date], RetentionRule] = {}
    for file in sorted((own / "retention").glob("*.yaml")):
        for entry in _documents(file):
            rule = RetentionRule.model_validate(_validated(RetentionRule, entry, file))
            at = (rule.state, rule.record.value, rule.effective_from)
            if at in found:
                raise CatalogProblem(f"{_name(file)}: {rule.key!r} and {found[at].key!r} say the same; keep one")
            found[at] = rule
    return tuple(found.values())


def load_wordings(folder: Path) -> tuple[ConsentWording, ...]:
    """Wordings of consents; where a centre keeps a law folder without them, the shipped ones hold."""
    kept = folder / "wordings" if (folder / "wordings").is_dir() else FOLDER / LAW / "wordings"
    found: dict[tuple[str, str, date], ConsentWording] = {}
    for file in sorted(kept.glob("*.yaml")):
        for entry in _documents(file):
            said = ConsentWording.model_validate(_validated(ConsentWording, entry, file))
            if (said.form, said.language, said.effective_from) in found:
                raise CatalogProblem(
                    f"{_name(file)}: {said.form} in {said.language} is given twice from {said.effective_from}; keep one"
                )
            found[(said.form, said.language, said.effective_from)] = said
    return tuple(found.values())


def load_minor_laws(folder: Path) -> tuple[MinorLaw, ...]:
    """Minor consent law by state; the same fallback."""
    kept = folder / "minors" if (folder / "minors").is_dir() else FOLDER / LAW / "minors"
    found: dict[tuple[str, date], MinorLaw] = {}
    for file in sorted(kept.glob("*.yaml")):
        for entry in _documents(file):
            law = MinorLaw.model_validate(_validated(MinorLaw, entry, file))
            if (law.state, law.effective_from) in found:
                raise CatalogProblem(f"{_name(file)}: {law.state} is given twice from {law.effective_from}; keep one")
            found[(law.state, law.effective_from)] = law
    return tuple(found.values())


def load_pas_guides(folder: Path) -> tuple[PasGuide, ...]:
    """Guides of payers' FHIR systems; the same fallback."""
    kept = folder / "guides" if (folder / "guides").is_dir() else FOLDER / LAW / "guides"
    found: dict[date, PasGuide] = {}
    for file in sorted(kept.glob("*.yaml")):
        for entry in _documents(file):
            guide = PasGuide.model_validate(_validated(PasGuide, entry, file))
            if guide.effective_from in found:
                raise CatalogProblem(f"{_name(file)}: a guide is given twice from {guide.effective_from}; keep one")
            found[guide.effective_from] = guide
    if not found:
        raise CatalogProblem(f"no guide of Da Vinci PAS is defined; add one under {LAW}/guides")
    return tuple(found.values())


def _documents(file: Path) -> list[Any]:
    yaml = YAML(typ="base", pure=True)
    try:
        return [d for d in yaml.load_all(file.read_text()) if d is not None]
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise CatalogProblem(f"{_name(file)}{where}: {getattr(error, 'problem', error)}") from error


def _validated(model: type[BaseModel], entry: Any, file: Path) -> BaseModel:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_input=False):
            path = ".".join(str(p) for p in problem["loc"]) or "(top)"
            fix = "remove it or mend its spelling" if problem["type"] == "extra_forbidden" else problem["msg"]
            lines.append(f"{path}: {fix}")
        raise CatalogProblem(f"{_name(file)}: " + "; ".join(lines)) from None


def _name(file: Path) -> str:
    return "/".join(file.parts[-3:])


def cross_check(edition: Edition) -> list[str]:
    """References between definitions that lead nowhere, each as a sentence."""
    problems: list[str] = []
    for level in edition.levels.values():
        problems += [
            f"level {level.key} moves to unknown level {m.to}" for m in level.moves if m.to not in edition.levels
        ]
        problems += [
            f"level {level.key} owes unknown instrument {r.instrument}"
            for r in level.assessments
            if r.instrument not in edition.instruments
        ]
        problems += [
            f"level {level.key} asks for unknown consent {c.form}"
            for c in level.consents
            if c.form not in edition.consents
        ]
        if level.template not in edition.schedules:
            problems.append(f"level {level.key} uses unknown schedule {level.template}")
    for facility in edition.facilities.values():
        problems += _facility_problems(facility, edition)
    for payer in edition.payers.values():
        problems += [
            f"payer {payer.key} has terms for unknown level {t.level}"
            for t in payer.levels
            if t.level not in edition.levels
        ]
    return problems


def _facility_problems(facility: Facility, edition: Edition) -> list[str]:
    problems = [
        f"facility {facility.key} accepts unknown payer {p}" for p in facility.payers if p not in edition.payers
    ]
    for unit in facility.units:
        program = facility.program(unit.program)
        if program is None:
            problems.append(f"unit {unit.key} belongs to unknown program {unit.program}")
            continue
        problems += [
            f"unit {unit.key} serves {level}, which program {program.key} does not"
            for level in unit.levels
            if level not in program.levels
        ]
    for program in facility.programs:
        problems += [
            f"program {program.key} names unknown level {level}"
            for level in program.levels
            if level not in edition.levels
        ]
    problems += [
        f"facility {facility.key} owes unknown intake instrument {i}"
        for i in facility.intake_assessments
        if i not in edition.instruments
    ]
    return problems


def content_hash(edition: Edition) -> str:
    """SHA-256 over what the edition's files say, as canonical JSON: the same content has the same hash whatever its
    layout, and a field that a later release adds with a default changes no released edition."""
    text = json.dumps(edition.model_dump(mode="json", exclude_unset=True), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verify_lock(catalog: Catalog, root: Path) -> None:
    """Released editions never change: stays pin them (D12)."""
    lock = root / "catalog.lock"
    if not lock.exists():
        return
    for line in lock.read_text().splitlines():
        name, _, digest = line.partition(" ")
        if not name or name.startswith("#"):
            continue
        if name not in catalog.editions:
            raise CatalogProblem(f"released edition {name} is missing; put its folder back")
        if content_hash(catalog.editions[name]) != digest.strip():
            raise CatalogProblem(
                f"edition {name} is released and must not change; undo the edit and start a new edition folder"
            )
