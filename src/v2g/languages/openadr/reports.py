"""What a VEN reports: for each interval of an event that asks for reports, once it is over.

Powers are in kW and energies in kWh, positive as drawn from the grid; what is fed is negative. Shares (PERCENT) are
from 0 to 1. A value that is not known, or not offered, comes as DATA_QUALITY MISSING.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from v2g.kernel.durations import HOUR_S
from v2g.languages.openadr.objects import Event, text_of
from v2g.languages.openadr.requests import Span

KEPT_S = 6 * HOUR_S
MOST_INTERVALS = 96
"""Of one report; older ones are left out."""
MISSING = "MISSING"


class Sample(Struct, frozen=True, kw_only=True):
    """The depot at one instant; None is what nobody knows. Magnitudes, but for powers, which are positive as drawn."""

    at_s: float
    power_w: float | None = None
    asked_w: float | None = None
    follows: bool = False
    """Whether a request of this VTN binds it."""
    soc_pu: float | None = None
    capacity_wh: float | None = None
    charge_w: float = 0.0
    discharge_w: float = 0.0
    """What it could draw and feed for a quarter of an hour."""
    up_w: float = 0.0
    down_w: float = 0.0
    """By how much it could draw less, or feed more; and the other way."""


def _kilo(value: float | None) -> float | None:
    return None if value is None else round(value / 1000.0, 3)


def _mean_w(samples: Sequence[Sample]) -> float | None:
    known = [each.power_w for each in samples if each.power_w is not None]
    return sum(known) / len(known) if known else None


def _state(last: Sample) -> str:
    if not last.follows:
        return "NORMAL"
    return "RUNNING_CURTAILED" if abs(last.power_w or 0.0) > 50.0 else "IDLE_CURTAILED"


_OF_LAST: dict[str, tuple[str, Callable[[Sample], float | str | None]]] = {
    "READING": ("KW", lambda last: _kilo(last.power_w)),
    "SETPOINT": ("KW", lambda last: _kilo(last.asked_w)),
    "STORAGE_CHARGE_LEVEL": ("PERCENT", lambda last: None if last.soc_pu is None else round(last.soc_pu, 4)),
    "STORAGE_USABLE_CAPACITY": ("KWH", lambda last: _kilo(last.capacity_wh)),
    "STORAGE_MAX_CHARGE_POWER": ("KW", lambda last: _kilo(last.charge_w)),
    "STORAGE_MAX_DISCHARGE_POWER": ("KW", lambda last: _kilo(last.discharge_w)),
    "UP_REGULATION_AVAILABLE": ("KW", lambda last: _kilo(last.up_w)),
    "DOWN_REGULATION_AVAILABLE": ("KW", lambda last: _kilo(last.down_w)),
    "OPERATING_STATE": ("", _state),
}
_OF_ALL = {"DEMAND": "KW", "USAGE": "KWH"}


class Samples:
    """The last hours."""

    def __init__(self) -> None:
        self._kept = deque[Sample]()

    def add(self, sample: Sample) -> None:
        """One more."""
        self._kept.append(sample)
        while self._kept[0].at_s < sample.at_s - KEPT_S:
            self._kept.popleft()

    def known_of(self, span: Span) -> bool:
        """Whether they began before the interval did."""
        return bool(self._kept) and self._kept[0].at_s <= span.from_s + 10.0

    def value(self, kind: str, span: Span) -> float | str | None:
        """What is reported of an interval; None if that is not known."""
        within = [each for each in self._kept if span.from_s <= each.at_s < span.until_s]
        if not within:
            return None
        if kind in _OF_ALL:
            mean_w = _mean_w(within)
            hours = (span.until_s - span.from_s) / HOUR_S
            return _kilo(None if mean_w is None else mean_w * (hours if kind == "USAGE" else 1.0))
        return _OF_LAST[kind][1](within[-1]) if kind in _OF_LAST else None


def report(
    event: Event, spans: Sequence[Span], samples: Samples, *, ven: str, resource: str, with_program: bool
) -> dict[str, Any]:
    """What is posted of an event. `spans`: its intervals that are over. `with_program`: as edition 3.0 needs it."""
    kinds = list(dict.fromkeys(each.payloadType for each in event.reportDescriptors or ()))
    intervals = []
    for span in spans[-MOST_INTERVALS:]:
        payloads = []
        for kind in kinds:
            value = samples.value(kind, span)
            missing = {"type": "DATA_QUALITY", "values": [MISSING]}
            payloads.append(missing if value is None else {"type": kind, "values": [value]})
        lasts_s = round(span.until_s - span.from_s)
        intervals.append({
            "id": span.id,
            "intervalPeriod": {"start": text_of(span.from_s), "duration": f"PT{lasts_s}S"},
            "payloads": payloads,
        })  # fmt: skip
    units = {**_OF_ALL, **{kind: unit for kind, (unit, _) in _OF_LAST.items()}}
    document = {
        "eventID": event.id,
        "clientName": ven,
        "reportName": f"{ven} {event.id}"[:128],
        "payloadDescriptors": [
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": units[kind],
             "readingType": "MEAN" if kind == "DEMAND" else "DIRECT_READ"}
            for kind in kinds if units.get(kind)
        ],
        "resources": [{"resourceName": resource, "intervals": intervals}],
    }  # fmt: skip
    return document | {"programID": event.programID} if with_program else document
