"""Register maps: encoding, plausibility, block reads, and errors that say where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.inverter import InverterMode, InverterSetpoint, InverterState
from v2g.power.quantity import Kind, MapError
from v2g.power.registers.map import Quantity, load, parse, shipped
from v2g.power.registers.port import Table

NUMERIC = ("u16", "i16", "u32", "i32", "f32")


@given(
    st.sampled_from(NUMERIC), st.sampled_from((1.0, 0.1, 10.0, -1.0, -0.01)), st.booleans(), st.floats(-60_000, 60_000)
)
def test_a_number_returns_within_its_resolution_or_clipped(
    type_name: str, scale: float, swapped: bool, value: float
) -> None:
    quantity = Quantity(0, type_name, scale=scale, words_swapped=swapped)  # type: ignore[arg-type]  # a sampled literal
    words = quantity.encode(value)
    assert len(words) == quantity.count
    assert all(0 <= word <= 0xFFFF for word in words)
    low, high = {
        "u16": (0, 0xFFFF),
        "i16": (-0x8000, 0x7FFF),
        "u32": (0, 2**32 - 1),
        "i32": (-(2**31), 2**31 - 1),
        "f32": (-3e38, 3e38),
    }[type_name]
    expected = min(max(value / scale, low), high) * scale
    decoded = quantity.decode(words)
    assert isinstance(decoded, float)
    assert decoded == pytest.approx(expected, abs=abs(scale), rel=1e-6)


def test_the_words_of_known_values() -> None:
    quantities = shipped("inverter").quantities
    assert quantities["discharge_limit_w"].address == 0x4001
    assert quantities["discharge_limit_w"].encode(15_000.0) == [15_000]
    assert quantities["discharge_limit_w"].encode(1e9) == [0xFFFF]
    assert quantities["power_set_w"].encode(-10_000.0) == [0xFFFF, 0xD8F0]
    assert quantities["current_set_a"].encode(-5_000.0) == [0x8000]
    assert quantities["voltage_v"].decode([4072]) == 407.2
    assert quantities["faults"].decode([0x4011]) == frozenset({"over_voltage", "watchdog", "bit 14"})
    assert Quantity(0, "i32", words_swapped=True).encode(-10_000.0) == [0xD8F0, 0xFFFF]
    assert Quantity(0, "f32").encode(1.0) == [0x3F80, 0]
    assert Quantity(0, "string", length=3).encode("BPT-1") == [0x4250, 0x542D, 0x3100]
    assert Quantity(0, "string", length=3).decode([0x4250, 0x542D, 0x3100]) == "BPT-1"
    assert Quantity(0, "bit", table=Table.COIL).encode(1.0) == [1]


@pytest.mark.parametrize(
    ("quantity", "words", "reason"),
    [
        (Quantity(0, "f32"), [0x7FC0, 0], "nan"),
        (Quantity(0, "f32"), [0x7F80, 0], "inf"),
        (Quantity(0, "u16", maximum=1500), [1501], "1501 is implausible"),
        (Quantity(0, "i16", minimum=-60), [0xFF00], "-256 is implausible"),
        (Quantity(0, "u16", values={0: "off"}), [7], "unknown code 7"),
    ],
)
def test_an_implausible_value_is_refused(quantity: Quantity, words: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        quantity.decode(words)


def test_a_name_without_a_code_is_refused() -> None:
    with pytest.raises(ValueError, match="no code for 'power': the map knows off, on"):
        Quantity(0, "u16", values={0: "off", 1: "on"}).encode("power")


def test_a_measurement_is_one_request() -> None:
    inverter = shipped("inverter")
    reading = ("state", "faults", "voltage_v", "current_a", "power_w", "ac_power_w", "ac_reactive_var", "temperature_c")
    (span,) = inverter.spans(reading)
    assert (span.table, span.address, span.count) == (Table.INPUT, 0x5000, 12)
    assert set(span.names) == set(reading)


def test_block_reads_cross_gaps_only_as_far_as_allowed() -> None:
    text = "quantities: {a: {address: 0, type: u32}, b: {address: 4, type: u16}, c: {address: 200, type: u16}}"
    assert [(span.address, span.count) for span in parse(text, "x").spans("abc")] == [(0, 5), (200, 1)]
    careful = parse("largest_gap: 0\n" + text, "x")
    assert [(span.address, span.count) for span in careful.spans("cba")] == [(0, 2), (4, 1), (200, 1)]


@given(st.sets(st.integers(0, 2000), min_size=1, max_size=40))
def test_block_reads_cover_everything_within_the_largest_request(addresses: set[int]) -> None:
    rows = ", ".join(f"q{address}: {{address: {address}, type: u16}}" for address in addresses)
    register_map = parse(f"quantities: {{{rows}}}", "x")
    spans = register_map.spans(register_map.quantities)
    assert sorted(name for span in spans for name in span.names) == sorted(register_map.quantities)
    for span in spans:
        assert span.count <= 125
        for name in span.names:
            assert span.address <= register_map.quantities[name].address < span.address + span.count


def test_all_findings_of_a_map_are_reported_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "quantities:\n"
        "  voltage_v: {address: 70000, type: u16}\n"
        "  current_a: {address: 1, type: u17}\n"
        "  close: {address: 1, type: bit}\n"
        "  power_w: {address: 1, type: u16, scale: 0}\n"
        "  soc: {address: 1, type: u16, sclae: 2}\n"
        "  state: {address: 1, type: i16, values: {0: on}}\n"
    )
    with pytest.raises(MapError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "quantities.voltage_v",
        "quantities.current_a",
        "quantities.close",
        "quantities.power_w",
        "quantities.soc",
        "quantities.state",
    ]
    assert all(line.startswith(str(path)) for line in lines)


BOMB = "".join(f"a{i}: &a{i} [{','.join(['1' if not i else f'*a{i - 1}'] * 9)}]\n" for i in range(9))


@pytest.mark.parametrize(
    "text",
    [
        "quantities: [",
        "- 1",
        "",
        "quantities: {}\nheartbeat_s: 0",
        "hearbeat_s: 1",
        "[" * 2_000,
        BOMB,
        "quantities: &a {x: *a}",
        "a: 1\n" * 400_000,
        "quantities: {a: {address: !!int x, type: u16}}",
        "quantities: {a: {address: 2026-13-01, type: u16}}",
        f"quantities: {{a: {{address: 1{'0' * 5_000}, type: u16}}}}",
    ],
    ids=range(12),
)
def test_a_file_that_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(MapError, match=r"mine\.yaml"):
        parse(text, "mine.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MapError, match=r"gone\.yaml.*name a readable"):
        load(tmp_path / "gone.yaml")


def test_what_a_driver_needs_is_checked_at_once() -> None:
    register_map = parse(
        "quantities: {state: {address: 0, type: u16, values: {0: idle}}, faults: {address: 1, type: u16}}", "x.yaml"
    )
    with pytest.raises(MapError) as caught:
        register_map.require({"state": InverterState, "faults": Kind.FLAGS, "power_w": Kind.NUMBER})
    assert str(caught.value).splitlines() == [
        "x.yaml: quantities.state.values: has idle; known are off, on, derated, fault",
        "x.yaml: quantities.faults: is a number; must be a bit field with names under bits",
        "x.yaml: quantities.power_w: missing; add it, a number",
    ]


def test_a_misspelt_quantity_is_found_and_what_nobody_resembles_is_left_alone() -> None:
    needed = {"power_w": Kind.NUMBER, "reactive_var": Kind.NUMBER}
    rows = "powr_w: {address: 0, type: u16}, reactive_var: {address: 1, type: u16}, %s: {address: 2, type: u16}"
    text = f"quantities: {{{rows}}}"
    with pytest.raises(MapError) as caught:
        parse(text % "hartbeat", "x.yaml").require(needed, ("heartbeat",))
    assert str(caught.value).splitlines() == [
        "x.yaml: quantities.power_w: missing; add it, a number",
        "x.yaml: quantities.powr_w: nobody reads it; did you mean power_w?",
        "x.yaml: quantities.hartbeat: nobody reads it; did you mean heartbeat?",
    ]
    parse((text % "fan_speed").replace("powr_w", "power_w"), "x.yaml").require(needed, ("heartbeat",))


def test_quantities_in_the_same_registers_are_found_unless_that_is_meant() -> None:
    text = (
        "quantities: {a_w: {address: 0, type: u32}, b_w: {address: 1, type: u16}, c_w: {address: 1, type: u16, "
        "table: input}, d_w: {address: 0, type: u16, shared: true}}"
    )
    with pytest.raises(MapError) as caught:
        parse(text, "x.yaml")
    place, remedy = "register 0x0001 is that of a_w too", "correct the address, or say `shared: true` if that is meant"
    assert str(caught.value) == f"x.yaml: quantities.b_w: {place}; {remedy}"


@given(
    st.sampled_from(NUMERIC),
    st.sampled_from((1.0, 1e-9, 1e9, -0.1)),
    st.none() | st.floats(-1e6, 0),
    st.none() | st.floats(0, 1e6),
    st.floats(allow_nan=False),
)
def test_every_number_is_encoded_within_the_limits_of_type_and_map(
    type_name: str, scale: float, minimum: float | None, maximum: float | None, value: float
) -> None:
    quantity = Quantity(0, type_name, scale=scale, minimum=minimum, maximum=maximum)  # type: ignore[arg-type]
    words = quantity.encode(quantity.limited(value))
    assert all(0 <= word <= 0xFFFF for word in words)
    assert len(quantity.encode(value)) == len(words)
    free = Quantity(0, type_name, scale=scale)  # type: ignore[arg-type]
    held = free.decode(words) if type_name != "f32" or scale == 1 else 0.0  # a float may overflow when it is scaled
    assert isinstance(held, float)
    slack = abs(scale) + 1e-6 * abs(held)
    assert minimum is None or held >= minimum - slack
    assert maximum is None or held <= maximum + slack


@pytest.mark.parametrize("type_name", [*NUMERIC, "bit"])
def test_what_is_not_a_number_is_never_written(type_name: str) -> None:
    table = Table.COIL if type_name == "bit" else Table.HOLDING
    with pytest.raises(ValueError, match="not a number"):
        Quantity(0, type_name, table=table).encode(float("nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["voltage_v", "charge_limit_w", "discharge_limit_w", "minimum_voltage_v"])
def test_a_setpoint_has_no_negative_limit(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        InverterSetpoint(InverterMode.POWER, **{field: -1.0})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_setpoint_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="power_w"):
        InverterSetpoint(InverterMode.POWER, power_w=value)
