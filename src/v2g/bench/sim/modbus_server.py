"""A Modbus TCP server for simulated devices: functions 1 to 6, 15 and 16 (application protocol 1.1b3).

It shares no code with the client that the station uses, so the two check each other.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, cast

from v2g.power.quantity import Value
from v2g.power.registers.map import Quantity, RegisterMap
from v2g.power.registers.port import Table

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_SUCH_UNIT = 1, 2, 3, 11

_READ = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_WRITE_ONE = {5: Table.COIL, 6: Table.HOLDING}
_WRITE_MANY = {15: Table.COIL, 16: Table.HOLDING}
_BITS = (Table.COIL, Table.DISCRETE)


class ModbusException(Exception):
    """An exception response with the given code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code}")
        self.code = code


class Device(Protocol):
    """What answers to the requests for one unit number. Both methods raise `ModbusException`."""

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """The words (bits)."""
        ...

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Takes the words (bits)."""
        ...


class Unit:
    """One simulated device behind a register map.

    `measure()` gives the values of what the device measures, whenever the master reads; `obey(values)` gets what it is
    commanded after each write, and returns what it holds differently (clipped, say). Which is which follows from
    `measure()`, not from the table: many devices have all their registers in one table.
    """

    def __init__(
        self,
        register_map: RegisterMap,
        measure: Callable[[], Mapping[str, Value]],
        obey: Callable[[Mapping[str, Value]], Mapping[str, Value]] = lambda _: {},
    ) -> None:
        self._map = register_map
        self.measure = measure
        self.obey = obey
        self._memory = {
            (quantity.table, quantity.address + offset): 0
            for quantity in register_map.quantities.values()
            for offset in range(quantity.count)
        }
        for name, quantity in register_map.quantities.items():
            if quantity.values and 0 not in quantity.values:  # a device has one of its codes from the start
                self._store({name: next(iter(quantity.values.values()))})

    def read(self, table: Table, address: int, count: int) -> list[int]:
        """The words (bits); a block may cross gaps of the map, which read as 0, but must start and end in it."""
        if (table, address) not in self._memory or (table, address + count - 1) not in self._memory:
            raise ModbusException(ILLEGAL_ADDRESS)
        self._store(self.measure())
        return [self._memory.get((table, address + offset), 0) for offset in range(count)]

    def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Stores the words (bits) and lets the device obey; refuses registers that are unknown or measured, and
        unknown codes."""
        new = {(table, address + offset): word for offset, word in enumerate(words)}
        if not new.keys() <= {place for quantity in self._commands.values() for place in _places(quantity)}:
            raise ModbusException(ILLEGAL_ADDRESS)
        before = dict(self._memory)
        self._memory |= new
        try:
            commanded = {
                name: quantity.decode([self._memory[place] for place in _places(quantity)])
                for name, quantity in self._commands.items()
            }
            self._store(self.obey(commanded))
        except ValueError as error:
            self._memory = before
            raise ModbusException(ILLEGAL_VALUE) from error

    @cached_property
    def _commands(self) -> dict[str, Quantity]:
        """The quantities that can be written."""
        measured = self.measure().keys()
        writable = (Table.HOLDING, Table.COIL)
        return {
            name: quantity
            for name, quantity in self._map.quantities.items()
            if quantity.table in writable and name not in measured
        }

    def _store(self, values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            quantity = self._map.quantities[name]
            for place, word in zip(_places(quantity), quantity.encode(value), strict=True):
                self._memory[place] = word


def _places(quantity: Quantity) -> list[tuple[Table, int]]:
    return [(quantity.table, quantity.address + offset) for offset in range(quantity.count)]


def answer(unit: Device | None, request: bytes) -> bytes:
    """The response PDU to a request PDU."""
    function = request[0]
    try:
        if unit is None:
            raise ModbusException(NO_SUCH_UNIT)
        return bytes([function]) + _execute(unit, function, request[1:])
    except struct.error:
        return bytes([function | 0x80, ILLEGAL_VALUE])
    except ModbusException as error:
        return bytes([function | 0x80, error.code])


def _execute(unit: Device, function: int, body: bytes) -> bytes:
    if table := _READ.get(function):
        address, count = struct.unpack(">HH", body)
        if not 1 <= count <= (2000 if table in _BITS else 125):
            raise ModbusException(ILLEGAL_VALUE)
        words = unit.read(table, address, count)
        data = _pack_bits(words) if table in _BITS else struct.pack(f">{count}H", *words)
        return bytes([len(data)]) + data
    if table := _WRITE_ONE.get(function):
        address, word = struct.unpack(">HH", body)
        if table is Table.COIL and word not in (0, 0xFF00):
            raise ModbusException(ILLEGAL_VALUE)
        unit.write(table, address, [int(word != 0)] if table is Table.COIL else [word])
        return body
    if table := _WRITE_MANY.get(function):
        address, count, size = struct.unpack(">HHB", body[:5])
        data = body[5:]
        if count == 0 or size != len(data) or size != ((count + 7) // 8 if table is Table.COIL else 2 * count):
            raise ModbusException(ILLEGAL_VALUE)
        unit.write(table, address, _unpack_bits(data, count) if table is Table.COIL else _unpack_words(data))
        return body[:4]
    raise ModbusException(ILLEGAL_FUNCTION)


def _pack_bits(bits: Sequence[int]) -> bytes:
    return sum(bit << position for position, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")


def _unpack_bits(data: bytes, count: int) -> list[int]:
    number = int.from_bytes(data, "little")
    return [number >> position & 1 for position in range(count)]


def _unpack_words(data: bytes) -> Sequence[int]:
    return struct.unpack(f">{len(data) // 2}H", data)


class _Connection(asyncio.Protocol):
    """Cuts the stream into frames (7 bytes of header, then the PDU) and answers each."""

    def __init__(self, units: Mapping[int, Device]) -> None:
        self._units = units
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # that of uvloop is none by inheritance

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= 8:
            transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:7])
            if protocol != 0 or not 2 <= length <= 254:  # not Modbus: the stream cannot be trusted any more
                self._transport.abort()
                return
            if len(self._buffer) < 6 + length:
                return
            request, self._buffer = self._buffer[7 : 6 + length], self._buffer[6 + length :]
            response = answer(self._units.get(unit), request)
            self._transport.write(struct.pack(">HHHB", transaction, 0, len(response) + 1, unit) + response)


async def listen(units: Mapping[int, Device], host: str, port: int) -> tuple[asyncio.Server, int]:
    """Serves the units; port 0 picks a free one. Returns the server and its port. Raises `OSError`."""
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(units), host, port)
    return server, server.sockets[0].getsockname()[1]
