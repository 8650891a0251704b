"""A station of two EVSEs as one SunSpec inverter: a set-point is shared; settings change at all EVSEs or at none."""

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from tests.languages.station_bench import Bench, point, read, refused, write, write_at
from tests.station.scene import INTENT, OUTLET, in_the_loop

from v2g.bench.sim.world import World
from v2g.station import grid_settings
from v2g.station.config.settings import EvseSettings, Settings
from v2g.station.station import Station


class Two(Bench):
    """The second EVSE has a world of its own."""

    def __init__(self, second: EvseSettings = OUTLET) -> None:
        super().__init__()
        second = replace(second, id=2)
        self.other = World(second, INTENT)
        self.station = Station(Settings(evses=(OUTLET, second)))
        self.station.evses = {1: self.world.evse, 2: self.other.evse}

    def run(self, seconds: float) -> None:
        self.world.run(seconds)
        self.other.run(seconds)


def test_a_set_point_is_shared_by_what_each_may_do() -> None:
    def share(bench: Two, device: Any) -> None:
        read(device, 702)
        assert point(device, 702, "WDisChaRteMaxRtg") == 60_000
        write(device, 704, WSetMod=1, WSet=4_000, WSetRvrtTms=60, WSetEna=1)
        bench.run(20.0)
        read(device, 701)
        assert point(device, 701, "W") == pytest.approx(4_000, abs=200)
        assert _asked(bench) == [pytest.approx(-2_000.0), pytest.approx(-2_000.0)]
        bench.other.unplug()
        bench.run(10.0)
        write(device, 704, WSet=3_000)
        assert _asked(bench)[0] == pytest.approx(-3_000.0)  # nobody else is there

    bench = Two()
    in_the_loop(bench.world)
    in_the_loop(bench.other)
    bench.on_client(share)  # type: ignore[arg-type]


def test_a_setting_that_one_evse_refuses_changes_none() -> None:
    def ask(bench: Two, device: Any) -> None:
        assert refused(partial(write, device, 703, ES=0)) == 3
        assert [_setting(each, "enter_service.permitted") for each in (bench.world, bench.other)] == [True, True]

    assert OUTLET.grid_code is not None
    bench = Two(replace(OUTLET, grid_code=replace(OUTLET.grid_code, adjustable_by=("operator",))))
    bench.run(3.0)
    bench.on_client(ask)  # type: ignore[arg-type]


def test_a_curve_reverts_to_the_one_that_is_named() -> None:
    def revert(bench: Bench, device: Any) -> None:
        assert refused(partial(write, device, 705, RvrtCrv=3)) == 3
        write_at(device, 705, {"Crv[2].Pt[1].V": 90.0})
        write(device, 705, RvrtCrv=2, RvrtTms=30)
        write(device, 705, Ena=1)
        assert _setting(bench.world, "reactive.mode") == "volt_var"
        assert _setting(bench.world, "volt_var.v1_pu") == 0.92
        bench.world.run(40.0)
        assert _setting(bench.world, "volt_var.v1_pu") == 0.9
        assert _setting(bench.world, "reactive.mode") != "volt_var", "what is not of the curve is as before"

    bench = Bench()
    bench.world.run(3.0)
    bench.on_client(revert)


def _setting(world: World, name: str) -> Any:
    (found,) = grid_settings.shown(world.evse, (name,))["settings"]
    return found["value"]


def _asked(bench: Two) -> list[float | None]:
    return [each.evse.local.order.grid_setpoint_w for each in (bench.world, bench.other)]
