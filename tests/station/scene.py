"""A station and a car in the virtual world, and what has become of them."""

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.event import Faulted, Received, Sent
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits
from v2g.kernel.fault import Fault
from v2g.station.config.settings import Access, EvseSettings, GridCodeSettings, PlanStep
from v2g.station.event import Broke
from v2g.station.text import describe

CAR = Limits(
    charge_w=11_000,
    discharge_w=10_000,
    charge_a=30,
    discharge_a=20,
    voltage_min_v=300,
    voltage_max_v=460,
)
INTENT = Intent("WMIV1234567890ABCDEX", Service.DC_BPT, ControlMode.DYNAMIC, CAR, duration_s=600.0)
PROMPT = GridCodeSettings(name="ieee1547-cat3", settings={"enter_service.delay_s": 0.0, "enter_service.ramp_s": 0.0})
"""Without the waiting."""
OUTLET = EvseSettings(
    services=("DC_BPT", "DC"),
    access=Access(grant="everyone", discharge=True, bench_discharge=True),
    dispatch=(PlanStep(power_w=5_000, for_s=5.0), PlanStep(power_w=-6_000)),
    inverter=NOWHERE,
    contactor=NOWHERE,
    meter=NOWHERE,
    isolation=NOWHERE,
    grid=NOWHERE,
    grid_code=PROMPT,
)


def in_the_loop(world: World, seconds: float = 10.0) -> World:
    """A session that has been moving energy for some time."""
    world.run(3.0)  # the station knows its hardware
    world.plug_in()
    world.run(
        until=lambda: world.evse.visit.conversation is not None and world.evse.visit.conversation.phase == "CHARGE_LOOP"
    )
    world.run(seconds)
    return world


def texts(world: World) -> list[str]:
    """What the trace says, but for single messages."""
    return [describe(event)[1] for _, event in world.events if not isinstance(event, Received | Sent)]


def faults_of(world: World) -> list[Fault]:
    return [event.fault for _, event in world.events if isinstance(event, Faulted | Broke)]


def fault_of(world: World) -> Fault | None:
    return next(iter(faults_of(world)), None)


def faulted_at(world: World) -> float:
    return next(time for time, event in world.events if isinstance(event, Faulted | Broke))


def opened_at(world: World, after: float) -> float:
    return next(time for time, closed in world.switched if not closed and time >= after)
