"""Modbus RTU: the client against a server of our own behind a pseudo-terminal, and a line that disturbs."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.contract.bench import until
from tests.stopwatch import Stopwatch

from v2g.bench.sim.modbus_server import Unit
from v2g.bench.sim.pseudo_terminal import PseudoTerminal
from v2g.bench.sim.rtu_server import SILENCE_S, RtuServer, check_sum
from v2g.io.modbus import RETRY_S, TIMEOUT_S, TURN_S, ModbusConnection, ModbusSerialLine, connection
from v2g.io.modbus_serial import LATE_S, QUIET_S, Memory
from v2g.power.address import parse
from v2g.power.errors import PowerError, Refused, Unreachable
from v2g.power.registers import pdu
from v2g.power.registers.map import parse as parse_map
from v2g.power.registers.port import Table

MAP = parse_map(
    "quantities: {limit_w: {address: 0, type: u16}, number: {address: 0, type: u16, table: input}, "
    "close: {address: 0, type: bit, table: coil}}",
    "bench.yaml",
)


def unit(number: int) -> Unit:
    return Unit(MAP, lambda: {"number": float(number)})


def line_at(path: Path, more: str = "") -> ModbusConnection:
    return connection(parse(f"modbus+rtu://{path}?baud=115200&parity=N{more}"))


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(limited())


def test_the_check_sum_is_that_of_the_standard() -> None:
    """Modbus over serial line 1.02, 6.2.2: its example."""
    assert check_sum(bytes.fromhex("0207")) == bytes.fromhex("4112")


def test_units_share_a_line(tmp_path: Path) -> None:
    async def test() -> None:
        server = RtuServer({3: unit(3), 7: unit(7)}, tmp_path / "line")
        line = line_at(tmp_path / "line")
        three, seven = line.unit(3, "three"), line.unit(7, "seven")
        answers = await asyncio.gather(*(each.read(Table.INPUT, 0, 1) for each in (three, seven, three, seven)))
        assert [list(answer) for answer in answers] == [[3], [7], [3], [7]]
        await three.write(Table.HOLDING, 0, [15_000])
        assert list(await three.read(Table.HOLDING, 0, 1)) == [15_000]
        assert list(await seven.read(Table.HOLDING, 0, 1)) == [0]
        await three.write(Table.COIL, 0, [1])
        assert list(await three.read(Table.COIL, 0, 1)) == [1]
        with pytest.raises(Refused, match=r"^three at .*/line unit 3: read of input 0x0005: illegal address"):
            await three.read(Table.INPUT, 5, 1)
        line.close()
        server.close()

    run(test)


def test_a_unit_that_is_not_there_is_silence_in_time_and_no_other_suffers(tmp_path: Path) -> None:
    async def test() -> None:
        server = RtuServer({3: unit(3)}, tmp_path / "line")
        line = line_at(tmp_path / "line")
        watch = Stopwatch()
        with pytest.raises(Unreachable, match="no answer within"):
            await line.unit(4, "four").read(Table.INPUT, 0, 1)
        assert watch.elapsed_s < 2 * TIMEOUT_S

        async def answered() -> list[int]:
            try:
                return list(await line.unit(3, "three").read(Table.INPUT, 0, 1))
            except PowerError:
                return []

        assert await until(answered, bool, TIMEOUT_S) == [3]
        assert watch.elapsed_s < 3 * TIMEOUT_S
        line.close()
        server.close()

    run(test)


def test_noise_and_a_broken_check_sum_are_no_answer(tmp_path: Path) -> None:
    async def test() -> None:
        def disturbed(request: bytes) -> None:
            terminal.write(b"\xff\x00\x55" + bytes.fromhex("03 04 02 0003 0000"))

        terminal = PseudoTerminal(tmp_path / "line", disturbed)
        line = line_at(tmp_path / "line")
        with pytest.raises(Unreachable):
            await line.unit(3, "three").read(Table.INPUT, 0, 1)
        line.close()
        terminal.close()

    run(test)


def test_half_a_request_is_forgotten_after_silence(tmp_path: Path) -> None:
    async def test() -> None:
        server = RtuServer({3: unit(3)}, tmp_path / "line")
        end = os.open(tmp_path / "line", os.O_RDWR | os.O_NOCTTY)
        os.write(end, bytes.fromhex("0304"))
        request, response = bytes.fromhex("030400000001"), bytes.fromhex("0304020003")
        os.set_blocking(end, False)

        async def asked() -> bytes:  # one that comes within the silence belongs to the half before it
            os.write(end, request + check_sum(request))
            try:
                return os.read(end, 100)
            except BlockingIOError:
                return b""

        assert await until(asked, bool, 1.0, period_s=2 * SILENCE_S) == response + check_sum(response)
        os.close(end)
        server.close()

    run(test)


def test_a_line_that_goes_and_comes_back_is_opened_again(tmp_path: Path) -> None:
    async def test() -> None:
        server = RtuServer({3: unit(3)}, tmp_path / "line")
        line = line_at(tmp_path / "line")
        three = line.unit(3, "three")
        await three.read(Table.INPUT, 0, 1)
        server.close()
        with pytest.raises(Unreachable):
            await three.read(Table.INPUT, 0, 1)
        server = RtuServer({3: unit(33)}, tmp_path / "line")

        async def answered() -> list[int]:
            try:
                return list(await three.read(Table.INPUT, 0, 1))
            except PowerError:
                return []

        assert await until(answered, bool, 2 * RETRY_S) == [33]
        line.close()
        server.close()

    run(test)


@pytest.mark.parametrize("path", ["/nonexistent/ttyUSB0", "/dev/null", "/"])
def test_what_is_no_serial_line_is_unreachable(path: str) -> None:
    async def test() -> None:
        line = connection(parse(f"modbus+rtu://{path}?unit=1" if path != "/" else "modbus+rtu:///etc"))
        with pytest.raises(Unreachable, match="check that it is powered, its cable and its address"):
            await line.unit(1, "device").read(Table.INPUT, 0, 1)

    run(test)


class Line:
    """A line whose device says what a test has it say; nothing for silence."""

    def __init__(self, path: Path, answer: Callable[[bytes], bytes]) -> None:
        self.requests: list[bytes] = []
        self.answer = answer
        self.terminal = PseudoTerminal(path, self._received)
        self.line = ModbusSerialLine(parse(f"modbus+rtu://{path}?baud=115200&parity=N"), timeout_s=0.3)

    def _received(self, request: bytes) -> None:
        self.requests.append(request)
        self.terminal.write(self.answer(request))

    def close(self) -> None:
        self.line.close()
        self.terminal.close()


def framed(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + check_sum(data)


def test_a_late_answer_is_not_taken_for_that_of_a_read_of_other_registers(tmp_path: Path) -> None:
    """The first answer comes as soon as the next request is on the line."""
    owed = [b"", framed("03 04 02 0bad")]

    async def test() -> None:
        line = Line(tmp_path / "line", lambda _: owed.pop(0))
        three = line.line.unit(3, "three")
        with pytest.raises(Unreachable, match="no answer within"):
            await three.read(Table.INPUT, 7, 1)
        await asyncio.sleep(2 * TURN_S)
        with pytest.raises(Unreachable, match="its answer to an earlier read may still come"):
            await three.read(Table.INPUT, 9, 1)
        assert len(line.requests) == 1
        line.close()

    run(test)


def test_commands_and_other_units_do_not_wait_for_a_late_answer(tmp_path: Path) -> None:
    answers = {3: framed("03 06 0000"), 7: framed("07 04 02 0007")}

    async def test() -> None:
        line = Line(tmp_path / "line", lambda request: request if request[1] == 5 else answers[request[0]])
        three, seven = line.line.unit(3, "three"), line.line.unit(7, "seven")
        with pytest.raises(Unreachable):
            await three.read(Table.INPUT, 7, 1)
        await asyncio.sleep(2 * TURN_S)
        with pytest.raises(Unreachable, match="earlier read"):
            await three.read(Table.INPUT, 9, 1)
        await three.write(Table.COIL, 0, [0])
        assert list(await seven.read(Table.INPUT, 0, 1)) == [7]
        line.close()

    run(test)


def test_how_long_a_read_waits_for_a_late_answer_to_an_earlier_one() -> None:
    memory, one, other, longer = Memory(), *(pdu.read(Table.INPUT, *span) for span in ((7, 1), (9, 1), (7, 2)))
    memory.unanswered(3, one, 10.0)
    assert not memory.may_ask(3, one, 10.0 + QUIET_S / 2)
    assert memory.may_ask(3, one, 10.01 + QUIET_S)
    assert not memory.may_ask(3, other, 10.9)
    assert memory.may_ask(3, other, 10.0 + LATE_S)
    assert memory.may_ask(3, longer, 10.0)
    assert memory.may_ask(4, other, 10.0)
    assert memory.may_ask(3, pdu.write(Table.HOLDING, 7, [1]), 10.0)
    memory.unanswered(3, one, 10.2)
    assert not memory.may_ask(3, one, 11.1)
    assert memory.may_ask(3, one, 10.21 + LATE_S)
    memory.answered(3, one)
    assert memory.may_ask(3, one, 10.3)
    assert not memory.may_ask(3, other, 10.3)


def test_an_echo_is_not_the_answer_to_a_command(tmp_path: Path) -> None:
    """The device is gone; the adapter hears the request, which is just what the device would answer."""
    reading = framed("03 04 02 0003")

    async def test() -> None:
        line = Line(tmp_path / "line", lambda request: request + (reading if request[1] == 4 else b""))
        three = line.line.unit(3, "three")
        assert list(await three.read(Table.INPUT, 0, 1)) == [3]
        for _ in range(2):
            with pytest.raises(Unreachable, match="no answer within"):
                await three.write(Table.COIL, 0, [1])
            await asyncio.sleep(2 * TURN_S)
        line.answer = lambda request: 2 * request
        await three.write(Table.COIL, 0, [1])
        line.close()

    run(test)


def test_a_babbling_line_ends_the_request(tmp_path: Path) -> None:
    async def test() -> None:
        line = Line(tmp_path / "line", lambda _: bytes.fromhex("03 04 ff") * 600)
        with pytest.raises(Unreachable, match="more on the line than an answer"):
            await line.line.unit(3, "three").read(Table.INPUT, 0, 1)
        line.close()

    run(test)
