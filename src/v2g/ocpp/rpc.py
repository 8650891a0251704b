"""The RPC layer of OCPP-J (part 4): frames, one call outstanding each way, time limits. Either side uses it.

A frame is a JSON array: CALL `[2, id, action, payload]`, CALLRESULT `[3, id, payload]`, CALLERROR `[4, id, code,
description, details]`, and since 2.1 CALLRESULTERROR `[5, ...]`, which refuses a response, and SEND `[6, id, message,
payload]`, which has none.
"""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from secrets import token_hex

import msgspec
from msgspec import Raw

from v2g.ocpp.base import Message
from v2g.ocpp.version import Called, Invalid, Version

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6
TIMEOUT_S = 30.0
"""How long a response may take (part 2, 3.2)."""
LONGEST_ID = 36
LONGEST_DESCRIPTION = 255
REMEMBERED = 64
"""Ids of the peer's latest calls and what they were answered with: a carrier that delivers twice, or a peer that has
lost the answer, does not make the station act twice."""
_BEGINNING, _NUMBERS = token_hex(8), count()
"""Of the ids of this process. To ask the system for randomness for each of them would cost more than all the rest of a
call."""
_READ = msgspec.json.Decoder(list[Raw])
_INT = msgspec.json.Decoder(int)
_TEXT = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Requested:
    """The peer calls. Answer with `Rpc.answer` or `Rpc.refuse`."""

    id: str
    action: str
    request: Message


@dataclass(frozen=True, slots=True)
class Informed:
    """The peer has sent a message that has no response."""

    request: Message


@dataclass(frozen=True, slots=True)
class Answered:
    """The response to our call."""

    id: str
    action: str
    response: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """Our call has no usable response. `code`: of the CALLERROR, whatever the peer calls it."""

    id: str
    action: str
    code: str
    description: str
    silent: bool = False
    """Nothing came in time."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """Something came that is no message for us. For the log."""

    reason: str
    late: bool = False
    """Whether it is the response to our latest call that came too late: the peer is slow, but there."""


Event = Requested | Informed | Answered | Failed | Discarded


@dataclass(frozen=True, slots=True)
class _Outstanding:
    id: str
    action: str
    request: Message
    due_s: float


@dataclass(slots=True)
class _Seen:
    """A call of the peer, and what it was answered with."""

    digest: int
    answer: str | None = None


class Rpc:
    """One connection. Whoever sends takes the frames from `outgoing`."""

    def __init__(self, version: Version, timeout_s: float = TIMEOUT_S, before: "Rpc | None" = None) -> None:
        """`before`: the connection before this one, if the carrier may deliver what it carried again."""
        self.version = version
        self.timeout_s = timeout_s
        self.outgoing: list[str] = []
        self._call: _Outstanding | None = None
        self._expired = ""
        """The id of our latest call that had no response in time."""
        self._asked: dict[str, Called] = {}
        """The peer's calls that await our answer, by their ids."""
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._earlier: dict[str, _Seen] = {} if before is None else {**before._earlier, **before._seen}
        while len(self._earlier) > REMEMBERED:
            del self._earlier[next(iter(self._earlier))]

    # Our calls

    @property
    def ready(self) -> bool:
        """Whether the peer may be called now."""
        return self._call is None

    def call(self, action: str, request: Message, now: float, *, id: str | None = None) -> str:
        """Call the peer; returns the id of the message. `id`: that of an earlier attempt, which may be used again.

        Raises `Invalid` if the request does not fit the version.
        """
        assert self.ready, "one call at a time"
        wire, payload = self.version.write_call(action, request)
        id = id or new_id()
        self._call = _Outstanding(id, action, request, now + self.timeout_s)
        self.outgoing.append(f'[2,"{id}","{wire}",{payload.decode()}]')
        return id

    def send(self, message: Message) -> None:
        """Send a message that has no response. Raises `Invalid` if the version has none."""
        if not self.version.is_21:
            raise Invalid("NotSupported", f"{self.version.subprotocol} has no SEND")
        payload = self.version.write(message).decode()
        self.outgoing.append(f'[6,"{new_id()}","{type(message).__name__}",{payload}]')

    def next_deadline(self) -> float | None:
        """When `expire` must be called at the latest."""
        return None if self._call is None else self._call.due_s

    def expire(self, now: float) -> Failed | None:
        """Time has passed: the call that the peer left without an answer."""
        call = self._call
        if call is None or now < call.due_s:
            return None
        self._call, self._expired = None, call.id
        return Failed(call.id, call.action, "Timeout", f"no response within {self.timeout_s:g} s", silent=True)

    # The peer's calls

    def owes(self, id: str) -> bool:
        """Whether a call of the peer has no answer yet."""
        return id in self._asked

    def answer(self, id: str, response: Message) -> None:
        """Answer a call of the peer. A response that does not fit the version becomes an InternalError."""
        called = self._asked.get(id)
        if called is None:  # it has been answered
            return
        try:
            payload = self.version.write_answer(called, response).decode()
        except Invalid as error:
            self.refuse(id, "InternalError", str(error))
        else:
            self._reply(id, f"[3,{_quoted(id)},{payload}]")

    def refuse(self, id: str, code: str, description: str) -> None:
        """Answer a call of the peer with an error."""
        self._reply(id, _error(CALLERROR, id, self.version.code(code), description))

    def _reply(self, id: str, frame: str) -> None:
        self._asked.pop(id, None)
        if id in self._seen:
            self._seen[id].answer = frame
        self.outgoing.append(frame)

    # What arrives

    def receive(self, frame: str | bytes) -> Event:
        """A frame of the peer. What is wrong with it is answered as the standard says."""
        try:
            kind, id, rest = _parts(frame)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            self.outgoing.append(_error(CALLERROR, "-1", "RpcFrameworkError", f"not a frame: {error}"))
            return Discarded(f"not a frame: {error}")
        try:
            match kind:
                case 2 if len(rest) == 2:
                    return self._called(id, _TEXT.decode(rest[0]), rest[1])
                case 3 if len(rest) == 1:
                    return self._answered(id, rest[0])
                case 4 if rest:
                    return self._failed(id, rest)
                case 5 if rest:
                    return Discarded(f"the peer refuses our response {id}: {_text(rest[0])} {_text(*rest[1:2])}")
                case 6 if len(rest) == 2 and self.version.is_21:
                    return Informed(self.version.read_sent(_TEXT.decode(rest[0]), rest[1]))
                case 2 | 3 | 4:
                    raise Invalid("RpcFrameworkError", f"a frame of type {kind} with {len(rest) + 2} elements")
        except msgspec.DecodeError as error:
            return self._bad(kind, id, Invalid("RpcFrameworkError", str(error)))
        except Invalid as error:
            return self._bad(kind, id, error)
        return Discarded(f"a frame of the unknown type {kind}")  # part 4, 4.4: ignored

    def _called(self, id: str, action: str, payload: Raw) -> Event:
        digest = hash((action, bytes(payload)))
        seen, earlier = self._seen.get(id), self._earlier.get(id)
        if seen is None and earlier is not None and earlier.digest == digest:
            seen = earlier  # another call may have the same id: some peers count from 1 over each connection
        if seen is not None:
            if seen.answer is not None:
                self.outgoing.append(seen.answer)
            return Discarded(f"the call {id} came again")
        self._seen[id] = _Seen(digest)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if self._asked:
            raise Invalid("RpcFrameworkError", "the call before this one has no answer yet")
        called = self._asked[id] = self.version.read_call(action, payload)
        return Requested(id, called.action, called.request)

    def _answered(self, id: str, payload: Raw) -> Event:
        call = self._call
        if call is None or call.id != id:
            return Discarded(f"a response to the call {id}, which awaits none", late=id == self._expired)
        self._call = None
        try:
            return Answered(id, call.action, self.version.read_answer(call.action, call.request, payload))
        except Invalid as error:
            if self.version.is_21:
                self.outgoing.append(_error(CALLRESULTERROR, id, error.code, str(error)))
            return Failed(id, call.action, error.code, str(error))

    def _failed(self, id: str, rest: list[Raw]) -> Event:
        call = self._call
        code, description = _text(rest[0]), _text(*rest[1:2])
        if call is None or call.id != id:
            reason = f"an error for the call {id}, which awaits none: {code} {description}"
            return Discarded(reason, late=id == self._expired)
        self._call = None
        return Failed(id, call.action, code, description)

    def _bad(self, kind: int, id: str, error: Invalid) -> Event:
        if kind == CALL:
            self.refuse(id, error.code, str(error))
        return Discarded(str(error))


def new_id() -> str:
    """An id that no other message of this station has ever had."""
    return f"{_BEGINNING}{next(_NUMBERS):016x}"


def _parts(frame: str | bytes) -> tuple[int, str, list[Raw]]:
    parts = _READ.decode(frame)
    if len(parts) < 3:
        raise ValueError(f"{len(parts)} elements")
    id = _TEXT.decode(parts[1])
    if len(id) > LONGEST_ID:
        raise ValueError(f"an id of {len(id)} characters")
    return _INT.decode(parts[0]), id, parts[2:]


def _text(*raw: Raw) -> str:
    """What a peer says in an error, whatever it is."""
    return bytes(raw[0]).decode("utf-8", "replace").strip('"')[:LONGEST_DESCRIPTION] if raw else ""


def _quoted(id: str) -> str:
    return msgspec.json.encode(id).decode()


def _error(kind: int, id: str, code: str, description: str) -> str:
    description = msgspec.json.encode(description[:LONGEST_DESCRIPTION]).decode()
    return f'[{kind},{_quoted(id)},"{code}",{description},{{}}]'
