"""A station, a CSMS, and a relay between them or none, on one virtual clock."""

import json
import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from tests.csms.site import configured

from v2g.bench.depot.station import LightCar, LightStation
from v2g.csms.gateway import Gateway
from v2g.csms.relay import Away, Relay, RelayedStation
from v2g.depot.ledger import Memory
from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.rpc import Answered, Failed, Requested, Rpc
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.version import Subprotocol, version

ID, STEP_S = "CS0", 0.5
TOKEN = re.compile(r"[0-9a-f]{32}")
MAX_W = 15_000.0


class Csms:
    """The back end: answers as one that knows everybody, and writes down every frame."""

    def __init__(self, subprotocol: Subprotocol = "ocpp2.1") -> None:
        self.heard: list[str] = []
        """Frames of the station."""
        self.answers: dict[str, Message] = {}
        """Instead of the usual ones."""
        self.mute = False
        self.results: list[tuple[str, Message | None]] = []
        self._version = version(subprotocol)
        self.connect()

    def connect(self) -> None:
        self.rpc = Rpc(self._version)

    def call(self, action: str, request: Message, now: float) -> None:
        self.rpc.call(action, request, now)

    def receive(self, frame: str, unix_s: float) -> None:
        self.heard.append(frame)
        match self.rpc.receive(frame):
            case Requested(id, action, request) if not self.mute:
                self.rpc.answer(id, self.answers.get(action) or self._usual(action, request, unix_s))
            case Answered(_, action, response):
                self.results.append((action, response))
            case Failed(_, action, _, _):
                self.results.append((action, None))

    def taken(self) -> list[str]:
        found, self.rpc.outgoing = self.rpc.outgoing, []
        return found

    def actions(self) -> list[str]:
        return [frame[2] for frame in map(json.loads, self.heard) if frame[0] == 2]

    def payloads(self, action: str) -> list[dict[str, Any]]:
        return [frame[3] for frame in map(json.loads, self.heard) if frame[0] == 2 and frame[2] == action]

    def normal(self) -> list[str]:
        """The frames with the random numbers in them replaced by their order."""
        seen: dict[str, str] = {}
        return [TOKEN.sub(lambda found: seen.setdefault(found[0], f"#{len(seen)}"), frame) for frame in self.heard]

    def _usual(self, action: str, request: Message, unix_s: float) -> Message:
        accepted = v21.IdTokenInfoType(status="Accepted")
        match request:
            case v21.BootNotificationRequest():
                return v21.BootNotificationResponse(currentTime=timestamp(unix_s), interval=300, status="Accepted")
            case v21.HeartbeatRequest():
                return v21.HeartbeatResponse(currentTime=timestamp(unix_s))
            case v21.AuthorizeRequest():
                return v21.AuthorizeResponse(idTokenInfo=accepted)
            case v21.NotifyEVChargingNeedsRequest():
                return v21.NotifyEVChargingNeedsResponse(status="Accepted")
            case v21.TransactionEventRequest(idToken=v21.IdTokenType()):
                return v21.TransactionEventResponse(idTokenInfo=accepted)
        make: Any = v21.CALLS[action][1]
        response: Message = make()
        return response


class Line:
    """The station's line to its CSMS, through a relay unless `direct`."""

    def __init__(
        self, *, direct: bool = False, away: Away = Away.ANSWER, subprotocol: Subprotocol = "ocpp2.1",
        ledger: Memory | None = None, safe_w: float = MAX_W,
    ) -> None:  # fmt: skip
        self.now, self.subprotocol, self.away, self.direct = 1_800_000_000.0, subprotocol, away, direct
        self.station, self.csms = LightStation(ID), Csms(subprotocol)
        self.ledger = ledger or Memory()
        before = configured(1)
        self.configuration = replace(before, silence=replace(before.silence, safe_w=safe_w))
        self.reachable = True
        self.to_station: list[str] = []
        self.wanted_w: float | None = None
        self.start()
        self.linked = self.up = False

    def start(self) -> None:
        """A new process of the depot."""
        self.gateway = Gateway(self.configuration, self.ledger, relayed=True)
        self.relay = Relay(self.gateway, self.away)

    @property
    def middle(self) -> RelayedStation:
        return self.relay.stations[ID]

    def link(self) -> None:
        self.linked = True
        self.station.connected(version(self.subprotocol), self.now)
        if self.direct:
            self.csms.connect()
            return
        self.middle.station_connected(self.subprotocol, self.now)
        self.reach()

    def reach(self) -> None:
        """The depot tries to reach the CSMS."""
        if self.reachable:
            self.up = True
            self.csms.connect()
            self.middle.csms_connected(self.now, self.now)
        else:
            self.middle.csms_gone(self.now, self.now)

    def cut_station(self) -> None:
        self.linked = False
        self.station.disconnected(self.now)
        if not self.direct:
            self.middle.station_gone()

    def cut_csms(self) -> None:
        self.up = False
        if not self.direct:
            self.middle.csms_gone(self.now, self.now)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = self.now + seconds
        while self.now < end and not until():
            self.now += STEP_S
            self.station.step(self.now, self.now)
            if not self.direct:
                if self.wanted_w is not None:
                    self.gateway.steer({f"{ID}/1": self.wanted_w}, self.now, self.now)
                else:
                    self.gateway.step(self.now, self.now)
                self.relay.step(self.now, self.now)
            self._exchange()

    def plug(self, name: str = "EV0", soc_pu: float = 0.7) -> None:
        self.station.plug_in(LightCar(name, 60_000, soc_pu), self.now, self.now)

    def ask(self, action: str, request: Message) -> Message | None:
        """The CSMS calls the station; returns the response."""
        self.csms.call(action, request, self.now)
        count = len(self.csms.results)
        self.run(40.0, until=lambda: len(self.csms.results) > count)
        return self.csms.results[-1][1] if len(self.csms.results) > count else None

    def _exchange(self) -> None:
        for _ in range(100):
            if not self._once():
                return
        raise AssertionError("they talk for ever")

    def _once(self) -> bool:
        moved = False
        for frame in self.station.outgoing:
            moved = True
            if not self.linked:
                continue
            if self.direct:
                self.csms.receive(frame, self.now)
            else:
                self.middle.from_station(frame, self.now, self.now)
        for frame in self._upwards():
            moved = True
            if self.up:
                self.csms.receive(frame, self.now)
        for frame in self.csms.taken():
            moved = True
            if self.direct:
                self._deliver(frame)
            elif self.up:
                self.middle.from_csms(frame, self.now, self.now)
        for frame in self._downwards():
            moved = True
            self._deliver(frame)
        return moved

    def _deliver(self, frame: str) -> None:
        if self.linked:
            self.to_station.append(frame)
            self.station.receive(frame, self.now, self.now)

    def _upwards(self) -> list[str]:
        if self.direct:
            return []
        found, self.middle.up = self.middle.up, []
        return found

    def _downwards(self) -> list[str]:
        if self.direct:
            return []
        found, self.middle.down = self.middle.down, []
        return found
