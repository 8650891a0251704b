"""A station as a SunSpec inverter: what `pysunspec2`, which nobody here has written, finds, reads and controls."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.languages.station_bench import Bench, point, read, write
from tests.station.scene import in_the_loop

from v2g.station.snapshot import explain

MODELS = [1, 701, 702, 703, 704, 705, 706, 707, 708, 709, 710, 711, 712, 713, 714]


def test_the_models_are_found_and_read() -> None:
    def look(bench: Bench, device: object) -> None:
        assert [each for each in device.models if isinstance(each, int)] == MODELS  # type: ignore[attr-defined]
        for number in MODELS:
            (model,) = device.models[number]  # type: ignore[attr-defined]
            assert not model.error_info, model.error_info
        assert point(device, 1, "SN") == "DE*ABC*E1"
        assert point(device, 701, "InvSt") == 3
        assert point(device, 701, "W") == pytest.approx(5_730, abs=50), "6 kW by the plan, less the losses"
        assert point(device, 701, "Hz") == 50.0
        assert point(device, 702, "WMaxRtg") == 30_000
        assert point(device, 705, "Crv[1].Pt[1].V") == pytest.approx(92.0)
        assert point(device, 705, "Crv[1].Pt[4].Var") == pytest.approx(-44.0)
        assert point(device, 707, "Crv[1].MustTrip.Pt[1].Tms") == pytest.approx(21.0)
        assert point(device, 711, "Ctl[1].KOf") == pytest.approx(0.05)
        assert point(device, 714, "Prt[1].DCW") > 5_000

    bench = Bench()
    in_the_loop(bench.world)
    bench.on_client(look)


def test_a_set_point_holds_for_its_time_and_names_its_client() -> None:
    def steer(bench: Bench, device: object) -> None:
        write(device, 704, WSetMod=1, WSet=-3_000, WSetRvrtTms=60, WSetEna=1)
        world = bench.world
        world.run(20.0)
        read(device, 701, 704)
        assert point(device, 701, "W") == pytest.approx(-3_000, abs=60)
        assert point(device, 704, "WSetRvrtRem") == 40
        assert "SunSpec client 127.0.0.1" in explain(world.evse, world.now).why
        world.run(50.0)
        read(device, 701, 704)
        assert point(device, 704, "WSetEna") == 0
        assert point(device, 701, "W") == pytest.approx(5_730, abs=50), "the plan again"

    bench = Bench()
    in_the_loop(bench.world)
    bench.on_client(steer)


def test_the_lines_of_the_page_work() -> None:
    page = (Path(__file__).parents[2] / "docs" / "grid-languages.md").read_text()
    (lines,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)

    def follow(bench: Bench, device: Any) -> None:
        exec(lines.replace("8502", str(device.ipport)), {})
        assert bench.world.evse.local.order.grid_setpoint_w == -3_000

    bench = Bench()
    in_the_loop(bench.world)
    bench.on_client(follow)
