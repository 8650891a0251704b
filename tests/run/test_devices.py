"""The devices of an EVSE: the drivers that the configuration names, on simulated hardware."""

import asyncio
import time

from tests.contract.simulators import simulator

from v2g.power.drivers.register_map import RegisterGridSensor, RegisterInverter
from v2g.power.drivers.sunspec_grid_sensor import SunSpecGridSensor
from v2g.power.drivers.sunspec_inverter import SunSpecInverter
from v2g.run.devices import Devices
from v2g.station.config.settings import Device, EvseSettings


def test_an_outlet_with_sunspec_devices() -> None:
    async def test(endpoint: str) -> None:
        sunspec = Device(address=endpoint, driver="sunspec")
        evse = EvseSettings(
            contactor=Device(address=endpoint, unit=5),
            meter=Device(address=endpoint, unit=2),
            inverter=sunspec,
            grid=sunspec,
        )
        devices = Devices(evse, time.monotonic)
        async with asyncio.timeout(10):
            for name in devices.names:
                await devices.read(name)
        devices.close()
        assert devices.troubles == {}
        assert isinstance(devices.inverter, SunSpecInverter)
        assert isinstance(devices.grid, SunSpecGridSensor)
        assert devices.rating is not None
        assert devices.rating.discharge_power_max_w == 30_000
        assert devices.readings.inverter is not None
        assert devices.readings.grid is not None
        assert devices.readings.grid.frequency_hz == 50

    with simulator("sunspec") as process:
        asyncio.run(test(process.endpoint))


def test_devices_have_register_maps_unless_said_otherwise() -> None:
    anywhere = Device(address="127.0.0.1:502")
    devices = Devices(
        EvseSettings(contactor=anywhere, meter=anywhere, inverter=anywhere, grid=anywhere), time.monotonic
    )
    assert isinstance(devices.inverter, RegisterInverter)
    assert isinstance(devices.grid, RegisterGridSensor)
