"""Management messages: octets of real frames, every frame of the captures, and anything at all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.capture.file import Packet, read
from v2g.capture.packet import Management, dissect
from v2g.slac import mme
from v2g.slac.mme import BROADCAST, MMES, Frame, Mme, MmeError

CAR, STATION = bytes.fromhex("00E04C68001D"), bytes.fromhex("644D700103BF")
RUN_ID = bytes.fromhex("7AA77BEE973FE92B")

REAL = {
    "ffffffffffff00e04c68001d88e101646000000000eff5e9a7db07fdb0": mme.CM_SLAC_PARM_REQ(
        run_id=bytes.fromhex("EFF5E9A7DB07FDB0")
    ),
    "00e04c68001d644d700103bf88e10165600000ffffffffffff0a060100e04c68001d0000eff5e9a7db07fdb0": mme.CM_SLAC_PARM_CNF(
        forwarding_sta=CAR, run_id=bytes.fromhex("EFF5E9A7DB07FDB0")
    ),
    "ffffffffffff00e04c68001d88e1016a60000000000a060100e04c68001d7aa77bee973fe92b": mme.CM_START_ATTEN_CHAR_IND(
        forwarding_sta=CAR, run_id=RUN_ID
    ),
    "644d700103bf00e04c68001d88e1016f6000000000"
    "00e04c68001d7aa77bee973fe92b0000000000000000000000000000000000000000000000000000000000000000000000": (
        mme.CM_ATTEN_CHAR_RSP(source_address=CAR, run_id=RUN_ID)
    ),
    "644d700103bf00e04c68001d88e1017c600000"
    "00003e00000000000000000000000000000000000000e04c68001d0000000000000000000000000000000000644d700103bf"
    "7aa77bee973fe92b0000000000000000": mme.CM_SLAC_MATCH_REQ(pev_mac=CAR, evse_mac=STATION, run_id=RUN_ID),
    "00b052000001644d700103bf88e10108600000"
    "01000000000000000004000000010394bbf59bb80b01ee7b8f0c57c2508f8ddc83fd9232e297": mme.CM_SET_KEY_REQ(
        cco_capability=1,
        nid=bytes.fromhex("0394BBF59BB80B"),
        nmk=bytes.fromhex("EE7B8F0C57C2508F8DDC83FD9232E297"),
    ),
    "644d7001000088fca61c7c8888e10115000000010013d712000202010d00000000": mme.CC_DISCOVER_LIST_CNF(
        num_stations=1, stations=bytes.fromhex("0013D712000202010D000000")
    ),
    "644d700103bf88fca61c7c8888e10139600000010fe52f7bf825030a010288fca61c7c880000": mme.CM_NW_INFO_CNF(
        num_networks=1, networks=bytes.fromhex("0FE52F7BF825030A010288FCA61C7C880000")
    ),
}


@pytest.mark.parametrize(("octets", "message"), REAL.items(), ids=lambda each: getattr(each, "name", ""))
def test_frame_of_a_real_station_or_car(octets: str, message: Mme) -> None:
    data = bytes.fromhex(octets).ljust(60, b"\0")
    frame = Frame.unpack(data)
    assert frame.message == message
    assert frame.trailer == b""
    assert Frame.of(frame.destination, frame.source, message).pack() == data


def test_sizes_are_those_seen_on_the_wire() -> None:
    sizes = {
        72 - 1: mme.CM_MNBC_SOUND_IND(remaining_sounds=9, run_id=RUN_ID, random=bytes(16)),
        85: mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, attenuations_db=bytes(58)),
        129: mme.CM_ATTEN_CHAR_IND(source_address=CAR, run_id=RUN_ID, attenuations_db=bytes(58)),
        109: mme.CM_SLAC_MATCH_CNF(pev_mac=CAR, evse_mac=STATION, run_id=RUN_ID, nid=bytes(7), nmk=bytes(16)),
    }
    for size, message in sizes.items():
        assert len(Frame.of(BROADCAST, CAR, message).pack()) == size, message.name


def test_name_is_written_as_in_the_standard() -> None:
    assert mme.CM_SLAC_PARM_REQ(run_id=RUN_ID).name == "CM_SLAC_PARM.REQ"


def test_kind_is_in_the_two_lowest_bits() -> None:
    for mmtype, cls in MMES.items():
        assert ("REQ", "CNF", "IND", "RSP")[mmtype & 3] == cls.__name__[-3:]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (mme.CM_SLAC_PARM_REQ(run_id=bytes(7)), "run_id: 7 octets instead of 8"),
        (mme.CM_SLAC_PARM_REQ(run_id=RUN_ID, application_type=256), "application_type: 256"),
        (mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, attenuations_db=bytes(57)), "attenuations_db: 57 octets instead of 58"),
    ],
)
def test_value_that_does_not_fit_is_refused(message: Mme, field: str) -> None:
    with pytest.raises(MmeError, match=field):
        message.pack()


def test_amplitudes_take_half_an_octet_each() -> None:
    message = mme.CM_AMP_MAP_REQ(num_carriers=3, amplitudes=b"\x21\x03")
    frame = Frame.of(STATION, CAR, message).pack()
    assert frame[19:23] == b"\x03\x00\x21\x03"
    assert Frame.unpack(frame).message == message
    with pytest.raises(MmeError, match="amplitudes: 1 octets instead of 2"):
        mme.CM_AMP_MAP_REQ(num_carriers=3, amplitudes=b"\x21").pack()


def test_neighbours_of_a_modem() -> None:
    stations = bytes.fromhex("0013D712000202010D000000 644D700103BF05000D000300")
    first, second = mme.CC_DISCOVER_LIST_CNF(num_stations=2, stations=stations).neighbours()
    assert first == (bytes.fromhex("0013D7120002"), 2, True, 0)
    assert first.level_db is None
    assert (second.same_network, second.level_db) == (False, -20)


def test_frame_that_ends_too_early_names_the_field() -> None:
    whole = Frame.of(BROADCAST, CAR, mme.CM_ATTEN_PROFILE_IND(pev_mac=CAR, attenuations_db=bytes(58))).pack()
    with pytest.raises(MmeError, match="attenuations_db: 1 octets are missing"):
        Frame.unpack(whole[:-1])


def test_frame_of_another_ethertype_is_refused() -> None:
    with pytest.raises(MmeError, match="0x88E1"):
        Frame.unpack(bytes(60))


@given(st.binary(max_size=150), st.sampled_from([*MMES, 0x8002]), st.sampled_from([0, 1]))
def test_whatever_is_unpacked_packs_to_the_same_octets(rest: bytes, mmtype: int, version: int) -> None:
    data = bytes(12) + b"\x88\xe1" + bytes((version,)) + mmtype.to_bytes(2, "little") + rest
    try:
        frame = Frame.unpack(data)
    except MmeError:
        return
    assert frame.pack() == data.ljust(60, b"\0")


def test_every_frame_of_the_captures_round_trips(shared: Path) -> None:
    seen: set[str] = set()
    for path in sorted((shared / "captures").glob("*.pcap*")):
        with path.open("rb") as file:
            for packet in read(file, path.name):
                content = dissect(packet) if isinstance(packet, Packet) else None
                if isinstance(content, Management):
                    frame = Frame.unpack(content.frame)
                    assert frame.pack() == content.frame.ljust(60, b"\0"), (path.name, content.packet)
                    if frame.message:
                        seen.add(frame.message.name)
                        assert not frame.trailer.strip(b"\0"), (path.name, content.packet, frame.message.name)
    assert len(seen) >= 12
