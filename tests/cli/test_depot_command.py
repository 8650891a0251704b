"""What `v2g depot` says to a person."""

import asyncio
from pathlib import Path

import pytest
from tests.certificates import certified
from tests.csms.test_api import depot
from tests.depot.scene import NOW, charger, site

from v2g.cli import main
from v2g.cli.depot import overview
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
