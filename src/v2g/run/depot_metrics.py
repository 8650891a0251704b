"""A depot's numbers for Prometheus, and whether it steers: `metrics` in its configuration.

The names are in docs/monitoring.md. They have base units, and change with a major version only.
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from v2g.depot.configuration import Metrics
from v2g.depot.dispatch import Dispatch, Trouble
from v2g.depot.shown import STATES, state_of
from v2g.depot.view import Site
from v2g.io.depot_ledger import Rows
from v2g.io.pulse import Pulse
from v2g.kernel.distribution import Distribution
from v2g.run.depot_tally import Tally
from v2g.run.exposition import counted, expose, histogram, info, of_process, powers

_POWERS: Mapping[str, tuple[str, Callable[[Dispatch], float | None]]] = {
    "requested_watts": ("What the site is asked for, positive draws from the grid", lambda each: each.requested_w),
    "commanded_watts": ("Sum of the set-points", lambda each: each.commanded_w),
    "delivered_watts": ("What the chargers give, as measured", lambda each: each.delivered_w),
    "short_watts": ("What is missing to the request", lambda each: each.short_w),
    "reserve_watts": ("What is held for vehicles that leave", lambda each: each.reserve_w),
    "charge_room_watts": ("How much more the site could draw", lambda each: each.charge_room_w),
    "discharge_room_watts": ("How much more the site could feed", lambda each: each.discharge_room_w),
}


LATE_CYCLES = 5


class Seen(Struct, frozen=True):
    """A depot at one instant."""

    site: Site
    dispatch: Dispatch | None
    ledger_waiting: int
    ledger_trouble: str | None
    ledger_b: int | None
    stations: int
    """Connected."""
    missing: tuple[str, ...]
    """Why it does not steer."""


def seen(
    site: Site, dispatch: Dispatch | None, stepped_s: float, now: float, cycle_s: float, ledger: Rows, stations: int
) -> Seen:
    """`stepped_s`: when the controller decided last."""
    missing = []
    if dispatch is None or now - stepped_s > LATE_CYCLES * cycle_s:
        missing.append(f"the controller has decided nothing for {LATE_CYCLES} cycles; look at the log")
    if ledger.trouble is not None:
        missing.append(f"ledger: {ledger.trouble}")
    if not stations:
        missing.append("no station is connected")
    return Seen(site, dispatch, ledger.waiting, ledger.trouble, ledger.size_b, stations, tuple(missing))


async def watch(settings: Metrics, seen: Callable[[], Seen], tally: Tally, calls: Distribution, pulse: Pulse) -> None:
    """Serve until cancelled. `calls`: from each call to a station to its answer. Raises `HttpError`."""

    def look(pauses: Distribution) -> list[Metric]:
        now = seen()
        return [
            *_site(now),
            *_tally(tally),
            histogram("v2g_depot_cycle_seconds", "What a cycle of the controller takes", tally.cycles),
            histogram("v2g_depot_ocpp_seconds", "From a call to a station to its answer", calls),
            *of_process(pulse.lags, pauses),
        ]

    await expose(settings.host, settings.port, look, lambda: seen().missing)


def _site(now: Seen) -> Iterator[Metric]:
    yield info()
    dispatch = now.dispatch
    yield from powers("depot", _POWERS, dispatch)
    if now.site.frequency_hz is not None:
        yield GaugeMetricFamily("v2g_depot_grid_frequency_hertz", "As measured at the site", now.site.frequency_hz)
    setpoints = {} if dispatch is None else dispatch.setpoints
    found = [state_of(each, setpoints.get(id)) for id, each in now.site.chargers.items()]
    yield counted("v2g_depot_chargers", "How many are in each state", "state", STATES, found)
    warned = [each.trouble for each in (() if dispatch is None else dispatch.notices)]
    yield counted("v2g_depot_notices", "Warnings that hold now, by code", "code", Trouble, warned)
    yield GaugeMetricFamily("v2g_depot_stations_connected", "Of all that are configured", float(now.stations))
    yield GaugeMetricFamily("v2g_depot_ledger_queue_length", "Rows that wait to be written", float(now.ledger_waiting))
    if now.ledger_b is not None:
        yield GaugeMetricFamily("v2g_depot_ledger_bytes", "What its file takes", float(now.ledger_b))
    stuck = float(now.ledger_trouble is not None)
    yield GaugeMetricFamily("v2g_depot_ledger_trouble", "1 while nothing can be written", stuck)


def _tally(tally: Tally) -> Iterator[Metric]:
    yield CounterMetricFamily("v2g_depot_setpoints_changed", "Set-points that a cycle changed", float(tally.changed))
    limited = CounterMetricFamily(
        "v2g_depot_limited_seconds", "How long each limit bound a charger, summed over them", labels=["limit", "name"]
    )
    for (what, name), lasted_s in tally.limited_s.items():
        limited.add_metric([what, name], lasted_s)
    yield limited
