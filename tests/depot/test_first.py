import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.binding import What
from v2g.depot.controller import Controller, Settings


def test_power_is_shared_by_the_energy_above_the_floor() -> None:
    scene = site(charger(1, soc_pu=0.52), charger(2, soc_pu=0.62), power_w=-9_000)
    found = Controller().step(scene, NOW).setpoints
    assert found["CS-1/1"].power_w == pytest.approx(-3_000)
    assert found["CS-2/1"].power_w == pytest.approx(-6_000)
    assert found["CS-1/1"].binding.what is What.REQUEST


def test_a_node_holds_its_own_and_leaves_the_rest_to_others() -> None:
    scene = site(*(charger(n) for n in (1, 2, 3)), *(charger(n, "T2") for n in (4, 5)), power_w=-61_000)
    found = Controller(Settings(reserve_pu=0.0)).step(scene, NOW).setpoints
    assert sum(found[f"CS-{n}/1"].power_w for n in (1, 2, 3)) == pytest.approx(-30_000)
    assert str(found["CS-1/1"].binding) == "node T1"
    assert found["CS-4/1"].power_w == pytest.approx(-15_000)
    assert found["CS-4/1"].binding.what is What.CHARGER


def test_an_unknown_is_no_permission() -> None:
    chargers = {
        What.SOC: charger(1, soc_pu=None),
        What.NEEDS: charger(2, vehicle=replace(VEHICLE, needs=None)),
        What.CHARGE_ONLY: charger(3, charge_only="OCPP 2.0.1 without V2X"),
        What.NO_VEHICLE: charger(4, vehicle=None),
        What.OFFLINE: charger(5, online=False),
        What.NOT_READY: charger(6, ready=False),
        What.FLOOR: charger(7, soc_pu=0.41),
    }
    found = Controller().step(site(*chargers.values(), power_w=-9_000), NOW)
    assert {found.setpoints[each.id].binding.what: each.id for each in chargers.values()} == {
        what: each.id for what, each in chargers.items()
    }
    assert found.commanded_w == 0.0
    assert found.short_w == 9_000
