"""What the standard says of a voltage or a frequency: how long to stay, how soon to be gone."""

from math import inf

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.standard import Band, Element, Standard

WINDOW_HZ = (47.0, 63.0)
"""The station's own operating window."""
WINDOW_DELAY_S = 0.1
WIDENED_HZ = 1.0
"""Where a code has thresholds at its edge or beyond, it begins this far beyond them."""
_VOLTAGES = {"lowest_voltage", "highest_voltage", "mean_voltage"}


def soonest_trip_s(standard: Standard, quantity: str, value: float) -> float:
    """The shortest delay of the elements that see `value` outside their threshold; infinite without one."""
    delays = [element.delay_s for element in standard.elements if _sees(element, quantity, value)]
    low_hz, high_hz = window_hz(standard)
    if quantity == "frequency" and not low_hz <= value <= high_hz:
        delays.append(WINDOW_DELAY_S)
    return min(delays, default=inf)


def window_hz(standard: Standard) -> tuple[float, float]:
    """Where the station's own operating window is under this code."""
    low_hz, high_hz = WINDOW_HZ
    hz = {each.threshold * each.outwards for each in standard.elements if each.quantity == "frequency"}
    beyond_low = min((-each for each in hz if each < 0), default=low_hz + 1)
    beyond_high = max((each for each in hz if each > 0), default=high_hz - 1)
    return (
        beyond_low - WIDENED_HZ if beyond_low <= low_hz else low_hz,
        beyond_high + WIDENED_HZ if beyond_high >= high_hz else high_hz,
    )


def _sees(element: Element, quantity: str, value: float) -> bool:
    return (element.quantity == quantity or {element.quantity, quantity} <= _VOLTAGES) and element.beyond(value)


def trips_after_s(standard: Standard, delay_s: float) -> float:
    """The earliest trip of an element: its delay less the accuracy, and less what the station takes itself."""
    return delay_s - standard.number("measurement.reaction_s") - accuracy.time_s(standard)


def trips_by_s(standard: Standard, delay_s: float) -> float:
    """The latest trip of an element. A code that counts up to no power leaves nothing for the switch."""
    switch_s = 0.0 if standard.number("measurement.reaction_s") else accuracy.SWITCH_S
    return delay_s + switch_s + accuracy.time_s(standard)


def clears_by_s(standard: Standard, quantity: str, value: float, delay_s: float) -> float:
    """The same for a disturbance of this value. A code that counts up to no power gives the software one reading of the
    sensing unit, unless the station must stay until the end of the delay."""
    own_s = standard.number("measurement.reaction_s")
    if not own_s or _stays_s(standard, quantity, value) + own_s > delay_s:
        return trips_by_s(standard, delay_s)
    return delay_s + accuracy.READING_S


def _stays_s(standard: Standard, quantity: str, value: float) -> float:
    """How long; in continuous operation for ever."""
    bands = [b for b in (standard.frequency if quantity == "frequency" else standard.voltage) if b.low < value < b.high]
    return max((inf if band.mode == "continuous" else band.stays_s(value) for band in bands), default=0.0)


def continuous(bands: tuple[Band, ...]) -> Band:
    """The band of undisturbed operation."""
    return next(band for band in bands if band.mode == "continuous")


def ridden_hz(standard: Standard, lasts_s: float = 0.0) -> tuple[float, float]:
    """The frequencies between which the station stays, for at least this long."""
    bands = [
        band
        for band in standard.frequency
        if band.mode == "continuous" or (band.mode == "mandatory" and band.stay_s >= lasts_s)
    ]
    return min(band.low for band in bands), max(band.high for band in bands)
