"""An AC car feeds only if its inverter is known to bring the grid code's functions, and the meter shows that it does.

The car of these worlds has a grid-following inverter (`v2g.bench.sim.ac_inverter`): it follows its targets, and
keeps an island alive as long as it may.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop, texts
from tests.station.test_frozen_meter import freeze

from v2g.bench.sim import ac_inverter
from v2g.bench.sim.ac_inverter import AcInverter
from v2g.bench.sim.island import Island
from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.world import Grid, World
from v2g.grid.settings import Value
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.station.config.settings import Access, CertifiedVehicle, EvseSettings, GridCodeSettings, PlanStep

FED_W = 6_000.0
DER = (Service.AC_DER_IEC, Service.AC_DER_SAE)
CERTIFIED = CertifiedVehicle(certificate="WMIVCERTIFIED", standard="SAE J3072, certificate 17", reactive_var=5_000)
PROMPT: dict[str, Value] = {"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0, "reactive.mode": "volt_var"}


def evse(**changes: Value) -> EvseSettings:
    return changed(
        OUTLET,
        services=("AC_DER_IEC", "AC_DER_SAE", "AC_BPT", "AC"),
        inverter=None,
        isolation=None,
        dispatch=(PlanStep(power_w=-FED_W),),
        grid_code=GridCodeSettings(name="ieee1547-cat3", settings={**PROMPT, **changes}),
    )


def wanting(service: Service, mode: ControlMode = ControlMode.DYNAMIC) -> Intent:
    wish_w = -FED_W if mode is ControlMode.SCHEDULED else None
    return replace(INTENT, service=service, mode=mode, wish_w=wish_w, duration_s=600.0)


@cache
def _feeding(service: Service, mode: ControlMode, loop_s: float) -> World:
    return in_the_loop(World(evse(), replace(wanting(service, mode), loop_interval_s=loop_s)), 5.0)


def feeding(
    service: Service = Service.AC_DER_IEC, mode: ControlMode = ControlMode.DYNAMIC, loop_s: float = 0.1
) -> World:
    return deepcopy(_feeding(service, mode, loop_s))


def steady(voltage_pu: float) -> Callable[[float, PlantModel], Grid]:
    grid = Grid(50.0, (230.0 * voltage_pu, 230.0 * voltage_pu, 230.0 * voltage_pu))
    return lambda now, plant: grid


def run_until_open(world: World) -> None:
    world.run(4.0, until=lambda: not world.contactor.closed)


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", DER)
def test_reactive_power_at_the_meter_is_the_grid_codes(service: Service, mode: ControlMode) -> None:
    world = feeding(service, mode)
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)
    for volts_pu, fed_pu in ((0.95, 0.22), (1.05, -0.22), (1.0, 0.0)):
        world.grid_source = steady(volts_pu)
        world.run(12.0)
        # Of 11 kVA; the islanding probe adds 1 % of the active power.
        assert -world.plant.charger_reactive_var == pytest.approx(fed_pu * 11_000, abs=0.02 * 11_000)
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)
    assert "the car's inverter has taken over the grid code's settings: it may feed" in texts(world)


class Opened:
    """The grid opens, and what is left is a load that matches what the car feeds."""

    def __init__(self, at_s: float, reactive: float) -> None:
        self._at_s, self._reactive = at_s, reactive
        self._island: Island | None = None
        self._matched_w = self._until_s = 0.0

    def __call__(self, now: float, plant: PlantModel) -> Grid:
        if now < self._at_s:
            return Grid(50.0)
        if self._island is None:
            self._matched_w, self._until_s = -plant.charger_power_w, now - 0.01
            self._island = Island(50.0, 1.0, self._reactive)
        island = self._island
        island.fed_pu = -plant.charger_power_w / self._matched_w
        island.drawn_pu = plant.charger_reactive_var / self._matched_w
        island.step(now - self._until_s)
        self._until_s = now
        volts = 230.0 * island.voltage_pu
        return Grid(island.measured_hz, (volts, volts, volts))


@pytest.mark.parametrize("reactive", [0.95, 1.0, 1.05])
@pytest.mark.parametrize(
    ("service", "mode", "loop_s"),
    [
        (Service.AC_DER_IEC, ControlMode.DYNAMIC, 0.1),
        (Service.AC_DER_SAE, ControlMode.SCHEDULED, 0.1),
        (Service.AC_DER_IEC, ControlMode.DYNAMIC, 0.18),
    ],
)
def test_an_island_is_left_within_two_seconds(
    service: Service, mode: ControlMode, loop_s: float, reactive: float
) -> None:
    for phase_s in (0.0, 0.27, 0.6):
        world = feeding(service, mode, loop_s)
        begins_s = world.now + phase_s
        world.grid_source = Opened(begins_s, reactive)
        run_until_open(world)
        assert world.now - begins_s < 2.0
        assert world.plant.charger_power_w == 0.0


def test_a_matched_island_would_go_on_if_the_car_ignored_reactive_power() -> None:
    """The test above would show nothing if this one failed."""
    world = feeding()
    world.ac_inverter.obeys_var = False
    world.grid_source = Opened(world.now, 1.0)
    world.run(2.5)
    assert world.contactor.closed
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", DER)
def test_a_car_that_says_yes_and_does_not_follow_charges_only(service: Service, mode: ControlMode) -> None:
    world = World(evse(), wanting(service, mode))
    world.ac_inverter = AcInverter(5_000.0, obeys_var=False)
    in_the_loop(world, 12.0)
    assert world.plant.charger_power_w > -50.0
    assert world.evse.visit.report.discharged_wh < 5.0
    assert "the car does not follow reactive power" in world.evse.decision.allowed.discharge.detail
    assert world.evse.busy, "it may charge"


def test_until_it_has_shown_that_it_follows_it_feeds_a_fifth() -> None:
    world = World(evse(), wanting(Service.AC_DER_IEC))
    world.ac_inverter = AcInverter(5_000.0, obeys_var=False)
    in_the_loop(world, 0.0)
    fed_w: list[float] = []
    for _ in range(80):
        world.run(0.1)
        fed_w.append(-world.plant.charger_power_w)
    assert 1_000 < max(fed_w) <= 0.2 * 10_000 * 1.01
    assert sum(0.1 for power_w in fed_w if power_w > 600) < 2.5


def test_it_feeds_once_it_is_known_how_late_the_car_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    for lag_s, feeds in ((0.05, True), (0.4, False)):
        monkeypatch.setattr(ac_inverter, "LAG_S", lag_s)
        world = in_the_loop(World(evse(), wanting(Service.AC_DER_IEC)), 0.0)
        assert world.evse.guard is not None
        for _ in range(200):
            world.run(0.05)
            if world.evse.guard.status().set_point_delay_s is not None:
                break
            assert world.plant.charger_power_w > -0.2 * 10_000 * 1.01
        world.run(4.0)
        delay_s = world.evse.guard.status().set_point_delay_s
        assert delay_s is not None
        assert (delay_s < 0.35) is feeds
        assert (world.plant.charger_power_w < -0.9 * FED_W) is feeds
        assert ("must take less than 0.35 s" in world.evse.decision.explanation) is not feeds


def test_a_car_whose_feeding_the_meter_does_not_show_is_held_to_charging() -> None:
    """It may be the meter that stands still."""
    world = World(evse(), wanting(Service.AC_DER_IEC))
    world.run(2.0)
    freeze(world)
    in_the_loop(world, 6.0)
    assert -2_100 < world.plant.charger_power_w < -1_000
    world.run(4.0)
    assert world.plant.charger_power_w > -50.0
    assert "the meter shows no power while the car is asked to feed" in world.evse.decision.explanation


def test_a_car_that_stops_following_is_held_to_charging() -> None:
    world = feeding()
    world.grid_source = steady(0.95)
    world.run(12.0)
    world.ac_inverter.obeys_var = False
    world.run(8.0)
    assert world.plant.charger_power_w > -50.0
    assert "the car does not follow reactive power" in world.evse.decision.explanation


def test_an_inverter_without_the_reactive_power_charges_only() -> None:
    world = in_the_loop(World(evse(), replace(wanting(Service.AC_DER_IEC), reactive_max_var=1_000.0)), 5.0)
    assert world.plant.charger_power_w == 0.0
    expected = "the car charges only: the car has 1.0 kvar of reactive power, the grid code demands 4.8 kvar"
    assert expected in texts(world)
    assert "AC discharge (the car has 1.0 kvar of reactive power" in world.evse.decision.explanation


def test_bidirectional_ac_without_a_certified_vehicle_charges_only() -> None:
    world = in_the_loop(World(evse(), wanting(Service.AC_BPT)), 5.0)
    assert world.plant.charger_power_w == 0.0
    assert "the car's inverter is not known to bring the grid code's functions" in world.evse.decision.explanation
    assert world.evse.decision.lasting.discharge_w == 0.0


def test_a_certified_vehicle_is_known_by_its_certificate_and_follows_reactive_power() -> None:
    settings = changed(evse(), access=Access(grant="everyone", discharge=True, certified=(CERTIFIED,)))
    world = World(settings, wanting(Service.AC_BPT))
    world.certificate = "WMIVCERTIFIED"
    in_the_loop(world, 5.0)
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)
    world.grid_source = steady(0.95)
    world.run(12.0)
    assert -world.plant.charger_reactive_var == pytest.approx(0.22 * 11_000, abs=0.02 * 11_000)
    world.grid_source = Opened(world.now, 1.0)
    begins_s = world.now
    run_until_open(world)
    assert world.now - begins_s < 2.0


def test_a_name_that_is_only_stated_certifies_nobody() -> None:
    named = changed(CERTIFIED, certificate=INTENT.evcc_id)
    settings = changed(evse(), access=Access(grant="everyone", discharge=True, certified=(named,)))
    world = in_the_loop(World(settings, wanting(Service.AC_BPT)), 5.0)
    assert world.evse.car.evcc_id == named.certificate
    assert world.plant.charger_power_w == 0.0


@pytest.mark.parametrize(
    ("prepare", "found"),
    [
        (lambda: World(evse(**{"islanding.probe_enabled": False}), wanting(Service.AC_DER_IEC)), "probe is off"),
        (
            lambda: World(evse(), replace(wanting(Service.AC_DER_IEC), loop_interval_s=0.25)),
            "detecting an island takes 0.2 s at most",
        ),
    ],
    ids=["no probe", "a slow loop"],
)
def test_without_a_watch_for_islands_nothing_is_fed(prepare: Callable[[], World], found: str) -> None:
    world = in_the_loop(prepare(), 8.0)
    assert world.plant.charger_power_w > -50.0
    assert found in world.evse.decision.allowed.discharge.detail


@pytest.mark.parametrize("mode", ControlMode)
@pytest.mark.parametrize("service", DER)
def test_settings_that_change_are_handed_over_by_a_new_choice_of_the_service(
    service: Service, mode: ControlMode
) -> None:
    """Until the car has taken them over it feeds nothing; then it goes on, by the new ones."""
    world = feeding(service, mode)
    assert world.evse.guard is not None
    world.evse.guard.adjust({"volt_var.q1_pu": 0.22, "volt_var.response_s": 2.0})
    explained = []
    for _ in range(20):
        world.run(0.02)
        explained.append(world.evse.decision.explanation)
    assert any("have changed since the car was given them" in each for each in explained)
    world.run(20.0 if mode is ControlMode.DYNAMIC else 75.0)  # more power than promised is offered after a minute
    assert world.evse.car.der is not None
    assert world.evse.car.der.given == world.evse.guard.der
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)
    world.grid_source = steady(0.92)
    world.run(10.0)
    assert -world.plant.charger_reactive_var == pytest.approx(0.22 * 11_000, abs=0.02 * 11_000)


def test_a_car_that_follows_again_is_tried_again() -> None:
    """After a minute; a car that never does is tried three times in all."""
    world = feeding()
    world.ac_inverter.obeys_var = False
    world.grid_source = steady(0.95)
    world.run(20.0)
    assert world.plant.charger_power_w > -50.0
    world.ac_inverter.obeys_var = True
    world.run(60.0)
    assert world.plant.charger_power_w == pytest.approx(-FED_W, rel=0.02)
    stubborn = feeding()
    stubborn.ac_inverter.obeys_var = False
    stubborn.grid_source = steady(0.95)
    stubborn.run(200.0)
    before_wh = stubborn.evse.visit.report.discharged_wh
    stubborn.run(130.0)
    assert stubborn.evse.visit.report.discharged_wh == pytest.approx(before_wh, abs=0.1)
