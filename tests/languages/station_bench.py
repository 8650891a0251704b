"""A station of the virtual world behind a real Modbus port, and `pysunspec2` as its client."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import sunspec2.modbus.client as sunspec
from tests.station.scene import INTENT, OUTLET

from v2g.bench.sim.world import World
from v2g.io import modbus_server
from v2g.io.sunspec_server import Rules, SunSpecServer
from v2g.io.sunspec_station import StationPlant
from v2g.languages.plant import About
from v2g.station import command
from v2g.station.config.settings import EvseSettings, Settings
from v2g.station.station import Station

ABOUT = About("station", "1", "DE*ABC*E1")
LOCAL = "127.0.0.1"


class Bench:
    """One EVSE with a car; `world.run` lets time pass for it and for the server alike."""

    def __init__(
        self, evse: EvseSettings = OUTLET, *, writers: tuple[str, ...] = (LOCAL,), silence_s: float = 300.0
    ) -> None:
        self.world = World(evse, INTENT)
        self.station = Station(Settings(evses=(evse,)))
        self.station.evses = {evse.id: self.world.evse}
        self.lines: list[str] = []
        plant = StationPlant(self.ask, lambda: self.world.now, ABOUT, nominal_hz=float(evse.nominal_hz))
        rules = Rules(1, writers, silence_s)
        self.server = SunSpecServer(plant, rules, self.lines.append, lambda: self.world.now)

    async def ask(self, asked: command.Command) -> Any:
        """What the control socket would answer."""
        done = self.station.obey(asked, self.world.now, self.world.unix_s, "user 0")
        for evse in done.evses:
            evse.heed(self.world.now)
        return msgspec.to_builtins(done.result)

    def on_client(self, test: Callable[["Bench", sunspec.SunSpecModbusClientDeviceTCP], None]) -> None:
        """Runs `test` with a client that has found the models."""
        asyncio.run(self._serving(test))

    async def _serving(self, test: Callable[["Bench", sunspec.SunSpecModbusClientDeviceTCP], None]) -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serve = modbus_server.serve(self.server.answer, LOCAL, 0, ready.set_result, None, "sunspec.listen")
        serving = asyncio.create_task(serve)

        def client() -> None:
            device = sunspec.SunSpecModbusClientDeviceTCP(1, LOCAL, port, timeout=60)
            device.connect()
            try:
                device.scan(connect=False)
                test(self, device)
            finally:
                device.disconnect()

        port = int((await ready).rpartition(":")[2])
        try:
            await asyncio.to_thread(client)
        finally:
            serving.cancel()


def point(device: sunspec.SunSpecModbusClientDeviceTCP, number: int, path: str) -> Any:
    """A point by its path, with its unit: `Crv[2].Pt[1].V`."""
    return _found(device, number, path).cvalue


def write(device: sunspec.SunSpecModbusClientDeviceTCP, number: int, **values: Any) -> None:
    """Writes points of a model, then reads all of it again."""
    for path, value in values.items():
        _found(device, number, path).cvalue = value
    device.models[number][0].write()
    device.models[number][0].read()


def write_at(device: sunspec.SunSpecModbusClientDeviceTCP, number: int, values: dict[str, Any]) -> None:
    """The same for paths that are no names."""
    write(device, number, **values)


def read(device: sunspec.SunSpecModbusClientDeviceTCP, *numbers: int) -> None:
    """Read models again."""
    for number in numbers:
        device.models[number][0].read()


def _found(device: sunspec.SunSpecModbusClientDeviceTCP, number: int, path: str) -> Any:
    found: Any = device.models[number][0]
    for part in path.split("."):
        name, bracket, index = part.partition("[")
        inner = found.groups.get(name) or found.points.get(name)
        found = inner[int(index.rstrip("]")) - 1] if bracket else inner
    return found


def refused(act: Callable[[], None]) -> int:
    """The code of the exception with which the server answers."""
    import sunspec2.modbus.modbus as modbus

    try:
        act()
    except modbus.ModbusClientException as error:
        return int(str(error).rsplit(" ", 1)[-1])
    raise AssertionError("it is not refused")
