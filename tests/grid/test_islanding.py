"""Unintentional islanding: detected within 2 s at any match of the load, and not where there is a grid."""

from collections.abc import Iterator
from itertools import product

import pytest

from v2g.bench.sim.island import Island
from v2g.grid import settings
from v2g.grid.capability import Rating
from v2g.grid.islanding import Probe
from v2g.grid.protection import Protection, State, Verdict
from v2g.grid.sample import GridSample
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
    probe = Probe(settings.load("en50549-1").islanding, 50.0)
    drawn = [probe.step(50.0 + 0.02 * (n % 2), -10_000, 0.1) for n in range(100)]
    assert max(map(abs, drawn)) < 200  # 2 % of the active power, at 20 mHz of noise
    assert abs(sum(drawn)) / len(drawn) < 50


def test_the_probe_is_silent_while_charging() -> None:
    probe = Probe(settings.load("en50549-1").islanding, 50.0)
    assert [probe.step(50.0 + n, 5_000, 0.1) for n in range(5)] == [0.0] * 5


@pytest.mark.parametrize("frequency_hz", [46.0, 55.0])
def test_the_probe_stays_within_its_limit(frequency_hz: float) -> None:
    settings_ = settings.load("en50549-1").islanding
    probe = Probe(settings_, 50.0)
    probe.step(50.0, -10_000, 0.1)
    assert abs(probe.step(frequency_hz, -10_000, 0.1)) == pytest.approx(settings_.probe_limit * 10_000)
