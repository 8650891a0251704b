"""Port of a device's CAN frames. `v2g.io.can` implements it with python-can."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol


class FrameId(NamedTuple):
    """What a CAN frame is called."""

    number: int
    extended: bool
    """29 bits instead of 11."""

    def __str__(self) -> str:
        return f"0x{self.number:08X}" if self.extended else f"0x{self.number:03X}"


class Frames(Protocol):
    """The frames of one device, which sends what it measures by itself, again and again.

    Every method answers or raises `PowerError` (`Unreachable`) within 0.2 s.
    """

    @property
    def device(self) -> str:
        """What the device is, for error messages: `inverter`."""
        ...

    @property
    def address(self) -> str:
        """Where the device is, for error messages."""
        ...

    async def send(self, frame: FrameId, data: bytes) -> None:
        """Sends a frame."""
        ...

    async def receive(self, frames: Collection[FrameId], within_s: float) -> Mapping[FrameId, bytes]:
        """One of each, all of which arrived after this call: what came before is no answer to what was sent since."""
        ...
