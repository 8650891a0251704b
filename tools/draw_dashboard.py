"""Draws the dashboard for Grafana, `v2g config example dashboard`: `python tools/draw_dashboard.py`."""

import json
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).parent.parent / "src" / "v2g" / "deploy" / "grafana-dashboard.json"

PANELS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("Can serve a car", "stat", "bool_yes_no", (("v2g_ready", "EVSE {{evse}}"),)),
    ("Sessions in 24 h", "stat", "short", (("sum by (result) (increase(v2g_sessions_total[24h]))", "{{result}}"),)),
    (
        "Energy in 24 h", "stat", "joule",
        (("sum by (direction) (increase(v2g_energy_joules_total[24h]))", "{{direction}}"),),
    ),
    ("Faults in 24 h", "stat", "short", (("sum by (code) (increase(v2g_faults_total[24h])) > 0", "{{code}}"),)),
    (
        "Power, positive charges", "timeseries", "watt",
        (("v2g_meter_power_watts", "meter {{evse}}"), ("v2g_target_power_watts", "set-point {{evse}}")),
    ),
    (
        "What is allowed", "timeseries", "watt",
        (("v2g_allowed_charge_watts", "charge {{evse}}"), ("-v2g_allowed_discharge_watts", "discharge {{evse}}")),
    ),
    (
        "What limits the power (share of time)", "timeseries", "percentunit",
        (("rate(v2g_limited_seconds_total[5m])", "{{evse}} {{limit}}"),),
    ),
    ("State of charge", "timeseries", "percentunit", (("v2g_soc_ratio", "EVSE {{evse}}"),)),
    ("Grid frequency", "timeseries", "hertz", (("v2g_grid_frequency_hertz", "EVSE {{evse}}"),)),
    ("Grid voltage", "timeseries", "volt", (("v2g_grid_voltage_volts", "EVSE {{evse}} L{{phase}}"),)),
    (
        "Responses, p99, as a share of what the standard allows", "timeseries", "percentunit",
        (
            (
                "histogram_quantile(0.99, sum by (message, le) (rate(v2g_response_seconds_bucket[5m])))"
                " / on (message) v2g_response_owed_seconds",
                "{{message}}",
            ),
        ),
    ),
    ("Signal on the power line", "timeseries", "dBm", (("v2g_plc_signal_dbm", "EVSE {{evse}}"),)),
    (
        "Event loop and garbage collection, p99", "timeseries", "s",
        (
            ("histogram_quantile(0.99, rate(v2g_event_loop_lag_seconds_bucket[5m]))", "lag"),
            ("histogram_quantile(0.99, rate(v2g_gc_pause_seconds_bucket[5m]))", "collection"),
        ),
    ),
    (
        "Back end", "timeseries", "short",
        (("v2g_ocpp_connected", "connected"), ("v2g_ocpp_queue_length", "messages that wait")),
    ),
)  # fmt: skip
"""Title, kind, unit, and each expression with its legend."""

_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2
_STAT_WIDTH, _STATS = 6, 4


def dashboard() -> dict[str, Any]:
    """As Grafana imports it; it asks for the data source."""
    panels = []
    for number, (title, kind, unit, expressions) in enumerate(PANELS):
        if number < _STATS:
            place = {"x": number * _STAT_WIDTH, "y": 0, "w": _STAT_WIDTH, "h": _HEIGHT // 2}
        else:
            row, column = divmod(number - _STATS, _COLUMNS)
            place = {"x": column * _WIDTH, "y": _HEIGHT // 2 + row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}
        source = {"type": "prometheus", "uid": "${source}"}
        targets = [
            {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend, "datasource": source}
            for index, (expression, legend) in enumerate(expressions)
        ]
        panels.append(
            {
                "id": number + 1, "title": title, "type": kind, "gridPos": place, "datasource": source,
                "targets": targets, "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            }
        )  # fmt: skip
    variable = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "title": "V2G charging station", "uid": "v2g-station", "schemaVersion": 39, "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"}, "templating": {"list": [variable]}, "panels": panels,
    }  # fmt: skip


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    DASHBOARD.write_text(text())
