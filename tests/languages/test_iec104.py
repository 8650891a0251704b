"""A depot as a controlled station of IEC 60870-5-104, with another project's control centre; the link's own rules."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.csms.test_api import depot
from tests.languages.depot_bench import served
from tests.languages.test_openadr import WITHIN_S, until

from v2g.depot.desk import Channel
from v2g.depot.grid_configuration import Iec104
from v2g.depot.request import LimitRequest, PowerRequest
from v2g.io import iec104_depot
from v2g.io.grid_depot import Plant, ratings_of
from v2g.io.operated import Operated
from v2g.languages.dnp3.points import LIMIT_FOR_S, LIMITS, MOST_W, SET_FOR_S, SET_W, SETS
from v2g.languages.iec104 import asdu
from v2g.languages.iec104.link import T1_S, T3_S, K, Link, LinkError, W

SETTINGS = Iec104(listen="127.0.0.1:0", masters=("127.0.0.1",), silence_s=4)
STARTDT, TESTFR = bytes.fromhex("680407000000"), bytes.fromhex("680443000000")
INTERROGATION = bytes.fromhex("64010600010000000014")


class Centre:
    """Blocks: call its methods in a thread."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def line(self, words: str = "") -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if words:
            self.process.stdin.write(words + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def until(self, true: Callable[[dict[int, float]], bool]) -> dict[int, float]:
        """What has come, once it is as it should be."""
        by_s = monotonic() + WITHIN_S
        while not true(found := {int(at): value for at, value in json.loads(self.line("read")).items()}):
            assert monotonic() < by_s, found
        return found


@contextmanager
def centre(port: int) -> Iterator[Centre]:
    command = [sys.executable, "-m", "tests.languages.iec104_centre", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Centre(process)
        finally:
            process.kill()


@pytest.mark.alone
def test_a_control_centre_reads_the_depot_and_moves_it_until_it_falls_silent(tmp_path: Path) -> None:
    asyncio.run(_moved(tmp_path))


async def _moved(folder: Path) -> None:
    async with served(folder, iec104_depot.serve, SETTINGS) as (site, port, said):
        with centre(port) as there:

            async def said_to(words: str) -> str:
                return await asyncio.to_thread(there.line, words)

            assert await said_to("") == "connected"
            found = await asyncio.to_thread(there.until, lambda known: known.get(2103) == 1.0 and 1002 not in known)
            assert (found[1007], found[1008], found[2101], found[2103]) == (30_000.0, -30_000.0, 0.0, 1.0)
            assert found[1005] == pytest.approx(70.0, abs=0.5)
            assert 1002 not in found  # nobody measures the frequency
            assert await said_to("set 3003 -5000") == "ok"
            assert await said_to("do 4002 1") == "ok"
            assert await said_to("set 3001 6000") == "ok"
            assert not [each for each in site.desk.of(Channel.IEC_104) if isinstance(each, PowerRequest)]
            assert await said_to("do 4001 1") == "ok"
            site.step()
            assert site.status()["requested_by"] == "IEC 60870-5-104 control centre, set-point"
            assert site.status()["requested_w"] == -6_000.0
            await asyncio.to_thread(there.until, lambda known: known[2101] == 1.0 and known[1101] == 6_000.0)
            for words in ("set 3001 30001", "set 3002 -1", "set 3999 1"):
                assert await said_to(words) == "refused"
            assert any("beyond the rating" in each for each in said)
        await until(lambda: not [each for each in site.requests() if each.by.endswith("centre, set-point")])
        (limit,) = [each for each in site.desk.of(Channel.IEC_104) if isinstance(each, LimitRequest)]
        assert limit.limits_at(site.now())[0] == 5_000.0  # it stays


def test_what_has_ended_does_not_come_back_by_its_next_value(tmp_path: Path) -> None:
    async def story() -> None:
        async with depot(tmp_path) as (site, _, _):
            plant = Plant(site, ratings_of(site.configuration), Channel.IEC_104)
            operated = Operated(plant, "centre", 2.0)
            for number, value in ((SET_FOR_S, 1.0), (SET_W, 6_000.0), (LIMIT_FOR_S, 1.0), (MOST_W, 5_000.0)):
                operated.write(number, value)
            for function in (SETS, LIMITS):
                operated.operate(function, True)
            operated.write(SET_W, 7_000.0)
            assert plant.asked_w() == -7_000.0
            await until(lambda: plant.asked_w() is None and plant.limits_w() == (inf, inf))
            operated.write(SET_W, 8_000.0)
            operated.write(MOST_W, 4_000.0)
            assert plant.asked_w() is None
            assert plant.limits_w() == (inf, inf)
            operated.operate(SETS, True)
            assert plant.asked_w() == -8_000.0

    asyncio.run(story())


def test_a_selection_that_was_given_up_hinders_no_other_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selects = bytes.fromhex("32010600 0100 b90b00 0000803f 80")  # C_SE_NC_1, object 3001, 1.0
    commands = bytes.fromhex("2d010600 0100 a10f00 00")  # C_SC_NA_1, object 4001, off
    passed_s = 0.0
    monkeypatch.setattr(iec104_depot, "monotonic", lambda: passed_s)

    def refused(frames: Any) -> bool:
        return bool(next(iter(frames))[2] & 0x40)  # the negative bit of the cause

    async def story() -> None:
        nonlocal passed_s
        async with depot(tmp_path) as (site, _, _):
            plant = Plant(site, ratings_of(site.configuration), Channel.IEC_104)
            station = iec104_depot.Station(plant, SETTINGS, lambda text: None)
            assert not refused(station.handle(selects))
            assert refused(station.handle(commands)), "another one is selected just now"
            assert not refused(station.handle(selects))
            passed_s = iec104_depot.SELECTED_S + 1.0
            assert not refused(station.handle(commands))

    asyncio.run(story())


def linked(handle: Callable[[bytes], Any] = lambda asdu: ()) -> Link:
    link = Link(handle, 0.0)
    assert link.receive(STARTDT, 0.0) == bytes.fromhex("68040b000000")
    return link


def test_a_test_is_answered_and_an_idle_link_is_tested() -> None:
    link = linked()
    assert link.receive(TESTFR, 1.0) == bytes.fromhex("680483000000")
    assert link.expire(1.0 + T3_S) == TESTFR
    with pytest.raises(LinkError, match="no answer"):
        link.expire(1.0 + T3_S + T1_S + 0.1)


def test_frames_are_acknowledged_and_no_more_than_the_window_leave() -> None:
    link = linked()
    out = link.send([bytes(10)] * (K + 3), 0.0)
    assert len(out) == K * 16
    assert link.receive(bytes((0x68, 4, 1, 0, 2 * K, 0)), 1.0) == b"".join(
        bytes((0x68, 14, 2 * (K + each), 0, 0, 0)) + bytes(10) for each in range(3)
    )
    got = b"".join(
        link.receive(bytes((0x68, 14, 2 * each, 0, 2 * (K + 3), 0)) + INTERROGATION, 2.0) for each in range(W)
    )
    assert got == bytes((0x68, 4, 1, 0, 2 * W, 0))
    link.send([bytes(10)], 3.0)
    with pytest.raises(LinkError, match="no answer"):
        link.expire(3.0 + T1_S + 0.1)


def test_a_centre_that_asks_for_more_than_it_acknowledges_is_closed() -> None:
    link = linked(lambda asdu: [bytes(10)] * 30)
    flood = b"".join(bytes((0x68, 14, 2 * each, 0, 0, 0)) + INTERROGATION for each in range(20))
    with pytest.raises(LinkError, match="more than it acknowledges"):
        link.receive(flood, 1.0)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("ff04", "begins no frame"),
        ("6803", "begins no frame"),
        ("680e0200000064010600010000000014", "out of sequence"),
        ("680401000400", "was not sent"),
        ("680427000000", "is no function"),
    ],
)
def test_a_frame_against_the_rules_ends_the_link(octets: str, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        linked().receive(bytes.fromhex(octets), 1.0)


def test_noise_ends_its_link_and_not_the_station(tmp_path: Path) -> None:
    asyncio.run(_noise(tmp_path))


async def _noise(folder: Path) -> None:
    async with served(folder, iec104_depot.serve, SETTINGS) as (_, port, said):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes(range(256)))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(STARTDT + bytes.fromhex("680e0000000009010600010000000014"))  # a type that nobody commands
        assert (await reader.readexactly(6))[2] == 0x0B
        assert (await reader.readexactly(16))[6:9] == bytes((9, 1, 0x40 | 44))
        writer.close()
        assert any("begins no frame" in each for each in said)


def test_what_changed_before_the_link_is_started_is_reported_then(tmp_path: Path) -> None:
    async def story() -> None:
        async with depot(tmp_path) as (site, _, _):
            plant = Plant(site, ratings_of(site.configuration), Channel.IEC_104)
            talk = iec104_depot.Conversation(iec104_depot.Station(plant, SETTINGS, print))
            assert talk.look() == b""
            talk.receive(STARTDT)
            assert talk.look()[6] == asdu.Kind.FLOAT

    asyncio.run(story())
