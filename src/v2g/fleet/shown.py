"""What people and programs see of a fleet's depots, as what JSON can hold."""

from math import isfinite
from typing import Any

from v2g.fleet.controller import Dispatch, Settings
from v2g.fleet.view import DepotState

Shown = dict[str, Any]
COLUMNS = (
    "depot", "state", "power_w", "setpoint_w", "least_w", "most_w", "above_floor_wh", "vehicles", "alarms", "why",
)  # fmt: skip
"""Of a row."""
STATES = ("follows", "on its own", "away", "never heard of")


def state_of(state: DepotState, settings: Settings, now: float) -> str:
    """One of `STATES`."""
    if state.aggregate is None:
        return "never heard of"
    if not state.fresh(now, settings.stale_s):
        return "away"
    return "follows" if state.aggregate.setpoint_number else "on its own"


def row_of(state: DepotState, dispatch: Dispatch | None, settings: Settings, now: float) -> tuple[Any, ...]:
    """A depot in one row, by `COLUMNS`."""
    aggregate = state.aggregate
    power_w = None if dispatch is None else dispatch.power_w.get(state.id)
    why = "" if dispatch is None else dispatch.why.get(state.id, "")
    if aggregate is None:
        return (state.id, "never heard of", None, power_w, None, None, None, 0, 0, why)
    clock = f"; its clock is {state.clock_s:+.1f} s off" if state.clock_is_off() else ""
    band = aggregate.flexibility.band(settings.hold_s)
    word = state_of(state, settings, now)
    return (
        state.id, word, round(aggregate.power_w), None if power_w is None else round(power_w), round(band.least_w),
        round(band.most_w), round(aggregate.flexibility.above_floor_wh), aggregate.vehicles, len(aggregate.alarms),
        f"{state.refusal or why}{clock}",
    )  # fmt: skip


def depot_of(state: DepotState, dispatch: Dispatch | None, settings: Settings, now: float) -> Shown:
    """All that is known of one depot. Powers: positive is drawn."""
    place, aggregate = state.place, state.aggregate
    shown: Shown = dict(zip(COLUMNS, row_of(state, dispatch, settings, now), strict=True)) | {
        "node": place.node,
        "max_charge_w": _finite(place.max_charge_w),
        "max_discharge_w": _finite(place.max_discharge_w),
        "cost": place.cost,
        "heard_unix_s": _finite(state.heard_unix_s),
        "held_until_unix_s": _finite(state.held_until()),
    }
    if aggregate is None:
        return shown | {"bands": [], "warnings": []}
    return shown | {
        "plan_w": aggregate.plan_w,
        "asked_by": aggregate.asked_by,
        "chargers": aggregate.chargers,
        "offline": aggregate.offline,
        "charging": aggregate.charging,
        "discharging": aggregate.discharging,
        "to_full_wh": round(aggregate.flexibility.to_full_wh),
        "bands": [
            {"duration_s": each.duration_s, "least_w": round(each.least_w), "most_w": round(each.most_w)}
            for each in aggregate.flexibility.bands
        ],
        "warnings": [{"code": each.code, "about": each.about, "text": each.text} for each in aggregate.alarms],
    }


def _finite(value: float) -> float | None:
    """JSON has no infinity: without a limit, or never, is null."""
    return value if isfinite(value) else None
