"""Relay mode as a process: WebSockets both ways, a light station, a CSMS that goes and comes back."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

import pytest
from msgspec.structs import replace
from tests.csms.relaying import Csms
from tests.csms.site import car, configured
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from v2g.bench.depot.fleet import Fleet
from v2g.bench.depot.station import LightStation
from v2g.cli import depot
from v2g.depot.configuration import Control, Http, Stations, Upstream
from v2g.io.carrier import Endpoint
from v2g.io.depot_configuration import load
from v2g.kernel.errors import V2GError
from v2g.run import depot_relay
from v2g.run.depot import DepotProcess, open_ledger
from v2g.station.config.reader import ConfigurationError

PASSWORD = "sixteen and more characters"
PATIENCE_S = 60.0


class Upward(Csms):
    """The CSMS behind a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[str] = []
        self.credentials: list[str] = []
        self.server: Server | None = None
        self.port = 0

    async def open(self) -> None:
        self.server = await serve(self._serve, "127.0.0.1", self.port, subprotocols=["ocpp2.1"])  # type: ignore[list-item]
        self.port = next(iter(self.server.sockets)).getsockname()[1]

    async def close(self) -> None:
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(unquote(connection.request.path))
        self.credentials.append(connection.request.headers.get("Authorization", ""))
        self.connect()
        try:
            async for frame in connection:
                assert isinstance(frame, str)
                self.receive(frame, 1_800_000_000.0)
                for each in self.taken():
                    await connection.send(each)
        except ConnectionClosed:
            pass


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def site(
    folder: Path, upstream: Upstream | None, **changes: object
) -> AsyncIterator[tuple[LightStation, Fleet, DepotProcess]]:
    """A depot, in relay mode if it has a CSMS, with one station."""
    (folder / "password").write_text(PASSWORD)
    before = configured(1)
    configuration = replace(
        before,
        stations=(replace(before.stations[0], password_file=folder / "password"),),
        connect=Stations(listen="127.0.0.1:0", security_profile=1),
        upstream=upstream,
        control=Control(socket=folder / "depot.sock"),
        http=Http(listen="127.0.0.1:0"),
        **{"ledger": str(folder / "depot.db"), "cycle_s": 0.5, **changes},
    )
    place = asyncio.get_running_loop().create_future()
    process = DepotProcess(configuration, await open_ledger(configuration.ledger), lambda line: None)
    running = asyncio.create_task(process.run(place.set_result))
    try:
        url = await asyncio.wait_for(place, PATIENCE_S)
        station = LightStation("CS0")
        fleet = Fleet({"CS0": (station, Endpoint(url, "CS0", 1, PASSWORD), "ocpp2.1")})
        moving = asyncio.create_task(fleet.run())
        try:
            yield station, fleet, process
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
    finally:
        process.stop()
        await asyncio.gather(running, return_exceptions=True)


def held(test: Callable[[Path], Awaitable[None]], folder: Path) -> None:
    async def run() -> None:
        await test(folder)

    asyncio.run(run())


def test_the_csms_has_a_link_for_the_station_and_misses_nothing(tmp_path: Path) -> None:
    held(_missed_nothing, tmp_path)


async def _missed_nothing(folder: Path) -> None:
    csms = Upward()
    await csms.open()
    async with site(folder, Upstream(url=f"ws://127.0.0.1:{csms.port}/ocpp", security_profile=1)) as (station, _, _):
        await until(lambda: "BootNotification" in csms.actions())
        assert csms.paths == ["/ocpp/CS0"]
        assert csms.credentials[0].startswith("Basic ")
        station.plug_in(car(), time.monotonic(), time.time())
        await until(lambda: len(csms.payloads("TransactionEvent")) >= 2 and station.waiting == 0)
        await csms.close()
        station.unplug(time.time())
        await until(lambda: station.waiting == 0)  # the depot has answered
        assert csms.payloads("TransactionEvent")[-1]["eventType"] != "Ended"
        await csms.open()
        await until(lambda: csms.payloads("TransactionEvent")[-1]["eventType"] == "Ended")
        events = csms.payloads("TransactionEvent")
        assert [each["seqNo"] for each in events] == list(range(len(events)))
        assert events[-1]["offline"] is True
    await csms.close()


class Flapping(Upward):
    """It drops its first links: every second one at once, the others without an answer to the first frame."""

    FLAPS = 6

    async def _serve(self, connection: ServerConnection) -> None:
        if len(self.paths) >= self.FLAPS:
            await super()._serve(connection)
            return
        self.paths.append("")
        with suppress(ConnectionClosed):
            if len(self.paths) % 2 == 0:
                frame = await connection.recv()
                assert isinstance(frame, str)
                self.heard.append(frame)
            await connection.close()


def test_a_csms_that_drops_each_link_is_asked_ever_more_seldom_and_gets_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depot_relay, "AGAIN_S", 0.02)
    monkeypatch.setattr(depot_relay, "RANDOM_S", 0)
    monkeypatch.setattr(depot_relay, "DOUBLINGS", Flapping.FLAPS)
    held(_flapped, tmp_path)


async def _flapped(folder: Path) -> None:
    csms = Flapping()
    await csms.open()
    async with site(folder, Upstream(url=f"ws://127.0.0.1:{csms.port}/ocpp", security_profile=1)) as (station, _, _):
        await until(lambda: len(csms.paths) > 0)
        began_s = time.monotonic()
        station.plug_in(car(), time.monotonic(), time.time())
        await until(lambda: station.waiting == 0)
        station.unplug(time.time())
        await until(lambda: len(csms.paths) > Flapping.FLAPS)
        assert time.monotonic() - began_s >= 0.02 * (2**Flapping.FLAPS - 1)  # each wait is twice the one before
        await until(lambda: any(each["eventType"] == "Ended" for each in csms.payloads("TransactionEvent")))
        numbers = [each["seqNo"] for each in csms.payloads("TransactionEvent")]
        assert sorted(set(numbers)) == list(range(max(numbers) + 1))  # what had no answer came again, with its number
    await csms.close()


def test_stations_have_no_link_while_the_csms_is_away_if_that_is_wanted(tmp_path: Path) -> None:
    held(_closed, tmp_path)


async def _closed(folder: Path) -> None:
    csms = Upward()
    await csms.open()
    upstream = Upstream(url=f"ws://127.0.0.1:{csms.port}/ocpp", security_profile=1, away="close")
    async with site(folder, upstream) as (station, fleet, _):
        await until(lambda: station.waiting == 0 and "BootNotification" in csms.actions())
        await csms.close()
        await until(lambda: fleet.online == 0)
    assert csms.actions()[0] == "BootNotification"


CONFIGURATION = """
feeders: [{{id: T1, charge_w: 20000}}]
stations: [{{id: CS1, password_file: password, evses: [{{charge_w: 11000}}]}}]
connect: {{security_profile: 1}}
upstream: {{url: "{url}", {more}}}
"""


KNOWN = "security_profile: 3, knows_controller: true, certificate: c.pem, private_key: k.pem"


@pytest.mark.parametrize(
    ("url", "more", "reason"),
    [
        ("wss://csms.example.com", "security_profile: 3, certificate: c.pem, private_key: k.pem", "B01.FR.11"),
        ("wss://csms.example.com", "security_profile: 3, knows_controller: true", "certificate and private_key"),
        ("ws://csms.example.com", "security_profile: 2", "needs wss://"),
        ("http://csms.example.com", "security_profile: 2", "an address such as wss://"),
        ("wss://csms.example.com", "versions: [ocpp1.6]", "versions"),
        ("wss://csms.example.com", "security_profile: 2, identity: DEPOT", "proves its own identity"),
        ("wss://csms.example.com", "security_profile: 2, identity: CS1, password_file: password", "one of its own"),
        ("wss://csms.example.com", "security_profile: 2, identity: DEPOT, password_file: password", ""),
        ("wss://csms.example.com", "security_profile: 2", ""),
        ("wss://csms.example.com", KNOWN, ""),
    ],
)  # fmt: skip
def test_the_way_upwards_is_checked(tmp_path: Path, url: str, more: str, reason: str) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file = tmp_path / "depot.yaml"
    file.write_text(CONFIGURATION.format(url=url, more=more))
    if reason:
        with pytest.raises(ConfigurationError, match=reason):
            load(file)
    else:
        assert load(file).upstream is not None


def test_a_fleet_list_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file, listed = tmp_path / "depot.yaml", tmp_path / "fleet.csv"
    file.write_text(
        CONFIGURATION.format(url="wss://csms.example.com", more="security_profile: 2") + "fleet: fleet.csv\n"
    )
    listed.write_text("id,tokens,floor_soc\nbus 7,EVCC-7,0.3\n")
    assert [each.id for each in load(file).vehicles] == ["bus 7"]
    listed.write_text("id,tokens,floor_soc\nbus 7,EVCC-7,30\n")
    with pytest.raises(ConfigurationError, match=r"fleet.csv: line 2: "):
        load(file)
    listed.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        load(file)


@pytest.mark.parametrize(("mode", "more"), [("local", True), ("relay", False)])
def test_a_mode_that_the_configuration_does_not_fit_is_refused(tmp_path: Path, mode: str, more: bool) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file = tmp_path / "depot.yaml"
    text = CONFIGURATION.format(url="wss://csms.example.com", more="security_profile: 2")
    file.write_text(text if more else text.partition("upstream")[0])
    arguments = argparse.Namespace(action=None, config=file, mode=mode, site=False)
    with pytest.raises(V2GError, match="upstream in"):
        depot.run(arguments)
