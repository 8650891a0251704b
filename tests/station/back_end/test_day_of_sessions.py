"""Sessions back to back with a back end, in virtual time: nothing grows, nothing is lost.

Every tenth car is hostile, and every ten minutes the back end is lost. The long form is a day, for `make proof`.
"""

import gc
import os
import threading
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from tests.station.back_end.test_kills import Killed

from v2g.bench.sim.battery import Battery
from v2g.iso15118.view import Stop

BACK_END_LOST_S, IS_AWAY_S, LOOKS = 600.0, 30.0, 24
HOSTILE = 10
"""Every so many cars."""
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


class Held(NamedTuple):
    """What the process holds."""

    objects: int
    resident_kib: int
    files: int
    threads: int


class Day(Killed):
    """Sessions one after the other."""

    def serve(self, number: int, random: Random) -> None:
        """One car, from its arrival until it has gone."""
        world = self.world
        world.plant.battery = Battery(60_000.0, 0.6)
        world.plug_in()
        if number % HOSTILE == 0:
            self.run(random.uniform(0.1, 12.0))
            world.say_as_car(random.choice([0x8001, 0x8002, 0x8004, 0x8101, 0xFFFF]), random.randbytes(40))
        self.run(random.uniform(10.0, 40.0))
        world.driver = Stop.TERMINATE
        self.run(40.0, until=lambda: not self.station.running and not self.station.trackers[1].waits)
        world.unplug()
        self.run(2.0)
        world.events.clear()
        world.switched.clear()
        self.heard.clear()

    def held(self) -> Held:
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KIB
        return Held(len(gc.get_objects()), resident, len(os.listdir("/proc/self/fd")), threading.active_count())


@pytest.mark.parametrize(
    ("hours", "more_objects"),
    [(0.05, 2_000), pytest.param(24.0, 500, marks=[pytest.mark.proof, pytest.mark.timeout(7200)])],
)
def test_sessions_back_to_back_leave_nothing_behind(hours: float, more_objects: int, tmp_path: Path) -> None:
    """`more_objects`: at most this many more than after the first quarter. In the short form much is new."""
    day, random, end_s = Day(folder=tmp_path), Random(16), hours * 3600
    day.run(3.0)
    looks, number, back_s = list[Held](), 0, float("inf")
    lost_s = min(BACK_END_LOST_S, end_s / 3)
    next_loss_s, next_look_s = lost_s, end_s / LOOKS
    while day.world.now < end_s:
        number += 1
        if day.world.now >= next_loss_s:
            day.cut()
            next_loss_s, back_s = day.world.now + lost_s, day.world.now + IS_AWAY_S
        day.serve(number, random)
        if day.world.now >= back_s:
            day.link()
            back_s = float("inf")
        if day.world.now >= next_look_s:
            looks.append(day.held())
            next_look_s += end_s / LOOKS
    if not day.linked:
        day.link()
    day.run(60.0, until=lambda: not day.station.outbox.listed())
    assert not day.station.outbox.listed()
    first, last = looks[len(looks) // 4], looks[-1]
    print(f"{number} sessions in {day.world.now / 3600:.2f} h: {first} after a quarter, {last} at the end")
    assert last.objects - first.objects <= more_objects
    assert (last.files, last.threads) == (first.files, first.threads)
    assert last.resident_kib - first.resident_kib <= 8 * 1024
    accounts = day.ledger.accounts()
    assert {(each.begun, each.ended, each.missing) for each in accounts} == {(1, 1, 0)}, accounts
    assert day.ledger.contradictions() == 0
    assert len(accounts) > 0.8 * number
    plant = day.world.plant
    sums = [sum(each.last_wh[index] - each.first_wh[index] for each in accounts) for index in (0, 1)]
    assert sums == pytest.approx([plant.import_wh, plant.export_wh], abs=0.05 * number)
    day.disk.close()
    day.ledger.close()
