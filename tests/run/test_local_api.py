"""Programs of a house steer a real daemon over HTTP and MQTT, from plug to discharge to stop.

Over HTTP they are an evcc made from the page's configuration, an OpenEMS, and the page's own clients.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import broker as mosquitto
from tests.forked import ROOT
from tests.interop.process import Process
from tests.interop.station import V2G, Station, station
from tests.run.discovery_schema import wrong
from tests.run.evcc import Charger
from tests.run.house import House, Mqtt, free_port, listening, listens, token

pytestmark = [pytest.mark.alone, mosquitto.needed]


@dataclass
class Site:
    """A station, a broker, and where they are."""

    station: Station
    url: str
    broker: mosquitto.Broker

    def car(self, seconds: float) -> Process:
        ours = self.station
        words = ["--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address, "--no-tls", "--json"]
        return Process([*V2G, "ev", *words, "--duration", str(seconds)])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    with mosquitto.broker(folder) as broker:
        api = {
            "listen": f"127.0.0.1:{port}",
            "tokens": [
                token(folder, "reader", "read"),
                token(folder, "evcc", "read", "steer"),
                token(folder, "door", "authorise"),
            ],
            "mqtt": {
                "url": f"mqtt://127.0.0.1:{broker.port}",
                "discovery": "homeassistant",
                "rights": ["read", "steer", "authorise"],
                "valid_s": 600,
            },
        }
        access = {"grant": "asked", "discharge": True, "bench_discharge": True}
        with station(None, folder, services=["DC_BPT"], access=access, beside={"local_api": api}) as ours:
            listens(House(f"http://127.0.0.1:{port}"))
            yield Site(ours, f"http://127.0.0.1:{port}", broker)


def test_mqtt_from_plug_to_discharge_to_stop(site: Site) -> None:
    state, answer, ask = "v2g/evse/1/state", "v2g/evse/1/answer", "v2g/evse/1/set"
    with listening(site.broker.port, "v2g/#", "homeassistant/#") as ha:
        assert ha.until("v2g/availability") == "online"
        ha.until(state, lambda evse: evse["state"] == "free")
        with site.car(300) as car:
            ha.until(state, lambda evse: evse["state"] == "asks")
            ha.say(f"{ask}/authorise", "PRESS")
            ha.until(state, lambda evse: evse["status"] == "C")
            ha.say(f"{ask}/set-point", "-3000")
            feeding = ha.until(state, lambda evse: (evse["power_w"] or 0) < -2000)
            assert feeding["wished_by"] == "MQTT (local API)"
            assert 0 < feeding["left_s"]["set_point"] <= 600
            ha.say(f"{ask}/release", "PRESS")
            ha.until(state, lambda evse: evse["set_point_w"] is None)
            ha.say(f"{ask}/mode", {"mode": "charge", "expires_unix_s": 1})
            assert ha.until(answer, lambda said: said["command"] == "mode")["error"] == "the command has expired"
            ha.say(f"{ask}/enabled", "OFF")
            ha.until(state, lambda evse: evse["enabled"] is False)
            ha.say(f"{ask}/enabled", "ON")
            ha.say(f"{ask}/stop", "PRESS")
            assert car.wait(60) == 0, car.output
            assert json.loads(car.output)["energy_discharged_wh"] > 0
        assert set(ha.retained) >= {state, "v2g/availability"}


def feeding(site: Site, ha: Mqtt, for_s: float) -> None:
    """A car is discharged by a set-point that lasts for `for_s`."""
    state, ask = "v2g/evse/1/state", "v2g/evse/1/set"
    ha.until(state, lambda evse: evse["state"] == "asks")
    ha.say(f"{ask}/authorise", "PRESS")
    ha.until(state, lambda evse: evse["status"] == "C")
    ha.say(f"{ask}/set-point", {"power_w": -3000, "for_s": for_s})
    ha.until(state, lambda evse: (evse["power_w"] or 0) < -2000)


def api_process(site: Site) -> int:
    """The process of the local API."""
    words = ["pgrep", "-P", str(site.station.daemon.child.pid), "-f", "local_api_process"]
    (child,) = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
    return int(child)


@pytest.mark.parametrize("gone", ["the process of the API stands still", "the broker is gone"])
def test_a_discharge_ends_in_its_time_whoever_is_gone(site: Site, gone: str) -> None:
    """What was asked is the station's by then: nobody has to be there to end it."""
    with listening(site.broker.port, "v2g/#") as ha, site.car(300) as car:
        before = len(site.station.trace.lines)
        feeding(site, ha, 8.0)
        process = api_process(site)
        if "broker" in gone:
            site.broker.kill()
        else:
            os.kill(process, signal.SIGSTOP)
        try:
            rests = site.station.trace.first(lambda line: rests_after(site, before), 60.0)
            assert rests is not None, site.station.account()
        finally:
            if "broker" in gone:
                site.broker.start_again()
            else:
                os.kill(process, signal.SIGCONT)
        nobody = listens(House(site.url))
        assert nobody.until(lambda evse: abs(evse["power_w"] or 0) < 200)["set_point_w"] is None
        listens(House(site.url, "evcc")).ask("POST", "/evses/1/stop")
        assert car.wait(60) == 0, car.output


def rests_after(site: Site, first: int) -> bool:
    """Whether the trace says, from a line on, that the set-point is over and nothing is fed any more."""
    lines = list(site.station.trace.lines[first:])
    over = next((number for number, line in enumerate(lines) if "its time is over" in line), len(lines))
    return any("wished by" in line and "discharging" not in line for line in lines[over:])


def test_garbage_over_mqtt_ends_nothing(site: Site) -> None:
    """Every form of nonsense; what follows is heeded all the same."""
    answer, ask = "v2g/evse/1/answer", "v2g/evse/1/set"
    with listening(site.broker.port, "v2g/#") as ha:
        ha.until("v2g/evse/1/state")
        for topic in ("set-point", "phases", "\u2603"):  # no more than are answered at once
            for said in (b"", b"\xff\xfe\x00", b"[" * 4000, b"{" * 5000, b"1e999", b'{"power_w": null}'):
                ha.client.publish(f"{ask}/{topic}", said, qos=1).wait_for_publish(30)
        for odd in ("v2g/evse/-1/set/mode", "v2g/evse/99999999999999999999/set/mode", "v2g/evse/x/set/stop"):
            ha.client.publish(odd, b"auto", qos=1).wait_for_publish(30)
        ha.say(f"{ask}/minimum-soc", {"percent": 0})
        assert "error" not in ha.until(answer, lambda said: said["command"] == "minimum-soc")
        assert api_process(site)


FLOOD = 2000
"""Connections at once."""


def is_near(limit_w: float, evse: dict[str, Any]) -> bool:
    """Whether the EVSE charges with what the limit leaves."""
    return limit_w - 600 < (evse["power_w"] or 0) <= limit_w + 100


def docs(language: str, number: int = 0) -> str:
    """A block of the page."""
    page = (ROOT / "docs" / "local-api.md").read_text()
    return str(re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)[number])


def test_http_from_plug_to_discharge_to_stop(site: Site, tmp_path: Path) -> None:
    secret = "evcc-secret-of-at-least-sixteen"
    (tmp_path / "evcc.token").write_text(secret)
    local = {
        "http://127.0.0.1:8480": site.url,
        "/etc/v2g/evcc.token": str(tmp_path / "evcc.token"),
        "TOKEN}": f"{secret}}}",
    }

    def here(text: str) -> str:
        for old, new in local.items():
            text = text.replace(old, new)
        return text

    charger = Charger(yaml.safe_load(here(docs("yaml", 1)))["chargers"][0])
    reader, openems, door = (House(site.url, each) for each in ("reader", "evcc", "door"))
    reader.until(lambda evse: evse["ready"] and evse["state"] == "free")
    with site.car(300) as car:
        reader.until(lambda evse: evse["state"] == "asks")
        assert (charger.read("status"), charger.read("enabled")) == ("B", True)
        door.ask("POST", "/evses/1/authorise")
        reader.until(lambda evse: evse["status"] == "C")
        charger.write("maxcurrent", 10)
        charger.write("enable", True)
        reader.until(lambda evse: evse["limited_by"] == "limit of evcc (local API)" and (evse["power_w"] or 0) > 6000)
        assert 6000 < charger.read("power") <= 7100
        assert charger.read("soc") > 0
        assert charger.read("energy") > 0
        charger.write("enable", False)
        reader.until(lambda evse: abs(evse["power_w"] or 0) < 200)
        assert charger.read("enabled") is False
        charger.write("enable", True)
        # An EVCS of OpenEMS: SetChargePowerLimit each cycle; ChargePower, EnergySession and Status are read.
        for limit_w in (3000, 4000):
            assert openems.ask("PUT", "/evses/1/limit", {"charge_w": limit_w, "for_s": 120})[0] == 200
            shown = reader.until(partial(is_near, limit_w))
        assert (shown["state"], shown["charged_wh"] > 0) == ("charging", True)
        openems.ask("DELETE", "/evses/1/limit")
        script = tmp_path / "client.py"
        script.write_text(docs("py"))
        python = subprocess.run([sys.executable, script, site.url, secret], capture_output=True, text=True, check=True)
        assert "evcc (local API)" in python.stdout
        for command in here(docs("sh")).replace("\\\n", "").splitlines():
            said = subprocess.run(["sh", "-c", f"{command} -s"], capture_output=True, text=True, check=True)
            assert "error" not in json.loads(said.stdout)
        feeding = reader.until(lambda evse: (evse["power_w"] or 0) < -2000)
        assert (feeding["state"], feeding["set_point_w"], feeding["wished_by"]) == (
            "discharging", -3000, "evcc (local API)",
        )  # fmt: skip
        assert 0 < feeding["left_s"]["set_point"] <= 300
        assert openems.ask("PUT", "/evses/1/set-point", {"power_w": 2000, "for_s": 1})[0] == 200
        assert "its time is over" in reader.until(lambda evse: evse["set_point_w"] is None)["ended"]
        assert openems.ask("DELETE", "/evses/1/mode")[0] == 200
        assert openems.ask("POST", "/evses/1/stop") == (200, {"asked": [1]})
        assert car.wait(60) == 0, car.output
        assert json.loads(car.output)["energy_discharged_wh"] > 0
    assert site.station.traced("has ended: its time is over") is not None


def test_home_assistant_finds_the_station(site: Site) -> None:
    with listening(site.broker.port, "v2g/#", "homeassistant/#") as ha:
        topic = "homeassistant/device/v2g_DE_V2G_E0000001/config"
        message, state = ha.until(topic), ha.until("v2g/evse/1/state")
        assert wrong(topic, message, state) == []
        assert topic in ha.retained
        components = message["components"].values()
        assert {each["platform"] for each in components} >= {"sensor", "number", "select", "button", "switch"}
        # What Home Assistant then does with them: a number writes its least value, a button presses.
        numbers = [each for each in components if each["platform"] == "number"]
        for each in numbers:
            ha.latest.pop("v2g/evse/1/answer", None)
            ha.say(each["command_topic"], str(each["min"]))
            assert "error" not in ha.until("v2g/evse/1/answer"), each
        ha.say("v2g/evse/1/set/release", "PRESS")
        ha.say("v2g/evse/1/set/limit", {"release": True})
        ha.until("v2g/evse/1/state", lambda evse: not evse["left_s"])


def test_rights(site: Site) -> None:
    nobody, reader, evcc, wrong = (House(site.url, each) for each in (None, "reader", "evcc", "guess"))
    limit = {"charge_w": 1000, "for_s": 1}
    for house, read, steer, authorise in (
        (nobody, 200, 401, 401), (reader, 200, 403, 403), (evcc, 200, 200, 403), (wrong, 401, 401, 401),
    ):  # fmt: skip
        assert house.ask("GET", "/evses/1")[0] == read
        assert house.ask("PUT", "/evses/1/limit", limit)[0] == steer
        assert house.ask("POST", "/evses/1/authorise")[0] == authorise
    rebound = nobody.session.get(f"{site.url}/api/station", headers={"Host": "evil.example"}, timeout=30)
    assert rebound.status_code == 403


@pytest.mark.proof
def test_whatever_comes_the_session_goes_on(site: Site) -> None:
    host, port = "127.0.0.1", int(site.url.rpartition(":")[2])
    reader, evcc, door = (House(site.url, each) for each in ("reader", "evcc", "door"))
    with site.car(300) as car:
        reader.until(lambda evse: evse["state"] == "asks")
        door.ask("POST", "/evses/1/authorise")
        reader.until(lambda evse: evse["status"] == "C")
        said = (b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /api", b"\x16\x03\x01\x00" * 99)
        held = [socket.create_connection((host, port)) for _ in range(FLOOD)]
        for index, each in enumerate(held):
            with each, suppress(OSError):  # some have been closed already
                each.sendall(said[index % 3])
        huge = partial(evcc.session.put, f"{site.url}/api/evses/1/limit", data=b"[" * 3_000_000, timeout=30,
                       headers={"Content-Type": "application/json"})  # fmt: skip
        while (status := huge().status_code) == 429:  # of the flood's address: refused before its body is read
            pass
        assert status == 413
        for _ in range(60):
            evcc.ask("PUT", "/evses/1/mode", {"mode": "auto"})
        listens(reader).until(lambda evse: evse["status"] == "C")
        listens(evcc)
        while evcc.ask("POST", "/evses/1/stop")[0] == 429:
            pass
        assert car.wait(60) == 0, car.output


def test_a_process_that_is_killed_is_started_again_and_heeds_no_retained_command(site: Site) -> None:
    with listening(site.broker.port, "v2g/#") as others:
        assert others.until("v2g/availability", lambda said: said == "online")
        others.client.publish("v2g/evse/1/set/set-point", "1000", qos=1, retain=True).wait_for_publish(30)
        others.until("v2g/evse/1/state", lambda evse: evse["set_point_w"] == 1000)  # it was heard live
        others.say("v2g/evse/1/set/release", "PRESS")
        others.until("v2g/evse/1/state", lambda evse: evse["set_point_w"] is None)
        os.kill(api_process(site), signal.SIGKILL)
        assert others.until("v2g/availability", lambda said: said == "offline")
        assert site.station.traced("the local API has ended with -9") is not None
        assert others.until("v2g/availability", lambda said: said == "online")
        assert listens(House(site.url)).evse()["set_point_w"] is None
        others.client.publish("v2g/evse/1/set/set-point", "", qos=1, retain=True).wait_for_publish(30)
