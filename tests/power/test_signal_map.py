"""Signal maps: bits in frames, both byte orders, clipping, and errors that say where."""

from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.inverter import InverterMode
from v2g.power.quantity import Kind, MapError
from v2g.power.signals.map import Signal, load, parse, shipped
from v2g.power.signals.port import FrameId

BYTES = bytes(8)


@pytest.mark.parametrize(
    ("signal", "value", "frame"),
    [
        (Signal(frame=1, start=0, length=8), 0x12, "1200000000000000"),
        (Signal(frame=1, start=4, length=8), 0x12, "2001000000000000"),
        (Signal(frame=1, start=8, length=16), 0x1234, "0034120000000000"),
        (Signal(frame=1, start=7, length=16, byte_order="big"), 0x1234, "1234000000000000"),
        (Signal(frame=1, start=3, length=12, byte_order="big"), 0x234, "0234000000000000"),
        (Signal(frame=1, start=7, length=8, byte_order="big"), 0x12, "1200000000000000"),
        (Signal(frame=1, start=40, length=24, signed=True), -2, "0000000000feffff"),
        (Signal(frame=1, start=0, length=16, scale=0.1), 407.2, "e80f000000000000"),
        (Signal(frame=1, start=0, length=16, scale=-1.0, signed=True), 5, "fbff000000000000"),
        (Signal(frame=1, start=0, length=32, float32=True), 1, "0000803f00000000"),
        (Signal(frame=1, start=7, length=32, float32=True, byte_order="big"), 1, "3f80000000000000"),
        (Signal(frame=1, start=63, length=1), 1, "0000000000000080"),
        (Signal(frame=1, start=0, length=8), 1e9, "ff00000000000000"),
        (Signal(frame=1, start=0, length=8, signed=True), float("-inf"), "8000000000000000"),
        (Signal(frame=1, start=0, length=8, values={3: "power"}), "power", "0300000000000000"),
        (
            Signal(frame=1, start=8, length=8, bits={1: "hot", 7: "dead"}),
            frozenset({"hot", "dead"}),
            "0082000000000000",
        ),
    ],
)
def test_the_bits_of_known_values(signal: Signal, value: float | str | frozenset[str], frame: str) -> None:
    value = float(value) if isinstance(value, int) else value
    assert signal.encode(value, BYTES).hex() == frame
    if not isinstance(value, float) or abs(value) < 1e6:
        assert signal.decode(bytes.fromhex(frame)) == value


@given(
    st.integers(0, 63),
    st.integers(1, 32),
    st.booleans(),
    st.sampled_from(("little", "big")),
    st.binary(min_size=8, max_size=8),
    st.floats(-1e10, 1e10),
)
def test_a_number_returns_or_is_clipped_and_no_other_bit_moves(
    start: int, length: int, signed: bool, byte_order: Literal["little", "big"], before: bytes, value: float
) -> None:
    room = 64 - start if byte_order == "little" else 64 - 8 * (start // 8) - (7 - start % 8)
    if length > room:
        with pytest.raises(ValueError, match="64 bits"):
            Signal(frame=1, start=start, length=length, byte_order=byte_order)
        return
    signal = Signal(frame=1, start=start, length=length, signed=signed, byte_order=byte_order)
    low, high = (-(1 << length - 1), (1 << length - 1) - 1) if signed else (0, (1 << length) - 1)
    after = signal.encode(value, before)
    assert signal.decode(after) == round(min(max(value, low), high))
    own = sum(1 << place for place in signal.places)
    assert len(set(signal.places)) == length
    assert (int.from_bytes(after, "little") ^ int.from_bytes(before, "little")) & ~own == 0


@pytest.mark.parametrize(
    ("signal", "frame", "reason"),
    [
        (Signal(frame=1, start=8, length=16), "123456", None),
        (Signal(frame=1, start=8, length=16), "1234", "its frame has only 2 bytes"),
        (Signal(frame=1, start=0, length=8, values={0: "off"}), "07", "unknown code 7"),
        (Signal(frame=1, start=0, length=8, maximum=6), "07", "7 is implausible"),
        (Signal(frame=1, start=0, length=32, float32=True), "0000c07f", "nan is implausible"),
        (Signal(frame=1, start=0, length=32, float32=True), "0000807f", "inf is implausible"),
    ],
)
def test_what_cannot_be_is_refused(signal: Signal, frame: str, reason: str | None) -> None:
    if reason is None:
        assert signal.decode(bytes.fromhex(frame)) == 0x5634
    else:
        with pytest.raises(ValueError, match=reason):
            signal.decode(bytes.fromhex(frame))
    with pytest.raises(ValueError, match="not a number"):
        signal.encode(float("nan"), BYTES)


def test_all_findings_of_a_map_are_reported_with_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "quantities:\n"
        "  a: {frame: 0x20000000, start: 0, length: 8}\n"
        "  b: {frame: 0x800, start: 0, length: 8, extended: false}\n"
        "  c: {frame: 1, start: 60, length: 8}\n"
        "  d: {frame: 1, start: 0, length: 16, float32: true}\n"
        "  e: {frame: 1, start: 0, length: 16, signed: true, values: {0: on}}\n"
        "  f: {frame: 1, strat: 0, length: 16}\n"
    )
    with pytest.raises(MapError) as caught:
        load(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        f"quantities.{each}" for each in "abcdef"
    ]
    with pytest.raises(MapError, match=r"gone\.yaml.*name a readable signal map"):
        load(tmp_path / "gone.yaml")
    with pytest.raises(MapError, match="there is no signal map of a fridge"):
        shipped("fridge")


def test_overlapping_signals_are_found() -> None:
    text = (
        "quantities: {a: {frame: 1, start: 0, length: 9}, b: {frame: 1, start: 8, length: 8}, "
        "c: {frame: 2, start: 0, length: 8, echo: 1}, d: {frame: 1, start: 0, length: 4, shared: true}, "
        "e: {frame: 1, start: 0, length: 8, extended: true}}"
    )
    with pytest.raises(MapError) as caught:
        parse(text, "x.yaml")
    assert [line.partition(";")[0] for line in str(caught.value).splitlines()] == [
        "x.yaml: quantities.b: bits of frame 0x001 are those of a too",
        "x.yaml: quantities.c: bits of frame 0x001 are those of a too",
    ]


def test_the_shipped_maps_have_what_their_drivers_need() -> None:
    inverter = shipped("inverter")
    inverter.require({"control": InverterMode, "power_w": Kind.NUMBER, "faults": Kind.FLAGS})
    assert inverter.quantities["power_set_w"].command_id == FrameId(0x202, extended=False)
    assert inverter.quantities["power_set_w"].reading_id == FrameId(0x282, extended=False)
    assert str(FrameId(0x1207C080, extended=True)) == "0x1207C080"
    assert Signal(frame=0x1207C080, start=0, length=1).command_id.extended
