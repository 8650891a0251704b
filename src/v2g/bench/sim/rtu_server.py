"""A Modbus RTU server for simulated devices, behind a pseudo-terminal instead of a serial line (serial line 1.02).

The units are those of `modbus_server`; the check sum is computed here, not by the client's library.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from v2g.bench.sim.modbus_server import Device, answer
from v2g.bench.sim.pseudo_terminal import PseudoTerminal

BROADCAST = 0
SILENCE_S = 0.05
"""After this, what has come is no beginning of a frame. A line has 3.5 characters; this process may be held up."""


def check_sum(data: bytes) -> bytes:
    """CRC-16 of Modbus, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class RtuServer:
    """Serves units on a serial line, in the running loop. A unit that is not there stays silent."""

    def __init__(self, units: Mapping[int, Device], path: Path) -> None:
        """Raises `OSError`."""
        self._units = units
        self._buffer = b""
        self._silence: asyncio.TimerHandle | None = None
        self._line = PseudoTerminal(path, self._receive)

    def close(self) -> None:
        """Takes the line away."""
        self._forget()
        self._line.close()

    def _receive(self, data: bytes) -> None:
        self._buffer += data
        if self._silence is not None:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(SILENCE_S, self._forget)
        frame = self._buffer
        if len(frame) < 4 or check_sum(frame[:-2]) != frame[-2:]:
            return
        self._forget()
        number, request = frame[0], frame[1:-2]
        if number == BROADCAST:
            for unit in self._units.values():
                answer(unit, request)
        elif number in self._units:
            response = bytes([number]) + answer(self._units[number], request)
            self._line.write(response + check_sum(response))

    def _forget(self) -> None:
        self._buffer = b""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
