"""DER controls as settings of the grid code: what is followed beside other parties and after another configuration."""

from msgspec.structs import replace
from tests.station.scene import INTENT
from tests.station.test_grid_settings import FEEDING, ask, started

from v2g.bench.sim.world import World
from v2g.ocpp import v21
from v2g.ocpp.der_controls import Control, Type
from v2g.station.back_end.der import GridSettings
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
