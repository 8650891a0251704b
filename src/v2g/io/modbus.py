"""Modbus over TCP and over serial lines (RTU): the only module that knows pymodbus, whose API changes between minor
versions.

pymodbus is imported on the first connection, not on import.
"""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from v2g.power.address import MODBUS_RTU, Address
from v2g.power.errors import Refused, Unreachable
from v2g.power.registers.port import Table

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

    Client = AsyncModbusTcpClient | AsyncModbusSerialClient

TIMEOUT_S = 0.1
RETRY_S = 0.2
"""From a failed attempt to connect to the next."""
TURN_S = 0.02
"""From a request without an answer to the next attempt: those that wait for their turn by then fail at once, instead of
each waiting for its own timeout, while the next poll asks again. So one lost answer costs no more than one reading."""

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    6: "device busy",
    10: "gateway path unavailable",
    11: "no such unit",
}
_NO_SUCH_PLACE = (2, 3, 4)
"""How devices answer to registers that they do not have; by the letter it is 2."""
_BITS = (Table.COIL, Table.DISCRETE)


class _Exception(Exception):
    """The device answered with an exception response."""

    def __init__(self, code: int) -> None:
        super().__init__(_EXCEPTIONS.get(code, f"exception {code}"))
        self.code = code


class ModbusConnection:
    """One TCP connection to a Modbus server, shared by the devices (unit ids) behind it; connects when needed.

    A request without an answer within `timeout_s` closes the connection, because a late answer must not be taken for
    that of another request; later ones connect again. The close is a reset (RST): what the device has not acknowledged
    is discarded, so that a command given up during a lost link does not arrive when the link returns, after newer ones.
    """

    def __init__(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._client: Client | None = None
        self._turn = asyncio.Lock()
        self._retry_at_s = float("-inf")

    def unit(self, number: int, device: str) -> "ModbusRegisters":
        """The registers of unit `number`; `device` is its name in error messages."""
        return ModbusRegisters(self, number, device)

    def close(self) -> None:
        """Closes the connection; a later request opens it again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _made_client(self) -> "Client":
        from pymodbus.client import AsyncModbusTcpClient

        return AsyncModbusTcpClient(self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0)

    async def _connected(self) -> "Client":
        """The connected client. Raises `ConnectionError`."""
        if self._client is not None and self._client.connected:
            return self._client
        if time.monotonic() < self._retry_at_s:
            raise ConnectionError("no connection")
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # our errors say it, with the device's name
        self._give_up(RETRY_S)
        client = self._made_client()
        try:
            connected = await client.connect()
        except Exception as error:  # a serial line that cannot be set so (termios.error), a library's own failure
            raise ConnectionError(f"cannot be opened: {error}") from error
        _heed_cancellation()
        if not connected:
            raise ConnectionError("no connection")
        self._discard_on_close(client)
        self._client, self._retry_at_s = client, float("-inf")
        return client

    async def request(
        self, unit: int, table: Table, address: int, *, count: int = 0, words: Sequence[int] = ()
    ) -> list[int]:
        """Reads `count` registers, or writes `words` and returns nothing. One request at a time.

        Raises `ConnectionError` without an answer, `_Exception` for an exception response.
        """
        from pymodbus.exceptions import ModbusException

        async with self._turn:
            client = await self._connected()
            await self._pause()
            bits = [bool(word) for word in words]
            try:
                match table:
                    case Table.COIL if len(bits) == 1:
                        response = await client.write_coil(address, bits[0], device_id=unit)
                    case Table.COIL if bits:
                        response = await client.write_coils(address, bits, device_id=unit)
                    case Table.HOLDING if words:
                        response = await client.write_registers(address, list(words), device_id=unit)
                    case Table.COIL:
                        response = await client.read_coils(address, count=count, device_id=unit)
                    case Table.DISCRETE:
                        response = await client.read_discrete_inputs(address, count=count, device_id=unit)
                    case Table.HOLDING:
                        response = await client.read_holding_registers(address, count=count, device_id=unit)
                    case Table.INPUT:
                        response = await client.read_input_registers(address, count=count, device_id=unit)
                _heed_cancellation()
            except ModbusException as error:
                _heed_cancellation()
                self._give_up(TURN_S)
                raise ConnectionError(f"no answer within {self._timeout_s} s") from error
            except asyncio.CancelledError:
                self.close()  # half of the answer may be on its way
                raise
            if response.isError():
                raise _Exception(response.exception_code)
            answer = [int(bit) for bit in response.bits[:count]] if table in _BITS else list(response.registers)
            if not words and len(answer) != count:
                self._give_up(TURN_S)
                raise ConnectionError(f"an answer with {len(answer)} of {count} registers")
            return answer

    def _discard_on_close(self, client: "Client") -> None:
        """Let no unacknowledged command outlive the connection, nor this process."""
        transport = client.ctx.transport
        connected = transport and transport.get_extra_info("socket")
        if connected:  # a serial line has none
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _pause(self) -> None:
        """What the line needs between an answer and the next request."""

    def _give_up(self, seconds: float) -> None:
        """Let requests fail at once for some time."""
        self.close()
        self._retry_at_s = time.monotonic() + seconds


def _heed_cancellation() -> None:
    """Raise `CancelledError` if this task was cancelled meanwhile.

    pymodbus waits with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes in the same
    instant as the answer. A loop of requests would then go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class ModbusSerialLine(ModbusConnection):
    """A serial line with Modbus RTU, shared by the devices (unit ids) on it. Needs pyserial (`v2g[serial]`)."""

    def __init__(self, address: Address, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__("", 0, timeout_s=timeout_s)
        self.address = address.path
        self._path, self._options = address.path, address.options
        self._baud = int(address.options["baud"])

    def _made_client(self) -> "Client":
        from pymodbus.client import AsyncModbusSerialClient

        return AsyncModbusSerialClient(
            self._path,
            baudrate=self._baud,
            parity=self._options["parity"],
            stopbits=int(self._options["stop"]),
            timeout=self._timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    async def _pause(self) -> None:
        """3.5 characters of 11 bits, at least 1.75 ms (Modbus over serial line 1.02, 2.5.1.1)."""
        await asyncio.sleep(max(3.5 * 11 / self._baud, 0.00175))


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
        return await self._request(table, address, count=count)

    async def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Writes consecutive words or bits in one request; see the port."""
        await self._request(table, address, words=words)

    async def _request(self, table: Table, address: int, *, count: int = 0, words: Sequence[int] = ()) -> Sequence[int]:
        try:
            return await self._connection.request(self._unit, table, address, count=count, words=words)
        except ConnectionError as error:
            raise Unreachable(
                self.device, self.address, str(error), "check that it is powered, its cable and its address"
            ) from error
        except _Exception as error:
            what = "write" if words else "read"
            raise Refused(
                self.device,
                self.address,
                f"{what} of {table.value} 0x{address:04X}: {error}",
                "check the register map and the unit number",
                no_such_place=error.code in _NO_SUCH_PLACE,
            ) from error
