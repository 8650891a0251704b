"""Port of a device's registers. `v2g.io.modbus` implements it for Modbus TCP."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol


class Table(StrEnum):
    """The four tables of the Modbus data model."""

    __hash__ = str.__hash__  # that of `Enum` is no faster than a function
    HOLDING = "holding"
    """16-bit words, read and write."""
    INPUT = "input"
    """16-bit words, read only."""
    COIL = "coil"
    """Bits, read and write."""
    DISCRETE = "discrete"
    """Bits, read only."""


class Registers(Protocol):
    """The registers of one device. Words are 0..65535, bits are 0 or 1.

    Every method answers or raises `PowerError` (`Unreachable`, `Refused`) within 0.1 s.
    """

    @property
    def device(self) -> str:
        """What the device is, for error messages: `inverter`."""
        ...

    @property
    def address(self) -> str:
        """Where the device is, for error messages: `10.0.0.5:502 unit 1`."""
        ...

    async def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Reads `count` consecutive words or bits."""
        ...

    async def write(self, table: Table, address: int, words: Sequence[int]) -> None:
        """Writes consecutive words or bits in one request."""
        ...
