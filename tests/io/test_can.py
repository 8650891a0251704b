"""The CAN carrier on python-can's virtual bus, and behind an adapter that misbehaves."""

import asyncio
import os
import select
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import can
import pytest
from tests.contract.bench import until
from tests.contract.simulators import simulator
from tests.stopwatch import Stopwatch, within

from v2g.bench.sim.can_server import CanUnit, SlcanServer
from v2g.bench.sim.contactor import ContactorModule
from v2g.bench.sim.pseudo_terminal import PseudoTerminal
from v2g.io.can import RETRY_S, TIMEOUT_S, CanBus
from v2g.power.address import parse
from v2g.power.drivers.mapped import MappedContactor
from v2g.power.errors import Implausible, PowerError, Refused, Unreachable
from v2g.power.signals.device import SignalDevice
from v2g.power.signals.map import parse as parse_map
from v2g.power.signals.map import shipped
from v2g.power.signals.port import FrameId

pytestmark = pytest.mark.alone  # devices have a time in which to answer

STATE, ORDER = FrameId(0x310, extended=False), FrameId(0x1207C080, extended=True)
CHANNELS = count()


@pytest.fixture
def other() -> Iterator[can.BusABC]:
    """Somebody else on a virtual bus of its own."""
    with can.Bus(channel=f"test{next(CHANNELS)}", interface="virtual") as bus:
        yield bus


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


def bus_of(other: can.BusABC) -> CanBus:
    return CanBus(parse(f"can://{str(other.channel_info).rpartition(' ')[2]}?interface=virtual"))


def said(frame: FrameId, data: str) -> can.Message:
    return can.Message(arbitration_id=frame.number, is_extended_id=frame.extended, data=bytes.fromhex(data))


def test_frames_of_both_kinds_go_out_and_come_in(other: can.BusABC) -> None:
    async def test() -> None:
        bus = bus_of(other)
        frames = bus.frames("device")
        await frames.send(ORDER, b"\x01\x02")
        message = await asyncio.to_thread(other.recv, 1.0)
        assert message is not None
        assert (message.arbitration_id, message.is_extended_id, bytes(message.data)) == (*ORDER, b"\x01\x02")
        waiting = asyncio.create_task(frames.receive([STATE, ORDER], 1.0))
        await asyncio.sleep(0)
        other.send(said(FrameId(STATE.number, extended=True), "ff"))  # the same number, another frame
        other.send(said(STATE, "01"))
        other.send(can.Message(is_error_frame=True))
        other.send(said(ORDER, "02"))
        assert await waiting == {STATE: b"\x01", ORDER: b"\x02"}
        bus.close()

    run(test)


def test_what_came_before_is_no_answer(other: can.BusABC) -> None:
    async def test() -> None:
        bus = bus_of(other)
        frames = bus.frames("device")
        await frames.send(ORDER, b"")  # the bus is open
        waiting = asyncio.create_task(frames.receive([STATE], 1.0))
        await asyncio.sleep(0)
        other.send(said(STATE, "01"))
        assert await waiting == {STATE: b"\x01"}
        nothing = r"^device at can://test\d+\?interface=virtual: no frame 0x310 within"
        with within(0.2), pytest.raises(Unreachable, match=nothing):
            await frames.receive([STATE], 0.1)
        bus.close()

    run(test)


def test_what_waits_in_the_adapter_while_the_station_is_held_up_is_no_answer(tmp_path: Path) -> None:
    async def test() -> None:
        adapter = PseudoTerminal(tmp_path / "adapter", lambda _: None)
        bus = CanBus(parse(f"can://{tmp_path}/adapter?interface=slcan"))
        frames = bus.frames("device")
        await frames.send(ORDER, b"")  # the bus is open
        adapter.write(b"\rt310101\r" * 5)
        line = os.open(tmp_path / "adapter", os.O_RDONLY | os.O_NOCTTY)
        assert select.select([line], [], [], 1.0)[0]
        os.close(line)
        with pytest.raises(Unreachable, match="no frame 0x310 within"):
            await frames.receive([STATE], 0.1)
        bus.close()
        adapter.close()

    run(test)


@pytest.mark.parametrize(
    "address", ["can://nowhere0", "can:///nonexistent/tty?interface=slcan", "can://x?interface=none"]
)
def test_a_bus_that_cannot_be_opened_is_unreachable_in_time_and_tried_again(address: str) -> None:
    async def test() -> None:
        bus = CanBus(parse(address))
        for _ in range(2):
            remedy = "check that it is powered, the bus and its termination"
            with within(2 * TIMEOUT_S), pytest.raises(Unreachable, match=remedy):
                await bus.frames("device").send(STATE, b"")
        bus.close()

    run(test)


def test_an_adapter_that_takes_nothing_any_more_is_given_up_in_time() -> None:
    """Its process is frozen: what is sent stays in the line until the line is full."""

    async def test() -> None:
        bus = CanBus(parse(f"can://{process.line_path}?interface=slcan"))
        frames = bus.frames("device")
        await frames.send(ORDER, bytes(8))
        process.freeze()

        async def sent() -> float:
            """How long a frame took that was not sent; 0 for one that was."""
            watch = Stopwatch()
            try:
                await frames.send(ORDER, bytes(8))
            except Unreachable:
                return watch.elapsed_s
            return 0.0

        assert await until(sent, bool, 10.0, period_s=0.0) < 2 * TIMEOUT_S
        bus.close()

    with simulator("contactor", line="can") as process:
        run(test)


def test_an_adapter_that_goes_and_comes_back_is_opened_again(tmp_path: Path) -> None:
    async def test() -> None:
        module = ContactorModule(time.monotonic)
        server = SlcanServer([CanUnit(module.unit, shipped("contactor"))], tmp_path / "adapter")
        bus = CanBus(parse(f"can://{tmp_path}/adapter?interface=slcan"))
        contactor = MappedContactor(SignalDevice(bus.frames("contactor"), shipped("contactor")))
        await contactor.command(closed=True)
        assert (await contactor.read()).commanded
        server.close()
        with pytest.raises(Unreachable):
            await contactor.read()
        server = SlcanServer([CanUnit(module.unit, shipped("contactor"))], tmp_path / "adapter")

        async def answered() -> bool:
            try:
                return (await contactor.read()).commanded
            except PowerError:
                return False

        await until(answered, bool, 3 * RETRY_S)
        bus.close()
        server.close()

    run(test)


def test_a_command_without_an_echo_is_not_read_back_from_ones_own_frame(other: can.BusABC) -> None:
    async def test() -> None:
        bus = bus_of(other)
        device = SignalDevice(bus.frames("device"), parse_map(text, "x.yaml"))
        with pytest.raises(Unreachable, match="no frame 0x002"):  # it is sent, but the device gives no sign of life
            await device.write({"power_set_w": 1000.0})
        with pytest.raises(Refused, match=r"power_set_w cannot be read back; name the frame .* `echo` in x\.yaml"):
            await device.read("power_set_w")
        with pytest.raises(Implausible, match=r"power_set_w \(frame 0x001\): not a number"):
            await device.write({"power_set_w": float("nan")})
        bus.close()

    text = "quantities: {power_set_w: {frame: 1, start: 0, length: 16}, power_w: {frame: 2, start: 0, length: 16}}"
    run(test)
