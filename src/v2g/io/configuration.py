"""The configuration file: opens it and the register maps that it names, and checks all of it.

`v2g config check` and the daemon load it here, so that what the one calls good the other starts with.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError
from v2g.power.address import Address, AddressError
from v2g.power.drivers import make
from v2g.power.quantity import MapError
from v2g.power.wiring import Wiring
from v2g.station.config.reader import LARGEST_BYTES, ConfigurationError, Fields, Findings, read
from v2g.station.config.rules import RULES, device_address
from v2g.station.config.settings import EvseSettings, Settings


class Configuration(NamedTuple):
    """What a file says."""

    settings: Settings
    warnings: list[str]
    """A line for each: old names and forms with the new ones, switches that belong on a bench."""


def load(path: Path) -> Configuration:
    """Read and check the file. Raises `ConfigurationError` with every finding."""
    try:
        content = regular_file.beginning(path, LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; `v2g config example` prints one") from error
    return Configuration(*read(content, str(path), Settings, FILE_RULES, path.parent))


class _Unconnected:
    """`v2g.power.wiring.Carriers` that lead nowhere: a driver opens nothing before its first method is called."""

    def registers(self, address: Address, device: str) -> Any:
        return None

    def frames(self, address: Address, device: str) -> Any:
        return None

    def samples(self, address: Address) -> Any:
        return None

    def keep(self, close: Callable[[], None]) -> None:
        pass


_DEVICES = {
    "contactor": ("contactor",),
    "phase_contactor": ("contactor",),
    "meter": ("meter",),
    "inverter": ("inverter",),
    "isolation": ("isolation",),
    "grid": ("grid",),
    "pilot.device": ("pilot",),
    "safety": ("safety", "pump"),
    "ccid": ("contactor",),
    "lock": ("lock",),
    "reader": ("reader",),
    "temperatures": ("temperatures",),
}
"""Key of a device -> kinds of the drivers for it."""


def _drivers(evse: Fields) -> Findings:
    """Whether the daemon can make the drivers."""
    for key, kinds in _DEVICES.items():
        outer, _, inner = key.partition(".")
        device = evse.get(outer)
        device = device.get(inner) if device and inner else device
        if not device or not {"address", "unit", "driver", "registers"} <= device.keys():
            continue
        try:
            wiring = Wiring(outer, device_address(device), _Unconnected(), device["registers"])
            for kind in kinds:
                make(kind, device["driver"], wiring)
        except MapError as error:
            yield f"{key}.registers", str(error).replace("\n", " | ")
        except V2GError as error:
            yield f"{key}.{'address' if device['driver'] is None else 'driver'}", str(error)
        except AddressError:  # has its own finding
            continue


FILE_RULES = replace(RULES, errors={**RULES.errors, EvseSettings: (*RULES.errors[EvseSettings], _drivers)})
"""The rules of the text, and those that need the files which it names."""
