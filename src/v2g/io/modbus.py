"""Modbus TCP client: the only module that knows pymodbus, whose API changes between minor versions.

pymodbus is imported on the first connection, not on import.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from v2g.power.errors import Refused, Unreachable
from v2g.power.registers.port import Table

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

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
_BITS = (Table.COIL, Table.DISCRETE)


class ModbusConnection:
    """One TCP connection to a Modbus server, shared by the devices (unit ids) behind it; connects when needed.

    A request without an answer within `timeout_s` closes the connection, because a late answer must not be taken for
    that of another request; later ones connect again.
    """

    def __init__(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._client: AsyncModbusTcpClient | None = None
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

    async def _connected(self) -> "AsyncModbusTcpClient":
        """The connected client. Raises `ConnectionError`."""
        from pymodbus.client import AsyncModbusTcpClient

        if self._client is not None and self._client.connected:
            return self._client
        if time.monotonic() < self._retry_at_s:
            raise ConnectionError("no connection")
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # our errors say it, with the device's name
        self._give_up(RETRY_S)
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0
        )
        connected = await client.connect()
        _heed_cancellation()
        if not connected:
            raise ConnectionError("no connection")
        self._client, self._retry_at_s = client, float("-inf")
        return client

    async def request(
        self, unit: int, table: Table, address: int, *, count: int = 0, words: Sequence[int] = ()
    ) -> list[int]:
        """Reads `count` registers, or writes `words` and returns nothing. One request at a time.

        Raises `ConnectionError` without an answer, `ValueError` with the text of an exception response.
        """
        from pymodbus.exceptions import ModbusException

        async with self._turn:
            client = await self._connected()
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
                code = response.exception_code
                raise ValueError(_EXCEPTIONS.get(code, f"exception {code}"))
            answer = [int(bit) for bit in response.bits[:count]] if table in _BITS else list(response.registers)
            if not words and len(answer) != count:
                self._give_up(TURN_S)
                raise ConnectionError(f"an answer with {len(answer)} of {count} registers")
            return answer

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
        except ValueError as error:
            what = "write" if words else "read"
            raise Refused(
                self.device,
                self.address,
                f"{what} of {table.value} 0x{address:04X}: {error}",
                "check the register map and the unit number",
            ) from error
