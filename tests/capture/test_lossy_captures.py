"""Captures that lack packets at random: what is read has its own packet and time, and nobody is accused of the loss."""

from io import BytesIO
from pathlib import Path

import pytest
from fuzz import fuzz_captures
from tests.capture.lossy import RATES, Item, compared, dropped, read_and_judged
from tests.capture.talk import Talk
from tests.capture.test_dissector import CAPTURES, NAMES
from tests.capture.test_judge_slac import captured, matching
from tests.capture.wire import EPOCH, Captured, Flow, conversation, discovery, pcapng, session

from v2g.capture.file import Packet, read
from v2g.capture.packet import Segment, dissect
from v2g.v2gtp.framing import pack

SEEDS = range(4)


def items(frames: list[Captured], secrets: bytes = b"") -> list[Item]:
    return list(read(BytesIO(pcapng(frames, secrets=secrets)), "lossy"))


def charging(name: str) -> list[Captured]:
    """Matching, discovery and a session, one after the other."""
    before = [*captured(matching()), *discovery(time=EPOCH + 5)]
    later = [Captured(frame.time + 10, frame.frame) for frame in conversation(session(name))]
    return [*before, *later]


def assert_nothing_is_made_up(whole: list[Item], least: float) -> None:
    records = read_and_judged(whole)
    shares = []
    for seed in SEEDS:
        for rate in RATES:
            found = compared(records, read_and_judged(dropped(whole, rate, seed)))
            assert found.wrong == [], (rate, seed)
            assert found.false == [], (rate, seed)
            shares.append(found.share + rate)
    assert min(shares) > least, "about as many messages as packets are lost"


@pytest.mark.parametrize("name", NAMES)
def test_recorded_sessions(name: str) -> None:
    assert_nothing_is_made_up(items(charging(name)), least=0.85)


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256"])
def test_encrypted_session(talk: Talk, ciphers: str | None) -> None:
    """The hellos and the secrets are not lost, so that TLS 1.2 can be read at all."""
    messages = session(NAMES[0])
    wire, lines = talk([(message.from_car, pack(message.payload_type, message.exi)) for message in messages], ciphers)
    flow = Flow()
    flow.open(EPOCH)
    for number, (from_car, data) in enumerate(wire):
        flow.say(EPOCH + 1 + number / 10, from_car, data)
    whole = items(flow.frames, secrets=lines)
    first = next(place for place, item in enumerate(whole) if getattr(item, "time", 0.0) > EPOCH + 1.15)
    records = read_and_judged(whole)
    for seed in SEEDS:
        for rate in RATES:
            found = compared(records, read_and_judged(whole[:first] + dropped(whole[first:], rate, seed)))
            assert (found.wrong, found.false) == ([], []), (rate, seed)
            assert found.share + rate > 0.85


@pytest.mark.parametrize("name", CAPTURES)
def test_captures_of_others(shared: Path, name: str) -> None:
    path = shared / "captures" / name
    with path.open("rb") as file:
        whole = list(read(file, name))
    assert_nothing_is_made_up(whole, least=0.0)


@pytest.mark.parametrize("from_car", [True, False])
@pytest.mark.parametrize("name", [name for name in CAPTURES if "PnC_TLS" not in name])
def test_one_side_of_the_captures_of_others(shared: Path, name: str, from_car: bool) -> None:
    """Only TLS 1.2 cannot be read without the other side."""
    with (shared / "captures" / name).open("rb") as file:
        items = list(read(file, name))
    whole = read_and_judged(items)
    cars = {record.packet for record in whole if record.message == "supportedAppProtocolReq"}
    macs = {item.data[6:12] for item in items if isinstance(item, Packet) and item.number in cars}
    kept = [
        item
        for item in items
        if not isinstance(item, Packet)
        or not isinstance(dissect(item), Segment)
        or (item.data[6:12] in macs) == from_car
    ]
    found = read_and_judged(kept)
    expected = [each for each in whole if each.connection and each.message and each.is_request == from_car]
    messages = [each for each in found if each.connection and each.message]
    assert [(each.packet, each.time, each.document) for each in messages] == [
        (each.packet, each.time, each.document) for each in expected
    ]
    rules = [finding.rule for record in found for finding in record.findings]
    assert rules.count("one side") == len(cars)
    assert set(rules) <= {"one side", *(finding.rule for record in whole for finding in record.findings)}


def test_a_few_damaged_captures() -> None:
    """The first runs of the fuzzer, which goes on from there."""
    captures = [items(charging(name)) for name in NAMES[:2]]
    known = {record.payload for capture in captures for record in read_and_judged(capture)}
    for seed in range(40):
        mutated, is_sound = fuzz_captures.mutated(captures, seed)
        fuzz_captures.run(mutated, known if is_sound else None)
