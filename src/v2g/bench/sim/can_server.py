"""Simulated devices on a CAN bus, behind a pseudo-terminal that stands for a serial CAN adapter (SLCAN).

They share no code with the client that the station uses (python-can), so the two check each other.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from v2g.bench.sim.modbus_server import Unit
from v2g.bench.sim.pseudo_terminal import PseudoTerminal
from v2g.power.signals.map import FRAME_BITS, Signal, SignalMap
from v2g.power.signals.port import FrameId

EARLY = 0.8
"""A device sends its frames after this share of the time that its map gives it."""
_LARGEST_LINE = 64


class CanUnit:
    """One simulated device by its signal map: it measures and obeys as the `Unit` does that it is made of.

    A command is taken over when the last of its frames arrives. A frame that makes no sense is dropped: a device on a
    CAN bus cannot refuse.
    """

    def __init__(self, unit: Unit, signal_map: SignalMap) -> None:
        self.period_s = EARLY * signal_map.period_s
        self._unit = unit
        measured = unit.measure().keys()
        quantities = signal_map.quantities
        self._measured = {name: signal for name, signal in quantities.items() if name in measured}
        self._commands = {name: signal for name, signal in quantities.items() if name not in measured}
        self._received = {signal.command_id: bytes(FRAME_BITS // 8) for signal in self._commands.values()}
        self._held = dict(self._received)

    def take(self, frame: FrameId, data: bytes) -> None:
        """A frame on the bus."""
        if frame not in self._received or len(data) != FRAME_BITS // 8:
            return
        self._received[frame] = data
        if frame != max(self._received):
            return
        try:
            values = {name: signal.decode(self._received[signal.command_id]) for name, signal in self._commands.items()}
            held = self._unit.obey(values)
        except ValueError:
            return
        self._held = dict(self._received)
        for name, value in held.items():
            signal = self._commands[name]
            self._held[signal.command_id] = signal.encode(value, self._held[signal.command_id])

    def frames(self) -> Mapping[FrameId, bytes]:
        """What the device sends now."""
        frames: dict[FrameId, bytes] = {}
        values = self._unit.measure()
        for name, signal in self._measured.items():
            _put(frames, signal, signal.encode(values[name], frames.get(signal.reading_id, bytes(FRAME_BITS // 8))))
        for signal in self._commands.values():
            if signal.echo is not None:
                _put(frames, signal, self._held[signal.command_id])
        return frames


def _put(frames: dict[FrameId, bytes], signal: Signal, data: bytes) -> None:
    frames[signal.reading_id] = data


class SlcanServer:
    """Serves units on a CAN bus whose adapter is at `path`, in the running loop."""

    def __init__(self, units: Iterable[CanUnit], path: Path) -> None:
        """Raises `OSError`."""
        self._units = list(units)
        loop = asyncio.get_running_loop()
        self._buffer = b""
        self._open = False
        self._line = PseudoTerminal(path, self._receive)
        self._sending = [loop.create_task(self._send(unit)) for unit in self._units]

    def close(self) -> None:
        """Takes the adapter away."""
        for task in self._sending:
            task.cancel()
        self._line.close()

    async def _send(self, unit: CanUnit) -> None:
        while True:
            if self._open:
                for frame, data in unit.frames().items():
                    self._line.write(_line(frame, data))
            await asyncio.sleep(unit.period_s)

    def _receive(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\r")
        self._buffer = self._buffer[-_LARGEST_LINE:]
        for line in lines:
            self._line.write(b"\r" if self._obey(line.decode("ascii", "replace")) else b"\a")

    def _obey(self, line: str) -> bool:
        """One command of the adapter; false for one that it does not know."""
        match line[:1]:
            case "":
                return True
            case "S" | "Y" | "s" | "C" | "O" | "L":  # bit rates, close, open
                self._open = line[:1] in "OL" or (self._open and line[:1] != "C")
                return True
            case "t" | "T":
                digits = 3 if line[0] == "t" else 8
                try:
                    frame = FrameId(int(line[1 : 1 + digits], 16), line[0] == "T")
                    data = bytes.fromhex(line[2 + digits :])
                    complete = len(data) == int(line[1 + digits])
                except (ValueError, IndexError):
                    return False
                if complete:
                    for unit in self._units:
                        unit.take(frame, data)
                return complete
        return False


def _line(frame: FrameId, data: bytes) -> bytes:
    kind, digits = ("T", 8) if frame.extended else ("t", 3)
    return f"{kind}{frame.number:0{digits}X}{len(data)}{data.hex().upper()}\r".encode()
