"""What a driver gets to reach its device: the address, the device's map, and the carriers, which it opens on first use.

A driver is made by a factory that takes a `Wiring` and returns the device as its port (`Inverter`, `Contactor`, ...).
Making one opens nothing: `v2g config check` makes every driver too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from v2g.kernel.errors import V2GError
from v2g.power.address import CAN, MODBUS, MODBUS_RTU, UDP, Address
from v2g.power.registers.map import RegisterMap, load
from v2g.power.registers.port import Registers
from v2g.power.signals.map import SignalMap
from v2g.power.signals.map import load as load_signals
from v2g.power.signals.port import Frames
from v2g.power.waveform import SampleSource


class WiringError(V2GError):
    """A driver cannot be made for this device. Names the device and the remedy."""


class Carriers(Protocol):
    """The lines to the devices. Devices at the same address share one."""

    def registers(self, address: Address, device: str) -> Registers:
        """The registers of the unit at a Modbus address; `device` is its name in error messages."""
        ...

    def frames(self, address: Address, device: str) -> Frames:
        """The frames of a device on the CAN bus at an address."""
        ...

    def samples(self, address: Address) -> SampleSource:
        """The samples of the grid's voltages that arrive at a UDP address."""
        ...

    def keep(self, close: Callable[[], None]) -> None:
        """Calls `close` when the devices are given up: for a driver that opens a transport of its own."""
        ...


@dataclass(frozen=True)
class Wiring:
    """One device, and how to reach it."""

    device: str
    """What it is, for messages: `grid sensing unit`."""
    address: Address
    carriers: Carriers
    map_file: Path | None = None
    """A register or signal map of the user's own."""
    nominal_hz: float = 50.0
    nominal_voltage_v: float = 230.0
    """Phase to neutral."""

    def registers(self) -> Registers:
        """The device's registers. Raises `WiringError` for an address of another carrier."""
        self._expect(MODBUS, MODBUS_RTU)
        if self.address.scheme == MODBUS_RTU:
            self._need("serial", "v2g[serial]")
        return self.carriers.registers(self.address, self.device)

    def register_map(self) -> RegisterMap | None:
        """The user's own map, if there is one. Raises `MapError`."""
        return None if self.map_file is None else load(self.map_file)

    def frames(self) -> Frames:
        """The device's frames. Raises `WiringError` for an address of another carrier."""
        self._expect(CAN)
        self._need("can", "v2g[can]")
        return self.carriers.frames(self.address, self.device)

    def signal_map(self) -> SignalMap | None:
        """The user's own map, if there is one. Raises `MapError`."""
        return None if self.map_file is None else load_signals(self.map_file)

    def samples(self) -> SampleSource:
        """The samples that arrive at the address. Raises `WiringError` for an address of another carrier."""
        self._expect(UDP)
        if self.map_file is not None:
            raise WiringError(f"the {self.device} sends samples and has no register map; remove `registers`")
        return self.carriers.samples(self.address)

    def _expect(self, *schemes: str) -> None:
        if self.address.scheme not in schemes:
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise WiringError(
                f"this driver of the {self.device} needs an address that begins with {wanted}, not {self.address}"
            )

    def _need(self, module: str, extra: str) -> None:
        """That a package is installed on which only some stations depend."""
        if find_spec(module) is None:
            raise WiringError(f"{self.address.scheme}:// needs a package that is not installed; pip install '{extra}'")
