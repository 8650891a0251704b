"""Every limit of the station holds for every way in which energy can flow, as the meter of the plant shows it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.requests import ac_scheduled_loop, exi, payload_type_of
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop, texts

from v2g.bench.sim.plant_model import PlantInputs
from v2g.bench.sim.world import NOWHERE, SOUND, Grid, World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import VehicleState
from v2g.iso15118.view import Slot, Stop
from v2g.kernel.fault import Fault
from v2g.station.config.settings import Access, EvseSettings, Pilot, PlanStep
from v2g.station.power.limits import Allowed, Bound, Decision, Holds
from v2g.station.power.situation import OperatorLimits
from v2g.station.power.sources.car import EV
from v2g.station.promise import Promise
from v2g.station.timeouts import FOLLOWS_S, RENEGOTIATES_S
from v2g.thermal.settings import ThermalSettings

SERVICES = (Service.AC, Service.DC, Service.AC_BPT, Service.DC_BPT)
WITHIN = 1.02
SETTLED_S = 5.0
GRID_RESPONSE_S = 30.0
"""Until the grid code's own open-loop responses have settled (IEEE 1547-2018, 4.6.2)."""
CHARGE_W, DISCHARGE_W = 4_000.0, 2_500.0
GRID_RATED_W = 15_000.0
WARM = ThermalSettings(ramp_w_per_s=50_000.0, recovery_per_s=1.0)

DC = changed(OUTLET, pilot=Pilot(device=NOWHERE), safety=NOWHERE, thermal=WARM)
AC = changed(DC, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)
MUTE = changed(
    AC,
    services=("AC",),
    pilot=Pilot(device=NOWHERE, fallback_a=16.0, digital_s=2.0, retries=0),
    access=Access(grant="everyone"),
)

Fall = Callable[[World], None]
"""Makes a limit fall while energy flows."""


def site(world: World) -> None:
    world.evse.site = Bound("site limit", CHARGE_W, DISCHARGE_W, holds=Holds.ALWAYS)


def operator(world: World) -> None:
    world.evse.operator = OperatorLimits(CHARGE_W, DISCHARGE_W)


def heat(world: World) -> None:
    """What is left at 66 C of ambient air: 4 K of the 20 K between all and nothing."""
    assert world.safety is not None
    world.safety.heat.ambient_c = 66.0


def grid(world: World) -> None:
    """Charging: too low a frequency. Discharging: the grid operator's limit on active power."""
    charging = world.plant.ac_power_w + world.plant.charger_power_w > 0
    if charging:
        world.grid_source = lambda now, plant: Grid(frequency_hz=49.6) if now > 0 else SOUND
    else:
        assert world.evse.guard is not None
        world.evse.guard.adjust(
            {"active_power_limit.enabled": True, "active_power_limit.fed_pu": 0.1, "active_power_limit.response_s": 5}
        )


LIMITS: dict[Fall, str] = {site: "site limit", operator: "operator", heat: "heat", grid: ""}


def metered_w(world: World) -> float:
    return world.plant.ac_power_w + world.plant.charger_power_w


def highest_w(fall: Fall, world: World, before_w: float) -> float:
    """What may show at the meter, by an account of its own."""
    charging, dc = before_w > 0, world.evse.settings.inverter is not None
    if fall in (site, operator):
        return CHARGE_W if charging else DISCHARGE_W
    if fall is heat:
        rated_w = world.plant.settings.rating.charge_power_max_w if dc else 15_000.0
        return rated_w * (70 - 66) / (70 - 50)
    if charging:  # 5 % droop beyond 36 mHz, of the rated power (IEEE 1547-2018, 6.5.2.7)
        rated_w = world.plant.settings.rating.charge_power_max_w if dc else GRID_RATED_W
        return before_w - rated_w * (0.4 - 0.036) / (0.05 * 50)
    return 0.1 * (world.plant.settings.rating.discharge_power_max_w if dc else GRID_RATED_W)


def session(evse: EvseSettings, service: Service, mode: ControlMode, power_w: float) -> World:
    plan = (PlanStep(power_w=power_w),)
    world = World(changed(evse, dispatch=plan), replace(INTENT, service=service, mode=mode, wish_w=power_w))
    world.plant.battery.soc = 0.5
    return in_the_loop(world, 6.0)


CASES = [
    (service, mode, power_w)
    for service, mode in product(SERVICES, ControlMode)
    for power_w in ((9_000.0, -8_000.0) if service.bidirectional else (9_000.0,))
]


@pytest.mark.parametrize(
    ("fall", "service", "mode", "power_w"),
    [
        # Each limit in every second way, each way with every second limit; the rest in the long form.
        pytest.param(
            fall,
            *way,
            marks=[pytest.mark.proof] if (number + limit) % 2 else [],
            id=f"{fall.__name__}-{way[0].name}-{way[1].name.lower()}-{'charge' if way[2] > 0 else 'feed'}",
        )
        for number, way in enumerate(CASES)
        for limit, fall in enumerate(LIMITS)
    ],
)
def test_a_limit_that_falls_holds_at_the_meter(fall: Fall, service: Service, mode: ControlMode, power_w: float) -> None:
    world = session(DC if service.dc else AC, service, mode, power_w)
    before_w = metered_w(world)
    assert abs(before_w) > 0.7 * abs(power_w), "it flows"
    fall(world)
    world.run(RENEGOTIATES_S if mode is ControlMode.SCHEDULED else FOLLOWS_S)
    world.run(GRID_RESPONSE_S if fall is grid else 0.0)
    highest = highest_w(fall, world, before_w)
    shown = []
    for _ in range(round(SETTLED_S / 0.1)):
        world.run(0.1)
        # Operator and heat limit the inverter's output, site and grid what the meter shows.
        at_output = service.dc and fall in (operator, heat)
        shown.append(abs(world.plant.power_w if at_output else metered_w(world)))
    assert fault_of(world) is None, texts(world)[-5:]
    assert max(shown) <= highest * WITHIN + 10.0, world.evse.decision.sentence
    assert max(shown) > 0.8 * highest, "no tighter than it has to be"


@pytest.mark.parametrize(
    ("site_w", "shown_w", "volts"),
    [(8e3, 8e3, 230.0), (8e3, 8e3, 240.0), (4.2e3, 4.2e3, 230.0), (3e3, 0.0, 230.0), (1e3, 0.0, 230.0)],
)
def test_a_car_that_only_follows_the_duty_cycle_stays_below_the_limit(
    site_w: float, shown_w: float, volts: float
) -> None:
    """Below 6 A on each of three phases, 4.14 kW, no duty cycle can say how little: then nothing flows."""
    world = World(MUTE, INTENT, grid=lambda now, plant: Grid(voltages_v=(volts, volts, volts)))
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(20.0)
    most_w = min(16 * 3 * volts, 11_000.0)  # what the car can
    assert metered_w(world) == pytest.approx(most_w, rel=0.01)
    world.evse.site = Bound("site limit", site_w, 0.0, holds=Holds.ALWAYS)
    world.run(FOLLOWS_S + 1.0)
    assert metered_w(world) == pytest.approx(shown_w, rel=0.02, abs=11)
    assert world.contactor.closed == bool(shown_w)
    world.evse.site = None
    world.run(15.0)
    assert metered_w(world) == pytest.approx(most_w, rel=0.01)
    assert fault_of(world) is None


def test_a_car_without_a_word_has_time_to_follow_a_duty_cycle_that_may_not_change_yet() -> None:
    """The limit falls just after the duty cycle has changed, which then holds for 5 s; the car takes 5 s more."""
    world = World(MUTE, INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    while metered_w(world) < 1_000.0:
        world.run(0.1)
    world.evse.site = Bound("site limit", 5_000.0, 0.0, holds=Holds.ALWAYS)
    world.run(2 * FOLLOWS_S + 0.5)
    assert metered_w(world) == pytest.approx(5_000.0, rel=0.02)
    assert fault_of(world) is None


def test_a_greedy_car_without_a_word_loses_its_contactor() -> None:
    world = World(MUTE, INTENT, site=Bound("site limit", 5_000.0, 0.0, holds=Holds.ALWAYS))
    world.faults.mute = True
    world.greed = 1.5
    world.run(3.0)
    world.plug_in()
    world.run(30.0)
    assert fault_of(world) is Fault.OVER_CURRENT
    assert not world.contactor.closed
    world.run(30.0)
    assert not world.contactor.closed, "not before it is unplugged"


@pytest.mark.parametrize("kind", [Stop.TERMINATE, Stop.PAUSE])
def test_a_car_without_a_word_can_be_stopped(kind: Stop) -> None:
    world = World(MUTE, INTENT)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(20.0)
    assert world.contactor.closed
    assert world.evse.stop(kind, world.now)
    world.run(60.0, until=lambda: not world.contactor.closed)
    assert not world.contactor.closed
    world.run(20.0)
    assert not world.contactor.closed, "not before it is plugged in again"
    assert fault_of(world) is None
    world.pull_out()
    world.run(3.0)
    world.plug_in()
    world.run(20.0)
    assert world.contactor.closed


@pytest.mark.parametrize(
    ("mode", "bursts"),
    [
        (ControlMode.SCHEDULED, ((11_000.0, 9.2), (0.0, 1.0))),
        (ControlMode.DYNAMIC, ((11_000.0, 4.4), (0.0, 1.0))),
        (ControlMode.DYNAMIC, ((-8_000.0, 0.85), (11_000.0, 1.5))),
        (ControlMode.DYNAMIC, ((-8_000.0, 0.7), (1_000.0, 1.0))),
    ],
)
def test_bursts_that_are_each_too_short_are_a_fault_together(
    mode: ControlMode, bursts: tuple[tuple[float, float], ...]
) -> None:
    """An AC car that exceeds its limit, rests within it, and exceeds it again."""
    evse = changed(AC, bench_ac_bpt=False, dispatch=(PlanStep(power_w=3_000),))
    world = in_the_loop(World(evse, replace(INTENT, service=Service.AC, mode=mode)), 3.0)
    began_s, honest, period_s = world.now, world.plant.step, sum(lasts_s for _, lasts_s in bursts)

    def thief(dt_s: float, inputs: PlantInputs) -> None:
        into_s = (world.now - began_s) % period_s
        power_w = bursts[0][0] if into_s < bursts[0][1] else bursts[1][0]
        honest(dt_s, replace(inputs, charger_power_w=power_w))

    world.evse.site = Bound("site limit", 3_000.0, 0.0, holds=Holds.ALWAYS)
    world.plant.step = thief  # type: ignore[method-assign]  # the car's hardware, not ours
    world.run(30.0, until=lambda: not world.contactor.closed)
    assert fault_of(world) in (Fault.OVER_CURRENT, Fault.AUTHORIZATION)
    assert not world.contactor.closed


def test_a_car_without_a_word_may_not_take_more_than_the_duty_cycle_says() -> None:
    """Whatever the EVSE could carry besides."""
    evse = changed(MUTE, pilot=Pilot(device=NOWHERE, fallback_a=8.0, digital_s=2.0, retries=0))
    world = World(evse, INTENT)
    world.faults.mute = True
    world.greed = 1.5
    world.run(3.0)
    world.plug_in()
    world.run(until=lambda: metered_w(world) > 8 * 3 * 230)
    drawn_s = world.now
    world.run(20.0, until=lambda: not world.contactor.closed)
    assert fault_of(world) is Fault.OVER_CURRENT
    assert world.now - drawn_s <= FOLLOWS_S + 1.0


def test_an_ac_car_that_does_not_renegotiate_is_stopped() -> None:
    world = session(AC, Service.AC, ControlMode.SCHEDULED, 9_000.0)
    site(world)
    fallen_s = world.now

    conversation = world.evse.visit.conversation
    assert conversation is not None
    stubborn = ac_scheduled_loop(conversation.session_id, 9_000.0)
    world.faults.hung = True  # from here on the car repeats itself, whatever the station answers
    while world.contactor.closed and world.now < fallen_s + 30.0:
        world.say_as_car(payload_type_of(stubborn), exi(stubborn))
        world.run(0.1)
    assert fault_of(world) is Fault.OVER_CURRENT
    assert world.now - fallen_s <= RENEGOTIATES_S + 0.5
    world.run(0.5)
    assert not world.contactor.closed


class ClockSet(World):
    """Somebody sets the station's clock, and not the car's."""

    ahead_s = 0

    @property
    def unix_s(self) -> int:
        return super().unix_s + self.ahead_s

    def vehicle(self) -> VehicleState:
        return replace(super().vehicle(), unix_s=super().unix_s)


@pytest.mark.parametrize("ahead_s", [100_000, 10**9])
def test_a_promise_outlives_a_clock_that_is_set(ahead_s: int) -> None:
    """The car is asked to renegotiate as ever, instead of being cut off."""
    intent = replace(INTENT, service=Service.AC, mode=ControlMode.SCHEDULED, wish_w=9_000.0)
    world = ClockSet(AC, intent)
    in_the_loop(world, 5.0)
    world.ahead_s = ahead_s
    world.run(1.0)
    operator(world)
    world.run(RENEGOTIATES_S + 1.0)
    assert fault_of(world) is None
    assert any(text.startswith("asking the car to renegotiate") for text in texts(world))
    assert metered_w(world) < WITHIN * CHARGE_W


@pytest.mark.parametrize("service", [Service.DC_BPT, Service.AC_BPT], ids=lambda service: service.name)
def test_a_limit_that_stays_is_renegotiated_once(service: Service) -> None:
    evse = changed(DC if service.dc else AC, soc_floor_percent=60)
    world = session(evse, service, ControlMode.SCHEDULED, -8_000.0)
    world.run(30.0)
    asked = [text for text in texts(world) if text.startswith("asking the car to renegotiate")]
    assert len(asked) == 1
    assert "station's state-of-charge floor (60 %)" in asked[0]
    assert abs(metered_w(world)) < 300.0
    assert fault_of(world) is None


@pytest.mark.parametrize(("takes_w", "target_w"), [(9_000.0, 4_000.0), (-8_000.0, -2_500.0), (1_000.0, None)])
def test_a_promise_that_is_broken_both_ways_holds_the_car_in_its_own(takes_w: float, target_w: float | None) -> None:
    promise, limit = Promise(), Bound("site limit", 4_000.0, 2_500.0)
    promise.given((Slot(3_600, 9_000.0, 8_000.0),), 0.0)
    assert promise.step(Allowed(limit, limit), 0.0)
    assert promise.target_w(Decision(wished_by=EV), takes_w) == target_w


@pytest.mark.parametrize("service", [Service.DC, Service.AC], ids=lambda service: service.name)
def test_a_car_is_offered_more_once_a_limit_is_lifted(service: Service) -> None:
    world = session(DC if service.dc else AC, service, ControlMode.SCHEDULED, 9_000.0)
    operator(world)
    world.run(20.0)
    assert metered_w(world) < CHARGE_W * 1.1
    world.evse.operator = OperatorLimits()
    world.run(70.0)
    assert metered_w(world) > 8_500.0
    assert fault_of(world) is None


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_without_cause_nothing_is_renegotiated(service: Service) -> None:
    """Some cars cannot renegotiate at all, and end the session when they are asked to."""
    world = session(DC if service.dc else AC, service, ControlMode.SCHEDULED, 9_000.0)
    world.run(80.0)
    assert not [text for text in texts(world) if "renegotiate" in text or "SCHEDULE_EXCHANGE" in text][2:]
    assert fault_of(world) is None
