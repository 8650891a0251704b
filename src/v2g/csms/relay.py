"""The OCPP local controller (part 4, chapter 6): between a station and its CSMS, and invisible to the CSMS.

Frames pass as they are, but those of the CSMS that nobody can read, or that would lift the limits of the site's
feeders; what brings or moves a profile passes as it was judged. Beside them the depot's own CSMS, the `Gateway`, hears
what the station reports, and calls the station to steer it: its calls wait for those of the CSMS and the other way
round, one at a time, so that a response always belongs to the call that is outstanding. The depot's charging profiles
are left out of what the station reports to the CSMS.

While the CSMS is away, either the station's link is closed, or the gateway answers; what must not be lost is kept and
reaches the CSMS when it is back. No sockets, no clock: whoever carries takes frames from `down` and `up`.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec import Raw, Struct

from v2g.csms import profiles
from v2g.csms.forwarding import Backlog, Forward
from v2g.csms.gateway import Gateway
from v2g.ocpp.rpc import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, LONGEST_ID, SEND, TIMEOUT_S

REMEMBERED = 64
"""Ids of calls whose response did not come in time, and may still come."""
OVERRULED = "it could lift the limits of the site's feeders; limit by ChargingStationMaxProfile"
UNREADABLE = '[4,"-1","RpcFrameworkError","the local controller cannot read this frame",{}]'
_CHARGING = ("SetChargingProfile", "RequestStartTransaction")
"""Calls that may bring a charging profile."""
_PARTS = msgspec.json.Decoder(list[Raw])
_JSON = msgspec.json


class Away(Enum):
    """What stations see while the CSMS is away."""

    ANSWER = "answer"
    """The depot answers, and forwards afterwards."""
    CLOSE = "close"
    """Their links are closed: they are on their own, as without a depot."""


class Origin(Enum):
    """Whose call it is."""

    STATION = "station"
    CSMS = "CSMS"
    DEPOT = "depot"
    """The gateway's call to the station, or something kept that goes to the CSMS."""
    REPORT = "report"
    """A station's report that has been answered already."""


class Frame(Struct, frozen=True):
    """A message, as far as whoever passes it on must know it."""

    kind: int
    id: str
    text: str
    action: str = ""
    payload: Raw = Raw(b"{}")


class _Call(Struct, frozen=True):
    frame: Frame
    origin: Origin


class _Line:
    """Calls in one direction: one is outstanding, the others wait."""

    def __init__(self) -> None:
        self.waiting: deque[_Call] = deque()
        self.outstanding: _Call | None = None
        self.due_s = 0.0
        self.late: OrderedDict[str, Origin] = OrderedDict()

    def next(self, now: float) -> _Call | None:
        """The call to be sent now."""
        if self.outstanding is not None or not self.waiting:
            return None
        self.outstanding, self.due_s = self.waiting.popleft(), now + TIMEOUT_S
        return self.outstanding

    def answered(self, id: str) -> _Call | None:
        """The call that this response belongs to."""
        call = self.outstanding
        if call is None or call.frame.id != id:
            return None
        self.outstanding = None
        return call

    def expire(self, now: float) -> _Call | None:
        """The call that has no response for too long; the next one may be sent."""
        call = self.outstanding
        if call is None or now < self.due_s:
            return None
        self.outstanding = None
        self.late[call.frame.id] = call.origin
        if len(self.late) > REMEMBERED:
            self.late.popitem(last=False)
        return call


class _Reports:
    """Reports of charging profiles that the CSMS has asked for, without ours: each is held until it is known whether
    another one follows, as the last one left over must say that it is the last."""

    def __init__(self, asked: Frame, until_s: float) -> None:
        self.asked, self.until_s = asked, until_s
        self.response: Frame | None = None
        """The station's response to the CSMS, held until there is something to report."""
        self.held: tuple[Frame, dict[str, Any]] | None = None


class RelayedStation:
    """One station, its CSMS, and the depot between them."""

    def __init__(self, id: str, gateway: Gateway, backlog: Backlog, away: Away) -> None:
        self.id, self.away = id, away
        self.down: list[str] = []
        self.up: list[str] = []
        self.close_down = self.close_up = False
        """Whether the station's link, or that to the CSMS, has to be closed; reset by whoever does."""
        self.attached = self.online = False
        """Whether the link to the station stands, and the one to its CSMS."""
        self._undecided = False
        """Whether the first attempt to reach the CSMS since the station came is under way."""
        self._gateway, self._backlog = gateway, backlog
        self._managed = gateway.stations[id]
        self._down, self._up = _Line(), _Line()
        self._wanted = set[str]()
        """The station's calls that the gateway answers."""
        self._held: dict[str, str] = {}
        """Responses of the CSMS that wait until the gateway has what the station has reported on the disk."""
        self._reports: dict[int, _Reports] = {}
        self._clears = set[str]()
        self._ours_up: OrderedDict[str, None] = OrderedDict()
        """Ids of what the depot has sent to the CSMS itself: no answer to them is the station's."""
        self._own_requests = set[int]()

    # Links

    def station_connected(self, subprotocol: str, now: float) -> None:
        """The station has connected: now its link to the CSMS is due."""
        self._forget()
        self.attached = self._undecided = True
        self.close_down = self.close_up = False
        self._gateway.connected(self.id, subprotocol, now)

    def station_gone(self) -> None:
        """The station has gone, so its link to the CSMS is closed (6.3)."""
        self.attached = self.online = self._undecided = False
        self.close_up = True
        self._forget()
        self._gateway.disconnected(self.id)

    def csms_connected(self, now: float, unix_s: float) -> None:
        """The link to the CSMS stands."""
        self.online, self._undecided = True, False
        self._pump(now, unix_s)

    def csms_gone(self, now: float, unix_s: float) -> None:
        """The CSMS is away, or could not be reached."""
        self.online = self._undecided = False
        self._reports.clear()
        self._held.clear()
        self.up = []
        lost = [call for call in (self._up.outstanding, *self._up.waiting) if call is not None]
        self._up, self._down.waiting = _Line(), deque(
            call for call in self._down.waiting if call.origin is Origin.DEPOT
        )  # fmt: skip
        if self.away is Away.CLOSE:
            self.close_down = self.attached
            return
        for call in lost:
            if call.origin is Origin.STATION:
                self._keep(call.frame)
                self._hear(call.frame, now, unix_s, answers=True)
        self._pump(now, unix_s)

    def _forget(self) -> None:
        self._down, self._up = _Line(), _Line()
        self._wanted.clear()
        self._held.clear()
        self._reports.clear()
        self._clears.clear()
        self.down, self.up = [], []

    # Frames

    def from_station(self, text: str, now: float, unix_s: float) -> None:
        """A frame of the station."""
        frame = parse(text)
        if frame is None or frame.kind not in (CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND):
            self._pass_up(text)
        elif frame.kind == CALL:
            self._station_calls(frame, now, unix_s)
        elif frame.kind in (CALLRESULT, CALLERROR):
            self._station_responds(frame, now, unix_s)
        elif frame.kind == SEND:
            self._hear(frame, now, unix_s)
            self._pass_up(text)
        elif frame.id not in self._wanted:  # a CALLRESULTERROR for a response of the CSMS
            self._pass_up(text)
        self._pump(now, unix_s)

    def from_csms(self, text: str, now: float, unix_s: float) -> None:
        """A frame of the CSMS."""
        frame = parse(text)
        if frame is None:  # it could be a call that the station reads all the same
            self.up.append(UNREADABLE)
        elif frame.kind not in (CALL, CALLRESULT, CALLERROR):
            self.down.append(text)
        elif frame.kind == CALL:
            self._csms_calls(frame, now)
        else:
            self._csms_responds(frame)
        self._pump(now, unix_s)

    def step(self, now: float, unix_s: float) -> None:
        """Time has passed, the ledger has written, or the gateway has something to send."""
        self._down.expire(now)
        late = self._up.expire(now)
        if late is not None and late.origin is Origin.DEPOT:  # a link without an answer is none
            self.close_up = True
        for number, reports in list(self._reports.items()):
            if now >= reports.until_s:
                self._finish(number, complete=False)
        self._pump(now, unix_s)

    def _station_calls(self, frame: Frame, now: float, unix_s: float) -> None:
        number = request_id(frame)
        if frame.action == "ReportChargingProfiles" and number in self._reports:
            self._hear(frame, now, unix_s, answers=True)
            self._reported(number, frame)
        elif number in self._own_requests and frame.action.startswith(("Report", "NotifyReport")):
            self._hear(frame, now, unix_s, answers=True)  # the gateway has asked for it
        elif self._undecided or (self.online and not self._queues(frame)):
            self._up.waiting.append(_Call(frame, Origin.STATION))
            self._hear(frame, now, unix_s)
        elif self.online or self.away is Away.ANSWER:
            self._keep(frame)
            self._hear(frame, now, unix_s, answers=True)

    def _queues(self, frame: Frame) -> bool:
        """Whether others that were kept must reach the CSMS before this one."""
        return self._backlog.keeps(frame.action) and self._backlog.waits(self.id) > 0

    def _station_responds(self, frame: Frame, now: float, unix_s: float) -> None:
        call = self._down.answered(frame.id)
        origin = self._down.late.pop(frame.id, Origin.CSMS) if call is None else call.origin
        if origin is Origin.DEPOT:
            self._hear(frame, now, unix_s)
            return
        if frame.id in self._clears:  # it may have been ours as well
            self._clears.discard(frame.id)
            self._managed.lost_profiles(now)
        for number, reports in self._reports.items():
            if reports.asked.id == frame.id:
                if _field(frame, "status") == "Accepted":
                    reports.response = frame
                    return
                del self._reports[number]
                break
        self._pass_up(frame.text)

    def _csms_calls(self, frame: Frame, now: float) -> None:
        refusal = self._ours(frame)
        if refusal is not None:
            self.up.append(f"[3,{_quoted(frame.id)},{refusal}]")
            return
        if frame.action == "GetChargingProfiles" and (number := request_id(frame)) is not None:
            self._reports[number] = _Reports(frame, now + TIMEOUT_S)
        elif frame.action == "ClearChargingProfile":
            self._clears.add(frame.id)
        elif frame.action in (*_CHARGING, "UpdateDynamicSchedule", "SetVariables") and (document := _document(frame)):
            # Of a name that is there twice, another one could count.
            frame = call_frame(frame.id, frame.action, document)
        self._down.waiting.append(_Call(frame, Origin.CSMS))

    def _csms_responds(self, frame: Frame) -> None:
        call = self._up.answered(frame.id)
        if call is not None:
            origin = call.origin
        else:
            origin = Origin.DEPOT if frame.id in self._ours_up else Origin.STATION
        if origin is Origin.DEPOT:
            self._forwarded(frame, None if call is None else call.frame)
        elif origin is Origin.STATION:
            rpc = self._managed.rpc
            if rpc is not None and rpc.owes(frame.id):
                self._held[frame.id] = frame.text
            else:
                self.down.append(frame.text)

    def _ours(self, frame: Frame) -> str | None:
        """The answer to a call of the CSMS that is about a profile of the depot's, or would overrule one."""
        if frame.action == "SetChargingProfile" and profiles.is_own(_field(frame, "chargingProfile", "id")):
            return '{"status":"Rejected","statusInfo":{"reasonCode":"DuplicateProfile"}}'
        if frame.action == "ClearChargingProfile" and profiles.is_own(_field(frame, "chargingProfileId")):
            return '{"status":"Unknown"}'
        if frame.action == "UpdateDynamicSchedule" and profiles.is_own(_field(frame, "chargingProfileId")):
            return '{"status":"Rejected","statusInfo":{"reasonCode":"InvalidProfileId"}}'
        priority = frame.action == "UsePriorityCharging" and _field(frame, "activate") is not False
        if priority or (frame.action in _CHARGING and _overrules(frame)):
            info = f'{{"reasonCode":"InvalidProfile","additionalInfo":"{OVERRULED}"}}'
            return f'{{"status":"Rejected","statusInfo":{info}}}'
        if frame.action == "SetVariables" and any(map(_switches_off, settings := _settings(frame))):
            names = [{name: each.get(name) for name in ("component", "variable")} for each in settings]
            return _JSON.encode(
                {"setVariableResult": [{"attributeStatus": "Rejected"} | each for each in names]}
            ).decode()
        return None

    # Reports of charging profiles

    def _reported(self, number: int, frame: Frame) -> None:
        reports, document = self._reports[number], _document(frame)
        listed = document.get("chargingProfile")
        kept = [each for each in listed if not profiles.is_own(each.get("id"))] if isinstance(listed, list) else []
        if kept:
            if reports.held is not None:
                self._report(reports, more=True)
            reports.held = frame, document | {"chargingProfile": kept}
        if not document.get("tbc", False):
            self._finish(number)

    def _finish(self, number: int, *, complete: bool = True) -> None:
        """Nothing more comes: send what is held. `complete`: whether the station has reported all of it."""
        reports = self._reports.pop(number)
        if reports.held is not None:
            self._report(reports, more=False)
        elif reports.response is not None:
            none = f'[3,{_quoted(reports.asked.id)},{{"status":"NoProfiles"}}]'
            self._pass_up(none if complete else reports.response.text)

    def _report(self, reports: _Reports, *, more: bool) -> None:
        assert reports.held is not None
        frame, document = reports.held
        reports.held = None
        if reports.response is not None:
            self._pass_up(reports.response.text)
            reports.response = None
        original = _document(frame)
        if bool(original.get("tbc", False)) != more:
            document = document | {"tbc": more}
        if document != original:
            frame = call_frame(frame.id, frame.action, document)
        if self.online:
            self._up.waiting.append(_Call(frame, Origin.REPORT))

    # The gateway, and what waits

    def _hear(self, frame: Frame, now: float, unix_s: float, *, answers: bool = False) -> None:
        """Let the gateway hear a frame of the station. `answers`: its answer is the station's."""
        if answers:
            self._wanted.add(frame.id)
        self._gateway.receive(self.id, frame.text, now, unix_s)

    def _keep(self, frame: Frame) -> None:
        """Keep what the CSMS has to get later; before the gateway hears it, so that one commit has both."""
        self._backlog.keep(self.id, frame.id, frame.action, bytes(frame.payload))

    def _forwarded(self, response: Frame, call: Frame | None) -> None:
        """The CSMS has answered something that was kept."""
        done = self._backlog.done(self.id, response.id)
        if done is None or call is None:
            return
        if done.action == "BootNotification" and _field(response, "status") != "Accepted":
            self.close_down = True  # the station has to boot once more, and will hear it from the CSMS itself
        status, ended = _field(response, "idTokenInfo", "status"), _field(call, "eventType") == "Ended"
        if done.action == "TransactionEvent" and status not in (None, "Accepted") and not ended:
            transaction = _field(call, "transactionInfo", "transactionId")
            self._managed.stop(str(transaction))  # the station would have done so by the answer

    def _pump(self, now: float, unix_s: float) -> None:
        for text in self._gateway.taken(self.id):
            frame = parse(text)
            assert frame is not None
            if frame.kind == CALL:
                if (number := request_id(frame)) is not None:
                    self._own_requests.add(number)
                self._down.waiting.append(_Call(frame, Origin.DEPOT))
            elif frame.kind == CALLRESULTERROR or frame.id in self._wanted:
                self._wanted.discard(frame.id)
                self.down.append(text)
            elif (held := self._held.pop(frame.id, None)) is not None:
                self.down.append(held)
        if self.attached and (call := self._down.next(now)) is not None:
            self.down.append(call.frame.text)
        if not self.online:
            return
        if not self._up.waiting and self._up.outstanding is None:
            kept = self._backlog.first(self.id)
            if kept is not None:
                self._up.waiting.append(_Call(_kept(kept), Origin.DEPOT))
        if (call := self._up.next(now)) is not None:
            if call.origin is not Origin.STATION:
                self._ours_up[call.frame.id] = None
                if len(self._ours_up) > REMEMBERED:
                    self._ours_up.popitem(last=False)
            self.up.append(call.frame.text)

    def _pass_up(self, text: str) -> None:
        if self.online:
            self.up.append(text)


class Relay:
    """All stations of a depot in relay mode."""

    def __init__(self, gateway: Gateway, away: Away) -> None:
        self.gateway = gateway
        backlog = Backlog(gateway.ledger)
        self.stations: Mapping[str, RelayedStation] = {
            id: RelayedStation(id, gateway, backlog, away) for id in gateway.stations
        }

    def step(self, now: float, unix_s: float) -> None:
        """Time has passed, or the ledger has written."""
        for id in self.gateway.committed():
            self.gateway.speak(id, now, unix_s)
        for station in self.stations.values():
            station.step(now, unix_s)


def parse(text: str | bytes) -> Frame | None:
    """A frame's parts; None if it has none."""
    try:
        parts = _PARTS.decode(text)
        kind, id = _JSON.decode(parts[0]), _JSON.decode(parts[1])
        if not isinstance(kind, int) or not isinstance(id, str) or len(id) > LONGEST_ID:
            return None
        plain = text if isinstance(text, str) else text.decode()
        if kind in (CALL, SEND):
            action = _JSON.decode(parts[2])
            return Frame(kind, id, plain, action, parts[3]) if isinstance(action, str) else None
        return Frame(kind, id, plain, payload=parts[2])
    except (msgspec.DecodeError, UnicodeError, IndexError, RecursionError):
        return None


def call_frame(id: str, action: str, document: Any) -> Frame:
    """A call with this payload."""
    payload = _JSON.encode(document)
    return Frame(CALL, id, f"[2,{_quoted(id)},{_quoted(action)},{payload.decode()}]", action, Raw(payload))


def request_id(frame: Frame) -> int | None:
    """The `requestId` of a call, if it has one."""
    if b'"requestId"' not in bytes(frame.payload):
        return None
    number = _field(frame, "requestId")
    return number if isinstance(number, int) else None


def _overrules(frame: Frame) -> bool:
    """Whether a call brings a profile that could hold over the depot's set-points or in their place, and so lift the
    limits of feeders and transformers: beside them (K01.FR.17), before them (K01.FR.39), or once they have lapsed."""
    document = _document(frame)
    profile = document.get("chargingProfile", None if document else "unreadable")
    return profile is not None and _field(frame, "chargingProfile", "chargingProfilePurpose") not in profiles.LIMITING


def _settings(frame: Frame) -> list[dict[str, Any]]:
    """What a SetVariables sets."""
    listed = _document(frame).get("setVariableData")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _switches_off(setting: dict[str, Any]) -> bool:
    """Whether it would let a station follow no profile any more."""
    component, variable = setting.get("component"), setting.get("variable")
    if not isinstance(component, dict) or not isinstance(variable, dict):
        return False
    name = f"{component.get('name')}.{variable.get('name')}"
    return name.lower() == "smartchargingctrlr.enabled" and str(setting.get("attributeValue")).lower() != "true"


def _kept(kept: Forward) -> Frame:
    return call_frame(kept.id, kept.action, _JSON.decode(kept.payload))


def _document(frame: Frame) -> dict[str, Any]:
    try:
        found = _JSON.decode(frame.payload)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _field(frame: Frame, *path: str) -> object:
    found: object = _document(frame)
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _quoted(text: str) -> str:
    return _JSON.encode(text).decode()
