"""The measures on an image of a machine: shown, applied, audited, undone; nothing without being asked for."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from v2g.cli import main
from v2g.harden import MEASURE_NAMES
from v2g.harden.host import MOST_EXPOSED, drop_in, exposure
from v2g.harden.machine import LEDGER, Act, HardenError, Machine, Run, Write, carry_out, ledger, undo
from v2g.harden.measures import MEASURES
from v2g.harden.openings import Start, openings
from v2g.io.configuration import load

DEPLOY = Path(__file__).parents[2] / "src" / "v2g" / "deploy"
UNIT = "etc/systemd/system/v2g-daemon.service"
FSTAB = """\
# <file system> <mount point> <type> <options> <dump> <pass>
/dev/mmcblk0p2 / ext4 defaults,noatime 0 1
"""
VAR = "/dev/mmcblk0p3 /var ext4 defaults 0 2\n"
EVSE: dict[str, object] = {
    "services": ["AC"],
    "access": {"grant": "everyone"},
    "interface": "eth0",
    "contactor": {"address": "modbus://192.168.10.12"},
    "meter": {"address": "modbus+rtu:///dev/ttyUSB0"},
}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A machine's files, before."""
    root = tmp_path / "image"
    for name in ("etc/systemd/system", "etc/v2g", "etc/ssl/v2g"):
        (root / name).mkdir(parents=True)
    (root / "etc/fstab").write_text(FSTAB + VAR)
    shutil.copy(DEPLOY / "v2g-daemon.service", root / UNIT)
    (root / "etc/ssl/v2g/secc_key.pem").write_text("a key")
    (root / "etc/ssl/v2g/secc_key.pem").chmod(0o644)
    return root


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"evses": [EVSE]}))
    file.chmod(0o640)
    return file


def harden(image: Path, config: Path, *words: str) -> int:
    action, *rest = words
    named = [] if action == "undo" else ["--config", str(config)]
    return main(["harden", action, "--root", str(image), *named, *rest])


def files(root: Path) -> dict[str, tuple[int, str]]:
    """All but the ledger: path -> mode and content."""
    return {
        str(each.relative_to(root)): (stat.S_IMODE(each.stat().st_mode), each.read_text())
        for each in root.rglob("*")
        if each.is_file() and each.relative_to(root) != LEDGER
    }


def test_every_measure_has_its_name_on_the_command_line() -> None:
    assert tuple(each.name for each in MEASURES) == MEASURE_NAMES


def test_what_is_applied_passes_the_audit_and_can_be_undone(
    image: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(image)
    assert harden(image, config, "audit") == 1
    assert harden(image, config, "show") == 0
    assert files(image) == before
    shown = capsys.readouterr().out
    assert harden(image, config, "apply", "--yes") == 0
    after = files(image)
    written = {name for name in after if after[name] != before.get(name)}
    assert written == {
        "etc/v2g/firewall.nft", "etc/nftables.conf", "etc/sysctl.d/90-v2g.conf", "etc/fstab",
        "etc/systemd/system/v2g-daemon.service.d/50-harden.conf", "etc/systemd/system.conf.d/50-v2g-watchdog.conf",
        "etc/ssl/v2g/secc_key.pem",
    }  # fmt: skip
    for name in written - {"etc/ssl/v2g/secc_key.pem"}:  # each line of each file was on the screen
        assert all(line in shown for line in after[name][1].splitlines()), name
    assert after["etc/ssl/v2g/secc_key.pem"][0] == 0o640
    assert "/dev/mmcblk0p2 / ext4 ro,noatime 0 1\n" in after["etc/fstab"][1]
    assert harden(image, config, "audit") == 0, capsys.readouterr().out
    assert harden(image, config, "apply", "--yes") == 0
    assert capsys.readouterr().out.endswith("nothing is to be changed\n")
    assert harden(image, config, "undo", "--yes") == 0
    assert files(image) == before
    assert harden(image, config, "undo", "--yes") == 0
    assert capsys.readouterr().out.endswith("nothing was changed, or all is undone\n")


def test_a_later_configuration_is_applied_over_the_first_and_both_are_undone(image: Path, config: Path) -> None:
    before = files(image)
    for port in (8080, 0):
        assert harden(image, config, "apply", "--yes", "--port", str(port)) == 0
        assert harden(image, config, "audit", "--port", str(port)) == 0
    assert harden(image, config, "audit") == 1
    assert "tcp dport 49152-65535 " in (image / "etc/v2g/firewall.nft").read_text()
    assert harden(image, config, "undo", "--yes") == 0
    assert files(image) == before


def test_nothing_is_applied_or_undone_without_an_answer(
    image: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(image)
    assert harden(image, config, "apply") == 2
    assert "nobody is there to ask" in capsys.readouterr().err
    assert files(image) == before
    assert harden(image, config, "apply", "--yes", "watchdog") == 0
    changed = files(image)
    assert changed != before
    assert harden(image, config, "undo") == 2
    assert files(image) == changed


def test_usage(image: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert harden(image, config, "audit", "firewal") == 2
    assert "there is no measure 'firewal'" in capsys.readouterr().err
    assert main(["harden"]) == 2
    assert harden(image, image / "none.yaml", "audit") == 2


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="needs systemctl (systemd)")
def test_a_service_that_nobody_needs_is_switched_off(image: Path, config: Path) -> None:
    unit = "[Unit]\nDescription=mDNS\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    (image / "etc/systemd/system/avahi-daemon.service").write_text(unit)
    wants = image / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "avahi-daemon.service").symlink_to("/etc/systemd/system/avahi-daemon.service")
    assert harden(image, config, "audit", "services") == 1
    assert harden(image, config, "apply", "--yes", "services") == 0
    assert not (wants / "avahi-daemon.service").is_symlink()
    assert harden(image, config, "audit", "services") == 0
    assert harden(image, config, "undo", "--yes") == 0
    assert (wants / "avahi-daemon.service").is_symlink()


def test_the_root_stays_writable_while_the_daemon_writes_to_it(
    image: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (image / "etc/fstab").write_text(FSTAB)
    assert harden(image, config, "apply", "--yes", "root") == 0
    assert (image / "etc/fstab").read_text() == FSTAB
    assert harden(image, config, "audit", "root") == 1
    assert "the daemon writes to /var/log/v2g, on the root file system" in capsys.readouterr().out


def test_what_passes_in_clear_is_named(image: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = {
        "metrics": {"host": "192.168.20.5"},
        "local_api": {
            "listen": "192.168.20.5:8480",
            "tokens": [{"name": "evcc", "file": "evcc.token"}],
            "mqtt": {"url": "mqtt://192.168.20.6"},
        },
        "tls": {"plain": True, "key_log": "/run/v2g/keys.log"},
        "ocpp": {"identity": "CS1", "url": "ws://csms.example.com/ocpp", "security_profile": 1, "password_file": "p"},
    }
    config.write_text(json.dumps({"evses": [EVSE], **beside}))
    assert harden(image, config, "audit", "clear", "--json") == 0
    named = [each["text"] for each in json.loads(capsys.readouterr().out)]
    assert named == [
        "in clear: EVSE 1: cars without TLS (tls.plain)",
        "in clear: the numbers for Prometheus (metrics)",
        "in clear: the local API and its tokens (local_api.listen)",
        "in clear: EVSE 1: Modbus to its contactor",
        "in clear: OCPP over ws:// (ocpp.url)",
        "in clear: MQTT of the local API (local_api.mqtt.url)",
        "in clear: names that are looked up (DNS)",
        "in clear: the time (NTP): certificates need it",
        "in clear: the uplink's addresses (DHCP)",
        "in clear: tls.key_log: the secrets of each connection, in /run/v2g/keys.log",
    ]
    config.write_text(json.dumps({"evses": [EVSE | {"contactor": {"address": "modbus://127.0.0.1"}}]}))
    assert harden(image, config, "audit", "clear", "--no-tls") == 0
    assert "cars without TLS (--no-tls), for a bench only" in capsys.readouterr().out


def test_files_that_others_may_read_or_that_sign_are_found(
    image: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(json.dumps({"evses": [EVSE], "control": {"mode": "0666"}}))
    (image / "etc/ssl/v2g/v2g_root_key.pem").write_text("of the authority")
    (image / "etc/ssl/v2g").chmod(0o777)
    assert harden(image, config, "audit", "keys", "--json") == 1
    found = [each["text"] for each in json.loads(capsys.readouterr().out) if each["verdict"] == "FAIL"]
    assert found == [
        "/etc/ssl/v2g/secc_key.pem has the mode 0644",
        "others may write to /etc/ssl/v2g",
        "everybody may use /run/v2g/control.sock",
        "/etc/ssl/v2g/v2g_root_key.pem can sign certificates",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (systemd)")
@pytest.mark.parametrize("devices", ["modbus", "all"])
def test_the_unit_is_as_closed_as_stated(config: Path, devices: str) -> None:
    """By systemd's own judgement: with devices on the network alone, and with modem and serial line."""
    evse = EVSE | {"meter": {"address": "modbus://192.168.10.13"}}
    if devices == "all":
        evse |= {
            "meter": {"address": "modbus+rtu:///dev/ttyUSB0"},
            "pilot": {"device": {"address": "modbus://192.168.10.15"}},
            "plc": {},
        }
    config.write_text(json.dumps({"evses": [evse]}))
    text = (DEPLOY / "v2g-daemon.service").read_text() + "\n" + drop_in(load(config).settings)
    exposed = exposure(text, Machine())
    assert exposed is not None
    assert 1.0 < exposed <= MOST_EXPOSED
    opened = (
        text.replace("NoNewPrivileges=yes", "").replace("ProtectSystem=strict", "").replace("User=v2g", "User=root")
    )
    assert (exposure(opened, Machine()) or 0) > exposed + 0.5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (systemd)")
@pytest.mark.parametrize("unit", ["v2g-depot.service", "v2g-fleet.service", "v2g-nats@.service"])
def test_a_depot_and_a_fleet_are_as_closed(unit: str) -> None:
    exposed = exposure((DEPLOY / unit).read_text(), Machine())
    assert exposed is not None
    assert 1.0 < exposed <= MOST_EXPOSED


def test_the_openings_of_a_station_with_everything_on_this_machine(config: Path) -> None:
    """Nobody but cars needs to come in; and only the time and addresses are asked for outside."""
    local = {name: {"address": "modbus://127.0.0.1:5022"} for name in ("contactor", "meter")}
    config.write_text(json.dumps({"evses": [EVSE | local], "metrics": {}}))
    found = openings(load(config).settings, Start())
    assert {(each.protocol, each.ports[0]) for each in found if each.inward and each.interface} == {
        ("udp", 15118), ("tcp", 15118),
    }  # fmt: skip
    assert {each.ports[0] for each in found if each.inward and not each.interface} == {68, 546}
    assert {each.ports[0] for each in found if not each.inward and not each.interface} == {123, 67, 547}


def test_an_undo_that_fails_keeps_its_way_back(image: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(image)
    assert harden(image, config, "apply", "--yes", "sysctl", "watchdog", "keys") == 0
    file = image / "etc/systemd/system.conf.d/50-v2g-watchdog.conf"
    file.unlink()
    file.mkdir()
    (file / "in the way").touch()
    capsys.readouterr()
    assert harden(image, config, "undo", "--yes") == 1
    assert f"not undone: watchdog: {file}: Is a directory" in capsys.readouterr().err
    (file / "in the way").unlink()
    assert files(image) == before  # what was done before it and after it
    file.rmdir()
    assert harden(image, config, "undo", "--yes") == 0
    assert capsys.readouterr().out.endswith("all is as it was\n")


def test_an_apply_that_fails_half_way_is_undone(image: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(image)
    (image / "etc/systemd/system.conf.d").touch()
    in_the_way = files(image)
    assert harden(image, config, "apply", "--yes", "sysctl", "watchdog", "keys") == 2
    assert "nothing more was changed, `v2g harden undo` goes back" in capsys.readouterr().err
    assert files(image) != in_the_way
    assert harden(image, config, "undo", "--yes") == 0
    assert files(image) == in_the_way
    (image / "etc/systemd/system.conf.d").unlink()
    assert files(image) == before


def test_a_command_that_cannot_be_undone_holds_up_nothing_else(image: Path) -> None:
    machine = Machine(image)
    before = files(image)
    carry_out(machine, "keys", Write(Path("/etc/one"), "1"))
    carry_out(machine, "sysctl", Run(Act(("true",)), (Act(("sh", "-c", "echo gone >&2; exit 3")),)))
    carry_out(machine, "keys", Write(Path("/etc/two"), "2"))
    assert undo(machine) == ["sysctl: `sh -c echo gone >&2; exit 3`: gone"]
    assert files(image) == before
    assert [each["measure"] for each in ledger(machine)] == ["sysctl"]


def test_what_a_failed_command_has_not_done_need_not_be_undone(image: Path) -> None:
    machine = Machine(image)
    carry_out(machine, "keys", Write(Path("/etc/one"), "1"))
    refused = Act(("sh", "-c", "echo permission denied >&2; exit 3"))
    with pytest.raises(HardenError, match="permission denied"):
        carry_out(machine, "sysctl", Run(refused, (refused,)))
    assert undo(machine) == []
    assert ledger(machine) == []
    assert not (image / "etc/one").exists()


def test_a_full_disk_is_named_and_nothing_is_left_on_it(image: Path) -> None:
    machine, file = Machine(image), image / "etc" / ".one.new"
    file.symlink_to("/dev/full")
    with pytest.raises(OSError, match=f"No space left on device: '{image}/etc/one'"):
        carry_out(machine, "keys", Write(Path("/etc/one"), "1"))
    assert not file.is_symlink()
    assert undo(machine) == []


def test_what_is_not_utf_8_comes_back_as_it_was(image: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fstab = image / "etc/fstab"
    before = b"# f\xfcr die Wallbox\n" + fstab.read_bytes()
    fstab.write_bytes(before)
    assert harden(image, config, "apply", "--yes", "root") == 0
    assert fstab.read_bytes().startswith(b"# f\xfcr die Wallbox\n")
    assert b" / ext4 ro,noatime " in fstab.read_bytes()
    assert harden(image, config, "undo", "--yes") == 0
    assert fstab.read_bytes() == before


def test_the_ledger_is_for_root_alone(image: Path, config: Path) -> None:
    assert harden(image, config, "apply", "--yes", "watchdog") == 0
    assert stat.S_IMODE(os.stat(image / LEDGER).st_mode) == 0o600
