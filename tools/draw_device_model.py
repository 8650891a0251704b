"""Draws docs/device-model.md, the variables of a station in OCPP: `python tools/draw_device_model.py`.

They are those of a station in memory with one bidirectional DC EVSE, whose cars may pay by contract. A test holds the
page to them.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from v2g.bench.conformance.stand import Stand
from v2g.ocpp.device_model import Variable

PAGE = Path(__file__).parent.parent / "docs" / "device-model.md"
_HEAD = """\
# The device model of OCPP

What a back end of OCPP 2.1 or 2.0.1 may read of a station, and what it may change: the variables of a station with one
bidirectional DC EVSE, whose cars may pay by contract, as it enters service. Drawn by `tools/draw_device_model.py`.
`v2g ocpp variables` shows those of a running station with their values. What a back end has changed is kept over a
restart. [OCPP](ocpp.md) says what the station does with them.
"""
_LONG = 40
"""Characters of a value that the table still shows."""


def page() -> str:
    """The whole page."""
    variables = sorted(Stand(contracts=True).station.model.variables, key=lambda each: (each.component, each.name))
    parts = [_HEAD]
    for component, found in groupby(variables, key=lambda each: each.component):
        parts += [f"## {component}\n", "| variable | of | type | values | at first | written by the back end |"]
        parts += ["|---|---|---|---|---|---|", *_rows(found), ""]
    return "\n".join(parts)


def _rows(found: Iterator[Variable]) -> Iterator[str]:
    for each in found:
        name = each.name + (f"\\[{each.instance}\\]" if each.instance else "")
        secret = each.mutability == "WriteOnly"
        first = "-" if secret or not each.actual else each.actual
        cells = (
            name,
            "EVSE" if each.evse else "station",
            each.data_type,
            _range(each) or "-",
            first if len(first) <= _LONG else f"{len(first.split(','))} words",
            "no" if each.mutability == "ReadOnly" else "yes",
        )
        yield f"| {' | '.join(cells)} |"


def _range(variable: Variable) -> str:
    if variable.values:
        words = variable.values.split(",")
        return ", ".join(words) if len(variable.values) <= 3 * _LONG else f"{len(words)} words"
    bounds = [f"{each:.10g}" for each in (variable.low, variable.high) if each is not None]
    if variable.low is None and bounds:
        bounds = [f"at most {bounds[0]}"]
    return " ".join(filter(None, (" to ".join(bounds), variable.unit)))


if __name__ == "__main__":
    PAGE.write_text(page())
