"""What the cable allows: the lock that holds the plug, the control pilot, and the current that a duty cycle states."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from v2g.iso15118.view import Demand, Stage, Stop
from v2g.power.meter import MeterReading
from v2g.station.config.settings import EvseSettings
from v2g.station.orders import SAFE, Orders
from v2g.station.power.sources.duty_cycle import volts_times_phases
from v2g.station.readings import Readings
from v2g.station.visit import Visit

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.station.safety.plug import Plug


def permitted(
    orders: Orders, settings: EvseSettings, demand: Demand, plug: "Plug | None", readings: Readings
) -> Orders:
    """The orders as far as lock and control pilot permit them, and what they command of both. `plug`: None before the
    pilot was read first. `readings`: fresh ones."""
    if settings.lock is not None:
        orders = _locked(orders, demand, readings)
    if settings.pilot is None:
        return orders
    if plug is None:
        return replace(SAFE, inverter=orders.inverter)
    return replace(
        orders,
        contactor_closed=orders.contactor_closed and plug.may_close(readings.seen_closed),
        pilot_duty=plug.pilot.duty,
        matching=plug.wants_matching,
    )


def _locked(orders: Orders, demand: Demand, readings: Readings) -> Orders:
    """The plug is locked before the contactor closes, and freed only once no current can flow any more."""
    lock = readings.lock
    holds = lock is not None and lock.locked and lock.fault is None
    return replace(
        orders,
        locked=demand.stage is not Stage.OFF or orders.contactor_closed or not readings.seen_open,
        contactor_closed=orders.contactor_closed and (holds or not readings.seen_open),
    )


def offered_a(settings: EvseSettings, visit: Visit, meter: MeterReading | None) -> float | None:
    """The current on each phase that a car may draw that only follows the duty cycle; None: it gets none."""
    pilot = settings.pilot
    if pilot is None or pilot.fallback_a is None or visit.stop is not Stop.NONE or visit.trip is not None:
        return None
    allowed_w = visit.decider.decision.allowed.charge_w
    if visit.injection is not None:
        allowed_w = min(allowed_w, max(visit.injection.power_w, 0.0))
    return min(pilot.fallback_a, allowed_w / volts_times_phases(settings, meter))
