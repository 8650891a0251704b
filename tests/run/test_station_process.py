"""The station's process before it commands anything."""

import asyncio
from pathlib import Path

import pytest

from v2g.io.hardware_lock import HardwareBusy
from v2g.run.station import StationProcess
from v2g.station.config.settings import Control, Device, EvseSettings, Settings, Trace


def test_two_evses_do_not_share_a_device_however_its_address_is_written(tmp_path: Path) -> None:
    meter = Device(address="modbus://127.0.0.1:1?unit=2")
    first, second = (
        EvseSettings(id=number, services=("AC",), port=0, meter=meter, contactor=Device(address=f"modbus://{host}:1"))
        for number, host in enumerate(("127.0.0.1", "[::ffff:127.0.0.1]"), 1)
    )
    settings = Settings(
        evses=(first, second), trace=Trace(file=tmp_path / "trace.log"), control=Control(socket=tmp_path / "c.sock")
    )

    async def run() -> None:
        await StationProcess(settings, tls=False).run(print)

    with pytest.raises(
        HardwareBusy, match=r"contactor at modbus://127.0.0.1:1\?unit=1: EVSE 1 commands it; give EVSE 2 its"
    ):
        asyncio.run(run())
