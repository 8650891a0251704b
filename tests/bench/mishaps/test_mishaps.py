"""Random sessions with faults on purpose: everything holds, a seed is a run, and the judge can find what does not."""

from collections import Counter
from dataclasses import replace
from math import inf

import pytest

from v2g.bench.mishaps.campaign import judge, lines, table
from v2g.bench.mishaps.catalogue import CATALOGUE
from v2g.bench.mishaps.course import Course
from v2g.bench.mishaps.scenario import Mishap, Scenario, draw
from v2g.bench.sim.world import SOUND, Grid
from v2g.cli import main
from v2g.iso15118.event import Faulted
from v2g.iso15118.service import Service
from v2g.kernel.fault import Fault
from v2g.power.inverter import InverterMode
from v2g.station.event import Broke, Event
from v2g.station.evse import Evse
from v2g.station.orders import Orders
from v2g.station.step import Step

BATCHES, BATCH = 10, 20


@pytest.mark.parametrize("first", range(0, BATCHES * BATCH, BATCH))
def test_everything_holds(first: int) -> None:
    summaries = [judge(seed) for seed in range(first, first + BATCH)]
    assert {each.seed: each.violations for each in summaries if each.violations} == {}
    assert all(each.next_served is not False for each in summaries)


def test_a_seed_is_a_run() -> None:
    for seed in (3, 8, 21):
        assert draw(seed) == draw(seed)
        one, other = judge(seed), judge(seed)
        assert one == other
    assert draw(3) != draw(8)


def test_every_kind_is_drawn_and_has_a_row() -> None:
    drawn = Counter(mishap.kind for seed in range(2_000) for mishap in draw(seed).mishaps)
    assert set(drawn) == set(CATALOGUE)
    rows = table(judge(seed) for seed in range(10))
    assert len(list(lines(rows))) == len(rows) + 1


def scenario(*mishaps: Mishap, service: Service = Service.DC_BPT, cable: str = "modems") -> Scenario:
    """The first one drawn of this service and cable, with these mishaps and a car that feeds and charges."""
    found = next(each for each in map(draw, range(500)) if each.intent.service is service and each.cable == cable)
    return replace(found, mishaps=mishaps, intent=replace(found.intent, duration_s=2.5))


class Careless(Evse):
    """Sound until a test makes something of it."""

    def _settle(self, now: float, send: list[tuple[int, bytes]] | None = None) -> Step:
        step = super()._settle(now, send)
        return replace(step, orders=self.spoil(step.orders), events=tuple(filter(self.reported, step.events)))

    def spoil(self, orders: Orders) -> Orders:
        return orders

    def reported(self, event: Event) -> bool:
        return True


class NeverOpens(Careless):
    _was_closed = False

    def spoil(self, orders: Orders) -> Orders:
        self._was_closed = self._was_closed or orders.contactor_closed
        return replace(orders, contactor_closed=self._was_closed)


class Greedy(Careless):
    def spoil(self, orders: Orders) -> Orders:
        power_w = 3 * orders.inverter.power_w
        return replace(
            orders,
            inverter=replace(orders.inverter, power_w=power_w, charge_limit_w=30_000.0, discharge_limit_w=30_000.0),
        )


class Feeds(Careless):
    def spoil(self, orders: Orders) -> Orders:
        if orders.inverter.mode is not InverterMode.POWER:
            return orders
        return replace(orders, inverter=replace(orders.inverter, power_w=-3_000.0, discharge_limit_w=5_000.0))


class Restless(Careless):
    _count = 0

    def spoil(self, orders: Orders) -> Orders:
        self._count += 1
        power_w = 2_000.0 if self._count % 160 < 80 else -2_000.0
        if orders.inverter.mode is not InverterMode.POWER:
            return orders
        return replace(
            orders, inverter=replace(orders.inverter, power_w=power_w, charge_limit_w=9e3, discharge_limit_w=9e3)
        )


class Tightlipped(Careless):
    def reported(self, event: Event) -> bool:
        return not isinstance(event, Faulted | Broke)


class Deaf(Careless):
    def expire(self, now: float, unix_s: int) -> Step:
        return self._settle(now)


class Broken(Careless):
    def spoil(self, orders: Orders) -> Orders:
        if orders.inverter.mode is InverterMode.POWER:
            raise KeyError("power")
        return orders


class Breathless(Careless):
    def spoil(self, orders: Orders) -> Orders:
        if orders.inverter.mode is InverterMode.POWER:
            self._events.append(Faulted(Fault.INTERNAL, "failed"))
        return orders


STOP = Mishap("emergency stop", 0.5, True, inf)


@pytest.mark.parametrize(
    ("evse", "mishaps", "service", "found"),
    [
        (NeverOpens, (STOP,), Service.DC_BPT, "after: emergency stop"),
        (NeverOpens, (Mishap("S2 opens", 0.5, True, inf),), Service.DC_BPT, "after the car left state C"),
        (NeverOpens, (Mishap("meter silent", 0.5, True, inf),), Service.AC, "s after the fault"),
        (Greedy, (), Service.DC_BPT, "allows"),
        (Feeds, (), Service.DC, "is discharged without"),
        (Restless, (), Service.DC_BPT, "the direction turned after"),
        (Tightlipped, (STOP,), Service.DC_BPT, "no fault is in the trace"),
        (Tightlipped, (Mishap("contactor welded", 0.2, True, inf),), Service.DC_BPT, "the contactor is welded"),
        (Deaf, (Mishap("car hangs", 0.3, True, inf),), Service.DC_BPT, "after the car's last message"),
        (Deaf, (Mishap("car hangs", 0.5, False, inf),), Service.DC_BPT, "the session hangs in"),
        (Broken, (), Service.DC_BPT, "KeyError: 'power'"),
        (Breathless, (), Service.DC_BPT, "fault INTERNAL"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_what_is_wrong_is_found(evse: type[Evse], mishaps: tuple[Mishap, ...], service: Service, found: str) -> None:
    planned = scenario(*mishaps, service=service, cable="pilot" if found.startswith("the session") else "modems")
    under_way = Course(planned)
    assert judged(Course(planned)) == [], "the sound station passes"
    world = under_way.rig.world
    world.evse = evse(planned.settings, world.plant.settings.rating)
    assert any(found in what for what in judged(under_way)), judged(under_way)


def judged(under_way: Course) -> list[str]:
    return [violation.what for violation in under_way.run().violations]


def test_a_welded_contactor_that_looks_open_is_no_excuse_for_energy() -> None:
    planned = scenario(Mishap("contactor feedback contrary", 0.3, True, inf))
    assert judged(Course(planned)) == []


def test_the_next_car_must_be_served() -> None:
    planned = scenario(Mishap("door open", 0.3, True, inf))
    under_way = Course(planned)
    assert under_way.rig.world.safety is not None
    under_way.rig.world.grid_source = lambda now, plant: SOUND if now < 8.0 else Grid(frequency_hz=55.0)
    assert any(what.startswith("the next car is not served") for what in judged(under_way))


def test_replay_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mishaps", "--replay", "18"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("seed 18: ")
    assert "the car is plugged in" in told
    assert "the next car is plugged in" in told
    assert told.endswith("no violations\n")


def test_a_campaign_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mishaps", "--runs", "30", "--jobs", "2"]) == 0
    table_and_sum = capsys.readouterr().out.splitlines()
    assert table_and_sum[0].startswith("mishap, alone")
    assert table_and_sum[-1].startswith("30 runs, ")
    assert table_and_sum[-1].endswith("failed: none")
