"""What the page of a house shows: where energy flows, what each car does and why, the plan."""

from collections.abc import Callable, Mapping
from math import isfinite

from v2g.depot.binding import What
from v2g.depot.capability import Margins
from v2g.depot.dispatch import Setpoint
from v2g.depot.plan import Outlook, Plan
from v2g.depot.shown import Shown, needs_of, state_of
from v2g.depot.site.orders import Mode, why_no_feed
from v2g.depot.site.reading import BatteryReading
from v2g.depot.view import Charger, Needs, Source
from v2g.kernel.units import kw

ZERO_W = 100.0
"""A house that exchanges less with the grid exchanges nothing."""


def flows_of(
    grid_w: float | None, without_cars_w: float | None, battery: BatteryReading | None, sun_w: float | None
) -> Shown:
    """Powers in W: the grid's as drawn, the battery's and the cars' as charged, the sun's as given, the house's as
    drawn. They add up: grid + sun = house + cars + battery. None is what nobody measures; without `sun_w` the house
    counts with its sun. `without_cars_w`: grid less cars."""
    battery_w = None if battery is None else battery.power_w
    return {
        "grid_w": None if without_cars_w is None else grid_w,
        "sun_w": sun_w,
        "house_w": without_cars_w - (battery_w or 0.0) + (sun_w or 0.0) if without_cars_w is not None else None,
        "cars_w": grid_w - without_cars_w if grid_w is not None and without_cars_w is not None else None,
        "battery_w": battery_w,
        "battery_soc_pu": None if battery is None else battery.soc_pu,
    }


def car_of(
    charger: Charger, setpoint: Setpoint | None, mode: Mode, why: str, stated: Mapping[Source, Needs], margins: Margins
) -> Shown:
    """One charger and its car. `why`: who limits its power; `stated`: its needs by each source."""
    vehicle = charger.vehicle
    holds = None if vehicle is None else vehicle.needs
    driver = stated.get(Source.DRIVER)
    return {
        "id": charger.id,
        "car": None if vehicle is None else vehicle.id or "",
        "state": state_of(charger, setpoint),
        "mode": mode,
        "soc_pu": None if vehicle is None else vehicle.soc_pu,
        "capacity_wh": None if vehicle is None else vehicle.capacity_wh,
        "power_w": charger.measured_w,
        "max_charge_w": charger.max_charge_w,
        "max_discharge_w": charger.max_discharge_w,
        "why": why,
        "why_no_feed": why_no_feed(charger, margins.soc_pu) or None,
        "holds": None if holds is None else needs_of(holds) | {
            "departure_by": holds.departure_by, "energy_by": holds.energy_by, "floor_by": holds.floor_by,
        },
        "stated": None if driver is None else needs_of(driver),
    }  # fmt: skip


def sentence(
    charger: Charger, setpoint: Setpoint | None, mode: Mode, needed_w: float | None,
    limiter: Callable[[bool, str], str], *, slow: bool = False,
) -> str:  # fmt: skip
    """Who limits a car's power, and why. `needed_w`: what the house draws without cars, below 0
    what its sun leaves them; `limiter`: says what binds at the connection,
    for charging or not, by the name of the row that binds; `slow`: the site asks for less than the car could, as it
    gives up power slowly."""
    vehicle = charger.vehicle
    if not charger.online:
        charges = f"charges with at most {kw(charger.safe_w)}" if charger.safe_w > 0.0 else "charges nothing"
        return f"Its station is not connected: by itself it {charges} and feeds nothing."
    if vehicle is None:
        return "No car is plugged in."
    if mode is Mode.PAUSE:
        return "You have paused it: no energy flows until it follows the plan again."
    if setpoint is None or not charger.ready:
        return "It waits until the car is let in and ready."
    power_w, what = setpoint.power_w, setpoint.binding.what
    does = _does(power_w, charger.measured_w)
    if what is What.NODE:
        return f"{does}: {limiter(power_w > 0 or (power_w == 0 and mode is not Mode.FEED), setpoint.binding.name)}."
    if what is What.PLAN:
        return f"{does}{_planned(power_w, needed_w)}."
    if what is What.VEHICLE and slow:
        return f"{does}: it gives up power slowly, so the rest is kept free for the house."
    return f"{does}: {_reason(what, charger, power_w, setpoint.binding.name)}."


def _does(power_w: float, measured_w: float | None) -> str:
    if power_w == 0.0:
        return "It rests"
    charges = power_w > 0.0
    if measured_w is not None and abs(measured_w) > ZERO_W and charges == (measured_w < 0.0):
        now = f"feeds {kw(-measured_w)}" if charges else f"charges with {kw(measured_w)}"
        return f"It should {'charge with' if charges else 'feed'} {kw(abs(power_w))} but still {now}"
    return f"It charges with {kw(power_w)}" if charges else f"It feeds {kw(-power_w)}"


def _planned(power_w: float, needed_w: float | None) -> str:
    if power_w == 0.0:
        return " as planned: other hours are better"
    alone = needed_w is not None and abs(power_w) <= (-needed_w if power_w > 0.0 else needed_w) + ZERO_W
    if power_w > 0.0:
        return " as planned: what the sun leaves" if alone else " as planned: the hours until it leaves are dearer"
    return " as planned: what the house draws" if alone else " as planned: energy is worth more now than later"


def _reason(what: What, charger: Charger, power_w: float, name: str) -> str:
    needs = None if charger.vehicle is None else charger.vehicle.needs
    floor_pu = None if needs is None else needs.min_soc_pu
    if what is What.DEPARTURE:
        return (
            "it needs all the time that is left until its departure" if power_w >= 0.0
            else "more could not be charged again until its departure"
        )  # fmt: skip
    if what is What.FLOOR:
        return "its battery is at its lowest charge" + ("" if floor_pu is None else f" of {100 * floor_pu:.0f} %")
    if what is What.VEHICLE:
        return "the car takes no more" if power_w >= 0.0 else "the car gives no more"
    return {
        What.CHARGER: "the charger can do no more",
        What.MINIMUM: f"there is less than the charger's least power of {kw(charger.min_charge_w)}",
        What.FULL: "it has the charge that it needs, or is full",
        What.SOC: "its state of charge is not known, so it feeds nothing",
        What.NEEDS: "nobody has stated a lowest charge, so it feeds nothing",
        What.CHARGE_ONLY: f"it cannot feed: {name}" if name else "it cannot feed",
        What.REQUEST: f"{name} asks for that",
        What.SILENT: "its station has sent no measurement for too long",
        What.DOES_NOT_FOLLOW: "it gives less than it is asked for",
        What.STEADY: "it is on its way to another power",
    }.get(what, str(what))


def plan_of(
    plan: Plan | None, outlook: Outlook | None, root: str, chargers: Mapping[str, Charger], now: float
) -> Shown:
    """The plan of a day ahead, in steps: prices, what the house should draw, each car's power and state of charge."""
    if plan is None or outlook is None:
        return {"steps": None, "cars": {}, "unplanned": {}, "trouble": "There is no plan yet.", "lines": []}
    house_w = outlook.loads_w.get(root)
    cars, unplanned = {}, {}
    for id, charger in chargers.items():
        if charger.vehicle is None:
            continue
        capacity_wh = charger.vehicle.capacity_wh
        if id not in plan.energies_wh or not capacity_wh:
            unplanned[id] = _why_unplanned(charger)
            continue
        cars[id] = {
            "power_w": [round(each, 1) for each in plan.powers_w[id].tolist()],
            "soc_pu": [round(each / capacity_wh, 4) for each in plan.energies_wh[id].tolist()],
        }
    return {
        "steps": {
            "start_unix_s": plan.start_unix_s,
            "step_s": plan.step_s,
            "buy_per_kwh": [round(each, 5) for each in outlook.buy_per_kwh.tolist()],
            "sell_per_kwh": [round(each, 5) for each in outlook.sell_per_kwh.tolist()],
            "house_w": None if house_w is None else [round(each, 1) for each in house_w.tolist()],
        },
        "cars": cars,
        "unplanned": unplanned,
        "trouble": plan.trouble or None,
        "lines": plan.lines(now),
    }


def _why_unplanned(charger: Charger) -> str:
    vehicle = charger.vehicle
    assert vehicle is not None
    needs = vehicle.needs
    if vehicle.soc_pu is None or not isfinite(vehicle.soc_pu):
        return "its state of charge is not known"
    if vehicle.capacity_wh is None:
        return "the capacity of its battery is not known; give capacity_wh in the list of vehicles"
    if needs is None or (needs.target_soc_pu is None and needs.energy_wh is None):
        return "nobody has stated how far it should be charged; say so below"
    return "its station is not connected, or it is paused"
