"""The inverters that the contract suites run over: arguments of `v2g sim`, and the driver.

- `V2G_TEST_INVERTER_MAP=FILE.yaml` adds a simulated inverter that answers by that register map.
- `V2G_TEST_INVERTER=HOST:PORT` adds a real device, unit `V2G_TEST_INVERTER_UNIT` (1), to `test_unloaded_inverter.py`,
  by that register map (the shipped one), or with `V2G_TEST_INVERTER_DRIVER=sunspec` as a SunSpec device, for which the
  map is that of its DC output.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from v2g.power.drivers.register_map import RegisterInverter
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.power.inverter import Inverter
from v2g.power.registers.map import load
from v2g.power.registers.port import Registers

Driver = Callable[[Registers], Inverter]


def mapped(path: Path) -> Driver:
    """The driver for a register map."""
    return lambda registers: RegisterInverter(registers, load(path))


VENDOR_MAP = Path(__file__).with_name("vendor_inverter.yaml")
SIMULATED: dict[str, tuple[list[str], Driver]] = {
    "shipped": (["plant"], RegisterInverter),
    "vendor": (["plant", "--inverter-map", str(VENDOR_MAP)], mapped(VENDOR_MAP)),
    "sunspec": (["sunspec"], SunSpecInverter),
}
_map = os.environ.get("V2G_TEST_INVERTER_MAP")
_driver = SunSpecInverter if os.environ.get("V2G_TEST_INVERTER_DRIVER") == "sunspec" else RegisterInverter
if _map and _driver is RegisterInverter:
    SIMULATED["own"] = (["plant", "--inverter-map", _map], mapped(Path(_map)))


@dataclass(frozen=True)
class RealInverter:
    """A device on somebody's bench."""

    host: str
    port: int
    unit: int
    driver: Driver


def real() -> RealInverter | None:
    """The device that the environment names."""
    address = os.environ.get("V2G_TEST_INVERTER")
    if not address:
        return None
    host, _, port = address.rpartition(":")
    unit = int(os.environ.get("V2G_TEST_INVERTER_UNIT", "1"))
    return RealInverter(host, int(port), unit, lambda registers: _driver(registers, load(Path(_map)) if _map else None))
