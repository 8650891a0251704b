"""Between charging and discharging: zero current, seen and for long enough."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.power.inverter import InverterSetpoint
from v2g.station.config.settings import PlanStep
from v2g.station.power.limits import Wish, decide
from v2g.station.power.sources.reversal import DWELL_S, Reversal

STEP_S = 0.05


@given(
    st.lists(st.tuples(st.sampled_from([-5_000.0, -10.0, 0.0, 10.0, 5_000.0]), st.sampled_from([True, False, None])))
)
def test_no_reversal_without_the_rest(steps: list[tuple[float, bool | None]]) -> None:
    reversal, powers, seen = Reversal(), [], []
    for count, (wish_w, flows) in enumerate(steps):
        now = count * STEP_S
        rest = reversal.rest(wish_w, flows, now)
        decision = decide(Wish(wish_w, "x"), [] if rest is None else [rest])
        reversal.commanded(decision.power_w, now)
        powers.append(decision.power_w)
        seen.append(flows)
        moving = [index for index in range(count) if powers[index]]
        if decision.power_w and moving and powers[moving[-1]] * decision.power_w < 0:
            between = seen[moving[-1] + 1 : count + 1]
            assert len(between) * STEP_S >= DWELL_S
            assert all(flow is False for flow in between[-round(DWELL_S / STEP_S) :])


def test_a_measurement_from_before_the_command_says_nothing() -> None:
    reversal = Reversal()
    reversal.commanded(5_000.0, 10.0)
    for now in (10.0, 10.1, 10.3, 11.0):
        assert reversal.rest(-1.0, False, 9.9) is not None, now
    assert reversal.rest(-1.0, False, 10.1) is not None
    assert reversal.rest(-1.0, False, 10.1 + DWELL_S + 0.01) is None


def test_in_a_session_the_current_rests_before_it_turns() -> None:
    plan = (PlanStep(power_w=8_000, for_s=4.0), PlanStep(power_w=-8_000, for_s=4.0), PlanStep(power_w=8_000))
    world = in_the_loop(World(changed(OUTLET, dispatch=plan), INTENT), 0.0)
    currents: list[tuple[float, float]] = []
    orders: list[InverterSetpoint] = []
    while world.now < 20.0:
        world.step()
        currents.append((world.now, world.plant.current_a))
        orders.append(world.orders.inverter)
    turns = [
        (last, first)
        for (last, a), (first, b) in pairwise([(time, amps) for time, amps in currents if abs(amps) > 1.0])
        if a * b < 0
    ]
    assert len(turns) == 2
    assert all(first - last >= DWELL_S for last, first in turns)
    assert all(abs(b.power_w - a.power_w) <= 8_000 for a, b in pairwise(orders))
    assert world.evse.visit.decider.limited_s["reversal interlock"] > 0.3
