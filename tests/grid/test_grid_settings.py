"""Grid codes as data: complete, consistent, adjustable within their ranges and nowhere else."""

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.grid import settings
from v2g.grid.element import Quantity
from v2g.grid.protection import operating_window
from v2g.grid.ride_through import Mode, Zone, zone
from v2g.grid.sample import GridSample
from v2g.grid.settings import GridCode, SettingsError

CODES = [settings.load(name) for name in settings.names()]
every_code = pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)


def test_the_codes_that_come_with_the_package() -> None:
    europe, america = ["cei-0-21", "en50549-1", "g99", "vde-4105"], ["ieee1547-cat1", "ieee1547-cat2", "ieee1547-cat3"]
    assert settings.names() == sorted([*europe, *america, "as-nzs-4777-2", "rule21"])


@every_code
def test_every_value_has_its_source_and_is_within_its_range(code: GridCode) -> None:
    assert len(code.settings) > 100
    for setting in code.settings.values():
        assert setting.source
        assert setting.error(setting.value) is None


@every_code
def test_bands_cover_the_scale_without_overlap(code: GridCode) -> None:
    for bands in (code.ride_through.voltage, code.ride_through.frequency):
        ordered = sorted(bands, key=lambda band: band.low)
        assert all(lower.high == upper.low for lower, upper in pairwise(ordered))
        assert [band.mode for band in bands].count(Mode.CONTINUOUS) == 1


@every_code
@given(data=st.data())
def test_no_element_trips_by_default_while_the_station_must_stay(code: GridCode, data: st.DataObject) -> None:
    voltage_pu = data.draw(st.floats(0, 1.5))
    nominal_hz = code.nominal_hz
    frequency_hz = data.draw(st.one_of(st.just(nominal_hz), st.floats(nominal_hz - 4, nominal_hz + 3)))
    sample = GridSample(0.0, 0, (voltage_pu,), frequency_hz)
    low_s = code.ride_through.voltage_band(voltage_pu).must_stay_s(voltage_pu)
    frequency_s = code.ride_through.frequency_band(frequency_hz).must_stay_s(frequency_hz)
    modes = (code.ride_through.voltage_band(voltage_pu).mode, code.ride_through.frequency_band(frequency_hz).mode)
    stays = [s for s, mode in zip((low_s, frequency_s), modes, strict=True) if mode is not Mode.CONTINUOUS]
    elapsed_s = min(stays, default=1e6) - 0.001
    if elapsed_s > 0:
        assert zone(code.ride_through, code.trip, sample, elapsed_s) is Zone.MUST_STAY


@every_code
def test_the_operating_window_never_acts_before_an_element(code: GridCode) -> None:
    under, over = operating_window(code)
    for element in code.trip:
        if element.quantity is Quantity.FREQUENCY:
            assert under.threshold < element.threshold < over.threshold
    assert (under.threshold == 47.0) == (min(e.threshold for e in code.trip if e.quantity is Quantity.FREQUENCY) > 47.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"volt_watt.p2_pu": -1.0},
        {"trip.of1.threshold_hz": 66.0, "trip.of2.threshold_hz": 66.0},
        {"trip.uv1.delay_s": 3.0, "trip.uv2.delay_s": 0.16},
        {"volt_var.q1_pu": 0.4545, "volt_var.q4_pu": -0.4545},
        {"volt_var.reference_pu": 1.05, "volt_var.v1_pu": 0.88, "volt_var.v2_pu": 0.99, "volt_var.v3_pu": 1.02},
    ],
)
def test_the_whole_range_of_ieee_1547_is_adjustable(changes: dict[str, settings.Value]) -> None:
    settings.load("ieee1547-cat3").with_settings(changes)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("en50549-1", {"enter_service.ramp_s": 0.5}),
        ("vde-4105", {"trip.uv1.delay_s": 1.0}),
        ("vde-4105", {"trip.ov_mean.threshold_pu": 1.08}),
    ],
)
def test_what_the_european_codes_do_not_admit(name: str, changes: dict[str, settings.Value]) -> None:
    with pytest.raises(SettingsError, match="out of range"):
        settings.load(name).with_settings(changes)


def test_reactive_power_of_the_plants_size() -> None:
    assert settings.load("vde-4105").volt_var.q1_pu == 0.436
    assert settings.load("vde-4105", "small").volt_var.q1_pu == 0.33


def test_a_code_without_a_way_back_of_its_own_reconnects_as_it_starts() -> None:
    code = settings.load("ieee1547-cat3").with_settings({"enter_service.delay_s": 20})
    assert asdict(code.reconnection) == {
        **asdict(code.enter_service), "short_interruption_s": 0.0, "short_delay_s": 0.0
    }  # fmt: skip
    assert settings.load("en50549-1").reconnection != settings.load("en50549-1").enter_service


def test_a_short_interruption_without_its_delay_is_refused() -> None:
    document = settings.read("vde-4105")
    back = {key: value for key, value in document["reconnection"].items() if key != "short_delay_s"}
    with pytest.raises(SettingsError, match="short_delay_s must be above 0"):
        settings.parse("vde-4105", {**document, "reconnection": back})


@pytest.mark.parametrize(("variant", "v1_pu", "q1_pu", "absorb_pu"), [("a", 0.90, 0.25, 0.25), ("b", 0.92, 0.44, 0.44)])
def test_normal_performance_categories(variant: str, v1_pu: float, q1_pu: float, absorb_pu: float) -> None:
    code = settings.load("ieee1547-cat2", variant)
    assert (code.volt_var.v1_pu, code.volt_var.q1_pu, code.capability.absorb_pu) == (v1_pu, q1_pu, absorb_pu)


def test_changes_reach_the_typed_settings_and_leave_the_original_alone() -> None:
    code = settings.load("ieee1547-cat3")
    changed = code.with_settings({"trip.ov1.delay_s": 5, "reactive.mode": "volt_var", "enter_service.permitted": False})
    assert {element.name: element.delay_s for element in changed.trip}["ov1"] == 5
    assert changed.reactive.mode == "volt_var"
    assert not changed.enter_service.permitted
    assert code == settings.load("ieee1547-cat3")


def test_all_errors_at_once_with_the_range() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load("ieee1547-cat3").with_settings(
            {
                "trip.ov1.delay_s": 14,
                "trip.uv1.treshold_pu": 0.8,
                "trip.ov2.threshold_pu": 1.25,
                "reactive.mode": "whatever",
                "enter_service.permitted": 1,
                "enter_service.delay_s": float("nan"),
            }
        )
    assert len(caught.value.errors) == 6
    assert "trip.ov1.delay_s: 14 is out of range: 1 to 13" in str(caught.value)
    assert "trip.uv1.treshold_pu: there is no such setting" in str(caught.value)
    assert "fixed at 1.2" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"enter_service.random_delay_s": 100}, "exclude each other"),
        ({"volt_var.v1_pu": 0.97, "volt_var.v2_pu": 0.975}, "must be 0.02 pu at least"),
        ({"volt_var.q2_pu": -0.1}, "volt_var"),
        ({"volt_watt.v1_pu": 1.08, "volt_watt.v2_pu": 1.07}, "volt_watt"),
        ({"watt_var.fed_p1_pu": 0.6}, "watt_var"),
        ({"watt_var.drawn_p1_pu": -0.6}, "watt_var"),
    ],
)
def test_values_that_contradict_each_other(changes: dict[str, settings.Value], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        settings.load("ieee1547-cat3").with_settings(changes)


@every_code
@given(data=st.data())
def test_whatever_is_in_range_is_taken_and_whatever_is_not_is_refused(code: GridCode, data: st.DataObject) -> None:
    numbers = [s for s in code.settings.values() if not s.choices and s.name.startswith("trip.")]
    setting = data.draw(st.sampled_from(numbers))
    value = data.draw(st.floats(-10, 2000))
    if setting.low <= value <= setting.high:
        assert code.with_settings({setting.name: value}).settings[setting.name].value == value
    else:
        with pytest.raises(SettingsError, match=setting.name):
            code.with_settings({setting.name: value})


def test_a_code_for_another_nominal_frequency_is_scaled() -> None:
    code = settings.load("ieee1547-cat3", nominal_hz=50)
    thresholds = {element.name: element.threshold for element in code.trip}
    assert code.nominal_hz == 50
    assert thresholds["of2"] == pytest.approx(62.0 * 50 / 60)
    assert thresholds["uv1"] == 0.88
    assert code.ride_through.frequency_band(51.2).mode is Mode.MANDATORY


@pytest.mark.parametrize(("name", "variant"), [("ieee1547", None), ("nonsense", None), ("vde-4105", "a")])
def test_unknown_codes_and_variants(name: str, variant: str | None) -> None:
    with pytest.raises(SettingsError, match="there is no"):
        settings.load(name, variant)


def test_a_file_that_is_incomplete_or_wrong_names_every_place() -> None:
    document = settings.read("en50549-1")
    broken = {**document, "volt_watt": {**document["volt_watt"], "v9_pu": {"default": 1}, "v1_pu": 1.05}}
    del broken["volt_watt"]["p1_pu"]
    with pytest.raises(SettingsError) as caught:
        settings.parse("broken", broken)
    assert {"v1_pu", "v9_pu", "p1_pu"} <= {
        word.rpartition(".")[2] for error in caught.value.errors for word in error.replace(":", " ").split()
    }
    trip = {**document["trip"], "uv1": {**document["trip"]["uv1"], "quantity": "current", "side": "below"}}
    bands = {**document["ride_through"], "voltage": [{"low": 0.9, "mode": "sometimes"}]}
    with pytest.raises(SettingsError) as caught:
        settings.parse("broken", {**document, "trip": trip, "ride_through": bands})
    named = ("trip.uv1.quantity", "trip.uv1.side", "voltage, band 1: ", "voltage needs bands, one of them continuous")
    assert [place for place in named if place not in str(caught.value)] == []
    with pytest.raises(SettingsError, match="capability is missing"):
        settings.parse("broken", {key: value for key, value in document.items() if key != "capability"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"nominal_hz": "50"}, "nominal_hz: Expected `float`, got `str`"),
        ({"nominal_hz": 0}, "nominal_hz"),
        ({"trip": 3}, "trip: Expected `object`, got `int`"),
        ({"capability": 4}, "capability: Expected `object`, got `int`"),
        ({"reactive": {"mode": "volt-var"}}, "reactive.mode must be constant_power_factor or constant_var or volt_var"),
        ({"reactive": {"mode": 7.0}}, "reactive.mode must be constant_power_factor"),
        ({"volt_watt": {"enabled": 1.0}}, "volt_watt.enabled must be false or true"),
        ({"volt_watt": {"v1_pu": True}}, "volt_watt.v1_pu must be a number"),
        ({"volt_watt": {"v1_pu": [1.05]}}, r"wrong: volt_watt.v1_pu: Expected `bool \| float \| str`, got `array`"),
    ],
)
def test_a_file_with_another_form_or_an_unknown_mode_is_refused(change: dict[str, Any], named: str) -> None:
    document = settings.read("en50549-1")
    for key, value in change.items():
        entries = (
            {name: {"default": each, "source": "x"} for name, each in value.items()} if isinstance(value, dict) else {}
        )
        document = {**document, key: {**document[key], **entries} if entries else value}
    with pytest.raises(SettingsError, match=named):
        settings.parse("wrong", document)


@pytest.mark.parametrize(
    ("key", "default"), [("rocof_hz_per_s", 1.9), ("vector_shift_deg", 19), ("single_phase_vector_shift_deg", 49)]
)
def test_a_code_whose_islanding_detection_forbids_riding_through_is_refused(key: str, default: float) -> None:
    document = settings.read("en50549-1")
    islanding = {
        **document["islanding"],
        "vector_shift_enabled": {"default": True},
        key: {"default": default, "range": [1, 100]},
    }
    with pytest.raises(SettingsError, match=f"islanding.{key} must be above what is ridden through"):
        settings.parse("low", {**document, "islanding": islanding})
