"""What an operator may ask by hand, what is refused, and when it is over."""

from dataclasses import replace
from typing import Literal

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.plant_model import PlantSettings
from v2g.bench.sim.world import World
from v2g.grid.settings import SettingsError
from v2g.iso15118.service import Service
from v2g.station.command import Inject
from v2g.station.config.settings import Access, EvseSettings, PlanStep
from v2g.station.operator import CommandRefused, inject, limit
from v2g.station.orders import Orders
from v2g.station.power.limits import Bound, Holds

Mode = Literal["charge", "discharge", "idle", "auto"]
PLAN = (PlanStep(power_w=3_000),)


def session(evse: EvseSettings = OUTLET) -> World:
    return in_the_loop(World(changed(evse, dispatch=PLAN), INTENT), 3.0)


def ask(world: World, mode: Mode, power_w: float = 0.0, fed_var: float = 0.0, for_s: float | None = None) -> None:
    inject(world.evse, Inject(mode=mode, power_w=power_w, fed_var=fed_var, for_s=for_s), world.now)


def test_a_command_stands_in_the_place_of_the_plan() -> None:
    world = session()
    ask(world, "discharge", 5_000)
    world.run(3.0)
    assert world.plant.power_w == pytest.approx(-5_000, rel=0.02)
    assert world.evse.decision.wished_by == "the operator"
    ask(world, "idle")
    world.run(3.0)
    assert world.plant.power_w == pytest.approx(0, abs=1)
    ask(world, "auto")
    world.run(3.0)
    assert world.plant.power_w == pytest.approx(3_000, rel=0.02)


def test_an_expired_command_falls_back_to_the_plan() -> None:
    world = session()
    ask(world, "discharge", 5_000, for_s=5.0)
    world.run(4.0)
    assert world.plant.power_w == pytest.approx(-5_000, rel=0.02)
    world.run(3.0)
    assert world.plant.power_w == pytest.approx(3_000, rel=0.02)


def without_kick(world: World) -> Orders:
    """The islanding probe's kick turns at random."""
    return changed(world.orders, inverter=replace(world.orders.inverter, reactive_var=0.0))


def test_a_repeated_command_changes_nothing() -> None:
    once, often = session(), session()
    ask(once, "discharge", 5_000)
    for _ in range(100):
        ask(often, "discharge", 5_000)
        once.step()
        often.step()
        assert without_kick(once) == without_kick(often)


def test_a_command_ends_with_its_session() -> None:
    world = session()
    ask(world, "discharge", 5_000)
    world.unplug()
    world.run(1.0)
    world.plug_in()
    world.run(8.0)
    assert world.plant.power_w == pytest.approx(3_000, rel=0.02)


def test_reactive_power_in_the_place_of_the_grid_codes_mode() -> None:
    world = session()
    ask(world, "discharge", 5_000, fed_var=4_000, for_s=40.0)
    world.run(39.0)  # the response of constant reactive power takes some seconds
    assert world.plant.reactive_var == pytest.approx(-4_000, abs=600)  # the islanding probe adds its share
    world.run(20.0)
    assert world.plant.reactive_var == pytest.approx(0, abs=600)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("discharge", 15_001.0), "15.001 kW is beyond: station discharge power, 15 kW"),
        (("charge", 31_000.0), "31 kW is beyond: station charge power, 15 kW"),
        (("discharge", -1.0), "give its magnitude"),
        (("discharge", float("nan")), "give its magnitude"),
        (("idle", 5.0), "idle has no power"),
        (("charge", 1_000.0, 0.0, 0.0), "give one above 0"),
        (("charge", 1_000.0, 10_001.0), "10.001 kvar is beyond: inverter reactive power, 10 kvar"),
    ],
)
def test_what_the_station_could_not_follow_is_refused(command: tuple[Mode, *tuple[float, ...]], reason: str) -> None:
    world = session()
    with pytest.raises(CommandRefused, match=reason):
        ask(world, *command)
    assert world.evse.visit.injection is None


def test_discharging_needs_leave() -> None:
    evse = changed(OUTLET, access=Access(grant="everyone"), dispatch=PLAN)
    world = in_the_loop(World(evse, replace(INTENT, service=Service.DC)))
    with pytest.raises(CommandRefused, match="1 kW is beyond: no authorisation to discharge, 0 kW"):
        ask(world, "discharge", 1_000)


def test_without_a_session_there_is_nothing_to_command() -> None:
    world = World(OUTLET, INTENT)
    with pytest.raises(CommandRefused, match="no car is in session at EVSE 1"):
        ask(world, "charge", 1_000)


def test_reactive_power_beyond_the_grid_code_names_the_range() -> None:
    world = session()
    assert world.evse.guard is not None
    assert world.evse.rating is not None
    with pytest.raises(SettingsError, match=r"constant_var\.injected_pu: 1\.1 is out of range"):
        world.evse.guard.check_var(33_000, world.evse.rating)


def test_a_limit_binds_and_stands_in_the_inverter() -> None:
    world = session()
    limit(world.evse, -1.0, 2_000.0)
    ask(world, "discharge", 5_000)
    world.run(3.0)
    assert world.plant.power_w == pytest.approx(-2_000, rel=0.02)
    assert world.orders.inverter.discharge_limit_w == 2_000
    assert world.evse.decision.binding is not None
    assert world.evse.decision.binding.source == "operator discharge limit"
    world.unplug()
    world.run(1.0)
    orders = world.orders
    assert orders.safe
    assert orders.inverter.discharge_limit_w == 2_000


@pytest.mark.parametrize(
    ("direction", "power_w", "reason"),
    [
        (-1.0, 15_001.0, "station discharge power, 15 kW"),
        (1.0, 20_000.0, "station charge power, 15 kW"),
        (-1.0, float("nan"), "beyond"),
    ],
)
def test_a_limit_beyond_what_is_possible_is_refused(direction: float, power_w: float, reason: str) -> None:
    world = session()
    world.run(0.1)
    before = world.orders
    with pytest.raises(CommandRefused, match=reason):
        limit(world.evse, direction, power_w)
    assert world.orders == before


def test_heat_limits_a_command_and_does_not_refuse_it() -> None:
    """The heat of this minute is over some time, a limit by hand holds until it is set again."""
    hot = replace(PlantSettings(), ambient_c=80.0, thermal_resistance_k_per_w=0.0)
    world = in_the_loop(World(changed(OUTLET, dispatch=PLAN), INTENT, plant=hot), 3.0)
    limit(world.evse, -1.0, 15_000)
    ask(world, "discharge", 12_000)
    world.run(3.0)
    assert world.evse.decision.binding is not None
    assert world.evse.decision.binding.source == "heat"
    assert -6_000 < world.plant.power_w < -1_000


def test_the_sites_limit_binds_and_refuses() -> None:
    site = Bound("site limit", 4_000.0, 2_500.0, "a share of 1/2", Holds.ALWAYS)
    world = World(changed(OUTLET, dispatch=(PlanStep(power_w=-6_000),)), INTENT, site=site)
    in_the_loop(world, 4.0)
    assert world.plant.ac_power_w == pytest.approx(-2_500, rel=0.02), "at the meter"
    with pytest.raises(CommandRefused, match=r"3 kW is beyond: site limit \(a share of 1/2\), 2\.[5-7]"):
        ask(world, "discharge", 3_000)
