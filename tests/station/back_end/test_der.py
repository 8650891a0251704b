"""DER controls as settings of the grid code: what is followed beside other parties and after another configuration."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.station.back_end.test_charging_station import Bench
from tests.station.scene import INTENT
from tests.station.test_grid_settings import FEEDING, ask, started

from v2g.bench.sim.world import World
from v2g.grid.settings import load
from v2g.ocpp import v21
from v2g.ocpp.der_controls import Control, Type
from v2g.station.back_end.der import GridSettings, Plant, changes_of
from v2g.station.command import GridDefault, GridSet
from v2g.station.config.settings import GridCodeSettings

TENTH = Control(
    v21.SetDERControlRequest(
        isDefault=True,
        controlId="limit",
        controlType="LimitMaxDischarge",
        limitMaxDischarge=v21.LimitMaxDischargeType(priority=0, pctMaxDischargePower=10.0),
    )
)
RAMP = Control(
    v21.SetDERControlRequest(
        isDefault=True,
        controlId="ramp",
        controlType="Gradients",
        gradient=v21.GradientType(priority=0, gradient=0.0, softGradient=100.0),
    )
)
TWO_POINTS = Control(
    v21.SetDERControlRequest(
        isDefault=True,
        controlId="trips",
        controlType="LVMustTrip",
        curve=v21.DERCurveType(
            priority=0,
            yUnit="Not_Applicable",
            curveData=(v21.DERCurvePointsType(x=70.0, y=2.0), v21.DERCurvePointsType(x=50.0, y=2.0)),
        ),
    )
)


def limited_pu(world: World) -> float:
    assert world.evse.guard is not None
    return world.evse.guard.code.active_power_limit.settled_pu()


def test_a_control_that_the_configured_code_no_longer_admits_takes_no_other_with_it() -> None:
    """It was accepted under a code with two elements of undervoltage; this one has one."""
    world = started(World(replace(FEEDING, grid_code=GridCodeSettings(name="g99")), INTENT))
    settings = GridSettings({1: world.evse})
    in_force: dict[Type, Control] = {"LVMustTrip": TWO_POINTS, "LimitMaxDischarge": TENTH}
    (why,) = settings.apply(in_force)
    assert why == "DER control at EVSE 1: LVMustTrip trips is not followed: LVMustTrip has at most 1 points here, not 2"
    assert limited_pu(world) == 0.1
    assert not settings.apply(in_force), "reported once"
    settings.apply({})
    assert limited_pu(world) == 1.0


def test_a_control_that_contradicts_the_operator_is_followed_once_the_operator_gives_up() -> None:
    world = started(World(FEEDING, INTENT))
    settings = GridSettings({1: world.evse})
    in_force: dict[Type, Control] = {"Gradients": RAMP, "LimitMaxDischarge": TENTH}
    ask(world, GridSet(changes={"enter_service.random_delay_s": 60.0}))
    (why,) = settings.apply(in_force)
    assert "Gradients ramp is not followed: enter_service.ramp_s and enter_service.random_delay_s" in why
    assert limited_pu(world) == 0.1
    ask(world, GridDefault())
    assert not settings.apply(in_force)
    assert world.evse.guard is not None
    assert world.evse.guard.code.enter_service.ramp_s == 100.0


def test_the_back_end_hears_of_a_control_that_is_not_followed_and_of_its_end() -> None:
    bench = Bench()
    bench.run(3.0)
    ask(bench.world, GridSet(changes={"enter_service.random_delay_s": 60.0}))
    assert bench.ask("SetDERControl", RAMP.request).status == "Accepted"
    bench.run(2.0)
    alarms = [each for _, each in bench.heard if isinstance(each, v21.NotifyDERAlarmRequest)]
    assert [(each.controlType, each.alarmEnded) for each in alarms] == [("Gradients", UNSET)]
    assert str(alarms[0].extraInfo).startswith("EVSE 1: Gradients ramp is not followed: enter_service.ramp_s and")
    ask(bench.world, GridDefault())
    bench.run(2.0)
    alarms = [each for _, each in bench.heard if isinstance(each, v21.NotifyDERAlarmRequest)]
    assert [(each.controlType, each.alarmEnded) for each in alarms] == [("Gradients", UNSET), ("Gradients", True)]


@pytest.mark.parametrize("name", ["vde-4105", "en50549-1", "g99", "cei-0-21", "as-nzs-4777-2", "ieee1547-cat3"])
def test_entering_service_is_set_for_the_way_back_after_a_trip_too(name: str) -> None:
    code = load(name)
    entry = code.reconnection
    asked = v21.EnterServiceType(
        priority=0,
        lowVoltage=entry.lowest_pu * 230,
        highVoltage=entry.highest_pu * 230,
        lowFreq=entry.lowest_hz,
        highFreq=entry.highest_hz,
        delay=77.0,
    )
    request = v21.SetDERControlRequest(
        isDefault=True, controlId="entry", controlType="EnterService", enterService=asked
    )
    found = changes_of(Control(request), Plant(code, replace(FEEDING, nominal_voltage_v=230)))
    changed = code.with_settings(found)
    assert (changed.enter_service.delay_s, changed.reconnection.delay_s) == (77.0, 77.0)
    assert changed.reconnection.highest_hz == changed.enter_service.highest_hz == pytest.approx(entry.highest_hz)
