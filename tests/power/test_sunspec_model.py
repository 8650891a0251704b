"""SunSpec models: their lengths, and how values become registers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.sunspec.model import HEAD, Point, places

NUMERIC = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "uint64": 4}


@pytest.mark.parametrize(
    ("number", "repeated", "length"),
    [
        (1, {}, 66),
        (701, {}, 153),
        (702, {}, 50),
        (703, {}, 17),
        (704, {}, 65),
        (705, {"NPt": 4, "NCrv": 2}, 49),
        (706, {"NPt": 2, "NCrv": 1}, 22),
        (707, {"NPt": 2, "NCrvSet": 1}, 29),
        (708, {"NPt": 2, "NCrvSet": 1}, 29),
        (709, {"NPt": 2, "NCrvSet": 1}, 35),
        (710, {"NPt": 2, "NCrvSet": 1}, 35),
        (711, {"NCtl": 1}, 22),
        (713, {}, 7),
        (714, {"NPrt": 1}, 43),
        (715, {}, 7),
    ],
)
def test_models_are_as_long_as_in_real_devices(number: int, repeated: dict[str, int], length: int) -> None:
    laid = places(number, repeated)
    assert laid[-1].end == HEAD + length
    assert all(place.offset == before.end for before, place in pairwise(laid))


def test_points_are_where_other_implementations_have_them() -> None:
    controls = {place.path: place.offset for place in places(704, {})}
    assert (controls["WMaxLimPctEna"], controls["WSetEna"], controls["WSet"]) == (14, 22, 24)
    trip = {place.path: place.offset for place in places(707, {"NPt": 2, "NCrvSet": 2})}
    assert (trip["Crv[1].MustTrip.Pt[1].V"], trip["Crv[2].MomCess.Pt[2].Tms"]) == (11, 51)


@given(st.sampled_from(sorted(NUMERIC)), st.integers(-3, 3), st.floats(-1e6, 1e6))
def test_a_number_returns_within_its_resolution_or_clipped(type_name: str, exponent: int, value: float) -> None:
    point = Point("X", type_name, NUMERIC[type_name])
    bits = 16 * point.size
    low, high = (0, 2**bits - 2) if type_name.startswith("u") else (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1)
    scale = 10.0**exponent
    decoded = point.decode(point.encode(value, exponent), exponent)
    assert isinstance(decoded, float)  # what means that there is no value is never made of a number
    assert decoded == pytest.approx(min(max(value, low * scale), high * scale), abs=scale)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (Point("X", "int16", 1), [0x8000]),
        (Point("X", "uint16", 1), [0xFFFF]),
        (Point("X", "int32", 2), [0x8000, 0]),
        (Point("X", "uint32", 2), [0xFFFF, 0xFFFF]),
        (Point("X", "uint64", 4), [0xFFFF] * 4),
        (Point("X", "enum16", 1, symbols={0: "OFF"}), [0xFFFF]),
        (Point("X", "bitfield32", 2, symbols={0: "HOT"}), [0xFFFF, 0xFFFF]),
        (Point("X", "sunssf", 1), [0x8000]),
        (Point("X", "string", 2), [0, 0]),
    ],
)
def test_what_means_that_there_is_no_value(point: Point, words: list[int]) -> None:
    assert point.decode(words) is None
    assert point.encode(None) == words


def test_codes_flags_and_texts() -> None:
    state = Point("InvSt", "enum16", 1, symbols={0: "OFF", 3: "RUNNING"})
    assert (state.decode([3]), state.encode("RUNNING")) == ("RUNNING", [3])
    with pytest.raises(ValueError, match="unknown code 7"):
        state.decode([7])
    with pytest.raises(ValueError, match="InvSt knows no 'ON', only OFF, RUNNING"):
        state.encode("ON")
    alarms = Point("Alrm", "bitfield32", 2, symbols={7: "OVER_TEMP"})
    assert alarms.decode([1, 0x80]) == frozenset({"OVER_TEMP", "bit 16"})
    assert alarms.encode(frozenset({"OVER_TEMP"})) == [0, 0x80]
    text = Point("Mn", "string", 2)
    assert (text.encode("v2g"), text.decode([0x7632, 0x6700])) == ([0x7632, 0x6700], "v2g")
    with pytest.raises(ValueError, match="a scale factor is within -10 to 10, not 77"):
        Point("W_SF", "sunssf", 1).decode([77])
