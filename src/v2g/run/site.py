"""The process of a site: a depot of one to ten chargers that heeds its house's meter, sun, prices and limits."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec
from msgspec.structs import replace

from v2g.depot.capability import Margins
from v2g.depot.controller import Controller
from v2g.depot.controller import Settings as ControllerSettings
from v2g.depot.dispatch import Trouble as ControlTrouble
from v2g.depot.request import PriceRequest
from v2g.depot.response import Dynamics
from v2g.depot.shown import Shown
from v2g.depot.site import shown
from v2g.depot.site.configuration import (
    ControlBox,
    SiteConfiguration,
    battery_of,
    connection_of,
    depot_of,
    follow_of,
)
from v2g.depot.site.control import SiteControl, plan_tree_of
from v2g.depot.site.grid_limit import Contact, GridLimit, Limit, Stated
from v2g.depot.site.guard import SiteNotice, Trouble
from v2g.depot.site.orders import Mode, Orders
from v2g.depot.site.pace import Pace
from v2g.depot.site.reading import BatteryReading, HouseReading, why_implausible
from v2g.depot.tree import Tree
from v2g.depot.view import Charger, Course, Site
from v2g.io import modbus, site_prices
from v2g.io.depot_http import Api
from v2g.io.depot_ledger import SqliteLedger
from v2g.io.depot_mqtt import keep
from v2g.io.depot_postgres import PostgresLedger
from v2g.io.site_http import House, SiteApi, Stored
from v2g.io.site_log import LimitLog
from v2g.io.site_meter import BatteryAtBroker, MeterAtBroker, SunAtBroker, ask, meter_of
from v2g.io.site_prices import PriceError
from v2g.kernel.errors import V2GError
from v2g.kernel.within import Within
from v2g.power.address import parse
from v2g.power.errors import PowerError
from v2g.power.registers.port import Table
from v2g.run.depot import DepotProcess

LIMIT = "limit", "grid operator"
"""What a program has stated, in the ledger."""
SLOW = "slow cars", "site"
"""How fast their cars give up power, by charger, in the ledger."""
INPUTS_S, FILE_S = 0.5, 10.0
"""Between two looks at the control box's contacts, and at a file of prices."""
LATENCY_S = 0.2
LOSS = ControlTrouble.LOSS
"""The house's meter does not show its chargers by themselves: such a difference says nothing here."""
OVER_S = 10.0
"""What has not come back for so long is over: one that comes and goes is in the log once."""
SUN_S = 60.0
"""What the sun gave longer ago is not shown."""


class SiteProcess(DepotProcess):
    """One site. `run` lasts until it is cancelled or `stop` is called."""

    MARGINS = Margins(departure_s=300.0)

    def __init__(
        self, settings: SiteConfiguration, ledger: SqliteLedger | PostgresLedger, report: Callable[[str], None]
    ) -> None:
        """`report` gets the lines of the log. Raises `V2GError` for what cannot be opened."""
        self.settings = settings
        self._box = settings.control_box
        self.control = SiteControl(
            connection_of(settings),
            battery=battery_of(settings),
            follow=follow_of(settings),
            limit=None if self._box is None else limit_of(self._box),
        )
        self._prices: PriceRequest | None = None
        self._looked_for_prices = False
        self._fixed = site_prices.fixed(settings.tariff)
        self._warned: dict[Trouble, float] = {}
        """What is in the log, and when it was seen last."""
        self._implausible = ""
        self._sun: tuple[float, float] | None = None
        """What it gives, and when that was measured."""
        super().__init__(depot_of(settings), ledger, report)
        self.orders = Orders(self.margins)
        self.controller = Controller(
            ControllerSettings(
                cycle_s=settings.cycle_s,
                ignore_pu=0.0,  # what is left alone is paid for
                margins=self.margins,
                dynamics=Dynamics(latency_s=LATENCY_S),
            )
        )
        kept = self.ledger.kept.get(LIMIT)
        if self._box is not None and self._box.remote and kept is not None:
            with suppress(msgspec.MsgspecError):  # of another version: the program states it again
                self._remote().recall(msgspec.msgpack.decode(kept, type=Stated))
        self._slow: dict[str, Pace] = {}
        if (slow := self.ledger.kept.get(SLOW)) is not None:
            with suppress(msgspec.MsgspecError):  # of another version: they are measured again
                self._slow = msgspec.msgpack.decode(slow, type=dict[str, Pace])
        self.control.paces.recall(self._slow)
        self._meter = meter_of(settings.meter)
        self._log = None if self._box is None or self._box.log is None else LimitLog(self._box.log)

    # What comes in

    def house_read(self, reading: House) -> None:
        """A reading that a program brings."""
        wrong = self._take(HouseReading(unix_s=0.0, powers_w=reading.powers_w, currents_a=reading.currents_a,
                                        voltages_v=reading.voltages_v))  # fmt: skip
        if wrong:
            raise V2GError(f"the reading is left out: {wrong}")

    def battery_read(self, reading: Stored) -> None:
        """A reading of the house's battery."""
        self._store(BatteryReading(unix_s=0.0, power_w=reading.power_w, soc_pu=reading.soc_pu))

    def sun_read(self, power_w: float) -> None:
        """What the sun gives, for the page."""
        self._sun = power_w, self.now()

    def order(self, charger: str, mode: Mode) -> None:
        """What the car there shall follow from now on. Raises `V2GError`."""
        visit, now = self.gateway.visit(charger), self.now()
        if visit is None:
            raise V2GError(f"{charger}: no car is plugged in here")
        self.orders.put(self.gateway.chargers(now)[charger], visit, mode, now)
        self.pause(charger, mode is Mode.PAUSE)

    def plan(self) -> Shown:
        """The plan of a day ahead."""
        made = self._plan
        return shown.plan_of(made.plan, made.outlook, self._tree.root.name, self.site.chargers, self.now())

    def contacts_read(self, active: Mapping[str, bool]) -> None:
        """Which contacts of the control box are active."""
        if self._box is None or not self._box.contacts or self._box.inputs is not None:
            raise V2GError("no contacts come over HTTP here; see control_box in the configuration")
        known = {each.name for each in self._box.contacts}
        if unknown := sorted(set(active) - known):
            raise V2GError(f"there is no contact {unknown[0]}; the contacts are {', '.join(sorted(known))}")
        self._limit().contacts(active, self.now())
        self._news.set()

    def limited(self, limit: Limit) -> None:
        """A limit of the grid operator."""
        remote = self._remote()
        remote.put(limit, self.now())
        self.ledger.put(*LIMIT, msgspec.msgpack.encode(remote.stated))
        self.ledger.commit()
        self._news.set()

    def heartbeat(self) -> None:
        """The program that states limits is there."""
        self._remote().heartbeat(self.now())

    def limits(self) -> dict[str, Any]:
        """What the grid operator limits just now."""
        bound = self.control.bound(self.now())
        return {
            "charge_w": bound.charge_w if isfinite(bound.charge_w) else None,
            "feed_w": bound.feed_w if isfinite(bound.feed_w) else None,
            "by": bound.by,
        }

    def house(self) -> dict[str, Any]:
        """What the house draws, and what it leaves its chargers."""
        reading, room = self.control.guard.reading, self.control.room(self.now())
        return {
            "connection_w": None if reading is None else list(reading.powers_w),
            "age_s": None if reading is None else self.now() - reading.unix_s,
            "house_w": self.control.house_w,
            "charge_room_w": [each if isfinite(each) else None for each in room.charge_w],
            "feed_room_w": [each if isfinite(each) else None for each in room.discharge_w],
        }

    def _take(self, reading: HouseReading) -> str:
        """Take over a reading; returns why it is left out, if it is."""
        connection, sign = self.settings.connection, -1.0 if self.settings.meter.reversed else 1.0
        first, second, third = (sign * power_w for power_w in reading.powers_w)
        reading = replace(reading, unix_s=self.now(), powers_w=(first, second, third))
        wrong = why_implausible(reading, connection.fuse_a, connection.nominal_v) or ""
        if wrong and not self._implausible:
            self._report(f"a reading of the house's meter is left out: {wrong}; check its model and its wiring")
        self._implausible = wrong
        if not wrong:
            self.control.measured(reading, self.site.chargers)
            self._news.set()
        return wrong

    def _store(self, reading: BatteryReading) -> None:
        self.control.stored(replace(reading, unix_s=self.now()))

    def _limit(self) -> GridLimit:
        assert self.control.limit is not None
        return self.control.limit

    def _remote(self) -> GridLimit:
        if self._box is None or not self._box.remote:
            raise V2GError("no program states limits here; set control_box.remote in the configuration")
        return self._limit()

    def explained(self, of: str = "") -> dict[str, list[str]]:
        """As of a depot, and first what the page of the house says."""
        found = super().explained(of)
        for car in self._home()["cars"]:
            if car["id"] in found:
                found[car["id"]].insert(1, car["why"])
        return found

    # The cycle

    def _planned_tree(self) -> Tree:
        return plan_tree_of(self.control.connection)

    def _api(self, codes: Mapping[str, str]) -> Api:
        return SiteApi(self, self._gate, codes)

    def _work(self, ready: Callable[[str], None]) -> list[Any]:
        work, settings = super()._work(ready), self.settings

        def reporter(key: str) -> Callable[[str], None]:
            """Reports a text with the key of the configuration that it is about."""
            return lambda text: self._report(f"{key}: {text}")

        if self._meter is not None:
            work.append(ask(self._meter, settings.meter.every_s, self._take, self._report))
        if settings.meter.mqtt is not None:
            meter = MeterAtBroker(settings.meter.mqtt, self._take, settings.meter.silent_s)
            work.append(keep(meter.serve, reporter("meter.mqtt")))
        if settings.battery is not None and settings.battery.broker is not None:
            work.append(keep(BatteryAtBroker(settings.battery, self._store).serve, reporter("battery")))
        if settings.sun is not None:
            work.append(keep(SunAtBroker(settings.sun, self.sun_read).serve, reporter("sun")))
        if settings.tariff.source is not None:
            work.append(self._follow_prices())
        if self._box is not None and self._box.inputs is not None:
            work.append(self._read_inputs(self._box, self._box.inputs))
        return work

    def _due(self) -> bool:
        return self.control.urgent(self.now()) or super()._due()

    def _seen(self) -> Site:
        now, site = self.now(), super()._seen()
        prices = self._valid_prices(now) or self._fixed
        free = self._from_sun(site.chargers, site.courses)
        courses = {id: course for id, course in site.courses.items() if id not in free}
        site = replace(site, requests=(*site.requests, prices), courses=courses)
        local = datetime.fromtimestamp(now)
        day_s = 3600.0 * local.hour + 60.0 * local.minute + local.second
        ordered_w = self.orders.powers_w(site.chargers, self.gateway.visit, now)
        return self.control.view(site, now, day_s, self._plan.plan, self._plan.expected_w(now), free, ordered_w)

    def _within(self) -> Mapping[str, Within]:
        return self.control.within

    def _valid_prices(self, now: float) -> PriceRequest | None:
        """Those of the day; None if there are none, or if they are of another day."""
        prices = self._prices
        return prices if prices is not None and prices.from_unix_s <= now <= prices.until_unix_s else None

    def _from_sun(self, chargers: Mapping[str, Charger], courses: Mapping[str, Course]) -> frozenset[str]:
        if not self.settings.from_sun:
            return frozenset()
        found = set()
        for id, charger in chargers.items():
            needs = None if charger.vehicle is None else charger.vehicle.needs
            known = id in courses and needs is not None and needs.departure_unix_s is not None
            if charger.vehicle is not None and not known:
                found.add(id)
        return frozenset(found)

    def step(self) -> None:
        """One cycle: look, decide, send."""
        super().step()
        now = self.now()
        if self.dispatch is not None:
            self.control.decided(self.dispatch, self.site.chargers, now)
            self._keep_slow()
            self.orders.decided(self.dispatch.setpoints)
        warnings = {each.trouble: each.text for each in self._warnings()}
        for code in sorted(warnings.keys() - self._warned):
            self._report(f"{code} {warnings[code]}")
        self._warned |= dict.fromkeys(warnings, now)
        for over in [code for code, seen_s in self._warned.items() if now - seen_s >= OVER_S]:
            self._report(f"{over} is over")
            del self._warned[over]
        self._write(now)

    def _keep_slow(self) -> None:
        slow = self.control.paces.known(self.site.chargers)
        if slow != self._slow:  # the next commit takes it along
            self._slow = slow
            self.ledger.put(*SLOW, msgspec.msgpack.encode(slow))

    def _write(self, now: float) -> None:
        if self._log is None:
            return
        measured = [each.measured_w for each in self.site.chargers.values() if each.measured_w is not None]
        reading = self.control.guard.reading
        drawn_w = None if reading is None or self.control.guard.silent(now) else sum(reading.powers_w)
        try:
            self._log.see(self.control.bound(now), sum(measured), drawn_w, now, time.time())
        except V2GError as error:
            self._complain(str(error))

    def _warnings(self) -> list[SiteNotice]:
        found = self.control.notices(self.now())
        if self._looked_for_prices and self._valid_prices(self.now()) is None:
            found.append(SiteNotice(Trouble.NO_PRICES, "tariff.source has no valid prices; the fixed tariff holds"))
        return found

    def status(self) -> Shown:
        """The site in few numbers."""
        found, guard, limits = super().status(), self.control.guard, self.limits()
        reading = None if guard.silent(self.now()) else guard.reading
        warnings = [{"code": each.trouble.value, "about": "house", "text": each.text} for each in self._warnings()]
        return found | {
            "notices": [*(each for each in found.get("notices", ()) if each["code"] != LOSS), *warnings],
            "connection_w": None if reading is None else sum(reading.powers_w),
            "house_w": None if reading is None else self.control.house_w,
            "limit_w": limits["charge_w"],
            "limited_by": limits["by"] or None,
            "home": self._home(),
        }

    def _home(self) -> Shown:
        """What the page of the house shows each second."""
        now, control = self.now(), self.control
        reading = None if control.guard.silent(now) else control.guard.reading
        grid_w = None if reading is None else sum(reading.powers_w)
        sun_w = None if self._sun is None or now - self._sun[1] > SUN_S else self._sun[0]
        flows = shown.flows_of(grid_w, None if reading is None else control.house_w, control.storage(now), sun_w)
        cars = [self._car(charger, control.needed_w(now), now) for charger in self.site.chargers.values()]
        return flows | {"export_w": self.settings.connection.export_w, "planned": self._plan.number, "cars": cars}

    def _car(self, charger: Charger, needed_w: float | None, now: float) -> Shown:
        setpoint = None if self.dispatch is None else self.dispatch.setpoints.get(charger.id)
        transaction = self.gateway.evses[charger.id].transaction
        paused = transaction is not None and transaction.paused
        mode = Mode.PAUSE if paused else self.orders.mode(charger.id)

        def limiter(charges: bool, row: str) -> str:
            return self.control.limited_by(now, charges=charges, row=row)

        slow = setpoint is not None and self.control.slowed(charger.id, charges=setpoint.power_w >= 0.0)
        why = shown.sentence(charger, setpoint, mode, needed_w, limiter, slow=slow)
        stated = {each.source: each for each in self.gateway.stated(charger.id, now)}
        found = shown.car_of(charger, setpoint, mode, why, stated, self.margins)
        return found | {"visit": None if transaction is None else transaction.id}

    async def _follow_prices(self) -> None:
        tariff, said = self.settings.tariff, ""
        distant = "://" in (tariff.source or "")
        while True:
            try:
                self._prices = await asyncio.to_thread(site_prices.fetched, tariff)
                said = ""
            except PriceError as error:
                if str(error) != said:
                    said = str(error)
                    self._report(said)
            self._looked_for_prices = True
            await asyncio.sleep(tariff.every_s if distant else FILE_S)

    async def _read_inputs(self, box: ControlBox, at: str) -> None:
        address = parse(at)
        registers = modbus.connection(address).unit(address.unit, "control box")
        said = ""
        while True:
            try:
                active = {}
                for each in box.contacts:
                    assert each.input is not None
                    (closed,) = await registers.read(Table.DISCRETE, each.input, 1)
                    active[each.name] = bool(closed) == (each.active == "closed")
                self._limit().contacts(active, self.now())
                said = ""
                self._news.set()
            except PowerError as error:
                if str(error) != said:
                    said = str(error)
                    self._report(said)
            await asyncio.sleep(INPUTS_S)


def limit_of(box: ControlBox) -> GridLimit:
    """The grid operator's limits."""
    contacts = [Contact(name=each.name, charge_w=each.charge_w, feed_w=each.feed_w) for each in box.contacts]
    return GridLimit(
        contacts=contacts,
        remote=box.remote,
        fail_safe_w=box.fail_safe_w,
        fail_safe_feed_w=float("inf") if box.fail_safe_feed_w is None else box.fail_safe_feed_w,
        heartbeat_s=box.heartbeat_s,
        release_s=box.release_s,
    )
