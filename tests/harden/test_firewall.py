"""The rules in network namespaces, with real connections: what passes, and that nothing else does."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.harden.sealed import Sealed, sealed
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, configuration, hardware

from v2g.bench.sim import netns
from v2g.bench.sim.netns import Cable, End
from v2g.pki import hierarchy as pki

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not())),
]
REACH = str(Path(__file__).with_name("reach.py"))
CAR_PORTS = (22, 80, 502, 8080, 9464, 15118, 50000)
"""That a car knocks at."""
OUTWARD_PORTS = (22, 80, 443, 502, 1883, 8883)
BACK_END, STATION = "10.77.0.1", "10.77.0.2"
TOOLS = {"nftables": "nft", "iptables": "iptables"}


def settings(port: int, interface: str, **beside: Any) -> dict[str, Any]:
    devices = {name: {"address": "modbus://127.0.0.1:1"} for name in ("contactor", "meter", "inverter", "isolation")}
    evse = {"services": ["DC"], "access": {"grant": "everyone"}, "interface": interface, "port": port, **devices}
    return {"evses": [evse], **beside}


@contextmanager
def uplink(cable: Cable) -> Iterator[End]:
    """A second way out of the station's namespace, over which the back end is reached."""
    with netns.cable() as other:
        for command in (
            ["ip", "-n", other.station.namespace, "link", "set", "se0", "down"],
            [
                "ip",
                "-n",
                other.station.namespace,
                "link",
                "set",
                "se0",
                "netns",
                cable.station.namespace,
                "name",
                "up0",
            ],
            ["ip", "-n", cable.station.namespace, "address", "add", f"{STATION}/24", "dev", "up0"],
            ["ip", "-n", cable.station.namespace, "link", "set", "up0", "up"],
            ["ip", "-n", other.car.namespace, "address", "add", f"{BACK_END}/24", "dev", "ev0"],
        ):
            subprocess.run(command, check=True)
        yield other.car


@pytest.fixture(params=["nftables", pytest.param("iptables", marks=pytest.mark.proof)])
def tool(request: pytest.FixtureRequest) -> str:
    if shutil.which(TOOLS[request.param], path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip(f"needs {request.param} (as root: apt-get install {request.param})")
    return str(request.param)


def listening(end: End, ports: tuple[int, ...]) -> Process:
    process = Process(["sh", "-c", f"tail -f /dev/null | {' '.join(reach(end, 'listen', '::', ports))}"])
    assert process.wait_for("listening", START_S), process.output
    return process


def reach(end: End, what: str, host: str, ports: tuple[int, ...], opened: tuple[int, ...] = ()) -> list[str]:
    return end.command(sys.executable, REACH, what, host, *map(str, ports), "--open", *map(str, opened))


def answered(end: End, host: str, ports: tuple[int, ...], opened: tuple[int, ...]) -> set[int]:
    done = subprocess.run(reach(end, "knock", host, ports, opened), capture_output=True, text=True, check=True)
    return {int(each) for each in done.stdout.split()}


def link_local(end: End) -> str:
    shown = json.loads(
        subprocess.run(["ip", "-n", end.namespace, "-j", "address", "show", end.interface], capture_output=True).stdout
    )
    [address] = [each["local"] for each in shown[0]["addr_info"] if each["scope"] == "link"]
    return str(address)


def harden(machine: Sealed, tool: str, action: str, *words: str) -> subprocess.CompletedProcess[str]:
    return machine.run("v2g", "harden", action, "firewall", "--no-tls", "--firewall", tool, *words)


def test_what_the_configuration_says_passes_and_nothing_else(tool: str, tmp_path: Path) -> None:
    """Of a car, of a technician, and to the outside; all as before when it is undone."""
    beside = {
        "metrics": {"host": STATION},
        "maintenance": [{"network": f"{BACK_END}/32", "interface": "up0"}],
        "ocpp": {"identity": "CS1", "url": f"mqtts://{BACK_END}/cs", "password_file": "password", "roots": "roots.pem"},
    }
    with netns.cable() as cable, uplink(cable) as outside, ExitStack() as stack:
        machine = sealed(tmp_path, cable.station)
        file = tmp_path / "etc" / "v2g" / "config.yaml"
        file.write_text(json.dumps(settings(15118, "se0", **beside)))
        for end, ports in ((cable.station, CAR_PORTS), (outside, OUTWARD_PORTS)):
            stack.enter_context(listening(end, ports))
        host = f"{link_local(cable.station)}%{cable.car.interface}"

        def passing(expected: tuple[set[int], set[int], set[int]]) -> tuple[set[int], set[int], set[int]]:
            """Of the car, of the technician, to the back end."""
            return (
                answered(cable.car, host, CAR_PORTS, tuple(expected[0])),
                answered(outside, STATION, CAR_PORTS, tuple(expected[1])),
                answered(cable.station, BACK_END, OUTWARD_PORTS, tuple(expected[2])),
            )

        everything = set(CAR_PORTS), set(CAR_PORTS), set(OUTWARD_PORTS)
        assert passing(everything) == everything
        applied = harden(machine, tool, "apply", "--yes")
        assert applied.returncode == 0, applied.stderr
        audit = harden(machine, tool, "audit")
        assert audit.returncode == 0, audit.stdout
        meant = {15118}, {22, 9464}, {443, 8883}
        assert passing(meant) == meant

        file.write_text(json.dumps(settings(0, "se0")))  # a port from 49152 on, no metrics, no back end
        assert harden(machine, tool, "apply", "--yes").returncode == 0
        assert answered(cable.car, host, CAR_PORTS, (50000,)) == {50000}
        assert answered(cable.station, BACK_END, OUTWARD_PORTS, ()) == set()
        undone = machine.run("v2g", "harden", "undo", "--yes")
        assert undone.returncode == 0, undone.stderr
        assert passing(everything) == everything


def test_a_rule_too_many_is_found(tool: str, tmp_path: Path) -> None:
    """Whoever opened it: the audit compares what the kernel has."""
    opened = {
        "nftables": ["nft", "add", "rule", "inet", "v2g", "input", "tcp", "dport", "22", "accept"],
        "iptables": ["iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"],
    }
    with netns.cable(apart=False) as cable:
        machine = sealed(tmp_path, cable.station)
        (tmp_path / "etc" / "v2g" / "config.yaml").write_text(json.dumps(settings(15118, "se0")))
        assert harden(machine, tool, "apply", "--yes").returncode == 0
        assert harden(machine, tool, "apply", "--yes").stdout.endswith("nothing is to be changed\n")
        assert machine.run(*opened[tool]).returncode == 0
        audit = harden(machine, tool, "audit")
        assert audit.returncode == 1
        assert "FAIL  firewall: other rules are loaded, or none" in audit.stdout


def test_a_car_gets_in_at_the_port_of_the_command_line(tool: str, tmp_path: Path) -> None:
    """`v2g_daemon --port 8080 --config /etc/v2g/config.yaml`, with dashes of a word processor, behind its rules."""
    line = ["--port", "8080", "--config", "/etc/v2g/config.yaml"]
    with netns.cable() as cable, hardware(cable.station) as (_, plant, _, contactor, grid), ExitStack() as stack:
        machine = sealed(tmp_path, cable.station)
        certificates = tmp_path / "etc" / "ssl-v2g"
        pki.create(certificates, now=datetime.now(UTC), curve="p256", force=True)
        file = tmp_path / "etc" / "v2g" / "config.yaml"
        written = configuration(
            tmp_path, plant, contactor, grid, services=["DC_BPT"], modes=["dynamic"], pki=certificates,
            interface=cable.station.interface,
        )  # fmt: skip
        file.write_text(json.dumps(written))
        applied = machine.run("v2g", "harden", "apply", "firewall", "--yes", "--firewall", tool, *line)
        assert applied.returncode == 0, applied.stderr
        typed = [word.replace("--", "\u2013") for word in line]
        daemon = stack.enter_context(Process(machine.command("v2g_daemon", *typed)))
        assert daemon.wait_for(r"listens on \[fe80::.*\]:8080", START_S), daemon.output
        car = [
            *V2G,
            "ev",
            "--interface",
            cable.car.interface,
            "--pki",
            str(certificates),
            "--tls-profile",
            "interop-p256",
        ]
        with Process(cable.car.command(*car, "--duration", "1", "--json")) as process:
            assert process.wait(60) is not None
        outcome = json.loads(process.output[process.output.index("{") :])
        assert outcome["result"] == "ok", (outcome, daemon.output)
        assert re.search(r"session ended", (tmp_path / "trace.log").read_text())
