"""`v2g fleet day`: a short one is run, and what its report says of it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from v2g.bench.fleet.day import Day, Sample, Scene, droop_w, perform, recorded_hz
from v2g.bench.fleet.day_report import error_pu, facts, good, table, write
from v2g.cli import main

HZ = [60.0] * 40 + [59.97] * 40 + [60.06] * 40


def test_vehicles_follow_the_grid_around_their_baseline_and_the_ledger_has_it(tmp_path: Path) -> None:
    scene = Scene(depots=3, chargers=10, hours=120 / 3600)
    day = asyncio.run(perform(tmp_path, scene, HZ))
    at = {each.time_s: each for each in day.samples}
    for time_s, share in ((40.0, 0.0), (80.0, -0.5), (120.0, 1.0)):
        asked_w = at[time_s].baseline_w + share * scene.capacity_w
        assert at[time_s].asked_w == pytest.approx(asked_w)
        assert at[time_s].power_w == pytest.approx(asked_w, abs=0.05 * scene.capacity_w)
    with sqlite3.connect(tmp_path / "day.db") as ledger:
        [(booked_wh,)] = ledger.execute("SELECT sum(charged_wh - discharged_wh) FROM entry WHERE charger != ''")
    assert booked_wh == pytest.approx(day.charged_wh - day.fed_wh, rel=0.05)
    assert (day.missing, day.floor_vehicle_s) == (0, 0.0)
    assert {each.request for each in day.totals} == {"fleet (baseline + TSO)"}


def test_the_droop_is_full_beyond_fifty_millihertz() -> None:
    found = [droop_w(60.0 + each / 1000, 1e6) for each in (-80, -30, -10, 0, 10, 30, 50, 80)]
    assert found == pytest.approx([-1e6, -5e5, 0, 0, 0, 5e5, 1e6, 1e6], abs=1)


def test_the_day_that_comes_with_it_is_whole() -> None:
    day = recorded_hz()
    assert len(day) == 86_400
    assert 59.9 < min(day) < 59.98 < 60.02 < max(day) < 60.1


def made(error_w: float) -> Day:
    scene = Scene(depots=2, chargers=10)  # offers 15 kW
    samples = [Sample(4.0 * n, 59.98, 5e3, -5e3, -5e3 + error_w) for n in range(1, 901)]
    return Day(scene=scene, samples=samples, visits=9, short_visits=1)


def test_the_report_says_how_well_it_was_followed(tmp_path: Path) -> None:
    day = made(300.0)
    assert error_pu(day) == pytest.approx(0.02)
    found = dict(facts(day))
    assert found["near"] == "100.0 % of the time within 5 %"
    assert found["beyond the baseline, fed"] == "10.0 kWh asked, 9.7 kWh delivered (97 %)"
    assert found["vehicles"] == "9 left, 1 of them with less than they needed"
    assert good(day)
    assert "root mean square error 2.0 %" in table(day)
    page = write(tmp_path / "day.html", day).read_text()
    assert page.count("<svg") == 2
    assert not good(made(1_000.0))


@pytest.mark.parametrize(
    ("text", "says"), [("60.01\nsixty\n", "day.csv:2: 'sixty' is no frequency"), ("nan", "day.csv:1"), ("", "is empty")]
)
def test_a_file_that_is_no_day_is_refused(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "day.csv").write_text(text)
    assert main(["fleet", "day", "--frequency", str(tmp_path / "day.csv"), "--output", str(tmp_path / "out")]) == 2
    assert says in capsys.readouterr().err
