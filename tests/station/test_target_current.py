"""A DC car that asks for a current gets no more than that, whoever else wishes for power: IEC 61851-23."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, texts
from tests.station.test_d2 import D2, DIN, charging

from v2g.bench.sim.world import Grid, World
from v2g.iso15118.service import ControlMode, Service
from v2g.station.command import Inject
from v2g.station.operator import inject
from v2g.station.power.situation import BackEndOrder

CARS = {
    "iso2": replace(INTENT, editions=(D2,), service=Service.DC, mode=ControlMode.SCHEDULED),
    "din": replace(INTENT, editions=(DIN,), service=Service.DC, mode=ControlMode.SCHEDULED),
    "iso20": replace(INTENT, service=Service.DC, mode=ControlMode.SCHEDULED),
    "iso20-bpt": replace(INTENT, mode=ControlMode.SCHEDULED),
    "iso20-bpt-feeds": replace(INTENT, mode=ControlMode.SCHEDULED),
}


def operator(world: World) -> None:
    inject(world.evse, Inject(mode="charge", power_w=9_000.0), world.now)


def frequency(world: World) -> None:
    world.grid_source = lambda now, plant: Grid(frequency_hz=51.5)


def voltage(world: World) -> None:
    assert world.evse.guard is not None
    drawing = {"volt_watt.enabled": True, "volt_watt.v1_pu": 1.05, "volt_watt.v2_pu": 1.09, "volt_watt.p2_pu": -1.0}
    world.evse.guard.adjust(drawing)
    world.grid_source = lambda now, plant: Grid(voltages_v=(251.0, 251.0, 251.0))


def back_end(world: World) -> None:
    world.evse.back_end = BackEndOrder(discharge_w=9_000.0, setpoint_w=9_000.0, by="TxProfile 1")


@pytest.mark.parametrize("wish", [operator, frequency, voltage, back_end], ids=lambda wish: wish.__name__)
@pytest.mark.parametrize("car", CARS)
def test_nobody_exceeds_the_current_that_the_car_asks_for(car: str, wish: object) -> None:
    asked_w = -2_000.0 if car.endswith("feeds") else 2_000.0
    intent = replace(CARS[car], wish_w=asked_w, duration_s=60.0, loop_interval_s=0.05)
    world = charging(World(changed(OUTLET), intent), 10.0)
    assert world.plant.power_w == pytest.approx(asked_w, rel=0.1), texts(world)
    assert callable(wish)
    wish(world)
    for _ in range(24):
        world.run(0.25)
        assert min(asked_w, 0.0) - 50 <= world.plant.power_w <= max(asked_w, 0.0) + 50, texts(world)
    assert fault_of(world) is None, texts(world)
