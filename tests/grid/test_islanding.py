"""Unintentional islanding: detected within 2 s at any match of the load, and not where there is a grid."""

from collections.abc import Iterator
from itertools import product

import pytest
from benchmarks import grid_stability as campaign

from v2g.bench.sim.grid_loop import STEP_S, GridLoop
from v2g.bench.sim.island import Island
from v2g.bench.sim.weak_grid import WeakGrid, source_pu
from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.islanding import Probe
from v2g.grid.protection import Protection, State, Verdict
from v2g.grid.sample import GridSample
from v2g.grid.set_point_delay import SetPointDelay
from v2g.grid.settings import GridCode
from v2g.grid.support import GridSupport

RATING = Rating(apparent_va=11_000, charge_w=10_000, discharge_w=10_000, reactive_max_var=5_000)
WISH_W = -10_000.0
ACTIVE, REACTIVE = (0.8, 0.9, 1.0, 1.1, 1.2), (0.8, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1, 1.2)


def island_verdicts(
    code: GridCode, active: float, reactive: float, *, phases: int = 3, dt_s: float = 0.1, late: int = 1
) -> Iterator[tuple[float, Verdict]]:
    """Protection and support in a loop over the island; set-points arrive `late` steps later."""
    island = Island(code.nominal_hz, active, reactive)
    protection, support = Protection(code, phases, in_service=True), GridSupport(code, RATING)
    sound = GridSample(0.0, 0, (1.0,) * phases, code.nominal_hz, power_w=WISH_W)
    protection.step(sound, 0.0)
    for _ in range(20):
        support.step(sound, WISH_W, dt_s)
    on_the_way = [(WISH_W, 0.0)] * late
    for count in range(1, round(2.5 / dt_s) + 1):
        now = count * dt_s
        island.step(dt_s)
        fed_w = island.fed_pu * WISH_W
        sample = GridSample(now, count, (island.voltage_pu,) * phases, island.measured_hz, power_w=fed_w)
        verdict = protection.step(sample, now)
        yield now, verdict
        wanted = support.step(sample, WISH_W, dt_s, verdict)
        allowed = verdict.may_exchange
        on_the_way.append((wanted.power_w, wanted.reactive_var) if allowed else (0.0, 0.0))
        power_w, reactive_var = on_the_way.pop(0)
        if not allowed:
            power_w = reactive_var = 0.0
        island.fed_pu, island.drawn_pu = power_w / WISH_W, reactive_var / -WISH_W


@pytest.mark.parametrize("name", ["en50549-1", "ieee1547-cat1", "ieee1547-cat3"])
def test_trips_within_two_seconds_at_any_match(name: str) -> None:
    code = settings.load(name)
    for active, reactive in product(ACTIVE, REACTIVE):
        tripped = next((now for now, v in island_verdicts(code, active, reactive) if v.state is State.TRIP), None)
        assert tripped is not None, f"active {active}, reactive {reactive}"
        assert tripped <= 2.0, f"active {active}, reactive {reactive}"


@pytest.mark.parametrize(("phases", "dt_s", "late"), [(1, 0.05, 1), (3, 0.02, 5), (3, 0.1, 2)])
@pytest.mark.parametrize("nominal_hz", [50, 60])
def test_one_phase_other_steps_and_slow_inverters(phases: int, dt_s: float, late: int, nominal_hz: float) -> None:
    code = settings.load("ieee1547-cat3", nominal_hz=nominal_hz)
    for reactive in (0.95, 1.0, 1.05):
        verdicts = island_verdicts(code, 1.0, reactive, phases=phases, dt_s=dt_s, late=late)
        assert any(v.state is State.TRIP and now <= 2.0 for now, v in verdicts)


def test_a_matched_island_goes_on_without_the_probe() -> None:
    """The test would show nothing if the load did not match."""
    code = settings.load("ieee1547-cat3").with_settings({"islanding.probe_enabled": False})
    assert all(verdict.state is State.RUN for _, verdict in island_verdicts(code, 1.0, 1.0))


def test_the_probe_costs_next_to_nothing_on_a_grid() -> None:
    probe = Probe(settings.load("en50549-1").islanding)
    drawn = [probe.step(50.0 + 0.01 * (n % 2), -10_000, 0.1, 0.05) for n in range(100)]
    assert max(map(abs, drawn)) < 100  # 1 % of the active power, at 10 mHz of noise
    assert abs(sum(drawn)) / len(drawn) < 60


def test_the_probe_is_silent_while_charging() -> None:
    probe = Probe(settings.load("en50549-1").islanding)
    assert [probe.step(50.0 + n, 5_000, 0.1) for n in range(5)] == [0.0] * 5


@pytest.mark.parametrize("frequency_hz", [46.0, 55.0])
def test_the_probe_stays_within_its_limit(frequency_hz: float) -> None:
    settings_ = settings.load("en50549-1").islanding
    probe = Probe(settings_)
    probe.step(50.0, -10_000, 0.1)
    assert abs(probe.step(frequency_hz, -10_000, 0.1)) == pytest.approx(settings_.probe_limit * 10_000)


@pytest.mark.parametrize("name", settings.names())
@pytest.mark.parametrize("stations", [1, 10])
def test_several_stations_with_late_set_points_and_others_that_do_not_probe(name: str, stations: int) -> None:
    """The whole of it is `python -m benchmarks.grid_stability`."""
    for active, reactive in ((1.0, 0.0), (1.0, -0.02), (0.95, 0.05)):
        assert campaign.island_s((name, None), (active, reactive, stations, 0.25, 0), (0.2, 0.1)) <= 2.0


def test_an_island_that_swings_is_pushed_out_of_its_swing() -> None:
    """A late feedback of this gain alone swings within the trip elements for as long as one likes."""
    case = (1.0, 0.0, 3, 0.0, 0)
    code = settings.load("ieee1547-cat3")
    assert campaign.island_s((code.name, None), case, (0.25, 0.1)) <= 2.0


def test_an_island_in_which_the_droop_lowers_the_power_is_pushed_out() -> None:
    """The push has the strength of the power before the droop, against others that go on with all of theirs."""
    for stations in (1, 10):
        assert campaign.island_s(("cei-0-21", None), (0.9, -0.1, stations, 0.25, 0), (0.0, 0.02)) <= 2.0


@pytest.mark.parametrize("name", ["ieee1547-cat3", "g99", "as-nzs-4777-2"])
def test_what_must_be_ridden_through_on_a_weak_grid_trips_nothing(name: str) -> None:
    assert set(campaign.false_trips((name, None), [3.0], [1.0])) == {None}


def test_a_probe_turns_at_times_of_its_own() -> None:
    """Stations that turn together, half of them to each side, would cancel each other for ever."""
    lots = iter([0.9, 0.1, 0.8, 0.5])
    probe = Probe(settings.load("ieee1547-cat3").islanding, lambda: next(lots))
    drawn = [probe.step(60.0, -10_000, STEP_S, 0.0) for _ in range(50)]
    turns = [n for n in range(1, 50) if drawn[n] != drawn[n - 1]]
    assert len(turns) == 3
    assert turns[1] - turns[0] != turns[2] - turns[1]


# How late set-points arrive


def _following(late_s: float, share: float = 0.97) -> SetPointDelay:
    """After a step and a ramp that the power follows as late as this, with a meter that is read every 0.1 s."""
    delay = SetPointDelay(10_000)

    def wanted(now: float) -> float:
        return -10_000 * min(max(now - 1.0, 0.0), 0.6) - (3_000 if now > 3 else 0)

    for count in range(300):
        now = count * STEP_S
        delay.set(wanted(now), now)
        if count % 5 == 0:
            delay.see(share * wanted(now - late_s), now)
    return delay


@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_the_delay_of_set_points_is_measured_from_the_power(late_s: float) -> None:
    assert _following(late_s).delay_s == pytest.approx(late_s, abs=0.051)


def test_the_delay_is_unknown_while_no_set_point_moves_or_the_power_does_not_follow() -> None:
    delay = SetPointDelay(10_000)
    for count in range(300):
        delay.set(-5_000, count * STEP_S)
        if count > 100:
            delay.see(-4_900, count * STEP_S)
    assert delay.delay_s is None
    deaf = _following(0.1, share=0.0)
    assert deaf.delay_s is None
    assert not deaf.measured


def test_a_trial_moves_the_set_points_until_the_delay_is_known_or_will_never_be() -> None:
    for follows in (True, False):
        delay, fed_w = SetPointDelay(10_000), []
        for count in range(1_500):
            now = count * STEP_S
            fed_w.append(10_000 if delay.measured else delay.feeds_w(now))
            delay.set(-fed_w[-1], now)
            if count % 5 == 0:
                delay.see(-fed_w[max(count - 10, 0)] if follows else 0.0, now)
        assert fed_w[0] == 1_000
        if follows:
            assert fed_w[75:] == [10_000] * 1_425
            assert delay.delay_s == pytest.approx(0.2, abs=0.051)
        else:
            assert set(fed_w) == {0.0, 1_000}
            assert delay.hopeless
            assert fed_w[1_250:] == [0.0] * 250


@pytest.mark.parametrize("late_s", [1.5, 2.7, 3.0, 3.3, 4.0, 6.0, 9.0])
@pytest.mark.parametrize("every", [1, 5, 10])
def test_a_power_that_is_turns_of_the_trial_late_is_not_taken_for_one_that_follows(late_s: float, every: int) -> None:
    """However often the meter is read."""
    delay, fed_w = SetPointDelay(10_000), []
    for count in range(1_300):
        now, late = count * STEP_S, round(late_s / STEP_S)
        fed_w.append(delay.feeds_w(now))
        delay.set(-fed_w[-1], now)
        if count % every == 0:
            delay.see(-fed_w[count - late] if count >= late else 0.0, now)
        assert not delay.measured, f"{delay.delay_s} s after {now:.1f} s"
    assert delay.hopeless


def test_the_noise_of_a_power_that_has_not_moved_yet_shows_no_delay() -> None:
    """What the inverter loses at rest moves the set-point a little just before the trial does."""
    delay = SetPointDelay(30_000)
    delay.set(90.0, 9.8)
    for count in range(60):
        now = 10.0 + count * STEP_S
        delay.set(-min(300.0 * count, 3_000.0), now)
        delay.see(80.0, now)
        assert not delay.measured


def test_a_power_that_no_longer_follows_must_be_measured_again() -> None:
    """After 2 s of set-points that move. One that stands still proves nothing."""
    delay = _following(0.1)
    for count in range(300, 600):
        delay.set(-9_000, count * STEP_S)
        delay.see(-3_000, count * STEP_S)
    assert delay.measured
    count = 600
    while delay.measured:
        delay.set(-9_000 + 4_000 * (count // 50 % 2), count * STEP_S)
        if count % 5 == 0:
            delay.see(-3_000, count * STEP_S)
        count += 1
        assert count < 800, "4 s"
    fed_w = list[float]()
    for later in range(count, count + 100):
        now = later * STEP_S
        fed_w.append(delay.feeds_w(now))
        delay.set(-fed_w[-1], now)
        delay.see(-fed_w[-11] if len(fed_w) > 10 else -3_000, now)
    assert set(fed_w) == {0.0, 1_000}, "the trial begins again"
    assert delay.delay_s == pytest.approx(0.2, abs=0.051)


@pytest.mark.parametrize("late_s", [0.1, 0.3])
@pytest.mark.parametrize("share", [0.9, 0.95, 1.0])
@pytest.mark.parametrize("w_per_s", [250, 500, 1_000])
def test_a_slow_ramp_with_losses_is_no_reason_to_measure_again(w_per_s: int, share: float, late_s: float) -> None:
    delay = _following(late_s)
    for count in range(80_000 // w_per_s):
        since_s = count * 0.1
        delay.set(-2_000 - w_per_s * since_s, 100 + since_s)
        delay.see(share * (-2_000 - w_per_s * max(since_s - late_s, 0)), 100 + since_s)
        assert delay.measured, f"after {since_s} s"


def test_a_power_that_stands_still_while_set_points_move_a_little_must_be_measured_again() -> None:
    delay = _following(0.1)
    for count in range(600):  # what was seen before is forgotten first
        now = 100 + count * 0.1
        delay.set(-5_000 - 500 * (count // 20 % 2), now)
        delay.see(-5_250, now)
    assert not delay.measured


def test_set_points_that_only_charge_use_up_no_trial() -> None:
    """A full battery does not follow them, and says nothing about feeding."""
    delay = SetPointDelay(10_000)
    for count in range(3_000):
        now = count * STEP_S
        delay.set(10_000 - 4_000 * (count // 50 % 2), now)
        delay.see(3_000, now)
    assert not delay.measured
    assert not delay.hopeless


@pytest.mark.parametrize(("delay_s", "gain"), [(0.0, 8.0), (0.175, 14.0), (0.35, 20.0), (None, 20.0)])
def test_the_gain_follows_the_delay(delay_s: float | None, gain: float) -> None:
    assert settings.load("vde-4105").islanding.gain(delay_s) == pytest.approx(gain)


def test_no_feeding_with_set_points_that_are_too_late_and_the_reason_is_named() -> None:
    code = settings.load("en50549-1").with_settings({"ramp_rate.pu_per_s": 10})
    support, sound = GridSupport(code, RATING), GridSample(0.0, 0, (1.0,) * 3, 50.0)
    support.delay_s = 0.45
    late = support.step(sound, WISH_W, 0.1)
    assert late.power_w == 0
    assert late.binding is not None
    assert late.binding.source == "islanding probe"
    assert "set-points take 0.45 s" in late.binding.detail
    assert support.step(sound, 5_000.0, 0.1).power_w == 5_000
    support.delay_s = code.islanding.probe_slowest_s
    assert support.step(sound, WISH_W, 1.0).power_w == 0
    support.delay_s = 0.3
    assert support.step(sound, WISH_W, 1.0).power_w == WISH_W


# Limit cycles of momentary cessation


@pytest.mark.parametrize("name", ["ieee1547-cat3", "vde-4105"])
@pytest.mark.parametrize(("ratio", "x_over_r"), [(3.0, 0.3), (3.0, 1.0), (10.0, 1.0), (20.0, 0.3)])
def test_a_cessation_that_the_station_itself_provokes_is_ended(name: str, ratio: float, x_over_r: float) -> None:
    count = campaign.cessations(settings.load(name), ratio, x_over_r, 0.005, 15.0)
    assert count is not None
    assert 1 <= count <= campaign.MOST_CESSATIONS


def test_without_a_limit_of_relapses_the_cycle_goes_on() -> None:
    """The test would show nothing if there were no cycle."""
    code = settings.load("vde-4105").with_settings({"momentary_cessation.most_relapses": 20})
    count = campaign.cessations(code, 10.0, 1.0, 0.005, 15.0)
    assert count is not None
    assert count > campaign.MOST_CESSATIONS


def test_disturbances_of_the_grid_are_no_relapse() -> None:
    """Ten dips of a second, two seconds apart: each is ridden through and none trips."""
    code = settings.load("ieee1547-cat3")
    calm_pu = source_pu(10.0, 1.0, 1.0)
    grid = WeakGrid(10.0, 1.0, lambda t: (0.3 if 0 < t < 30 and t % 3 < 0.9 else calm_pu, 60.0, 0.0))
    states = [verdict.state for _, _, verdict, _ in GridLoop(code, grid, delay_s=0.05, lag_s=0.05).run(32.0)]
    assert State.CEASE in states
    assert State.TRIP not in states
    assert states[-1] is State.RUN
