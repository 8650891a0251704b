"""The inverters that the contract suites run over: arguments of `v2g sim`, and the driver.

`V2G_TEST_INVERTER_MAP=FILE.yaml` adds a simulated inverter that answers by that register map.
"""

import os
from collections.abc import Callable
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
if own_map := os.environ.get("V2G_TEST_INVERTER_MAP"):
    SIMULATED["own"] = (["plant", "--inverter-map", own_map], mapped(Path(own_map)))
