"""A depot as a DNP3 outstation, with a master of another project: discovery, reading, control, and how that ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.languages.depot_bench import served
from tests.languages.dnp3_master import Master, master
from tests.languages.test_openadr import until

from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Dnp3
from v2g.depot.request import LimitRequest, PowerRequest
from v2g.io import dnp3_depot
from v2g.io.depot_configuration import load
from v2g.run.depot import DepotProcess
from v2g.station.config.reader import ConfigurationError

SETTINGS = Dnp3(listen="127.0.0.1:0", masters=("127.0.0.1",), silence_s=2)


async def called(act: Any, *arguments: Any) -> Any:
    return await asyncio.to_thread(act, *arguments)


def test_a_master_reads_the_depot_and_moves_it_for_a_time(tmp_path: Path) -> None:
    asyncio.run(_moved(tmp_path))


async def _moved(folder: Path) -> None:
    async with served(folder, dnp3_depot.serve, SETTINGS) as (site, port, _):
        with master(port) as there:
            await called(there.until, lambda heard: ("Analog", 537) in heard.values)
            values = there.heard.values
            assert (values["Analog", 4], values["Analog", 5]) == (30_000, -30_000)
            assert values["Analog", 47] == pytest.approx(700, abs=5)  # tenths of a percent
            assert not there.heard.online["Analog", 536]  # nobody measures the frequency
            assert [values["Binary", number] for number in (36, 37, 48)] == [True, True, False]
            site.request("EMS", {"power_w": 3_000, "for_s": 600})
            assert await called(there.write, 92, 1) == "SUCCESS"  # for a second
            assert await called(there.write, 93, 200) == "SUCCESS"  # 20 % of generation
            assert not site.desk.of(Channel.DNP3)  # it is not enabled yet
            assert await called(there.operate, 18, True) == "SUCCESS"
            (asked,) = site.desk.of(Channel.DNP3)
            assert isinstance(asked, PowerRequest)
            assert (asked.by, asked.power_w) == ("DNP3 master 1, set-point", -6_000.0)
            site.step()
            assert site.status()["requested_by"] == asked.by
            await called(there.scan)
            await called(there.until, lambda heard: heard.values["Binary", 70] and heard.values["Analog", 618] == 6_000)
            await until(lambda: not [each for each in site.requests() if each.by == asked.by])
            await called(there.scan)
            await called(there.until, lambda heard: not heard.values["Binary", 70])
            await _refused(there, site)


async def _refused(there: Master, site: DepotProcess) -> None:
    """Beyond the ratings, a point that is not there, a limit of the wrong sign."""
    assert await called(there.write, 508, -30_001) == "OUT_OF_RANGE"
    assert await called(there.write, 509, -1) == "OUT_OF_RANGE"
    assert await called(there.write, 217, 1) == "NOT_SUPPORTED"  # the curve of volt-var
    assert await called(there.operate, 29, True) == "NOT_SUPPORTED"  # volt-var
    assert [each.by for each in site.requests()] == ["EMS"]


def test_limits_stay_and_a_set_point_ends_with_the_link(tmp_path: Path) -> None:
    asyncio.run(_lost(tmp_path))


async def _lost(folder: Path) -> None:
    async with served(folder, dnp3_depot.serve, replace(SETTINGS, unsolicited=True)) as (site, port, _):
        with master(port, unsolicited=True) as there:
            await called(there.until, lambda heard: ("Analog", 537) in heard.values)
            assert await called(there.write, 510, -5_000) == "SUCCESS"
            assert await called(there.write, 87, 500) == "SUCCESS"  # 50 %
            assert await called(there.operate, 17, True) == "SUCCESS"
            assert await called(there.operate, 3, False) == "SUCCESS"  # no permission to start
            await called(there.until, lambda heard: ("Binary", 16, False) in heard.events)  # without being asked
            limits = [each for each in site.desk.of(Channel.DNP3) if isinstance(each, LimitRequest)]
            now = site.now()
            assert [each.limits_at(now) for each in limits] == [(5_000.0, 15_000.0), (0.0, 0.0)]
            assert await called(there.operate, 3, True) == "SUCCESS"
            assert await called(there.write, 508, 4_000) == "SUCCESS"
            assert await called(there.operate, 18, True) == "SUCCESS"
            began = site.now()
            asked = site.desk.of(Channel.DNP3)[-1]
            assert isinstance(asked, PowerRequest)
            await called(there.disable)
            await until(lambda: asked.by not in [each.by for each in site.requests()])
            assert site.now() - began >= 2.0
            assert [each.by for each in site.desk.of(Channel.DNP3)] == ["DNP3 master 1, limit"]
        with master(port) as again:  # a limit is still there, a set-point is not back
            await called(again.until, lambda heard: ("Analog", 537) in heard.values)
            assert (again.heard.values["Binary", 69], again.heard.values["Binary", 70]) == (True, False)
            assert again.heard.values["Analog", 148] == 500


def test_a_stranger_is_no_master_and_no_noise_ends_the_outstation(tmp_path: Path) -> None:
    asyncio.run(_strange(tmp_path))


async def _strange(folder: Path) -> None:
    async with served(folder, dnp3_depot.serve, replace(SETTINGS, masters=("127.0.0.2",))) as (_, port, said):
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
        assert said.count("127.0.0.1 is no DNP3 master here; name it under dnp3.masters") == 1  # no flood fills the log
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        writer.write(bytes(range(256)) * 40 + bytes.fromhex("0564ffff") * 300)
        writer.write(bytes.fromhex("056405c9000401009881"))  # the link's status, from address 1
        assert (await reader.read(10))[:2] == b"\x05\x64"
        writer.close()


def test_the_file_of_a_depot_says_who_is_a_master(tmp_path: Path) -> None:
    file = tmp_path / "depot.yaml"
    file.write_text("dnp3: {masters: [somebody], certificate: c.pem, address: 7, master: 7}\n")
    with pytest.raises(ConfigurationError) as refused:
        load(file)
    assert "dnp3.masters[0]: somebody is no address and no network" in str(refused.value)
    assert "dnp3.private_key: missing; TLS needs certificate, private_key and roots" in str(refused.value)
    assert "dnp3.master: both ends have the address 7" in str(refused.value)
