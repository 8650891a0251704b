"""The recipes of the contributor's page, done as they stand there: drivers and grid codes, in here and from outside."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.docs.pages import REPOSITORY, blocks
from tests.outside_package import installed
from tests.serving import serving

from v2g.grid.settings import load as load_grid_code
from v2g.grid.settings import names
from v2g.io.configuration import load
from v2g.iso15118.car import CarState
from v2g.iso15118.view import Demand
from v2g.power.drivers import DRIVERS
from v2g.power.grid_sensor import GridReading
from v2g.run.devices import Devices
from v2g.station.config.settings import Device, EvseSettings
from v2g.station.power import sources
from v2g.station.power.limits import Wish
from v2g.station.power.situation import Situation
from v2g.station.readings import Readings

PAGE = REPOSITORY / "docs" / "contributing.md"
NOWHERE = Device(address="modbus://127.0.0.1:1")


def files() -> Mapping[str, str]:
    """The files of the page: a block whose first line is a comment with a path."""
    found = {}
    for language in ("python", "toml"):
        for _, text in blocks(PAGE, language):
            first = text.partition("\n")[0]
            if first.startswith("# "):
                found[first.removeprefix("# ")] = text
    return found


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """The page's configuration, in which what the page's package brings has names."""
    (text,) = (text for _, text in blocks(PAGE, "yml") if "driver: acme" in text)
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return file


def test_a_package_from_outside_brings_a_driver_and_a_grid_code(tmp_path: Path, acme: Path) -> None:
    source = files()
    entry_points = tomllib.loads(source["pyproject.toml"])["project"]["entry-points"]

    async def served() -> None:
        async def shown(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(json.dumps({"import_wh": 7.5, "export_wh": 2.0, "power_w": -3000.0}).encode() + b"\n")
            writer.close()

        server = await asyncio.start_server(shown, "127.0.0.1", 0)
        async with serving(server), asyncio.timeout(10):
            port = server.sockets[0].getsockname()[1]
            meter = Device(address=f"acme://127.0.0.1:{port}", driver="acme")
            devices = Devices(EvseSettings(contactor=NOWHERE, meter=meter), time.monotonic)
            await devices.read("meter")
            assert devices.troubles == {}
            assert devices.readings.meter is not None
            assert (devices.readings.meter.power_w, devices.readings.meter.export_wh) == (-3000.0, 2.0)
            devices.close()
        lost = Devices(EvseSettings(contactor=NOWHERE, meter=meter), time.monotonic)
        await lost.read("meter")
        assert lost.troubles["meter"].startswith(f"meter at 127.0.0.1:{port}: ConnectionRefusedError")

    with installed(tmp_path / "v2g-acme", {"v2g_acme.py": source["v2g_acme.py"]}, entry_points):
        assert "meter.acme" in DRIVERS.names()
        assert "county" in names()
        code = load_grid_code("county")
        assert (code.title, code.settings["trip.uv1.delay_s"].value) == ("Rules of the county", 2.0)
        (evse,) = load(acme).settings.evses
        assert evse.meter.where.scheme == "acme"
        asyncio.run(served())
    load_grid_code.cache_clear()


def test_a_package_from_outside_brings_a_wish_source(tmp_path: Path) -> None:
    settings = EvseSettings(contactor=NOWHERE, meter=NOWHERE, wishes=("street",))
    with installed(
        tmp_path / "street",
        {"v2g_street.py": files()["v2g_street.py"]},
        {"v2g.wishes": {"street": "v2g_street:Street"}},
    ):
        made = sources.make(settings)
    names = [type(each).__name__ for each in made]
    assert names.index("Street") + 1 == names.index("Plan")
    street = made[names.index("Street")]
    for voltage_v, wish in ((241.0, 3_000.0), (230.0, 0.0)):
        grid = GridReading(time_s=0.0, sequence=1, frequency_hz=50.0, voltages_v=(voltage_v, 230.0, 230.0))
        assert street.wish(_seen(settings, Readings(grid=grid))) == Wish(wish, "the street's voltage")
    assert street.wish(_seen(settings, Readings())) is None


def _seen(settings: EvseSettings, readings: Readings) -> Situation:
    return Situation(
        now=0.0, settings=settings, demand=Demand(), service=None, car=CarState(), readings=readings, rating=None,
        guard=None, heat=None,
    )  # fmt: skip


def test_a_driver_and_a_grid_code_are_added_inside(tmp_path: Path, acme: Path) -> None:
    """On a copy of the sources: two files and a row."""
    package = tmp_path / "copy" / "v2g"
    shutil.copytree(REPOSITORY / "src" / "v2g", package, ignore=shutil.ignore_patterns("__pycache__"))
    (driver,) = (text for name, text in files().items() if name.endswith("acme_meter.py"))
    (package / "power" / "drivers" / "acme_meter.py").write_text(driver)
    (row,) = (text for _, text in blocks(PAGE, "text") if text.startswith('"meter.acme"'))
    registry = package / "power" / "drivers" / "__init__.py"
    head, last, tail = registry.read_text().partition('        "grid.waveform"')
    registry.write_text(f"{head}        {row}{last}{tail}")
    (code,) = (
        text for _, text in blocks(REPOSITORY / "docs" / "grid-codes.md", "toml") if "What people call it" in text
    )
    (package / "grid" / "codes" / "county.toml").write_text(code)
    text = acme.read_text().replace("acme://192.168.10.13:5025", "modbus://192.168.10.13")
    acme.write_text(f"{text}tls: {{directory: {tmp_path}/pki}}\n")

    def v2g(*arguments: str) -> str:
        start = "import sys; from v2g.cli import main; sys.exit(main(sys.argv[1:]))"
        ended = subprocess.run(
            [sys.executable, "-c", start, *arguments],
            env=os.environ | {"PYTHONPATH": str(package.parent)},
            capture_output=True,
            text=True,
            timeout=240,
        )
        return ended.stdout + ended.stderr

    v2g("pki", "init", str(tmp_path / "pki"))
    assert "is good" in v2g("config", "check", "--offline", str(acme))
    assert "county         What people call it" in v2g("grid", "codes")
