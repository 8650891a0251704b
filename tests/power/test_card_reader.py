"""What card readers send, made a number: lines, frames of 125 kHz modules, keys."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.power.card_reader import CARD, Keys, Lines


@pytest.mark.parametrize(
    ("content", "cards"),
    [
        (b"04a2b3c4\r\n", ["04A2B3C4"]),
        (b"04A2B3C4\n04A2B3C4\n", ["04A2B3C4", "04A2B3C4"]),
        (b"04A2B3", []),
        (b"abc\nno number here\n" + b"1" * 37 + b"\n\xff\xfe\n", []),
        (b"\x02100086F44426\x03", ["100086F444"]),  # 10 ^ 00 ^ 86 ^ F4 ^ 44 is 26
        (b"\x02100086F44427\x03", []),
    ],
)
def test_lines(content: bytes, cards: list[str]) -> None:
    assert Lines().feed(content) == cards
    lines = Lines()
    assert [card for each in content for card in lines.feed(bytes([each]))] == cards, "byte by byte"


def typed(text: str) -> bytes:
    """As Linux reports the keys of a keyboard: each pressed and released, with a report after each."""
    codes = {"0": 11, "4": 5, "A": 30, "2": 3, "B": 48, "3": 4, "C": 46, "\n": 28}
    events = [(1, codes[key], value) for key in text for value in (1, 0)]
    return b"".join(struct.pack("@llHHi", 1, 2, *each) + struct.pack("@llHHi", 1, 2, 0, 0, 0) for each in events)


def test_keys() -> None:
    assert Keys().feed(typed("04A2B3C4\n")) == ["04A2B3C4"]
    keys, content = Keys(), typed("04A2B3C4\n04\n")
    assert [card for each in content for card in keys.feed(bytes([each]))] == ["04A2B3C4"]


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_whatever_comes_only_numbers_leave(parts: list[bytes]) -> None:
    lines, keys = Lines(), Keys()
    for part in parts:
        assert all(CARD.fullmatch(card) for card in [*lines.feed(part), *keys.feed(part)])
