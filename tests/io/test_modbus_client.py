"""The Modbus TCP client against real servers, sound ones and bad ones."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.serving import serving
from tests.stopwatch import Stopwatch, within

from v2g.bench.sim.modbus_server import Unit, listen
from v2g.io.modbus import RETRY_S, TIMEOUT_S, ModbusConnection
from v2g.power.errors import PowerError, Refused, Unreachable
from v2g.power.registers.map import parse
from v2g.power.registers.port import Table

MAP = parse(
    """
quantities:
  limit_w: {address: 0, type: u16}
  number: {address: 0, type: u16, table: input}
  word: {address: 1, type: u16, table: input}
  one: {address: 0, type: bit, table: coil}
  two: {address: 1, type: bit, table: coil}
  left: {address: 0, type: bit, table: discrete}
  right: {address: 1, type: bit, table: discrete}
""",
    "bench.yaml",
)


def unit(number: int) -> Unit:
    return Unit(MAP, lambda: {"number": float(number), "word": 0xABCD, "left": 0.0, "right": 1.0})


def run(test: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test

    asyncio.run(limited())


async def failure(call: Coroutine[Any, Any, object]) -> tuple[PowerError, float]:
    """The error of `call` and the time that it took."""
    watch = Stopwatch()
    with pytest.raises(PowerError) as caught:
        await call
    return caught.value, watch.elapsed_s


def test_all_four_tables() -> None:
    async def test() -> None:
        server, port = await listen({3: unit(3)}, "127.0.0.1", 0)
        async with serving(server):
            registers = ModbusConnection("127.0.0.1", port).unit(3, "bench")
            assert list(await registers.read(Table.INPUT, 0, 2)) == [3, 0xABCD]
            assert list(await registers.read(Table.DISCRETE, 0, 2)) == [0, 1]
            await registers.write(Table.HOLDING, 0, [15_000])
            assert list(await registers.read(Table.HOLDING, 0, 1)) == [15_000]
            await registers.write(Table.COIL, 1, [1])
            assert list(await registers.read(Table.COIL, 0, 2)) == [0, 1]
            await registers.write(Table.COIL, 0, [1, 0])
            assert list(await registers.read(Table.COIL, 0, 2)) == [1, 0]

    run(test())


def test_devices_on_one_connection_get_their_own_answers() -> None:
    async def test() -> None:
        server, port = await listen({number: unit(number) for number in range(1, 9)}, "127.0.0.1", 0)
        async with serving(server):
            connection = ModbusConnection("127.0.0.1", port)
            devices = [connection.unit(number, "bench") for number in range(1, 9)] * 5
            answers = await asyncio.gather(*(device.read(Table.INPUT, 0, 1) for device in devices))
            assert [number for (number,) in answers] == list(range(1, 9)) * 5

    run(test())


def test_the_event_loop_of_a_depot_reads_the_same() -> None:
    """Its transports are none of asyncio's by inheritance."""
    uvloop = pytest.importorskip("uvloop")

    async def test() -> None:
        server, port = await listen({3: unit(3)}, "127.0.0.1", 0)
        async with asyncio.timeout(10), serving(server):
            registers = ModbusConnection("127.0.0.1", port).unit(3, "bench")
            assert list(await registers.read(Table.INPUT, 0, 2)) == [3, 0xABCD]

    uvloop.run(test())


def test_an_exception_response_says_what_was_refused() -> None:
    async def test() -> None:
        server, port = await listen({1: unit(1)}, "127.0.0.1", 0)
        async with serving(server):
            connection = ModbusConnection("127.0.0.1", port)
            error, _ = await failure(connection.unit(1, "inverter").read(Table.HOLDING, 0x4001, 1))
            assert isinstance(error, Refused)
            assert str(error) == (
                f"inverter at 127.0.0.1:{port} unit 1: read of holding 0x4001: illegal address; "
                "check the register map and the unit number"
            )
            error, _ = await failure(connection.unit(2, "meter").write(Table.HOLDING, 0, [1]))
            assert isinstance(error, Refused)
            assert "meter at" in str(error)
            assert "write of holding 0x0000: no such unit" in str(error)
            # The connection goes on.
            assert list(await connection.unit(1, "inverter").read(Table.INPUT, 0, 1)) == [1]

    run(test())


def test_nobody_there_fails_quickly_and_then_at_once() -> None:
    async def test() -> None:
        server, port = await listen({}, "127.0.0.1", 0)
        server.close()
        await server.wait_closed()
        registers = ModbusConnection("127.0.0.1", port).unit(1, "inverter")
        error, taken_s = await failure(registers.read(Table.INPUT, 0, 1))
        assert isinstance(error, Unreachable)
        assert taken_s < 2 * TIMEOUT_S
        _, taken_s = await failure(registers.read(Table.INPUT, 0, 1))
        assert taken_s < TIMEOUT_S / 2

    run(test())


def test_a_silent_server_costs_one_timeout_for_all_devices_behind_it() -> None:
    async def test() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        async with serving(server):
            connection = ModbusConnection("127.0.0.1", server.sockets[0].getsockname()[1])
            devices = [connection.unit(number, "bench") for number in range(1, 6)]
            with within(2 * TIMEOUT_S):
                answers = await asyncio.gather(
                    *(device.read(Table.INPUT, 0, 1) for device in devices), return_exceptions=True
                )
            assert all(isinstance(answer, Unreachable) for answer in answers)

    run(test())


def answering(respond: Callable[[bytes, asyncio.StreamWriter], Coroutine[Any, Any, None]]) -> Any:
    """A server that hands every request frame of 12 bytes to `respond`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(12):
            await respond(frame, writer)
        writer.close()

    return asyncio.start_server(serve, "127.0.0.1", 0)


def test_a_late_answer_is_not_taken_for_that_of_a_later_request() -> None:
    late = asyncio.Event()

    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        address = frame[9]
        if address == 7:
            await late.wait()
        writer.write(frame[:4] + bytes([0, 5, frame[6], 4, 2, 0, address]))

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection("127.0.0.1", server.sockets[0].getsockname()[1]).unit(1, "bench")
            assert list(await registers.read(Table.INPUT, 5, 1)) == [5]
            await failure(registers.read(Table.INPUT, 7, 1))
            late.set()
            watch = Stopwatch()
            while True:
                try:
                    assert list(await registers.read(Table.INPUT, 9, 1)) == [9]
                    break
                except Unreachable:
                    assert watch.elapsed_s < 5 * RETRY_S
                    await asyncio.sleep(0.01)

    run(test())


@pytest.mark.parametrize(
    "answer",
    [
        "0005 01 04 02 002a",  # one register of two
        "0009 01 04 06 002a 002b 002c",  # three registers of two
    ],
)
def test_an_answer_of_the_wrong_length_is_none(answer: str) -> None:
    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame[:4] + bytes.fromhex(answer))

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection("127.0.0.1", server.sockets[0].getsockname()[1]).unit(1, "bench")
            error, taken_s = await failure(registers.read(Table.INPUT, 0, 2))
            assert isinstance(error, Unreachable)
            assert taken_s < 2 * TIMEOUT_S

    run(test())


def test_half_an_answer_to_a_cancelled_request_does_not_spoil_the_next() -> None:
    begun, late = asyncio.Event(), asyncio.Event()

    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        answer = frame[:4] + bytes([0, 5, frame[6], 4, 2, 0, frame[9]])
        if frame[9] == 7:
            writer.write(answer[:9])
            begun.set()
            await late.wait()
            writer.write(answer[9:])
        else:
            writer.write(answer)

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection("127.0.0.1", server.sockets[0].getsockname()[1]).unit(1, "bench")
            task = asyncio.create_task(registers.read(Table.INPUT, 7, 1))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            late.set()
            assert list(await registers.read(Table.INPUT, 9, 1)) == [9]

    run(test())


def test_a_command_given_up_is_reset_not_delivered_later() -> None:
    async def test() -> None:
        ends: asyncio.Queue[str] = asyncio.Queue()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.read(100):
                    pass
                ends.put_nowait("closed in order: the kernel goes on delivering")
            except ConnectionResetError:
                ends.put_nowait("reset")
            finally:
                writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with serving(server):
            registers = ModbusConnection(*server.sockets[0].getsockname()).unit(1, "contactor")
            await failure(registers.write(Table.COIL, 0, [1]))
            assert await ends.get() == "reset"

    run(test())


def numbered(number: int, value: int) -> bytes:
    """An answer of unit 1 with one input register."""
    return number.to_bytes(2) + bytes.fromhex("0000 0005 01 04 02") + value.to_bytes(2)


def test_half_of_an_answer_that_nobody_has_asked_for_does_not_shift_the_next() -> None:
    """The second of two answers arrives in two parts, with a request between them."""
    rest = b""

    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal rest
        answer = numbered(int.from_bytes(frame[:2]), frame[9])
        writer.write(rest + answer + answer[:7])
        rest = answer[7:]

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection(*server.sockets[0].getsockname(), timeout_s=2.0).unit(1, "bench")
            assert [list(await registers.read(Table.INPUT, address, 1)) for address in (5, 7, 9)] == [[5], [7], [9]]

    run(test())


@pytest.mark.parametrize("repeats", [True, False])
def test_an_answer_without_a_number_is_not_taken_beside_numbered_ones_nor_twice(repeats: bool) -> None:
    """A frame with the number 0 follows the first answer: it belongs to no request."""

    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        number = int.from_bytes(frame[:2]) if repeats else 0
        stray = numbered(0, 0xBAD)
        # Of a device without numbers the stray can be known from an answer only as long as nobody waits for one.
        writer.write(
            numbered(number, 5) + stray if frame[9] == 5 else (stray if repeats else b"") + numbered(number, 7)
        )

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection(*server.sockets[0].getsockname(), timeout_s=2.0).unit(1, "bench")
            assert list(await registers.read(Table.INPUT, 5, 1)) == [5]
            assert list(await registers.read(Table.INPUT, 7, 1)) == [7]

    run(test())


def test_a_flood_ends_the_connection_and_costs_no_time() -> None:
    """Frames of an old number without end, which would have to be looked through one by one."""

    async def respond(frame: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(numbered(0x7777, 0) * 20_000)

    async def test() -> None:
        async with serving(await answering(respond)) as server:
            registers = ModbusConnection(*server.sockets[0].getsockname(), timeout_s=2.0).unit(1, "bench")
            error, _ = await failure(registers.read(Table.INPUT, 5, 1))
            assert "it sends more than it has been asked for" in str(error)

    run(test())
