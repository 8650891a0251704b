"""Draws docs/conformance.md: each requirement of the standards, where it is kept, which test shows it, or why not.

`python tools/draw_conformance.py` writes the page. The numbers and what they mean are in docs/requirements.tsv:

    number <tab> meaning <tab> where <tab> note

Whatever cites a number, as in `[V2G20-443]`, is found in the sources and the tests by itself; `where` names files that
keep or show a requirement without its number. A note says why a requirement is not kept, or what is different: one of
the keys of REASONS, a text that begins with `deviation:`, or any other remark.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
DATA, PAGE = ROOT / "docs" / "requirements.tsv", ROOT / "docs" / "conformance.md"
NUMBER = re.compile(r"V2G(?:20|2|3|-DC)-(?:[A-Z]\d+-)?\d+")
DEVIATION = "deviation: "

REASONS: Mapping[str, str] = {
    "d2": "Sessions of ISO 15118-2 are not spoken yet; captures of them are judged by its phase table.",
    "din": "Sessions of DIN SPEC 70121 are not spoken yet; captures of them are judged by its phase table.",
    "pnc": "Plug & Charge is not offered: there are no contracts yet.",
    "ocsp": "OCSP responses are neither fetched nor stapled yet; certificates are judged by chain and date.",
    "private": "There is no private environment.",
    "tls12": "Nothing below TLS 1.3 is spoken.",
    "standby": "Standby is declined with WARNING_StandbyNotAllowed, as the standard permits.",
    "receipt": "The station asks for no metering confirmation.",
    "needs": "The car states its needs itself (MobilityNeedsMode 1).",
    "phases": "Station and car of this project state powers over all phases; those for each phase are understood.",
    "wpt": "There is no wireless power transfer.",
    "der": "AC_DER (Amendment 1) is decoded, not spoken.",
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
    shown: dict[str, list[str]] = field(default_factory=dict)
    """Test files that show it, with the functions that cite it."""

    @property
    def part(self) -> str:
        return PARTS[self.number.rpartition("-")[0].removesuffix("-A09").split("-M")[0]]


def requirements() -> list[Requirement]:
    """All of them, with what cites them."""
    cited, shown = _cited(ROOT / "src"), _shown(ROOT / "tests")
    found = []
    for line in DATA.read_text().splitlines()[1:]:
        number, meaning, where, note = line.split("\t")
        named = where.split()
        requirement = Requirement(number, meaning, note)
        requirement.places = sorted({*cited.get(number, ()), *(each for each in named if each.startswith("src/"))})
        requirement.shown = {each: [] for each in named if each.startswith("tests/")}
        for file, function in shown.get(number, ()):
            functions = requirement.shown.setdefault(file, [])
            if function and function not in functions:
                functions.append(function)
        found.append(requirement)
    return found


def citations(*roots: str) -> set[str]:
    """Every number that the files below these directories cite."""
    files = (file for root in roots for file in (ROOT / root).rglob("*") if file.suffix in (".py", ".md", ".toml"))
    return {number for file in files if file != PAGE for number in NUMBER.findall(file.read_text())}


def _cited(root: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in root.rglob("*.py"):
        for number in NUMBER.findall(file.read_text()):
            found.setdefault(number, set()).add(str(file.relative_to(ROOT)))
    return found


def _shown(root: Path) -> dict[str, list[tuple[str, str]]]:
    """Number -> the test files that cite it, with the function."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(root.rglob("test_*.py")):
        text = file.read_text()
        if not NUMBER.search(text):
            continue
        functions = [each for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef)]
        for at, line in enumerate(text.splitlines(), 1):
            around = [each.name for each in functions if each.lineno <= at <= (each.end_lineno or at)]
            test = next((each for each in around if each.startswith("test_")), "")
            for number in NUMBER.findall(line):
                found.setdefault(number, []).append((str(file.relative_to(ROOT)), test))
    return found


_HEAD = """\
# Conformance

What the standards demand, by requirement number: where it is kept, which test shows it, or why it is not. Drawn by
`tools/draw_conformance.py` from `docs/requirements.tsv` and from the numbers that sources and tests cite; a test holds
this page to them.

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
    yield "| standard | numbers | kept | with a test | deviations | not offered yet, or not applicable |"
    yield "|---|---|---|---|---|---|"
    for title in PARTS.values():
        rows = [each for each in known if each.part == title]
        kept = [each for each in rows if each.places and not each.note.startswith(DEVIATION)]
        deviations = [each for each in rows if each.note.startswith(DEVIATION)]
        shown = [each for each in kept if each.shown]
        rest = len(rows) - len(kept) - len(deviations)
        yield f"| {title} | {len(rows)} | {len(kept)} | {len(shown)} | {len(deviations)} | {rest} |"
    yield ""


def _deviations(known: list[Requirement]) -> Iterator[str]:
    yield "## Deviations\n"
    for each in known:
        if each.note.startswith(DEVIATION):
            yield f"- **{each.number}**: {each.meaning} Here: {each.note.removeprefix(DEVIATION)}."
    yield ""


def _part(title: str, rows: list[Requirement]) -> Iterator[str]:
    yield f"## {title}\n"
    kept = [each for each in rows if each.places or each.note not in REASONS]
    if kept:
        yield "| number | what it says | kept in | shown by | remark |"
        yield "|---|---|---|---|---|"
    for each in kept:
        places = _code(place.removeprefix("src/v2g/") for place in each.places)
        remark = each.note.removeprefix(DEVIATION)
        remark = REASONS.get(remark, remark)
        yield f"| {each.number} | {each.meaning} | {places} | {_code(_tests(each))} | {remark} |"
    yield ""
    for reason, text in REASONS.items():
        others = [each for each in rows if each not in kept and each.note == reason]
        if others:
            yield f"**{text}**\n"
            yield from (f"- {each.number}: {each.meaning}" for each in others)
            yield ""


def _tests(requirement: Requirement) -> Iterator[str]:
    for file, functions in sorted(requirement.shown.items()):
        if functions:
            yield from (f"{file}::{function}" for function in functions)
        else:
            yield file


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page())
