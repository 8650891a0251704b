"""A day of a house in virtual time, with sun, prices of the day and a car: steered as a site, and charged at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources

import numpy as np

from v2g.depot.allocation import Floats
from v2g.depot.plan import STEPS, Outlook, start_of
from v2g.depot.simulate.home import HOUR_S, Event, House, Stay, Watch
from v2g.depot.simulate.home_site import Money, SiteRun, constant
from v2g.depot.site.control import SiteControl
from v2g.depot.site.guard import Connection
from v2g.depot.view import Charger

BEGINS_S = 1_800_057_600.0 + 12 * HOUR_S
"""A noon."""
ENDS_S = BEGINS_S + 24 * HOUR_S
PANELS_KW = 8.0
TAX, FEES = 1.21, 0.17
"""On each price that is bought, and beside it for a kWh."""
WEAR_PER_KWH = 0.03
CHARGER = Charger(id="home/1", max_charge_w=11_000.0, max_discharge_w=11_000.0, min_charge_w=500.0)
STAY = Stay(charger="home/1", from_s=BEGINS_S + 2.5 * HOUR_S, until_s=BEGINS_S + 20.0 * HOUR_S, capacity_wh=60_000.0,
            soc_pu=0.45, target_pu=0.8, floor_pu=0.35)  # fmt: skip
CONNECTION = Connection(fuse_w=24.0 * 230.0, export_w=8_000.0, silent_s=70.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """A moment. Powers in W; positive is drawn, or charges."""

    time_s: float
    grid_w: float
    house_w: float
    sun_w: float
    car_w: float
    energy_wh: float
    buy: float


@dataclass
class Day:
    """What came of one way to charge."""

    money: Money = field(default_factory=Money)
    watch: Watch = field(default_factory=lambda: Watch(0.0, 0.0))
    samples: list[Sample] = field(default_factory=list)
    house_wh: float = 0.0
    sun_wh: float = 0.0
    used_wh: float = 0.0
    """Of the sun, by house and car at the time when it shone."""
    left_wh: float = 0.0
    """In the car's battery when it left."""

    @property
    def used_pu(self) -> float:
        """Share of the sun's energy that house and car used (self-consumption)."""
        return self.used_wh / max(self.sun_wh, 1.0)


@dataclass
class Performance:
    """Both ways."""

    site: Day
    at_once: Day


class Shapes:
    """The recorded courses."""

    def __init__(self) -> None:
        text = resources.files("v2g.depot.simulate").joinpath("data/home.csv").read_text()
        rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")][1:]
        load, sun, price = (np.array([float(row[column]) for row in rows]) for column in (1, 2, 3))
        self.load_w: Floats = load
        self.sun_w: Floats = sun * PANELS_KW
        self.sell: Floats = price / 1000.0
        self.buy: Floats = price / 1000.0 * TAX + FEES
        self.sell = np.minimum(self.sell, self.buy)

    def events(self) -> list[Event]:
        """What flows in each phase, quarter by quarter; the sun is on three phases, the dwelling too."""
        net_w = (self.load_w - self.sun_w) / 3.0
        return [(BEGINS_S + 900.0 * number, (each, each, each)) for number, each in enumerate(net_w.tolist())]

    def outlook(self, now: float) -> Outlook:
        """What is to come, as a perfect forecast has it; after the day its last quarter goes on."""
        first = int((start_of(now) - BEGINS_S) // 900.0)
        at = np.minimum(np.arange(first, first + STEPS), STEPS - 1)
        return Outlook(start_unix_s=start_of(now), buy_per_kwh=self.buy[at], sell_per_kwh=self.sell[at],
                       loads_w={"site": (self.load_w - self.sun_w)[at]})  # fmt: skip


def perform(
    seconds: float, say: Callable[[str], None], clock: Callable[[], float], wait: Callable[[float], None]
) -> Performance:
    """The day, in `seconds` of real time. `clock`: monotonic seconds; `wait` lets real time pass."""
    shapes = Shapes()
    at_once = charged_at_once(shapes)
    say("  kW; grid: + drawn, - fed; car: + charges, - feeds; price of a kWh drawn in EUR")
    say("  time     grid   house     sun     car  battery   price")
    run, day = steered(shapes)
    began_s = clock()
    for hour in range(24):
        run.run(BEGINS_S + (hour + 1) * HOUR_S)
        say(_line(day.samples[-1]))
        wait(max(seconds * (hour + 1) / 24.0 - (clock() - began_s), 0.0))
    return Performance(day, at_once)


def steered(shapes: Shapes) -> tuple[SiteRun, Day]:
    """The house as a site, at its beginning."""
    random = np.random.default_rng(1)
    house = House([CHARGER], shapes.events(), random, coarse_s=60.0)
    buy, sell = constant(shapes.buy, BEGINS_S), constant(shapes.sell, BEGINS_S)
    run = SiteRun(house, SiteControl(CONNECTION), [STAY], outlook=shapes.outlook, wear_per_kwh=WEAR_PER_KWH,
                  prices=lambda now: (buy(now), sell(now)))  # fmt: skip
    day = Day(run.money, run.watch)
    run.looked = _watching(run, day, shapes)
    return run, day


def charged_at_once(shapes: Shapes) -> Day:
    """The same day; the car charges with all that its charger has, until it has what it needs."""
    run, day = steered(shapes)
    house, ordered_w = run.house, 0.0
    while house.now < ENDS_S:
        run.come_and_go()
        stay = house.stays.get(CHARGER.id)
        needs = stay is not None and house.energies_wh[CHARGER.id] < (STAY.target_pu or 1.0) * STAY.capacity_wh
        wanted_w = CHARGER.max_charge_w if needs else 0.0
        if wanted_w != ordered_w:
            house.order({CHARGER.id: wanted_w})
            ordered_w = wanted_w
        run.pass_time(ENDS_S)
    return day


def _watching(run: SiteRun, day: Day, shapes: Shapes) -> Callable[[], None]:
    sun, load = (constant(each, BEGINS_S) for each in (shapes.sun_w, shapes.load_w))

    flows = {"at": run.house.now, "car": 0.0}

    def look() -> None:
        house, now = run.house, run.house.now
        hours, middle = (now - flows["at"]) / HOUR_S, (now + flows["at"]) / 2
        day.house_wh += load(middle) * hours
        day.sun_wh += sun(middle) * hours
        day.used_wh += min(sun(middle), load(middle) + max(flows["car"], 0.0)) * hours
        flows["at"], flows["car"] = now, house.cars_w[0]
        day.left_wh = house.energies_wh[CHARGER.id]
        if day.samples and now - BEGINS_S - day.samples[-1].time_s < 59.0:
            return
        day.samples.append(_sample(run, shapes))

    return look


def _sample(run: SiteRun, shapes: Shapes) -> Sample:
    house, before = run.house, run.house.now - 1.0
    sun, buy = (constant(each, BEGINS_S)(before) for each in (shapes.sun_w, shapes.buy))
    load = sum(house.load_w) + sun  # at a change of the quarter too, what is shown adds up
    energy_wh = house.energies_wh[CHARGER.id] if house.stays else float("nan")
    return Sample(house.now - BEGINS_S, sum(house.meter_w), load, sun, house.cars_w[0], energy_wh, buy)


def _line(each: Sample) -> str:
    hour = (12.0 + each.time_s / HOUR_S) % 24.0
    battery = "away" if np.isnan(each.energy_wh) else f"{100 * each.energy_wh / STAY.capacity_wh:.0f} %"
    powers = (each.grid_w, each.house_w, each.sun_w, each.car_w)
    columns = "  ".join(f"{round(power_w / 1000, 2) + 0.0:+6.2f}" for power_w in powers)
    return f"  {int(hour):02}:{round(hour % 1 * 60) % 60:02}  {columns}  {battery:>7}  {each.buy:6.3f}"


def names(done: Performance) -> Iterator[tuple[str, Day]]:
    """Each way with its name."""
    yield "steered", done.site
    yield "at once", done.at_once
