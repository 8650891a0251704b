"""The judge of the matching over the power line."""

from collections.abc import Callable

import pytest
from tests.capture.test_dissector import dissected
from tests.capture.test_judge import judged
from tests.capture.wire import CAR_MAC, EPOCH, STATION_MAC, Captured, pcap

from v2g.capture.record import Finding
from v2g.slac import mme
from v2g.slac.mme import BROADCAST, Frame, Mme

RUN_ID = bytes.fromhex("535B8C4DB775DB0A")
Steps = list[tuple[float, bool, Mme]]


def matching() -> Steps:
    """Milliseconds, whether the car sends it, and what."""
    steps: Steps = [
        (0, True, mme.CM_SLAC_PARM_REQ(run_id=RUN_ID)),
        (30, False, mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR_MAC, run_id=RUN_ID)),
    ]
    steps += [
        (160 + 30 * n, True, mme.CM_START_ATTEN_CHAR_IND(forwarding_sta=CAR_MAC, run_id=RUN_ID)) for n in range(3)
    ]
    steps += [
        (250 + 30 * n, True, mme.CM_MNBC_SOUND_IND(remaining_sounds=9 - n, run_id=RUN_ID, random=bytes(16)))
        for n in range(10)
    ]
    return [
        *steps,
        (800, False, mme.CM_ATTEN_CHAR_IND(source_address=CAR_MAC, run_id=RUN_ID, attenuations_db=bytes(58))),
        (830, True, mme.CM_ATTEN_CHAR_RSP(source_address=CAR_MAC, run_id=RUN_ID)),
        (1700, True, mme.CM_SLAC_MATCH_REQ(pev_mac=CAR_MAC, evse_mac=STATION_MAC, run_id=RUN_ID)),
        (
            1710,
            False,
            mme.CM_SLAC_MATCH_CNF(pev_mac=CAR_MAC, evse_mac=STATION_MAC, run_id=RUN_ID, nid=bytes(7), nmk=bytes(16)),
        ),
    ]


def findings(steps: Steps) -> list[Finding]:
    frames = []
    for time_ms, from_car, message in steps:
        destination = BROADCAST if isinstance(message, mme.CM_SLAC_PARM_REQ) else (STATION_MAC if from_car else CAR_MAC)
        frame = Frame.of(destination, CAR_MAC if from_car else STATION_MAC, message)
        frames.append(Captured(EPOCH + time_ms / 1000, frame.pack()))
    return judged(dissected(pcap(frames)))


def test_nothing_is_wrong_with_a_good_matching() -> None:
    assert findings(matching()) == []


def test_second_station_on_the_line_is_no_error() -> None:
    steps = matching()
    steps.insert(2, (40, False, mme.CM_SLAC_PARM_CNF(forwarding_sta=CAR_MAC, run_id=RUN_ID, resp_type=0)))
    assert findings(steps) == []


def later(kind: type[Mme], by_ms: float) -> Callable[[Steps], Steps]:
    def plant(steps: Steps) -> Steps:
        first = next(place for place, step in enumerate(steps) if isinstance(step[2], kind))
        return steps[:first] + [(time + by_ms, *rest) for time, *rest in steps[first:]]  # type: ignore[misc]

    return plant


def without(kind: type[Mme]) -> Callable[[Steps], Steps]:
    return lambda steps: [step for step in steps if not isinstance(step[2], kind)]


def changed(kind: type[Mme], **values: object) -> Callable[[Steps], Steps]:
    return lambda steps: [
        (time, from_car, kind(**vars(message) | values) if isinstance(message, kind) else message)
        for time, from_car, message in steps
    ]


@pytest.mark.parametrize(
    ("plant", "rule", "text"),
    [
        (later(mme.CM_SLAC_PARM_CNF, 300), "slac timing", "CM_SLAC_PARM.CNF came 330 ms after CM_SLAC_PARM.REQ"),
        (later(mme.CM_START_ATTEN_CHAR_IND, 300), "slac timing", "TT_match_sequence"),
        (later(mme.CM_ATTEN_CHAR_IND, 700), "slac timing", "TT_EV_atten_results"),
        (later(mme.CM_ATTEN_CHAR_RSP, 300), "slac timing", "TT_match_response"),
        (later(mme.CM_SLAC_MATCH_REQ, 10_000), "slac timing", "TT_EVSE_match_session"),
        (without(mme.CM_SLAC_PARM_CNF), "slac sequence", "without CM_SLAC_PARM.CNF before it"),
        (without(mme.CM_SLAC_MATCH_CNF), "unmatched", "ends after CM_SLAC_MATCH.REQ"),
        (without(mme.CM_MNBC_SOUND_IND), "sounds", "after 0 of 10 sounds"),
        (changed(mme.CM_ATTEN_CHAR_IND, num_sounds=7), "sounds", "heard 7 of 10 sounds"),
        (changed(mme.CM_START_ATTEN_CHAR_IND, timeout=10), "slac parameters", "timeout 10"),
        (changed(mme.CM_ATTEN_CHAR_RSP, result=1), "slac result", "result 1"),
    ],
)
def test_planted_error_is_found_once(plant: Callable[[Steps], Steps], rule: str, text: str) -> None:
    (finding,) = findings(plant(matching()))
    assert finding.rule == rule
    assert text in finding.text


def test_answer_with_another_run_id() -> None:
    found = findings(changed(mme.CM_SLAC_PARM_CNF, run_id=bytes(8))(matching()[:2]))
    assert [finding.rule for finding in found] == ["run id", "unmatched", "unmatched"]
