"""What the supervisor finds in measurements alone, and how long it must last."""

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import CAR, INTENT, OUTLET, fault_of, in_the_loop

from v2g.bench.sim.plant_model import RATING
from v2g.bench.sim.world import World
from v2g.iso15118.car import CarState
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Demand, Stage
from v2g.kernel.fault import Fault
from v2g.power.contactor import ContactorReading
from v2g.power.inverter import HOLDS_WITHIN_S, OFF, HeldSetpoint, InverterReading, InverterState
from v2g.power.isolation import IsolationReading, SelfTest
from v2g.power.meter import MeterReading
from v2g.station.config.settings import Access, EvseSettings, PlanStep
from v2g.station.power.decider import Decider
from v2g.station.power.situation import Situation
from v2g.station.power.sources import make
from v2g.station.readings import Readings
from v2g.station.safety.supervisor import Supervisor, Watched
from v2g.station.timeouts import DIFFERS_S, FEEDS_S, FOLLOWS_S, LASTS_S

AC = changed(OUTLET, services=("AC_BPT", "AC"), inverter=None, isolation=None, bench_ac_bpt=True)
CLOSED_ONLY = changed(AC, access=Access(grant="everyone"))


def readings(now: float, power_w: float = 0.0, volts: float = 400.0, amps: float = 0.0) -> Readings:
    return Readings(
        inverter=InverterReading(
            now, InverterState.ON, frozenset(), volts, amps, volts * amps, volts * amps, 0.0, 30.0
        ),
        contactor=ContactorReading(now, closed=True, commanded=True, fault=None),
        meter=MeterReading(now, 0.0, 0.0, power_w, 0.0, (230.0,) * 3, 50.0),
        isolation=IsolationReading(now, 1e6, volts, SelfTest.PASSED),
    )


def watched(service: Service, evse: EvseSettings = OUTLET, commanded_w: float = 0.0) -> Watched:
    demand, car = Demand(stage=Stage.ENERGY, service=service, mode=ControlMode.DYNAMIC), CarState(limits=CAR)
    situation = Situation(0.0, evse, demand, service, car, readings(0.0), RATING if service.dc else None, None, None)
    return Watched(demand, car, changed(Decider(make(evse)).decide(situation), power_w=commanded_w))


@pytest.mark.parametrize(
    ("evse", "service", "power_w", "fault", "after_s"),
    [
        (AC, Service.AC, 15_000.0, None, 0.0),
        (AC, Service.AC, 17_000.0, Fault.OVER_CURRENT, FOLLOWS_S),
        (AC, Service.AC_BPT, -15_000.0, None, 0.0),
        (AC, Service.AC_BPT, -17_000.0, Fault.OVER_CURRENT, FOLLOWS_S),
        (AC, Service.AC, -200.0, None, 0.0),
        (AC, Service.AC, -400.0, Fault.AUTHORIZATION, FEEDS_S),
        (CLOSED_ONLY, Service.AC_BPT, -400.0, Fault.AUTHORIZATION, FEEDS_S),
        (changed(AC, grid_code=None), Service.AC_BPT, -400.0, Fault.AUTHORIZATION, FEEDS_S),
    ],
)
def test_what_an_ac_car_does_is_seen_at_the_meter(
    evse: EvseSettings, service: Service, power_w: float, fault: Fault | None, after_s: float
) -> None:
    supervisor, found_s = Supervisor(evse), None
    for count in range(101):
        now = count / 10
        found = supervisor.power_path(watched(service, evse), readings(now, power_w), now)
        if found is not None:
            assert found[0] is fault
            found_s = now
            break
    assert found_s == (None if fault is None else pytest.approx(after_s))


def test_two_faults_by_turns_last_as_long_as_one() -> None:
    supervisor, found = Supervisor(OUTLET, RATING), []
    for count in range(4):
        volts, amps = (510.0, 0.0) if count % 2 else (400.0, 36.0)
        now = count / 10
        seen = supervisor.power_path(
            watched(Service.DC_BPT, commanded_w=15_000.0), readings(now, 0.0, volts, amps), now
        )
        found.append(None if seen is None else seen[0])
    assert found == [None, Fault.OVER_VOLTAGE, Fault.OVER_CURRENT, Fault.OVER_VOLTAGE]


@pytest.mark.parametrize(
    ("volts", "amps", "fault"),
    [(500.0, 0.0, None), (510.0, 0.0, Fault.OVER_VOLTAGE), (400.0, 34.0, None), (400.0, 36.0, Fault.OVER_CURRENT)],
)
def test_what_the_car_does_not_allow_is_a_fault_once_it_lasts(volts: float, amps: float, fault: Fault | None) -> None:
    """The car allows 460 V and 30 A; 110 % and 5 A more are tolerated."""
    supervisor = Supervisor(OUTLET, RATING)
    found = [
        supervisor.power_path(watched(Service.DC_BPT), readings(now, volts=volts, amps=amps), now)
        for now in (0.0, LASTS_S / 2, LASTS_S)
    ]
    assert found[:2] == [None, None], "one odd sample is none"
    assert (found[2] and found[2][0]) == fault


@pytest.mark.parametrize(
    ("volts", "amps", "commanded_w", "fault", "within_s"),
    [
        (510.0, 0.0, 0.0, Fault.OVER_VOLTAGE, 0.2),
        (400.0, 36.0, 14_000.0, Fault.OVER_CURRENT, 0.2),
        (400.0, 30.0, 3_000.0, Fault.INVERTER_FAULT, 10.0),
        (400.0, -22.0, -3_000.0, Fault.INVERTER_FAULT, 10.0),
    ],
)
def test_a_limit_that_every_other_measurement_exceeds_is_exceeded(
    volts: float, amps: float, commanded_w: float, fault: Fault, within_s: float
) -> None:
    supervisor, seen, now = Supervisor(OUTLET, RATING), None, 0.0
    for count in range(200):
        now = count / 10
        odd = readings(now, 0.0, amps=commanded_w / 400) if count % 2 else readings(now, 0.0, volts, amps)
        seen = supervisor.power_path(watched(Service.DC_BPT, commanded_w=commanded_w), odd, now)
        if seen is not None:
            break
    assert seen is not None
    assert seen[0] is fault
    assert now <= within_s


def test_an_odd_sample_in_between_starts_over() -> None:
    supervisor = Supervisor(AC)
    for now in (0.0, 0.9):
        assert supervisor.power_path(watched(Service.AC, AC), readings(now, -400.0), now) is None
    assert supervisor.power_path(watched(Service.AC, AC), readings(1.0, 0.0), 1.0) is None
    assert supervisor.power_path(watched(Service.AC, AC), readings(1.1, -400.0), 1.1) is None


@pytest.mark.parametrize(
    ("commanded_w", "delivered_w", "fault"),
    [
        (-6_000, -7_400, None),
        (-6_000, -7_600, Fault.INVERTER_FAULT),
        (6_000, 7_600, Fault.INVERTER_FAULT),
        (0, -1_600, Fault.INVERTER_FAULT),
        (0, 1_400, None),
        (6_000, -1_600, Fault.INVERTER_FAULT),
        (6_000, 0, None),
    ],
)
def test_an_inverter_that_delivers_what_was_not_commanded_is_a_fault_once_it_lasts(
    commanded_w: float, delivered_w: float, fault: Fault | None
) -> None:
    """5 % of its 30 kW are tolerated; too little power is none of its faults."""
    supervisor = Supervisor(OUTLET, RATING)
    found = [
        supervisor.power_path(
            watched(Service.DC_BPT, commanded_w=commanded_w), readings(now, delivered_w, amps=delivered_w / 400), now
        )
        for now in (0.0, FOLLOWS_S - 0.1, FOLLOWS_S)
    ]
    assert found[:2] == [None, None]
    assert (found[2] and found[2][0]) == fault


@pytest.mark.parametrize(
    ("meter_w", "fault"), [(-3_100, None), (-8_900, None), (-2_900, Fault.METER_LOST), (6_000, Fault.METER_LOST)]
)
def test_a_meter_that_contradicts_the_inverter_is_a_fault_once_it_lasts(meter_w: float, fault: Fault | None) -> None:
    supervisor = Supervisor(OUTLET, RATING)
    found = [
        supervisor.power_path(watched(Service.DC_BPT, commanded_w=-6_000), readings(now, meter_w, amps=-15.0), now)
        for now in (0.0, DIFFERS_S - 0.1, DIFFERS_S)
    ]
    assert found[:2] == [None, None]
    assert (found[2] and found[2][0]) == fault


def test_an_inverter_that_does_not_hear_is_switched_off_by_the_contactor() -> None:
    world = in_the_loop(
        World(changed(OUTLET, dispatch=(PlanStep(power_w=6_000, for_s=10.0), PlanStep(power_w=0))), INTENT), 5.0
    )
    world.faults.deaf.add("inverter")
    world.run_to_end()
    assert fault_of(world) is Fault.INVERTER_FAULT
    assert world.orders.safe
    assert not world.contactor.closed


def test_an_inverter_that_holds_something_else_than_commanded_for_too_long_is_a_fault() -> None:
    differs = "charge_limit_w is 20000 instead of 3000"

    def found(held: HeldSetpoint | None) -> object:
        supervisor = Supervisor(OUTLET, RATING)
        return supervisor.hardware(changed(readings(1.0), held=held), 1.0, dc=True)

    assert found(None) is None
    assert found(HeldSetpoint(1.0, OFF)) is None
    assert found(HeldSetpoint(1.0, None, differs, HOLDS_WITHIN_S)) is None
    assert found(HeldSetpoint(1.0, None, differs, HOLDS_WITHIN_S + 0.1)) == (
        Fault.INVERTER_FAULT,
        f"the inverter does not hold what was commanded: {differs}",
    )


@pytest.mark.parametrize("stage", Stage)
def test_after_a_stall_the_stall_is_the_fault_and_no_device(stage: Stage) -> None:
    stale = changed(readings(0.0), unwatched="this process did not run for 3.2 s").fresh(3.2)
    assert stale.contactor is None
    demand = Demand(stage=stage, service=Service.DC_BPT, mode=ControlMode.DYNAMIC)
    found = Supervisor(OUTLET, RATING).power_path(Watched(demand), stale, 3.2)
    assert found == (Fault.STALLED, "this process did not run for 3.2 s")
