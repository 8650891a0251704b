"""The datagrams that carry samples of the grid's voltages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.waveform import LARGEST_COUNT, SampleBlock, decode, encode

volts = st.floats(-1000, 1000, width=32)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(1, 20_000),
    st.lists(st.tuples(volts, volts, volts), min_size=1, max_size=LARGEST_COUNT),
)
def test_a_block_returns(first: int, rate_hz: int, samples: list[tuple[float, float, float]]) -> None:
    block = SampleBlock(first, float(rate_hz), samples)
    assert decode(encode(block)) == block
    assert len(encode(block)) <= 1472  # an Ethernet frame without IP and UDP


def test_the_layout() -> None:
    block = SampleBlock(258, 3200.5, [(1.0, -2.0, 0.0)])
    expected = "56324757 01 03 0001 0030d5f4 0000000000000102 3f800000 c0000000 00000000"
    assert encode(block) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n............",
        bytes.fromhex("56324757 02 03 0001 0030d5f4 0000000000000102 3f800000 c0000000 00000000"),
        bytes.fromhex("56324757 01 03 0002 0030d5f4 0000000000000102 3f800000 c0000000 00000000"),
        bytes.fromhex("56324757 01 03 0001 00000000 0000000000000102 3f800000 c0000000 00000000"),
        bytes.fromhex("56324757 01 03 0000 0030d5f4 0000000000000102"),
    ],
)
def test_other_datagrams_are_refused(datagram: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes|not samples"):
        decode(datagram)


@pytest.mark.parametrize("count", [0, LARGEST_COUNT + 1])
def test_a_block_has_room_for_so_many_samples(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 120"):
        encode(SampleBlock(0, 3200, [(0.0, 0.0, 0.0)] * count))
