"""A measured figure of ours, beside the same figure of others where they have it, and what the measurements run on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.josev import Josev

from v2g.bench.sim.netns import Cable

#: A measured value, or the reason why there is none.
Value = float | str


@dataclass(frozen=True)
class Figure:
    """One line of the table. In the results the unit is part of the name: `dc_charge_loop_req_decode_us`."""

    name: str
    unit: str
    v2g: Value
    peers: Mapping[str, Value] = field(default_factory=dict)
    """By the name of the peer."""
    limit: float | None = None
    """What ours must not exceed."""


@dataclass(frozen=True)
class Setting:
    """What the measurements run on. `josev` and `cable` are reasons where there are none.

    `pki` is a hierarchy that both stations use, `folder` a place for files of ours.
    """

    josev: Josev | str
    cable: Cable | str
    pki: Path
    folder: Path


class NotMeasuredError(Exception):
    """The figure cannot be had here; the text says why."""


def beside(name: str, unit: str, measure: Callable[[str], float]) -> Figure:
    """The figure of both stations; `measure` is called with "v2g" and with "josev"."""
    return Figure(name, unit, _value(measure, "v2g"), {"josev": _value(measure, "josev")})


def _value(measure: Callable[[str], float], station: str) -> Value:
    try:
        return measure(station)
    except NotMeasuredError as reason:
        return str(reason)
