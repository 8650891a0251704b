"""Trip elements: each stays inside its threshold and trips outside it in time (IEEE 1547.1-2020 5.4.2, 5.4.3, 5.5.1).

The value is as near to the threshold as the accuracy of measurement allows, on either side. Frequency comes near
on a ramp that must be ridden through, so that no other protection is woken.
"""

from collections.abc import Iterator
from dataclasses import replace

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import WINDOW_DELAY_S, soonest_trip_s, trips_after_s, trips_by_s, window_hz
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Stays, Trips
from v2g.bench.typetest.course import Course
from v2g.grid.element import Element, Quantity
from v2g.grid.settings import Value

DIRECTIONS = {"discharging": -0.9, "charging": 0.9}
_MEAN_S, _MEAN_RENEWED_S = 600.0, 3.0
_MARGIN_S = 0.5


def cases(subject: Subject) -> Iterator[Case]:
    """Every element of the code, and the station's own operating window."""
    for element in subject.code.trip:
        for direction, power_pu in DIRECTIONS.items():
            for case in _of(subject, element):
                yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)
    yield from _operating_window(subject)


def _of(subject: Subject, element: Element) -> Iterator[Case]:
    if element.quantity is Quantity.FREQUENCY:
        yield from _frequency(subject, element)
    elif element.quantity is Quantity.TEN_MINUTE_VOLTAGE:
        yield from _ten_minutes(subject, element)
    else:
        yield from _voltage(subject, element)


def _source(subject: Subject, element: Element, suffix: str = "delay_s") -> str:
    return subject.code.settings[f"trip.{element.name}.{suffix}"].source


def _outwards(element: Element) -> float:
    return 1.0 if element.side == "over" else -1.0


def _inside_s(subject: Subject, element: Element, value: float) -> float:
    """How long to stay inside the threshold: longer than the delay, unless another element would trip."""
    code = subject.code
    other_s = soonest_trip_s(code, element.quantity, value) - code.measurement.reaction_s - _MARGIN_S / 2
    return min(element.delay_s + accuracy.time_s(code, element.delay_s) + _MARGIN_S, other_s)


def _tripping(subject: Subject, delay_s: float) -> tuple[Check, ...]:
    return (Trips(trips_after_s(subject.code, delay_s), trips_by_s(subject.code, delay_s)),)


def _voltage(subject: Subject, element: Element) -> Iterator[Case]:
    outwards = _outwards(element) * accuracy.VOLTAGE_PU
    beyond_pu, inside_pu = element.threshold + outwards, element.threshold - outwards
    delay_s = soonest_trip_s(subject.code, element.quantity, beyond_pu)
    stay_s = _inside_s(subject, element, inside_pu)
    for suffix, phases in subject.phase_sets.items():
        yield Case(
            f"trip/{element.name}/beyond{suffix}", _source(subject, element),
            subject.course().voltage(beyond_pu, phases), _tripping(subject, delay_s), delay_s + 1.0,
        )  # fmt: skip
        yield Case(
            f"trip/{element.name}/inside{suffix}", _source(subject, element, "threshold_pu"),
            subject.course().voltage(inside_pu, phases).hold(stay_s).voltage(1.0), (Stays(stay_s),), stay_s + 0.5,
        )  # fmt: skip


def _ten_minutes(subject: Subject, element: Element) -> Iterator[Case]:
    """From nominal voltage to one above the threshold: the mean (rms) gets there when that has lasted long enough."""
    code, threshold_pu = subject.code, element.threshold
    high_pu, inside_pu = threshold_pu + 0.04, threshold_pu - accuracy.VOLTAGE_PU
    reached_s = _MEAN_S * (threshold_pu**2 - 1) / (high_pu**2 - 1)
    latest_pu = threshold_pu + accuracy.VOLTAGE_PU
    latest_s = _MEAN_S * (latest_pu**2 - 1) / (high_pu**2 - 1) + _MEAN_RENEWED_S
    earliest_s = _MEAN_S * (inside_pu**2 - 1) / (high_pu**2 - 1)
    trips = Trips(earliest_s, trips_by_s(code, latest_s + element.delay_s))
    for suffix, phases in subject.phase_sets.items():
        yield Case(
            f"trip/{element.name}/beyond{suffix}", _source(subject, element, "threshold_pu"),
            subject.course().voltage(high_pu, phases), (trips,), reached_s + _MEAN_S / 8,
        )  # fmt: skip
    held_s = _MEAN_S + 2 * _MEAN_RENEWED_S
    yield Case(
        f"trip/{element.name}/inside", _source(subject, element, "threshold_pu"),
        subject.course().voltage(inside_pu), (Stays(held_s),), held_s + 0.5,
    )  # fmt: skip


def _near(subject: Subject, hz: float) -> Course:
    """On the way to a frequency, arriving at the time 0, at half the rate that must be ridden through."""
    rate = subject.code.ride_through.rocof_hz_per_s / 2
    takes_s = abs(hz - subject.code.nominal_hz) / rate
    return subject.course(-takes_s).frequency(hz, rate)


def _frequency(subject: Subject, element: Element) -> Iterator[Case]:
    outwards = _outwards(element) * accuracy.FREQUENCY_HZ
    beyond_hz, inside_hz = element.threshold + outwards, element.threshold - outwards
    delay_s = soonest_trip_s(subject.code, Quantity.FREQUENCY, beyond_hz)
    stay_s = _inside_s(subject, element, inside_hz)
    yield Case(
        f"trip/{element.name}/beyond", _source(subject, element),
        _near(subject, inside_hz).frequency(beyond_hz), _tripping(subject, delay_s), delay_s + 5.0,
    )  # fmt: skip
    yield Case(
        f"trip/{element.name}/inside", _source(subject, element, "threshold_hz"),
        _near(subject, inside_hz).hold(stay_s), (Stays(stay_s),), stay_s + 0.1,
    )  # fmt: skip


def _operating_window(subject: Subject) -> Iterator[Case]:
    """The elements are as slow as their ranges allow, so that only the window is left where they allow it."""
    code = subject.code
    source = "this station: no power outside 47 to 63 Hz, or 1 Hz beyond the thresholds of the code"
    for side, edge_hz in zip(("under", "over"), window_hz(code), strict=True):
        outwards = accuracy.FREQUENCY_HZ if side == "over" else -accuracy.FREQUENCY_HZ
        settings: dict[str, Value] = {}
        for element in code.trip:
            name = f"trip.{element.name}.delay_s"
            if element.quantity is Quantity.FREQUENCY and element.side == side:
                settings[name] = code.settings[name].high
        reach = code.with_settings(settings)
        free = soonest_trip_s(reach, Quantity.FREQUENCY, edge_hz - outwards) > 100.0
        trips = Trips(trips_after_s(code, WINDOW_DELAY_S) if free else -100.0, trips_by_s(code, WINDOW_DELAY_S))
        yield Case(
            f"operating-window/{side}/beyond", source,
            _near(subject, edge_hz - outwards).frequency(edge_hz + outwards), (trips,), 2.0, settings=settings,
        )  # fmt: skip
        if free:
            yield Case(
                f"operating-window/{side}/inside", source,
                _near(subject, edge_hz - outwards).hold(2.0), (Stays(2.0),), 2.1, settings=settings,
            )  # fmt: skip
