"""A running station at an address: `v2g daemon`, over real sockets."""

import json
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, station
from tests.interop.station import Station as Running

from v2g.bench.conformance import din, suite
from v2g.bench.conformance.cases import Verdict
from v2g.bench.conformance.station_at import Station
from v2g.bench.sim import netns
from v2g.io.discovery import Endpoint
from v2g.pki import hierarchy

pytestmark = pytest.mark.alone


def verdicts(ours: Running, protocol: str, *options: str) -> dict[str, Any]:
    """What `v2g conformance` finds, by number or name."""
    where = ["--at", f"[::1]:{ours.port}", "--battery", ours.plant_address]
    command = [*V2G, "conformance", protocol, *where, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    return {each["id"]: (each["verdict"], each["text"]) for each in json.loads(done.stdout)}


def only(*numbers: str) -> list[str]:
    return [word for number in numbers for word in ("--only", number)]


def test_a_station_with_tls(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    hierarchy.create(pki, now=datetime.now(UTC), both=True)
    with station(None, tmp_path, services=["DC_BPT", "DC"], pki=pki, profile="iso15118-20") as ours:
        found = verdicts(
            ours,
            "iso15118-20",
            *("--tls", "--pki", str(pki)),
            *only("V2G20-1264", "V2G20-192", "V2G20-2356", "V2G20-2400", "V2G20-2656", "V2G20-1408"),
        )
        assert found.pop("V2G20-1408") == (
            "not applicable",
            "needs the bench: it cannot be provoked from outside",
        )
        assert {verdict for verdict, _ in found.values()} == {"pass"}, found
        contract = verdicts(ours, "iso15118-2", "--tls", "--pki", str(pki), *only("Authorization_005", "Abnormal_001"))
    assert contract["TC_SECC_CMN_VTB_Authorization_005"] == ("pass", "")
    assert {contract[each][0] for each in contract if "Abnormal" in each} == {"not applicable"}


def test_a_station_at_the_end_of_a_cable(tmp_path: Path) -> None:
    """It is searched for on an interface, and answers nobody before a car is plugged in."""
    if reason := netns.why_not():
        pytest.skip(reason)
    with netns.cable(apart=False) as cable, ExitStack() as stack:
        pilot = stack.enter_context(Process(cable.station.command(*V2G, "sim", "pilot", "--listen", "127.0.0.1:0")))
        said = pilot.wait_for("listening on ", START_S)
        assert said is not None, pilot.output
        address = said.rpartition(" ")[2]
        options: dict[str, Any] = {
            "services": ["DC"],
            "interface": cable.station.interface,
            "pilot": {"device": {"address": address}},
        }
        with station(cable.station, tmp_path, **options) as ours:
            where = ["--interface", cable.car.interface, "--pilot", address, "--battery", ours.plant_address]
            command = cable.car.command(*V2G, "conformance", "din", *where, "--json", *only("V2G-DC-396"))
            done = subprocess.run(command, capture_output=True, text=True, timeout=100)
            assert done.stderr == "", ours.account()
            assert [each["verdict"] for each in json.loads(done.stdout)] == ["pass"], ours.account()
            assert ours.traced("control pilot: no car is connected"), ours.account()


class Peer:
    """Listens on a port, and does what a test wants to whoever connects."""

    def __init__(self, does: Callable[[socket.socket], None]) -> None:
        self._does = does
        self._listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
        self.port = self._listening.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, suppress(OSError):
                    self._does(connection)


def _says_nothing(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


def _answers_garbage(connection: socket.socket) -> None:
    while connection.recv(1000):
        connection.sendall(bytes.fromhex("01fe800100000003ffffff"))


@pytest.mark.parametrize(
    ("does", "found"),
    [(_says_nothing, "the station does not say what it offers"), (_answers_garbage, "EXI header 0xff instead of 0x80")],
)
def test_who_is_no_station_fails(does: Callable[[socket.socket], None], found: str) -> None:
    """That it does not offer what is tested would excuse it."""
    with closing(Peer(does)) as peer:
        tested = Station(Endpoint("::1", peer.port))
        [result] = suite.run(din.SUITE, ["V2G-DC-396"], tested)
        tested.shut()
    assert result.verdict is Verdict.FAIL
    assert found in result.text


def test_a_station_without_tls(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    with station(None, tmp_path, services=["DC"]) as ours:
        found = verdicts(ours, "din", "--report", str(page), *only("V2G-DC-252", "V2G-DC-393", "V2G-DC-396"))
    assert {verdict for verdict, _ in found.values()} == {"pass"}, found
    assert f"the station at [::1]:{ours.port}" in page.read_text()
