"""Reading and adopting an inverter's own grid-code settings, models 703 and 705 to 712, with the simulated device."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from tests.contract.simulators import Simulator, simulator

from v2g.io.modbus import ModbusConnection
from v2g.power.errors import Refused
from v2g.power.sunspec.device import SunSpecDevice
from v2g.power.sunspec.model import Value
from v2g.power.sunspec.settings import FUNCTIONS, adopt, curve, read_settings


@pytest.fixture
def process() -> Iterator[Simulator]:
    with simulator("sunspec") as process:
        yield process


def run(process: Simulator, test: Callable[[SunSpecDevice], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await test(SunSpecDevice(ModbusConnection(process.host, process.port, timeout_s=10).unit(1, "inverter")))

    asyncio.run(limited())


def test_all_settings_are_read_as_data(process: Simulator) -> None:
    async def test(device: SunSpecDevice) -> None:
        settings = await read_settings(device)
        assert set(settings) == set(FUNCTIONS)
        assert settings[703]["ESHzLo"] == 49.5
        volt_var = settings[705]
        points = [(volt_var[f"Crv[1].Pt[{n}].V"], volt_var[f"Crv[1].Pt[{n}].Var"]) for n in range(1, 5)]
        assert points == [(92, 44), (98, 0), (102, 0), (108, -44)]
        assert (volt_var["Ena"], volt_var["Crv[1].RspTms"], volt_var["Crv[1].DeptRef"]) == (
            "DISABLED",
            5,
            "VAR_MAX_PCT",
        )
        assert settings[708]["Crv[1].MustTrip.Pt[2].Tms"] == 0.16
        assert settings[709]["Crv[1].MustTrip.Pt[1].Hz"] == 48.5
        assert settings[711]["Ctl[1].DbOf"] == 0.036

    run(process, test)


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (705, {**curve("V", "Var", [(90, 44), (97, 0), (103, 0), (110, -44)]), "RspTms": 10.0}),
        (706, curve("V", "W", [(105, 100), (109, 0)])),
        (707, curve("V", "Tms", [(70, 10), (45, 0.16)], within="MustTrip")),
        (708, curve("V", "Tms", [(110, 2), (120, 0.16)], within="MustTrip")),
        (709, {**curve("Hz", "Tms", [(47.5, 0.1)], "MustTrip"), **curve("Hz", "Tms", [(49, 1800)], "MayTrip")}),
        (710, curve("Hz", "Tms", [(51.5, 0.1)], within="MustTrip")),
        (711, {"DbOf": 0.2, "DbUf": 0.2, "KOf": 0.04, "KUf": 0.04}),
        (712, curve("W", "Var", [(-100, 44), (-50, 0), (50, 0), (100, -44)])),
    ],
)
def test_settings_are_adopted_once(process: Simulator, number: int, values: dict[str, Value]) -> None:
    async def test(device: SunSpecDevice) -> None:
        stem = "Ctl" if number == 711 else "Crv"
        before = await device.read(number)
        assert await adopt(device, number, values)
        held = await device.read(number)
        assert {path: held[f"{stem}[1].{path}"] for path in values} == values
        assert held["Ena"] == "ENABLED"
        if number == 711:  # the rest is as it was
            assert held["Ctl[1].RspTms"] == before["Ctl[1].RspTms"]
        assert not await adopt(device, number, values)
        assert await adopt(device, number, values, enable=False)
        assert (await device.read(number, "Ena"))["Ena"] == "DISABLED"

    run(process, test)


def test_settings_that_the_device_does_not_adopt_are_refused_and_change_nothing(process: Simulator) -> None:
    async def test(device: SunSpecDevice) -> None:
        with pytest.raises(Refused, match="volt-var settings are not adopted: AdptCrvRslt is FAILED"):
            await adopt(device, 705, curve("V", "Var", [(98, 0), (92, 44), (102, 0)]))
        with pytest.raises(Refused, match=r"its volt-var settings have no Pt\[5\]\.V, Pt\[5\]\.Var"):
            await adopt(device, 705, curve("V", "Var", [(90.0 + n, 0) for n in range(5)]))
        with pytest.raises(Refused, match="volt-watt settings are not adopted: AdptCrvRslt is IN_PROGRESS"):
            await adopt(device, 706, curve("V", "W", [(105, 100), (109, 0)]), within_s=0.1)
        settings = await device.read(705, "Ena", "Crv[1].Pt[1].V")
        assert settings == {"Ena": "DISABLED", "Crv[1].Pt[1].V": 92}

    run(process, test)
