"""What people and programs see of a depot, as what JSON can hold."""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from v2g.depot import needs
from v2g.depot.binding import What
from v2g.depot.dispatch import Dispatch, Setpoint
from v2g.depot.ledger import Account, Decided
from v2g.depot.needs import RANKS
from v2g.depot.view import Charger, Needs, Site, Source
from v2g.kernel.units import kw

Shown = dict[str, Any]
COLUMNS = ("id", "vehicle", "state", "soc_pu", "floor_pu", "setpoint_w", "measured_w", "binding")
"""Of a frame, in this order."""


STATES = ("offline", "free", "waiting", "charging", "discharging", "idle")

MOST_NOTICES = 100
"""Of a site in few numbers, which goes to every client each second."""
EARLY_S = 5.0
"""How far the clocks of station and depot may be apart."""


def site_of(site: Site, dispatch: Dispatch | None, now: float) -> Shown:
    """The site in few numbers."""
    chargers = site.chargers.values()
    shown: Shown = {
        "unix_s": round(now, 3),
        "chargers": len(site.chargers),
        "online": sum(each.online for each in chargers),
        "vehicles": sum(each.vehicle is not None for each in chargers),
        "frequency_hz": site.frequency_hz,
    }
    if dispatch is None:
        return shown
    powers_w = dispatch.setpoints.powers_w.values()
    return shown | {
        "requested_w": _finite(dispatch.requested_w),
        "requested_by": dispatch.requested_by,
        "commanded_w": round(dispatch.commanded_w, 1),
        "delivered_w": round(dispatch.delivered_w, 1),
        "short_w": round(dispatch.short_w, 1) if isfinite(dispatch.short_w) else None,
        "reserve_w": round(dispatch.reserve_w, 1),
        "charge_room_w": round(dispatch.charge_room_w, 1),
        "discharge_room_w": round(dispatch.discharge_room_w, 1),
        "charging": sum(each > 0 for each in powers_w),
        "discharging": sum(each < 0 for each in powers_w),
        "changed": len(dispatch.changed),
        "notices": [
            {"code": each.trouble, "about": each.about, "text": each.text} for each in dispatch.notices[:MOST_NOTICES]
        ],
        "more_notices": max(0, len(dispatch.notices) - MOST_NOTICES),
    }


def charger_of(charger: Charger, setpoint: Setpoint | None, now: float) -> Shown:
    """One charger."""
    vehicle = charger.vehicle
    stated = None if vehicle is None else vehicle.needs
    return {
        "id": charger.id,
        "node": charger.node,
        "phases": charger.phases,
        "state": state_of(charger, setpoint),
        "online": charger.online,
        "charge_only": charger.charge_only or None,
        "max_charge_w": charger.max_charge_w,
        "max_discharge_w": charger.max_discharge_w,
        "measured_w": charger.measured_w,
        "measured_s_ago": _age(charger.measured_unix_s, now),
        "setpoint_w": None if setpoint is None else setpoint.power_w,
        "binding": None if setpoint is None else str(setpoint.binding),
        "vehicle": None
        if vehicle is None
        else {
            "id": vehicle.id,
            "soc_pu": vehicle.soc_pu,
            "soc_s_ago": _age(vehicle.soc_unix_s, now),
            "capacity_wh": vehicle.capacity_wh,
            "discharges": vehicle.discharges,
        },
        "needs": None
        if stated is None
        else {
            "source": stated.source,
            "departure_unix_s": stated.departure_unix_s,
            "energy_wh": stated.energy_wh,
            "target_soc_pu": stated.target_soc_pu,
            "floor_soc_pu": stated.min_soc_pu,
            "departure_by": stated.departure_by,
            "energy_by": stated.energy_by,
            "floor_by": stated.floor_by,
        },
        "safe_w": charger.safe_w,
        "safe_after_s": charger.safe_after_s,
    }


def driver_of(charger: Charger, setpoint: Setpoint | None, stated: Iterable[Needs], now: float) -> Shown:
    """What the driver of the vehicle here may see: no names. `stated`: by each source."""
    vehicle = charger.vehicle
    holds = None if vehicle is None else vehicle.needs
    return {
        "evse": charger.id,
        "state": state_of(charger, setpoint),
        "soc_pu": None if vehicle is None else vehicle.soc_pu,
        "measured_w": charger.measured_w,
        "why": None if setpoint is None or vehicle is None else setpoint.why,
        "charge_only": charger.charge_only or None,
        "order": list(Source),
        "stated": {each.source: needs_of(each) for each in sorted(stated, key=lambda each: RANKS[each.source])},
        "holds": None if holds is None else needs_of(holds) | {
            "departure_by": holds.departure_by, "energy_by": holds.energy_by, "floor_by": holds.floor_by,
        },
        "now_unix_s": round(now, 1),
    }  # fmt: skip


def needs_of(needs: Needs) -> Shown:
    """What is stated; None is what is not."""
    return {
        "departure_unix_s": needs.departure_unix_s,
        "energy_wh": needs.energy_wh,
        "target_soc_pu": needs.target_soc_pu,
        "min_soc_pu": needs.min_soc_pu,
        "feeds": needs.feeds,
    }


def state_of(charger: Charger, setpoint: Setpoint | None) -> str:
    """In one word."""
    if not charger.online:
        return "offline"
    if charger.vehicle is None:
        return "free"
    if not charger.ready:
        return "waiting"
    power_w = 0.0 if setpoint is None else setpoint.power_w
    return "charging" if power_w > 0 else "discharging" if power_w < 0 else "idle"


def row_of(charger: Charger, setpoint: Setpoint | None) -> tuple[Any, ...]:
    """A row of a frame, by `COLUMNS`."""
    vehicle = charger.vehicle
    stated = None if vehicle is None else vehicle.needs
    return (
        charger.id,
        None if vehicle is None else vehicle.id,
        state_of(charger, setpoint),
        None if vehicle is None else vehicle.soc_pu,
        None if stated is None else stated.min_soc_pu,
        None if setpoint is None else round(setpoint.power_w),
        None if charger.measured_w is None else round(charger.measured_w),
        None if setpoint is None else str(setpoint.binding),
    )


class Rows:
    """The rows of a frame. What is shown of a charger is made again only if the charger is another object than before,
    or its set-point another one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Charger, Setpoint | None, tuple[Any, ...]]] = {}

    def of(self, chargers: Mapping[str, Charger], setpoints: Mapping[str, Setpoint]) -> dict[str, tuple[Any, ...]]:
        """By `COLUMNS`; a row that is as before is the same object as before."""
        known, rows = self._known, {}
        for id, charger in chargers.items():
            setpoint, before = setpoints.get(id), known.get(id)
            if before is None or before[0] is not charger or before[1] != setpoint:
                row = row_of(charger, setpoint)
                before = known[id] = charger, setpoint, before[2] if before is not None and before[2] == row else row
            rows[id] = before[2]
        return rows


def explained(charger: Charger, setpoint: Setpoint | None, refusal: str, now: float) -> list[str]:
    """Why this charger has this power: what binds, what is not known, what would change it."""
    vehicle = charger.vehicle
    name = "" if vehicle is None or vehicle.id is None else f" ({vehicle.id})"
    lines = [f"{charger.id}{name}: {'no set-point yet' if setpoint is None else setpoint.why}"]
    if not charger.online:
        lines.append(
            f"its station is not connected: it charges with at most {kw(charger.safe_w)} and discharges nothing "
            f"after {charger.safe_after_s:g} s on its own"
        )
    said = setpoint is not None and setpoint.binding.what is What.CHARGE_ONLY
    if charger.charge_only and vehicle is not None and not said:
        lines.append(f"charge only: {charger.charge_only}")
    if vehicle is not None:
        lines += _unknown(charger)
        if vehicle.soc_pu is not None:
            age = _age(vehicle.soc_unix_s, now)
            lines.append(f"state of charge {100 * vehicle.soc_pu:.0f} %, {age or 0:.0f} s old")
        lines += needs.explained(vehicle.needs, now)
    if charger.measured_w is not None and charger.online and vehicle is not None:
        lines.append(f"measured {kw(charger.measured_w)}, {_age(charger.measured_unix_s, now) or 0:.0f} s ago")
    if refusal:
        lines.append(f"its station has not taken the set-point: {refusal}")
    return lines


def _unknown(charger: Charger) -> list[str]:
    vehicle = charger.vehicle
    assert vehicle is not None
    lines = []
    if vehicle.soc_pu is None:
        lines.append("its state of charge is not known: it may only charge")
    if vehicle.capacity_wh is None:
        lines.append("the capacity of its battery is not known: give capacity_wh in the fleet list")
    return lines


def audited(accounts: Iterable[Account], decisions: Iterable[Decided]) -> list[Shown]:
    """A day's audit: for each transaction its energies, and every change of what bound its charger, with the reason."""
    by_charger: dict[str, list[Decided]] = {}
    for each in decisions:
        by_charger.setdefault(each.charger, []).append(each)
    return [
        {
            "vehicle": account.vehicle,
            "charger": f"{account.station}/{account.evse}",
            "since_unix_s": account.since_s,
            "until_unix_s": account.until_s,
            "ended": account.ended,
            "charged_wh": round(account.charged_wh, 1),
            "discharged_wh": round(account.discharged_wh, 1),
            "missing_events": account.missing,
            "decisions": [
                {"unix_s": round(each.at_s, 1), "power_w": each.power_w, "binding": each.binding, "why": each.why}
                for each in by_charger.get(f"{account.station}/{account.evse}", ())
                if account.since_s - EARLY_S <= each.at_s <= account.until_s + EARLY_S
            ],
        }
        for account in accounts
    ]


def _age(unix_s: float, now: float) -> float | None:
    return round(now - unix_s, 1) if isfinite(unix_s) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
