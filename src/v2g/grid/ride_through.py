"""Ride-through: how long the station must stay in a disturbance, and how it behaves meanwhile.

IEEE 1547-2018 6.4.2 and 6.5.2; EN 50549-1 4.5. Riding through and tripping are two curves: between them the station may
do either. `zone` says which of the three zones a disturbance is in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum, auto

from v2g.grid.element import TOLERANCE_S, Element, quantities
from v2g.grid.sample import GridSample


class Mode(IntEnum):
    """What a band requires of a station, in the order of severity."""

    CONTINUOUS = auto()
    MANDATORY = auto()
    """Stay, and keep exchanging current."""
    PERMISSIVE = auto()
    """Stay; ceasing is allowed."""
    UNDEFINED = auto()
    """Nothing is required."""
    MOMENTARY_CESSATION = auto()
    """Stay connected, exchange nothing, and be back soon after the voltage is."""
    CEASE = auto()
    """Exchange nothing."""

    @property
    def ceases(self) -> bool:
        return self >= Mode.MOMENTARY_CESSATION


class Zone(StrEnum):
    """What must have happened by a certain time into a disturbance."""

    MUST_STAY = "must stay"
    MAY = "may stay or go"
    MUST_BE_GONE = "must be gone"


@dataclass(frozen=True, slots=True)
class Band:
    """A range of voltage (pu) or frequency (Hz). Below nominal it holds its lower edge, above nominal its upper one."""

    low: float
    high: float
    mode: Mode
    stay_s: float = 0.0
    slope_s: float = 0.0
    """Seconds of staying gained for each unit that the value is above `low`."""

    def must_stay_s(self, value: float) -> float:
        """How long the station must stay at `value`."""
        return self.stay_s + self.slope_s * (value - self.low)


@dataclass(frozen=True, slots=True)
class RideThrough:
    """The bands of a grid code, and the disturbances that must never trip the station."""

    voltage: tuple[Band, ...]
    frequency: tuple[Band, ...]
    rocof_hz_per_s: float
    """Rate of change of frequency, averaged over at least 0.1 s, that must not trip the station."""
    phase_jump_deg: float
    """Of the positive sequence, for a station on three phases."""
    single_phase_jump_deg: float
    """For a station on one phase, and of any single phase."""

    def voltage_band(self, value_pu: float) -> Band:
        return _find(self.voltage, value_pu)

    def frequency_band(self, value_hz: float) -> Band:
        return _find(self.frequency, value_hz)


_CONTINUOUS = Mode.CONTINUOUS
_UNDEFINED = Band(0.0, float("inf"), Mode.UNDEFINED)


def _find(bands: tuple[Band, ...], value: float) -> Band:
    below = False
    for band in bands:
        if band.mode is _CONTINUOUS:
            if band.low <= value <= band.high:
                return band
            below = value < band.low
    for band in bands:
        if band.low <= value < band.high if below else band.low < value <= band.high:
            return band
    return _UNDEFINED


@dataclass(frozen=True, slots=True)
class RideThroughState:
    """How far a disturbance has got."""

    mode: Mode
    must_stay: bool
    """The time for which the station must stay has not expired."""


CALM = RideThroughState(Mode.CONTINUOUS, must_stay=True)


class Tracker:
    """Times the excursions of voltage and frequency."""

    def __init__(self, settings: RideThrough, frequency_floor_pu: float) -> None:
        self.settings = settings
        self.floor_pu = frequency_floor_pu
        self._low, self._high, self._frequency = _Excursion(), _Excursion(), _Excursion()

    def step(self, sample: GridSample, dt_s: float) -> RideThroughState:
        """Lets `dt_s` pass up to `sample`."""
        voltage = self.settings.voltage
        low_pu, high_pu = min(sample.lowest_pu, 1.0), max(sample.highest_pu, 1.0)
        state = _worse(self._low.step(voltage, low_pu, dt_s), self._high.step(voltage, high_pu, dt_s))
        if sample.highest_pu < self.floor_pu:
            return state
        return _worse(state, self._frequency.step(self.settings.frequency, sample.frequency_hz, dt_s))


class _Excursion:
    """The time for which one value has been outside continuous operation."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0

    def step(self, bands: tuple[Band, ...], value: float, dt_s: float) -> RideThroughState:
        band = _find(bands, value)
        if band.mode is _CONTINUOUS:
            self._elapsed_s = 0.0
            return CALM
        self._elapsed_s += dt_s
        return RideThroughState(band.mode, self._elapsed_s <= band.must_stay_s(value) + TOLERANCE_S)


def _worse(first: RideThroughState, second: RideThroughState) -> RideThroughState:
    if first is second:
        return first
    return RideThroughState(max(first.mode, second.mode), first.must_stay and second.must_stay)


def zone(settings: RideThrough, elements: Iterable[Element], sample: GridSample, elapsed_s: float) -> Zone:
    """The zone of a disturbance that has looked like `sample` for `elapsed_s`.

    Tripping takes precedence: the grid operator may set it shorter than the time to stay. The 10 minute mean counts
    as nominal.
    """
    values = quantities(sample, 1.0, frequency_measurable=True)
    for element in elements:
        value = values[element.quantity]
        if value is not None and element.beyond(value) and elapsed_s >= element.delay_s - TOLERANCE_S:
            return Zone.MUST_BE_GONE
    state = Tracker(settings, 0.0).step(sample, elapsed_s)
    return Zone.MUST_STAY if state.must_stay else Zone.MAY
