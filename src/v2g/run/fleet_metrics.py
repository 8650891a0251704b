"""A fleet's numbers for Prometheus, and whether it steers: `metrics` in its configuration.

The names are in docs/monitoring.md. They have base units, and change with a major version only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from v2g.depot.configuration import Metrics
from v2g.fleet.controller import Dispatch, Trouble
from v2g.fleet.shown import STATES
from v2g.io.pulse import Pulse
from v2g.kernel.distribution import Distribution
from v2g.run.exposition import counted, expose, histogram, info, of_process, powers

_POWERS: Mapping[str, tuple[str, Callable[[Dispatch], float | None]]] = {
    "requested_watts": ("What the fleet is asked for, positive is drawn", lambda each: each.requested_w),
    "commanded_watts": ("Sum of the set-points", lambda each: each.commanded_w),
    "expected_watts": ("The same with what depots on their own are expected to do", lambda each: each.expected_w),
    "delivered_watts": ("What the depots give, as measured", lambda each: each.delivered_w),
    "least_watts": ("The least that the fleet could do, negative is fed", lambda each: each.least_w),
    "most_watts": ("The most that the fleet could do", lambda each: each.most_w),
    "short_watts": ("What is missing to the request", lambda each: each.short_w),
}


class Seen(Struct, frozen=True):
    """A fleet at one instant."""

    dispatch: Dispatch | None
    states: Sequence[str]
    """Of each depot, by `v2g.fleet.shown.STATES`."""
    frequency_hz: float | None
    connected: bool
    """To its servers."""
    ledger_trouble: str
    aggregates: int
    entries: int
    acknowledged: Distribution
    cycles: Distribution


async def watch(settings: Metrics, seen: Callable[[], Seen], pulse: Pulse) -> None:
    """Serve until cancelled. Raises `HttpError`."""

    def look(pauses: Distribution) -> list[Metric]:
        now = seen()
        return [
            *_fleet(now),
            histogram("v2g_fleet_cycle_seconds", "What a cycle of the controller takes", now.cycles),
            histogram("v2g_fleet_acknowledged_seconds", "Until the last depot has its set-point", now.acknowledged),
            *of_process(pulse.lags, pauses),
        ]

    await expose(settings.host, settings.port, look, lambda: _missing(seen()))


def _missing(now: Seen) -> Iterator[str]:
    if now.dispatch is None:
        yield "the controller has decided nothing yet"
    if not now.connected:
        yield "no NATS server is connected; `v2g fleet doctor` looks at each"
    if now.ledger_trouble:
        yield now.ledger_trouble
    if not any(each in STATES[:2] for each in now.states):
        yield "no depot is heard of"


def _fleet(now: Seen) -> Iterator[Metric]:
    yield info()
    dispatch = now.dispatch
    yield from powers("fleet", _POWERS, dispatch)
    if now.frequency_hz is not None:
        yield GaugeMetricFamily("v2g_fleet_grid_frequency_hertz", "As it was stated lately", now.frequency_hz)
    yield counted("v2g_fleet_depots", "How many, by state", "state", STATES, now.states)
    warned = [each.trouble for each in (() if dispatch is None else dispatch.notices)]
    yield counted("v2g_fleet_notices", "Warnings that hold now, by code", "code", Trouble, warned)
    yield GaugeMetricFamily("v2g_fleet_servers_connected", "1 while a NATS server is", float(now.connected))
    stuck = float(bool(now.ledger_trouble))
    yield GaugeMetricFamily("v2g_fleet_ledger_trouble", "1 while no entries can be taken or written", stuck)
    yield CounterMetricFamily("v2g_fleet_aggregates", "Aggregates of depots that were heard", float(now.aggregates))
    yield CounterMetricFamily("v2g_fleet_entries", "Entries that were entered", float(now.entries))
