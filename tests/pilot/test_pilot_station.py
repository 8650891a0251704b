"""The station's side against a simulated car: sequences, waits, fallback, waking, faults."""

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pilot.bench import POLL_S, Bench

from v2g.bench.sim.pilot import Cable
from v2g.pilot.duty import DIGITAL, Meaning, meaning
from v2g.pilot.state import DEBOUNCE_S, State
from v2g.pilot.station import Happening, Permission, PilotSettings, Signal
from v2g.pilot.timing import (
    BREAK_S,
    FOLLOW_S,
    RETRIES,
    SLAC_INIT_S,
    STEP_EF_S,
    STEP_X1_S,
    TOGGLE_DETECT_S,
    UNPLUG_S,
    WAKE_S,
    YIELD_S,
)
from v2g.pilot.vehicle import VehiclePilot
from v2g.power.pilot import PilotReading

AC = PilotSettings(fallback_a=16)


def charging(*, settings: PilotSettings | None = None, vehicle: VehiclePilot | None = None) -> Bench:
    """A car that draws by 5 % and an existing link."""
    bench = Bench(settings, vehicle=vehicle)
    bench.plug_in(wants_energy=True)
    bench.pilot.linked = True
    assert (bench.pilot.finding.name, bench.pilot.permission) == ("C2", Permission.CLOSE)
    bench.pilot.events.clear()
    return bench


def test_nothing_is_known_or_permitted_before_the_first_readings() -> None:
    bench = Bench()
    assert (bench.pilot.finding.name, bench.pilot.permission, bench.pilot.duty) == ("unknown", Permission.OPEN, 1.0)
    bench.run(0.2)
    assert bench.pilot.finding.name == "A1"


def test_plugging_in_is_seen_and_answered_with_the_wanted_signal() -> None:
    bench = Bench()
    bench.pilot.want(Signal.DIGITAL)
    bench.run(1.0)
    assert bench.pilot.signal is Signal.NOT_READY  # no PWM into the air
    bench.module.cable = Cable.SOUND
    took_s = bench.run(1.0, lambda: bench.pilot.connected)
    assert took_s <= TOGGLE_DETECT_S
    assert bench.pilot.duty == DIGITAL
    bench.run(0.5)
    assert bench.pilot.finding.name == "B2"
    assert bench.pilot.permission is Permission.OPEN
    assert bench.module.vehicle.meaning == Meaning(digital=True)
    assert bench.happened(Happening.PLUGGED) == ["a car is connected"]


@pytest.mark.parametrize("between", [None, Cable.SHORTED])
def test_a_car_that_leaves_is_reported_once_whatever_its_plug_shows_on_the_way_out(between: Cable | None) -> None:
    bench = charging()
    if between is not None:
        bench.module.cable = between
        bench.run(1.0)
        assert not bench.pilot.connected
    bench.module.cable = Cable.UNPLUGGED
    bench.run(1.0)
    assert bench.happened(Happening.UNPLUGGED) == ["no car is connected"]


@pytest.mark.parametrize(
    ("signal", "understood"), [(Signal.DIGITAL, Meaning(digital=True)), (Signal.NOMINAL, Meaning(30))]
)
def test_a_car_that_closes_s2_is_permitted(signal: Signal, understood: Meaning) -> None:
    bench = Bench()
    bench.plug_in(signal, 30)
    bench.module.vehicle.wants_energy = True
    assert bench.run(1.0, lambda: bench.pilot.permission is Permission.CLOSE) <= TOGGLE_DETECT_S
    assert bench.module.vehicle.meaning == understood


def test_a_car_that_opens_s2_loses_the_permission_in_time() -> None:
    bench = charging()
    bench.module.vehicle.wants_energy = False
    assert bench.run(1.0, lambda: bench.pilot.permission is Permission.OPEN) <= DEBOUNCE_S + 2 * POLL_S
    assert not bench.happened(Happening.BREAK)


@pytest.mark.parametrize(("cable", "name"), [(Cable.UNPLUGGED, "A2"), (Cable.SHORTED, "E"), (Cable.NO_DIODE, "C2")])
def test_a_broken_pilot_opens_within_the_time_that_leaves_the_contactor_its_own(cable: Cable, name: str) -> None:
    bench = charging()
    bench.module.cable = cable
    took_s = bench.run(1.0, lambda: bench.pilot.permission is Permission.OPEN)
    assert took_s <= DEBOUNCE_S + 2 * POLL_S <= UNPLUG_S - 0.03  # 20 ms of mechanics
    assert bench.pilot.finding.name == name
    if cable is Cable.NO_DIODE:
        assert "diode" in bench.happened(Happening.FLAW)[0]
    else:
        assert bench.happened(Happening.BREAK) == [f"C2 -> {name} while energy was permitted"]


def test_after_a_flaw_the_contactor_closes_only_once_the_pilot_has_been_sound_for_a_while() -> None:
    bench = charging()
    bench.module.cable = Cable.NO_DIODE
    bench.run(1.0, lambda: bench.pilot.permission is Permission.OPEN)
    bench.module.cable = Cable.SOUND
    bench.run(1.0, lambda: bench.pilot.finding.flaw is None)
    bench.permitted.clear()
    took_s = bench.run(3.0, lambda: bench.pilot.permission is Permission.CLOSE)
    assert 1.0 - 2 * POLL_S <= took_s <= 1.0 + 2 * POLL_S


def test_state_f_that_nobody_asked_for_is_a_lost_car() -> None:
    bench = charging()
    for _ in range(5):
        bench.now += POLL_S
        bench.pilot.step(PilotReading(bench.now, -12.0, -12.0, 0.0), bench.now)
    assert (bench.pilot.finding.name, bench.pilot.connected, bench.pilot.permission) == ("F", False, Permission.OPEN)
    assert bench.happened(Happening.BREAK) == ["C2 -> F while energy was permitted"]


def test_unplugging_forgets_the_car() -> None:
    bench = charging()
    bench.module.cable = Cable.UNPLUGGED
    bench.run(1.0)
    assert (bench.pilot.linked, bench.pilot.signal, bench.pilot.connected) == (False, Signal.NOT_READY, False)
    assert bench.happened(Happening.UNPLUGGED)
    bench.module.cable = Cable.SOUND
    bench.run(1.0)
    assert bench.pilot.signal is Signal.DIGITAL


def test_a_silent_microcontroller_is_no_permission() -> None:
    bench = charging()
    last = bench.module.reading()
    for _ in range(40):
        bench.now += POLL_S
        bench.pilot.step(last, bench.now)
    assert bench.pilot.permission is Permission.OPEN
    assert bench.happened(Happening.FLAW) == ["no fresh reading of the control pilot"]


def test_state_d_needs_ventilation() -> None:
    for ventilation, permission in ((False, Permission.OPEN), (True, Permission.CLOSE)):
        bench = Bench(PilotSettings(ventilation=ventilation), vehicle=VehiclePilot(needs_ventilation=True))
        bench.plug_in(wants_energy=True)
        assert (bench.pilot.finding.name, bench.pilot.permission) == ("D2", permission)


def test_stopping_the_pwm_lets_the_car_stop_first() -> None:
    bench = charging()
    bench.pilot.want(Signal.NOT_READY)
    assert bench.run(1.0, lambda: bench.pilot.permission is Permission.HOLD) <= POLL_S + 1e-9
    assert bench.run(YIELD_S, lambda: bench.pilot.permission is Permission.OPEN) < YIELD_S
    assert bench.pilot.finding.name == "B1"


def test_a_stubborn_car_is_cut_off_after_six_seconds() -> None:
    bench = charging(vehicle=VehiclePilot(stubborn=True))
    bench.pilot.want(Signal.NOT_READY)
    took_s = bench.run(10.0, lambda: bench.pilot.permission is Permission.OPEN)
    assert took_s == pytest.approx(BREAK_S, abs=3 * POLL_S)
    assert bench.happened(Happening.BREAK) == ["the car still draws 6 s after the signal to stop"]
    assert bench.pilot.finding.name == "C1"
    bench.pilot.want(Signal.DIGITAL)
    bench.run(1.0)
    assert bench.pilot.permission is Permission.CLOSE


def test_state_f_permits_nothing_and_lasts_for_four_seconds() -> None:
    bench = charging()
    bench.pilot.want(Signal.UNAVAILABLE)
    assert bench.pilot.permission is Permission.OPEN  # already before the signal
    bench.run(POLL_S)
    assert (bench.pilot.duty, bench.pilot.permission) == (0.0, Permission.OPEN)
    bench.run(0.5)
    assert (bench.pilot.finding.name, bench.pilot.connected) == ("F", True)
    bench.pilot.want(Signal.DIGITAL)
    took_s = bench.run(10.0, lambda: bench.pilot.signal is Signal.DIGITAL)
    assert took_s + 0.5 == pytest.approx(STEP_EF_S, abs=2 * POLL_S)
    bench.run(1.0)
    assert bench.pilot.finding.name == "C2"
    assert not bench.happened(Happening.PLUGGED)


@pytest.mark.parametrize(
    ("linked", "between", "for_s"), [(True, Signal.NOT_READY, STEP_X1_S), (False, Signal.UNAVAILABLE, STEP_EF_S)]
)
@pytest.mark.parametrize("order", [(Signal.DIGITAL, Signal.NOMINAL), (Signal.NOMINAL, Signal.DIGITAL)])
def test_between_five_percent_and_nominal_there_is_a_pause(
    linked: bool, between: Signal, for_s: float, order: tuple[Signal, Signal]
) -> None:
    bench = Bench()
    bench.plug_in(order[0], 16)
    bench.pilot.linked = linked
    bench.pilot.want(order[1], 16)
    bench.run(10.0)
    assert [signal for _, signal in bench.sent[-3:]] == [order[0], between, order[1]]
    assert bench.sent[-1][0] - bench.sent[-2][0] == pytest.approx(for_s, abs=2 * POLL_S)


def test_a_lost_link_leads_through_state_f_to_a_new_matching() -> None:
    """[V2G3-M07-05], [V2G3-M07-07], [V2G3-M07-08], [V2G3-M07-09]"""
    bench = charging()
    bench.run(3 * SLAC_INIT_S)
    bench.sent.clear()
    lost_s = bench.now
    bench.pilot.linked = False
    bench.run(STEP_EF_S + 1)
    assert [signal for _, signal in bench.sent] == [Signal.UNAVAILABLE, Signal.DIGITAL]
    assert bench.sent[0][0] - lost_s <= 2 * POLL_S
    assert 4.0 <= bench.sent[1][0] - bench.sent[0][0] + 1e-9 <= 4.0 + 2 * POLL_S


def test_a_link_that_is_lost_in_x1_stays_there_until_the_station_is_ready() -> None:
    """[V2G3-M07-04]"""
    bench = charging()
    bench.pilot.want(Signal.NOT_READY)
    bench.run(2 * STEP_X1_S)
    bench.sent.clear()
    bench.pilot.linked = False
    bench.run(3 * SLAC_INIT_S)
    assert {signal for _, signal in bench.sent} <= {Signal.NOT_READY}
    bench.pilot.want(Signal.DIGITAL)
    bench.run(1.0)
    assert bench.sent[-1][1] is Signal.DIGITAL


def test_the_current_changes_at_most_every_five_seconds() -> None:
    bench = Bench()
    bench.plug_in(Signal.NOMINAL, 16)
    changes, sent = [], bench.pilot.duty
    for step in range(1000):
        bench.pilot.want(Signal.NOMINAL, 16 + step % 10)
        bench.run(POLL_S)
        if bench.pilot.duty != sent:
            changes.append(bench.now)
            sent = bench.pilot.duty
    assert len(changes) >= 3
    assert all(after - before >= FOLLOW_S - 1e-6 for before, after in pairwise(changes))


def test_less_than_six_amperes_is_not_ready() -> None:
    bench = Bench()
    bench.plug_in(Signal.NOMINAL, 16)
    bench.pilot.want(Signal.NOMINAL, 5)
    bench.run(1.0)
    assert (bench.pilot.signal, bench.pilot.duty) == (Signal.NOT_READY, 1.0)


def test_a_car_that_does_not_talk_gets_retries_and_then_the_nominal_signal() -> None:
    bench = Bench(AC)
    bench.plug_in(wants_energy=True)
    bench.run(4 * SLAC_INIT_S)
    pattern = [Signal.DIGITAL, Signal.UNAVAILABLE] * (RETRIES + 1)
    assert [signal for _, signal in bench.sent][-len(pattern) - 1 :] == [*pattern, Signal.NOMINAL]
    assert len(bench.happened(Happening.RETRY)) == RETRIES
    assert bench.happened(Happening.FALLBACK) == ["the car does not talk: 16 A by duty cycle"]
    assert bench.module.vehicle.meaning.current_a == pytest.approx(16)
    assert bench.pilot.permission is Permission.CLOSE


SILENT = PilotSettings(fallback_a=32, digital_s=5, retries=0)


def fallen_back(offer_a: float | None) -> Bench:
    """A car that does not talk, wants energy, and has been given up on at 5 %."""
    bench = Bench(SILENT)
    bench.pilot.offer(offer_a)
    bench.plug_in(wants_energy=True)
    bench.run(SILENT.digital_s + STEP_EF_S + 2)
    return bench


def test_the_offer_to_a_silent_car_may_change_at_any_time() -> None:
    bench = fallen_back(20)
    assert bench.happened(Happening.FALLBACK) == ["the car does not talk: 20 A by duty cycle"]
    assert bench.module.vehicle.meaning.current_a == pytest.approx(20)
    bench.run(FOLLOW_S)
    bench.pilot.offer(10)
    bench.run(0.5)
    assert bench.module.vehicle.meaning.current_a == pytest.approx(10)
    assert bench.pilot.permission is Permission.CLOSE


def test_an_offer_that_is_urgent_falls_at_once_and_rises_after_the_time_to_follow() -> None:
    bench = fallen_back(20)
    for offer_a, expected_a in ((16, 16), (10, 10), (20, 10)):
        bench.pilot.offer(offer_a, at_once=True)
        bench.run(0.5)
        assert bench.module.vehicle.meaning.current_a == pytest.approx(expected_a)
    bench.run(FOLLOW_S)
    assert bench.module.vehicle.meaning.current_a == pytest.approx(20)


@pytest.mark.parametrize("nothing_a", [None, 0.0, 5.9, float("nan")])
def test_a_silent_car_without_an_offer_gets_x1_until_there_is_one_again(nothing_a: float | None) -> None:
    bench = fallen_back(20)
    bench.pilot.offer(nothing_a)
    assert bench.run(FOLLOW_S, lambda: bench.pilot.signal is Signal.NOT_READY) <= 2 * POLL_S
    bench.run(YIELD_S)
    assert (bench.pilot.permission, bench.module.vehicle.meaning) == (Permission.OPEN, Meaning())
    bench.pilot.offer(8)
    bench.run(2.0)
    assert bench.module.vehicle.meaning.current_a == pytest.approx(8)
    assert bench.pilot.permission is Permission.CLOSE
    assert Signal.DIGITAL not in [signal for _, signal in bench.sent[-2:]]


def test_a_silent_car_may_come_while_there_is_nothing_to_offer() -> None:
    bench = fallen_back(None)
    assert bench.happened(Happening.FALLBACK) == ["the car does not talk: no current to offer now"]
    assert (bench.pilot.signal, bench.pilot.permission) == (Signal.NOT_READY, Permission.OPEN)
    bench.pilot.offer(16)
    bench.run(STEP_X1_S + 0.5)
    assert bench.module.vehicle.meaning.current_a == pytest.approx(16)


def test_no_offer_exceeds_the_configured_current() -> None:
    assert fallen_back(63).module.vehicle.meaning.current_a == pytest.approx(32)
    bench = Bench(PilotSettings(digital_s=5, retries=0))  # an EVSE that has no AC
    bench.pilot.offer(16)
    bench.plug_in(wants_energy=True)
    bench.run(20)
    assert bench.happened(Happening.GAVE_UP)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.floats(0, 90), st.booleans(), st.sampled_from(Cable), st.floats(0.02, 12)), max_size=8
    )
)
def test_a_silent_car_is_never_promised_more_than_the_offer(
    course: list[tuple[float | None, bool, Cable, float]],
) -> None:
    bench = fallen_back(None)
    recent: list[tuple[float, float]] = [(bench.now, 0.0)]
    for offer_a, wants, cable, seconds in course:
        bench.pilot.offer(offer_a)
        bench.module.vehicle.wants_energy, bench.module.cable = wants, cable
        recent.append((bench.now, offer_a or 0.0))
        for _ in range(round(seconds / POLL_S)):
            bench.run(POLL_S)
            while len(recent) > 1 and recent[1][0] <= bench.now - FOLLOW_S - 2 * POLL_S:
                del recent[0]
            assert meaning(bench.pilot.duty).current_a == bench.pilot.announced_a
            assert bench.pilot.announced_a <= max(amperes for _, amperes in recent) + 1e-9


def test_a_toggle_of_the_car_ends_giving_up() -> None:
    bench = Bench(PilotSettings(digital_s=5, retries=0))
    bench.plug_in()
    bench.run(20)
    assert bench.happened(Happening.GAVE_UP)
    bench.module.vehicle.toggle(1, bench.now)
    bench.run(1)
    assert bench.pilot.signal is Signal.DIGITAL


def test_an_outlet_without_fallback_gives_up_until_the_next_car() -> None:
    bench = Bench(PilotSettings(digital_s=5, retries=0))
    bench.plug_in(wants_energy=True)
    bench.run(20)
    assert (bench.pilot.signal, bench.pilot.permission) == (Signal.NOT_READY, Permission.OPEN)
    assert bench.happened(Happening.GAVE_UP)
    bench.module.cable = Cable.UNPLUGGED
    bench.run(1)
    bench.module.cable = Cable.SOUND
    bench.run(1)
    assert bench.pilot.signal is Signal.DIGITAL


def test_a_car_that_talks_is_left_alone() -> None:
    bench = charging()
    bench.run(3 * SLAC_INIT_S)
    assert bench.pilot.signal is Signal.DIGITAL
    assert bench.pilot.events == []


def test_settings_are_checked_when_they_are_read() -> None:
    for wrong in ({"fallback_a": 5}, {"fallback_a": 81}, {"digital_s": 0}, {"retries": -1}, {"unknown": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, PilotSettings)
    assert msgspec.convert({"fallback_a": None, "wake_s": None}, PilotSettings).retries == RETRIES


def test_a_sleeping_car_is_woken_once_by_state_f() -> None:
    bench = Bench(vehicle=VehiclePilot(asleep=True))
    bench.plug_in(Signal.NOMINAL, 16, wants_energy=True)
    bench.run(WAKE_S)
    assert bench.happened(Happening.WAKE)
    bench.run(STEP_EF_S + 1)
    assert bench.pilot.permission is Permission.CLOSE


def test_a_car_that_needs_no_energy_is_not_woken_again_and_again() -> None:
    bench = Bench()
    bench.plug_in(Signal.NOMINAL, 16)
    bench.run(5 * WAKE_S)
    assert len(bench.happened(Happening.WAKE)) == 1


def test_a_car_that_has_had_enough_is_not_woken() -> None:
    bench = Bench()
    bench.plug_in(Signal.NOMINAL, 16, wants_energy=True)
    bench.module.vehicle.wants_energy = False
    bench.run(2 * WAKE_S)
    assert not bench.happened(Happening.WAKE)


def test_the_station_wakes_a_car_when_told_but_not_one_that_draws() -> None:
    bench = Bench()
    bench.plug_in()
    bench.pilot.linked = True
    bench.pilot.wake()
    bench.run(STEP_EF_S + 1)
    assert [signal for _, signal in bench.sent[-3:]] == [Signal.DIGITAL, Signal.UNAVAILABLE, Signal.DIGITAL]
    bench = charging()
    bench.pilot.wake()
    bench.run(1.0)
    assert bench.pilot.signal is Signal.DIGITAL


@pytest.mark.parametrize("count", [1, 2, 3])
def test_bcb_toggles_of_a_paused_car_are_counted_and_permit_nothing(count: int) -> None:
    bench = Bench()
    bench.plug_in(Signal.NOT_READY)
    bench.permitted.clear()
    bench.module.vehicle.toggle(count, bench.now)
    bench.run(0.7 * count)
    assert bench.pilot.toggles == count
    assert len(bench.happened(Happening.TOGGLE)) == count
    assert Permission.CLOSE not in [permission for _, permission in bench.permitted]
    bench.run(4.0)
    assert bench.pilot.toggles == 0


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_interrupt(seed: int) -> None:
    noise = random.Random(seed)
    bench = Bench(noise_v=lambda: noise.gauss(0, 0.25))
    bench.plug_in(wants_energy=True)
    bench.pilot.linked = True
    bench.permitted.clear()
    bench.run(20.0)
    assert [permission for _, permission in bench.permitted] == [Permission.CLOSE]


actions = st.tuples(
    st.sampled_from(Signal), st.sampled_from(Cable), st.booleans(), st.booleans(), st.floats(0, 90), st.floats(0.02, 8)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(actions, min_size=1, max_size=8), st.integers(0, 1000))
def test_whatever_happens_closing_needs_a_sound_cable_a_car_that_asks_and_a_signal(
    course: list[tuple[Signal, Cable, bool, bool, float, float]], seed: int
) -> None:
    noise = random.Random(seed)
    bench = Bench(PilotSettings(fallback_a=16, digital_s=5), noise_v=lambda: noise.uniform(-0.5, 0.5))
    for signal, cable, wants, linked, current_a, seconds in course:
        bench.pilot.want(signal, current_a)
        bench.module.cable, bench.module.vehicle.wants_energy = cable, wants
        bench.pilot.linked = linked
        unsound_s = 0.0
        for _ in range(round(seconds / POLL_S)):
            bench.run(POLL_S)
            asks = cable is Cable.SOUND and bench.module.vehicle.state is State.C
            unsound_s = 0.0 if asks else unsound_s + POLL_S
            if bench.pilot.permission is Permission.CLOSE:
                assert unsound_s <= UNPLUG_S - 0.02
                assert bench.pilot.signal in (Signal.DIGITAL, Signal.NOMINAL)
