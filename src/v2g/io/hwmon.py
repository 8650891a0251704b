"""Temperatures of this machine's own chips: Linux' hardware monitoring in sysfs, which `sensors` shows too.

    /sys/class/hwmon/hwmon0/name            lm75; the directory may have another number after the next start
    /sys/class/hwmon/hwmon0/device          link to the device, such as .../i2c-1/1-0048
    /sys/class/hwmon/hwmon0/temp1_input     thousandths of a degree Celsius
    /sys/class/hwmon/hwmon0/temp1_fault     1: the sensor is broken, or there is none
    /sys/class/hwmon/hwmon0/fan1_input      revolutions per minute: of the coolant pump

The address names a folder and a chip's input for each sensor:
`hwmon:///sys/class/hwmon?coolant=lm75@1-0048/temp1&ambient=tmp102/temp1&flow=emc2305/fan1&full_rpm=3000`. The device
after `@` is needed only if several chips have the same name.
(Kernel: Documentation/ABI/testing/sysfs-class-hwmon.)
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from v2g.power.address import HWMON, Address
from v2g.power.errors import Refused, Unreachable
from v2g.power.temperatures import LOST_WITHIN_S, SENSORS, TemperatureReading
from v2g.power.wiring import Wiring, WiringError

ROOT = Path("/sys/class/hwmon")
_DEVICE = "temperature sensors"
_INPUT = re.compile(r"(?P<name>[^/@]+)(@(?P<device>[^/@]+))?/(?P<input>(temp|fan)\d{1,3})", re.ASCII)
_FULL = "full_rpm"


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of the machine."""

    folder: Path
    name: str
    device: str
    """Its device in the kernel; empty for a chip without one."""

    @property
    def label(self) -> str:
        """As an address names it."""
        return f"{self.name}@{self.device}" if self.device else self.name


def chips(root: Path = ROOT) -> list[Chip]:
    """The chips below the folder, in the order of their names. Raises `OSError` if there is no such folder."""
    found = []
    for folder in root.iterdir():
        try:
            name = _text(folder / "name")
        except OSError:  # it has just gone, or is no chip
            continue
        device = folder / "device"
        found.append(Chip(folder, name, os.path.basename(os.path.realpath(device)) if device.exists() else ""))
    return sorted(found, key=lambda each: each.label)


def inputs(chip: Chip) -> Iterator[tuple[str, str, float | None, str]]:
    """Each temperature and fan of a chip: its input, its label, its value, and the unit. None: it cannot be read."""
    for file in sorted(chip.folder.glob("*_input"), key=lambda each: (len(each.name), each.name)):
        name = file.name.removesuffix("_input")
        if not name.startswith(("temp", "fan")):
            continue
        label = file.with_name(f"{name}_label")
        try:
            value = _measured(chip.folder, name)
        except (OSError, ValueError):
            value = None
        yield name, _text(label) if label.exists() else "", value, "°C" if name.startswith("temp") else "RPM"


class Hwmon:
    """`v2g.power.temperatures.TemperatureSensors` by files.

    A thread does the reading, because a chip behind a slow bus blocks.
    """

    def __init__(self, address: Address, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `WiringError` for an address that names no sensor, or something else."""
        self._root, self._clock = Path(address.path), clock
        options = dict(address.options)
        full = options.pop(_FULL, "")
        self._wanted = {sensor: _wanted(sensor, text) for sensor, text in options.items()}
        if not self._wanted:
            raise WiringError(f"the {_DEVICE} need an address that names one, such as ?coolant=lm75/temp1")
        if "flow" in self._wanted and not (full.isascii() and full.isdecimal() and int(full) > 0):
            raise WiringError(f"the {_DEVICE} need {_FULL}: the pump's revolutions per minute at full flow")
        if full and "flow" not in self._wanted:
            raise WiringError(f"the {_DEVICE} have {_FULL} without `flow`; name the pump's input, or remove it")
        self._full_rpm = float(full or 1)
        self._thread = ThreadPoolExecutor(1, "hwmon")
        self._chips: list[Chip] | None = None

    async def read(self) -> TemperatureReading:
        """Measures; see the port."""
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._read)
        try:
            async with asyncio.timeout(LOST_WITHIN_S):
                return await work
        except TimeoutError:
            raise Unreachable(
                _DEVICE, str(self._root), "the kernel does not answer", "check the driver's messages in dmesg"
            ) from None

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> TemperatureReading:
        values: dict[str, float] = {}
        trouble: Unreachable | Refused | None = None
        for sensor in self._wanted:
            try:
                value = _measured(self._chip(sensor).folder, self._wanted[sensor]["input"])
            except (Unreachable, Refused) as error:
                self._chips, trouble = None, error  # it may come back under another number
            except (OSError, ValueError) as error:
                self._chips = None
                trouble = Refused(
                    _DEVICE, self._place(sensor), str(error), "check the sensor's wires and `v2g sensors --chips`"
                )
            else:
                if sensor == "flow":
                    values["flow"] = value / self._full_rpm
                else:
                    values[f"{sensor}_c"] = value
        if trouble is not None and not values:
            raise trouble
        return TemperatureReading(self._clock(), **values)

    def _chip(self, sensor: str) -> Chip:
        wanted = self._wanted[sensor]
        if self._chips is None:
            try:
                self._chips = chips(self._root)
            except OSError as error:
                remedy = "load the chip's driver, or name another folder in the address"
                raise Unreachable(_DEVICE, str(self._root), error.strerror or str(error), remedy) from error
        found = [each for each in self._chips if each.name == wanted["name"] and wanted["device"] in ("", each.device)]
        if not found:
            remedy = "load its driver, or name one of `v2g sensors --chips`"
            raise Unreachable(_DEVICE, self._place(sensor), "there is no such chip", remedy)
        if len(found) > 1:
            remedy = f"name one of {', '.join(each.label for each in found)}"
            raise Refused(_DEVICE, self._place(sensor), "several chips have this name", remedy)
        return found[0]

    def _place(self, sensor: str) -> str:
        wanted = self._wanted[sensor]
        device = f"@{wanted['device']}" if wanted["device"] else ""
        return f"{self._root}: {sensor}={wanted['name']}{device}/{wanted['input']}"


def driver(wiring: Wiring) -> Hwmon:
    """The chips at the address. Raises `WiringError`."""
    if wiring.address.scheme != HWMON:
        raise WiringError(f"this driver needs an address that begins with {HWMON}://, not {wiring.address}")
    made = Hwmon(wiring.address)
    wiring.carriers.keep(made.close)
    return made


def _wanted(sensor: str, text: str) -> dict[str, str]:
    if sensor not in SENSORS:
        raise WiringError(f"the {_DEVICE} have no {sensor!r}; there are {', '.join(SENSORS)} and {_FULL}")
    found = _INPUT.fullmatch(text)
    kind = "fan" if sensor == "flow" else "temp"
    if found is None or not found["input"].startswith(kind):
        raise WiringError(f"{sensor} is {text!r}; it must be CHIP/{kind}N, such as lm75/{kind}1")
    return {"name": found["name"], "device": found["device"] or "", "input": found["input"]}


def _measured(folder: Path, name: str) -> float:
    """In degrees Celsius, or revolutions per minute. Raises `OSError` and `ValueError`."""
    fault = folder / f"{name}_fault"
    if fault.exists() and _text(fault) != "0":
        raise ValueError("the chip reports a broken sensor")
    value = int(_text(folder / f"{name}_input"))
    return value / 1000 if name.startswith("temp") else float(value)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(256).strip()
