"""The type test: complete for every code, passed by the station, and failed by one that is set otherwise."""

import re
from dataclasses import replace

import pytest

from v2g.bench.typetest import bench, suite
from v2g.bench.typetest.case import Subject
from v2g.grid.element import Quantity
from v2g.grid.ride_through import Mode
from v2g.grid.settings import SettingsError, Value

CODES: list[str] = ["ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3", "en50549-1", "vde-4105"]
CATEGORY_III = Subject("ieee1547-cat3")


@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("name", CODES)
def test_every_setting_has_its_cases(name: str, phases: int) -> None:
    subject = Subject(name, phases=3 if phases == 3 else 1)
    names = set(suite.cases(subject))
    for element in subject.code.trip:
        suffixes = [""] if phases == 1 or element.quantity is Quantity.FREQUENCY else ["", "-l1", "-l2", "-l3"]
        for suffix in suffixes:
            for direction in ("discharging", "charging"):
                assert f"trip/{element.name}/beyond{suffix}/{direction}" in names
        assert f"trip/{element.name}/inside/discharging" in names
    ridden_pu = [float(found[1]) for each in names if (found := re.match(r"ride-through/([\d.]+)-pu/", each))]
    for band in subject.code.ride_through.voltage:
        assert band.mode is Mode.CONTINUOUS or any(band.low <= value_pu <= band.high for value_pu in ridden_pu)
    kinds = {each.partition("/")[0] for each in names}
    assert kinds >= {"operating-window", "frequency-droop", "volt-var", "volt-watt", "watt-var", "constant-var"}
    assert kinds >= {"constant-power-factor", "active-power-limit", "enter-service", "islanding", "measurement"}


@pytest.mark.parametrize(
    "name",
    [
        "trip/uv2/beyond-l2/discharging",
        "trip/of2/beyond/charging",
        "ride-through/1.110-pu/momentary-cessation/charging",
        "ride-through/rocof-falling/discharging",
        "frequency-droop/under/100%-57.01-hz",
        "watt-var/+0.75-fed",
        "enter-service/outside-high-frequency",
        "islanding/66%-fed/100%-reactive",
        "measurement/frozen/charging",
    ],
)
def test_the_station_passes(name: str) -> None:
    result = bench.run(suite.cases(CATEGORY_III)[name], CATEGORY_III)
    assert result.passed, result.findings


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("trip/ov1/beyond/discharging", {"trip.ov1.delay_s": 5.0}),
        ("trip/uv2/beyond/discharging", {"trip.uv2.threshold_pu": 0.3}),
        ("trip/of2/inside/charging", {"trip.of1.threshold_hz": 61.0, "trip.of2.threshold_hz": 61.8}),
        ("ride-through/1.110-pu/momentary-cessation/charging", {"momentary_cessation.restore_s": 0.4}),
        ("frequency-droop/over/100%-61.79-hz", {"frequency_droop.over_enabled": False}),
        ("frequency-droop/under/100%-57.01-hz", {"frequency_droop.response_s": 10.0}),
        ("volt-var/1.080-pu", {"volt_var.response_s": 20.0}),
        ("volt-var/0.920-pu", {"volt_var.q1_pu": 0.3}),
        ("volt-watt/1.090-pu/discharging", {"volt_watt.enabled": False}),
        ("enter-service/after-over-voltage", {"enter_service.delay_s": 200.0}),
        ("islanding/66%-fed/100%-reactive", {"islanding.probe_enabled": False}),
        ("measurement/frozen/discharging", {"measurement.frozen_s": 1.0}),
    ],
)
def test_a_station_that_is_set_otherwise_fails(name: str, wrong: dict[str, Value]) -> None:
    case = suite.cases(CATEGORY_III)[name]
    result = bench.run(replace(case, adjusted={**case.adjusted, **wrong}), CATEGORY_III)
    assert not result.passed


def test_a_station_that_enters_early_fails() -> None:
    case = suite.cases(CATEGORY_III)["enter-service/outside-low-voltage"]
    result = bench.run(replace(case, settings={"enter_service.delay_s": 2.0}), CATEGORY_III)
    assert not result.passed


def test_results_come_in_the_order_asked_for() -> None:
    names = suite.selected(CATEGORY_III, "measurement/*")
    heard: list[str] = []
    results = suite.run(CATEGORY_III, names, lambda result: heard.append(result.name))
    assert [result.name for result in results] == names
    assert sorted(heard) == sorted(names)
    assert all(result.passed for result in results)


def test_a_coarse_wait_changes_no_result() -> None:
    """A trip after 13 s, found with long steps in between and with short ones all along."""
    case = suite.cases(CATEGORY_III)["trip/ov1/beyond/discharging"]
    course = CATEGORY_III.course().voltage(1.11)
    for _ in range(30):
        course.hold(0.5)  # every point is a reason to look closely
    look_closely = replace(case, course=course)
    opened = [
        next(s.time_s for s in bench.record(each, CATEGORY_III) if not s.closed) for each in (case, look_closely)
    ]  # fmt: skip
    assert opened[0] == pytest.approx(opened[1], abs=0.021)


def test_unknown_cases_and_codes_are_refused() -> None:
    with pytest.raises(suite.NoCases, match="the names begin with trip, operating-window"):
        suite.selected(CATEGORY_III, "nosuch")
    with pytest.raises(SettingsError):
        suite.selected(Subject("en50549-1", "a"), "*")
