"""The station's process before it commands anything."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from v2g.io.control import ControlError, request
from v2g.io.hardware_lock import HardwareBusy
from v2g.run.station import LOOKS_S, StationProcess
from v2g.station.command import Restart, Status
from v2g.station.config.settings import Control, Device, EvseSettings, Ocpp, Settings, Trace

PATIENCE_S = 30.0


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


def test_no_restart_ends_the_process_while_a_firmware_is_being_installed(tmp_path: Path) -> None:
    nowhere, password = Device(address="modbus://127.0.0.1:1"), tmp_path / "password"
    password.write_text("0123456789abcdef")
    settings = Settings(
        evses=(EvseSettings(services=("AC",), port=0, meter=nowhere, contactor=nowhere),),
        trace=Trace(file=tmp_path / "trace.log"),
        control=Control(socket=tmp_path / "c.sock"),
        ocpp=Ocpp(url="ws://127.0.0.1:1", identity="S", security_profile=1, password_file=password),
    )

    async def run() -> None:
        process, listens = StationProcess(settings, tls=False), asyncio.Event()
        running = asyncio.create_task(process.run(lambda text: listens.set()))
        async with asyncio.timeout(PATIENCE_S):
            await listens.wait()
            back_end = process._back_end
            assert back_end is not None
            assert back_end._station is not None, "it has its side of the station before the first EVSE listens"
            back_end._station.installing = True

            async def ask(asked: Restart | Status) -> Any:
                return await asyncio.to_thread(request, settings.control.socket, asked)

            with pytest.raises(ControlError, match="a firmware is being installed"):
                await ask(Restart())
            assert not (await ask(Restart(ask=True)))["may"]
            assert not (await ask(Restart(wait=True)))["ends"]
            status = await ask(Status())
            assert status["restart_waits"] == "`v2g restart --wait`; it waits: until no car is in session"
            await asyncio.sleep(2 * LOOKS_S)
            assert not running.done()
            back_end._station.installing = False
            await running

    asyncio.run(run())
