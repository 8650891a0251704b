"""Power-line modems like the QCA7000, and the line between them, in memory. Time is an argument.

    host --- Modem ===== Line ===== Modem --- host

A modem answers its host's management messages, measures the sounds that it hears, and lets data through to the modems
that have its key. `Bench` runs matching machines on such a line; `plc_process` puts it on network interfaces.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Protocol

from v2g.slac import mme
from v2g.slac.attenuation import GROUPS
from v2g.slac.car import CarMatching, CarMatchingSettings
from v2g.slac.event import Event, Step
from v2g.slac.mme import BROADCAST, ETHERTYPE, LOCAL_MODEM, Frame, Mme, MmeError
from v2g.slac.station import StationMatching, StationMatchingSettings

DEAD_DB = 96
"""What a modem measures in a group of which it hears nothing."""
NOISE_DB = 1
"""Largest difference from the true value in a measurement."""
VERSION = "MAC-QCA7000-1.1.3.1531-00-20150204-CS"
KEY_TAKEN = 1
"""CM_SET_KEY.CNF result of modems in use for a key that they take; the standard's is 0."""
ANSWER_S = 0.001
"""A modem answers its host after this time."""
_ASKED_OF_ALL = {
    kind.TYPE.to_bytes(2, "little") for kind in (mme.VS_SW_VER_REQ, mme.NSCM_GET_VERSION_REQ, mme.CC_DISCOVER_LIST_REQ)
}
"""Broadcast, they reach every modem of the network."""


@dataclass(slots=True)
class Way:
    """The line between two modems. Everything may be changed while it is in use."""

    attenuation_db: Sequence[float]
    """For each group of carriers."""
    dead_groups: frozenset[int] = frozenset()
    cut: bool = False


class Modem:
    """One modem. Everything may be changed while it is in use."""

    def __init__(self, mac: bytes, *, vendor: str = "qualcomm", version: str = VERSION, join_s: float = 0.1) -> None:
        """`vendor`: `qualcomm`, `lumissil`, or any other for a modem that has only the standard's messages.

        `join_s`: how long a modem needs from a new key to a link; some in use need 5 s.
        """
        self.mac, self.vendor, self.version, self.join_s = mac, vendor, version, join_s
        self.host: bytes | None = None
        """MAC of the host, learned from its frames."""
        self.nid, self.nmk = bytes(7), b""
        self.ready_s = float("-inf")
        """Until then the modem is joining the network of its key."""
        self.silent = False
        """It answers nothing."""
        self.key_result = KEY_TAKEN
        self.profiles = True
        """Whether it measures sounds; some modems do not."""
        self.amplitudes = b""
        """How loud it sends, as its host has set."""

    def __repr__(self) -> str:
        return f"Modem({self.mac.hex(':')})"

    def answer(self, frame: Frame, now: float, peers: Iterable[tuple["Modem", Way]]) -> list[Mme]:
        """To a management message of the host. `peers`: the modems that have a link to this one."""
        match frame.message:
            case mme.CM_SET_KEY_REQ(nid=nid, nmk=nmk):
                if self.key_result in (0, KEY_TAKEN):
                    self.nid, self.nmk, self.ready_s = nid, nmk, now + self.join_s
                return [mme.CM_SET_KEY_CNF(result=self.key_result, pmn=0xFF)]
            case mme.CM_AMP_MAP_REQ(amplitudes=amplitudes):
                self.amplitudes = amplitudes
                return [mme.CM_AMP_MAP_CNF()]
            case mme.CC_DISCOVER_LIST_REQ():
                stations = [
                    peer.mac + bytes((tei, 1, 1, 0, _level(way), 0)) for tei, (peer, way) in enumerate(peers, start=2)
                ]
                return [mme.CC_DISCOVER_LIST_CNF(num_stations=len(stations), stations=b"".join(stations))]
            case mme.CM_NW_INFO_REQ():
                network = self.nid + bytes((1, 1, 2)) + self.mac + bytes(2)
                joined = bool(self.nmk) and now >= self.ready_s
                return [mme.CM_NW_INFO_CNF(num_networks=int(joined), networks=network if joined else b"")]
        return self._vendor_answer(frame, now, bool(list(peers)))

    def _vendor_answer(self, frame: Frame, now: float, linked: bool) -> list[Mme]:
        match self.vendor, frame.message:
            case "qualcomm", mme.VS_SW_VER_REQ():
                version = self.version.encode()
                return [mme.VS_SW_VER_CNF(device_class=6, version_length=len(version), version=version)]
            case "qualcomm", mme.VS_LINK_STATUS_REQ():
                return [mme.VS_LINK_STATUS_CNF(link_status=int(linked))]
            case "qualcomm", mme.VS_NW_INFO_REQ():
                return [mme.VS_NW_INFO_CNF(content=bytes(1))]
            case "qualcomm", mme.VS_OP_ATTR_REQ(cookie=cookie):
                content = b"QCA7000".ljust(16, b"\0") + b"MAC".ljust(16, b"\0")
                return [mme.VS_OP_ATTR_CNF(cookie=cookie, size=len(content), content=content)]
            case "qualcomm", mme.VS_RS_DEV_REQ():
                self.ready_s = now + self.join_s
                return [mme.VS_RS_DEV_CNF()]
            case "lumissil", mme.NSCM_GET_VERSION_REQ(lms=lms):
                return [
                    mme.NSCM_GET_VERSION_CNF(
                        lms=lms, version_major=1, version_minor=4, version_patch=0, version_build=7
                    )
                ]
            case "lumissil", mme.NSCM_GET_D_LINK_STATUS_REQ(lms=lms):
                return [mme.NSCM_GET_D_LINK_STATUS_CNF(lms=lms, link_status=int(linked))]
            case "lumissil", mme.NSCM_RESET_DEVICE_REQ():
                self.ready_s = now + self.join_s
        return []


def _level(way: Way) -> int:
    """The attenuation as a modem reports it: in steps of 5 dB from 10 dB on."""
    mean_db = sum(way.attenuation_db) / len(way.attenuation_db)
    return min(15, max(1, int(mean_db // 5)))


class Line:
    """The line with its disturbances. Everything may be changed while it is in use."""

    def __init__(self, seed: int = 0) -> None:
        """`seed`: of all that is random: noise, loss, duplication, delay."""
        self.loss = self.duplicates = 0.0
        """Probability of each, for each frame and receiver."""
        self.delay_s, self.jitter_s = 0.002, 0.0
        """Of a frame, and the most that chance adds to it: later frames may overtake it."""
        self.tap: Callable[[float, bytes], None] | None = None
        """Sees the time and each frame that goes onto the line."""
        self.random = Random(seed)  # noqa: S311 - physics, no secret
        self._modems: dict[Modem, Callable[[bytes, float], None]] = {}
        self._ways: dict[frozenset[Modem], Way] = {}
        self._waiting: list[tuple[float, int, Modem, Modem, bytes]] = []
        """Arrival, order, from, to, frame. From and to are the same for what a modem itself reports to its host."""
        self._order = count()

    def attach(self, modem: Modem, to_host: Callable[[bytes, float], None]) -> None:
        """Put a modem on the line. `to_host` takes the frames for its host, with the time."""
        self._modems[modem] = to_host

    def detach(self, modem: Modem) -> None:
        """Take a modem off the line, with what is on its way to it."""
        del self._modems[modem]
        self._waiting = [each for each in self._waiting if modem not in each[2:4]]
        self._ways = {pair: way for pair, way in self._ways.items() if modem not in pair}

    def connect(
        self, one: Modem, other: Modem, attenuation_db: float | Sequence[float], dead_groups: Iterable[int] = ()
    ) -> Way:
        """Let two modems hear each other. `attenuation_db`: of all groups, or of each of the 58."""
        groups = [attenuation_db] * GROUPS if isinstance(attenuation_db, int | float) else attenuation_db
        way = self._ways[frozenset((one, other))] = Way(groups, frozenset(dead_groups))
        return way

    def send(self, modem: Modem, data: bytes, now: float) -> None:
        """A frame of a modem's host."""
        modem.host = data[6:12]
        destination = data[:6]
        if _is_management(data) and destination in (LOCAL_MODEM, modem.mac):
            self._answer(modem, modem, data, now)
            return
        if _is_management(data) and destination == BROADCAST and data[15:17] in _ASKED_OF_ALL:
            for asked in (modem, *(peer for peer, _ in self.linked(modem, now))):
                self._answer(modem, asked, data, now)
            return
        if self.tap is not None:
            self.tap(now, data)
        for peer, way in self._peers(modem):
            if _is_management(data) or self._linked(modem, peer, way, now):
                self._carry(modem, peer, data, now)

    def advance(self, now: float) -> None:
        """Hand over what has arrived by now."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, sender, modem, data = heappop(self._waiting)
            if sender is modem:
                self._modems[modem](data, now)
                continue
            way = self._ways.get(frozenset((sender, modem)))
            if way is not None and not way.cut:
                self._arrive(modem, way, data, now)

    def next_deadline(self) -> float | None:
        """When the next frame arrives."""
        return self._waiting[0][0] if self._waiting else None

    def linked(self, modem: Modem, now: float) -> list[tuple[Modem, Way]]:
        """The modems that have a link to this one: same key, joined, and within reach."""
        return [(peer, way) for peer, way in self._peers(modem) if self._linked(modem, peer, way, now)]

    def _linked(self, modem: Modem, peer: Modem, way: Way, now: float) -> bool:
        same = bool(modem.nmk) and modem.nmk == peer.nmk
        return same and not way.cut and now >= max(modem.ready_s, peer.ready_s)

    def _peers(self, modem: Modem) -> list[tuple[Modem, Way]]:
        return [
            (peer, way)
            for peer in self._modems
            if peer is not modem and (way := self._ways.get(frozenset((modem, peer)))) is not None
        ]

    def _carry(self, sender: Modem, receiver: Modem, data: bytes, now: float) -> None:
        copies = 1 + (self.random.random() < self.duplicates)
        for _ in range(copies):
            if self.random.random() >= self.loss:
                arrival = now + self.delay_s + self.random.random() * self.jitter_s
                self._put(arrival, sender, receiver, data)

    def _put(self, arrival: float, sender: Modem, receiver: Modem, data: bytes) -> None:
        heappush(self._waiting, (arrival, next(self._order), sender, receiver, data))

    def _arrive(self, modem: Modem, way: Way, data: bytes, now: float) -> None:
        if data[:6] not in (BROADCAST, modem.host) and not data[0] & 1 and modem.host is not None:
            return
        self._modems[modem](data, now)
        if _is_management(data) and modem.profiles and not modem.silent and _is_sound(data):
            profile = mme.CM_ATTEN_PROFILE_IND(pev_mac=data[6:12], attenuations_db=self._measure(way))
            self._put(now, modem, modem, Frame.of(BROADCAST, modem.mac, profile).pack())

    def _measure(self, way: Way) -> bytes:
        noise = (self.random.randint(-NOISE_DB, NOISE_DB) for _ in way.attenuation_db)
        return bytes(
            DEAD_DB if group in way.dead_groups else min(255, max(0, round(loss_db) + error))
            for group, (loss_db, error) in enumerate(zip(way.attenuation_db, noise, strict=True))
        )

    def _answer(self, modem: Modem, asked: Modem, data: bytes, now: float) -> None:
        """Answer what the host of `modem` asks of the modem `asked`."""
        try:
            frame = Frame.unpack(data)
        except MmeError:
            return
        if not asked.silent:
            for answer in asked.answer(frame, now, self.linked(asked, now)):
                version = 0 if answer.TYPE & 0xE000 == 0xA000 else 1
                octets = Frame.of(frame.source, asked.mac, answer, version).pack()
                self._put(now + ANSWER_S, modem, modem, octets)


def _is_management(data: bytes) -> bool:
    return data[12:14] == ETHERTYPE.to_bytes(2)


def _is_sound(data: bytes) -> bool:
    return data[15:17] == mme.CM_MNBC_SOUND_IND.TYPE.to_bytes(2, "little")


class Machine(Protocol):
    """`v2g.slac.station.StationMatching`, `v2g.slac.car.CarMatching`."""

    def receive(self, data: bytes, now: float) -> Step: ...
    def expire(self, now: float) -> Step: ...
    def next_deadline(self) -> float | None: ...


class Bench:
    """Matching machines, each with a modem, on one line and one virtual clock."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.events: list[tuple[float, Machine, Event]] = []
        """What happened at the machines, with the time."""
        self._machines: dict[Machine, Modem] = {}

    def add(self, machine: Machine, modem: Modem) -> None:
        """Give a machine its modem."""
        self._machines[machine] = modem
        self.line.attach(modem, lambda data, now: self.do(machine, machine.receive(data, now), now))

    def do(self, machine: Machine, step: Step, now: float) -> None:
        """Send the frames of a step, such as that of `plugged`, and note its events."""
        self.events += [(now, machine, event) for event in step.events]
        for data in step.send:
            self.line.send(self._machines[machine], data, now)

    def advance(self, now: float) -> None:
        """All that happens up to now, in its order."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            self.line.advance(deadline)
            for machine in self._machines:
                due = machine.next_deadline()
                if due is not None and due <= deadline:
                    self.do(machine, machine.expire(deadline), deadline)

    def next_deadline(self) -> float | None:
        """When something happens next."""
        deadlines = [self.line.next_deadline(), *(machine.next_deadline() for machine in self._machines)]
        return min((each for each in deadlines if each is not None), default=None)


class PlcPair:
    """One station and one car, their modems and the cable between them, on a virtual clock."""

    def __init__(
        self,
        attenuation_db: float = 8.0,
        *,
        station: StationMatchingSettings | None = None,
        car: CarMatchingSettings | None = None,
        now: float = 0.0,
    ) -> None:
        """`attenuation_db`: of the cable. The station comes up at `now` and gives its modem a key."""
        self.line = Line()
        self.bench = Bench(self.line)
        self.evse = StationMatching(bytes.fromhex("020000005E01"), station)
        self.ev = CarMatching(bytes.fromhex("02000000EF01"), car)
        self.modems = Modem(bytes.fromhex("00B0525E0001")), Modem(bytes.fromhex("00B052EF0001"))
        """The station's, the car's."""
        self.bench.add(self.evse, self.modems[0])
        self.bench.add(self.ev, self.modems[1])
        self.way = self.line.connect(*self.modems, attenuation_db)
        """To be cut, or made worse."""
        self.bench.do(self.evse, self.evse.start(now), now)

    @property
    def matched(self) -> bool:
        """Whether both sides have a link to each other."""
        return self.evse.match is not None and self.evse.modem.linked and self.ev.modem.linked

    def plug_in(self, now: float) -> None:
        """Both sides see the control pilot go to B."""
        self.advance(now)
        self.bench.do(self.evse, self.evse.begin_matching(now), now)
        self.bench.do(self.ev, self.ev.begin_matching(now), now)

    def unplug(self, now: float) -> None:
        """Both sides see the control pilot go to A."""
        self.advance(now)
        self.bench.do(self.evse, self.evse.end_matching(now), now)
        self.bench.do(self.ev, self.ev.end_matching(now), now)

    def advance(self, now: float) -> None:
        """All that happens up to now."""
        self.bench.advance(now)
