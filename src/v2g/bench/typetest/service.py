"""Entering service: not outside the window, not before the delay, then on a ramp or after a random delay.

IEEE 1547.1-2020 5.6. Before it enters, the station feeds nothing; a car may wait in session, and may charge where the
grid is in continuous operation, for that is a load.
"""

from collections.abc import Iterator
from dataclasses import replace

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Check, Enters, Idle, Settles, Trips, Within
from v2g.bench.typetest.course import Course
from v2g.bench.typetest.standard import Standard, Value

_PLUG_S = 3.0
_DELAY_S = 10.0
"""Short, if the case does not test the delay itself and the code permits it."""
_LATE_S = 1.0
"""The standards set no latest time to enter service; later than this is not what the setting says."""
_AWAY_S = 30.0
_SESSION_S = 12.0
"""From plugging in to power."""
_WITHDRAWN_S = 2.0
"""To no power after the operator withdrew its permission (IEEE 1547-2018 4.6.1, general knowledge)."""
_NO_POWER_PU = 0.02
_SOURCE = "IEEE 1547.1-2020 5.6, table 11; UL1741SB"


def cases(subject: Subject) -> Iterator[Case]:
    """The window's four edges inside and outside, permission, the delay and the ramp, after a trip, the random delay,
    and charging."""
    yield from _edges(subject)
    yield _start(subject)
    yield _waiting_ramp(subject)
    yield from _after_trip(subject)
    yield from _random_delay(subject)
    yield from _permission(subject)
    yield from _load(subject)


def _entry(
    standard: Standard, since_s: float, delay_s: float, ramp_s: float, random_s: float = 0.0
) -> tuple[Check, ...]:
    by_s = delay_s + random_s + accuracy.time_s(standard) + 1.5 * _NO_POWER_PU * ramp_s + _LATE_S
    soonest_s = delay_s - 1.5 * accuracy.READING_S
    return _feeds_nothing(0.0, since_s + soonest_s), Enters(since_s, soonest_s, by_s)


def _feeds_nothing(from_s: float, to_s: float) -> Check:
    """Charging is another matter: at high frequency the droop may ask for it."""
    return Within("power_pu", from_s, to_s, -_NO_POWER_PU, 1.0)


def _source(subject: Subject, name: str, table: str = "enter_service") -> str:
    return subject.standard.figures[f"{table}.{name}"].source


def _names(*names: str, table: str = "enter_service") -> tuple[str, ...]:
    return tuple(f"{table}.{name}" for name in names)


def _short_s(standard: Standard, table: str = "enter_service") -> float:
    return max(_DELAY_S, standard.figures[f"{table}.delay_s"].low)


def _edges(subject: Subject) -> Iterator[Case]:
    """A car waits while the grid is just outside, then it is just inside for a quarter of the delay, outside for a
    moment, and inside for good: the delay starts over (5.6, steps f to j). At the defaults and both ends of the
    ranges."""
    standard = subject.standard
    delay_s, ramp_s = _short_s(standard), standard.figures["enter_service.ramp_s"].low
    for setting, quantity, outwards in (
        ("lowest_pu", "voltage", -1), ("highest_pu", "voltage", 1), ("lowest_hz", "frequency", -1),
        ("highest_hz", "frequency", 1),
    ):  # fmt: skip
        figure = standard.figures[f"enter_service.{setting}"]
        margin = outwards * (accuracy.VOLTAGE_PU if quantity == "voltage" else accuracy.FREQUENCY_HZ)
        edges = {"as-set": standard.number(f"enter_service.{setting}"), "lowest": figure.low, "highest": figure.high}
        for name, edge in edges.items():
            outside, inside = edge + margin, edge - margin
            if not _quiet(standard, quantity, outside) or not _quiet(standard, quantity, inside):
                continue
            course = _at(subject.course(), quantity, outside).hold(_AWAY_S)
            back_s = _AWAY_S
            if name == "as-set":
                _at(course, quantity, inside).hold(0.25 * delay_s)
                _at(course, quantity, outside).hold(0.06)
                back_s = course.end.time_s
            _at(course, quantity, inside)
            changes: dict[str, Value] = {"enter_service.delay_s": delay_s, f"enter_service.{setting}": edge}
            if quantity == "frequency":  # it would hold the power where it was: at nothing
                changes |= {"frequency_droop.over_enabled": False, "frequency_droop.under_enabled": False}
            yield Case(
                f"enter-service/{setting.replace('_', '-')}/{name}", _source(subject, setting), course,
                _entry(standard, back_s, delay_s, ramp_s), back_s + delay_s + 3.0, tests=_names(setting),
                settings=changes, cold=True, plugs_s=(_PLUG_S,),
            )  # fmt: skip


def _quiet(standard: Standard, quantity: str, value: float) -> bool:
    """Whether no element trips there, and the station would operate."""
    bands = standard.voltage if quantity == "voltage" else standard.frequency
    band = next(each for each in bands if each.mode == "continuous")
    return band.low < value < band.high


def _at(course: Course, quantity: str, value: float) -> Course:
    return course.voltage(value) if quantity == "voltage" else course.frequency(value)


def _ramping(delay_s: float, ramp_s: float, since_s: float = 0.0) -> Iterator[Check]:
    for share in (0.25, 0.5, 0.75):
        at_s = since_s + delay_s + share * ramp_s
        span_s = min(1.0, 0.05 * ramp_s)
        yield Settles("power_pu", at_s - span_s, at_s + span_s, -share, accuracy.POWER_PU)


def _start(subject: Subject) -> Case:
    """With the code's own delay and ramp, from the station's start on."""
    standard = subject.standard
    delay_s, ramp_s = standard.number("enter_service.delay_s"), standard.number("enter_service.ramp_s")
    checks: tuple[Check, ...] = _entry(standard, 0.0, delay_s, ramp_s)
    if ramp_s:
        checks += tuple(_ramping(delay_s, ramp_s))
    settings: dict[str, Value] = {"enter_service.delay_s": delay_s, "enter_service.ramp_s": ramp_s}
    return Case(
        "enter-service/delay-and-ramp", _source(subject, "ramp_s"), subject.course(), checks, delay_s + ramp_s + 5.0,
        power_pu=-1.0, tests=_names("delay_s", "ramp_s"), settings=settings, cold=True, plugs_s=(_PLUG_S,),
    )  # fmt: skip


def _waiting_ramp(subject: Subject) -> Case:
    """A car that comes long after the delay gets the whole ramp: it stands still while nobody is there."""
    delay_s, ramp_s = _short_s(subject.standard), 40.0
    came_s = delay_s + 50.0
    settings: dict[str, Value] = {"enter_service.delay_s": delay_s, "enter_service.ramp_s": ramp_s}
    checks = (_feeds_nothing(0.0, came_s), Settles("power_pu", came_s + 20.0, came_s + 22.0, -0.42, 0.25))
    return Case(
        "enter-service/ramp-waits-for-the-car", "this station", subject.course(), checks, came_s + 23.0,
        power_pu=-1.0, tests=_names("ramp_s"), settings=settings, cold=True, plugs_s=(came_s,),
    )  # fmt: skip


def _after_trip(subject: Subject) -> Iterator[Case]:
    """Tripped by a voltage that no code allows; the next car comes as soon as the voltage is back. The settings of the
    way back count, which may be others than those of a start; its window is tested beside."""
    standard, table = subject.standard, subject.standard.back
    away_s = 5.0
    delay_s, ramp_s = standard.number(f"{table}.delay_s"), standard.number(f"{table}.ramp_s")
    changes: dict[str, Value] = {f"{table}.delay_s": delay_s, f"{table}.ramp_s": ramp_s}
    tests = _names("delay_s", "ramp_s", table=table)
    for name, pu in (("over-voltage", 1.3), ("dead-grid", 0.0)):
        course = subject.course().voltage(pu).hold(away_s).voltage(1.0)
        lasts_s = away_s + delay_s + 0.05 * ramp_s + 5.0
        checks: tuple[Check, ...] = (
            _feeds_nothing(away_s / 2, away_s + delay_s - 0.1), *_entry(standard, away_s, delay_s, ramp_s)[1:],
        )  # fmt: skip
        if name == "over-voltage" and ramp_s:
            lasts_s = away_s + delay_s + ramp_s
            checks += tuple(_ramping(delay_s, ramp_s, away_s))
        yield Case(
            f"enter-service/after-{name}", _source(subject, "delay_s", table), course, checks, lasts_s,
            power_pu=-1.0, tests=tests, adjusted=changes, plugs_s=(away_s + 0.1,),
        )  # fmt: skip
    short_s = _short_s(standard, table)
    prompt: dict[str, Value] = {
        f"{table}.delay_s": short_s,
        f"{table}.ramp_s": standard.figures[f"{table}.ramp_s"].low,
    }
    for setting, quantity, outwards in (
        ("lowest_pu", "voltage", -1), ("highest_pu", "voltage", 1), ("lowest_hz", "frequency", -1),
        ("highest_hz", "frequency", 1),
    ):  # fmt: skip
        edge = standard.number(f"{table}.{setting}")
        margin = outwards * (accuracy.VOLTAGE_PU if quantity == "voltage" else accuracy.FREQUENCY_HZ)
        if table == "enter_service" or not _quiet(standard, quantity, edge + margin):
            continue
        course = subject.course().voltage(1.3).hold(away_s).voltage(1.0)
        back_s = away_s + _AWAY_S
        _at(course, quantity, edge + margin).hold(_AWAY_S)
        _at(course, quantity, edge - margin)
        if quantity == "frequency":
            prompt |= {"frequency_droop.over_enabled": False, "frequency_droop.under_enabled": False}
        checks = (_feeds_nothing(1.0, back_s + short_s - 0.1), *_entry(standard, back_s, short_s, 0.0)[1:])
        yield Case(
            f"enter-service/back-{setting.replace('_', '-')}", _source(subject, setting, table), course, checks,
            back_s + short_s + 3.0, tests=_names(setting, table=table), adjusted=prompt, plugs_s=(away_s + 0.1,),
        )  # fmt: skip


def _random_delay(subject: Subject) -> Iterator[Case]:
    """For a code that allows one, in the place of the ramp."""
    figures, random_s = subject.standard.figures, 20.0
    if figures["enter_service.ramp_s"].low > 0 or figures["enter_service.random_delay_s"].high < random_s:
        return
    delay_s = _short_s(subject.standard)
    settings: dict[str, Value] = {"enter_service.delay_s": delay_s, "enter_service.random_delay_s": random_s}
    yield Case(
        "enter-service/random-delay", _source(subject, "random_delay_s"), subject.course(),
        _entry(subject.standard, 0.0, delay_s, 0.0, random_s), delay_s + random_s + 3.0,
        tests=_names("random_delay_s"), settings=settings, cold=True, plugs_s=(_PLUG_S,),
    )  # fmt: skip


def _permission(subject: Subject) -> Iterator[Case]:
    """Steps b to e and k of 5.6: nothing without permission, and an end of what flows when it is withdrawn."""
    standard = subject.standard
    ramp_s = standard.figures["enter_service.ramp_s"].low
    given_s, delay_s = 60.0, _short_s(standard)
    yield Case(
        "enter-service/permission-is-given", _source(subject, "permitted"), subject.course().hold(given_s),
        _entry(standard, given_s, delay_s, ramp_s), given_s + delay_s + 4.0, tests=_names("permitted"),
        settings={"enter_service.permitted": False, "enter_service.delay_s": delay_s}, cold=True,
        later=((given_s, {"enter_service.permitted": True}),), plugs_s=(given_s + 0.5,),
    )  # fmt: skip
    for direction, power_pu in (("discharging", -0.9),):
        yield Case(
            f"enter-service/permission-is-withdrawn/{direction}", _source(subject, "permitted"), subject.course(),
            (Trips(0.0, _WITHDRAWN_S), Idle(_WITHDRAWN_S, 10.0)), 10.5, power_pu, _names("permitted"),
            adjusted={"enter_service.permitted": False},
        )  # fmt: skip


def _load(subject: Subject) -> Iterator[Case]:
    """Charging before service begins: in continuous operation at once, outside of it not at all; feeding waits."""
    standard = subject.standard
    waits: dict[str, Value] = {"enter_service.delay_s": standard.figures["enter_service.delay_s"].high}
    charges = Case(
        "enter-service/charging-is-a-load", "this station", subject.course(),
        (Settles("power_pu", _PLUG_S + _SESSION_S, _PLUG_S + _SESSION_S + 2, 0.9, accuracy.POWER_PU),),
        _PLUG_S + _SESSION_S + 2.5, 0.9, _names("delay_s"), settings=waits, cold=True, plugs_s=(_PLUG_S,),
    )  # fmt: skip
    yield charges
    yield replace(
        charges, name="enter-service/feeding-waits", power_pu=-0.9, checks=(_feeds_nothing(0.0, charges.lasts_s - 0.5),)
    )
    band = next(each for each in standard.voltage if each.mode == "continuous")
    entry = standard.figures["enter_service.highest_pu"]
    outside_pu = (entry.low + band.high) / 2
    if entry.low < outside_pu < band.high:
        settings: dict[str, Value] = {**waits, "enter_service.highest_pu": entry.low}
        yield replace(
            charges, name="enter-service/charging-outside-the-window", course=subject.course().voltage(outside_pu),
            settings=settings,
        )  # fmt: skip
    low = next((each for each in standard.voltage if each.high == band.low), None)
    if low is not None and low.stay_s > 10:
        below = subject.course().voltage(low.high - accuracy.VOLTAGE_PU)
        name = "enter-service/no-charging-outside-continuous-operation"
        idle = (Idle(0.0, charges.lasts_s - 0.5),)
        yield replace(charges, name=name, course=below, checks=idle)
