"""The verdict: entering service, riding through, ceasing, tripping, and measurements that are none."""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.grid.waveforms import RATE_HZ, waveform

from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.element import Quantity
from v2g.grid.protection import Cause, Protection, State, Verdict
from v2g.grid.reactive import Transition
from v2g.grid.ride_through import Mode, Zone, zone
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode
from v2g.grid.support import GridSupport
from v2g.grid.waveform import WaveformEstimator

Run = Callable[..., Iterable[tuple[float, Verdict]]]
SOUND = (1.0, 1.0, 1.0)
NAMES = settings.names()
RATING = Rating(apparent_va=11_000, charge_w=10_000, discharge_w=10_000, reactive_max_var=5_000)


def last(verdicts: Iterable[tuple[float, Verdict]]) -> Verdict:
    *_, (_, verdict) = verdicts
    return verdict


# Entering service


def test_enters_service_after_the_delay_and_on_a_ramp(run: Run) -> None:
    shares = {}
    for now, verdict in run(Protection(settings.load("ieee1547-cat3")), (700, SOUND, 60.0), dt_s=0.1):
        shares[round(now, 1)] = (verdict.state, verdict.share)
    assert shares[299.0][0] is State.WAIT
    assert shares[300.1][0] is State.RUN
    assert shares[449.0][1] == pytest.approx(0.5, abs=0.01)  # as OpenDER was measured
    assert shares[599.0][1] == pytest.approx(1.0, abs=0.01)
    assert shares[700.0] == (State.RUN, 1.0)


@pytest.mark.parametrize(
    ("voltages_pu", "frequency_hz", "why"),
    [
        ((0.90, 1.0, 1.0), 60.0, "voltage 0.900 pu outside 0.917..1.05 pu"),
        ((1.0, 1.0, 1.06), 60.0, "voltage 1.060 pu outside"),
        (SOUND, 60.2, "frequency 60.20 Hz outside 59.5..60.1 Hz"),
    ],
)
def test_waits_while_the_grid_is_outside_the_window(
    run: Run, voltages_pu: tuple[float, ...], frequency_hz: float, why: str
) -> None:
    verdict = last(run(Protection(settings.load("ieee1547-cat3")), (310, voltages_pu, frequency_hz), dt_s=0.1))
    assert verdict.state is State.WAIT
    assert why in verdict.why


def test_an_interruption_begins_the_wait_anew(run: Run) -> None:
    protection = Protection(settings.load("ieee1547-cat3"))
    stretches = [(290, SOUND, 60.0), (0.1, SOUND, 60.2), (290, SOUND, 60.0)]
    assert last(run(protection, *stretches, dt_s=0.1)).state is State.WAIT


def test_after_a_trip_the_way_back_is_that_into_service_and_tells_why(run: Run) -> None:
    protection = Protection(settings.load("en50549-1"), in_service=True)
    states = [v for _, v in run(protection, (1, SOUND, 50.0), (0.2, SOUND, 52.0), (80, SOUND, 50.0), dt_s=0.05)]
    assert states[23].state is State.TRIP
    assert states[23].cause is Cause.FREQUENCY
    waiting = states[200]
    assert waiting.state is State.WAIT
    assert "tripped by of1: frequency 52.000 Hz over 51.5 Hz" in waiting.why
    assert states[-1].state is State.RUN
    assert states[-1].share < 0.1


@pytest.mark.parametrize(("name", "out_s", "back_after_s"), [
    ("vde-4105", 3.0, 8.0), ("vde-4105", 3.1, 60.0), ("en50549-1", 1.0, 60.0)
])  # fmt: skip
def test_after_a_short_interruption_the_way_back_is_shorter(
    run: Run, name: str, out_s: float, back_after_s: float
) -> None:
    protection = Protection(settings.load(name), in_service=True)
    verdicts = list(run(protection, (1, SOUND, 50.0), (out_s, (1.3,) * 3, 50.0), (70, SOUND, 50.0), dt_s=0.1))
    tripped_s = next(now for now, verdict in verdicts if verdict.state is State.TRIP)
    back_s = next(now for now, verdict in verdicts if now > tripped_s and verdict.state is State.RUN)
    assert back_s - tripped_s == pytest.approx(out_s + back_after_s, abs=0.15)


def test_a_station_that_trips_by_its_own_power_comes_back_soon_once_only() -> None:
    """Feeding lifts the voltage beyond an element: after the first return it waits the full time each time."""
    protection, voltage_pu, entered = Protection(settings.load("vde-4105"), in_service=True), 1.0, list[float]()
    waits = True
    for count in range(3_000):
        now = count * 0.1
        verdict = protection.step(GridSample(now, count, (voltage_pu,) * 3, 50.0), now)
        if waits and verdict.may_exchange:
            entered.append(now)
        waits = not verdict.may_exchange
        voltage_pu = 1.0 if waits else 1.3
    assert [second - first for first, second in pairwise(entered)] == pytest.approx([8.3, *[60.3] * 4], abs=0.3)


def test_random_delay_instead_of_a_ramp(run: Run) -> None:
    code = settings.load("ieee1547-cat3").with_settings(
        {"enter_service.ramp_s": 0, "enter_service.random_delay_s": 100, "enter_service.delay_s": 10}
    )
    protection = Protection(code, draw=lambda: 0.25)
    entered = next(now for now, verdict in run(protection, (200, SOUND, 60.0), dt_s=0.1) if verdict.may_exchange)
    assert entered == pytest.approx(10 + 25, abs=0.2)


def test_a_withdrawn_permission_trips_and_its_return_is_the_way_into_service() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    verdicts = []
    for count in range(4_000):
        if count == 10:
            protection.adjust({"enter_service.permitted": False})
        if count == 20:
            protection.adjust({"enter_service.permitted": True, "enter_service.delay_s": 30})
        verdicts.append(protection.step(GridSample(count * 0.1, count, SOUND, 60.0), count * 0.1))
    assert verdicts[9].state is State.RUN
    assert (verdicts[10].state, verdicts[10].element) == (State.TRIP, "permit service")
    assert verdicts[20].state is State.WAIT
    assert verdicts[318].state is State.WAIT
    assert verdicts[320].state is State.RUN


def test_a_delay_adjusted_while_it_runs(run: Run) -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    for now, verdict in run(protection, (1, SOUND, 60.0), (25, (0.8,) * 3, 60.0)):
        if round(now, 2) == 4.0:
            protection.adjust({"trip.uv1.threshold_pu": 0.7})
        assert verdict.state is not State.TRIP


def _parts(thing: object) -> object:
    """What an object is made of, down to plain values."""
    match thing:
        case list() | tuple() | deque():
            return [_parts(each) for each in thing]
        case GridCode() | Transition():  # what is made of it is what counts; a change of the mode takes its time
            return None
        case float() | int() | str() | None:
            return thing
        case _ if callable(thing):
            return None
        case _:
            slots = getattr(type(thing), "__slots__", ())
            held = vars(thing) if hasattr(thing, "__dict__") else {name: getattr(thing, name) for name in slots}
            return {name: _parts(value) for name, value in held.items() if name != "_until_turn_s"}


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_reaches_what_runs(name: str) -> None:
    """Adjusted in operation or set from the start is the same."""
    code = settings.load(name)
    for setting in code.settings.values():
        for value in setting.choices or (setting.low, setting.high):
            try:
                adjusted = code.with_settings({setting.name: value})
            except settings.SettingsError:
                continue  # contradicts another one
            running, supporting = Protection(code), GridSupport(code, RATING)
            running.adjust({setting.name: value})
            supporting.adjust({setting.name: value})
            sample, fresh = GridSample(0.0, 0, SOUND, code.nominal_hz), GridSupport(adjusted, RATING)
            for each in (supporting, fresh):
                each.step(sample, 0.0, 0.1)
            assert _parts(running) == _parts(Protection(adjusted)), setting.name
            assert _parts(supporting) == _parts(fresh), setting.name


@pytest.mark.parametrize(
    ("voltage_pu", "frequency_hz", "load"),
    [(1.055, 60.0, True), (0.91, 60.0, True), (1.0, 60.15, True), (1.0, 59.45, True), (0.80, 60.0, False)],
)
def test_charging_need_not_wait_for_service(run: Run, voltage_pu: float, frequency_hz: float, load: bool) -> None:
    """It is a load: allowed in continuous operation, though the window of entering service is narrower."""
    verdict = last(run(Protection(settings.load("ieee1547-cat3")), (5, (voltage_pu,) * 3, frequency_hz), dt_s=0.05))
    assert verdict.state is State.WAIT
    assert (verdict.may_exchange, verdict.may_charge) == (False, load)


def test_after_a_trip_and_without_permission_there_is_no_charging_either(run: Run) -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    for _, verdict in run(protection, (1, SOUND, 60.0), (1, (1.3,) * 3, 60.0)):
        assert verdict.may_charge == (verdict.state is State.RUN)
    withdrawn = settings.load("ieee1547-cat3").with_settings({"enter_service.permitted": False})
    assert not last(run(Protection(withdrawn), (1, SOUND, 60.0))).may_charge


def test_the_ramp_into_service_waits_for_the_car() -> None:
    protection = Protection(settings.load("ieee1547-cat3").with_settings({"enter_service.delay_s": 0.0}))
    shares = []
    for count in range(8_000):
        sample = GridSample(count * 0.1, count, SOUND, 60.0)
        shares.append(protection.step(sample, sample.time_s, in_use=count >= 5_000).share)
    assert max(shares[:5_000]) == 0.0
    assert shares[6_500] == pytest.approx(0.5, abs=0.01)
    assert shares[-1] == pytest.approx(1.0, abs=0.01)


# Riding through


@pytest.mark.parametrize(("name", "lifted_pu"), [("ieee1547-cat3", 1.105), ("ieee1547-cat3", 1.18), ("vde-4105", 1.2)])
def test_a_voltage_that_follows_the_station_s_own_power_ends_in_a_trip(name: str, lifted_pu: float) -> None:
    """Feeding lifts the voltage out of its band, ceasing lets it back: no limit cycle."""
    code = settings.load(name)
    protection, verdict = Protection(code, in_service=True), None
    states, voltage_pu = [], 1.0
    for count in range(1_000):
        now = count * 0.02
        verdict = protection.step(GridSample(now, count, (voltage_pu,) * 3, code.nominal_hz), now)
        states.append(verdict.state)
        voltage_pu = lifted_pu if verdict.may_exchange else 1.0
    changes = sum(first is not second for first, second in pairwise(states))
    assert changes <= 14
    assert State.TRIP in states[:250]
    assert states[-1] is State.WAIT


def test_dips_of_the_grid_itself_are_no_limit_cycle(run: Run) -> None:
    """Three of 1 s with a second between them, and ten with longer pauses (table 17)."""
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    dips = [(1.0, (0.4,) * 3, 60.0), (1.0, SOUND, 60.0)] * 10
    assert all(verdict.state is not State.TRIP for _, verdict in run(protection, (1, SOUND, 60.0), *dips))


def test_momentary_cessation_and_restoration(run: Run) -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    verdicts = list(run(protection, (1, SOUND, 60.0), (0.9, (0.4,) * 3, 60.0), (1, SOUND, 60.0)))
    ceased = [now for now, verdict in verdicts if verdict.state is State.CEASE]
    assert ceased[0] == pytest.approx(1.01)
    assert ceased[-1] - 1.9 <= 0.4
    assert all(verdict.state is not State.TRIP for _, verdict in verdicts)
    assert verdicts[-1][1].share == 1.0


def test_no_chatter_where_cessation_begins(run: Run) -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    flapping = [(0.02, (1.099 if index % 2 else 1.101,) * 3, 60.0) for index in range(100)]
    states = [verdict.state for _, verdict in run(protection, (1, SOUND, 60.0), *flapping)]
    assert sum(first is not second for first, second in pairwise(states)) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_rates_of_change_of_frequency_that_must_be_ridden_through(name: str, sign: int) -> None:
    code = settings.load(name)
    protection = Protection(code, in_service=True)
    middle = next(band for band in code.ride_through.frequency if band.mode is Mode.CONTINUOUS)
    rate, edge_hz = code.ride_through.rocof_hz_per_s, middle.high if sign > 0 else middle.low
    for count in range(1000):
        now = count * 0.02
        moved_hz = min(rate * max(now - 1, 0), abs(edge_hz - code.nominal_hz))
        verdict = protection.step(GridSample(now, count, SOUND, code.nominal_hz + sign * moved_hz), now)
        assert verdict.state is State.RUN, verdict.why


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("phases", "jump_deg"), [(3, 20.0), (3, -20.0), (1, 60.0), (1, -60.0)])
def test_phase_jumps_that_must_be_ridden_through(name: str, phases: int, jump_deg: float) -> None:
    """From the waveform, so with the echo of the jump in the frequency."""
    code = settings.load(name)
    if True in code.settings["islanding.vector_shift_enabled"].choices:
        code = code.with_settings({"islanding.vector_shift_enabled": True})
    protection = Protection(code, phases, in_service=True)
    estimator = WaveformEstimator(RATE_HZ, code.nominal_hz)
    jumping = waveform(lambda _: code.nominal_hz, 1.5, jump_at_s=0.7, jump_deg=jump_deg)
    echo_hz = 0.0
    for count, value in enumerate(jumping):
        estimator.feed(value)
        estimate = estimator.estimate()
        if count % 32 or estimate is None:
            continue
        echo_hz = max(echo_hz, abs(estimate.frequency_hz - code.nominal_hz))
        now = count / RATE_HZ
        voltages_pu = (estimate.voltage_pu,) * phases
        sample = GridSample(now, count, voltages_pu, estimate.frequency_hz, phase_jump_deg=estimate.phase_jump_deg)
        verdict = protection.step(sample, now)
        assert verdict.state is not State.TRIP, verdict.why
    assert echo_hz > 1


@pytest.mark.parametrize(("name", "beyond"), [(name, 1.5) for name in NAMES])
def test_rates_beyond_the_setting_are_an_island(name: str, beyond: float) -> None:
    code = settings.load(name)
    protection = Protection(code, in_service=True)
    rate = code.islanding.rocof_hz_per_s * beyond
    verdict = None
    for count in range(200):
        now = count * 0.01
        sample = GridSample(now, count, SOUND, code.nominal_hz - 1 + rate * 0.01 * count / 4, rocof_hz_per_s=rate)
        verdict = protection.step(sample, now)
        if verdict.state is State.TRIP:
            break
    assert verdict is not None
    assert (verdict.element, verdict.cause) == ("rocof", Cause.ISLANDING)


def test_vector_shift_beyond_the_setting_is_an_island() -> None:
    code = settings.load("en50549-1").with_settings({"islanding.vector_shift_enabled": True})
    protection = Protection(code, in_service=True)
    protection.step(GridSample(0.0, 0, SOUND, 50.0), 0.0)
    verdict = protection.step(GridSample(0.01, 1, SOUND, 50.0, phase_jump_deg=-45), 0.01)
    assert (verdict.element, verdict.cause) == ("vector_shift", Cause.ISLANDING)


def test_a_grid_without_voltage_is_an_island(run: Run) -> None:
    for name in NAMES:
        protection = Protection(settings.load(name), in_service=True)
        gone = [v for _, v in run(protection, (1, SOUND, protection.code.nominal_hz), (2, (0.01,) * 3, nan))]
        tripped = [verdict for verdict in gone if verdict.state is State.TRIP]
        assert tripped[0].cause is Cause.ISLANDING
        assert len(gone) - len(tripped) <= 255  # within 1.55 s
    assert all(verdict.state is State.TRIP for verdict in gone[255:])


@pytest.mark.parametrize("name", NAMES)
@hypothesis_settings(max_examples=40, deadline=None)
@given(
    voltage_pu=st.floats(0.02, 1.4),
    offset_hz=st.one_of(st.just(0.0), st.floats(-4, 4)),
    dt_s=st.sampled_from([0.01, 0.05, 0.1]),
)
def test_the_three_zones(name: str, voltage_pu: float, offset_hz: float, dt_s: float) -> None:
    """Never gone while the station must stay; gone once it must be."""
    code = settings.load(name)
    steady = code.with_settings({"islanding.rocof_enabled": False})
    protection = Protection(steady, in_service=True)
    sound = GridSample(0.0, 0, SOUND, code.nominal_hz)
    protection.step(sound, 0.0)
    disturbed = replace(sound, voltages_pu=(1.0, voltage_pu, 1.0), frequency_hz=code.nominal_hz + offset_hz)
    for count in range(1, 400):
        now = count * dt_s
        sample = replace(disturbed, time_s=now, sequence=count)
        verdict = protection.step(sample, now)
        expected = zone(code.ride_through, code.trip, sample, now)
        if expected is Zone.MUST_BE_GONE:
            assert verdict.state is State.TRIP
            return
        if expected is Zone.MUST_STAY:
            assert verdict.state is not State.TRIP, verdict.why


# Measurements that are none


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"voltages_pu": (nan, 1.0, 1.0)}, "not a number"),
        ({"voltages_pu": (1.0, inf, 1.0)}, "not a number"),
        ({"voltages_pu": (1.0, -0.1, 1.0)}, "voltage outside"),
        ({"voltages_pu": (1.0, 2.5, 1.0)}, "voltage outside"),
        ({"voltages_pu": ()}, "no voltage"),
        ({"voltages_pu": (1.0,)}, "1 voltages, 3 expected"),
        ({"frequency_hz": nan}, "frequency outside"),
        ({"frequency_hz": 0.0}, "frequency outside"),
        ({"frequency_hz": 400.0}, "frequency outside"),
        ({"rocof_hz_per_s": nan}, "not a number"),
        ({"phase_jump_deg": nan}, "not a number"),
        ({"power_w": nan}, "not a number"),
        ({"time_s": nan}, "not a number"),
        ({"time_s": 0.6}, "0.40 s old"),
        ({"time_s": 0.4}, "older than the one before"),
        ({"time_s": 9.0}, "-8.00 s old"),
    ],
)
def test_what_is_no_measurement_is_a_fault(broken: dict[str, Any], why: str) -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    good = GridSample(0.5, 1, SOUND, 60.0)
    assert protection.step(good, 0.5).state is State.RUN
    verdict = protection.step(replace(good, **{"time_s": 1.0, "sequence": 2, **broken}), 1.0)
    assert (verdict.state, verdict.element, verdict.cause) == (State.TRIP, "measurement", Cause.MEASUREMENT)
    assert why in verdict.why


@pytest.mark.parametrize("name", NAMES)
def test_one_sample_that_cannot_be_believed_stops_the_power_and_does_not_trip(name: str) -> None:
    """A sensing unit that loses its lock when the voltage jumps; two in a row are a fault."""
    code = settings.load(name)
    for bad, state in ((1, State.RUN), (2, State.TRIP)):
        protection = Protection(code, in_service=True)
        states = []
        for count in range(20):
            frequency_hz = nan if 10 <= count < 10 + bad else code.nominal_hz
            states.append(protection.step(GridSample(count * 0.02, count, SOUND, frequency_hz), count * 0.02).state)
        assert states[9] is State.RUN
        assert states[10] is State.CEASE
        assert states[11] is state
        assert states[-1] is (State.RUN if bad == 1 else State.WAIT)


@pytest.mark.parametrize(("every", "within_s"), [(2, 0.4), (5, 1.0), (100, 20.0), (2_000, 360.0)])
def test_a_sensing_unit_that_is_wrong_again_and_again_ends_in_a_trip(every: int, within_s: float) -> None:
    """No running and ceasing in turn for ever, nor running and tripping, even if service needs no waiting."""
    code = settings.load("ieee1547-cat3").with_settings({"enter_service.delay_s": 0, "enter_service.ramp_s": 0})
    protection = Protection(code, in_service=True)
    verdicts = []
    for count in range(round((within_s + 30) / 0.02)):
        frequency_hz = nan if count % every == every - 1 else 60.0
        verdicts.append(protection.step(GridSample(count * 0.02, count, SOUND, frequency_hz), count * 0.02))
    tripped = [verdict.state is State.TRIP for verdict in verdicts]
    assert tripped.index(True) * 0.02 <= within_s
    assert all(tripped[tripped.index(True) :])
    assert {verdict.cause for verdict, out in zip(verdicts, tripped, strict=True) if out} == {Cause.MEASUREMENT}
    assert verdicts[-1].why == "more than 8 samples could not be believed; it takes 60 s without any"


def test_a_sensing_unit_is_believed_again_after_a_minute() -> None:
    code = settings.load("ieee1547-cat3").with_settings({"enter_service.delay_s": 0})
    protection, states = Protection(code, in_service=True), []
    for count in range(4_000):
        frequency_hz = nan if count < 20 and count % 2 else 60.0
        states.append(protection.step(GridSample(count * 0.02, count, SOUND, frequency_hz), count * 0.02).state)
    assert states[19] is states[3_000] is State.TRIP
    assert states[-1] is State.RUN


def test_three_dips_in_which_the_unit_loses_its_lock_twice_are_ridden_through() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    for count in range(600):
        within = count % 200
        voltage_pu, frequency_hz = (0.6 if 50 <= within < 100 else 1.0), (nan if within in (50, 100) else 60.0)
        sample = GridSample(count * 0.02, count, (voltage_pu,) * 3, frequency_hz)
        assert protection.step(sample, sample.time_s).state is not State.TRIP


def test_a_doubtful_sample_that_stays_the_last_one_is_a_fault() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    protection.step(GridSample(0.0, 0, SOUND, 60.0), 0.0)
    doubtful = GridSample(0.02, 1, SOUND, nan)
    assert protection.step(doubtful, 0.02).state is State.CEASE
    assert protection.step(doubtful, 0.2).state is State.TRIP


def test_doubtful_samples_hide_no_disturbance() -> None:
    """Every other sample cannot be believed, and the voltage is out: the trip comes as without them."""
    protection = Protection(settings.load("ieee1547-cat2"), in_service=True)
    for count in range(100):
        voltage_pu, now = 1.3 if count >= 10 else 1.0, count * 0.02
        sample = GridSample(now, count, (voltage_pu,) * 3, nan if count % 2 else 60.0)
        if protection.step(sample, now).state is State.TRIP:
            break
    assert 0.1 <= now - 0.18 <= 0.16


def test_a_gap_in_which_nobody_looked_is_no_waiting() -> None:
    protection = Protection(settings.load("ieee1547-cat3"))
    protection.step(GridSample(0.0, 0, SOUND, 60.0), 0.0)
    verdict = protection.step(GridSample(301.0, 1, SOUND, 60.0), 301.0)
    assert (verdict.state, verdict.why) == (State.WAIT, "300 s until service")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gap_s", [0.05, 0.12, 0.2, 0.3])
def test_one_sample_after_a_gap_trips_nothing_that_must_be_ridden_through(name: str, gap_s: float) -> None:
    """Only what must be cleared within the time that one sample can speak for."""
    code = settings.load(name)
    for element in code.trip:
        if element.delay_s <= 0.1 + code.measurement.reaction_s or element.quantity is Quantity.TEN_MINUTE_VOLTAGE:
            continue
        outside = element.threshold + (0.02 if element.side == "over" else -0.02)
        hertz = element.quantity is Quantity.FREQUENCY
        protection = Protection(code, in_service=True)
        for count, bad in enumerate((False, False, True, False, False)):
            voltage_pu = outside if bad and not hertz else 1.0
            frequency_hz = outside if bad and hertz else code.nominal_hz
            sample = GridSample(count * gap_s, count, (voltage_pu,) * 3, frequency_hz)
            verdict = protection.step(sample, sample.time_s)
            assert verdict.state is not State.TRIP or verdict.cause is Cause.ISLANDING, (element.name, verdict.why)


@pytest.mark.parametrize("dt_s", [0.005, 0.02, 0.05, 0.08, 0.1])
def test_however_often_one_looks_a_disturbance_is_cleared_in_time(dt_s: float) -> None:
    for phase in range(5):
        protection = Protection(settings.load("ieee1547-cat2"), in_service=True)
        begins_s = 1.0 + dt_s * phase / 5
        for count in range(1000):
            now = count * dt_s
            voltage_pu = 1.25 if now >= begins_s else 1.0
            if protection.step(GridSample(now, count, (voltage_pu,) * 3, 60.0), now).state is State.TRIP:
                break
        assert now - begins_s <= 0.16 + dt_s / 2


def test_no_sample_at_all_is_a_fault() -> None:
    verdict = Protection(settings.load("ieee1547-cat3"), in_service=True).step(None, 0.0)
    assert (verdict.state, verdict.cause) == (State.TRIP, Cause.MEASUREMENT)


def test_a_frozen_sensing_unit_is_a_fault() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    verdicts = [protection.step(GridSample(n * 0.1, 7, SOUND, 60.0), n * 0.1) for n in range(6)]
    assert [verdict.state for verdict in verdicts[:4]] == [State.RUN] * 4
    assert "frozen" in verdicts[4].why


def test_one_sample_again_and_again_becomes_stale() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    sample = GridSample(0.0, 1, SOUND, 60.0)
    assert protection.step(sample, 0.1) == protection.step(sample, 0.2)
    assert protection.step(sample, 0.36).cause is Cause.MEASUREMENT


@hypothesis_settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1.4), st.floats(55, 64)), min_size=1, max_size=60))
def test_the_same_samples_give_the_same_verdicts(series: list[tuple[float, float]]) -> None:
    first, second = (Protection(settings.load("ieee1547-cat2"), 1, in_service=True) for _ in range(2))
    for count, (voltage_pu, frequency_hz) in enumerate(series):
        now = count * 0.05
        sample = GridSample(now, count, (voltage_pu,), frequency_hz)
        verdict = first.step(sample, now)
        assert verdict == second.step(sample, now)
        assert 0 <= verdict.share <= 1
        assert verdict.may_exchange == (verdict.state is State.RUN)


@pytest.mark.parametrize("name", ["en50549-1", "vde-4105", "as-nzs-4777-2"])
def test_the_echo_of_a_phase_jump_in_two_samples_far_apart_is_no_island(name: str) -> None:
    """While nothing flows there are 0.1 s between them."""
    code = settings.load(name)
    protection = Protection(code, in_service=True)
    for count in range(20):
        rate = 2 * code.islanding.rocof_hz_per_s if count in (10, 11) else 0.0
        sample = GridSample(count * 0.1, count, SOUND, code.nominal_hz, rocof_hz_per_s=rate)
        assert protection.step(sample, sample.time_s).state is State.RUN


@pytest.mark.parametrize("pace_s", [0.02, 0.1])
def test_one_doubtful_sample_is_looked_at_again_when_the_meter_is_read(pace_s: float) -> None:
    """While energy flows and before."""
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    protection.step(GridSample(0.0, 0, SOUND, 60.0), 0.0)
    doubtful = GridSample(pace_s, 1, SOUND, nan)
    assert [protection.step(doubtful, share * pace_s).state for share in (1, 1.9)] == [State.CEASE, State.CEASE]
    assert protection.step(GridSample(2 * pace_s, 2, SOUND, 60.0), 2 * pace_s).state is State.RUN


def test_once_a_disturbance_is_over_a_withdrawn_permission_is_the_reason() -> None:
    protection = Protection(settings.load("ieee1547-cat3"), in_service=True)
    elements = []
    for count in range(20):
        if count == 10:
            protection.adjust({"enter_service.permitted": False})
        sample = GridSample(count * 0.02, count, (1.3 if count < 10 else 1.0,) * 3, 60.0)
        elements.append(protection.step(sample, count * 0.02).element)
    assert (elements[9], elements[-1]) == ("ov2", "permit service")
