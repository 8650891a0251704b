"""The inverters that the contract suites run over: arguments of `v2g sim`, address, driver and map.

- `V2G_TEST_INVERTER_MAP=FILE.yaml` adds a simulated inverter that answers by that register map.
- `V2G_TEST_INVERTER=HOST:PORT` adds a real device, unit `V2G_TEST_INVERTER_UNIT` (1), to `test_unloaded_inverter.py`,
  by that register map (the shipped one), or with `V2G_TEST_INVERTER_DRIVER=sunspec` as a SunSpec device, for which the
  map is that of its DC output.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.contract.bench import CARRIERS, Wired

from v2g.power.drivers.register_map import RegisterInverter
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.power.inverter import Inverter
from v2g.power.registers.map import load
from v2g.power.registers.port import Registers

Driver = Callable[[Registers], Inverter]


@dataclass(frozen=True)
class Simulated:
    """A simulated inverter, and how a station reaches it."""

    arguments: tuple[str, ...]
    carrier: str = "tcp"
    """One of `CARRIERS`."""
    driver: str | None = None
    map_file: Path | None = None

    def inverter(self, wired: Wired) -> Inverter:
        """The driver of the inverter."""
        inverter: Inverter = wired.driver("inverter", self.driver, map_file=self.map_file)
        return inverter


VENDOR_MAP = Path(__file__).with_name("vendor_inverter.yaml")
SIMULATED = {
    "shipped": Simulated(("plant",)),
    "vendor": Simulated(("plant", "--inverter-map", str(VENDOR_MAP)), map_file=VENDOR_MAP),
    "sunspec": Simulated(("sunspec",), driver="sunspec"),
}
"""Over TCP, as a real device may be."""
SIMULATED_ELSEWHERE = {carrier: Simulated(("plant",), carrier) for carrier in CARRIERS if carrier != "tcp"}
"""Over other carriers."""
_map = os.environ.get("V2G_TEST_INVERTER_MAP")
_sunspec = os.environ.get("V2G_TEST_INVERTER_DRIVER") == "sunspec"
if _map and not _sunspec:
    SIMULATED["own"] = Simulated(("plant", "--inverter-map", _map), map_file=Path(_map))


@dataclass(frozen=True)
class RealInverter:
    """A device on somebody's bench."""

    host: str
    port: int
    unit: int
    driver: Driver


def over_tcp(simulated: Simulated) -> Driver:
    """The driver of a simulated inverter that is reached over TCP, by its registers."""
    own_map = None if simulated.map_file is None else load(simulated.map_file)
    return lambda registers: (SunSpecInverter if simulated.driver else RegisterInverter)(registers, own_map)


def real() -> RealInverter | None:
    """The device that the environment names."""
    address = os.environ.get("V2G_TEST_INVERTER")
    if not address:
        return None
    host, _, port = address.rpartition(":")
    unit = int(os.environ.get("V2G_TEST_INVERTER_UNIT", "1"))
    driver = SunSpecInverter if _sunspec else RegisterInverter
    return RealInverter(host, int(port), unit, lambda registers: driver(registers, load(Path(_map)) if _map else None))
