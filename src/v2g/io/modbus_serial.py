"""A serial line with Modbus RTU: a frame out, a frame in (Modbus over serial line 1.02, section 2.5.1).

pyserial (`v2g[serial]`) is imported when a line is opened.
"""

import asyncio
import termios
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from v2g.power.address import Address
from v2g.power.registers import pdu

if TYPE_CHECKING:
    from serial import Serial

_CHARACTER_BITS = 11
_FEWEST, _EXCEPTION, _WRITTEN = 4, 5, 8
"""Octets of any frame, of an exception, of an answer to a write: unit, function, what it says, check sum."""
_MOST = 3 * 256
"""Octets that are looked at for one answer: the request's echo, the answer and some noise."""
_WRITE_COIL = 5
"""The function of which the answer is the same octets as the request."""
QUIET_S = 0.1
"""A read that has had no answer is not followed by one that looks like it for this time, so that an answer that comes
late finds nobody waiting. One lost frame must not cost more: readings are stale after 0.35 s."""
LATE_S = 1.0
"""The same after a second read in a row without an answer; and for this time after the first a read of other registers
that an answer to it would fit is not sent."""


@dataclass(frozen=True, slots=True)
class _Owed:
    """The latest read of its likeness that has had no answer."""

    request: bytes
    at_s: float
    """When it was given up."""
    in_a_row: int
    """Reads of that likeness without an answer since the last one that had an answer."""


@dataclass(slots=True)
class Memory:
    """What is known of a line, also after it has been closed and opened again."""

    echoes: bool = False
    """The adapter hears what it sends."""
    owed: dict[tuple[int, tuple[int, int]], _Owed] = field(default_factory=dict)
    """By unit and likeness: RTU frames have no number, so an answer says neither which registers it holds nor when it
    was asked for."""

    def may_ask(self, unit: int, request: bytes, now_s: float) -> bool:
        """Whether an answer that comes now can only be that to `request`. Commands are never held back."""
        likeness = pdu.likeness(request)
        owed = self.owed.get((unit, likeness)) if likeness else None
        if owed is None:
            return True
        quiet_s = (0.0, QUIET_S)[owed.in_a_row] if owed.in_a_row < 2 and request == owed.request else LATE_S
        return now_s - owed.at_s >= quiet_s

    def unanswered(self, unit: int, request: bytes, now_s: float) -> None:
        if likeness := pdu.likeness(request):
            before = self.owed.get((unit, likeness))
            self.owed[unit, likeness] = _Owed(request, now_s, before.in_a_row + 1 if before else 1)

    def answered(self, unit: int, request: bytes) -> None:
        likeness = pdu.likeness(request)
        if likeness and (owed := self.owed.get((unit, likeness))):
            self.owed[unit, likeness] = replace(owed, in_a_row=0)


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

    def __init__(self, line: "Serial", timeout_s: float, memory: Memory) -> None:
        self._line: Serial | None = line
        self._timeout_s, self._memory = timeout_s, memory
        self._pause_s = max(3.5 * _CHARACTER_BITS / line.baudrate, 0.00175)
        """Between an answer and the next request (2.5.1.1)."""
        self._received = self._sent = b""
        self._answer: asyncio.Future[bytes] | None = None
        asyncio.get_running_loop().add_reader(line.fileno(), self._readable)

    @property
    def connected(self) -> bool:
        return self._line is not None

    async def exchange(self, unit: int, request: bytes) -> bytes:
        """Sends a request and returns the answer; one at a time.

        Raises `ConnectionError` if there is none in time, `NotAsked` as long as one could be that to an earlier read.
        """
        loop = asyncio.get_running_loop()
        if not self._memory.may_ask(unit, request, loop.time()):
            raise pdu.NotAsked("its answer to an earlier read may still come")
        await asyncio.sleep(self._pause_s)
        if self._line is None:
            raise ConnectionError("the line is gone")
        frame = bytes([unit]) + request
        self._received, self._sent = b"", frame + check_sum(frame)
        answer: asyncio.Future[bytes] = loop.create_future()
        self._answer = answer
        timer = loop.call_later(self._timeout_s, self._fail, f"no answer within {self._timeout_s} s")
        try:
            self._line.write(self._sent)
            found = await answer
        except OSError as error:  # pyserial's own is one
            self._memory.unanswered(unit, request, loop.time())
            raise ConnectionError(str(error)) from error
        except asyncio.CancelledError:
            self._memory.unanswered(unit, request, loop.time())
            raise
        finally:
            timer.cancel()
            self._answer = None
        self._memory.answered(unit, request)
        return found

    def close(self) -> None:
        """Closes the line at once. What has not left it is discarded: the system would wait for it, up to 30 s, and
        deliver a command that has been given up."""
        line, self._line = self._line, None
        if line is not None:
            asyncio.get_running_loop().remove_reader(line.fileno())
            with suppress(OSError, termios.error):  # the device is gone
                line.reset_output_buffer()
            line.close()

    def _readable(self) -> None:
        assert self._line is not None
        try:
            data = self._line.read(1024)
        except OSError as error:
            self.close()
            self._fail(f"the line is gone: {error}")
            return
        if self._answer is None or self._answer.done():
            return  # nobody has asked
        self._received += data
        if len(self._received) > _MOST:
            self._fail("there is more on the line than an answer")
            return
        found = answer_in(self._without_echo(), self._sent[0], self._sent[1])
        if found is not None:
            self._answer.set_result(found)

    def _without_echo(self) -> bytes:
        """What has come from others. A line of which nothing is known shows its echo with the first request that no
        answer is the same as."""
        if not self._received.startswith(self._sent):
            return self._received
        if self._sent[1] != _WRITE_COIL:
            self._memory.echoes = True
        return self._received[len(self._sent) :] if self._memory.echoes else self._received

    def _fail(self, reason: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(reason))


async def open_line(address: Address, timeout_s: float, memory: Memory) -> ModbusSerial:
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
    return ModbusSerial(line, timeout_s, memory)
