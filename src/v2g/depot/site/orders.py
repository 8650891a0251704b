"""What a person orders for one car beside its plan: charge now, or feed now.

An order is a wish: floor, departure, main fuse and every other limit hold over it. It is of one visit, and ends by
itself: `charge` when the car has what its driver wants, `feed` at the floor, after an hour, or once the car has to be
charged to be ready at its departure.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from v2g.depot.capability import Margins
from v2g.depot.dispatch import Setpoint
from v2g.depot.view import Charger
from v2g.kernel.errors import V2GError

FEED_S = 3600.0
NEAR_PU = 0.002
"""Of a state of charge: this close to its end, it has reached it."""


class OrderError(V2GError):
    """An order cannot be taken; says why."""


class Mode(StrEnum):
    """What a car follows."""

    PLAN = "plan"
    CHARGE = "charge"
    FEED = "feed"
    PAUSE = "pause"


class Order(Struct, frozen=True):
    """One of them: `CHARGE` or `FEED`."""

    mode: Mode
    visit: str
    until_unix_s: float


class Orders:
    """Those that hold. They are not kept over a restart: the plan holds then."""

    def __init__(self, margins: Margins | None = None) -> None:
        self._margins = margins or Margins()
        self._of: dict[str, Order] = {}

    def put(self, charger: Charger, visit: str, mode: Mode, now: float) -> None:
        """Order something for the car that is there in this `visit`. Raises `OrderError`."""
        if mode is Mode.FEED and (reason := why_no_feed(charger, self._margins.soc_pu)):
            raise OrderError(f"{charger.id}: the car cannot feed: {reason}")
        if mode is Mode.CHARGE and (wanted_pu := _has(charger)) is not None:
            raise OrderError(
                f"{charger.id}: the car has its {100 * wanted_pu:.0f} % already; state a higher charge first"
            )
        self._of.pop(charger.id, None)
        if mode in (Mode.CHARGE, Mode.FEED):
            self._of[charger.id] = Order(mode, visit, now + FEED_S if mode is Mode.FEED else float("inf"))

    def mode(self, charger: str) -> Mode:
        """Which one holds; `PLAN` without any."""
        order = self._of.get(charger)
        return Mode.PLAN if order is None else order.mode

    def powers_w(
        self, chargers: Mapping[str, Charger], visit: Callable[[str], str | None], now: float
    ) -> dict[str, float]:
        """The powers that are ordered just now, by charger. Those that are over are forgotten. `visit`: of a charger's
        car, None without one."""
        for id, order in list(self._of.items()):
            charger = chargers.get(id)
            if charger is None or visit(id) != order.visit or now >= order.until_unix_s or self._done(charger, order):
                del self._of[id]
        return {
            id: chargers[id].max_charge_w if order.mode is Mode.CHARGE else -chargers[id].max_discharge_w
            for id, order in self._of.items()
        }

    def decided(self, setpoints: Mapping[str, Setpoint]) -> None:
        """What the controller has made of them. A car that it must charge feeds no more: otherwise it would be charged
        and discharged in turn until the hour is over."""
        for id, order in list(self._of.items()):
            if order.mode is Mode.FEED and id in setpoints and setpoints[id].power_w > 0.0:
                del self._of[id]

    def _done(self, charger: Charger, order: Order) -> bool:
        if order.mode is Mode.FEED:
            return bool(why_no_feed(charger, self._margins.soc_pu))
        return _has(charger) is not None


def _has(charger: Charger) -> float | None:
    """The charge that its driver wants, if the car there has it."""
    vehicle = charger.vehicle
    if vehicle is None or vehicle.soc_pu is None:
        return None
    target_pu = None if vehicle.needs is None else vehicle.needs.target_soc_pu
    wanted_pu = 1.0 if target_pu is None else target_pu
    return wanted_pu if vehicle.soc_pu >= wanted_pu - NEAR_PU else None


def why_no_feed(charger: Charger, margin_pu: float = 0.0) -> str:
    """Why the car there cannot feed just now; empty if it can. `margin_pu`: kept above its floor."""
    vehicle = charger.vehicle
    if vehicle is None:
        return "no car is plugged in"
    if charger.charge_only or not vehicle.discharges:
        return charger.charge_only or "the car only charges"
    needs = vehicle.needs
    if needs is not None and needs.feeds is False:
        return "its driver lets nothing be fed"
    if needs is None or needs.min_soc_pu is None:
        return "nobody has stated a lowest charge"
    if vehicle.soc_pu is None or vehicle.capacity_wh is None:
        return "its state of charge is not known" if vehicle.soc_pu is None else "its capacity is not known"
    if vehicle.soc_pu <= needs.min_soc_pu + margin_pu + NEAR_PU:
        return f"it is at its lowest charge of {100 * needs.min_soc_pu:.0f} %"
    return ""
