"""Modbus over TCP and over serial lines (RTU): the connections that the devices of an EVSE share."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from v2g.io import modbus_tcp
from v2g.power.address import MODBUS_RTU, Address
from v2g.power.errors import Refused, Unreachable
from v2g.power.registers import pdu
from v2g.power.registers.port import Table

if TYPE_CHECKING:
    from v2g.io.modbus_serial import Memory

TIMEOUT_S = 0.1
RETRY_S = 0.2
"""From a failed attempt to connect to the next."""
TURN_S = 0.02
"""From a request without an answer to the next attempt: those that wait for their turn by then fail at once, instead of
each waiting for its own timeout, while the next poll asks again. So one lost answer costs no more than one reading."""

_NO_SUCH_PLACE = (2, 3, 4)
"""How devices answer to registers that they do not have; by the letter it is 2."""


class Wire(Protocol):
    """What carries requests, one at a time: a TCP connection (`modbus_tcp`), a serial line (`modbus_serial`)."""

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        ...

    async def exchange(self, unit: int, request: bytes) -> bytes:
        """Sends a request (PDU) and returns the answer. Raises `ConnectionError` if there is none in time."""
        ...

    def close(self) -> None:
        """Gives the wire up at once."""
        ...


class ModbusConnection:
    """One TCP connection to a Modbus server, shared by the devices (unit ids) behind it; connects when needed.

    A request without an answer within `timeout_s` closes the connection, because a late answer must not be taken for
    that of another request; later ones connect again. The close is a reset (RST): what the device has not acknowledged
    is discarded, so that a command given up during a lost link does not arrive when the link returns, after newer ones.
    """

    def __init__(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._wire: Wire | None = None
        self._turn = asyncio.Lock()
        self._retry_at_s = float("-inf")

    def unit(self, number: int, device: str) -> "ModbusRegisters":
        """The registers of unit `number`; `device` is its name in error messages."""
        return ModbusRegisters(self, number, device)

    def close(self) -> None:
        """Closes the connection; a later request opens it again."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def request(self, unit: int, request: bytes) -> list[int]:
        """What a request reads; nothing for one that writes. One request at a time.

        Raises `ConnectionError` without an answer, `pdu.ModbusException` for an exception response.
        """
        async with self._turn:
            wire = self._wire
            if wire is None or not wire.connected:
                wire = await self._opened()
            try:
                return pdu.result(request, await wire.exchange(unit, request))
            except pdu.NotAsked:
                raise
            except (ConnectionError, ValueError) as error:
                self._give_up(TURN_S)
                raise ConnectionError(str(error)) from error
            except asyncio.CancelledError:
                self.close()  # half of the answer may be on its way
                raise

    async def _opened(self) -> Wire:
        if time.monotonic() < self._retry_at_s:
            raise ConnectionError("no connection")
        self._give_up(RETRY_S)
        wire = await self._open()
        self._wire, self._retry_at_s = wire, float("-inf")
        return wire

    async def _open(self) -> Wire:
        """Raises `ConnectionError`."""
        return await modbus_tcp.connect(self._host, self._port, self._timeout_s)

    def _give_up(self, seconds: float) -> None:
        """Let requests fail at once for some time."""
        self.close()
        self._retry_at_s = time.monotonic() + seconds


class ModbusSerialLine(ModbusConnection):
    """A serial line with Modbus RTU, shared by the devices (unit ids) on it. Needs pyserial
    (`v2g[serial]`)."""

    _memory: "Memory | None" = None

    def __init__(self, address: Address, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__("", 0, timeout_s=timeout_s)
        self.address, self._line = address.path, address

    async def _open(self) -> Wire:
        from v2g.io import modbus_serial

        self._memory = self._memory or modbus_serial.Memory()
        return await modbus_serial.open_line(self._line, self._timeout_s, self._memory)


def connection(address: Address) -> ModbusConnection:
    """The connection to a Modbus address, not yet open."""
    return ModbusSerialLine(address) if address.scheme == MODBUS_RTU else ModbusConnection(address.host, address.port)


class ModbusRegisters:
    """`v2g.power.registers.port.Registers` of one unit."""

    def __init__(self, connection: ModbusConnection, unit: int, device: str) -> None:
        self._connection = connection
        self._unit = unit
        self.device = device
        self.address = f"{connection.address} unit {unit}"

    async def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Reads `count` consecutive words or bits; see the port."""
        return await self._request(pdu.read(table, address, count), "read", table, address)

    async def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Writes consecutive words or bits in one request; see the port."""
        await self._request(pdu.write(table, address, words), "write", table, address)

    async def _request(self, request: bytes, doing: str, table: Table, address: int) -> Sequence[int]:
        try:
            return await self._connection.request(self._unit, request)
        except ConnectionError as error:
            raise Unreachable(
                self.device, self.address, str(error), "check that it is powered, its cable and its address"
            ) from error
        except pdu.ModbusException as error:
            raise Refused(
                self.device,
                self.address,
                f"{doing} of {table.value} 0x{address:04X}: {error}",
                "check the register map and the unit number",
                no_such_place=error.code in _NO_SUCH_PLACE,
            ) from error
