"""The type test: complete for every code, passed by the station, and failed by one that is set otherwise or whose
settings file is wrong."""

import re
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

import pytest

from v2g.bench.typetest import bench, inspection, suite
from v2g.bench.typetest.case import Case, Result, Subject
from v2g.grid.element import Quantity
from v2g.grid.ride_through import Mode
from v2g.grid.settings import GridCode, SettingsError, Value, names, parse, read

CODES: list[str] = ["ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3", "en50549-1", "vde-4105"]
CODES += ["rule21", "g99", "cei-0-21", "as-nzs-4777-2"]
VARIANTS = {name: ["a", "b"] for name in CODES if name.startswith("ieee1547")}
VARIANTS |= {"vde-4105": ["small"], "as-nzs-4777-2": ["a", "b", "c"]}
CATEGORY_III = Subject("ieee1547-cat3")


def case_of(name: str) -> Case:
    case = suite.cases(CATEGORY_III)[name]
    assert isinstance(case, Case)
    return case


def inspected(subject: Subject) -> dict[str, Result]:
    """What the station says of its settings."""
    return {case.name: bench.run(case, subject) for case in inspection.cases(subject)}


@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("name", CODES)
def test_every_setting_has_its_cases(name: str, phases: int) -> None:
    subject = Subject(name, phases=3 if phases == 3 else 1)
    cases = suite.cases(subject)
    for element in subject.code.trip:
        single = phases == 3 and element.quantity is not Quantity.FREQUENCY
        for suffix in ("", "-l1", "-l2", "-l3") if single else ("",):
            at_default = f"trip/{element.name}/beyond{suffix}/discharging" in cases
            assert at_default or f"trip/{element.name}/highest-and-slowest-of-range" in cases
    ridden_pu = [float(found[1]) for each in cases if (found := re.match(r"ride-through/([\d.]+)-pu/", each))]
    for band in subject.code.ride_through.voltage:
        assert band.mode is Mode.CONTINUOUS or any(band.low <= value_pu <= band.high for value_pu in ridden_pu)
    kinds = {each.partition("/")[0] for each in cases}
    assert kinds >= {"settings", "operating-window", "frequency-droop", "volt-var", "volt-watt", "watt-var"}
    assert kinds >= {"constant-var", "constant-power-factor", "active-power-limit", "ramp-rate", "enter-service"}
    assert kinds >= {"islanding", "ac", "measurement"}
    tested = {setting for case in cases.values() for setting in case.tests}
    assert set(subject.code.settings) <= tested


@pytest.mark.parametrize("category", ["a", "b", "c", "small", None])
@pytest.mark.parametrize("name", CODES)
def test_every_figure_of_the_settings_files_is_that_of_the_tables(name: str, category: str | None) -> None:
    if category is not None and category not in VARIANTS.get(name, ""):
        return
    wrong = {name: result.findings for name, result in inspected(Subject(name, category)).items() if not result.passed}
    assert not wrong


@dataclass(frozen=True)
class Doctored(Subject):
    """A station whose settings file has one wrong figure."""

    path: tuple[str, ...] = ()
    wrong: float | tuple[float, float] | str = 0.0

    @cached_property
    def defaults(self) -> GridCode:
        document = deepcopy(read(self.name))
        table = document
        for key in self.path[:-1]:
            table = table[int(key)] if isinstance(table, list) else table[key]
        table[self.path[-1]] = list(self.wrong) if isinstance(self.wrong, tuple) else self.wrong
        return parse(self.name, document)


@pytest.mark.parametrize(
    ("name", "path", "wrong"),
    [
        ("vde-4105", ("trip", "uv2", "delay_s", "default"), 0.33),
        ("vde-4105", ("frequency_droop", "over_droop", "default"), 0.1),
        ("ieee1547-cat3", ("trip", "uv1", "delay_s", "default"), 30.0),
        ("ieee1547-cat3", ("trip", "of1", "threshold_hz", "range"), (61.0, 65.0)),
        ("ieee1547-cat2", ("ride_through", "voltage", "3", "stay_s"), 2.0),
        ("en50549-1", ("ride_through", "voltage", "0", "mode"), "permissive"),
        ("en50549-1", ("trip", "uv1", "quantity"), "mean_voltage"),
    ],
)
def test_a_wrong_figure_in_a_settings_file_is_found(name: str, path: tuple[str, ...], wrong: float) -> None:
    doctored = Doctored(name, path=path, wrong=wrong)
    assert any(not result.passed for result in inspected(doctored).values())


def test_every_code_here_has_a_table() -> None:
    """Nothing is compared with itself: a figure that comes from the settings file would be marked."""
    assert set(CODES) == set(names())
    for name in CODES:
        assert not Subject(name).figures.kinds["file"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("vde-4105", "frequency-droop/under/walk-narrowest"),
        ("vde-4105", "ride-through/relapses/apart"),
        ("cei-0-21", "ride-through/dips-in-a-row/0.500-pu"),
        ("g99", "frequency-droop/under/recovery-fast"),
        ("g99", "enter-service/permission-is-given"),
        ("g99", "islanding/66%-fed/105%-reactive"),
        ("g99", "islanding/rocof-short-rising/charging"),
        ("rule21", "priority/volt-var-and-volt-watt"),
        ("rule21", "volt-watt/off"),
        ("as-nzs-4777-2", "constant-power-factor/injecting-0.8/-0.76-pu"),
        ("as-nzs-4777-2", "trip/ov_mean/beyond/discharging"),
        ("as-nzs-4777-2", "ride-through/0.002-pu/permissive/charging"),
    ],
)
def test_a_code_with_its_own_ways_passes(code: str, name: str) -> None:
    subject = Subject(code)
    result = bench.run(suite.cases(subject)[name], subject)
    assert result.passed, result.findings


@pytest.mark.parametrize("name", CODES)
def test_to_the_sample_every_code_passes(name: str) -> None:
    subject = Subject(name, phases=1 if name == "g99" else 3)
    stepped = [case for case in suite.cases(subject).values() if case.name.startswith("stepwise/")]
    results = [bench.run(case, subject) for case in stepped]
    assert len(results) > 50
    assert not [(result.name, result.findings) for result in results if not result.passed]


def test_a_station_that_breaks_down_fails() -> None:
    case = replace(case_of("trip/uv2/beyond/discharging"), adjusted={"trip.nosuch.delay_s": 1.0})
    result = bench.run(case, CATEGORY_III)
    assert not result.passed
    assert "there is no such setting" in result.findings[0].measured


@pytest.mark.parametrize(
    "name",
    [
        "trip/uv2/beyond-l2/discharging",
        "trip/of2/beyond/charging",
        "ride-through/1.102-pu/momentary-cessation/charging",
        "ride-through/rocof-falling/discharging",
        "frequency-droop/under/100%-57.00-hz",
        "watt-var/walk-as-set",
        "priority/volt-var",
        "enter-service/highest-hz/as-set",
        "ac/ov2/beyond",
        "measurement/waveform/57-hz",
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
        ("ride-through/1.102-pu/momentary-cessation/charging", {"momentary_cessation.restore_s": 0.4}),
        ("frequency-droop/over/100%-61.80-hz", {"frequency_droop.over_enabled": False}),
        ("frequency-droop/under/100%-57.00-hz", {"frequency_droop.response_s": 10.0}),
        ("volt-var/1.080-pu", {"volt_var.response_s": 20.0}),
        ("volt-var/0.920-pu", {"volt_var.q1_pu": 0.3}),
        ("volt-watt/response", {"volt_watt.enabled": False}),
        ("enter-service/random-delay", {"enter_service.random_delay_s": 200.0}),
        ("islanding/66%-fed/100%-reactive", {"islanding.probe_limit": 0.02}),
        ("measurement/frozen/discharging", {"measurement.frozen_s": 1.0}),
    ],
)
def test_a_station_that_is_set_otherwise_fails(name: str, wrong: dict[str, Value]) -> None:
    case = case_of(name)
    result = bench.run(replace(case, adjusted={**case.adjusted, **wrong}), CATEGORY_III)
    assert not result.passed


def test_a_station_that_enters_early_fails() -> None:
    case = case_of("enter-service/lowest-pu/as-set")
    result = bench.run(replace(case, settings={"enter_service.delay_s": 2.0}), CATEGORY_III)
    assert not result.passed


def test_results_come_in_the_order_asked_for() -> None:
    names = suite.selected(CATEGORY_III, "measurement/silent/*")
    heard: list[str] = []
    results = suite.run(CATEGORY_III, names, lambda result: heard.append(result.name))
    assert [result.name for result in results] == names
    assert sorted(heard) == sorted(names)
    assert all(result.passed for result in results)


def test_a_coarse_wait_changes_no_result() -> None:
    """A trip after 13 s, found with long steps in between and with short ones all along."""
    case = case_of("trip/ov1/beyond/discharging")
    course = CATEGORY_III.course().voltage(1.102)
    for _ in range(30):
        course.hold(0.5)  # every point is a reason to look closely
    look_closely = replace(case, course=course)
    opened = [
        next(s.time_s for s in bench.record(each, CATEGORY_III) if not s.closed) for each in (case, look_closely)
    ]  # fmt: skip
    assert opened[0] == pytest.approx(opened[1], abs=0.021)


def test_unknown_cases_and_codes_are_refused() -> None:
    with pytest.raises(suite.NoCases, match="the names begin with settings, trip, operating-window"):
        suite.selected(CATEGORY_III, "nosuch")
    with pytest.raises(SettingsError):
        suite.selected(Subject("en50549-1", "a"), "*")
