"""What the trace says of a matching."""

from v2g.bench.sim.plc_modem import PlcPair
from v2g.slac.event import describe


def test_the_story_of_a_link_can_be_read_and_holds_no_key() -> None:
    pair = PlcPair()
    pair.plug_in(1.0)
    pair.advance(3.0)
    assert pair.evse.match is not None
    key = pair.evse.match.key
    pair.way.attenuation_db = [70.0] * 58
    pair.advance(6.0)
    pair.way.cut = True
    pair.advance(60.0)
    told = [describe(event) for _, machine, event in pair.bench.events if machine is pair.evse]
    texts = [text for text, _ in told]
    heads = [text.partition(":")[0] for text in texts]
    assert heads == [
        "modem", "modem", "matching", "matching", "matching", "link up", "signal attenuation", "link lost", "modem",
        "no match",
    ]  # fmt: skip
    assert [text for text, warning in told if warning] == [
        "signal attenuation: -76.5 dBm, below -60 dBm; look at connectors, cable shield and ferrite chokes",
        "link lost: car 02:00:00:00:EF:01: the modem has no link any more",
        "no match: no car has sent CM_SLAC_PARM.REQ within 40 s (TT_EVSE_SLAC_init)",
    ]
    assert texts[5] == "link up: car 02:00:00:00:EF:01, 8.0 dB"
    assert not any(key.nmk.hex() in text.lower() or str(key.nmk) in text for text in texts)
