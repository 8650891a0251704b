"""Everybody who can ask a depot for something does so at once, and contradicts the others: nine ways, each by a client
of its own kind, at a depot in a process of its own, with six stations that follow it."""

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.request import Request, urlopen

import msgspec
import pytest
import sunspec2.modbus.client as sunspec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from py20305.security import compute_lfdi
from tests.broker import Broker, free_port, needed
from tests.certificates import certified
from tests.csms.test_own_link import Both, profile
from tests.interop.process import Process
from tests.interop.station import START_S, V2G
from tests.languages.dnp3_master import Master, master
from tests.languages.station_bench import write
from tests.languages.test_csip import Utility
from tests.languages.test_iec104 import Centre, centre
from tests.languages.test_openadr import Grid
from websockets.asyncio.server import serve

from v2g.bench.depot import scene
from v2g.bench.depot.fleet import Fleet
from v2g.io.carrier import Endpoint
from v2g.ocpp import v21

pytestmark = [pytest.mark.proof, pytest.mark.alone, needed]
STATIONS, RATING_W, PLANT_W = 6, 15_000.0, 60_000.0
SECONDS = 120.0
SETTLED_S = 6.0
"""In which a limit that somebody was granted must hold at the stations: a poll, a cycle, a latency, a ramp."""
POLLED_S = 11.0
"""A client of IEEE 2030.5 asks its server no more often."""
SLACK_W = 400.0
RANKS = (
    "IEC 60870-5-104",
    "DNP3",
    "IEEE 2030.5",
    "SunSpec",
    "OpenADR",
    "EMS by HTTP",
    "EMS by MQTT",
    "CSMS",
    "schedule",
)
HTTP, MQTT = "EMS by HTTP", "EMS by MQTT"


class Granted:
    """What each asker has been granted, as it knows: the most that the site may draw and feed, and the power."""

    def __init__(self) -> None:
        self.limits_w: dict[str, tuple[float, float]] = {}
        self.power_w: dict[str, float] = {}
        self.moved_s = time.monotonic()
        self.log: list[str] = []

    def limit(self, by: str, charge_w: float = inf, discharge_w: float = inf) -> None:
        self.moved_s = time.monotonic()
        self.log.append(f"{by}: at most {charge_w:g} W drawn, {discharge_w:g} W fed")
        self.limits_w[by] = charge_w, discharge_w

    def ask(self, by: str, power_w: float | None) -> None:
        self.moved_s = time.monotonic()
        self.log.append(f"{by}: {power_w}")
        self.power_w.pop(by, None)
        if power_w is not None:
            self.power_w[by] = power_w

    @property
    def most_w(self) -> tuple[float, float]:
        return (
            min((each for each, _ in self.limits_w.values()), default=inf),
            min((each for _, each in self.limits_w.values()), default=inf),
        )

    @property
    def first(self) -> str:
        """Whose power counts."""
        return next((each for each in RANKS if each in self.power_w), "nobody")


def call(url: str, method: str = "GET", document: Any = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    asked = Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urlopen(asked, timeout=10) as answer:
        return json.load(answer)


Act = Callable[[random.Random], Any]
"""One contradiction by one asker; returns once it has its answer."""


def by_http(api: str, granted: Granted) -> Act:
    def act(dice: random.Random) -> None:
        if dice.random() < 0.5:
            power_w = dice.choice([None, -40_000.0, 25_000.0, 0.0])
            if power_w is None:
                if HTTP in granted.power_w:
                    call(f"{api}/request?by={HTTP.replace(' ', '%20')}", "DELETE")
            else:
                call(f"{api}/request", "PUT", {"by": HTTP, "power_w": power_w, "for_s": 600})
            granted.ask(HTTP, power_w)
        else:
            charge_w, discharge_w = dice.choice([(8_000.0, 50_000.0), (60_000.0, 6_000.0), (40_000.0, 40_000.0)])
            step = {"from_unix_s": 0.0, "charge_w": charge_w, "discharge_w": discharge_w}
            call(f"{api}/request", "PUT", {"by": f"{HTTP} limit", "type": "limit", "steps": [step], "for_s": 600})
            granted.limit(HTTP, charge_w, discharge_w)

    return act


def by_mqtt(broker: Broker, granted: Granted) -> Act:
    answers = Queue[bytes]()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda client, data, message: answers.put(bytes(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("depot/answer/#")
    client.loop_start()

    def act(dice: random.Random) -> None:
        if dice.random() < 0.5:
            power_w = dice.choice([None, -30_000.0, 12_000.0])
            document = "" if power_w is None else json.dumps({"power_w": power_w, "for_s": 600})
            client.publish(f"depot/request/{MQTT}", document).wait_for_publish(10)
            assert answers.get(timeout=10) == b"{}"
            granted.ask(MQTT, power_w)
            return
        limit_w = dice.choice([5_000.0, 30_000.0, 55_000.0])
        step = {"from_unix_s": 0.0, "charge_w": limit_w}
        document = json.dumps({"type": "limit", "steps": [step], "for_s": 600})
        client.publish(f"depot/request/{MQTT} limit", document).wait_for_publish(10)
        assert answers.get(timeout=10) == b"{}"
        granted.limit(MQTT, limit_w)

    return act


def by_ocpp(both: Both, granted: Granted) -> Act:
    schedule = {"startSchedule": "2020-01-01T00:00:00Z", "duration": 1_000_000_000}

    async def act(dice: random.Random) -> None:
        if dice.random() < 0.5:
            limit_w, back_w = dice.choice([(20_000.0, 45_000.0), (50_000.0, 9_000.0)])
            period: dict[str, object] = {"startPeriod": 0, "limit": limit_w, "dischargeLimit": -back_w}
            kind, document = profile(3, "ChargingStationMaxProfile", period, schedule=schedule)
        else:
            power_w = dice.choice([-20_000.0, 18_000.0])
            period = {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": power_w}
            kind, document = profile(4, "TxDefaultProfile", period, schedule=schedule)
        csms = both.at["DEPOT"]
        before = len(csms.results)
        await both.ask("DEPOT", "SetChargingProfile", msgspec.convert(document, kind))
        async with asyncio.timeout(10):
            while len(csms.results) == before:  # noqa: ASYNC110 - another process's answer
                await asyncio.sleep(0.02)
        _, response = csms.results[-1]
        assert isinstance(response, v21.SetChargingProfileResponse)
        assert response.status == "Accepted", response
        if document["chargingProfile"]["chargingProfilePurpose"] == "TxDefaultProfile":
            granted.ask("CSMS", power_w)
        else:
            granted.limit("CSMS", limit_w, back_w)

    return act


def by_file(file: Path, granted: Granted) -> Act:
    def act(dice: random.Random) -> None:
        power_w = dice.choice([-10_000.0, 6_000.0])
        _write(file, power_w)
        granted.ask("schedule", power_w)

    return act


def _write(file: Path, power_w: float) -> None:
    began = datetime.fromtimestamp(time.time() - 60.0, UTC).isoformat()
    new = file.with_suffix(".new")
    ends = datetime.fromtimestamp(time.time() + 3_600.0, UTC).isoformat()
    new.write_text(f"from,power_w\n{began},{power_w:g}\n{ends},\n")
    new.rename(file)


def by_sunspec(port: int, granted: Granted) -> Act:
    device = sunspec.SunSpecModbusClientDeviceTCP(1, "127.0.0.1", port, timeout=10)
    device.connect()
    device.scan(connect=False)

    def act(dice: random.Random) -> None:
        if dice.random() < 0.5:
            power_w = dice.choice([None, -35_000.0, -5_000.0])
            if power_w is None:
                write(device, 704, WSetEna=0)
            else:
                write(device, 704, WSetMod=1, WSet=-power_w, WSetRvrtTms=600, WSetEna=1)
            granted.ask("SunSpec", power_w)
        else:
            percent = dice.choice([10, 50, 100])
            write(device, 704, WMaxLimPct=percent, WMaxLimPctEna=1)
            granted.limit("SunSpec", inf, percent / 100 * PLANT_W)

    return act


def by_dnp3(there: Master, granted: Granted) -> Act:
    def act(dice: random.Random) -> None:
        if dice.random() < 0.5:
            power_w = dice.choice([None, -50_000.0, 30_000.0])
            if power_w is not None:
                assert there.write(508, int(-power_w)) == "SUCCESS"
            assert there.operate(18, power_w is not None) == "SUCCESS"
            granted.ask("DNP3", power_w)
        else:
            back_w, limit_w = dice.choice([(7_000, 50_000), (50_000, 10_000), (60_000, 60_000)])
            assert there.write(509, back_w) == "SUCCESS"
            assert there.write(510, -limit_w) == "SUCCESS"
            assert there.operate(17, True) == "SUCCESS"
            granted.limit("DNP3", limit_w, back_w)

    return act


def by_iec104(there: Centre, granted: Granted) -> Act:
    name = "IEC 60870-5-104"

    def act(dice: random.Random) -> None:
        match dice.randrange(5):
            case 0 | 1:
                power_w = dice.choice([None, None, -45_000.0, 35_000.0])
                if power_w is not None:
                    assert there.line(f"set 3001 {-power_w:g}") == "ok"
                assert there.line(f"do 4001 {int(power_w is not None)}") == "ok"
                granted.ask(name, power_w)
            case 2 | 3:
                back_w, limit_w = dice.choice([(15_000, 55_000), (55_000, 4_000), (60_000, 60_000)])
                assert there.line(f"set 3002 {back_w}") == "ok"
                assert there.line(f"set 3003 {-limit_w}") == "ok"
                assert there.line("do 4002 1") == "ok"
                granted.limit(name, limit_w, back_w)
            case _:
                permitted = dice.random() < 0.7
                assert there.line(f"do 4003 {int(permitted)}") == "ok"
                granted.limit(f"{name} permission", *((inf, inf) if permitted else (0.0, 0.0)))

    return act


def by_openadr(grid: Grid, granted: Granted) -> Act:
    events: dict[str, str] = {}

    def act(dice: random.Random) -> None:
        kind = dice.choice(["DISPATCH_SETPOINT", "IMPORT_CAPACITY_LIMIT"])
        if kind in events:
            grid.business.delete_event(events.pop(kind)).raise_for_status()
            if kind == "DISPATCH_SETPOINT":
                granted.ask("OpenADR", None)
            else:
                granted.limit("OpenADR")
            return
        value_kw = dice.choice([-25.0, 20.0] if kind == "DISPATCH_SETPOINT" else [3.0, 30.0])
        events[kind] = grid.event(kind, [value_kw], 600)
        if kind == "DISPATCH_SETPOINT":
            granted.ask("OpenADR", value_kw * 1000)
        else:
            granted.limit("OpenADR", value_kw * 1000)

    return act


def by_csip(utility: Utility, granted: Granted) -> Act:
    def act(dice: random.Random) -> None:
        limit_w = dice.choice([12_000.0, 48_000.0])
        utility.put("default", opModExpLimW=int(limit_w), opModImpLimW=int(limit_w))
        granted.limit("IEEE 2030.5", limit_w, limit_w)
        granted.moved_s += POLLED_S

    return act


def configured(folder: Path, places: list[scene.Place], more: dict[str, Any]) -> Path:
    file = scene.configured(folder, places)
    document = json.loads(file.read_text())
    document["feeders"] = [{"id": "site", "charge_w": PLANT_W}, *({"id": each, "parent": "site", "charge_w": PLANT_W}
                                                                for each in scene.FEEDERS)]  # fmt: skip
    file.write_text(json.dumps(document | more | {"cycle_s": 1.0}))
    return file


class Judge:
    """Looks at what the stations do, at what is shown of it, and at whom the depot names."""

    def __init__(self, fleet: Fleet, api: str, granted: Granted) -> None:
        self.fleet, self.api, self.granted = fleet, api, granted
        self.wrong: list[str] = []
        self.looks = 0

    def look(self) -> None:
        """The stations, after each step of their time."""
        if time.monotonic() - self.granted.moved_s < SETTLED_S:
            return
        self.looks += 1
        most_w, back_w = self.granted.most_w
        power_w = self.fleet.power_w
        if not -back_w - SLACK_W <= power_w <= most_w + SLACK_W:
            self._note(f"{power_w:.0f} W flow, of {-back_w:g} to {most_w:g} W that were granted")

    def ask(self) -> None:
        """What the depot says of it."""
        shown = call(f"{self.api}/site")
        first = self.granted.first
        if first not in shown["requested_by"]:
            self._note(f"{shown['requested_by']} is named, and {first} has the highest rank")
        listed = [each["by"] for each in call(f"{self.api}/request") if each["type"] in ("power", "schedule")]
        for name in RANKS:
            if any(name in by for by in listed) != (name in self.granted.power_w):
                self._note(f"{name} is not listed as it was answered: {listed}")
        wanted_w = self.granted.power_w.get(first)
        if wanted_w is not None and abs(shown["requested_w"] - wanted_w) > 1.0:
            self._note(f"{first} asks for {wanted_w} W, {shown['requested_w']} W are shown")

    def _note(self, text: str) -> None:
        latest = "; ".join(self.granted.log[-8:])
        self.wrong.append(f"{text} (limits {self.granted.limits_w}, powers {self.granted.power_w}; after {latest})")


@asynccontextmanager
async def everybody(folder: Path) -> AsyncIterator[tuple[list[Act], Judge, Process]]:
    """All of them, connected."""
    certified(folder)
    broker = Broker(folder)
    root, key = folder / "root.pem", folder / "key.pem"
    places = scene.places(STATIONS)
    both, granted = Both(), Granted()
    with (
        Process([sys.executable, "-m", "tests.languages.vtn", str(folder)]) as vtn,
        Process(
            [sys.executable, "-m", "tests.languages.csip_server", str(folder), compute_lfdi(root.read_text())]
        ) as server,
    ):
        grid, utility = Grid(vtn, await _first(vtn), folder), Utility(server, await _first(server))
        async with serve(both.serve, "127.0.0.1", 0, subprotocols=["ocpp2.1", "ocpp2.0.1"]) as csms:  # type: ignore[list-item]
            (folder / "own").write_text("sixteen and more characters")
            (folder / "schedule.csv").write_text("")
            _write(folder / "schedule.csv", -10_000.0)
            granted.ask("schedule", -10_000.0)
            sunspec_port = free_port()
            local = {"listen": "127.0.0.1:0", "masters": ["127.0.0.1"], "silence_s": 600}
            file = configured(folder, places, {
                "upstream": {"url": f"ws://127.0.0.1:{next(iter(csms.sockets)).getsockname()[1]}/ocpp",
                             "security_profile": 1, "identity": "DEPOT", "password_file": "own"},
                "requests": {"url": f"mqtt://127.0.0.1:{broker.port}/depot"},
                "schedule": "schedule.csv",
                "sunspec": {"listen": f"127.0.0.1:{sunspec_port}", "writers": ["127.0.0.1"]},
                "iec104": local, "dnp3": local,
                "openadr": {"url": grid.url, "client_id": "depot", "secret_file": "secret", "roots": "root.pem",
                            "poll_s": 1},
                "csip": {"url": utility.url, "certificate": str(root), "private_key": str(key), "roots": str(root)},
            })  # fmt: skip
            with Process([*V2G, "depot", "--mode", "relay", "--config", str(file)]) as depot:
                api = (await _said(depot, "its REST interface is at ")).rpartition(" ")[2]
                url = (await _said(depot, "stations connect at ")).rpartition(" ")[2]
                fleet = Fleet({
                    each.id: (each.station(), Endpoint(url, each.id, 1, (folder / f"{each.id}.password").read_text()),
                              "ocpp2.1") for each in places
                })  # fmt: skip
                judge = Judge(fleet, api, granted)
                fleet.stepped = judge.look
                moving = asyncio.create_task(fleet.run())
                dnp3_port = _port(await _said(depot, "DNP3 master connects"))
                iec_port = _port(await _said(depot, "control centre connects"))
                try:
                    with master(dnp3_port) as dnp3, centre(iec_port) as iec:
                        assert await asyncio.to_thread(iec.line) == "connected"
                        await asyncio.to_thread(iec.until, lambda known: 2103 in known)  # it loses answers before
                        await asyncio.to_thread(dnp3.until, lambda heard: ("Analog", 4) in heard.values)
                        while fleet.online < STATIONS or "DEPOT" not in both.at:  # noqa: ASYNC110
                            await asyncio.sleep(0.1)
                        for each in places:
                            fleet.stations[each.id].plug_in(each.car, time.monotonic(), time.time())
                        acts = [
                            by_http(api, granted), by_mqtt(broker, granted), by_ocpp(both, granted),
                            by_file(folder / "schedule.csv", granted),
                            await asyncio.to_thread(by_sunspec, sunspec_port, granted), by_dnp3(dnp3, granted),
                            by_iec104(iec, granted), by_openadr(grid, granted), by_csip(utility, granted),
                        ]  # fmt: skip
                        yield acts, judge, depot
                finally:
                    moving.cancel()
                    with suppress(asyncio.CancelledError):
                        await moving
                    broker.close()


async def _first(process: Process) -> str:
    return await _said(process, "https://")


async def _said(process: Process, words: str) -> str:
    line = await asyncio.to_thread(process.wait_for, words, START_S)
    assert line is not None, process.output
    return line


def _port(line: str) -> int:
    return int(re.findall(r":(\d+)$", line)[0])


async def storm(folder: Path, seconds: float, seed: int) -> tuple[Judge, str]:
    """Bursts of contradictions, and a look after each."""
    dice = random.Random(seed)
    async with everybody(folder) as (acts, judge, depot):
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            for act in dice.sample(acts, dice.randint(1, len(acts))):
                try:
                    await (act(dice) if asyncio.iscoroutinefunction(act) else asyncio.to_thread(act, dice))
                except Exception as error:
                    latest = "; ".join(judge.granted.log[-8:])
                    raise AssertionError(f"an asker is refused after {latest}\n{depot.output}") from error
            await asyncio.sleep(SETTLED_S + 1.0)
            await asyncio.to_thread(judge.ask)
        return judge, depot.output


def test_no_limit_of_anybody_is_exceeded_and_the_first_is_named(tmp_path: Path) -> None:
    judge, output = asyncio.run(storm(tmp_path, SECONDS, 1))
    assert judge.looks > 20, output
    assert not judge.wrong, "\n".join(judge.wrong[:10]) + output
