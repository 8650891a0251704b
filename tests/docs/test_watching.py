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
RULES = [DASHBOARD.with_name(f"prometheus-rules{kind}.yaml") for kind in ("", "-depot")]
SUFFIXES = ("_total", "_bucket", "_count", "_sum")


def defined(repository: Path) -> set[str]:
    """Names as the program writes them."""
    found = set[str]()
    for program, prefix in (("metrics", ""), ("depot_metrics", "depot_")):
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


@pytest.mark.parametrize("rules", RULES, ids=lambda file: file.stem)
def test_prometheus_takes_the_rules(rules: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian package prometheus)")
    subprocess.run(["promtool", "check", "rules", str(rules)], check=True, capture_output=True)
