"""The network interface of a power-line modem: its driver in the kernel, and whether it is up."""

import fcntl
import socket
import struct
import subprocess
from pathlib import Path
from time import monotonic, sleep

from v2g.io.plc import PlcError

DRIVERS = ("qcaspi", "qca7000")
"""Kernel modules of the QCA7000 over SPI: in the kernel's sources, and in the maker's."""
APPEARS_WITHIN_S = 3.0
"""A driver must make its interface within this time."""

_INTERFACES = Path("/sys/class/net")
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
_REQUEST = struct.Struct("16sH14x")


def driver(interface: str) -> str | None:
    """Name of the driver; None for an interface without a device, such as a veth pair."""
    link = _INTERFACES / interface / "device" / "driver"
    return link.resolve().name if link.exists() else None


def is_up(interface: str) -> bool:
    """Whether it is switched on. Raises `PlcError` if there is none."""
    return bool(_flags(interface) & _UP)


def has_carrier(interface: str) -> bool:
    """Whether the other end is there: a driver shows so whether it has found its modem."""
    try:
        return (_INTERFACES / interface / "carrier").read_text().strip() == "1"
    except OSError:  # an interface that is down
        return False


def bring_up(interface: str) -> None:
    """As `ip link set INTERFACE up`. Raises `PlcError`."""
    flags = _flags(interface) | _UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, _SET_FLAGS, _REQUEST.pack(interface.encode(), flags))
        except PermissionError as error:
            raise PlcError(f"interface {interface}: no permission to bring it up; run as root") from error
        except OSError as error:
            raise PlcError(f"interface {interface} does not come up: {error.strerror}; see `dmesg`") from error


def load_driver(interface: str) -> str:
    """Load the modem's driver for an interface that is not there yet; returns its name. Raises `PlcError`."""
    for name in DRIVERS:
        try:
            loaded = subprocess.run(["modprobe", name], capture_output=True, check=False).returncode == 0
        except OSError:
            loaded = False
        if loaded:
            _await(interface, name)
            return name
    names = ", ".join(name for _, name in socket.if_nameindex())
    raise PlcError(
        f"there is no interface {interface}; there are {names}; and the kernel has no driver {' or '.join(DRIVERS)}: "
        "name the modem's interface, or install the kernel's extra modules (CONFIG_QCA7000_SPI)"
    )


def _await(interface: str, name: str) -> None:
    deadline = monotonic() + APPEARS_WITHIN_S
    while not (_INTERFACES / interface).exists():
        if monotonic() >= deadline:
            raise PlcError(
                f"the driver {name} is loaded, but makes no interface {interface}; "
                "look at the SPI wiring and the device tree (`dmesg | grep qca`)"
            )
        sleep(0.05)


def _flags(interface: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _GET_FLAGS, _REQUEST.pack(interface.encode()[:15], 0))
        except OSError as error:
            names = ", ".join(name for _, name in socket.if_nameindex())
            raise PlcError(f"there is no interface {interface}; there are {names}") from error
    flags: int = _REQUEST.unpack(answer)[1]
    return flags
