"""The judge of the matching over the power line."""

from collections.abc import Callable

import pytest
from tests.capture.test_dissector import dissected
from tests.capture.test_judge import judged
from tests.capture.wire import CAR_MAC, EPOCH, STATION_MAC, Captured, discovery, pcap

from v2g.capture.datagrams import management
from v2g.capture.judge import Judge
from v2g.capture.judge_slac import MOST_RUNS, SlacJudge
from v2g.capture.packet import Management
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


def captured(steps: Steps) -> list[Captured]:
    frames = []
    for time_ms, from_car, message in steps:
        destination = BROADCAST if isinstance(message, mme.CM_SLAC_PARM_REQ) else (STATION_MAC if from_car else CAR_MAC)
        frame = Frame.of(destination, CAR_MAC if from_car else STATION_MAC, message)
        frames.append(Captured(EPOCH + time_ms / 1000, frame.pack()))
    return frames


def findings(steps: Steps) -> list[Finding]:
    return judged(dissected(pcap(captured(steps))))


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


def early(steps: Steps) -> Steps:
    """The station reports before the last two sounds."""
    times = {mme.CM_ATTEN_CHAR_IND: 470.0, mme.CM_ATTEN_CHAR_RSP: 475.0}
    moved = [(times.get(type(step[2]), step[0]), *step[1:]) for step in steps]
    return sorted(moved, key=lambda step: step[0])


@pytest.mark.parametrize(
    ("plant", "rule", "text"),
    [
        (later(mme.CM_SLAC_PARM_CNF, 300), "slac timing", "CM_SLAC_PARM.CNF came 330 ms after CM_SLAC_PARM.REQ"),
        (later(mme.CM_START_ATTEN_CHAR_IND, 300), "slac timing", "TT_match_sequence"),
        (later(mme.CM_ATTEN_CHAR_IND, 700), "slac timing", "TT_EV_atten_results"),
        (later(mme.CM_ATTEN_CHAR_RSP, 300), "slac timing", "TT_match_response"),
        (early, "sounds", "after 8 sounds, before the car sent this one"),
        (later(mme.CM_SLAC_MATCH_REQ, 10_000), "slac timing", "TT_EVSE_match_session"),
        (without(mme.CM_SLAC_PARM_CNF), "slac incomplete", "lacks CM_SLAC_PARM.CNF of the matching of"),
        (without(mme.CM_SLAC_MATCH_CNF), "unmatched", "ends after CM_SLAC_MATCH.REQ"),
        (without(mme.CM_MNBC_SOUND_IND), "slac incomplete", "lacks CM_MNBC_SOUND.IND of the matching of"),
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
    assert [(finding.rule, finding.packet) for finding in found] == [("unmatched", 1), ("run id", 2)]
    assert f"run id {bytes(8).hex()} the car that has asked with {RUN_ID.hex().upper()}" in found[1].text


def later_by(steps: Steps, by_ms: float) -> Steps:
    return [(time + by_ms, *rest) for time, *rest in steps]  # type: ignore[misc]


@pytest.mark.parametrize("by_ms", [1800, 3000, 60_000])
def test_cars_second_attempt_with_the_same_run_id_is_a_run_of_its_own(by_ms: float) -> None:
    """Some cars keep their run id. The first attempt fails and is told, the second is sound."""
    failed = [step for step in matching() if not isinstance(step[2], mme.CM_SLAC_MATCH_REQ | mme.CM_SLAC_MATCH_CNF)]
    (finding,) = findings([*failed, *later_by(matching(), by_ms)])
    assert (finding.rule, finding.packet) == ("unmatched", len(failed))
    assert "ends after CM_ATTEN_CHAR.RSP" in finding.text


def test_second_attempt_that_fails_is_told_though_the_first_one_matched() -> None:
    failed = later_by(matching()[:-2], 30_000)
    (finding,) = findings([*matching(), *failed])
    assert (finding.rule, finding.packet) == ("unmatched", len(matching()) + len(failed))


def test_attempt_whose_request_was_not_captured_is_a_run_of_its_own() -> None:
    (finding,) = findings([*matching(), *later_by(matching()[2:], 30_000)])
    assert finding.rule == "slac incomplete"
    assert "lacks CM_SLAC_PARM.CNF of the matching" in finding.text


OTHER_MAC = bytes.fromhex("027dfa075e4b")


def test_two_cars_with_one_run_id_are_told_apart() -> None:
    """Makers give all their cars one run id, and a car is heard at the next outlet."""
    others = [
        (time + 100, from_car, type(message)(**{k: OTHER_MAC if v == CAR_MAC else v for k, v in vars(message).items()}))
        for time, from_car, message in matching()[:-2]
    ]
    frames = [(time, from_car, message, CAR_MAC) for time, from_car, message in matching()]
    frames += [(time, from_car, message, OTHER_MAC) for time, from_car, message in others]
    mixed = []
    for time_ms, from_car, message, car in sorted(frames, key=lambda frame: frame[0]):
        destination = BROADCAST if isinstance(message, mme.CM_SLAC_PARM_REQ) else (STATION_MAC if from_car else car)
        frame = Frame.of(destination, car if from_car else STATION_MAC, message)
        mixed.append(Captured(EPOCH + time_ms / 1000, frame.pack()))
    (finding,) = judged(dissected(pcap(mixed)))
    assert finding.rule == "unmatched"
    assert OTHER_MAC.hex(":") in finding.text


@pytest.mark.parametrize("from_car", [True, False])
def test_one_side_alone_is_told_once(from_car: bool) -> None:
    steps = [step for step in matching() if step[1] == from_car]
    found = findings(steps)
    assert [finding.rule for finding in found if finding.rule != "unmatched"] == ["slac incomplete"]


def test_matching_whose_end_was_not_captured_is_no_failure_if_car_and_station_talk_then() -> None:
    steps = [step for step in matching() if not isinstance(step[2], mme.CM_SLAC_MATCH_CNF)]
    talk = [Captured(EPOCH + 10 + frame.time - EPOCH, frame.frame) for frame in discovery()]
    assert judged(dissected(pcap([*captured(steps), *talk]))) == []
    assert [finding.rule for finding in findings(steps)] == ["unmatched"]


@pytest.mark.parametrize(("seconds", "rules"), [(0.1, []), (2.0, ["unmatched"])])
def test_matching_that_is_going_on_when_the_capture_ends_is_no_failure(seconds: float, rules: list[str]) -> None:
    records = dissected(pcap(captured(matching()[:10])))
    judge = Judge()
    for record in records:
        judge.judge(record)
    findings = [finding for record in judge.flush((records[-1].time or 0.0) + seconds) for finding in record.findings]
    assert [finding.rule for finding in findings] == rules


def test_private_message_in_the_type_of_another_is_named() -> None:
    """An ATTEN_CHAR.IND about the car with the address of everybody."""
    message = mme.CM_ATTEN_CHAR_IND(source_address=BROADCAST, run_id=RUN_ID, attenuations_db=bytes(58))
    (record,) = dissected(pcap([Captured(EPOCH, Frame.of(BROADCAST, STATION_MAC, message).pack())]))
    assert record.message == "private MME 0x606E"
    assert judged([record]) == []


def test_messages_of_vendors_are_named_as_such() -> None:
    octets = bytes.fromhex("00B0520102")
    frame = BROADCAST + STATION_MAC + b"\x88\xe1\x00\xb0\xa0" + octets
    (record,) = dissected(pcap([Captured(EPOCH, frame.ljust(60, b"\0"))]))
    assert record.document == {
        "vendor MME 0xA0B0": {"oui": "00B052", "vendor": "Qualcomm", "octets": octets.hex().upper()}
    }


def test_flood_of_run_ids_is_bounded() -> None:
    judge = SlacJudge()
    for number in range(MOST_RUNS + 100):
        message = mme.CM_SLAC_PARM_REQ(run_id=number.to_bytes(8))
        frame = Management(number, EPOCH, CAR_MAC, BROADCAST, Frame.of(BROADCAST, CAR_MAC, message).pack()[14:])
        judge.judge(management(frame))
    assert len(list(judge.flush())) == MOST_RUNS
