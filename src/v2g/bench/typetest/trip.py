"""Trip elements: each stays inside its threshold and trips outside it in time (IEEE 1547.1-2020 5.4.2, 5.4.3, 5.5.1).

The value is as near to the threshold as the accuracy allows, on either side. Frequency comes near on a ramp that must
be ridden through, so that no other protection is woken. Each element is tested at its default, and at both ends of the
ranges of its threshold and its delay.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import inf, isfinite

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import (
    WINDOW_DELAY_S,
    clears_by_s,
    soonest_trip_s,
    trips_after_s,
    trips_by_s,
    window_hz,
)
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Stays, Trips
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.standard import Element, Standard, Value

DIRECTIONS = {"discharging": -0.9, "charging": 0.9}
_MEAN_S, _MEAN_RENEWED_S = 600.0, 3.0
_MARGIN_S = 0.5
_SAMPLE_S = 0.02
"""Between readings of the sensing unit: an excursion may seem this much longer than it is."""
_LONGEST_S = 30.0
"""A longer delay is tested in one direction of power only, and so are single phases."""
_LOWEST_PU = 0.02
"""Where a threshold is lower, nothing is beyond it."""


def cases(subject: Subject) -> Iterator[Case]:
    """Every element of the code, and the station's own operating window."""
    for element in subject.standard.elements:
        for direction, power_pu in DIRECTIONS.items():
            for case in _of(subject, element):
                if power_pu < 0 or (case.lasts_s < _LONGEST_S and "-l" not in case.name):
                    yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)
        if element.quantity != "ten_minute_voltage":
            yield from _ends(subject, element)
            yield from _twice(subject, element)
    yield from _not_early(subject)
    yield from _operating_window(subject)


def _of(subject: Subject, element: Element) -> Iterator[Case]:
    if element.quantity == "frequency":
        yield from _frequency(subject, element)
    elif element.quantity == "ten_minute_voltage":
        yield from _ten_minutes(subject, element)
    else:
        yield from _voltage(subject, element)


def _source(subject: Subject, element: Element, suffix: str = "delay_s") -> str:
    return subject.standard.figures[f"trip.{element.name}.{suffix}"].source


def _tests(element: Element) -> tuple[str, str]:
    return f"trip.{element.name}.threshold_{element.unit}", f"trip.{element.name}.delay_s"


def _step(element: Element) -> float:
    """From inside to the threshold, and from there to outside."""
    return element.outwards * (accuracy.FREQUENCY_HZ if element.unit == "hz" else accuracy.VOLTAGE_PU)


def _inside_s(standard: Standard, element: Element, value: float) -> float:
    """How long to stay inside the threshold: longer than the delay, unless another element would trip."""
    other_s = soonest_trip_s(standard, element.quantity, value) - standard.number("measurement.reaction_s") - _MARGIN_S
    return min(element.delay_s + accuracy.time_s(standard) + _MARGIN_S, other_s)


def tripping(standard: Standard, quantity: str, value: float, delay_s: float) -> tuple[Check, ...]:
    """The trip after a delay, at a value outside a threshold."""
    return (Trips(trips_after_s(standard, delay_s), clears_by_s(standard, quantity, value, delay_s)),)


def _voltage(subject: Subject, element: Element) -> Iterator[Case]:
    standard = subject.standard
    beyond_pu, inside_pu = element.threshold + _step(element), element.threshold - _step(element)
    delay_s = soonest_trip_s(standard, element.quantity, beyond_pu)
    stay_s = _inside_s(standard, element, inside_pu)
    for suffix, phases in subject.phase_sets.items():
        yield Case(
            f"trip/{element.name}/beyond{suffix}", _source(subject, element),
            subject.course().voltage(beyond_pu, phases), tripping(standard, element.quantity, beyond_pu, delay_s),
            delay_s + 1.0,
            tests=_tests(element),
        )  # fmt: skip
        if stay_s > 0:
            course = subject.course().voltage(inside_pu, phases).hold(stay_s).voltage(1.0)
            yield Case(
                f"trip/{element.name}/inside{suffix}", _source(subject, element, "threshold_pu"),
                course, (Stays(stay_s),), stay_s + 0.5, tests=_tests(element),
            )  # fmt: skip
    if subject.phases == 3 and element.side == "under" and beyond_pu > _LOWEST_PU:
        course = subject.course().fault(beyond_pu)
        yield Case(
            f"trip/{element.name}/beyond-l2-to-l3", _source(subject, element), course,
            tripping(standard, element.quantity, beyond_pu, delay_s), delay_s + 1.0, tests=_tests(element),
        )  # fmt: skip


def _ten_minutes(subject: Subject, element: Element) -> Iterator[Case]:
    """From nominal voltage to one above the threshold: the mean (rms) gets there when that has lasted long enough."""
    standard, threshold_pu = subject.standard, element.threshold
    others = [each.threshold for each in standard.elements if each.beyond(threshold_pu + 0.04) and each != element]
    high_pu = min(threshold_pu + 0.04, *(pu - 2 * accuracy.VOLTAGE_PU for pu in others))
    inside_pu = threshold_pu - accuracy.VOLTAGE_PU
    reached_s = _MEAN_S * (threshold_pu**2 - 1) / (high_pu**2 - 1)
    trips = Trips(reached_s, trips_by_s(standard, reached_s + _MEAN_RENEWED_S + element.delay_s))
    for suffix, phases in subject.phase_sets.items():
        yield Case(
            f"trip/{element.name}/beyond{suffix}", _source(subject, element, "threshold_pu"),
            subject.course().voltage(high_pu, phases), (trips,), reached_s + 30.0, tests=_tests(element),
        )  # fmt: skip
    held_s = _MEAN_S + 2 * _MEAN_RENEWED_S
    beyond_pu = threshold_pu + accuracy.VOLTAGE_PU
    back = subject.course().voltage(inside_pu).hold(held_s)
    yield Case(
        f"trip/{element.name}/inside", _source(subject, element, "threshold_pu"), back, (Stays(held_s),), held_s + 0.5,
        tests=_tests(element),
    )  # fmt: skip
    slow = Trips(_MEAN_S * (threshold_pu**2 - 1) / (beyond_pu**2 - 1), trips_by_s(standard, held_s + element.delay_s))
    yield Case(
        f"trip/{element.name}/just-beyond", _source(subject, element, "threshold_pu"),
        subject.course().voltage(beyond_pu), (slow,), held_s + 5.0, tests=_tests(element),
    )  # fmt: skip


def near(subject: Subject, standard: Standard, hz: float) -> Course:
    """On the way to a frequency, arriving at the time 0, at half the rate that must be ridden through."""
    rate = standard.number("ride_through.rocof_hz_per_s") / 2
    takes_s = abs(hz - standard.nominal_hz) / rate
    return subject.course(-takes_s).frequency(hz, rate)


def _frequency(subject: Subject, element: Element) -> Iterator[Case]:
    standard = subject.standard
    beyond_hz, inside_hz = element.threshold + _step(element), element.threshold - _step(element)
    delay_s = soonest_trip_s(standard, "frequency", beyond_hz)
    if soonest_trip_s(standard, "frequency", inside_hz) <= delay_s:
        return  # another element is faster; at the ends of the ranges this one shows
    stay_s = _inside_s(standard, element, inside_hz)
    yield Case(
        f"trip/{element.name}/beyond", _source(subject, element),
        near(subject, standard, inside_hz).frequency(beyond_hz), tripping(standard, "frequency", beyond_hz, delay_s),
        delay_s + 5.0,
        tests=_tests(element),
    )  # fmt: skip
    if stay_s > 0:
        yield Case(
            f"trip/{element.name}/inside", _source(subject, element, "threshold_hz"),
            near(subject, standard, inside_hz).hold(stay_s), (Stays(stay_s),), stay_s + 0.1, tests=_tests(element),
        )  # fmt: skip


# Both ends of the ranges, and two disturbances in a row


def _ends(subject: Subject, element: Element) -> Iterator[Case]:
    """The other elements of the same side are as wide as their ranges allow."""
    figures = subject.standard.figures
    threshold, delay = figures[_tests(element)[0]], figures[_tests(element)[1]]
    for end, value, delay_s in (
        ("lowest-and-fastest", threshold.low, delay.low),
        ("highest-and-slowest", threshold.high, delay.high),
    ):
        changes = out_of_the_way(subject.standard, element) | {_tests(element)[0]: value, _tests(element)[1]: delay_s}
        yield from _at_the_end(subject, element.name, changes, end)


def out_of_the_way(standard: Standard, tested: Element) -> dict[str, Value]:
    """The other elements of the same side as wide and as slow as their ranges allow."""
    changes: dict[str, Value] = {}
    for each in standard.elements:
        if each.side == tested.side and each.name != tested.name and each.quantity != "ten_minute_voltage":
            threshold, delay = (standard.figures[name] for name in _tests(each))
            outermost = threshold.high if each.side == "over" else threshold.low
            changes |= {_tests(each)[0]: outermost, _tests(each)[1]: delay.high}
    return changes


def _at_the_end(subject: Subject, name: str, changes: dict[str, Value], end: str) -> Iterator[Case]:
    standard = subject.standard.with_settings(changes)
    element = next(each for each in standard.elements if each.name == name)
    nominal = standard.nominal_hz if element.unit == "hz" else 1.0
    beyond, inside = element.threshold + _step(element), element.threshold - _step(element)
    quantity = element.quantity
    if beyond < _LOWEST_PU or (beyond - nominal) * element.outwards < 0:
        return
    delay_s, other_s = soonest_trip_s(standard, quantity, beyond), soonest_trip_s(standard, quantity, inside)
    if delay_s < element.delay_s or other_s <= delay_s:
        return  # another element is faster, whatever its settings
    if element.unit == "hz":
        course = near(subject, standard, inside).frequency(beyond)
    else:
        course = subject.course().voltage(beyond)
    yield Case(
        f"trip/{name}/{end}-of-range", _source(subject, element), course, tripping(standard, quantity, beyond, delay_s),
        delay_s + 5.0, tests=_tests(element), adjusted=changes,
    )  # fmt: skip


def _twice(subject: Subject, element: Element) -> Iterator[Case]:
    """Two disturbances, each shorter than the delay and together longer: the timer starts over with the second."""
    standard = subject.standard
    beyond, inside = element.threshold + _step(element), element.threshold - _step(element)
    effective_s = soonest_trip_s(standard, element.quantity, beyond) - standard.number("measurement.reaction_s")
    if not isfinite(effective_s) or soonest_trip_s(standard, element.quantity, inside) < inf:
        return
    each_s, gap_s = 0.6 * effective_s, 0.2
    if element.unit == "hz":
        course = near(subject, standard, inside).frequency(beyond).hold(each_s).frequency(inside).hold(gap_s)
        course.frequency(beyond).hold(each_s).frequency(inside)
    else:
        course = subject.course().voltage(beyond).hold(each_s).voltage(inside).hold(gap_s)
        course.voltage(beyond).hold(each_s).voltage(inside)
    lasts_s = 2 * each_s + gap_s + 0.3
    yield Case(
        f"trip/{element.name}/two-in-a-row", _source(subject, element), course, (Stays(lasts_s),), lasts_s,
        tests=_tests(element),
    )  # fmt: skip


def _not_early(subject: Subject) -> Iterator[Case]:
    """An operator may set a delay that ends while the station must still stay: then it is not a moment early, though
    otherwise the timers end sooner by what the station takes itself. In a band whose time depends on the voltage."""
    standard = subject.standard
    own_s = standard.number("measurement.reaction_s")
    for band in (band for band in standard.voltage if band.slope_s and own_s):
        value_pu = band.high - accuracy.VOLTAGE_PU
        delay_s = (band.stay_s + band.stays_s(value_pu)) / 2
        figure, threshold = standard.figures["trip.uv1.delay_s"], standard.figures["trip.uv1.threshold_pu"]
        if not (figure.low <= delay_s <= figure.high and threshold.high >= band.high):
            continue
        trips = Trips(delay_s, trips_by_s(standard, delay_s))
        yield Case(
            "trip/uv1/not-early", band.source, subject.course().voltage(value_pu), (trips,), delay_s + 1.0,
            tests=("trip.uv1.delay_s",), adjusted={"trip.uv1.delay_s": delay_s, "trip.uv1.threshold_pu": band.high},
        )  # fmt: skip


def _operating_window(subject: Subject) -> Iterator[Case]:
    """The elements are as slow as their ranges allow, so that only the window is left where they allow it."""
    standard = subject.standard
    source = "this station: no power outside 47 to 63 Hz, or 1 Hz beyond the thresholds of the code"
    for side, edge_hz in zip(("under", "over"), window_hz(standard), strict=True):
        outwards = accuracy.FREQUENCY_HZ if side == "over" else -accuracy.FREQUENCY_HZ
        settings: dict[str, Value] = {}
        for element in standard.elements:
            name = f"trip.{element.name}.delay_s"
            if element.quantity == "frequency" and element.side == side:
                settings[name] = standard.figures[name].high
        reach = standard.with_settings(settings)
        free = soonest_trip_s(reach, "frequency", edge_hz - outwards) > 100.0
        trips = Trips(trips_after_s(standard, WINDOW_DELAY_S) if free else -100.0, trips_by_s(standard, WINDOW_DELAY_S))
        yield Case(
            f"operating-window/{side}/beyond", source,
            near(subject, standard, edge_hz - outwards).frequency(edge_hz + outwards), (trips,), 2.0, settings=settings,
        )  # fmt: skip
        if free:
            yield Case(
                f"operating-window/{side}/inside", source,
                near(subject, standard, edge_hz - outwards).hold(2.0), (Stays(2.0),), 2.1, settings=settings,
            )  # fmt: skip
