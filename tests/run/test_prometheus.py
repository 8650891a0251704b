"""Prometheus itself reads a station: it takes the rules, and answers each query of the dashboard."""

import json
import shutil
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.test_watching import RULES, used
from tests.interop.process import Process
from tests.interop.station import V2G, station
from tools.draw_dashboard import PANELS, text

pytestmark = [
    pytest.mark.proof,
    pytest.mark.alone,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus (Debian package)"),
]
WITHIN_S = 60.0
NOT_HERE = {"plc_signal_dbm", "ocpp_connected", "ocpp_queue_length"}
"""This station has no modem and no back end."""


def _until(seen: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not seen():
        assert time.monotonic() < deadline_s, "Prometheus does not get that far"


def test_prometheus_answers_each_query_of_the_dashboard(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        metrics, web = one.getsockname()[1], other.getsockname()[1]

    def ask(path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{web}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            said = json.load(answer)
        assert said["status"] == "success", said
        return said["data"]

    file = tmp_path / "prometheus.yml"
    job = {"job_name": "v2g", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]}
    each_second = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    file.write_text(
        yaml.safe_dump({"global": each_second, "rule_files": list(map(str, RULES)), "scrape_configs": [job]})
    )
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={tmp_path}/data"]
    beside = {"metrics": {"port": metrics}}
    with (
        station(None, tmp_path, services=["DC_BPT"], dispatch=[{"power_w": -5000}], beside=beside) as ours,
        Process([*command, f"--web.listen-address=127.0.0.1:{web}"]) as prometheus,
    ):
        assert prometheus.wait_for("Server is ready", WITHIN_S), prometheus.output
        _until(lambda: bool(ask("query", query="v2g_ready == 1")["result"]))
        car = ["ev", "--host", "::1", "--port", str(ours.port), "--battery", ours.plant_address, "--no-tls"]
        with Process([*V2G, *car, "--duration", "3"]) as driven:
            assert driven.wait(60) == 0, driven.output
        ended = 'v2g_sessions_total{result="completed"} == 1'
        _until(lambda: bool(ask("query", query=ended)["result"]))
        known = {name.removeprefix("v2g_") for name in ask("label/__name__/values") if name.startswith("v2g_")}
        assert used(text()) - used(" ".join(f"v2g_{name}" for name in known)) == NOT_HERE
        for _, _, _, expressions in PANELS:
            for expression, _ in expressions:
                assert ask("query", query=expression)["resultType"] == "vector"
        groups = {group["name"]: group["rules"] for group in ask("rules")["groups"]}
        assert groups.keys() == {"v2g", "v2g-depot", "v2g-fleet"}
        rules = [rule for group in groups.values() for rule in group]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        print(f"{len(known)} metrics, {len(PANELS)} panels and {len(rules)} rules")
