"""A device behind a map: named quantities, read and written in their units, whatever carries them."""

from collections.abc import Collection, Mapping
from typing import Protocol

from v2g.power.quantity import Needed, Value


class MappedDevice(Protocol):
    """Registers and a register map (`v2g.power.registers.device`), or CAN frames and a map of their signals."""

    @property
    def name(self) -> str:
        """What the device is, for error messages: `inverter`."""
        ...

    @property
    def address(self) -> str:
        """Where it is, for error messages."""
        ...

    @property
    def source(self) -> str:
        """The file of its map, for error messages."""
        ...

    @property
    def heartbeat_s(self) -> float:
        """A command is repeated at least this often."""
        ...

    @property
    def write_interval_s(self) -> float:
        """Changed set-points are not written more often than this; switching off is never held back."""
        ...

    def require(self, needed: Needed, optional: Collection[str] = ()) -> None:
        """Raises `MapError` unless the map has what is needed."""
        ...

    def has(self, name: str) -> bool:
        """Whether the map has a quantity of that name."""
        ...

    def resolution(self, name: str) -> float:
        """The smallest step of a number."""
        ...

    async def read(self, *names: str) -> dict[str, Value]:
        """The quantities' values. Raises `PowerError`; `Implausible` for a value that the quantity cannot have."""
        ...

    async def write(self, values: Mapping[str, Value]) -> None:
        """Writes the quantities, each clipped to its place. Raises `PowerError`; `Implausible` for NaN."""
        ...
