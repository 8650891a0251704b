"""A running station at an address: `v2g daemon`, over real sockets."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.interop.station import V2G, Station, station

from v2g.pki import hierarchy

pytestmark = pytest.mark.alone


def verdicts(ours: Station, protocol: str, *options: str) -> dict[str, Any]:
    """What `v2g conformance` finds, by number or name."""
    where = ["--at", f"[::1]:{ours.port}", "--battery", ours.plant_address]
    command = [*V2G, "conformance", protocol, *where, "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    return {each["id"]: (each["verdict"], each["text"]) for each in json.loads(done.stdout)}


def only(*numbers: str) -> list[str]:
    return [word for number in numbers for word in ("--only", number)]


def test_a_station_with_tls(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    hierarchy.create(pki, now=datetime.now(UTC), both=True)
    with station(None, tmp_path, services=["DC_BPT", "DC"], pki=pki, profile="iso15118-20") as ours:
        found = verdicts(
            ours,
            "iso15118-20",
            *("--tls", "--pki", str(pki)),
            *only("V2G20-1264", "V2G20-192", "V2G20-2356", "V2G20-2400", "V2G20-2656", "V2G20-1408"),
        )
        assert found.pop("V2G20-1408") == (
            "not applicable",
            "needs the bench: it cannot be provoked from outside",
        )
        assert {verdict for verdict, _ in found.values()} == {"pass"}, found
        contract = verdicts(ours, "iso15118-2", "--tls", "--pki", str(pki), *only("Authorization_005", "Abnormal_001"))
    assert contract["TC_SECC_CMN_VTB_Authorization_005"] == ("pass", "")
    assert {contract[each][0] for each in contract if "Abnormal" in each} == {"not applicable"}


def test_a_station_without_tls(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    with station(None, tmp_path, services=["DC"]) as ours:
        found = verdicts(ours, "din", "--report", str(page), *only("V2G-DC-252", "V2G-DC-393", "V2G-DC-396"))
    assert {verdict for verdict, _ in found.values()} == {"pass"}, found
    assert f"the station at [::1]:{ours.port}" in page.read_text()
