"""pyx12 as independent judge of our 278: our own maps, written apart from the guides that the product uses.

pyx12 ships no 5010 map of a 278. The envelope part comes from the installed package at run time; the transaction part
is built here from one text file for each message, with what they share in `parts.txt`."""

import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyx12.params
import pyx12.x12n_document

HERE = Path(__file__).parent
ENVELOPE = "277.5010.X214.xml"
VERSIONS = {
    "request": "005010X217",
    "response": "005010X217",
    "inquiry": "005010X215",
    "inquiry_answer": "005010X215",
    "notification": "005010X216",
    "notification_answer": "005010X216",
}
PURPOSES = {
    ("005010X217", "11"): "response",
    ("005010X217", ""): "request",
    ("005010X215", "28"): "inquiry",
    ("005010X215", ""): "inquiry_answer",
    ("005010X216", "53"): "notification_answer",
    ("005010X216", "11"): "notification_answer",
    ("005010X216", ""): "notification",
}
"""Which map by version and BHT02; an empty purpose: any other."""
SYNTAX = re.compile(r"[PRECL](?:[0-9]{2}){2,}")


@dataclass(frozen=True)
class Verdict:
    good: bool
    faults: tuple[str, ...]


class Judge:
    """One folder of maps for one direction: pyx12 picks a 5010 map without looking at BHT02."""

    def __init__(self, folder: Path, direction: str) -> None:
        self.folder = folder / direction
        shutil.copytree(
            Path(str(files("pyx12").joinpath("map"))), self.folder,
            ignore=shutil.ignore_patterns("*.py*", "8*.xml", "*.4010.*"),
        )  # fmt: skip
        _transaction_map(self.folder, direction)
        index = ET.parse(self.folder / "maps.xml")
        version = next(v for v in index.iter("version") if v.get("icvn") == "00501")
        entry = ET.SubElement(version, "map", vriic=VERSIONS[direction], fic="HI", abbr="278")
        entry.text = "278.5010.xml"
        index.write(self.folder / "maps.xml", encoding="utf-8", xml_declaration=True)
        control = self.folder / "x12.control.00501.xml"
        control.write_text(
            control.read_text().replace("<code>005010X214</code>", f"<code>{VERSIONS[direction]}</code>")
        )

    def says(self, text: str) -> Verdict:
        source = self.folder / "message.x12"
        source.write_text(text)
        found, acknowledged = io.StringIO(), io.StringIO()
        good = pyx12.x12n_document.x12n_document(
            param=pyx12.params.params(), src_file=str(source), fd_997=acknowledged, fd_html=None, fd_json=found,
            map_path=str(self.folder),
        )  # fmt: skip
        return Verdict(bool(good), tuple(_faults(json.loads(found.getvalue() or "{}"))))


class Bench:
    """Every judge, each made when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._judges: dict[str, Judge] = {}

    def judge(self, direction: str) -> Judge:
        if direction not in self._judges:
            self._judges[direction] = Judge(self._folder, direction)
        return self._judges[direction]

    def says(self, text: str) -> Verdict:
        """By the message's own version and purpose."""
        return self.judge(direction_of(text)).says(text)


def direction_of(text: str) -> str:
    version, purpose = re.search(r"\*(005010X21[567])~", text), re.search(r"BHT\*0007\*(\w\w)", text)
    named = version.group(1) if version else "005010X217"
    return PURPOSES.get((named, purpose.group(1) if purpose else ""), PURPOSES[named, ""])


def _faults(tree: Any) -> list[str]:
    if isinstance(tree, list):
        return [fault for part in tree for fault in _faults(part)]
    if not isinstance(tree, dict):
        return []
    own = [str(tree[k]) for k in ("err_str", "error", "message") if k in tree]
    return own + [fault for part in tree.values() for fault in _faults(part)]


def _transaction_map(folder: Path, direction: str) -> None:
    tree = ET.parse(folder / ENVELOPE)
    root = tree.getroot()
    root.set("xid", "278")
    group = next(loop for loop in root.iter("loop") if loop.get("xid") == "GS_LOOP")
    old = next(loop for loop in group if loop.get("xid") == "ST_LOOP")
    place = list(group).index(old)
    group.remove(old)
    group.insert(place, _set_loop(direction))
    for segment in group.iter("segment"):
        if segment.get("xid") == "GE":
            segment.find("pos").text = "0300"  # type: ignore[union-attr]
        for element in segment.iter("element"):
            _recode(element, {"GS01": "HI", "GS08": VERSIONS[direction]})
    tree.write(folder / "278.5010.xml", encoding="utf-8", xml_declaration=True)


def _recode(element: ET.Element, codes: dict[str, str]) -> None:
    wanted = codes.get(element.get("xid") or "")
    known = element.find("valid_codes")
    if wanted and known is not None:
        for code in list(known):
            known.remove(code)
        ET.SubElement(known, "code").text = wanted


def _set_loop(direction: str) -> ET.Element:
    loop = _loop("ST_LOOP", "R", ">1", "0200", "explicit")
    loop.append(_segment(f"ST R 1 | 01 143 R 278 | 02 329 R | 03 1705 R {VERSIONS[direction]}", 50))
    parts = _parts()
    stack: list[tuple[int, ET.Element, int]] = [(-1, loop, 50)]
    for line in (HERE / f"{direction}.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        while stack[-1][0] >= depth:
            stack.pop()
        parent_depth, parent, position = stack[-1]
        words = line.split()
        if len(parent) and parent[-1].get("xid") == words[0]:
            position -= 50  # pyx12 tells segments with one tag apart only at one position
        stack[-1] = (parent_depth, parent, position + 50)
        if words[0] == "loop":
            child = _loop(words[1], words[2], words[3], f"{position + 50:04d}", words[4] if len(words) > 4 else None)
            parent.append(child)
            stack.append((depth, child, 0))
        else:
            parent.append(_segment(line.strip().format_map(parts), position + 50))
    footer = _loop("FOOTER", "R", "1", "9000", "wrapper")
    footer.append(_segment("SE R 1 | 01 96 R | 02 329 R", 100))
    loop.append(footer)
    return loop


def _parts() -> dict[str, str]:
    """What `parts.txt` names, each with the parts it names itself filled in."""
    found: dict[str, str] = {}
    for line in (HERE / "parts.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, text = line.partition(" = ")
            found[name] = text.format_map(found)
    return found


def _loop(name: str, usage: str, repeat: str, position: str, kind: str | None) -> ET.Element:
    loop = ET.Element("loop", {"xid": name} | ({"type": kind} if kind else {}))
    for tag, text in (("name", name), ("usage", usage), ("pos", position), ("repeat", repeat)):
        ET.SubElement(loop, tag).text = text
    return loop


def _segment(line: str, position: int) -> ET.Element:
    head, *elements = _split(line)
    tag, usage, maximum = head.split()
    segment = ET.Element("segment", xid=tag)
    for name, text in (("name", tag), ("usage", usage), ("pos", f"{position:04d}"), ("max_use", maximum)):
        ET.SubElement(segment, name).text = text
    for rule in (e for e in elements if SYNTAX.fullmatch(e)):
        ET.SubElement(segment, "syntax").text = rule
    for element in (e for e in elements if not SYNTAX.fullmatch(e)):
        segment.append(_element(tag, element))
    return segment


def _split(line: str) -> list[str]:
    """At bars that stand outside brackets."""
    parts, depth = [""], 0
    for character in line:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [p.strip() for p in parts]


def _element(tag: str, text: str) -> ET.Element:
    sequence, number, usage, *rest = text.split(maxsplit=3)
    tail = rest[0] if rest else ""
    composite = number.startswith("C")
    made = ET.Element("composite" if composite else "element")
    if not composite:
        made.set("xid", f"{tag}{sequence}")
    for name, value in (("data_ele", number), ("name", f"{tag}{sequence}"), ("usage", usage), ("seq", sequence)):
        ET.SubElement(made, name).text = value
    if tail.startswith("["):
        for part in tail.strip("[]").split("|"):
            made.append(_element(f"{tag}{sequence}-", part.strip()))
    elif tail:
        codes = ET.SubElement(made, "valid_codes")
        for code in tail.split(","):
            ET.SubElement(codes, "code").text = code
    return made
