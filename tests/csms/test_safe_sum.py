"""Silence is safe only if the feeders carry what all stations take on their own."""

import json
from pathlib import Path
from typing import Any

import pytest

from v2g.io.depot_configuration import load
from v2g.station.config.reader import ConfigurationError


def written(folder: Path, safe_w: float, evse: dict[str, Any], **t1: float) -> Path:
    """Four stations behind T1, which is behind the site."""
    (folder / "password").write_text("p" * 20)
    evses = [{"charge_w": 15_000, "feeder": "T1"} | evse]
    document = {
        "feeders": [{"id": "site", "charge_w": 1e6}, {"id": "T1", "parent": "site"} | t1],
        "stations": [{"id": f"CS{n}", "password_file": "password", "evses": evses} for n in range(4)],
        "connect": {"security_profile": 1},
        "silence": {"safe_w": safe_w},
    }
    file = folder / "depot.yaml"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(
    ("safe_w", "evse", "t1", "says"),
    [
        (5_000, {}, {"charge_w": 19_000}, "behind T1 that is 20000 W while all are silent, above 19000 W"),
        (3_000, {"phases": [2]}, {"charge_w": 30_000}, "behind T1 phase 2 that is 12000 W"),
        (3_000, {"phases": [2]}, {"charge_w": 90_000, "phase_w": 11_000}, "above 11000 W"),
        (0, {"phases": [1, 1]}, {"charge_w": 90_000}, "a phase is there twice"),
    ],
)
def test_what_the_feeders_cannot_carry_in_silence_is_refused(
    tmp_path: Path, safe_w: float, evse: dict[str, Any], t1: dict[str, float], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load(written(tmp_path, safe_w, evse, **t1))


@pytest.mark.parametrize(
    ("safe_w", "evse", "t1"),
    [
        (5_000, {}, {"charge_w": 20_000}),
        (50_000, {"charge_w": 4_000}, {"charge_w": 20_000}),
        (3_000, {"phases": [2]}, {"charge_w": 36_000}),
    ],
)
def test_what_they_can_carry_is_taken(
    tmp_path: Path, safe_w: float, evse: dict[str, Any], t1: dict[str, float]
) -> None:
    assert load(written(tmp_path, safe_w, evse, **t1)).silence.safe_w == safe_w
