"""Draws docs/ocpp-conformance.md: blocks Q and R of OCPP 2.1 by requirement, OCTT's station cases by name.

`python tools/draw_ocpp_conformance.py` writes the page from the cases in `v2g.bench.conformance`: for each number the
cases that show it, or why it does not apply, or that it is missing. Whether the cases pass is what
`v2g conformance ocpp` says, and the tests in tests/bench/conformance.
"""

from collections.abc import Iterator
from pathlib import Path

from v2g.bench.conformance.cases import CASES, DER, OCTT, PROFILES, REASONS, known
from v2g.bench.conformance.runner import NO_CASE, load

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "ocpp-conformance.md"
_HEAD = """\
# Conformance with OCPP

What `v2g conformance ocpp` runs: blocks Q and R of OCPP 2.1 and the rules of V2X by requirement, and the station cases
of OCTT (2.0.1, part 6) by name. Drawn by `tools/draw_ocpp_conformance.py`; a test holds this page to the cases. Numbers
and short meanings are in the words of this project; the texts are those of the Open Charge Alliance.

Each case runs over real frames against a station in memory, with a car and a plant on a virtual clock, and every frame
of the station is judged by the OCA's schemas.
"""


def shown_by() -> dict[str, list[str]]:
    """Number -> the cases that show it."""
    found: dict[str, list[str]] = {}
    for case in CASES.values():
        for number in case.shows:
            found.setdefault(number, []).append(case.id)
    return found


def page() -> str:
    """The whole page."""
    load()
    return "\n".join([_HEAD, *_summary(), *_table("Blocks Q and R, and V2X", DER), *_table("OCTT", OCTT)])


def _summary() -> Iterator[str]:
    shown = shown_by()
    yield "| part | numbers | with a case | not applicable | missing |"
    yield "|---|---|---|---|---|"
    rows = [("requirements of Q, R and V2X for a station", [id for id, _, _ in known(DER)])]
    for profile in PROFILES:
        rows.append((f"OCTT, {profile}", [id for id, _, said in known(OCTT) if profile in said]))
    rows.append(("OCTT, all", [id for id, _, _ in known(OCTT)]))
    for title, ids in rows:
        cases = sum(id in shown for id in ids)
        idle = sum(id not in shown and id in REASONS for id in ids)
        yield f"| {title} | {len(ids)} | {cases} | {idle} | {len(ids) - cases - idle} |"
    yield ""


def _table(title: str, suite: str) -> Iterator[str]:
    shown = shown_by()
    yield f"## {title}\n"
    yield "| number | what it says | shown by, or why not |"
    yield "|---|---|---|"
    for id, meaning, _ in known(suite):
        cases = shown.get(id, [])
        if cases:
            text = "a case of its own" if cases == [id] else ", ".join(f"`{case}`" for case in cases)
        elif id in REASONS:
            text = f"not applicable: {REASONS[id]}"
        else:
            text = f"**missing**: {NO_CASE}"
        yield f"| {id} | {meaning.replace('|', '/')} | {text} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
