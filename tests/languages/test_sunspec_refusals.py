"""What a SunSpec client may not do, and what becomes of it: `pysunspec2` against a station of the virtual world."""

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from tests.languages.station_bench import Bench, point, read, refused, write, write_at
from tests.station.scene import OUTLET, PROMPT, in_the_loop

from v2g.station import grid_settings
from v2g.station.config.settings import EvseSettings


def running(evse: EvseSettings = OUTLET, **rules: Any) -> Bench:
    bench = Bench(evse, **rules)
    in_the_loop(bench.world)
    return bench


def setting(bench: Bench, name: str) -> Any:
    (found,) = grid_settings.shown(bench.world.evse, (name,))["settings"]
    return found["value"]


def test_a_curve_is_adopted_or_fails_as_a_whole() -> None:
    def adopt(bench: Bench, device: Any) -> None:
        write_at(device, 705, {"Crv[2].Pt[1].V": 90.0, "Crv[2].Pt[4].Var": -30.0})
        assert setting(bench, "volt_var.v1_pu") == 0.92, "a draft"
        write(device, 705, AdptCrvReq=2)
        assert point(device, 705, "AdptCrvRslt") == 1
        assert setting(bench, "volt_var.v1_pu") == 0.9
        assert setting(bench, "volt_var.q4_pu") == -0.3
        assert setting(bench, "volt_var.v2_pu") == 0.98, "what was not touched is not rounded"
        write(device, 705, Ena=1)
        assert setting(bench, "reactive.mode") == "volt_var"
        write_at(device, 705, {"Crv[2].Pt[1].V": 50.0})
        write(device, 705, AdptCrvReq=2)
        assert point(device, 705, "AdptCrvRslt") == 2, "out of the range of the grid code"
        assert setting(bench, "volt_var.v1_pu") == 0.9
        write_at(device, 707, {"Crv[2].MustTrip.Pt[1].Tms": 25.0})
        write(device, 707, AdptCrvReq=2)
        assert setting(bench, "trip.uv1.delay_s") == 25.0
        write(device, 705, Ena=0)
        assert setting(bench, "reactive.mode") == "constant_power_factor"

    running().on_client(adopt)


def test_a_limit_goes_back_to_what_its_client_has_stated() -> None:
    def limit(bench: Bench, device: Any) -> None:
        write(device, 704, WMaxLimPct=50.0, WMaxLimPctRvrt=10.0, WMaxLimPctEnaRvrt=1, WMaxLimPctRvrtTms=30)
        write(device, 704, WMaxLimPctEna=1)
        assert setting(bench, "active_power_limit.fed_pu") == 0.5
        bench.world.run(40.0)
        assert setting(bench, "active_power_limit.fed_pu") == 0.1
        assert setting(bench, "active_power_limit.enabled") is True
        read(device, 704)
        assert point(device, 704, "WMaxLimPct") == 10.0
        write(device, 704, WMaxLimPctRvrtTms=0, WMaxLimPctEna=0)
        assert setting(bench, "active_power_limit.enabled") is False

    running().on_client(limit)


def test_a_set_point_without_a_timer_ends_with_its_client() -> None:
    def leave(bench: Bench, device: Any) -> None:
        write(device, 704, WSetMod=1, WSet=-3_000, WSetEna=1)
        assert "SunSpec client 127.0.0.1" in bench.world.evse.local.order.grid_setpoint_by
        for _ in range(3):
            bench.world.run(30.0)
            read(device, 704)
            assert bench.world.evse.local.order.grid_setpoint_w == 3_000, "it is heard"
        bench.world.run(70.0)
        assert bench.world.evse.local.order.grid_setpoint_w is None
        read(device, 704)
        assert point(device, 704, "WSetEna") == 0

    running(silence_s=60.0).on_client(leave)


def test_a_client_that_is_not_named_reads_only() -> None:
    def ask(bench: Bench, device: Any) -> None:
        assert refused(partial(write, device, 704, WSet=1_000)) == 1
        read(device, 701)

    running(writers=("10.0.0.0/8",)).on_client(ask)


def test_sealed_settings_stay() -> None:
    def ask(bench: Bench, device: Any) -> None:
        assert refused(partial(write, device, 703, ES=0)) == 3
        assert setting(bench, "enter_service.permitted") is True

    sealed = replace(OUTLET, grid_code=replace(PROMPT, adjustable_by=("operator", "back_end")))
    running(sealed).on_client(ask)


@pytest.mark.parametrize(
    ("number", "path", "words", "code"),
    [
        (704, "WSet", [0], 2),  # half of a point
        (704, "WSet", [0x7FFF, 0xFFFF, 1], 2),  # and a half of the next
        (704, "WSetEna", [7], 3),
        (704, "WSetEna", [0xFFFF], 3),
        (704, "AntiIslEna", [0], 3),
        (704, "VarSetMod", [4, 0xFFFF], 3),
        (704, "VarSet", [0, 1], 3),
        (701, "W", [1], 2),
        (702, "WMax", [1], 3),
        (703, "ESVHi", [20_000], 3),
        (705, "AdptCrvReq", [3], 3),
        (707, "Ena", [0], 3),
    ],
)
def test_a_bad_write_changes_nothing(number: int, path: str, words: list[int], code: int) -> None:
    def ask(bench: Bench, device: Any) -> None:
        model = device.models[number][0]
        address = model.model_addr + model.points[path].offset
        before = device.read(model.model_addr, min(model.len + 2, 120))
        data = b"".join(word.to_bytes(2) for word in words)
        assert refused(partial(device.write, address, data)) == code
        if number != 701:
            assert device.read(model.model_addr, min(model.len + 2, 120)) == before
        assert bench.world.evse.local.order.grid_setpoint_w is None

    bench = Bench()
    bench.world.run(3.0)
    bench.on_client(ask)


def test_a_set_point_beyond_the_ratings_is_refused() -> None:
    def ask(bench: Bench, device: Any) -> None:
        write(device, 704, WSetMod=1, WSet=90_000)
        assert refused(partial(write, device, 704, WSetEna=1)) == 3
        read(device, 704)
        assert point(device, 704, "WSetEna") == 0

    running().on_client(ask)
