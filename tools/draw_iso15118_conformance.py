"""Draws docs/iso15118-conformance.md: what `v2g conformance` finds of this station, edition by edition.

`python tools/draw_iso15118_conformance.py` runs every case (some minutes) and writes the page. A test holds the page to
the cases without running them again: the verdicts are those of the page, everything else follows from the code.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from v2g.bench.conformance import din, iso20, secc, suite
from v2g.bench.conformance.cases import Result, Verdict
from v2g.bench.conformance.suite import Suite

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "iso15118-conformance.md"
SUITES = {"ISO 15118-20": iso20.SUITE, "DIN SPEC 70121": din.SUITE}
ISO2 = "ISO 15118-2"
_ROW = re.compile(r"^\| ([\w-]+) \| (pass|fail|not applicable) \|.*\| (.*) \|$", re.MULTILINE)
_HEAD = """\
# What the station does about good and bad cars

What `v2g conformance iso15118-20`, `v2g conformance din` and `v2g conformance iso15118-2` find of the station of this
project, in memory. Drawn by `tools/draw_iso15118_conformance.py`, which runs every case; a test holds the page to the
cases. ISO 15118-20 and DIN go by requirement number: a requirement fails if one of its cases does. ISO 15118-2 goes by
the names of the station cases of ISO 15118-4. What fails is a deviation of which [conformance](conformance.md) says the
reason. A number that is not applicable here may be so only in memory: with `--at HOST:PORT --tls` the cases of the
connection run as well.
"""


def page(results: Mapping[str, Result]) -> str:
    """The whole page. `results`: by number and by name of a case."""
    lines = [_HEAD, *_summary(results)]
    for title, each in SUITES.items():
        lines += _edition(title, each, results)
    return "\n".join([*lines, *_by_name(results)])


def found_before() -> dict[str, Result]:
    """The results that the page states."""
    rows = _ROW.findall(PAGE.read_text())
    return {id: Result(id, Verdict(verdict), text) for id, verdict, text in rows}


def found_now(say: Callable[[Result], None] = lambda result: None) -> dict[str, Result]:
    """The results of a run of every case."""
    found = {}
    for result in _all():
        say(result)
        found[result.id] = result
    return found


def _all() -> Iterator[Result]:
    for each in SUITES.values():
        yield from suite.run(each)
    yield from secc.run()


def _summary(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| edition | requirements or cases | pass | fail | not applicable |"
    yield "|---|---|---|---|---|"
    rows: list[tuple[str, Iterable[str]]] = [(title, each.numbers()) for title, each in SUITES.items()]
    rows.append((f"{ISO2}, by case", [case.id for case in secc.cases()]))
    for title, ids in rows:
        counts = Counter(results[id].verdict for id in ids)
        numbers = " | ".join(str(counts[verdict]) for verdict in Verdict)
        yield f"| {title} | {sum(counts.values())} | {numbers} |"
    checks = sum(len(each.checks()) for each in SUITES.values())
    yield f"\nBehind the requirements of ISO 15118-20 and DIN are {checks} cases.\n"


def _edition(title: str, each: Suite, results: Mapping[str, Result]) -> Iterator[str]:
    yield f"## {title}\n"
    meanings = _meanings()
    cases = {number: [check for check in each.checks() if number in check.shows] for number in each.numbers()}
    yield "| number | verdict | what it says | cases | why |"
    yield "|---|---|---|---|---|"
    for number in each.numbers():
        result = results[number]
        text = "" if result.verdict is Verdict.PASS else result.text.replace("|", "/")
        yield f"| {number} | {result.verdict} | {meanings[number]} | {len(cases[number]) or ''} | {text} |"
    yield ""


def _by_name(results: Mapping[str, Result]) -> Iterator[str]:
    yield f"## {ISO2}, the station cases of ISO 15118-4\n"
    yield "| case | verdict | what the car does | why |"
    yield "|---|---|---|---|"
    for case in secc.cases():
        result = results[case.id]
        yield f"| {case.id} | {result.verdict} | {case.deed}, {case.occasion}, {case.payment} | {result.text} |"
    yield ""


def _meanings() -> dict[str, str]:
    rows = [line.split("\t") for line in (ROOT / "docs" / "requirements.tsv").read_text().splitlines()[1:]]
    return {row[0]: row[1] for row in rows}


if __name__ == "__main__":
    PAGE.write_text(page(found_now(lambda result: print(result.id, result.verdict, file=sys.stderr, flush=True))))
