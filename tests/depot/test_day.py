import json
import os
import subprocess
import sys
from functools import partial

import pytest

from v2g.cli import main
from v2g.depot.controller import Controller, Settings
from v2g.depot.simulate.day import Outcome, Scene, run, visits
from v2g.depot.simulate.strategy import STRATEGIES, Ours

scene = partial(Scene, chargers=12, step_s=120.0, feed_pu=0.1)


def ours(of: Scene) -> Outcome:
    settings = Settings(cycle_s=of.step_s, meter_stale_s=2 * of.step_s, silent_s=600.0)
    return run(of, "v2g", Ours(Controller(settings)))


def test_nobody_leaves_short_and_nobody_below_the_floor() -> None:
    found = ours(scene(kind="home"))
    assert found.visits > 5
    assert found.short_visits_pu == 0.0
    assert found.floor_vehicle_h == 0.0
    assert found.overload_kwh == 0.0


def test_first_come_first_served_does_worse() -> None:
    """The simulation can tell one from another."""
    of = scene(kind="work", site_pu=0.25)
    assert ours(of).short_energy_pu < run(of, "fcfs", STRATEGIES["fcfs"](of.step_s)).short_energy_pu


def test_the_same_seed_brings_the_same_vehicles() -> None:
    assert list(visits(scene(seed=3))) == list(visits(scene(seed=3)))
    assert list(visits(scene(seed=3))) != list(visits(scene(seed=4)))


def test_the_command_has_one_column_for_each_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["depot", "simulate", "--chargers", "3", "--cycle-s", "60", "--strategy", "edf"]
    assert main([*words, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["outcomes"]
    assert found["strategy"] == "edf"
    assert found["charged_kwh"] > 0.0
    assert main([*words, "--strategy", "v2g"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["strategy", "edf", "v2g"]
    assert all(len(row) <= 80 for row in rows)


def test_its_progress_on_a_terminal_is_written_with_real_carriage_returns() -> None:
    ours, theirs = os.openpty()
    words = ["depot", "simulate", "--chargers", "3", "--cycle-s", "60", "--strategy", "edf"]
    done = subprocess.run([sys.executable, "-m", "v2g", *words], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 10_000)
    except OSError:  # nothing was drawn: it was done at once
        shown = b""
    os.close(ours)
    assert b"\\r" not in shown
    assert b"%" not in done.stdout.splitlines()[0]
