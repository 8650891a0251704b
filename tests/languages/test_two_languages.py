"""Two of the grid's languages at a depot at once: who comes first, and that the depot says who it is."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import sunspec2.modbus.client as sunspec
from tests.broker import free_port
from tests.csms.test_api import Link, depot
from tests.languages.dnp3_master import Master, master
from tests.languages.station_bench import point, read, write
from tests.languages.test_dnp3 import SETTINGS, called
from tests.languages.test_openadr import until

from v2g.depot.desk import RANKS, Channel
from v2g.depot.grid_configuration import SunSpec
from v2g.io import dnp3_depot, sunspec_depot
from v2g.run.depot import DepotProcess

PAGE = Path(__file__).resolve().parents[2] / "docs" / "grid-languages.md"
NAMES = {
    Channel.OPERATOR: "the operator", Channel.IEC_104: "IEC 60870-5-104", Channel.DNP3: "DNP3",
    Channel.IEEE_2030_5: "IEEE 2030.5", Channel.SUNSPEC: "SunSpec", Channel.OPENADR: "OpenADR", Channel.HTTP: "HTTP",
    Channel.MQTT: "MQTT", Channel.OCPP: "OCPP", Channel.FLEET: "the fleet", Channel.SCHEDULE: "the schedule file",
}  # fmt: skip


def test_the_first_in_rank_is_followed_and_named(tmp_path: Path) -> None:
    asyncio.run(_followed(tmp_path))


async def _followed(folder: Path) -> None:
    async with depot(folder) as (site, link, _):
        said, port = list[str](), free_port()
        settings = SunSpec(listen=f"127.0.0.1:{port}", writers=("127.0.0.1",))
        serving = [
            asyncio.create_task(sunspec_depot.serve(site, site.configuration, settings, said.append)),
            asyncio.create_task(dnp3_depot.serve(site, site.configuration, SETTINGS, said.append)),
        ]
        try:
            await until(lambda: len(said) == 2)
            found = next(each for each in said if "DNP3" in each)
            with master(int(re.findall(r":(\d+)$", found)[0])) as there:
                await called(there.until, lambda heard: ("Analog", 537) in heard.values)
                await _both(site, link, there, port)
        finally:
            for each in serving:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each


async def _both(site: DepotProcess, link: Link, there: Master, port: int) -> None:
    device = sunspec.SunSpecModbusClientDeviceTCP(1, "127.0.0.1", port, timeout=5)

    async def on_client(act: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
        return await asyncio.to_thread(act, device, *arguments, **values)

    async def why() -> str:
        site.step()
        await link.settle()
        return site.explained("CS0/1")["CS0/1"][0]

    await asyncio.to_thread(lambda: (device.connect(), device.scan(connect=False)))
    assert sorted(each for each in device.models if isinstance(each, int)) == [1, 701, 702, 703, 704, 713]
    await on_client(read, 702)
    assert point(device, 702, "WDisChaRteMaxRtg") == 30_000
    await on_client(read, 713)
    assert point(device, 713, "WHRtg") == 60_000
    assert 20_000 < point(device, 713, "WHAvail") <= 24_000  # 60 kWh from 70 to 30 %, less losses
    await on_client(write, 704, WSetMod=1, WSet=5_000, WSetRvrtTms=600, WSetEna=1)
    assert "SunSpec client 127.0.0.1, set-point" in await why()
    assert site.status()["requested_w"] == -5_000.0
    assert await called(there.write, 92, 2) == "SUCCESS"
    assert await called(there.write, 508, 8_000) == "SUCCESS"
    assert await called(there.operate, 18, True) == "SUCCESS"
    assert "DNP3 master 1, set-point" in await why()
    assert site.status()["requested_w"] == -8_000.0
    await on_client(write, 704, WMaxLimPct=10, WMaxLimPctEna=1)  # a limit of the other one holds beside it
    assert "SunSpec client 127.0.0.1, limit" in await why()
    assert -3_000.0 <= site.status()["commanded_w"] < -2_500.0
    await on_client(write, 704, WMaxLimPctEna=0)
    await until(lambda: not [each for each in site.requests() if each.by.startswith("DNP3")])  # its time is over
    assert "SunSpec client 127.0.0.1, set-point" in await why()
    device.disconnect()


def test_the_page_has_the_order_of_the_desk() -> None:
    text = " ".join(PAGE.read_text().split())
    found = re.search(r"At a depot the order is: (.*?); of one way", text)
    assert found is not None
    shown = [re.sub(r" \(.*?\)", "", each) for each in found[1].split(", ")]
    assert shown == [NAMES[each] for each in RANKS]
