"""The station's numbers for Prometheus, and whether every EVSE can serve a car: `metrics` in the configuration.

The names are in docs/monitoring.md. They begin with `v2g_`, have base units, and change with a major version only.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from v2g.io.pulse import Pulse
from v2g.iso15118.station import owed_s
from v2g.kernel.distribution import Distribution
from v2g.kernel.fault import Fault
from v2g.run.evse import EvseRunner
from v2g.run.exposition import buckets, expose, info, of_process
from v2g.station.config.settings import Metrics
from v2g.station.safety.grid_status import GridStatus
from v2g.station.snapshot import EvseSnapshot, StationSnapshot
from v2g.station.unified import unified

JOULE_OF_WH = 3600.0
_GAUGES: Mapping[str, tuple[str, Callable[[EvseSnapshot], float | None]]] = {
    "ready": ("Whether the EVSE can serve a car", lambda seen: seen.ready),
    "in_session": ("Whether a car is in session", lambda seen: seen.in_session),
    "contactor_closed": ("As measured", lambda seen: seen.contactor_closed),
    "power_watts": ("At the inverter, positive charges the vehicle", lambda seen: seen.power_w),
    "meter_power_watts": ("At the meter, positive charges the vehicle", lambda seen: seen.meter_w),
    "target_power_watts": ("Set-point, positive charges the vehicle", lambda seen: seen.target_w),
    "wish_power_watts": ("What is wished, before any limit", lambda seen: seen.wish_w),
    "allowed_charge_watts": ("What the station allows", lambda seen: seen.allowed_charge_w),
    "allowed_discharge_watts": ("What the station allows", lambda seen: seen.allowed_discharge_w),
    "voltage_volts": ("At the vehicle (DC)", lambda seen: seen.voltage_v),
    "current_amperes": ("At the vehicle (DC)", lambda seen: seen.current_a),
    "soc_ratio": ("State of charge of the vehicle", lambda seen: _ratio(seen.soc_percent)),
    "grid_frequency_hertz": ("At the station", lambda seen: seen.frequency_hz),
    "grid_set_point_delay_seconds": ("How late the inverter follows", lambda seen: _delay_s(seen.grid)),
    "pilot_duty_ratio": ("Duty cycle as commanded", lambda seen: seen.pilot_duty),
    "pilot_measured_duty_ratio": ("Duty cycle as measured", lambda seen: seen.pilot_measured_duty),
    "inverter_temperature_celsius": ("Of the power module", lambda seen: seen.temperature_c),
    "coolant_temperature_celsius": ("Of the cable's coolant", lambda seen: seen.coolant_c),
}  # fmt: skip
"""Name -> what it is, and where it is seen."""
_GRID_STATES = ("wait", "run", "cease", "trip")
_LINE = {"attenuation_db": "plc_attenuation_decibels", "signal_dbm": "plc_signal_dbm"}


async def watch(
    settings: Metrics,
    snapshot: Callable[[], StationSnapshot],
    runners: Mapping[int, EvseRunner],
    pulse: Pulse,
    back_end: Callable[[], Mapping[str, Any] | None],
) -> None:
    """Serve until cancelled. Raises `HttpError`."""

    def look(pauses: Distribution) -> list[Metric]:
        return numbers(snapshot(), runners, pulse, pauses, back_end())

    def missing() -> Iterator[str]:
        return (f"EVSE {each.evse}: {each.not_ready_because}" for each in snapshot().evses if not each.ready)

    await expose(settings.host, settings.port, look, missing)


def numbers(
    snapshot: StationSnapshot,
    runners: Mapping[int, EvseRunner],
    pulse: Pulse,
    pauses: Distribution,
    link: Mapping[str, Any] | None,
) -> list[Metric]:
    """All of now, asked in the event loop. `pauses`: by garbage collections. `link`: as of `v2g ocpp`, None without."""
    return [
        info(),
        *_gauges(snapshot),
        *_counters(runners),
        *_histograms(runners, pulse, pauses),
        *_lines(runners),
        *([] if link is None else _back_end(link)),
    ]


def _gauges(snapshot: StationSnapshot) -> Iterator[Metric]:
    for name, (what, of) in _GAUGES.items():
        gauge = GaugeMetricFamily(f"v2g_{name}", what, labels=["evse"])
        for each in snapshot.evses:
            if (value := of(each)) is not None:
                gauge.add_metric([str(each.evse)], float(value))
        yield gauge
    voltages = GaugeMetricFamily("v2g_grid_voltage_volts", "Of each phase of the grid", labels=["evse", "phase"])
    state = GaugeMetricFamily("v2g_grid_state", "1 for the state of the grid protection", labels=["evse", "state"])
    for each in snapshot.evses:
        for number, voltage_v in enumerate(each.voltages_v or (), 1):
            voltages.add_metric([str(each.evse), str(number)], voltage_v)
        if each.grid is not None:
            for name in dict.fromkeys((*_GRID_STATES, each.grid.state)):
                state.add_metric([str(each.evse), name], float(name == each.grid.state))
    yield voltages
    yield state


def _counters(runners: Mapping[int, EvseRunner]) -> Iterator[Metric]:
    energy = CounterMetricFamily("v2g_energy_joules", "At the meter", labels=["evse", "direction"])
    sessions = CounterMetricFamily("v2g_sessions", "Sessions that have ended", labels=["evse", "result"])
    faults = CounterMetricFamily(
        "v2g_faults", "By code; see `v2g faults`", labels=["evse", "code", "charin", "chargex"]
    )
    trips = CounterMetricFamily("v2g_grid_trips", "Of the grid protection", labels=["evse", "element"])
    limited = CounterMetricFamily(
        "v2g_limited_seconds", "How long a limit held the power below the wish", labels=["evse", "limit"]
    )
    refused = CounterMetricFamily("v2g_strangers_refused", "Connections and searches refused", labels=["evse"])
    troubles = GaugeMetricFamily(
        "v2g_device_trouble", "1 for a device that does not do its part", labels=["evse", "device"]
    )
    for id, runner in runners.items():
        evse, tally = str(id), runner.tally
        for direction, energy_wh in zip(("charged", "discharged"), tally.energy_wh, strict=True):
            energy.add_metric([evse, direction], energy_wh * JOULE_OF_WH)
        for result in ("completed", "paused", "failed"):
            sessions.add_metric([evse, result], tally.sessions[result])
        for fault in Fault:  # from 0 on: a series that begins at 1 has not increased
            others = unified(fault)
            faults.add_metric([evse, fault.code, others.charin, others.chargex], tally.faults[fault])
        elements = () if runner.evse.guard is None else runner.evse.guard.trip_elements
        for element in dict.fromkeys((*elements, *tally.trips)):
            trips.add_metric([evse, element], tally.trips[element])
        for limit, lasted_s in tally.limited_s.items():
            limited.add_metric([evse, limit], lasted_s)
        refused.add_metric([evse], tally.refused)
        for device in runner.devices.names:
            troubles.add_metric([evse, device], float(device in runner.devices.troubles))
    yield from (energy, sessions, faults, trips, limited, refused, troubles)


def _histograms(runners: Mapping[int, EvseRunner], pulse: Pulse, pauses: Distribution) -> Iterator[Metric]:
    responses = HistogramMetricFamily(
        "v2g_response_seconds", "From a message of the car to the answer", labels=["evse", "message"]
    )
    owed = GaugeMetricFamily("v2g_response_owed_seconds", "How soon the standard wants it", labels=["message"])
    safe = HistogramMetricFamily("v2g_safe_after_seconds", "From a fault to the safe state, as seen", labels=["evse"])
    for id, runner in runners.items():
        safe.add_metric([str(id)], *buckets(runner.tally.safe_after))
        for message, distribution in runner.tally.responses.items():
            responses.add_metric([str(id), message], *buckets(distribution))
    for message in dict.fromkeys(each for runner in runners.values() for each in runner.tally.responses):
        owed.add_metric([message], owed_s(message))
    tasks = GaugeMetricFamily("v2g_event_loop_tasks", "That are under way", float(len(asyncio.all_tasks())))
    yield from (responses, owed, safe, tasks, *of_process(pulse.lags, pauses))


def _lines(runners: Mapping[int, EvseRunner]) -> Iterator[Metric]:
    for key, name in _LINE.items():
        gauge = GaugeMetricFamily(f"v2g_{name}", "Of the power line to the matched car", labels=["evse"])
        for id, runner in runners.items():
            value = (runner.line_status or {}).get(key)
            if isinstance(value, int | float):
                gauge.add_metric([str(id)], float(value))
        yield gauge


def _back_end(link: Mapping[str, Any]) -> Iterator[Metric]:
    """`link`: as of `v2g ocpp`."""
    yield GaugeMetricFamily("v2g_ocpp_connected", "Whether the back end is connected", float(link["connected"] != "no"))
    yield GaugeMetricFamily("v2g_ocpp_queue_length", "Messages that wait for the back end", float(link["waiting"]))
    for name in ("sent", "received"):
        yield CounterMetricFamily(f"v2g_ocpp_{name}_bytes", "Of the back end's link", float(link[f"{name}_bytes"]))


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _delay_s(grid: GridStatus | None) -> float | None:
    return None if grid is None else grid.set_point_delay_s
