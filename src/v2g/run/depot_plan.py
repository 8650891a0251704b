"""The plan beside a depot's cycle: made again after an event and every quarter of an hour, in a thread of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from v2g.depot.allocation import Floats
from v2g.depot.capability import Margins
from v2g.depot.configuration import Planning
from v2g.depot.forecast import Forecast, LoadProfile, visits
from v2g.depot.ledger import Account, Ledger
from v2g.depot.needs import UtcOffset
from v2g.depot.plan import STEP_S, Departure, Outlook, Plan, Stay, Targets, Terms, outlook, start_of, stays
from v2g.depot.planner import Planner
from v2g.depot.request import LimitRequest, PriceRequest, ScheduleRequest
from v2g.depot.tree import Tree
from v2g.depot.view import Charger, Course, Site

CALM_S = 2.0
"""Between two plans, whatever happens."""
HISTORY_S = 90 * 86_400.0
LEARNT_S = 6 * 3600.0
"""How long a forecast of the history is used before the history is read again."""
SOC_PU = 0.02
"""A state of charge that is further from the plan makes a new one."""
KIND, KEY = "forecast", "load"


class DepotPlan:
    """The plan of one site."""

    def __init__(
        self, tree: Tree, settings: Planning, ledger: Ledger, utc_offset_s: UtcOffset, now: Callable[[], float],
        report: Callable[[str], None], margins: Margins | None = None,
    ) -> None:  # fmt: skip
        """`report` gets lines for a person. `margins`: those of the controller."""
        self._margins = margins or Margins()
        self._settings, self._ledger, self._offset_s = settings, ledger, utc_offset_s
        self._now, self._report = now, report
        self._root = tree.root.name
        terms = Terms(
            wear_per_kwh=settings.wear_per_kwh, peak_per_kw=settings.peak_per_kw, peak_so_far_w=settings.peak_so_far_w
        )
        self._planner, self._targets = Planner(tree, terms), Targets()
        self._forecast: Forecast | None = None
        self._load = _kept(ledger)
        self._load_since, self._load_sum_w, self._load_count = -1.0, 0.0, 0
        self._due = asyncio.Event()
        self._site: Site | None = None
        self._seen: object = None
        self._since: dict[str, tuple[str | None, float]] = {}
        """Which vehicle is at a charger, and since when."""
        self.plan: Plan | None = None
        self.outlook: Outlook | None = None
        """What the plan counts with."""
        self.number = 0
        """Of plans so far: another one is another plan."""
        self._said: tuple[str, ...] = ()

    def courses(self, now: float) -> dict[str, Course]:
        """What the cycle shall follow; nothing without prices."""
        return {} if self.plan is None else self.plan.courses(now)

    def look(self, site: Site, now: float) -> None:
        """After each cycle: what has changed may need another plan."""
        self._site = site
        self._learn_load(site, now)
        for id, charger in site.chargers.items():
            vehicle = None if charger.vehicle is None else charger.vehicle.id or ""
            if self._since.get(id, (None, 0.0))[0] != vehicle:
                self._since[id] = vehicle, now
        requests = [each for each in site.requests if isinstance(each, PriceRequest | LimitRequest | ScheduleRequest)]
        if not any(isinstance(each, PriceRequest) for each in requests) and self.plan is None:
            return
        seen = start_of(now), requests, tuple(map(_event, site.chargers.values()))
        if seen != self._seen or self._strays(site, now):
            self._seen = seen
            self._due.set()

    async def serve(self, history: Callable[[float, float], Awaitable[list[Account]]]) -> None:
        """Plan until cancelled. `history`: the ledger's transactions between two instants."""
        learnt_s = float("-inf")
        while True:
            await self._due.wait()
            self._due.clear()
            now = self._now()
            try:
                if now - learnt_s > LEARNT_S:
                    learnt_s = now
                    found = visits(await history(now - HISTORY_S, now))
                    self._forecast = Forecast(found, self._offset_s(now))
                    self._load.utc_offset_s = self._offset_s(now)
                await self._again(now)
            except Exception as error:  # without a plan vehicles are charged as their needs are urgent
                self.plan = None
                self._report(f"no plan: {error!r}")
            await asyncio.sleep(CALM_S)

    async def _again(self, now: float) -> None:
        site = self._site
        wanted = None if site is None else outlook(site.requests, now, self._loads(now))
        if site is None or wanted is None:
            self.plan = None
            return
        planned = [*stays(site, now, self._targets, self._margins, self._expected), *self._arrivals(site, wanted)]
        self.plan = await asyncio.to_thread(self._planner.plan, planned, wanted, now)
        self.outlook, self.number = wanted, self.number + 1
        lines = tuple(self.plan.lines(now))
        for line in lines:
            if line.partition(":")[0] not in {each.partition(":")[0] for each in self._said}:
                self._report(f"plan: {line}")
        self._said = lines

    def expected_w(self, now: float) -> float | None:
        """What the rest of the site should draw in the step that has begun; None if too little is known of it."""
        loads_w = self._loads(now).get(self._root)
        return None if loads_w is None else float(loads_w[0])

    def _expected(self, charger: Charger) -> Departure | None:
        if self._forecast is None or charger.vehicle is None:
            return None
        since_s = self._since.get(charger.id, (None, self._now()))[1]
        return self._forecast.departure(charger.vehicle.id or "", since_s, self._now())

    def _arrivals(self, site: Site, wanted: Outlook) -> list[Stay]:
        if self._forecast is None or not site.chargers:
            return []
        usual_w = sorted(each.max_charge_w for each in site.chargers.values())[len(site.chargers) // 2]
        return self._forecast.stays(wanted.start_unix_s, self._root, usual_w)

    def _loads(self, now: float) -> dict[str, Floats]:
        expected = self._load.expected(start_of(now))
        return {} if expected is None else {self._root: expected[0]}

    def _learn_load(self, site: Site, now: float) -> None:
        """The site's other load, as a mean of each step."""
        start_s = start_of(now)
        if start_s != self._load_since:
            if self._load_count:
                self._load.add(self._load_since, self._load_sum_w / self._load_count)
                self._ledger.put(KIND, KEY, msgspec.msgpack.encode(self._load))
            self._load_since, self._load_sum_w, self._load_count = start_s, 0.0, 0
        load_w = None if site.meter is None else site.meter.other_load_w
        if load_w is not None and site.meter is not None and now - site.meter.unix_s < STEP_S:
            self._load_sum_w, self._load_count = self._load_sum_w + load_w, self._load_count + 1

    def _strays(self, site: Site, now: float) -> bool:
        """Whether a battery has other energy than the plan has made of it."""
        for id, course in self.courses(now).items():
            charger = site.chargers.get(id)
            vehicle = None if charger is None else charger.vehicle
            if charger is None or vehicle is None or vehicle.soc_pu is None or not vehicle.capacity_wh:
                continue
            reach_wh = max(charger.max_charge_w, charger.max_discharge_w) * (course.until_unix_s - now) / 3600.0
            off_wh = abs(course.energy_wh - vehicle.soc_pu * vehicle.capacity_wh) - reach_wh
            if off_wh > SOC_PU * vehicle.capacity_wh:
                return True
        return False


def _event(charger: Charger) -> tuple[object, ...]:
    """What a plan depends on and does not change by itself."""
    vehicle = charger.vehicle
    known = None if vehicle is None else (
        vehicle.id, vehicle.capacity_wh, vehicle.soc_pu is None, vehicle.needs, vehicle.discharges
    )  # fmt: skip
    return charger.online, charger.ready, charger.charge_only, known


def _kept(ledger: Ledger) -> LoadProfile:
    document = ledger.kept.get((KIND, KEY))
    if document is not None:
        with suppress(msgspec.MsgspecError):  # of another version: it is learnt again
            return msgspec.msgpack.decode(document, type=LoadProfile)
    return LoadProfile()
