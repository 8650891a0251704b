"""What a case demands, and whether a recording of it meets that.

Power is in per unit of the rated power at the connection point, positive charges; reactive power in per unit of the
rated apparent power, positive is fed into the grid, as the standards state it. Times are since the disturbance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple, Protocol

NO_POWER_PU = 0.02
"""Less than this is no power: what the inverter itself consumes is below it."""
RIPPLE_PU = 0.01
"""What the islanding probe adds to the reactive power: no part of a response."""
TIME_UNCERTAINTY, POWER_UNCERTAINTY = "0.01 s", "0.001 pu"
"""Of the instrument: it records every 10 ms while something may happen, and knows the powers exactly."""
RESTORED = 0.8
"""Share of the power before, at which a station is back (IEEE 1547-2018 6.4.2.7, of the current)."""

Quantity = Literal["power_pu", "fed_var_pu"]


class Sample(NamedTuple):
    """The station at one time."""

    time_s: float
    frequency_hz: float
    voltages_pu: tuple[float, ...]
    power_pu: float
    fed_var_pu: float
    closed: bool
    """The contactor."""


Recording = Sequence[Sample]


class Finding(NamedTuple):
    """The outcome of one check."""

    passed: bool
    permitted: str
    measured: str
    uncertainty: str = ""
    """Of the measurement."""


class Point(NamedTuple):
    """Where on which characteristic curve a value is measured."""

    curve: str
    x_name: str
    x: float


class Mark(NamedTuple):
    """A permitted region in the plot of a quantity: between two times, between two values."""

    lane: Literal["power_pu", "fed_var_pu", "closed"]
    from_s: float
    to_s: float
    low: float
    high: float


class Check(Protocol):
    """A demand."""

    def judge(self, recording: Recording) -> Finding: ...

    def marks(self) -> list[Mark]: ...


def _between(recording: Recording, from_s: float, to_s: float) -> list[Sample]:
    return [sample for sample in recording if from_s - 1e-6 <= sample.time_s <= to_s + 1e-6]


def _before(recording: Recording, quantity: Quantity = "power_pu") -> float:
    """The mean in the last half second before the disturbance."""
    return _mean(_between(recording, -0.5, -0.01), quantity)


def _mean(samples: Recording, quantity: Quantity) -> float:
    total: float = sum(getattr(sample, quantity) for sample in samples)
    return total / len(samples)


def _seconds(value: float) -> str:
    """In milliseconds where they matter."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


@dataclass(frozen=True, slots=True)
class Trips:
    """No power, and the contactor open, within a time; and not too early."""

    after_s: float
    by_s: float

    def judge(self, recording: Recording) -> Finding:
        course = _between(recording, 0.0, inf)
        opened_s = next((sample.time_s for sample in course if not sample.closed), inf)
        flowed_s = max((sample.time_s for sample in course if abs(sample.power_pu) > NO_POWER_PU), default=0.0)
        ended = max(opened_s, flowed_s)
        measured = f"open after {opened_s:.2f} s, no power after {flowed_s:.2f} s" if ended < inf else "never opened"
        earliest = f"after {_seconds(self.after_s)} to " if self.after_s > 0 else "within "
        in_time = self.after_s <= opened_s and ended <= self.by_s
        return Finding(in_time, f"trip {earliest}{_seconds(self.by_s)} s", measured, TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark("closed", max(self.after_s, 0.0), self.by_s, 0.0, 1.0)]


@dataclass(frozen=True, slots=True)
class Stays:
    """The contactor stays closed."""

    until_s: float

    def judge(self, recording: Recording) -> Finding:
        opened_s = next((s.time_s for s in _between(recording, 0.0, self.until_s) if not s.closed), None)
        measured = "stayed" if opened_s is None else f"opened after {opened_s:.2f} s"
        return Finding(opened_s is None, f"stay {_seconds(self.until_s)} s", measured, TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark("closed", 0.0, self.until_s, 1.0, 1.0)]


@dataclass(frozen=True, slots=True)
class Idle:
    """No power flows from one time to another."""

    from_s: float
    to_s: float

    def judge(self, recording: Recording) -> Finding:
        busy = [s for s in _between(recording, self.from_s, self.to_s) if abs(s.power_pu) > NO_POWER_PU]
        measured = f"power until {busy[-1].time_s:.2f} s" if busy else "no power"
        if not busy and self.from_s < 1.0:
            course = _between(recording, 0.0, self.to_s)
            flowed_s = max((s.time_s for s in course if abs(s.power_pu) > NO_POWER_PU), default=0.0)
            measured = f"no power after {flowed_s:.3f} s"
        permitted = f"no power from {self.from_s:.4g} to {self.to_s:.4g} s"
        return Finding(not busy, permitted, measured, TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark("power_pu", self.from_s, self.to_s, -NO_POWER_PU, NO_POWER_PU)]


@dataclass(frozen=True, slots=True)
class Keeps:
    """Power goes on flowing, at least a share of what flowed before."""

    from_s: float
    to_s: float
    share: float

    def judge(self, recording: Recording) -> Finding:
        before = _before(recording)
        shares = [s.power_pu / before for s in _between(recording, self.from_s, self.to_s)]
        permitted = f"at least {self.share:.0%} of the power, {self.from_s:.4g} to {self.to_s:.4g} s"
        return Finding(min(shares) >= self.share, permitted, f"{min(shares):.0%} at least", "0.1 %")

    def marks(self) -> list[Mark]:
        return []


@dataclass(frozen=True, slots=True)
class Restores:
    """The power is back within a time after the grid is."""

    since_s: float
    within_s: float

    def judge(self, recording: Recording) -> Finding:
        least = RESTORED * _before(recording)
        lacking = [s for s in _between(recording, self.since_s, inf) if s.power_pu / least < 1]
        ended = bool(lacking) and lacking[-1] is recording[-1]
        took_s = lacking[-1].time_s - self.since_s if lacking else 0.0
        measured = "not restored" if ended else f"{took_s:.2f} s"
        permitted = f"{RESTORED:.0%} of the power back within {self.within_s:.4g} s"
        return Finding(not ended and took_s <= self.within_s, permitted, measured, TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark("power_pu", self.since_s, self.since_s + self.within_s, -inf, inf)]


@dataclass(frozen=True, slots=True)
class Settles:
    """A quantity has a value in some window of time, on average."""

    quantity: Quantity
    from_s: float
    to_s: float
    value_pu: float
    tolerance_pu: float
    point: Point | None = None

    def judge(self, recording: Recording) -> Finding:
        name = "P" if self.quantity == "power_pu" else "Q"
        mean = self.mean(recording)
        permitted = f"{name} {self.value_pu:+.3f} pu within {self.tolerance_pu:.2g} at {self.from_s:.4g} s"
        in_band = abs(mean - self.value_pu) <= self.tolerance_pu
        return Finding(in_band, permitted, f"{mean:+.3f} pu", POWER_UNCERTAINTY)

    def mean(self, recording: Recording) -> float:
        """What was measured."""
        return _mean(_between(recording, self.from_s, self.to_s), self.quantity)

    def marks(self) -> list[Mark]:
        low, high = self.value_pu - self.tolerance_pu, self.value_pu + self.tolerance_pu
        return [Mark(self.quantity, self.from_s, self.to_s, low, high)]


@dataclass(frozen=True, slots=True)
class Responds:
    """90 % of the way to the final value is made after the response time: not later, nor much sooner."""

    quantity: Quantity
    by_s: float
    after_s: float = 0.0

    def judge(self, recording: Recording) -> Finding:
        end_s = recording[-1].time_s
        start, final = _before(recording, self.quantity), _mean(_between(recording, end_s - 1.0, end_s), self.quantity)
        way = final - start
        if abs(way) <= RIPPLE_PU:
            return Finding(False, "a response", f"{way:+.3f} pu in all", POWER_UNCERTAINTY)
        enough = 0.9 - RIPPLE_PU / abs(way)
        made = (s.time_s for s in _between(recording, 0.0, inf) if (getattr(s, self.quantity) - start) / way >= enough)
        took_s = next(made, inf)
        permitted = f"90 % after {self.after_s:.3g} to {self.by_s:.4g} s"
        in_time = self.after_s <= took_s <= self.by_s
        return Finding(in_time, permitted, f"90 % after {took_s:.2f} s", TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark(self.quantity, self.after_s, self.by_s, -inf, inf)]


@dataclass(frozen=True, slots=True)
class Enters:
    """The station begins to feed, not before one time and not after another."""

    since_s: float
    after_s: float
    by_s: float

    def judge(self, recording: Recording) -> Finding:
        flowing = (s.time_s for s in _between(recording, self.since_s, inf) if s.power_pu < -NO_POWER_PU)
        took_s = next(flowing, inf) - self.since_s
        permitted = f"feeds {self.after_s:.4g} to {self.by_s:.4g} s after the grid is within the window"
        return Finding(self.after_s <= took_s <= self.by_s, permitted, f"{took_s:.2f} s", TIME_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark("power_pu", self.since_s + self.after_s, self.since_s + self.by_s, -inf, inf)]


@dataclass(frozen=True, slots=True)
class Within:
    """A quantity stays between two values."""

    quantity: Quantity
    from_s: float
    to_s: float
    low: float
    high: float

    def judge(self, recording: Recording) -> Finding:
        name = "P" if self.quantity == "power_pu" else "Q"
        values = [getattr(s, self.quantity) for s in _between(recording, self.from_s, self.to_s)]
        permitted = f"{name} {self.low:+.3f} to {self.high:+.3f} pu, {self.from_s:.4g} to {self.to_s:.4g} s"
        in_band = self.low <= min(values) and max(values) <= self.high
        return Finding(in_band, permitted, f"{min(values):+.3f} to {max(values):+.3f} pu", POWER_UNCERTAINTY)

    def marks(self) -> list[Mark]:
        return [Mark(self.quantity, self.from_s, self.to_s, self.low, self.high)]
