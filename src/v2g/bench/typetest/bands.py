"""What the settings say of a voltage or a frequency: how long to stay, how soon to be gone.

Read off the settings here once more, so that the station's own reading of them is under test too.
"""

from math import inf

from v2g.bench.typetest import accuracy
from v2g.grid.element import Element, Quantity
from v2g.grid.ride_through import Band, Mode
from v2g.grid.settings import GridCode

WINDOW_HZ = (47.0, 63.0)
"""The station's own operating window."""
WINDOW_DELAY_S = 0.1
WIDENED_HZ = 1.0
"""Where a code has thresholds at its edge or beyond, it begins this far beyond them."""
_VOLTAGES = {Quantity.LOWEST_VOLTAGE, Quantity.HIGHEST_VOLTAGE, Quantity.MEAN_VOLTAGE}


def soonest_trip_s(code: GridCode, quantity: Quantity, value: float) -> float:
    """The shortest delay of the elements that see `value` outside their threshold; infinite without one."""
    delays = [element.delay_s for element in code.trip if _sees(element, quantity, value)]
    low_hz, high_hz = window_hz(code)
    if quantity is Quantity.FREQUENCY and not low_hz <= value <= high_hz:
        delays.append(WINDOW_DELAY_S)
    return min(delays, default=inf)


def window_hz(code: GridCode) -> tuple[float, float]:
    """Where the station's own operating window is under this code."""
    low_hz, high_hz = WINDOW_HZ
    hz = [element.threshold for element in code.trip if element.quantity is Quantity.FREQUENCY]
    beyond_low, beyond_high = min(hz, default=low_hz + 1), max(hz, default=high_hz - 1)
    return (
        beyond_low - WIDENED_HZ if beyond_low <= low_hz else low_hz,
        beyond_high + WIDENED_HZ if beyond_high >= high_hz else high_hz,
    )


def _sees(element: Element, quantity: Quantity, value: float) -> bool:
    alike = element.quantity is quantity or {element.quantity, quantity} <= _VOLTAGES
    return alike and (value > element.threshold if element.side == "over" else value < element.threshold)


def trips_after_s(code: GridCode, delay_s: float) -> float:
    """The earliest trip of an element: its delay less the accuracy, and less what the station takes itself."""
    return delay_s - code.measurement.reaction_s - accuracy.time_s(code, delay_s)


def trips_by_s(code: GridCode, delay_s: float) -> float:
    """The latest trip of an element. A code that counts up to no power leaves nothing for the switch."""
    switch_s = 0.0 if code.measurement.reaction_s else accuracy.SWITCH_S
    return delay_s + switch_s + accuracy.time_s(code, delay_s)


def continuous(bands: tuple[Band, ...]) -> Band:
    """The band of undisturbed operation."""
    return next(band for band in bands if band.mode is Mode.CONTINUOUS)
