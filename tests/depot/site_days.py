"""Simulated days of a house for the tests: a house of its own for each seed."""

import numpy as np
from msgspec.structs import replace

from v2g.depot.request import PowerRequest, Request
from v2g.depot.simulate.home import DAY_S, House, Stay, Store, Watch, random_day
from v2g.depot.simulate.home_site import SiteRun
from v2g.depot.site.control import Battery, SiteControl
from v2g.depot.site.guard import Connection
from v2g.depot.view import Charger

BEGINS_S = 1_800_057_600.0
COARSE_S = 300.0


def charger(number: int, phases: str = "123", least_w: float = 1_400.0) -> Charger:
    """11 kW on three phases, 7.4 kW on one; feeds as much. Its station opens for a car that does not follow."""
    rating_w = 11_000.0 if len(phases) == 3 else 7_400.0
    return Charger(
        id=f"CS-{number}/1", phases=phases, max_charge_w=rating_w, max_discharge_w=rating_w, min_charge_w=least_w,
        min_discharge_w=min(least_w, 300.0), opens=True,
    )  # fmt: skip


def random_car(random: np.random.Generator, charger: str, begins_s: float) -> Stay:
    """A car that follows at once, as if by a station's inverter; or by its own, slowly or late; or the duty cycle, up
    to 8 s late as the station itself may wait for 5 s; or never."""
    stay = Stay(charger=charger, from_s=begins_s, until_s=begins_s + DAY_S, target_pu=None)
    match random.choice(["prompt", "slow", "late", "duty cycle", "deaf"], p=[0.4, 0.2, 0.1, 0.2, 0.1]):
        case "slow":
            return replace(stay, pace_w_s=float(10.0 ** random.uniform(2.3, 3.7)))
        case "late":
            return replace(
                stay, delay_s=float(random.uniform(0.3, 3.0)), pace_w_s=float(10.0 ** random.uniform(3.0, 4.0))
            )
        case "duty cycle":
            return replace(stay, delay_s=float(random.uniform(0.5, 8.0)), feeds=False)
        case "deaf":
            return replace(stay, deaf=True)
    return stay


def random_phases(random: np.random.Generator) -> str:
    """Those of its charger's three that a car uses: half of the cars all of them, others two or one, any of them."""
    return str(random.choice(["", "1", "2", "3", "12", "23", "13"], p=[0.5, 0.1, 0.1, 0.1, 0.2 / 3, 0.2 / 3, 0.2 / 3]))


def random_run(seed: int, begins_s: float = BEGINS_S, wiring: tuple[str, ...] = ()) -> SiteRun:
    """A house whose connection, chargers, battery, appliances, sun, cars and requests are drawn at random.
    Somebody asks for powers far beyond what the house leaves, so that its limits bind most of the time. `wiring`: in
    the place of a random one."""
    random = np.random.default_rng(seed)
    wirings = (("123",), ("1",), ("2", "123"), ("1", "2", "3"))[int(random.integers(4))]
    wires = np.random.default_rng((seed, 2))
    first = int(wires.integers(3))  # the rotation of the phases, from the connection to the chargers
    turned = tuple(each if len(each) > 1 else "123123"[int(each) - 1 + first] for each in wirings)
    chargers = [charger(number, phases) for number, phases in enumerate(wiring or turned, 1)]
    store = Store() if random.random() < 0.3 else None
    sun_w = float(random.choice([0.0, 5_000.0, 10_000.0]))
    events = random_day(random, begins_s, sun_w, str(random.choice(["123", "1"])))
    house = House(chargers, events, random, store, COARSE_S)
    connection = Connection(
        fuse_w=(float(random.choice([25.0, 35.0])) - 1.0) * 230.0,
        export_w=float(random.choice([0.0, 3_000.0, 10_000.0])),
        silent_s=COARSE_S + 1.0,
    )
    control = SiteControl(connection, battery=None if store is None else Battery(silent_s=COARSE_S + 1.0))
    times = np.sort(random.uniform(begins_s, begins_s + DAY_S, 60)).tolist()
    powers_w = random.uniform(-15_000.0, 20_000.0, 60).tolist()

    def requests(now: float) -> tuple[Request, ...]:
        asked = [power_w for at_s, power_w in zip(times, powers_w, strict=True) if at_s <= now]
        return (PowerRequest(by="somebody", power_w=asked[-1]),) if asked else ()

    cars = np.random.default_rng((seed, 1))
    visits = [
        replace(random_car(cars, each.id, begins_s), phases=random_phases(wires) if each.phases == "123" else "")
        for each in chargers
    ]
    return SiteRun(house, control, visits, requests=requests)


def a_day(seed: int) -> Watch:
    """How long limits were exceeded in the day of that seed."""
    run = random_run(seed)
    run.run(BEGINS_S + DAY_S)
    return run.watch
