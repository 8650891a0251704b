"""Whatever bytes come: a message or an ExiError, soon, and in little memory."""

import random
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from v2g.messages import PROTOCOLS, ExiError, codec, decode, decode_fragment, din, encode, encode_fragment, iso2
from v2g.messages.document import from_document, to_document

Recording = tuple[str, bytes, dict[str, Any]]


def outcome(read: Callable[[], Any]) -> Any:
    """What comes of it, or the one error that may."""
    try:
        return read()
    except ExiError as error:
        return error


def survives(protocol: str, data: bytes) -> None:
    message = outcome(lambda: decode(protocol, data, strict=True))
    deviations: list[ExiError] = []
    lenient = outcome(lambda: decode(protocol, data, deviations=deviations))
    if isinstance(message, ExiError):
        assert message.bit is not None
        assert 0 <= message.bit <= 8 * len(data)
        assert message.reason
        assert isinstance(lenient, ExiError) or str(message) == str(deviations[0])
    else:
        assert lenient == message
        assert not deviations
        assert decode(protocol, encode(protocol, message), strict=True) == message
        assert from_document(protocol, to_document(message)) == message


def test_cut_off_anywhere(recordings: list[Recording]) -> None:
    for number, (protocol, data, _) in enumerate(recordings):
        for end in range(number % 32, min(8 * len(data), 1200), 32):
            kept = int.from_bytes(data, "big") >> (8 * len(data) - end)
            octets = -(-end // 8)
            survives(protocol, (kept << 8 * octets - end).to_bytes(octets, "big"))


def test_any_bit_wrong(recordings: list[Recording]) -> None:
    for number, (protocol, data, _) in enumerate(recordings):
        for bit in range(number % 16, min(8 * len(data), 1200), 16):
            wrong = int.from_bytes(data, "big") ^ 1 << (8 * len(data) - 1 - bit)
            survives(protocol, wrong.to_bytes(len(data), "big"))


def test_every_bit_of_a_charge_loop_message_wrong(recordings: list[Recording]) -> None:
    data = next(data for _, data, document in recordings if "DC_ChargeLoopReq" in document)
    for bit in range(8 * len(data)):
        survives("iso20-dc", (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_random_bytes(protocol: str) -> None:
    dice = random.Random(1)
    for _ in range(300):
        survives(protocol, b"\x80" + dice.randbytes(dice.randrange(80)))
        survives(protocol, dice.randbytes(dice.randrange(20)))


def test_a_global_element_with_plain_text_is_no_message() -> None:
    """KeyName is such an element; its text would be taken for a message."""
    with pytest.raises(ExiError, match="root element KeyName is no message"):
        decode("iso2", bytes.fromhex("8044034100"))


@pytest.mark.parametrize("protocol", ["iso20-common", "din", "xmldsig"])
@pytest.mark.parametrize("octet", [0x00, 0x01, 0x80, 0xFF])
def test_long_nonsense_costs_little_time(protocol: str, octet: int) -> None:
    """Announced lengths, endless integers and endless lists take no more than the octets that are there."""
    elements = codec(protocol).schema.elements
    heads = [0x80 << 8 | code << 8 - len(elements).bit_length() for code in range(0, len(elements), 4)]
    start_s = time.process_time()
    for head in heads:
        with pytest.raises(ExiError):
            decode(protocol, head.to_bytes(2, "big") + bytes([octet]) * 10_000, strict=True)
    assert time.process_time() - start_s < 0.5 * len(heads)


@pytest.mark.parametrize("octet", [0x00, 0x01, 0x80, 0xFF])
def test_long_nonsense_costs_little_memory(octet: int) -> None:
    data = encode("din", din.V2G_Message(din.MessageHeader(bytes(8)), din.Body(din.SessionStopReq())))
    tracemalloc.start()
    with pytest.raises(ExiError):
        decode("din", data[:11] + bytes([octet]) * 60_000, strict=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


def test_fragments_with_any_bit_wrong() -> None:
    value = iso2.EMAID("DE1ABCD2EF357A", "id4")
    data = encode_fragment("iso2", "eMAID", value)
    for bit in range(8 * len(data)):
        wrong = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
        result = outcome(partial(decode_fragment, "iso2", wrong))
        assert isinstance(result, ExiError) or result != ("eMAID", value) or bit < 8
