"""Relay mode, whatever happens in whatever order: nothing is lost or answered twice, nothing of ours goes up."""

import json
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.csms.relaying import Line

from v2g.csms.profiles import is_own
from v2g.ocpp import v21

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["plug", "unplug", "cut", "reach", "mute", "speak", "station", "ask", "steer", "restart"]),
        st.sampled_from([0.5, 2.0, 35.0]),
    ),
    min_size=4,
    max_size=14,
)


def happens(line: Line, what: str, number: int) -> None:
    match what:
        case "plug" if line.station.battery is None:
            line.plug()
        case "unplug":
            line.station.unplug(line.now)
        case "cut" if line.up:
            line.cut_csms()
        case "reach" if not line.up and line.linked:
            line.reach()
        case "mute" | "speak":
            line.csms.mute = what == "mute"
        case "station":
            line.cut_station()
            line.up = False
            line.run(1.0)
            line.link()
        case "ask" if line.csms.rpc.ready:
            line.csms.call("ClearChargingProfile", v21.ClearChargingProfileRequest(chargingProfileId=number), line.now)
        case "steer":
            line.wanted_w = -500.0 * number
        case "restart":
            line.cut_station()
            line.up = False
            line.start()
            line.link()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVENTS)
def test_nothing_is_lost_and_nothing_of_ours_goes_up(events: list[tuple[str, float]]) -> None:
    line = Line()
    line.link()
    line.run(2.0)
    for number, (what, seconds) in enumerate(events):
        happens(line, what, number)
        line.run(seconds)
        if line.middle.close_up and line.up:  # an unanswered call: another link
            line.middle.close_up = False
            line.cut_csms()
            line.reach()
    line.csms.mute = False
    line.station.unplug(line.now)
    if not line.up:
        line.reach()
    else:
        line.cut_csms()
        line.reach()
    line.run(120.0)
    assert line.station.waiting == 0
    heard = [json.loads(frame) for frame in line.csms.heard]
    sent = Counter(frame[1] for frame in map(json.loads, line.to_station) if frame[0] in (3, 4))
    assert max(sent.values(), default=0) <= 1
    transactions: dict[str, set[int]] = {}
    for frame in heard:
        if frame[0] == 2 and frame[2] == "TransactionEvent":
            transactions.setdefault(frame[3]["transactionInfo"]["transactionId"], set()).add(frame[3]["seqNo"])
        if frame[0] == 2 and frame[2] == "ReportChargingProfiles":
            assert not any(is_own(each["id"]) for each in frame[3]["chargingProfile"])
    for numbers in transactions.values():
        assert numbers == set(range(len(numbers)))
    asked = {
        frame[1] for frame in map(json.loads, line.to_station) if frame[0] == 2 and frame[2] != "ClearChargingProfile"
    }
    assert not asked & {frame[1] for frame in heard if frame[0] in (3, 4)}
    assert not [key for key in line.ledger.kept if key[0] == "forward"]
