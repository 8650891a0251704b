"""Random sessions with faults on purpose: everything holds, a seed is a run, and the judge can find what does not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from math import inf

import pytest
from msgspec.structs import replace as changed

from v2g.bench.mishaps.campaign import judge, lines, table
from v2g.bench.mishaps.catalogue import CATALOGUE, FAMILIES
from v2g.bench.mishaps.course import Course
from v2g.bench.mishaps.scenario import Mishap, Scenario, draw
from v2g.bench.sim.world import SOUND, Grid
from v2g.cli import main
from v2g.iso15118.event import Faulted
from v2g.iso15118.service import Service
from v2g.iso15118.view import Stage
from v2g.kernel.fault import Fault
from v2g.power.inverter import InverterMode, InverterRating
from v2g.station.access import Answer, Verdict
from v2g.station.config.settings import EvseSettings
from v2g.station.event import Broke, Event
from v2g.station.evse import Evse
from v2g.station.kept import KeptEvse
from v2g.station.orders import Orders
from v2g.station.power.situation import OperatorLimits
from v2g.station.readings import Readings
from v2g.station.step import Step

BATCHES, BATCH = 3, 10
TRIES = 20
"""Scenarios in which a sabotage may show itself: its chance to do harm is drawn as well."""


@pytest.mark.parametrize("first", range(0, BATCHES * BATCH, BATCH))  # `make proof` runs 10 000 others
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


def test_mishaps_come_in_pairs_and_triples_of_one_family_and_close_to_each_other() -> None:
    drawn = [draw(seed).mishaps for seed in range(1_500)]
    assert Counter(map(len, drawn))[2] > 200
    assert Counter(map(len, drawn))[3] > 100
    pairs = [(one, other) for mishaps in drawn for one, other in pairwise(mishaps)]
    close = [pair for pair in pairs if pair[0].after == pair[1].after and abs(pair[0].at_s - pair[1].at_s) < 0.1]
    related = [pair for pair in pairs if any(all(each.kind in family for each in pair) for family in FAMILIES)]
    assert len(close) > len(pairs) / 4
    assert len(related) > len(pairs) / 4
    assert any({each.kind for each in pair} == {"PowerDelivery once more", "car hangs"} for pair in close)
    assert any(one.kind == other.kind for one, other in pairs)


def scenarios(*mishaps: Mishap, service: Service = Service.DC_BPT, cable: str = "modems") -> Iterator[Scenario]:
    """Those drawn of this service and cable, with these mishaps and a car that stays long enough for them."""
    needs_s = max((CATALOGUE[each.kind].needs_s for each in mishaps), default=0.0)
    for found in map(draw, range(300)):
        concerned = all(CATALOGUE[each.kind].concerns(found.settings) for each in mishaps)
        if found.intent.service is service and found.cable == cable and concerned:
            duration_s = 2.5 + (min(needs_s, 1.0) if service.dc else needs_s)
            yield replace(found, mishaps=mishaps, intent=replace(found.intent, duration_s=duration_s))


def scenario(*mishaps: Mishap, service: Service = Service.DC_BPT, cable: str = "modems") -> Scenario:
    return next(scenarios(*mishaps, service=service, cable=cable))


class Careless(Evse):
    """Sound until a test makes something of it."""

    def _step(self, send: list[tuple[int, bytes]] | None = None) -> Step:
        step = super()._step(send)
        return replace(step, orders=self.spoil(step.orders), events=tuple(filter(self.reported, step.events)))

    def spoil(self, orders: Orders) -> Orders:
        return orders

    def reported(self, event: Event) -> bool:
        return True


class NeverOpens(Careless):
    _was_closed = False

    def spoil(self, orders: Orders) -> Orders:
        self._was_closed = self._was_closed or orders.contactor_closed
        return changed(orders, contactor_closed=self._was_closed)


class Greedy(Careless):
    def spoil(self, orders: Orders) -> Orders:
        power_w = 3 * orders.inverter.power_w
        return changed(
            orders,
            inverter=replace(orders.inverter, power_w=power_w, charge_limit_w=30_000.0, discharge_limit_w=30_000.0),
        )


class Feeds(Careless):
    def spoil(self, orders: Orders) -> Orders:
        if orders.inverter.mode is not InverterMode.POWER:
            return orders
        return changed(orders, inverter=replace(orders.inverter, power_w=-3_000.0, discharge_limit_w=5_000.0))


class Restless(Careless):
    _count = 0

    def spoil(self, orders: Orders) -> Orders:
        self._count += 1
        power_w = 2_000.0 if self._count % 160 < 80 else -2_000.0
        if orders.inverter.mode is not InverterMode.POWER:
            return orders
        return changed(
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


class Patient(Careless):
    """Takes every message for a sign of life."""

    _heard_s = 0.0

    def receive(self, payload_type: int, payload: bytes, now: float, unix_s: int) -> Step:
        self._heard_s = now
        return super().receive(payload_type, payload, now, unix_s)

    def expire(self, now: float, unix_s: int) -> Step:
        return super().expire(now, unix_s) if now - self._heard_s > 0.5 else self._settle(now)


class Blind(Careless):
    """Does not look at the meter."""

    def measured(self, readings: Readings, now: float, unix_s: int, rating: InverterRating | None = None) -> Step:
        if readings.meter is not None:
            readings = changed(readings, meter=replace(readings.meter, power_w=0.0))
        return super().measured(readings, now, unix_s, rating)


class Unlimited(Careless):
    """Knows no limit of site and operator."""

    def _settle(self, now: float, send: list[tuple[int, bytes]] | None = None) -> Step:
        self.site, self.operator = None, OperatorLimits()
        return super()._settle(now, send)


class OnTheBench(Careless):
    """Lets an AC car feed."""

    def __init__(self, settings: EvseSettings, rating: InverterRating | None = None) -> None:
        super().__init__(changed(settings, bench_ac_bpt=True), rating)


class Nervous(Careless):
    """Judges an old reading by a new limit."""

    def measured(self, readings: Readings, now: float, unix_s: int, rating: InverterRating | None = None) -> Step:
        step = super().measured(readings, now, unix_s, rating)
        flows = readings.inverter is not None and readings.inverter.current_a > self.car.limits.charge_a + 1.0
        if flows and self.visit.trip is None and self.demand.stage is Stage.ENERGY:
            self._fail(Fault.OVER_CURRENT, "more than the car allows", now, unix_s)
        return step


class Credulous(Careless):
    """Hands the car's numbers to its driver."""

    def spoil(self, orders: Orders) -> Orders:
        if orders.inverter.mode is not InverterMode.POWER:
            return orders
        return changed(orders, inverter=replace(orders.inverter, voltage_v=self.car.limits.voltage_max_v))


class Loyal(Careless):
    """Once granted, for ever."""

    _granted: Verdict | None = None

    def _judge(self, now: float) -> Verdict:
        verdict = super()._judge(now)
        if verdict.answer is Answer.GRANTED:
            self._granted = verdict
        return self._granted or verdict


class Forgetful(Careless):
    """Nothing of what an operator set gets to its disk."""

    @property
    def kept(self) -> KeptEvse:
        return KeptEvse()


class Found(BaseException):
    """What was looked for is among the violations: the rest of the run is of no interest."""


class Sabotaged(Course):
    """A run of a careless station, up to the violation that must be found."""

    def __init__(self, planned: Scenario, evse: type[Evse], wanted: str) -> None:
        super().__init__(planned)
        self._wanted = wanted
        self.rig.world.evse = evse(planned.settings, self.rig.world.plant.settings.rating)

    def found(self) -> bool:
        try:
            return any(self._wanted in what for what in judged(self))
        except Found:
            return True

    def _step(self, step_s: float) -> None:
        super()._step(step_s)
        if any(self._wanted in violation.what for violation in self.checker.violations):
            raise Found


STOP = Mishap("emergency stop", 0.5, "energy", inf)
HOLD = Mishap("PowerDelivery instead of the loop", 0.5, "energy", inf)
AT_WILL = Mishap("car draws or feeds at will", 0.0, "plug", inf)
MUTE = Mishap("car does not talk", 0.0, "plug", inf)
SITE = Mishap("site limit falls", 0.5, "energy", inf)
OPERATOR = Mishap("operator limit falls", 0.1, "energy", inf)
RESTART = Mishap("station restarted", 0.5, "energy", 0.5)
WILD = Mishap("wild numbers", 0.0, "plug", inf)


@pytest.mark.parametrize(
    ("evse", "mishaps", "service", "found"),
    [
        (NeverOpens, (STOP,), Service.DC_BPT, "after: emergency stop"),
        (NeverOpens, (Mishap("S2 opens", 0.5, "energy", inf),), Service.DC_BPT, "after the car left state C"),
        (NeverOpens, (Mishap("meter silent", 0.5, "energy", inf),), Service.AC, "s after the fault"),
        (Greedy, (), Service.DC_BPT, "allows"),
        (Feeds, (), Service.DC, "is discharged without"),
        (Restless, (), Service.DC_BPT, "the direction turned after"),
        (Tightlipped, (STOP,), Service.DC_BPT, "no fault is in the trace"),
        (Tightlipped, (Mishap("contactor welded", 0.2, "energy", inf),), Service.DC_BPT, "the contactor is welded"),
        (Deaf, (Mishap("car hangs", 0.3, "energy", inf),), Service.DC_BPT, "after the car's last charge-loop request"),
        (Deaf, (Mishap("car hangs", 0.5, "plug", inf),), Service.DC_BPT, "the session hangs in"),
        (Patient, (HOLD,), Service.DC_BPT, "after the car's last charge-loop request"),
        (Patient, (HOLD,), Service.AC, "after the car's last charge-loop request"),
        (Blind, (AT_WILL, Mishap("car hangs", 0.0, "ready", inf)), Service.AC, "outside of the charge loop"),
        (Blind, (AT_WILL,), Service.AC, "is discharged without"),
        (Blind, (MUTE,), Service.AC, "W, the duty cycle allows"),
        (Unlimited, (SITE,), Service.DC_BPT, "the site limit is"),
        (Unlimited, (SITE,), Service.AC, "the site limit is"),
        (Unlimited, (OPERATOR,), Service.DC_BPT, "the operator limit is"),
        (Forgetful, (OPERATOR, RESTART), Service.DC_BPT, "the operator limit is"),
        (OnTheBench, (), Service.AC_BPT, "is discharged without"),
        (Nervous, (Mishap("car lowers its limits", 0.5, "energy", inf),), Service.DC, "nothing is wrong, and"),
        (Credulous, (WILD,), Service.DC, "beyond what the EVSE can do"),
        (Loyal, (Mishap("authorisation revoked", 0.5, "energy", inf),), Service.DC_BPT, "after: authorisation revoked"),
        (Broken, (), Service.DC_BPT, "KeyError: 'power'"),
        (Breathless, (), Service.DC_BPT, "fault INTERNAL"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_what_is_wrong_is_found(evse: type[Evse], mishaps: tuple[Mishap, ...], service: Service, found: str) -> None:
    cable = "pilot" if found.startswith("the session") or MUTE in mishaps else "modems"
    for planned in islice(scenarios(*mishaps, service=service, cable=cable), TRIES):
        if Sabotaged(planned, evse, found).found():
            assert judged(Course(planned)) == [], "the sound station passes"
            return
    pytest.fail(f"{evse.__name__} passes")


@pytest.mark.parametrize(
    ("listed", "found"), [(True, "W out of a car"), (False, "is discharged without authorisation")]
)
def test_a_negative_current_that_is_taken_too_early_is_found(listed: bool, found: str) -> None:
    planned = next(
        replace(each, mishaps=())
        for each in map(draw, range(2_000))
        if each.intent.negative_current
        and bool(each.settings.access.negative_current_unproved) == listed
        and each.settings.may_feed
        and each.intent.limits.discharge_w > 4_000
        and each.settings.capability.discharge_w > 4_000
    )
    assert Sabotaged(planned, Feeds, found).found()
    assert judged(Course(planned)) == [], "the sound station passes"


def judged(under_way: Course) -> list[str]:
    return [violation.what for violation in under_way.run().violations]


def test_a_welded_contactor_that_looks_open_is_no_excuse_for_energy() -> None:
    planned = scenario(Mishap("contactor feedback contrary", 0.3, "energy", inf))
    assert judged(Course(planned)) == []


def test_the_next_car_must_be_served() -> None:
    planned = scenario(Mishap("door open", 0.3, "energy", inf))
    under_way = Course(planned)
    assert under_way.rig.world.safety is not None
    under_way.rig.world.grid_source = lambda now, plant: SOUND if now < 8.0 else Grid(frequency_hz=55.0)
    assert any(what.startswith("the next car is not served") for what in judged(under_way))


def test_replay_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mishaps", "--replay", "18"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("seed 18: ")
    assert "the car is plugged in" in shown
    assert "the next car is plugged in" in shown
    assert shown.endswith("no violations\n")


def test_a_campaign_ends_with_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mishaps", "--runs", "8", "--jobs", "2"]) == 0
    table_and_sum = capsys.readouterr().out.splitlines()
    assert table_and_sum[0].startswith("mishap, alone")
    assert table_and_sum[-1].startswith("8 runs, ")
    assert table_and_sum[-1].endswith("failed: none")
