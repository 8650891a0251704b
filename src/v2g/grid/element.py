"""Trip elements: each a threshold, a delay and a timer (IEEE 1547-2018 6.4.1 and 6.5.1, EN 50549-1 4.9.3)."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, sqrt
from typing import Literal

from v2g.grid.sample import GridSample

TOLERANCE_S = 1e-9
"""Sums of time steps are inexact by this much."""

_BEFORE_S = 0.1
"""How long before the first abnormal sample a disturbance is taken to have begun, at most."""
_MEAN_S = 600.0
_REFRESH_S = 3.0
_BLOCKS = round(_MEAN_S / _REFRESH_S)


class Quantity(StrEnum):
    """What an element compares. The worst applicable phase counts, unless the quantity is a mean."""

    __hash__ = str.__hash__  # that of `Enum` is no faster than a function
    LOWEST_VOLTAGE = "lowest_voltage"
    HIGHEST_VOLTAGE = "highest_voltage"
    MEAN_VOLTAGE = "mean_voltage"
    TEN_MINUTE_VOLTAGE = "ten_minute_voltage"
    """The highest of the phases' sliding 10 minute means, renewed every 3 s (EN 50549-1 4.9.3.4)."""
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True)
class Element:
    """The setting of an element. `threshold` and `hysteresis` are in pu of the nominal voltage, or in Hz."""

    name: str
    quantity: Quantity
    side: Literal["over", "under"]
    threshold: float
    delay_s: float
    hysteresis: float
    """The timer resets when the quantity has returned this far inside the threshold."""

    @property
    def unit(self) -> str:
        return "Hz" if self.quantity is Quantity.FREQUENCY else "pu"

    def beyond(self, value: float, margin: float = 0.0) -> bool:
        """Whether `value` is outside the threshold moved inwards by `margin`."""
        if self.side == "over":
            return value > self.threshold - margin
        return value < self.threshold + margin


class Timer:
    """The timer of one element.

    The time between two samples counts as abnormal when the later one is: a disturbance may have begun right after the
    sample before, and the delay is a time by which the station must be gone. Of a long gap before the first abnormal
    sample only the end counts: one sample is no proof of what was before it.
    """

    def __init__(self, element: Element) -> None:
        self.element = element
        self.elapsed_s = 0.0
        self.picked_up = False

    def step(self, value: float | None, dt_s: float, early_s: float = 0.0) -> bool:
        """Lets `dt_s` pass up to the sample `value`; True when the delay, less `early_s`, has expired.

        None: not measurable, resets.
        """
        element = self.element
        margin = element.hysteresis if self.picked_up else 0.0
        if value is None or not element.beyond(value, margin):
            self.picked_up, self.elapsed_s = False, 0.0
            return False
        self.elapsed_s += dt_s if self.picked_up else min(dt_s, _BEFORE_S)
        self.picked_up = True
        return self.elapsed_s >= element.delay_s - early_s - TOLERANCE_S


class Timers:
    """The timers of several elements. As long as none runs, a sample within all thresholds moves none of them."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self._timers = [Timer(element) for element in elements]
        self._runs = False
        self.adjust(elements)

    def adjust(self, elements: Sequence[Element]) -> None:
        """Other settings of the same elements; running timers continue."""
        for timer, element in zip(self._timers, elements, strict=True):
            timer.element = element
        self._calm = [(quantity, *_calm(elements, quantity)) for quantity in {each.quantity: None for each in elements}]
        """Of each quantity: the thresholds between which nothing happens."""

    def step(self, values: Mapping[Quantity, float | None], dt_s: float, early_s: float = 0.0) -> list[Timer]:
        """Lets `dt_s` pass up to a sample; the timers whose delay, less `early_s`, has expired. All of them keep
        running, whichever trips first."""
        if not self._runs:
            for quantity, low, high in self._calm:
                value = values[quantity]
                if value is not None and not low <= value <= high:
                    break
            else:
                return []
        expired = [timer for timer in self._timers if timer.step(values[timer.element.quantity], dt_s, early_s)]
        self._runs = any(timer.picked_up for timer in self._timers)
        return expired


def _calm(elements: Iterable[Element], quantity: Quantity) -> tuple[float, float]:
    own = [each for each in elements if each.quantity is quantity]
    low = max((each.threshold for each in own if each.side == "under"), default=-inf)
    return low, min((each.threshold for each in own if each.side == "over"), default=inf)


class TenMinuteMean:
    """Sliding 10 minute mean (rms) of each phase, in blocks of 3 s. The time before the start counts as nominal."""

    def __init__(self, phases: int) -> None:
        self.highest_pu = 1.0
        self._blocks = deque([(1.0,) * phases] * _BLOCKS)
        self._sums = [0.0] * phases
        self._block_s = 0.0

    def step(self, voltages_pu: tuple[float, ...], dt_s: float) -> float:
        """Lets `dt_s` pass at these voltages; returns the highest mean of the phases."""
        for phase, voltage_pu in enumerate(voltages_pu):
            self._sums[phase] += voltage_pu * voltage_pu * dt_s
        self._block_s += dt_s
        if self._block_s >= _REFRESH_S - TOLERANCE_S:
            self._blocks.popleft()
            self._blocks.append(tuple(total / self._block_s for total in self._sums))
            self._sums = [0.0] * len(self._sums)
            self._block_s = 0.0
            self.highest_pu = sqrt(max(map(sum, zip(*self._blocks, strict=True))) / _BLOCKS)
        return self.highest_pu


def quantities(sample: GridSample, ten_minute_pu: float, frequency_measurable: bool) -> dict[Quantity, float | None]:
    """The value of each quantity in `sample`; the frequency is None if the voltage is too low to measure it."""
    return {
        Quantity.LOWEST_VOLTAGE: sample.lowest_pu,
        Quantity.HIGHEST_VOLTAGE: sample.highest_pu,
        Quantity.MEAN_VOLTAGE: sample.mean_pu,
        Quantity.TEN_MINUTE_VOLTAGE: ten_minute_pu,
        Quantity.FREQUENCY: sample.frequency_hz if frequency_measurable else None,
    }
