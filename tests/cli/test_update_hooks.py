"""RAUC's hooks as RAUC runs them: no update during energy transfer, good only once cars are served."""

import os
import shlex
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.interop.process import Process
from tests.interop.station import START_S, V2G, station

from v2g.bench.sim import netns
from v2g.pki import hierarchy as pki

pytestmark = pytest.mark.alone
HOOKS = Path(__file__).parents[2] / "packaging" / "rauc"


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """`v2g` of this environment, and a `rauc` that notes what it is asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("v2g", f'exec {shlex.join(V2G)} "$@"'), ("rauc", f'echo "$@" >> {tmp_path}/rauc.log')):
        file = folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    return folder


def hook(name: str, folder: Path, command: Path, within_s: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{command}:{os.environ['PATH']}",
        "V2G_SOCKET": str(folder / "control.sock"),
        "MARK_GOOD_S": str(within_s),
        "MARK_GOOD_EVERY_S": "0.2",
    }
    return subprocess.run([str(HOOKS / name)], env=environment, capture_output=True, text=True)


def test_no_update_is_installed_while_energy_flows(tmp_path: Path, command: Path) -> None:
    certificates = tmp_path / "pki"
    pki.create(certificates, now=datetime.now(UTC))
    options: dict[str, Any] = {"services": ["DC_BPT"], "pki": certificates, "profile": "iso15118-20"}
    with station(None, tmp_path, dispatch=[{"power_w": -5000}], **options) as ours:
        idle = hook("pre-install", tmp_path, command)
        assert (idle.returncode, idle.stdout) == (0, "the daemon may be restarted now\n"), idle.stderr
        car = [*V2G, "ev", "--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address]
        with Process([*car, "--pki", str(certificates)]):
            assert ours.traced("discharging 5.0 kW")
            refused = hook("pre-install", tmp_path, command)
            assert refused.returncode == 1
            assert refused.stdout.startswith("energy is being transferred at EVSE 1 with ")


@pytest.mark.netns
@pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not()))
def test_a_slot_is_good_once_cars_are_served(tmp_path: Path, command: Path) -> None:
    """Discovery, devices and back end each stand in its way."""
    log = tmp_path / "rauc.log"
    with netns.cable() as cable:
        back_end = [*V2G, "csms", "--listen", "[::1]:9123"]
        beside = {"ocpp": {"identity": "CS1", "url": "ws://[::1]:9123", "security_profile": 1, "password_file": "pw"}}
        (tmp_path / "pw").write_text("0123456789abcdef")
        nobody = hook("mark-good", tmp_path, command)
        assert nobody.returncode == 1
        assert "no daemon listens at" in nobody.stderr
        with Process(cable.station.command(*back_end)) as csms:
            assert csms.wait_for("9123", START_S), csms.output
            csms.child.send_signal(signal.SIGSTOP)  # it accepts connections, and answers nothing
            with station(cable.station, tmp_path, services=["DC"], beside=beside) as ours:
                early = hook("mark-good", tmp_path, command)
                assert early.returncode == 1
                assert "the back end has not accepted the station" in early.stderr
                csms.child.send_signal(signal.SIGCONT)
                good = hook("mark-good", tmp_path, command, within_s=60)
                assert good.returncode == 0, (good.stderr, ours.account(), csms.output)
                assert log.read_text() == "status mark-good\n"
                cable.station.set_link("down")
                assert "EVSE 1: interface se0" in hook("mark-good", tmp_path, command).stderr
                cable.station.set_link("up")
                ours.plant.child.kill()
                assert ours.traced("inverter at .*: ")
                assert "EVSE 1: no reading of the " in hook("mark-good", tmp_path, command).stderr
                assert log.read_text() == "status mark-good\n"
