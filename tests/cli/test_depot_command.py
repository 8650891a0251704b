"""What `v2g depot` says to a person."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.certificates import certified
from tests.csms.test_api import depot
from tests.depot.scene import NOW, charger, site

from v2g.cli import main
from v2g.cli.depot import _clock, overview
from v2g.depot.controller import Controller
from v2g.depot.shown import COLUMNS, explained


@pytest.mark.parametrize("command", ["status", "explain", "audit"])
def test_a_depot_that_does_not_run_is_started_as_a_depot(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["depot", command, "--socket", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert "start it (v2g depot --config FILE)" in error
    assert "v2g-daemon" not in error


def test_its_status_is_one_block_of_numbers_and_a_row_for_each_charger(tmp_path: Path) -> None:
    async def status() -> str:
        async with depot(tmp_path) as (process, _, _):
            return overview(process.status() | {"columns": COLUMNS, "rows": list(process.rows().values())})

    numbers, rows = asyncio.run(status()).split("\n\n")
    assert numbers.startswith("name ")
    assert "e+" not in numbers
    assert [row.split()[0] for row in rows.splitlines()[-3:]] == ["id", "CS0/1", "CS1/1"]


def test_why_a_charger_only_charges_is_said_once() -> None:
    of = charger(1, charge_only="OCPP 2.0.1 without V2X")
    found = Controller().step(site(of, power_w=-9_000), NOW).setpoints[of.id]
    first, *rest = explained(of, found, "", NOW)
    assert first.endswith("idle at 0.0 kW, by: charge only (OCPP 2.0.1 without V2X); it cannot feed the grid")
    assert "2.0.1" not in "".join(rest)


def test_the_example_is_good_once_its_files_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example", "depot"]) == 0
    (tmp_path / "depot.yaml").write_text(capsys.readouterr().out)
    certified(tmp_path)
    (tmp_path / "root.pem").rename(tmp_path / "server.pem")
    (tmp_path / "key.pem").rename(tmp_path / "server-key.pem")
    (tmp_path / "CS-01.password").write_text("p" * 16)
    assert main(["depot", "check", "--config", str(tmp_path / "depot.yaml")]) == 0


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    (tmp_path / "CS-01.password").write_text("p" * 16)
    file = tmp_path / "depot.yaml"
    file.write_text(
        "feeders: [{id: site, charge_w: 50000}]\n"
        "stations:\n"
        "  - {id: CS-01, password_file: CS-01.password, evses: [{id: 1, charge_w: 11000}, {id: 2, charge_w: 11000}]}\n"
        "connect: {security_profile: 1}\n"
        f"http: {{codes_file: codes}}\ncontrol: {{socket: {tmp_path}/none.sock}}\nledger: depot.db\n"
    )
    return file


def test_codes_are_made_once_and_drawn(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["depot", "codes", "--config", str(configuration), "--url", "https://d.example/"]
    labels = configuration.parent / "labels"
    assert main([*asked, "--svg", str(labels)]) == 0
    first, second, note = capsys.readouterr().out.splitlines()
    assert first.startswith("CS-01/1  https://d.example/e/")
    assert "restart the depot" in note
    assert (configuration.parent / "codes").stat().st_mode & 0o007 == 0
    assert {file.name for file in labels.iterdir()} == {"CS-01-1.svg", "CS-01-2.svg"}
    assert "<svg" in (labels / "CS-01-1.svg").read_text()
    assert main([*asked, "--renew", "CS-01/2"]) == 0
    again = capsys.readouterr().out.splitlines()
    assert again[0] == first
    assert again[1] != second
    assert main([*asked, "--renew", "CS-09/1"]) == 2
    assert "there is no EVSE CS-09/1" in capsys.readouterr().err


def test_the_doctor_names_what_is_wrong_and_what_to_do(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["depot", "doctor", "--config", str(configuration), "--json"]) == 1
    found = {each["subject"]: each for each in json.loads(capsys.readouterr().out)}
    assert {"clock", "ledger", "plan", "depot"} <= set(found)
    assert found["depot"]["level"] == "fault"
    assert found["depot"]["remedy"].startswith("start it (v2g depot --config FILE)")


@pytest.mark.parametrize("of", ["depot", "fleet"])
def test_a_doctor_ends_with_2_if_the_file_cannot_be_used(
    of: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "depot.yaml"
    assert main([of, "doctor", "--config", str(file)]) == 2
    assert f"{file}: No such file or directory; `v2g config example {of}` prints one" in capsys.readouterr().err
    wrong, meant = ("feeder", "feeders") if of == "depot" else ("fleets", "fleet")
    file.write_text(f"{wrong}: []\n")
    assert main([of, "doctor", "--config", str(file)]) == 2
    assert f"{file}:1:1: {wrong}: unknown key; did you mean {meant}?" in capsys.readouterr().err


def test_the_hour_that_happens_twice_has_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        before_s = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
        shown = [_clock(before_s + 3600 * hour) for hour in (-1, 0, 1, 2)]
    time.tzset()
    assert shown == ["01:30:00", "02:30:00 CEST", "02:30:00 CET", "03:30:00"]
