"""What a station measures, from the sampled values of OCPP, in the depot's sign: positive charges the vehicle."""

from collections.abc import Iterable
from math import isfinite

from msgspec import Struct
from msgspec.structs import replace

from v2g.depot.request import LARGEST_W
from v2g.ocpp import v21
from v2g.ocpp.base import given

IMPORT, EXPORT = "Energy.Active.Import.Register", "Energy.Active.Export.Register"
_MULTIPLES = {"Wh": 1.0, "kWh": 1e3, "W": 1.0, "kW": 1e3, "Percent": 1.0}
_POWERS = ("Power.Active.Import", "Power.Active.Export")
LARGEST_WH = 1e12
"""What is larger is no measurement."""
LEAST_W, OTHERS_PU = 300.0, 0.1
"""On a phase: less says nothing of which phases a vehicle uses. What the others have at least, if it uses them."""
_PHASES = ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N")


class Reading(Struct, frozen=True):
    """One look at a meter. What it does not say is None."""

    at_s: float
    """Unix time by the station's clock."""
    power_w: float | None = None
    import_wh: float | None = None
    export_wh: float | None = None
    soc_pu: float | None = None
    fewer: bool | None = None
    """Whether fewer than three phases carry the power; None if nothing flows, or the phases are not measured."""

    def after(self, earlier: "Reading | None") -> "Reading":
        """This reading, with the registers, and the use of phases, of an earlier one if it has none."""
        if earlier is None:
            return self
        return replace(
            self,
            import_wh=earlier.import_wh if self.import_wh is None else self.import_wh,
            export_wh=earlier.export_wh if self.export_wh is None else self.export_wh,
            fewer=earlier.fewer if self.fewer is None else self.fewer,
        )


def latest(meters: Iterable[v21.MeterValueType]) -> Reading | None:
    """The last of several meter values of a message; None if there is none."""
    ordered = sorted(meters, key=lambda each: each.timestamp)
    return _reading(ordered[-1]) if ordered else None


def _reading(meter: v21.MeterValueType) -> Reading:
    values = {name: _value(name, meter.sampledValue) for name in _NAMES}
    drawn, fed = values["Power.Active.Import"], values["Power.Active.Export"]
    power_w = None if drawn is None and fed is None else (drawn or 0.0) - (fed or 0.0)
    soc = values["SoC"]
    return Reading(
        meter.timestamp.timestamp(),
        power_w,
        values[IMPORT],
        values[EXPORT],
        soc / 100 if soc is not None and 0 <= soc <= 100 else None,
        _on_fewer(meter.sampledValue),
    )


_NAMES = (IMPORT, EXPORT, "Power.Active.Import", "Power.Active.Export", "SoC")
_ADDED = (IMPORT, EXPORT, "Power.Active.Import", "Power.Active.Export")
"""The sum of the phases is the whole."""


def _on_fewer(samples: Iterable[v21.SampledValueType]) -> bool | None:
    phases: dict[str, float] = {}
    for each in samples:
        value = _scaled(each) if given(each.measurand, IMPORT) in _POWERS else None
        phase = given(each.phase, "")
        if phase in _PHASES and value is not None:
            phases[phase[:2]] = max(abs(value), phases.get(phase[:2], 0.0))
    most_w = max(phases.values(), default=0.0)
    if most_w < LEAST_W:
        return None
    return sum(value > OTHERS_PU * most_w for value in phases.values()) < 3


def _value(name: str, samples: Iterable[v21.SampledValueType]) -> float | None:
    """The value at the outlet: of all phases together, or the sum of the phases."""
    whole: float | None = None
    phases: dict[str, float] = {}
    for each in samples:
        if given(each.measurand, IMPORT) != name or given(each.location, "Outlet") not in ("Outlet", "EV", "Cable"):
            continue
        value = _scaled(each)
        if value is None:
            continue
        phase = given(each.phase, "")
        if phase in _PHASES:
            phases[phase[:2]] = value
        else:
            whole = value
    if whole is None and phases:
        return sum(phases.values()) if name in _ADDED else next(iter(phases.values()))
    return whole


def _scaled(sample: v21.SampledValueType) -> float | None:
    """In W, Wh or percent; None in a unit that is none of these."""
    unit, multiplier = "", 0
    if isinstance(sample.unitOfMeasure, v21.UnitOfMeasureType):
        unit = given(sample.unitOfMeasure.unit, "")
        multiplier = given(sample.unitOfMeasure.multiplier, 0)
    factor = _MULTIPLES.get(unit) if unit else 1.0  # without a unit: Wh, W, percent
    if factor is None or abs(multiplier) > 9 or not isfinite(sample.value):
        return None
    value = float(sample.value * factor * 10.0**multiplier)
    return value if abs(value) <= (LARGEST_W if given(sample.measurand, IMPORT) in _POWERS else LARGEST_WH) else None
