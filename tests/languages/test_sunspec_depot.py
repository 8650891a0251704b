"""A depot as a SunSpec inverter: orders become requests in the client's name, with their own ends."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sunspec2.modbus.client as sunspec
from tests.csms.test_api import depot
from tests.languages.depot_bench import served
from tests.languages.station_bench import point, refused
from tests.languages.station_bench import write as client_write
from tests.languages.test_openadr import until

from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import SunSpec
from v2g.depot.request import LimitRequest, PowerRequest
from v2g.io import sunspec_depot
from v2g.io.depot_configuration import load
from v2g.io.modbus_server import Client, Refusal, Request
from v2g.io.sunspec_depot import plant_of
from v2g.io.sunspec_server import Rules, SunSpecServer
from v2g.power.sunspec.image import Image
from v2g.station.config.reader import ConfigurationError

WRITER = Client("127.0.0.1")


async def write(server: SunSpecServer, **values: Any) -> None:
    """Points of model 704, one request each."""
    await server.answer(1, Request(40_000, 2), WRITER)
    image: Image = server._inverter.image  # type: ignore[union-attr]
    for path, value in values.items():
        before = image.copy()
        image.set(704, path, value)
        words = image.words(704, path)
        image.restore(before)
        address = next(at for at in image.borders if image.path_at(at) == f"704.{path}")
        await server.answer(1, Request(address, len(words), tuple(words)), WRITER)


def test_a_client_moves_the_depot_and_its_request_holds_over_the_ems(tmp_path: Path) -> None:
    asyncio.run(_moved(tmp_path))


async def _moved(folder: Path) -> None:
    async with depot(folder) as (process, link, _):
        plant = plant_of(process, process.configuration)
        server = SunSpecServer(plant, Rules(1, ("127.0.0.1",), 300.0), lambda line: None)
        process.request("EMS", {"power_w": 3_000, "for_s": 600})
        process.request("night", {"power_w": 1_000, "for_s": 600}, Channel.SCHEDULE)
        await write(server, WSet=5_000.0, WSetRvrt=0.0, WSetEnaRvrt="ENABLED", WSetRvrtTms=60.0, WSetEna="ENABLED")
        first = process.requests()[0]
        assert isinstance(first, PowerRequest)
        assert (first.by, first.power_w, first.default_w) == ("SunSpec client 127.0.0.1, set-point", -5_000.0, 0.0)
        assert 59.0 < first.until_unix_s - process.now() <= 60.0
        process.step()
        await link.settle()
        assert process.status()["requested_by"] == first.by
        await write(server, WMaxLimPct=50.0, WMaxLimPctEna="ENABLED")
        limit = next(each for each in process.requests() if isinstance(each, LimitRequest))
        seen = await plant.look()
        assert limit.limits_at(process.now())[1] == pytest.approx(seen.ratings.discharge_w / 2)
        assert seen.settings["active_power_limit.fed_pu"] == pytest.approx(0.5)
        with pytest.raises(Refusal):
            await write(server, WMaxLimPct=150.0)
        await write(server, WSetEna="DISABLED", WMaxLimPctEna="DISABLED")
        assert [each.by for each in process.requests()][:2] == ["EMS", "night"]


def test_another_library_finds_reads_and_moves_the_depot_until_its_order_ends(tmp_path: Path) -> None:
    asyncio.run(_by_client(tmp_path))


async def _by_client(folder: Path) -> None:
    settings = SunSpec(listen="127.0.0.1:0", writers=("127.0.0.1",), silence_s=2)
    async with served(folder, sunspec_depot.serve, settings) as (site, port, _):
        device = sunspec.SunSpecModbusClientDeviceTCP(1, "127.0.0.1", port, timeout=5)

        async def there(act: Any, *arguments: Any, **values: Any) -> Any:
            return await asyncio.to_thread(act, *arguments, **values)

        def by() -> list[str]:
            return [each.by for each in site.requests()]

        await there(device.connect)
        await there(device.scan, connect=False)
        assert [each for each in device.models if isinstance(each, int)] == [1, 701, 702, 703, 704, 713]
        assert (point(device, 702, "WMaxRtg"), point(device, 702, "WChaRteMaxRtg")) == (30_000, 30_000)
        site.request("EMS", {"power_w": 3_000, "for_s": 600})
        await there(client_write, device, 704, WSetMod=1, WSet=6_000, WSetRvrtTms=1, WSetEna=1)
        asked = site.requests()[0]
        assert isinstance(asked, PowerRequest)
        assert (asked.by, asked.power_w) == ("SunSpec client 127.0.0.1, set-point", -6_000.0)
        await until(lambda: by() == ["EMS"])  # its time is over
        assert await there(refused, partial(client_write, device, 704, WSetMod=1, WSet=31_000, WSetEna=1)) == 3
        assert by() == ["EMS"]
        await there(client_write, device, 704, WSet=4_000, WSetRvrtTms=0, WSetEna=1)
        await there(client_write, device, 704, WMaxLimPct=50, WMaxLimPctEna=1)
        assert "SunSpec client 127.0.0.1, set-point" in by()
        device.disconnect()
        await until(lambda: "SunSpec client 127.0.0.1, set-point" not in by())  # the link is lost
        assert by() == ["SunSpec client 127.0.0.1, limit", "EMS"]


def test_the_file_of_a_depot_says_who_may_write(tmp_path: Path) -> None:
    file = tmp_path / "depot.yaml"
    file.write_text("sunspec: {writers: [10.0.0.0/8, somebody], certificate: c.pem}\n")
    with pytest.raises(ConfigurationError) as refused:
        load(file)
    assert "sunspec.writers[1]: somebody is no address and no network" in str(refused.value)
    assert "sunspec.private_key: missing; TLS needs certificate, private_key and roots" in str(refused.value)
