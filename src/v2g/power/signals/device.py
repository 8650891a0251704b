"""A device behind CAN signals."""

from collections.abc import Collection, Iterable, Mapping

from v2g.power.errors import Implausible, Refused
from v2g.power.quantity import Needed, Value
from v2g.power.signals.map import FRAME_BITS, LARGEST_PERIOD_S, SignalMap
from v2g.power.signals.port import FrameId, Frames


class SignalDevice:
    """`v2g.power.mapped_device.MappedDevice` by frames and the map of their signals.

    Signals of a frame that are not written keep what was written last, 0 at first.
    """

    def __init__(self, frames: Frames, signal_map: SignalMap) -> None:
        self.frames = frames
        self.map = signal_map
        self._sent: dict[FrameId, bytes] = {}

    @property
    def name(self) -> str:
        """See the port, as for all below."""
        return self.frames.device

    @property
    def address(self) -> str:
        return self.frames.address

    @property
    def source(self) -> str:
        return self.map.source

    @property
    def heartbeat_s(self) -> float:
        return self.map.heartbeat_s

    @property
    def write_interval_s(self) -> float:
        return self.map.write_interval_s

    def require(self, needed: Needed, optional: Collection[str] = ()) -> None:
        self.map.require(needed, optional)

    def has(self, name: str) -> bool:
        return name in self.map.quantities

    def resolution(self, name: str) -> float:
        return abs(self.map.quantities[name].scale)

    async def read(self, *names: str) -> dict[str, Value]:
        signals = {name: self.map.quantities[name] for name in names}
        if mute := [name for name, signal in signals.items() if signal.reading_id in self._sent]:
            reason = f"{', '.join(mute)} cannot be read back"
            raise Refused(
                self.name, self.address, reason, f"name the frame that reports it under `echo` in {self.source}"
            )
        wanted = {signal.reading_id for signal in signals.values()}
        data = await self.frames.receive(wanted, 2 * LARGEST_PERIOD_S)
        values: dict[str, Value] = {}
        for name, signal in signals.items():
            try:
                values[name] = signal.decode(data[signal.reading_id])
            except ValueError as error:
                raise self._implausible(name, str(error)) from error
        return values

    async def write(self, values: Mapping[str, Value]) -> None:
        data = dict(self._sent)
        for name, value in values.items():
            signal = self.map.quantities[name]
            frame = signal.command_id
            try:
                data[frame] = signal.encode(signal.limited(value), data.get(frame, bytes(FRAME_BITS // 8)))
            except ValueError as error:
                raise self._implausible(name, str(error)) from error
        for frame in sorted({self.map.quantities[name].command_id for name in values}):
            self._sent[frame] = data[frame]
            await self.frames.send(frame, data[frame])
        await self._acknowledged(values)

    async def _acknowledged(self, names: Iterable[str]) -> None:
        """Nobody acknowledges a frame. The first echo may have been on its way when the command was sent, so it says no
        more than that the device is there; of one without echoes any frame says that."""
        echoes = {signal.reading_id for name in names if (signal := self.map.quantities[name]).echo is not None}
        others = {signal.reading_id for signal in self.map.quantities.values()} - self._sent.keys()
        if echoes or others:
            await self.frames.receive(echoes or {min(others)}, 2 * LARGEST_PERIOD_S)

    def _implausible(self, name: str, reason: str) -> Implausible:
        where = f"{name} (frame {self.map.quantities[name].reading_id})"
        return Implausible(self.name, self.address, f"{where}: {reason}", f"check the device and {self.source}")
