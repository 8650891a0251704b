"""A car that does not talk and follows the duty cycle (IEC 61851-1): what is reported of it, and how it is stopped."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, PROMPT, fault_of, texts

from v2g.bench.sim.plant_model import PlantModel
from v2g.bench.sim.world import NOWHERE, SOUND, Grid, World
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.pilot.duty import STEADY_HIGH
from v2g.pilot.state import State
from v2g.pilot.timing import BREAK_S, STEP_X1_S
from v2g.pilot.vehicle import VehiclePilot
from v2g.station.access import Answer, Identity, Verdict
from v2g.station.command import Inject
from v2g.station.config.settings import Access, Pilot
from v2g.station.operator import CommandRefused, inject
from v2g.station.power.limits import Bound
from v2g.station.restart import why_not_restart
from v2g.station.snapshot import explain

EVSE = changed(
    OUTLET,
    services=("AC",),
    inverter=None,
    isolation=None,
    pilot=Pilot(device=NOWHERE, fallback_a=16.0, digital_s=2.0, retries=0),
    safety=NOWHERE,
    access=Access(grant="everyone"),
    grid_code=changed(PROMPT, name="ieee1547-cat2"),
)
FULL_W = 16 * 3 * 230
GridSource = Callable[[float, PlantModel], Grid]


class Owner:
    """May change its mind."""

    def __init__(self) -> None:
        self.verdict = Verdict(Answer.GRANTED, "its owner has paid")

    def judge(self, identity: Identity, now: float) -> Verdict:
        return self.verdict


def plugged(
    authorizer: Owner | None = None, vehicle: VehiclePilot | None = None, grid: GridSource | None = None
) -> World:
    world = World(EVSE, INTENT, authorizer=authorizer, grid=grid or (lambda now, plant: SOUND))
    world.faults.mute = True
    assert world.cable is not None
    world.cable.pilot.vehicle = vehicle or world.cable.pilot.vehicle
    world.run(3.0)
    world.plug_in()
    return world


def drawing(
    authorizer: Owner | None = None, vehicle: VehiclePilot | None = None, grid: GridSource | None = None
) -> World:
    world = plugged(authorizer, vehicle, grid)
    world.run(20.0)
    assert world.plant.charger_power_w == pytest.approx(FULL_W, rel=0.01)
    return world


def has_let_go(world: World) -> bool:
    """Whether the car has opened S2 by the time at which the contactor is commanded open."""
    assert world.cable is not None
    world.run(10.0, until=lambda: not world.orders.contactor_closed)
    return not world.orders.contactor_closed and world.cable.pilot.vehicle.state is State.B


def press(world: World) -> None:
    assert world.safety is not None
    world.safety.emergency_stop = True


def release(world: World) -> None:
    assert world.safety is not None
    world.safety.emergency_stop = False


@pytest.mark.parametrize(
    ("breaks", "mends", "fault"),
    [
        (press, release, Fault.EMERGENCY_STOP),
        (lambda world: world.faults.silent.add("meter"), lambda world: world.faults.silent.clear(), Fault.METER_LOST),
        (
            lambda world: world.faults.silent.add("grid"),
            lambda world: world.faults.silent.clear(),
            Fault.GRID_SENSOR_LOST,
        ),
        (lambda world: world.faults.silent.add("pilot"), lambda world: world.faults.silent.clear(), Fault.PILOT),
    ],
    ids=["emergency stop", "meter", "grid sensing unit", "pilot"],
)
def test_what_takes_its_energy_away_is_reported_with_its_code(
    breaks: Callable[[World], None], mends: Callable[[World], None], fault: Fault
) -> None:
    world = drawing()
    breaks(world)
    world.run(1.0)
    assert not world.contactor.closed
    assert fault_of(world) is fault
    assert any(text.startswith("safe state reached") for text in texts(world))
    mends(world)
    world.run(30.0)
    assert world.contactor.closed, "it cannot begin a new session by itself"
    (opened_s, _), (closed_s, _) = world.switched[-2:]
    assert fault is Fault.PILOT or closed_s - opened_s > STEP_X1_S, "the car has started again"


def test_an_authorisation_that_is_withdrawn_is_reported() -> None:
    owner = Owner()
    world = drawing(owner)
    owner.verdict = Verdict(Answer.REFUSED, "its owner has left")
    world.run(0.5)
    assert not world.contactor.closed
    granted = (
        "granted: EVCCID -, no certificate: its owner has paid; it charges only: nobody has allowed it to feed the grid"
    )
    assert granted in texts(world)
    assert "refused: EVCCID -, no certificate: its owner has left" in texts(world)
    assert "0x0C Not authorised: its owner has left" in texts(world)
    world.run(1.0)
    assert world.orders.pilot_duty == STEADY_HIGH, "it is not offered what it does not get"
    assert explain(world.evse, world.now).why == (
        "idle: the car does not talk, and gets no energy yet; its owner has left"
    )
    owner.verdict = Verdict(Answer.GRANTED, "its owner is back")
    world.run(6.0)
    assert world.contactor.closed


def test_a_limit_below_the_least_duty_cycle_stops_it_before_the_contactor_opens() -> None:
    world = drawing()
    world.evse.site = Bound("site limit", 2_000.0, 0.0)
    assert has_let_go(world)
    assert explain(world.evse, world.now).why == (
        "idle: the car does not talk, and the limit, site limit, 2.0 kW, is less than a duty cycle can say, "
        "6 A on each phase"
    )
    assert fault_of(world) is None


def test_one_that_keeps_s2_closed_loses_the_contactor() -> None:
    world = drawing(vehicle=VehiclePilot(stubborn=True))
    world.evse.stop(Stop.TERMINATE, world.now)
    world.run(BREAK_S - 1.0)
    assert world.contactor.closed, "it may take that long to stop"
    world.run(2.0)
    assert not world.contactor.closed


def test_a_stopped_one_stops_by_itself() -> None:
    world = drawing()
    assert world.evse.stop(Stop.TERMINATE, world.now)
    assert has_let_go(world)
    assert world.orders.pilot_duty == STEADY_HIGH
    assert "once it is plugged in again" in explain(world.evse, world.now).why


def test_the_operator_commands_it_too() -> None:
    world = drawing()
    inject(world.evse, Inject(mode="charge", power_w=6_000.0, for_s=20.0), world.now)
    world.run(10.0)
    assert world.plant.charger_power_w == pytest.approx(6_000, rel=0.012), "in steps of 0.1 A"
    assert world.evse.decision.wished_by == "the operator"
    world.run(20.0)
    assert world.plant.charger_power_w == pytest.approx(FULL_W, rel=0.01), "its time is over"
    inject(world.evse, Inject(mode="idle"), world.now)
    assert has_let_go(world)
    assert "the operator's wish, 0.0 kW, is less than a duty cycle can say" in explain(world.evse, world.now).why
    inject(world.evse, Inject(mode="auto"), world.now)
    world.run(10.0)
    assert world.plant.charger_power_w == pytest.approx(FULL_W, rel=0.01)
    with pytest.raises(CommandRefused, match="the car does not talk, and cannot be asked to feed the grid"):
        inject(world.evse, Inject(mode="discharge", power_w=1_000.0), world.now)


def test_the_process_is_restarted_once_it_draws_no_more() -> None:
    world = drawing()
    assert why_not_restart([world.evse], force=False) is not None
    world.faults.s2_open = True
    world.run(1.0)
    assert why_not_restart([world.evse], force=False) is None
    assert explain(world.evse, world.now).why == "idle: the car does not talk, and does not ask for energy"


def test_before_it_has_shown_that_it_does_not_talk_it_is_only_plugged_in() -> None:
    world = plugged()
    world.run(0.5)
    assert explain(world.evse, world.now).why == "idle: a car is plugged in"


def test_a_dip_that_is_over_before_the_contactor_has_opened_does_not_close_it_again() -> None:
    """Category II trips within 0.16 s, and here is in service again at once."""
    dip = Grid(voltages_v=(30.0,) * 3)
    world = drawing(grid=lambda now, plant: dip if 30.0 <= now < 30.13 else SOUND)
    world.run(30.0 - world.now)
    world.run(0.3, until=lambda: not world.orders.contactor_closed)
    assert fault_of(world) is Fault.GRID
    world.run(0.3, until=lambda: world.orders.contactor_closed)
    assert not world.orders.contactor_closed
    assert not world.contactor.closed
