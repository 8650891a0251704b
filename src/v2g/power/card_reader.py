"""Port of a card reader (RFID), and what readers send, made a card's number: lines of text, or the keys of a keyboard.

A number is 4 to 36 letters and digits, in upper case. It can be copied: it says that somebody holds the card, and
nothing of the car.
"""

import re
import struct
from dataclasses import dataclass
from typing import Protocol

LOST_WITHIN_S = 0.25
"""A reader whose link is known to be gone raises `PowerError` within this time. One at a network that just falls silent
is found to be gone within 20 s."""
CARD = re.compile(r"[0-9A-Za-z]{4,36}")
_STX, _ETX = 0x02, 0x03
_ENDS = (_STX, _ETX, 0x0A, 0x0D)
MOST_BYTES = 4096
"""Of a line that does not end; more is thrown away."""


@dataclass(frozen=True, slots=True)
class CardReading:
    """The card that was shown last, at the monotonic time `time_s` at which the reader was asked."""

    time_s: float
    card: str = ""
    count: int = 0
    """How many cards have been shown; the same one again counts."""


class CardReader(Protocol):
    """A reader. A lost link raises `PowerError` within `LOST_WITHIN_S`; the next call tries again."""

    async def read(self) -> CardReading:
        """Asks what was shown since. Raises `PowerError`."""
        ...


class Lines:
    """Readers that write a line for each card. A frame of STX, ten digits of data, two of their XOR and ETX, as 125 kHz
    modules send it, is the data alone."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._framed = False

    def feed(self, content: bytes) -> list[str]:
        """The cards that end in what arrives; what is no number is left out."""
        found = []
        for byte in content:
            if byte not in _ENDS:
                self._line.append(byte)
                del self._line[:-MOST_BYTES]
                continue
            text = self._line.decode("ascii", "replace").strip()
            if self._framed and byte == _ETX and len(text) == 12:
                text = _checked(text)
            if CARD.fullmatch(text):
                found.append(text.upper())
            self._framed = byte == _STX
            self._line.clear()
        return found


def _checked(text: str) -> str:
    """The data of such a frame; empty if the check is wrong."""
    try:
        *data, check = bytes.fromhex(text)
    except ValueError:
        return ""
    for each in data:
        check ^= each
    return text[:10] if check == 0 else ""


_EVENT = struct.Struct("@llHHi")
"""Of Linux' input events: a time, then type, code and value."""
_KEY, _PRESSED, _ENTER = 1, 1, (28, 96)
_KEYS = dict(zip((*range(2, 12), *range(16, 26), *range(30, 39), *range(44, 51)),
                 "1234567890QWERTYUIOPASDFGHJKLZXCVBNM", strict=True))  # fmt: skip
_KEYS |= dict(zip((71, 72, 73, 75, 76, 77, 79, 80, 81, 82), "7894561230", strict=True))
"""Of a keyboard with American layout, which such readers are, and its block of numbers."""


class Keys:
    """Readers that are a keyboard to the machine: they type the number and press enter."""

    def __init__(self) -> None:
        self._typed, self._rest = "", b""

    def feed(self, content: bytes) -> list[str]:
        """The cards that end in these input events."""
        content, found = self._rest + content, []
        whole = len(content) // _EVENT.size * _EVENT.size
        self._rest = content[whole:]
        for _, _, kind, code, value in _EVENT.iter_unpack(content[:whole]):
            if (kind, value) != (_KEY, _PRESSED):
                continue
            if code in _ENTER:
                if CARD.fullmatch(self._typed):
                    found.append(self._typed)
                self._typed = ""
            else:
                self._typed = (self._typed + _KEYS.get(code, ""))[-MOST_BYTES:]
        return found
