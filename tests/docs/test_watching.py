"""Dashboard, alert rules and the page about them speak of metrics that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tools.draw_dashboard import DASHBOARD, text

METRIC = re.compile(r"\bv2g_[a-z_]+")
RULES = [DASHBOARD.with_name(f"prometheus-rules{kind}.yaml") for kind in ("", "-depot", "-fleet")]
SUFFIXES = ("_total", "_bucket", "_count", "_sum")


def defined(repository: Path) -> set[str]:
    """Names as the program writes them."""
    found = set[str]()
    for program, prefix in (
        ("metrics", ""),
        ("depot_metrics", "depot_"),
        ("fleet_metrics", "fleet_"),
        ("exposition", ""),
    ):
        source = (repository / f"src/v2g/run/{program}.py").read_text()
        found |= set(re.findall(r'"v2g_([a-z_]+)"', source))
        found |= {prefix + name for name in re.findall(r'^    "([a-z_]+)": \(', source, re.MULTILINE)}
    return found | {"plc_attenuation_decibels", "plc_signal_dbm", "ocpp_sent_bytes", "ocpp_received_bytes"}


def used(content: str) -> set[str]:
    names = {name.removeprefix("v2g_") for name in METRIC.findall(content)} - {"daemon"}
    for suffix in SUFFIXES:
        names = {name.removesuffix(suffix) for name in names}
    return names


def test_the_dashboard_is_as_drawn() -> None:
    assert DASHBOARD.read_text() == text()


def test_only_metrics_that_exist_are_used(repository: Path) -> None:
    known = defined(repository)
    assert used(text()) <= known
    for rules in RULES:
        assert used(rules.read_text()) <= known
    assert used((repository / "docs/monitoring.md").read_text()) == known


def test_each_alert_says_what_to_do() -> None:
    for rules in RULES:
        [group] = yaml.safe_load(rules.read_text())["groups"]
        assert all(rule["annotations"]["description"].endswith(".") for rule in group["rules"])
    assert {target["refId"] for panel in json.loads(text())["panels"] for target in panel["targets"]} == {"A", "B"}


FIRES: dict[str, tuple[dict[str, str], str]] = {
    "StationGone": ({'up{job="v2g"}': "1 0x30"}, "5m"),
    "EvseNotReady": ({'v2g_ready{evse="1"}': "1 0x30"}, "8m"),
    "GridTrip": ({'v2g_grid_trips_total{evse="1",element="uv1"}': "0x10 1x20"}, "13m"),
    "StationFault": ({'v2g_faults_total{evse="1",code="0x12"}': "0x10 1x20"}, "13m"),
    "SessionsFail": (
        {'v2g_sessions_total{evse="1",result="completed"}': "0+3x60",
         'v2g_sessions_total{evse="1",result="failed"}': "0+1x60"},
        "50m",
    ),
    "ResponsesLate": (
        {
            'v2g_response_seconds_bucket{evse="1",message="A",le="0.1"}': "0x60",
            'v2g_response_seconds_bucket{evse="1",message="A",le="0.25"}': "0+9x60",
            'v2g_response_seconds_bucket{evse="1",message="A",le="+Inf"}': "0+9x60",
            'v2g_response_owed_seconds{message="A"}': "0.25x60",
        },
        "40m",
    ),
    "BackEndGone": ({"v2g_ocpp_connected": "1 0x30"}, "20m"),
    "WeakPowerLine": ({'v2g_plc_signal_dbm{evse="1"}': "-50 -61x10"}, "4m"),
    "DepotGone": ({'up{job="v2g-depot"}': "1 0x30"}, "5m"),
    "DepotSlow": (
        {'v2g_depot_cycle_seconds_bucket{le="0.5"}': "0x60", 'v2g_depot_cycle_seconds_bucket{le="1.0"}': "0+9x60",
         'v2g_depot_cycle_seconds_bucket{le="+Inf"}': "0+9x60"},
        "30m",
    ),
    "LedgerStuck": ({"v2g_depot_ledger_trouble": "0 1x10"}, "5m"),
    "StationsAway": (
        {'v2g_depot_chargers{state="offline"}': "0 2x20", 'v2g_depot_chargers{state="idle"}': "10 8x20"}, "10m",
    ),
    "RequestUnmet": ({"v2g_depot_short_watts": "0 9000x20", "v2g_depot_requested_watts": "-50000x21"}, "10m"),
    "FeederOver": ({'v2g_depot_notices{code="D05"}': "0 1x20"}, "5m"),
    "StationsAnswerLate": (
        {'v2g_depot_ocpp_seconds_bucket{le="1.0"}': "0x60", 'v2g_depot_ocpp_seconds_bucket{le="2.5"}': "0+9x60",
         'v2g_depot_ocpp_seconds_bucket{le="+Inf"}': "0+9x60"},
        "40m",
    ),
    "FleetGone": ({'up{job="v2g-fleet"}': "1 0x30"}, "5m"),
    "FleetServersGone": ({"v2g_fleet_servers_connected": "1 0x10"}, "5m"),
    "DepotsAway": (
        {'v2g_fleet_depots{state="away"}': "0 2x20", 'v2g_fleet_depots{state="follows"}': "10 8x20"}, "10m",
    ),
    "FleetRequestUnmet": (
        {"v2g_fleet_short_watts": "0 900000x20", "v2g_fleet_requested_watts": "-5000000x21"}, "10m",
    ),
    "SetpointsLate": (
        {'v2g_fleet_acknowledged_seconds_bucket{le="1.0"}': "0x60",
         'v2g_fleet_acknowledged_seconds_bucket{le="2.0"}': "0+9x60",
         'v2g_fleet_acknowledged_seconds_bucket{le="+Inf"}': "0+9x60"},
        "40m",
    ),
    "DepotClockOff": ({'v2g_fleet_notices{code="L05"}': "0 2x20"}, "8m"),
    "FleetLedgerStuck": ({"v2g_fleet_ledger_trouble": "0 1x10"}, "5m"),
}  # fmt: skip
"""Alert -> what is measured each minute, and when it fires; a minute after the start none does."""


def test_each_alert_fires_for_its_case_and_not_before(tmp_path: Path) -> None:
    groups = [yaml.safe_load(rules.read_text())["groups"][0] for rules in RULES]
    assert {rule["alert"] for group in groups for rule in group["rules"]} == FIRES.keys()
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian package prometheus)")
    cases = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"eval_time": each, "alertname": alert, "exp_alerts": []} for each in ("1m", at)],
        }
        for alert, (series, at) in FIRES.items()
    ]
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump({"rule_files": list(map(str, RULES)), "tests": cases}))
    shown = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    fired = re.findall(r"alertname: (\w+), time: (\w+)", shown.stdout + shown.stderr)  # where none is expected
    assert fired == [(alert, at) for alert, (_, at) in FIRES.items()], shown


@pytest.mark.parametrize("rules", RULES, ids=lambda file: file.stem)
def test_prometheus_takes_the_rules(rules: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian package prometheus)")
    subprocess.run(["promtool", "check", "rules", str(rules)], check=True, capture_output=True)
