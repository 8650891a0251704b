"""`make demo-fleet`, small and short: what its report says of a performance, and one that is run."""

import asyncio
from pathlib import Path

import pytest

from v2g.bench.fleet.demo import Performance, Sample, asked_w, perform, scene_of
from v2g.bench.fleet.report import error_pu, facts, good, response_s, table, write
from v2g.fleet.ledger import Total


def performed(late_s: float = 1.0, lag_w: float = 0.0) -> Performance:
    """At 10 s the frequency falls, and a megawatt is fed `late_s` later."""
    done = Performance(scene_of(4, 10), dip_s=10.0, killed_s=20.0, acknowledged_s=[0.1, 0.2, 0.3], entries=8)
    for second in range(1, 41):
        asks_w = -1e6 if second > 10 else 0.0
        follows_w = asks_w + lag_w if second >= 10 + late_s else 0.0
        done.samples.append(Sample(float(second), 59.9 if asks_w else 60.0, asks_w, follows_w,
                                   {"north": follows_w}, 3 if second <= 20 else 2, 4))  # fmt: skip
    done.fine = [(each / 10, -1e6 + lag_w if each / 10 >= 10 + late_s else 0.0) for each in range(400)]
    done.totals = [Total("depot-01", True, "", "", "fleet (tso)", 2, 0.0, 9.0, 0.0, 900.0, -1000.0, "no <more>")]
    return done


def test_the_report_measures_the_answer_to_a_step(tmp_path: Path) -> None:
    done = performed(late_s=2.5)
    assert response_s(done) == pytest.approx(2.5)
    assert error_pu(done) == 0.0
    assert good(done)
    assert "90 % of it after 2.5 s" in table(done)
    assert dict(facts(done))["set-points"].endswith("0.200 s in the median, 0.300 s at most")
    page = write(tmp_path / "report.html", done).read_text()
    assert "no &lt;more&gt;" in page
    assert "90 %" in page
    assert "http" not in page.partition("<body>")[2]


@pytest.mark.parametrize(
    ("done", "why"),
    [
        (performed(late_s=5.0), "failed: the step was answered after 5.0 s, 4 s are allowed"),
        (performed(lag_w=2e5), "failed: the power was off by 18.8 %, 10 %"),
    ],
    ids=["late", "too little"],
)
def test_what_is_late_or_too_little_is_not_good_and_the_report_says_why(
    done: Performance, why: str, tmp_path: Path
) -> None:
    assert not good(done)
    assert why in table(done)
    assert why in write(tmp_path / "report.html", done).read_text()


def test_an_entry_that_is_missing_is_not_good() -> None:
    done = performed()
    done.missing = 1
    assert not good(done)
    assert "failed: 1 entries are missing in the ledger" in table(done)


def test_the_droop_has_a_band_without_an_answer() -> None:
    assert asked_w(60.005, 1e6) == 0.0
    assert asked_w(59.98, 1e6) == pytest.approx(-1e4)
    assert asked_w(60.03, 1e6) == pytest.approx(2e4)


@pytest.mark.proof
@pytest.mark.alone
def test_a_fleet_answers_while_a_server_dies(tmp_path: Path) -> None:
    done = asyncio.run(perform(tmp_path, print, 60.0, 8, 25))
    print(table(done))
    assert good(done), table(done)
