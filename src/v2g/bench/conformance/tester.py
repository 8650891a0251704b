"""The back end's side of a conformance case: asks the station, hears what it says, judges both."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec import UNSET

from v2g.kernel.errors import V2GError
from v2g.ocpp import v21
from v2g.ocpp.base import Message, convert
from v2g.ocpp.rpc import Answered, Failed, Informed, Requested, Rpc
from v2g.ocpp.version import Invalid, Subprotocol, version

ANSWER_S = 30.0
"""How long the station may take to answer."""
INTERVAL_S = 300
CAR = "WMIV1CONFORMANCE0001"


class Fail(V2GError):
    """The station does not do what the case demands. Says what was expected, and what came."""


class NotApplicable(V2GError):
    """The case does not apply to this station. Says why."""


class Link(Protocol):
    """The way to the station, and the hands at it. What a stand cannot do raises `NotApplicable`."""

    subprotocol: Subprotocol

    def run(self, tester: "Tester", seconds: float, until: Callable[[], bool]) -> None:
        """Let time pass, at most `seconds`, until something holds. Frames go through `tester.hear` and
        `tester.outgoing`."""

    def boot(self, tester: "Tester") -> None:
        """Wait until the station is connected and accepted, and has reported its connectors."""

    def now(self) -> float:
        """Monotonic seconds of the station's world."""

    def unix_s(self) -> float: ...

    def plug_in(self, evse: int, name: str, **wish: Any) -> None:
        """A car that is called `name` is plugged in, and wants to charge."""

    def plug_out(self, evse: int) -> None: ...

    def car_stops(self, evse: int) -> None:
        """The car ends its session in order."""

    def reboot(self) -> None:
        """The station's process is started again."""

    def cut(self) -> None: ...

    def restore(self) -> None:
        """Station and back end can reach each other again."""

    def grid(self, **state: Any) -> None:
        """The grid's frequency (`frequency_hz`) and voltages (`voltage_v`)."""

    def power_w(self, evse: int) -> float:
        """What the meter shows; positive charges the vehicle."""

    def external(self, **values: Any) -> Any:
        """What an external system (EMS) asks of the station, or None for nothing any more."""

    def file(self, url: str, content: bytes | None = None) -> bytes | None:
        """A file at the back end's file server: put there, or what has arrived."""


Answer = Message | Callable[[Any], Message]


@dataclass
class Tester:
    """One station in one case."""

    link: Link
    evses: tuple[int, ...] = (1,)
    heard: list[tuple[str, Any]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    """What the back end answers instead of the usual."""
    judge: Callable[[str, str, Any], None] | None = None
    """Gets every payload of the station: subprotocol, name of the message, payload."""
    car: str = CAR
    """The name of the car, by which it is authorised."""
    changed: list[tuple[str, str, int, str, str]] = field(default_factory=list)
    """Variables that were set: component, name, EVSE, instance, and the value before."""
    _mark: int = 0
    _read: dict[str, int] = field(default_factory=dict)
    """By action: up to where the messages have been read."""
    _replies: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.opened()

    def opened(self) -> None:
        """A new connection of the station."""
        self.rpc = Rpc(version(self.link.subprotocol))

    # Asking

    def ask(self, action: str, **fields: Any) -> Any:
        """Call the station. Returns its response, or the code of its error."""
        request = convert(_plain(fields), v21.CALLS[action][0])
        self.until(lambda: self.rpc.ready, ANSWER_S, "an answer to the call before this one")
        try:
            id = self.rpc.call(action, request, self.link.now())
        except Invalid as error:
            raise NotApplicable(str(error)) from error
        self.until(lambda: id in self._replies, ANSWER_S, f"no answer to {action}")
        return self._replies.pop(id)

    def check(self, action: str, status: str | tuple[str, ...] = "Accepted", **fields: Any) -> Any:
        """Call the station, and demand this status. What it does not offer at all makes the case not applicable."""
        reply = self.ask(action, **fields)
        if reply in ("NotSupported", "NotImplemented") and reply not in _tuple(status):
            raise NotApplicable(f"the station does not offer {action}")
        found = getattr(reply, "status", reply)
        self.equal(found, status, f"{action} {_short(fields)}")
        return reply

    def get(self, component: str, name: str, *, evse: int = 0, instance: str = "") -> str:
        """The value of a variable; NotApplicable without it."""
        [result] = self.ask(
            "GetVariables", getVariableData=[_variable(component, name, evse, instance)]
        ).getVariableResult
        if result.attributeStatus != "Accepted":
            raise NotApplicable(f"there is no variable {component}.{name}")
        return str(result.attributeValue)

    def put(self, component: str, name: str, value: str, *, evse: int = 0, instance: str = "", status: str = "") -> Any:
        """Set a variable. Without `status` the case needs the value: a station that has it fixed is left out."""
        [before] = self.ask(
            "GetVariables", getVariableData=[_variable(component, name, evse, instance)]
        ).getVariableResult
        if before.attributeStatus == "Accepted":
            self.changed.append((component, name, evse, instance, str(before.attributeValue)))
        row = _variable(component, name, evse, instance) | {"attributeValue": value}
        [result] = self.ask("SetVariables", setVariableData=[row]).setVariableResult
        if status:
            self.equal(result.attributeStatus, status, f"{component}.{name} = {value}")
        elif (
            result.attributeStatus not in ("Accepted", "RebootRequired")
            and self.get(component, name, evse=evse, instance=instance).lower() != value.lower()
        ):
            raise NotApplicable(f"{component}.{name} cannot be {value}")
        return result

    # Hearing

    def await_(self, action: str, seconds: float = 60.0, **wanted: Any) -> Any:
        """The next message of this action that has these values (paths with `__`); those before it are skipped."""
        found: list[int] = []

        def arrived() -> bool:
            for index in range(max(self._mark, self._read.get(action, 0)), len(self.heard)):
                name, message = self.heard[index]
                if name == action and _fits(message, wanted):
                    found.append(index)
                    return True
            return False

        self.until(arrived, seconds, f"no {action} {_short(wanted)}")
        self._read[action] = found[0] + 1
        return self.heard[found[0]][1]

    def never(self, action: str, seconds: float, **wanted: Any) -> None:
        """No such message from here on, for a time."""
        start = len(self.heard)
        self.run(seconds)
        for name, message in self.heard[start:]:
            if name == action and _fits(message, wanted):
                raise Fail(f"an unexpected {action} {_short(wanted)}")

    def parts(self, action: str, seconds: float = 30.0, request: int | None = None) -> list[Any]:
        """All parts of a report: from the next one on until one without `tbc`."""
        found: list[Any] = []
        while True:
            part = self.await_(action, seconds, **({} if request is None else {"requestId": request}))
            found.append(part)
            if not _given(getattr(part, "tbc", False)):
                return found

    def since(self, action: str) -> list[Any]:
        """All messages of this action so far."""
        return [message for name, message in self.heard if name == action]

    def mark(self) -> None:
        """What was heard so far is history."""
        self._mark = len(self.heard)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.link.run(self, seconds, lambda: False)

    def until(self, holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Let time pass until something holds. Raises `Fail`."""
        if not holds():
            self.link.run(self, seconds, holds)
        if not holds():
            raise Fail(f"{otherwise} within {seconds:g} s")

    @staticmethod
    def equal(found: object, wanted: object, what: str) -> None:
        """Raises `Fail` if a value is none of those wanted."""
        if found not in _tuple(wanted):
            raise Fail(f"{what}: {found}, expected {' or '.join(map(str, _tuple(wanted)))}")

    @staticmethod
    def true(holds: object, what: str) -> None:
        """Raises `Fail` with this text if something does not hold."""
        if not holds:
            raise Fail(what)

    # What every case needs

    def booted(self) -> None:
        """The station is connected and accepted, and has reported its connectors."""
        self.link.boot(self)

    def charge(self, evse: int = 1, **wish: Any) -> str:
        """A car is plugged in and charges; returns its transaction."""
        self.link.plug_in(evse, self.car, **wish)
        started = self.await_("TransactionEvent", 120.0, eventType="Started")
        if _given(started.transactionInfo.chargingState) != "Charging":
            self.await_("TransactionEvent", 120.0, transactionInfo__chargingState="Charging")
        return str(started.transactionInfo.transactionId)

    def stop(self, evse: int = 1) -> Any:
        """The car ends its session and is unplugged; returns the last event."""
        self.link.car_stops(evse)
        ended = self.await_("TransactionEvent", 120.0, eventType="Ended")
        self.link.plug_out(evse)
        self.run(2.0)
        return ended

    # Frames

    def hear(self, frame: str) -> None:
        """A frame of the station."""
        parts = json.loads(frame)
        if self.judge is not None and parts[0] in (2, 6):
            name = parts[2] if parts[0] == 6 else f"{parts[2]}Request"
            self.judge(self.link.subprotocol, name, parts[3])
        match self.rpc.receive(frame):
            case Requested(id, action, request):
                self.heard.append((action, request))
                answer = self.answers.get(action)
                try:
                    self.rpc.answer(id, usual(action, self.link) if answer is None else _answer(answer, request))
                except _Refused as refused:
                    self.rpc.refuse(id, *refused.args)
                except _Silent:
                    self.rpc._asked.clear()
                    self.rpc._seen.pop(id, None)
            case Answered(id, action, response):
                if self.judge is not None:
                    self.judge(self.link.subprotocol, f"{action}Response", parts[2])
                self._replies[id] = response
            case Failed(id, _, code, _):
                self._replies[id] = code
            case Informed(request):
                self.heard.append((type(request).__name__, request))

    @property
    def outgoing(self) -> list[str]:
        """Frames for the station; taken by whoever asks."""
        frames, self.rpc.outgoing = self.rpc.outgoing, []
        return frames


class _Refused(Exception):
    """Answer with an error: code and description."""


class _Silent(Exception):
    """No answer."""


def refuse(request: Any) -> Message:
    """An answer that is an error."""
    raise _Refused("InternalError", "as the case demands")


def silent(request: Any) -> Message:
    """No answer at all."""
    raise _Silent


def usual(action: str, link: Link) -> Message:
    """The friendliest response."""
    now = datetime.fromtimestamp(int(link.unix_s()), UTC)
    accepted = v21.IdTokenInfoType(status="Accepted")
    match action:
        case "BootNotification":
            return v21.BootNotificationResponse(currentTime=now, interval=INTERVAL_S, status="Accepted")
        case "Heartbeat":
            return v21.HeartbeatResponse(currentTime=now)
        case "Authorize":
            return v21.AuthorizeResponse(idTokenInfo=accepted)
        case "NotifyEVChargingNeeds" | "NotifyEVChargingSchedule" | "SignCertificate" | "PullDynamicScheduleUpdate":
            kind = v21.CALLS[action][1]
            return kind(status="Accepted")
        case "GetCertificateStatus":
            return v21.GetCertificateStatusResponse(status="Failed")
        case "Get15118EVCertificate":
            return v21.Get15118EVCertificateResponse(status="Failed", exiResponse="")
        case "OpenPeriodicEventStream":
            return v21.OpenPeriodicEventStreamResponse(status="Accepted")
    plain: Message = v21.CALLS[action][1]()
    return plain


def _answer(answer: Answer, request: Any) -> Message:
    return answer if isinstance(answer, Message) else answer(request)


def _variable(component: str, name: str, evse: int, instance: str) -> dict[str, Any]:
    place: dict[str, Any] = {"name": component} | ({"evse": {"id": evse}} if evse else {})
    return {"component": place, "variable": {"name": name} | ({"instance": instance} if instance else {})}


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _given(value: Any) -> Any:
    return None if value is UNSET else value


def _plain(value: Any) -> Any:
    """What JSON can hold; times as text."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def values(message: Any, path: str) -> Iterator[Any]:
    """The values at a path of names with `__` between them; lists are looked through."""
    if not path:
        yield message
        return
    name, _, rest = path.partition("__")
    for each in message if isinstance(message, tuple) else (message,):
        if each is not UNSET:
            with suppress(AttributeError):
                yield from values(getattr(each, name), rest)


def _fits(message: Any, wanted: dict[str, Any]) -> bool:
    return all(
        any(
            each in _tuple(value) or (value is None and each is UNSET)
            for found in values(message, path)
            for each in (found if isinstance(found, tuple) else (found,))
        )
        for path, value in wanted.items()
    )


def _short(fields: dict[str, Any]) -> str:
    text = ", ".join(f"{name}={value}" for name, value in fields.items())
    return text if len(text) < 120 else text[:117] + "..."
