"""Cars of the captures against our station: their frames, and those of the station's modem, at the captured times."""

from pathlib import Path

import pytest

from v2g.capture.file import Packet, read
from v2g.capture.packet import Management, dissect
from v2g.slac import mme
from v2g.slac.attenuation import Attenuation
from v2g.slac.constant_fields import FROM_CAR, FROM_STATION, wrong_field
from v2g.slac.event import Alarm, Danger, Ended, Event, Joining, Sounded, Unmatched
from v2g.slac.mme import Frame
from v2g.slac.station import StationMatching, StationMatchingSettings

Captured = list[tuple[float, Frame, bytes]]


def management(path: Path) -> Captured:
    found = []
    with path.open("rb") as file:
        for packet in read(file, path.name):
            content = dissect(packet) if isinstance(packet, Packet) else None
            if isinstance(content, Management):
                found.append((content.time, Frame.unpack(content.frame), content.frame))
    return found


@pytest.fixture(scope="module")
def matchings(shared: Path) -> dict[str, Captured]:
    """The captures in which a car and a station match."""
    captures = {path.name: management(path) for path in sorted((shared / "captures").glob("*.pcap*"))}
    return {name: frames for name, frames in captures.items() if of(mme.CM_SLAC_MATCH_CNF, frames)}


def of(kind: type[mme.Mme], frames: Captured) -> list[Frame]:
    return [frame for _, frame, _ in frames if isinstance(frame.message, kind)]


def replayed(
    frames: Captured, station: bytes, car: bytes, modem: bytes, reference_db: float = 0.0, own_modem: bytes = b""
) -> list[tuple[float, Event]]:
    """What a station of ours with this MAC tells. It sees the frames of the car and of the modem."""
    own_modem = own_modem or modem
    evse = StationMatching(station, StationMatchingSettings(modem=own_modem, reference_db=reference_db))
    now = frames[0][0] - 1.0
    evse.start(now)
    evse.receive(Frame.of(station, own_modem, mme.CM_SET_KEY_CNF(result=1)).pack(), now)
    evse.begin_matching(now)
    told: list[tuple[float, Event]] = []
    for time, frame, data in frames:
        while (deadline := evse.next_deadline()) is not None and deadline <= time:
            told += [(deadline, event) for event in evse.expire(deadline).events]
            if any(isinstance(event, Unmatched) for _, event in told[-1:]):
                evse.begin_matching(deadline)
        if frame.source in (car, modem):
            told += [(time, event) for event in evse.receive(data, time).events]
    return told


def parties(frames: Captured) -> tuple[bytes, bytes, bytes]:
    """MAC of the station's host, of the car that chose it, and of the station's modem."""
    choice = of(mme.CM_SLAC_MATCH_REQ, frames)[0].message
    assert isinstance(choice, mme.CM_SLAC_MATCH_REQ)
    modems = {frame.source for frame in of(mme.CM_ATTEN_PROFILE_IND, frames)}
    own = {frame.source for _, frame, _ in frames if frame.destination == choice.evse_mac} & modems
    return choice.evse_mac, choice.pev_mac, min(own or modems)


def test_every_captured_car_is_matched_by_our_station(matchings: dict[str, Captured]) -> None:
    assert len(matchings) >= 15
    for name, frames in matchings.items():
        station, car, modem = parties(frames)
        told = replayed(frames, station, car, modem)
        joined = [(time, event.match) for time, event in told if isinstance(event, Joining)]
        chosen = [time for time, frame, _ in frames if isinstance(frame.message, mme.CM_SLAC_MATCH_REQ)]
        assert joined, (name, told)
        assert joined[0][0] == chosen[0], name
        assert joined[0][1].car == car, name
        assert [event for _, event in told if isinstance(event, Alarm)] == [], name


def test_every_captured_message_has_the_right_constant_fields(matchings: dict[str, Captured]) -> None:
    checked = 0
    for name, frames in matchings.items():
        for _, frame, _ in frames:
            message, source, destination = frame.message, frame.source, frame.destination
            if message is None:
                continue
            for table, car, station in ((FROM_CAR, source, destination), (FROM_STATION, destination, source)):
                if (fields := table.get(type(message))) is not None:
                    assert wrong_field(message, fields, car=car, station=station) is None, (name, frame)
                    checked += 1
    assert checked > 150


def test_our_attenuation_is_the_captured_station_s_with_its_reference(matchings: dict[str, Captured]) -> None:
    """The captured stations take away 3 to 11 dB (AttnRx), in all groups much the same."""
    for name, frames in matchings.items():
        station, car, modem = parties(frames)
        (theirs, *_) = [frame.message for frame in of(mme.CM_ATTEN_CHAR_IND, frames) if frame.source == station]
        assert isinstance(theirs, mme.CM_ATTEN_CHAR_IND)
        raw, *_ = sounded(replayed(frames, station, car, modem))
        reference_db = raw.mean_db - sum(theirs.attenuations_db) / theirs.num_groups
        assert 3 < reference_db < 11, name
        ours, *_ = sounded(replayed(frames, station, car, modem, reference_db))
        assert ours.sounds == theirs.num_sounds == 10, name
        differences = [abs(a - b) for a, b in zip(ours.octets(), theirs.attenuations_db, strict=True)]
        assert max(differences) <= 4, name
        assert sum(differences) / len(differences) < 1, name


def sounded(told: list[tuple[float, Event]]) -> list[Attenuation]:
    return [event.attenuation for _, event in told if isinstance(event, Sounded)]


def test_the_station_that_the_captured_car_did_not_choose_stays_unmatched(matchings: dict[str, Captured]) -> None:
    frames = matchings["ISO-2_DC_multi_EVSE_SLAC_DS5366_Josev.pcapng"]
    chosen, car, modem = parties(frames)
    (other,) = {frame.source for frame in of(mme.CM_ATTEN_CHAR_IND, frames)} - {chosen}
    (other_modem,) = {frame.source for frame in of(mme.CM_ATTEN_PROFILE_IND, frames)} - {modem}
    told = replayed(frames, other, car, other_modem)
    assert sounded(told)
    assert not [event for _, event in told if isinstance(event, Joining)]


def test_profiles_of_another_modem_are_refused(matchings: dict[str, Captured]) -> None:
    frames = matchings["ISO-2_AC_DS5366.pcapng"]
    station, car, modem = parties(frames)
    told = replayed(frames, station, car, modem, own_modem=bytes.fromhex("0013D7120006"))
    (alarm, *_) = [event for _, event in told if isinstance(event, Alarm)]
    assert (alarm.danger, alarm.source) == (Danger.SPOOFED, modem)
    (end, *_) = [event for _, event in told if isinstance(event, Ended)]
    assert "the modem has measured no sound" in end.reason
    assert not [event for _, event in told if isinstance(event, Joining)]
