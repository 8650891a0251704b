"""The modem of one side: what it is, its key, its link."""

from collections.abc import Callable

import pytest
from tests.slac.bench import Lot

from v2g.slac import car as car_side
from v2g.slac import mme, station
from v2g.slac.constants import TP_MATCH_LEAVE_S
from v2g.slac.event import KeySet, Level, LinkDown, LinkUp, ModemFailed, ModemFound, Step
from v2g.slac.key import NetworkKey
from v2g.slac.mme import LOCAL_MODEM, Frame, Mme
from v2g.slac.modem import ANSWER_S, IDENTIFY_TRIES, KEY_TRIES, LOST_AFTER, POLL_S, Modem

HOST, OWN, STRANGER = (bytes.fromhex(f"02000000000{n}") for n in (1, 2, 3))
KEY = NetworkKey.of(bytes(range(16)))


def of(message: Mme, source: bytes = OWN) -> Frame:
    return Frame.of(HOST, source, message)


def sent(step: Step) -> list[Mme | None]:
    frames = [Frame.unpack(data) for data in step.send]
    assert all((frame.destination, frame.source) == (LOCAL_MODEM, HOST) for frame in frames)
    return [frame.message for frame in frames]


def test_vendors_messages_have_version_0() -> None:
    step = Modem(HOST).identify(0.0)
    assert [Frame.unpack(data).version for data in step.send] == [0, 0]


@pytest.mark.parametrize(
    ("answer", "vendor", "version"),
    [
        (mme.VS_SW_VER_CNF(device_class=6, version_length=4, version=b"MAC\0"), "Qualcomm", "MAC"),
        (
            mme.NSCM_GET_VERSION_CNF(lms=bytes(19), version_major=1, version_minor=4, version_patch=0, version_build=7),
            "Lumissil",
            "1.4.0.7",
        ),
    ],
)
def test_modem_says_what_it_is(answer: Mme, vendor: str, version: str) -> None:
    modem = Modem(HOST)
    modem.identify(0.0)
    assert modem.receive(of(answer), 0.1).events == [ModemFound(vendor, version)]
    assert (modem.vendor, modem.version, modem.address) == (vendor, version, OWN)
    assert modem.next_deadline() is None


def test_silent_modem_is_asked_a_few_times_only() -> None:
    modem, asked = Modem(HOST), 1
    modem.identify(0.0)
    while (deadline := modem.next_deadline()) is not None:
        asked += bool(modem.expire(deadline).send)
    assert asked == IDENTIFY_TRIES
    assert modem.vendor is None


@pytest.mark.parametrize("result", [0, 1])
def test_key_is_taken_with_either_result(result: int) -> None:
    modem = Modem(HOST)
    (request,) = sent(modem.set_key(KEY, 0.0))
    assert isinstance(request, mme.CM_SET_KEY_REQ)
    assert (request.nid, request.nmk) == (KEY.nid, KEY.nmk)
    assert modem.key is None
    assert modem.receive(of(mme.CM_SET_KEY_CNF(result=result)), 0.1).events == [KeySet(KEY)]
    assert modem.key == KEY


@pytest.mark.parametrize(
    ("answer", "text"), [(None, "does not answer CM_SET_KEY.REQ"), (mme.CM_SET_KEY_CNF(result=5), "result 5")]
)
def test_key_that_is_not_taken_is_told_once_and_tried_on(answer: Mme | None, text: str) -> None:
    modem, told, now = Modem(HOST), list[ModemFailed](), 0.0
    modem.set_key(KEY, now)
    for _ in range(2 * KEY_TRIES):
        if answer is not None:
            assert modem.receive(of(answer), now) == Step()
        now = modem.next_deadline() or 0.0
        step = modem.expire(now)
        told += [event for event in step.events if isinstance(event, ModemFailed)]
        assert len(sent(step)) == 1
    assert now == 2 * KEY_TRIES * ANSWER_S
    assert [text in each.reason for each in told] == [True]
    assert modem.key is None
    assert modem.receive(of(mme.CM_SET_KEY_CNF()), now).events == [KeySet(KEY)]


def test_answers_of_others_are_not_taken() -> None:
    modem = Modem(HOST, address=OWN)
    modem.identify(0.0)
    modem.set_key(KEY, 0.0)
    assert modem.receive(of(mme.CM_SET_KEY_CNF(), STRANGER), 0.1) == Step()
    assert modem.receive(of(mme.VS_SW_VER_CNF(device_class=6, version_length=0, version=b""), STRANGER), 0.1) == Step()
    assert (modem.key, modem.vendor) == (None, None)


def linked(vendor: str | None) -> tuple[Modem, Callable[[bool], Mme]]:
    """A modem that is being watched, and its answer whether there is a link."""
    modem = Modem(HOST, address=OWN)
    modem.vendor = vendor
    modem.watch(0.0)
    match vendor:
        case "Qualcomm":
            return modem, lambda up: mme.VS_LINK_STATUS_CNF(link_status=int(up))
        case "Lumissil":
            return modem, lambda up: mme.NSCM_GET_D_LINK_STATUS_CNF(lms=bytes(19), link_status=int(up))
    peer = STRANGER + bytes((2, 1, 1, 0, 4, 0))
    return modem, lambda up: mme.CC_DISCOVER_LIST_CNF(num_stations=int(up), stations=peer if up else b"")


@pytest.mark.parametrize("vendor", ["Qualcomm", "Lumissil", None])
def test_link_is_up_at_once_and_lost_after_some_bad_answers(vendor: str | None) -> None:
    modem, answer = linked(vendor)
    assert modem.receive(of(answer(False)), 0.0).events == []
    assert LinkUp() in modem.receive(of(answer(True)), 0.1).events
    for _ in range(LOST_AFTER - 1):
        assert modem.receive(of(answer(False)), 0.2).events == []
    modem.receive(of(answer(True)), 0.3)
    for _ in range(LOST_AFTER - 1):
        assert modem.receive(of(answer(False)), 0.4).events == []
    assert modem.receive(of(answer(False)), 0.5).events == [LinkDown("the modem has no link any more")]
    assert not modem.linked


def test_modem_that_falls_silent_has_no_link() -> None:
    modem, answer = linked("Qualcomm")
    modem.receive(of(answer(True)), 0.0)
    events = []
    for poll in range(1, LOST_AFTER + 2):
        events += modem.expire(poll * POLL_S).events
    assert events == [LinkDown("the modem does not answer")]
    assert (LOST_AFTER + 1) * POLL_S < TP_MATCH_LEAVE_S


def test_level_of_the_other_modem_is_told_while_linked() -> None:
    modem, answer = linked("Qualcomm")
    modem.receive(of(answer(True)), 0.0)
    assert mme.CC_DISCOVER_LIST_REQ() in sent(modem.expire(POLL_S))
    stations = STRANGER + bytes((2, 1, 1, 0, 4, 0))
    levels = mme.CC_DISCOVER_LIST_CNF(num_stations=1, stations=stations)
    assert modem.receive(of(levels), 0.3).events == [Level(-25)]
    assert mme.CC_DISCOVER_LIST_REQ() not in sent(modem.expire(2 * POLL_S))


@pytest.mark.parametrize("vendor", ["qualcomm", "lumissil", "other"])
def test_matching_works_with_modems_of_any_make(vendor: str) -> None:
    lot = Lot(vendor=vendor)
    car = lot.car()
    lot.plug_in(car)
    lot.run(3.0)
    assert (lot.evse.phase, car.phase) == (station.Phase.MATCHED, car_side.Phase.MATCHED)
