"""What the sensors of an EVSE show beside their limits: grid, temperatures, coolant and pump. For `v2g sensors`."""

from collections.abc import Iterable, Iterator

from msgspec import Struct, to_builtins

from v2g.grid.element import Element, Quantity
from v2g.station.evse import Evse
from v2g.thermal.settings import ThermalSettings

PARTS = {"module": "power module", "contactor": "contactor", "coolant": "coolant", "ambient": "ambient air"}


class Sensor(Struct, frozen=True, kw_only=True):
    """One sensor. Limits that are None do not exist."""

    name: str
    unit: str
    value: float | None
    """None: there should be a reading, and there is none."""
    low: float | None = None
    high: float | None = None
    """Beyond these: of the grid, a trip is due; of a part, less power flows."""
    lowest: float | None = None
    highest: float | None = None
    """Beyond these: of the grid, the fastest trip; of a part, no power flows."""
    stands: bool = False
    """The pump runs, and the coolant does not flow."""

    @property
    def alarm(self) -> bool:
        """Whether something is wrong: no reading, or one beyond its limits."""
        value = self.value
        if value is None or self.stands:
            return True
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


def shown(evses: Iterable[Evse], now: float) -> list[dict[str, object]]:
    """For each EVSE its number and its sensors, as JSON can hold them."""
    return [
        {"evse": evse.settings.id, "sensors": [{**to_builtins(each), "alarm": each.alarm} for each in of(evse, now)]}
        for evse in evses
    ]


def of(evse: Evse, now: float) -> Iterator[Sensor]:
    """The sensors of one EVSE: those that it should have."""
    yield from _grid(evse, now)
    if evse.heat is None:
        return
    settings, readings = evse.heat.limiter.settings, evse.heat.readings
    for name, part in PARTS.items():
        band = getattr(settings, name)
        if band is not None:
            measured = getattr(readings, name)
            fresh = measured is not None and now - measured.time_s <= settings.stale_s
            yield Sensor(
                name=part, unit="°C", value=measured.value if fresh else None,
                low=band.full_from_c, high=band.full_to_c, lowest=band.none_below_c, highest=band.none_above_c,
            )  # fmt: skip
    yield from _coolant(evse, settings, now)


def _coolant(evse: Evse, settings: ThermalSettings, now: float) -> Iterator[Sensor]:
    heat = evse.heat
    assert heat is not None
    if settings.flow_sensor:
        flow = heat.readings.flow
        value = flow.value * 100 if flow is not None and now - flow.time_s <= settings.stale_s else None
        yield Sensor(name="coolant flow", unit="%", value=value, stands=heat.limiter.flow_missing)
    if evse.settings.safety is not None and heat.allowance is not None:
        yield Sensor(name="coolant pump", unit="%", value=heat.allowance.pump * 100)


def _grid(evse: Evse, now: float) -> Iterator[Sensor]:
    """What the grid sensing unit measures; the meter if there is none."""
    readings, guard, unit = evse.fresh(now), evse.guard, evse.settings.grid is not None
    reading, name = (readings.grid, "grid") if unit else (readings.meter, "meter")
    trips, nominal_v = () if guard is None else guard.code.trip, float(evse.settings.nominal_voltage_v)
    phases = 3 if evse.settings.grid_code is None else evse.settings.grid_code.phases
    for number in range(phases):
        value = None if reading is None else reading.voltages_v[number]
        limits = _Limits([each for each in trips if each.quantity is not Quantity.FREQUENCY], nominal_v)
        yield limits.of(f"{name} L{number + 1}", "V", value)
    limits = _Limits([each for each in trips if each.quantity is Quantity.FREQUENCY])
    yield limits.of(f"{name} frequency", "Hz", None if reading is None else reading.frequency_hz)


class _Limits:
    """The thresholds of trip elements, times `scale`."""

    def __init__(self, elements: Iterable[Element], scale: float = 1.0) -> None:
        elements = list(elements)
        self._under = [each.threshold * scale for each in elements if each.side == "under"]
        self._over = [each.threshold * scale for each in elements if each.side == "over"]

    def of(self, name: str, unit: str, value: float | None) -> Sensor:
        """A sensor with the innermost and the outermost threshold on each side."""
        return Sensor(
            name=name,
            unit=unit,
            value=value,
            low=max(self._under, default=None),
            high=min(self._over, default=None),
            lowest=min(self._under, default=None),
            highest=max(self._over, default=None),
        )
