"""Draws the phase tables into the documentation: `python tools/draw_table.py` writes docs/phases.md.

A test holds the page to the tables, so run it after every change of a table.
"""

from collections.abc import Mapping
from pathlib import Path

from v2g.iso15118.d20 import timeouts
from v2g.iso15118.d20.table import TABLE, Phase

PAGE = Path(__file__).parent.parent / "docs" / "phases.md"

_HEAD = """\
# The phases of an ISO 15118-20 session

Drawn from `src/v2g/iso15118/d20/table.py` by `tools/draw_table.py`. The station asserts every transition against the
same table, and the car walks it. What a phase does not admit is answered with FAILED_SequenceError, and any FAILED
response leads to ENDED; so does silence for longer than the phase's time.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, "```mermaid", *_diagram(TABLE), "```", "", *_rows(TABLE)]) + "\n"


def _diagram(table: Mapping[Phase, Mapping[str, frozenset[Phase]]]) -> list[str]:
    """One arrow for each pair of phases, with the requests that lead from one to the other."""
    lines = ["stateDiagram-v2", "    [*] --> SESSION_SETUP"]
    for phase, admitted in table.items():
        arrows: dict[Phase, list[str]] = {}
        for request, following in admitted.items():
            for each in following:
                if request != "SessionStopReq" or phase.name in ("STOPPING", "WELDING_DETECTION"):
                    arrows.setdefault(each, []).append(request.removesuffix("Req"))
        for each in sorted(arrows, key=lambda each: list(table).index(each)):
            lines.append(f"    {phase.name} --> {each.name}: {', '.join(arrows[each])}")
    return [*lines, "    ENDED --> [*]"]


def _rows(table: Mapping[Phase, Mapping[str, frozenset[Phase]]]) -> list[str]:
    """A table of phases, requests and what may follow."""
    silence = timeouts.SILENCE["standard"]
    rows = ["| phase | admits | may lead to | next request within |", "|---|---|---|---|"]
    for phase, admitted in table.items():
        for request, following in admitted.items():
            names = ", ".join(each.name for each in table if each in following)
            charging = request.endswith("ChargeLoopReq")
            within_s = silence.energy_s if charging else silence.sequence_s
            last = "-" if names == "ENDED" else f"{within_s:g} s"
            rows.append(f"| {phase.name} | {request} | {names} | {last} |")
    return rows


if __name__ == "__main__":
    PAGE.write_text(page())
