"""Chips of the machine as the kernel shows them: a real tree of files, without a chip."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from v2g.cli import main
from v2g.io.hwmon import Hwmon, driver
from v2g.power.address import parse
from v2g.power.drivers import make
from v2g.power.errors import Refused, Unreachable
from v2g.power.temperatures import TemperatureReading
from v2g.power.wiring import WiringError
from v2g.run.devices import Devices
from v2g.station.config.settings import Device, EvseSettings

NOWHERE = Device(address="127.0.0.1:1")


def chip(root: Path, number: int, name: str, files: Mapping[str, str], device: str = "") -> Path:
    """A chip as the kernel lays it out: its folder is a link, and so is its device."""
    place = root.parent / "devices" / (device or f"virtual{number}")
    folder = place / "hwmon" / f"hwmon{number}"
    folder.mkdir(parents=True)
    for file, content in {"name": name, **files}.items():
        (folder / file).write_text(f"{content}\n")
    if device:
        (folder / "device").symlink_to(place)
    (root / f"hwmon{number}").symlink_to(folder)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "hwmon"
    made.mkdir()
    chip(made, 0, "lm75", {"temp1_input": "41500", "temp1_label": "radiator"}, "1-0048")
    chip(made, 1, "lm75", {"temp1_input": "-12250"}, "1-0049")
    chip(made, 2, "emc2305", {"fan1_input": "1500", "temp1_input": "25000", "in0_input": "3300"}, "1-004c")
    chip(made, 10, "cpu_thermal", {"temp1_input": "55000"})
    return made


def sensors(root: Path, options: str) -> Hwmon:
    return Hwmon(parse(f"hwmon://{root}?{options}"), clock=lambda: 7.0)


def read(hwmon: Hwmon) -> TemperatureReading:
    return asyncio.run(hwmon.read())


def test_each_sensor_is_read_by_its_name(root: Path) -> None:
    wanted = "coolant=lm75@1-0048/temp1&ambient=lm75@1-0049/temp1&contactor=cpu_thermal/temp1"
    found = read(sensors(root, f"{wanted}&flow=emc2305/fan1&full_rpm=3000"))
    assert found == TemperatureReading(7.0, contactor_c=55.0, coolant_c=41.5, ambient_c=-12.25, flow=0.5)


def test_a_chip_is_found_again_under_another_number(root: Path) -> None:
    hwmon = sensors(root, "contactor=cpu_thermal/temp1")
    assert read(hwmon).contactor_c == 55.0
    folder = (root / "hwmon10").resolve()
    (root / "hwmon10").unlink()
    (folder / "temp1_input").rename(folder / "gone")
    with pytest.raises(Refused, match="No such file"):
        read(hwmon)
    with pytest.raises(Unreachable, match=r"contactor=cpu_thermal/temp1: there is no such chip; load its driver"):
        read(hwmon)
    chip(root, 3, "cpu_thermal", {"temp1_input": "56000"})
    assert read(hwmon).contactor_c == 56.0


def test_a_broken_sensor_is_unknown_and_spoils_no_other(root: Path) -> None:
    hwmon = sensors(root, "coolant=lm75@1-0048/temp1&ambient=lm75@1-0049/temp1")
    (root / "hwmon0" / "temp1_fault").write_text("1\n")
    assert read(hwmon) == TemperatureReading(7.0, ambient_c=-12.25)
    (root / "hwmon1" / "temp1_input").write_text("what\n")
    with pytest.raises(Refused, match="temperature sensors at "):
        read(hwmon)


def test_two_chips_of_one_name_are_told_apart(root: Path) -> None:
    with pytest.raises(Refused, match="several chips have this name; name one of lm75@1-0048, lm75@1-0049"):
        read(sensors(root, "coolant=lm75/temp1"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("coolent=lm75/temp1", "have no 'coolent'; there are contactor, coolant, ambient, flow and full_rpm"),
        ("coolant=lm75", "coolant is 'lm75'; it must be CHIP/tempN"),
        ("coolant=lm75/fan1", "it must be CHIP/tempN"),
        ("coolant=../../x/temp1", "it must be CHIP/tempN"),
        ("flow=lm75/fan1", "need full_rpm"),
        ("flow=lm75/fan1&full_rpm=0", "need full_rpm"),
        ("coolant=lm75/temp1&full_rpm=9", "have full_rpm without `flow`"),
    ],
)
def test_an_address_that_says_something_else_is_refused(root: Path, options: str, message: str) -> None:
    with pytest.raises(WiringError, match=message):
        sensors(root, options)


def test_an_evse_has_the_chips_as_a_device(root: Path) -> None:
    address = Device(address=f"hwmon://{root}?coolant=lm75@1-0048/temp1")
    evse = EvseSettings(contactor=NOWHERE, meter=NOWHERE, temperatures=address)

    async def run() -> TemperatureReading | None:
        devices = Devices(evse, lambda: 7.0)
        await devices.read("temperature sensors")
        devices.close()
        assert devices.troubles == {}
        return devices.readings.temperatures

    found = asyncio.run(run())
    assert found is not None
    assert found.coolant_c == 41.5
    assert (make.__module__, driver.__module__) == ("v2g.power.drivers", "v2g.io.hwmon")


def test_the_chips_are_listed_by_the_names_that_an_address_takes(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "hwmon1" / "temp1_fault").write_text("1\n")
    assert main(["sensors", "--chips", str(root)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["cpu_thermal/temp1", "55", "°C"],
        ["emc2305@1-004c/fan1", "1500", "RPM"],
        ["emc2305@1-004c/temp1", "25", "°C"],
        ["lm75@1-0048/temp1", "41.5", "°C", "radiator"],
        ["lm75@1-0049/temp1", "FAULT"],
    ]
    assert main(["sensors", "--chips", str(root / "nothing")]) == 2
