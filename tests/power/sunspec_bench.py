"""A SunSpec device of bare registers behind a real server, for tests that break it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from tests.serving import serving

from v2g.bench.sim.modbus_server import ILLEGAL_ADDRESS, Device, ModbusException, listen
from v2g.io.modbus import ModbusConnection
from v2g.power.registers.port import Registers, Table

MARKER = [0x5375, 0x6E53]
END = [0xFFFF, 0]


class Words:
    """Holding registers from `base` on, which remember the requests."""

    def __init__(self, words: Sequence[int], base: int = 40_000) -> None:
        self.memory = dict(enumerate(words, base))
        self.reads: list[tuple[int, int]] = []
        self.writes: list[tuple[int, list[int]]] = []

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        self.reads.append((address, count))
        return [self._at(address + n) for n in range(count)]

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        self.writes.append((address, list(words)))
        for n, word in enumerate(words):
            self._at(address + n)
            self.memory[address + n] = word

    def _at(self, address: int) -> int:
        if address not in self.memory:
            raise ModbusException(ILLEGAL_ADDRESS)
        return self.memory[address]


def chain(models: Mapping[int, Sequence[int]]) -> list[int]:
    """The registers of a device with these models."""
    words = list(MARKER)
    for number, body in models.items():
        words += [number, len(body), *body]
    return words + END


def on_device(device: Device, test: Callable[[Registers], Coroutine[Any, Any, None]]) -> None:
    """Runs `test` on the registers of `device`."""

    async def run() -> None:
        server, port = await listen({1: device}, "127.0.0.1", 0)
        async with serving(server), asyncio.timeout(10):
            await test(ModbusConnection("127.0.0.1", port, timeout_s=10).unit(1, "inverter"))

    asyncio.run(run())
