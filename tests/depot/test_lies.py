"""What stations, vehicles and an EMS state beyond reason: nobody else suffers, and nobody is discharged for it."""

import math
from typing import Any

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.controller import Controller, Settings
from v2g.depot.desk import RequestError, read
from v2g.depot.dispatch import Dispatch
from v2g.depot.view import Charger, Needs, Source, Vehicle

STATED = Needs(source=Source.DRIVER, min_soc_pu=0.4)


def vehicle(number: int = 1, **changes: Any) -> Vehicle:
    return replace(VEHICLE, id=f"car {number}", **{"needs": STATED, **changes})


def asked_beside(liar: Charger, power_w: float) -> Dispatch:
    """A few cycles of a site with two honest chargers."""
    controller = Controller(Settings(reserve_pu=0.0))
    honest = [charger(number, "T2", vehicle=vehicle(number)) for number in (2, 3)]
    for cycle in range(4):
        now = NOW + 2 * cycle
        scene = site(*(replace(each, measured_unix_s=now) for each in (liar, *honest)), power_w=power_w)
        found = controller.step(scene, now)
    return found


@pytest.mark.parametrize("measured_w", [16_000.0, 1e9, 1e308, math.inf, -math.inf, math.nan])
def test_a_station_that_lies_about_its_power_lifts_no_vehicle_above_its_floor(measured_w: float) -> None:
    liar = charger(1, "T2", vehicle=vehicle(soc_pu=0.2), measured_w=measured_w)
    found = asked_beside(liar, -20_000)
    assert found.setpoints["CS-1/1"].power_w == 0.0
    assert found.commanded_w == pytest.approx(-20_000, abs=3)
    assert math.isfinite(found.delivered_w)


@pytest.mark.parametrize(
    "changes",
    [
        {"capacity_wh": 1e308},
        {"capacity_wh": math.inf},
        {"capacity_wh": -1.0},
        {"soc_pu": 1e300},
        {"max_discharge_w": -5_000.0},
        {"max_discharge_w": math.nan},
        {"needs": replace(STATED, min_soc_pu=math.nan)},
    ],
)
def test_a_vehicle_beyond_reason_is_not_discharged(changes: dict[str, Any]) -> None:
    found = asked_beside(charger(1, "T2", vehicle=vehicle(**changes)), -20_000)
    assert found.setpoints["CS-1/1"].power_w == 0.0
    assert found.commanded_w == pytest.approx(-20_000, abs=3)


def test_a_capacity_that_shrinks_lifts_no_vehicle_above_its_floor() -> None:
    controller = Controller(Settings(reserve_pu=0.0))
    large = charger(1, "T2", vehicle=vehicle(soc_pu=0.2, capacity_wh=1e6))
    assert controller.step(site(large, power_w=-5_000), NOW).commanded_w == 0.0
    small = replace(large, vehicle=vehicle(soc_pu=0.2, capacity_wh=60_000.0))
    assert controller.step(site(small, power_w=-5_000), NOW + 2).commanded_w == 0.0


@pytest.mark.parametrize("energy_wh", [1e308, -1e308])
@pytest.mark.parametrize("power_w", [20_000.0, -20_000.0])
def test_needs_beyond_reason_leave_the_others_their_share(energy_wh: float, power_w: float) -> None:
    liar = charger(1, "T2", vehicle=vehicle(needs=replace(STATED, energy_wh=energy_wh)))
    found = asked_beside(liar, power_w)
    assert found.commanded_w == pytest.approx(power_w, abs=3)
    assert abs(found.setpoints["CS-2/1"].power_w) > 3_000


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"power_w": 1e308, "for_s": 60}, "power_w"),
        ({"power_w": 0, "until_unix_s": NOW - 1, "default_w": -5_000}, "is over already"),
        ({"power_w": 0, "from_unix_s": NOW + 90, "for_s": 60}, "before from_unix_s"),
        ({"power_w": 0, "for_s": 60, "default_w": -1e300}, "default_w"),
        ({"type": "regulation", "signal_pu": 50, "capacity_w": 1_000, "for_s": 60}, "signal_pu"),
        ({"type": "regulation", "signal_pu": 1, "capacity_w": -1_000, "for_s": 60}, "capacity_w"),
        ({"type": "droop", "w_per_hz": -1_000, "for_s": 60}, "w_per_hz"),
        ({"type": "droop", "w_per_hz": 1_000, "max_w": -1, "for_s": 60}, "max_w"),
        ({"type": "schedule", "steps": [], "for_s": 60}, "from_unix_s"),
        ({"type": "schedule", "steps": [[2, 5], [1, 9]], "for_s": 60}, "later than the one before"),
        ({"type": "schedule", "steps": [[2, 1e300]], "for_s": 60}, "power_w"),
        ({"power_w": 0, "until_unix_s": 1e300}, "until_unix_s: 1e.300 is no time; write seconds"),
        ({"power_w": 0, "until_unix_s": 1000 * NOW}, "not milliseconds"),
        ({"power_w": 0, "until_unix_s": math.nan}, "until_unix_s"),
        ({"power_w": 0, "from_unix_s": -1e300, "for_s": 60}, "from_unix_s"),
        ({"power_w": 0, "from_unix_s": math.nan, "for_s": 60}, "from_unix_s"),
        ({"type": "schedule", "steps": [[2, 5], [1e300, 9]], "for_s": 60}, "from_unix_s"),
        ({"type": "droop", "w_per_hz": 1e300, "for_s": 60}, "w_per_hz"),
        ({"type": "droop", "w_per_hz": 1e3, "nominal_hz": 1e3, "for_s": 60}, "nominal_hz: 1000; must be from 10 to"),
        ({"type": "droop", "w_per_hz": 1e3, "deadband_hz": math.nan, "for_s": 60}, "deadband_hz"),
        (
            {"type": "prices", "prices": [{"from_unix_s": NOW, "buy_per_kwh": 1e300, "sell_per_kwh": 0}], "for_s": 60},
            "buy_per_kwh",
        ),
        (
            {"type": "prices", "prices": [{"from_unix_s": 1e300, "buy_per_kwh": 1, "sell_per_kwh": 0}], "for_s": 60},
            "from_unix_s",
        ),
    ],
)
def test_a_request_that_would_hold_never_for_ever_or_for_the_opposite_is_refused(
    document: dict[str, Any], says: str
) -> None:
    if "steps" in document:
        document = document | {"steps": [{"from_unix_s": at, "power_w": power_w} for at, power_w in document["steps"]]}
    with pytest.raises(RequestError, match=says):
        read(document, "EMS", NOW)
