"""Draws docs/conformance.md: each requirement of the standards, where it is kept, which test shows it, or why not.

`python tools/draw_conformance.py` writes the page. The numbers and what they mean are in docs/requirements.tsv:

    number <tab> meaning <tab> where <tab> note

A source file or a test function that cites a number, as in `[V2G20-443]`, is found by itself; `where` names others, a
source by its path and a test as `tests/file.py::test_name`. The note decides what becomes of a requirement:

- a key of REASONS, or a text that begins with `does not apply: `: there is nothing to keep;
- `deviation: ` and what is done instead;
- otherwise it is kept, in at least one source and shown by at least one test function, or the note begins with
  `no test: ` and says why. Any other note is a remark.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA, PAGE = ROOT / "docs" / "requirements.tsv", ROOT / "docs" / "conformance.md"
CASES = ROOT / "src" / "v2g" / "bench" / "conformance"
"""What is cited there is tested, not kept."""
NUMBER = re.compile(r"V2G(?:20|2|3|-DC)-(?:[A-Z]\d+-)?\d+")
DEVIATION, IDLE, UNTESTED = "deviation: ", "does not apply: ", "no test: "

REASONS: Mapping[str, str] = {
    "stapled": "The car has the response that is stapled, and asks nobody else; the rest is for other parties.",
    "private": "Certificates of a private environment are known (`v2g pki`); a station has no mode for it.",
    "standby": "Standby is declined with WARNING_StandbyNotAllowed, as the standard permits.",
    "receipt": "The station states no costs in a Receipt.",
    "needs": "The car states its needs itself (MobilityNeedsMode 1).",
    "phases": "Station and car of this project state powers over all phases; those for each phase are understood.",
    "wpt": "There is no wireless power transfer.",
}
PARTS = {
    "V2G20": "ISO 15118-20",
    "V2G2": "ISO 15118-2",
    "V2G-DC": "DIN SPEC 70121",
    "V2G3": "ISO 15118-3",
}


@dataclass(slots=True)
class Requirement:
    """One number."""

    number: str
    meaning: str
    note: str
    places: list[str] = field(default_factory=list)
    """Files that keep it."""
    shown: list[str] = field(default_factory=list)
    """Test functions that show it, as `file::function`."""

    @property
    def part(self) -> str:
        return PARTS[self.number.rpartition("-")[0].removesuffix("-A09").split("-M")[0]]

    @property
    def deviates(self) -> bool:
        return self.note.startswith(DEVIATION)

    @property
    def kept(self) -> bool:
        return not self.deviates and not self.note.startswith(IDLE) and self.note not in REASONS

    @property
    def remark(self) -> str:
        return self.note.removeprefix(DEVIATION).removeprefix(IDLE)


def requirements() -> list[Requirement]:
    """All of them, with what cites them."""
    cited, shown = _cited(ROOT / "src"), _shown(ROOT / "tests")
    found = []
    for line in DATA.read_text().splitlines()[1:]:
        number, meaning, where, note = line.split("\t")
        named = where.split()
        requirement = Requirement(number, meaning, note)
        requirement.places = sorted({*cited.get(number, ()), *(each for each in named if each.startswith("src/"))})
        tests = {*shown.get(number, ()), *(each for each in named if each.startswith("tests/"))}
        requirement.shown = sorted(tests)
        found.append(requirement)
    return found


def citations(*roots: str) -> set[str]:
    """Every number that the files below these directories cite."""
    files = (file for root in roots for file in (ROOT / root).rglob("*") if file.suffix in (".py", ".md", ".toml"))
    return {number for file in files if file != PAGE for number in NUMBER.findall(file.read_text())}


def _cited(root: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in root.rglob("*.py"):
        if CASES not in file.parents:
            for number in NUMBER.findall(file.read_text()):
                found.setdefault(number, set()).add(str(file.relative_to(ROOT)))
    return found


def functions_of(file: Path) -> dict[str, range]:
    """The lines of each test function of a file, its decorators included."""
    functions = [each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)]
    return {
        each.name: range(min([each.lineno, *(mark.lineno for mark in each.decorator_list)]), (each.end_lineno or 0) + 1)
        for each in functions
        if each.name.startswith("test_")
    }


def _shown(root: Path) -> dict[str, set[str]]:
    """Number -> the test functions that cite it, as `file::function`."""
    found: dict[str, set[str]] = {}
    for file in sorted(root.rglob("test_*.py")):
        text = file.read_text()
        if not NUMBER.search(text):
            continue
        functions = functions_of(file)
        for at, line in enumerate(text.splitlines(), 1):
            for number in NUMBER.findall(line):
                names = {f"{file.relative_to(ROOT)}::{name}" for name, lines in functions.items() if at in lines}
                found.setdefault(number, set()).update(names)
    return found


_HEAD = """\
# Conformance

What the standards demand, by requirement number: where it is kept, which test shows it, or why it is not. Drawn by
`tools/draw_conformance.py` from `docs/requirements.tsv` and from the numbers that sources and tests cite; a test holds
this page to them, and each test that it names is there.

The standards themselves are not public. The numbers and what they mean come from public code, test suites and notes
that cite them, in the words of this project; a number that nobody cites in public is missing here.
"""


def page() -> str:
    """The whole page."""
    known = requirements()
    parts = [_HEAD, *_summary(known), *_deviations(known)]
    for title in PARTS.values():
        parts += _part(title, [each for each in known if each.part == title])
    return "\n".join(parts)


def _summary(known: list[Requirement]) -> Iterator[str]:
    yield "| standard | numbers | kept | of these shown by a test | deviations | not offered yet, or not applicable |"
    yield "|---|---|---|---|---|---|"
    for title in PARTS.values():
        rows = [each for each in known if each.part == title]
        kept = [each for each in rows if each.kept]
        deviations = [each for each in rows if each.deviates]
        shown = [each for each in kept if each.shown]
        rest = len(rows) - len(kept) - len(deviations)
        yield f"| {title} | {len(rows)} | {len(kept)} | {len(shown)} | {len(deviations)} | {rest} |"
    yield ""


def _deviations(known: list[Requirement]) -> Iterator[str]:
    yield "## Deviations\n"
    for each in known:
        if each.deviates:
            shown = f" Shown by {_code(each.shown)}." if each.shown else ""
            yield f"- **{each.number}**: {each.meaning} Here: {each.remark}.{shown}"
    yield ""


def _part(title: str, rows: list[Requirement]) -> Iterator[str]:
    yield f"## {title}\n"
    kept = [each for each in rows if each.kept]
    if kept:
        yield "| number | what it says | kept in | shown by | remark |"
        yield "|---|---|---|---|---|"
    for each in kept:
        places = _code(place.removeprefix("src/v2g/") for place in each.places)
        yield f"| {each.number} | {each.meaning} | {places} | {_code(each.shown)} | {each.remark} |"
    yield ""
    for reason, text in REASONS.items():
        others = [each for each in rows if each.note == reason]
        if others:
            yield f"**{text}**\n"
            yield from (f"- {each.number}: {each.meaning}" for each in others)
            yield ""
    idle = [each for each in rows if each.note.startswith(IDLE)]
    if idle:
        yield "**These do not apply.**\n"
        yield from (f"- {each.number}: {each.meaning} Here: {each.remark}." for each in idle)
        yield ""


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page())
