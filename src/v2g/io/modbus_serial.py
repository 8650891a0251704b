"""A serial line with Modbus RTU: a frame out, a frame in (Modbus over serial line 1.02, section 2.5.1).

pyserial (`v2g[serial]`) is imported when a line is opened.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from v2g.power.address import Address

if TYPE_CHECKING:
    from serial import Serial

_CHARACTER_BITS = 11
_FEWEST, _EXCEPTION, _WRITTEN = 4, 5, 8
"""Octets of any frame, of an exception, of an answer to a write: unit, function, what it says, check sum."""


def check_sum(data: bytes) -> bytes:
    """CRC-16 of Modbus, low octet first (6.2.2)."""
    crc = 0xFFFF
    for octet in data:
        crc = crc >> 8 ^ _CRC[(crc ^ octet) & 0xFF]
    return crc.to_bytes(2, "little")


def _crc_of(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (0xA001 if octet & 1 else 0)
    return octet


_CRC = tuple(map(_crc_of, range(256)))


def answer_in(received: bytes, unit: int, function: int) -> bytes | None:
    """The answer (PDU) in what has been received, or None as long as none is complete.

    What a line picks up before a frame, while its direction turns, is passed over.
    """
    for start in range(len(received) - _FEWEST + 1):
        frame = received[start:]
        if frame[0] != unit or frame[1] & 0x7F != function:
            continue
        size = _EXCEPTION if frame[1] != function else 5 + frame[2] if function <= 4 else _WRITTEN
        if len(frame) >= size and check_sum(frame[: size - 2]) == frame[size - 2 : size]:
            return frame[1 : size - 2]
    return None


class ModbusSerial:
    """One open line."""

    def __init__(self, line: "Serial", timeout_s: float) -> None:
        self._line: Serial | None = line
        self._timeout_s = timeout_s
        self._pause_s = max(3.5 * _CHARACTER_BITS / line.baudrate, 0.00175)
        """Between an answer and the next request (2.5.1.1)."""
        self._received = b""
        self._complete: Callable[[bytes], bytes | None] = lambda _: None
        self._answer: asyncio.Future[bytes] | None = None
        asyncio.get_running_loop().add_reader(line.fileno(), self._readable)

    @property
    def connected(self) -> bool:
        return self._line is not None

    async def exchange(self, unit: int, request: bytes) -> bytes:
        """Sends a request and returns the answer; one at a time. Raises `ConnectionError` if there is none in time."""
        await asyncio.sleep(self._pause_s)
        if self._line is None:
            raise ConnectionError("the line is gone")
        loop = asyncio.get_running_loop()
        self._received, self._complete = b"", lambda received: answer_in(received, unit, request[0])
        answer: asyncio.Future[bytes] = loop.create_future()
        self._answer = answer
        frame = bytes([unit]) + request
        timer = loop.call_later(self._timeout_s, self._fail, f"no answer within {self._timeout_s} s")
        try:
            self._line.write(frame + check_sum(frame))
            return await answer
        except OSError as error:  # pyserial's own is one
            raise ConnectionError(str(error)) from error
        finally:
            timer.cancel()
            self._answer = None

    def close(self) -> None:
        """Closes the line at once."""
        line, self._line = self._line, None
        if line is not None:
            asyncio.get_running_loop().remove_reader(line.fileno())
            line.close()

    def _readable(self) -> None:
        assert self._line is not None
        try:
            self._received += self._line.read(1024)
        except OSError as error:
            self.close()
            self._fail(f"the line is gone: {error}")
            return
        found = self._complete(self._received)
        if found is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(found)

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(reason))


async def open_line(address: Address, timeout_s: float) -> ModbusSerial:
    """Raises `ConnectionError` for what cannot be opened as a serial line. `timeout_s`: for each answer."""
    from serial import serial_for_url

    options = address.options
    try:
        line = serial_for_url(
            address.path,
            exclusive=True,
            baudrate=int(options["baud"]),
            parity=options["parity"],
            stopbits=int(options["stop"]),
            timeout=0,
            write_timeout=0,
        )
    except Exception as error:  # what cannot be set so raises termios.error, and more
        raise ConnectionError(f"cannot be opened: {error}") from error
    return ModbusSerial(line, timeout_s)
