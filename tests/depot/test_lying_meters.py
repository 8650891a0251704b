"""A vehicle is discharged to its floor and no further, whatever its station's meter and its SoC say."""

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.binding import What
from v2g.depot.controller import Controller, Settings
from v2g.depot.view import Needs, Source

FLOOR_PU, CAPACITY_WH, STEP_S = 0.4, 60_000.0, 10.0
NEEDS = Needs(source=Source.DRIVER, min_soc_pu=FLOOR_PU)


def discharged_to_pu(meter: str, *, soc_frozen: bool, soc_pu: float = 0.5) -> tuple[float, What]:
    """The true SoC in the end, and what binds then. The vehicle does what it is asked for."""
    controller, power_w, energy_wh = Controller(Settings(reserve_pu=0.0)), 0.0, soc_pu * CAPACITY_WH
    for step in range(720):
        now = NOW + STEP_S * step
        measured_w = {"true": power_w, "of wrong sign": -power_w, "frozen": 0.0}[meter]
        stated_pu = soc_pu if soc_frozen else round(energy_wh / CAPACITY_WH, 2)
        vehicle = replace(VEHICLE, needs=NEEDS, soc_pu=stated_pu, soc_unix_s=now)
        seen = charger(1, "T2", vehicle=vehicle, measured_w=measured_w, measured_unix_s=now)
        found = controller.step(site(seen, power_w=-15_000.0), now).setpoints["CS-1/1"]
        power_w = found.power_w
        energy_wh += power_w * STEP_S / 3_600.0
    return energy_wh / CAPACITY_WH, found.binding.what


@pytest.mark.parametrize("meter", ["true", "of wrong sign", "frozen"])
@pytest.mark.parametrize("soc_frozen", [False, True])
@pytest.mark.parametrize("soc_pu", [0.43, 0.5])
def test_a_vehicle_stays_above_its_floor(meter: str, soc_frozen: bool, soc_pu: float) -> None:
    reached_pu, what = discharged_to_pu(meter, soc_frozen=soc_frozen, soc_pu=soc_pu)
    assert reached_pu >= FLOOR_PU - 0.005
    if meter == "true":
        assert what is (What.SOC if soc_frozen else What.FLOOR)
    if not soc_frozen and meter == "true":
        assert reached_pu <= FLOOR_PU + 0.03


def test_another_vehicle_with_the_same_soc_is_not_held_to_be_frozen() -> None:
    controller, vehicle = Controller(Settings(reserve_pu=0.0)), replace(VEHICLE, needs=NEEDS)
    for step in range(200):
        now = NOW + STEP_S * step
        here = None if 100 <= step < 102 else replace(vehicle, soc_unix_s=now)
        seen = charger(1, "T2", vehicle=here, measured_w=None)
        found = controller.step(site(seen, power_w=-15_000.0), now).setpoints["CS-1/1"]
        assert step not in (99, 150) or (found.binding.what is What.SOC) == (step == 99)
