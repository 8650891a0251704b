"""What our station and car send is what the judge of captures demands of others."""

from tests.capture.test_dissector import dissected
from tests.capture.test_judge import judged
from tests.capture.wire import EPOCH, Captured, pcap

from v2g.bench.sim.plc_modem import PlcPair


def test_the_judge_of_captures_finds_nothing_in_a_matching_of_ours() -> None:
    pair, frames = PlcPair(), list[Captured]()
    pair.line.tap = lambda time, data: frames.append(Captured(EPOCH + time, data))
    pair.plug_in(1.0)
    pair.advance(4.0)
    assert pair.matched
    assert len(frames) == 2 + 3 + 10 + 2 + 2
    assert judged(dissected(pcap(frames))) == []


def test_a_pair_matches_in_less_than_a_second_and_parts_again() -> None:
    pair = PlcPair()
    pair.plug_in(1.0)
    assert not pair.matched
    pair.advance(1.9)
    assert pair.matched
    pair.unplug(5.0)
    assert not pair.matched
    pair.advance(5.5)
    assert pair.modems[0].nmk != pair.modems[1].nmk
