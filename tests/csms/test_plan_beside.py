"""The plan beside the cycle: made when there are prices, again after an event, followed by the controller."""

import asyncio
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from tests.csms.test_relay_links import until
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.binding import What
from v2g.depot.capability import Margins
from v2g.depot.configuration import Planning
from v2g.depot.controller import Controller
from v2g.depot.forecast import LoadProfile
from v2g.depot.ledger import Account, Memory
from v2g.depot.needs import utc
from v2g.depot.plan import STEP_S, STEPS, start_of
from v2g.depot.request import Price, PriceRequest
from v2g.depot.view import Charger, Meter, Site
from v2g.run.depot_plan import DepotPlan

START = start_of(NOW)
CHEAP_NOW = np.where(np.arange(STEPS) < 16, 0.05, 0.40)


def priced(buy: np.ndarray, *chargers: Charger) -> Site:
    prices = tuple(Price(START + n * STEP_S, float(buy[n]), float(buy[n]) - 0.02) for n in range(STEPS))
    return replace(site(*chargers), requests=(PriceRequest(by="EMS", prices=prices),))


def plan(ledger: Memory | None = None, margins: Margins | None = None) -> tuple[DepotPlan, list[str]]:
    lines: list[str] = []
    tree = site().tree
    return DepotPlan(tree, Planning(), ledger or Memory(), utc, lambda: NOW, lines.append, margins), lines


def run(beside: DepotPlan, look: Site, then: Callable[[], bool], accounts: list[Account] | None = None) -> None:
    async def history(from_s: float, until_s: float) -> list[Account]:
        return accounts or []

    async def run_it() -> None:
        serving = asyncio.create_task(beside.serve(history))
        beside.look(look, NOW)
        await until(then)
        serving.cancel()

    asyncio.run(run_it())


def powers_w(here: Site) -> tuple[float, What]:
    setpoint = Controller().step(here, NOW).setpoints["CS-1/1"]
    return setpoint.power_w, setpoint.binding.what


@pytest.mark.parametrize("reverse", [False, True])
def test_the_cycle_follows_the_plan(reverse: bool) -> None:
    here = priced(CHEAP_NOW[::-1].copy() if reverse else CHEAP_NOW, charger(1))
    beside, lines = plan()
    run(beside, here, lambda: beside.plan is not None)
    assert lines == []
    power_w, _ = powers_w(replace(here, courses=beside.courses(NOW)))
    assert power_w < -1_000 if reverse else power_w > 1_000


@pytest.mark.parametrize("margin_s", [0.0, 300.0])
def test_it_is_ready_as_long_before_a_departure_as_the_controller_wants(margin_s: float) -> None:
    here = priced(CHEAP_NOW, charger(1))
    beside, _ = plan(margins=Margins(departure_s=margin_s))
    run(beside, here, lambda: beside.plan is not None)
    needs = here.chargers["CS-1/1"].vehicle
    assert beside.plan is not None
    assert needs is not None
    assert needs.needs is not None
    assert needs.needs.departure_unix_s is not None
    assert beside.plan.leaves_unix_s == {"CS-1/1": needs.needs.departure_unix_s - margin_s}


def test_without_prices_there_is_no_plan() -> None:
    beside, _ = plan()
    beside.look(site(charger(1)), NOW)
    assert not beside._due.is_set()
    run(beside, priced(CHEAP_NOW, charger(1)), lambda: beside.plan is not None)
    assert beside.courses(NOW)
    run(beside, site(charger(1)), lambda: beside.plan is None)  # they were withdrawn
    assert beside.courses(NOW) == {}


def test_a_ledger_that_cannot_be_read_ends_nothing() -> None:
    beside, lines = plan()

    async def away(from_s: float, until_s: float) -> list[Account]:
        raise OSError("the database is away")

    async def run_it() -> None:
        serving = asyncio.create_task(beside.serve(away))
        beside.look(priced(CHEAP_NOW, charger(1)), NOW)
        await until(lambda: bool(lines))
        assert not serving.done()
        serving.cancel()

    asyncio.run(run_it())
    assert "the database is away" in lines[0]


def test_a_need_that_cannot_be_met_is_reported_once() -> None:
    assert VEHICLE.needs is not None
    soon = replace(VEHICLE, needs=replace(VEHICLE.needs, target_soc_pu=1.0, departure_unix_s=NOW + 3_600))
    beside, lines = plan()
    run(beside, priced(CHEAP_NOW, charger(1, vehicle=soon)), lambda: beside.plan is not None)
    assert len(lines) == 1
    assert "will be missing" in lines[0]


def test_an_event_and_a_battery_off_its_way_make_a_new_plan() -> None:
    here = priced(CHEAP_NOW, charger(1))
    beside, _ = plan()
    run(beside, here, lambda: beside.plan is not None)
    before = beside.plan
    beside.look(here, NOW)
    assert not beside._due.is_set()
    off = priced(CHEAP_NOW, charger(1, soc_pu=0.2))
    beside.look(replace(off, requests=here.requests), NOW)
    assert beside._due.is_set()
    beside._due.clear()
    more = replace(here, chargers={**here.chargers, "CS-2/1": charger(2)})
    beside.look(more, NOW)
    assert beside._due.is_set()
    assert beside.plan is before


def test_the_load_is_learnt_over_restarts() -> None:
    ledger = Memory()
    beside, _ = plan(ledger)
    for number in range(30):
        now = START + number * STEP_S / 10
        beside.look(replace(site(), meter=Meter(0.0, now, other_load_w=7_000.0)), now)
    kept = msgspec.msgpack.decode(ledger.kept["forecast", "load"], type=LoadProfile)
    assert sorted(each for each in kept.total_w if each) == [7_000.0, 7_000.0]
    again, _ = plan(ledger)
    assert again._load.total_w == kept.total_w
