"""An EVSE that records: every call, what others set meanwhile, and what came of it. No clock, no files.

A recording is a sequence of segments. Each begins with a snapshot of the EVSE, so that a bounded ring can drop the
oldest ones and `v2g.station.replay` can begin with any of them.
"""

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from io import BytesIO
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, Protocol, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, msgpack, structs

from v2g.grid.adjustments import Layer, Party
from v2g.iso15118.contract import Payment
from v2g.iso15118.event import Received, Sent
from v2g.iso15118.view import Stop
from v2g.kernel import chance
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.power.inverter import InverterRating
from v2g.station.event import Event
from v2g.station.evse import Evse
from v2g.station.orders import Orders
from v2g.station.power.limits import Bound
from v2g.station.power.situation import BackEndOrder, Injection, OperatorLimits
from v2g.station.readings import Readings
from v2g.station.step import Step
from v2g.station.text import describe
from v2g.station.visit import Visit

SEGMENT_BYTES = 16 << 20
"""Of turns, before they are compressed: a new segment begins at rest, or at `MOST` times as much in any case."""
MOST = 4
THIS_VISIT, PAST_VISIT = "this visit", "a past visit"
Monotonic = Annotated[float, Meta(ge=0, le=1e10)]
"""Seconds of the recording process; a reader can add a date to it."""

if TYPE_CHECKING:
    Delta = Readings
else:
    Delta = defstruct("Delta", [(each.name, each.type | UnsetType, UNSET) for each in structs.fields(Readings)])
    """Readings of the devices that were read since the call before; the others are left out."""


class Connected(Struct, frozen=True, array_like=True, tag=True):
    """A call of `Evse.connected`; the other classes follow the methods in the same way."""

    now: Monotonic
    peer: bytes | None
    certificate: str | None
    plain: bool
    secure: bool | None
    ends_s: float | None = None


class Receive(Struct, frozen=True, array_like=True, tag=True):
    payload_type: int
    payload: bytes
    now: Monotonic
    unix_s: int


class Disconnected(Struct, frozen=True, array_like=True, tag=True):
    now: Monotonic
    fault: Fault
    reason: str


class Measured(Struct, frozen=True, array_like=True, tag=True):
    delta: Delta
    now: Monotonic
    unix_s: int
    rating: InverterRating | None


class Line(Struct, frozen=True, array_like=True, tag=True):
    event: bytes
    """Pickled: the kinds of events are many, and rare."""
    now: Monotonic


class Expire(Struct, frozen=True, array_like=True, tag=True):
    now: Monotonic
    unix_s: int


class Abandon(Struct, frozen=True, array_like=True, tag=True):
    reason: str


class Halt(Struct, frozen=True, array_like=True, tag=True):
    """`Evse.stop`"""

    kind: Stop
    now: Monotonic


class Heed(Struct, frozen=True, array_like=True, tag=True):
    now: Monotonic


Call = Connected | Receive | Disconnected | Measured | Line | Expire | Abandon | Halt | Heed


class Outside(Struct, frozen=True):
    """What others have set at the EVSE since the call before; left out: as it was."""

    site: Bound | UnsetType | None = UNSET
    operator: OperatorLimits | UnsetType = UNSET
    back_end: BackEndOrder | UnsetType | None = UNSET
    injection: Injection | UnsetType | None = UNSET
    local: bytes | UnsetType = UNSET
    """`Evse.local`, pickled; a visit in it is named."""
    grid_settings: Mapping[Party, Layer] | UnsetType = UNSET
    grid_lost: str | UnsetType = UNSET


class Answer(Struct, frozen=True, array_like=True):
    """Of a port, to a question asked during the call; the same answer as before is left out."""

    question: bytes
    answer: bytes
    """Pickled, also an exception."""


class Result(Struct, frozen=True, array_like=True):
    """What came of a call, as far as it can be compared."""

    send: tuple[tuple[int, bytes], ...] = ()
    orders: Orders | None = None
    """None: as before."""
    events: tuple[str, ...] = ()
    asked: bool | None = None
    """Of `Evse.stop`."""
    error: str = ""
    """The exception that left the call."""


class Turn(Struct, frozen=True, array_like=True):
    """One call of the EVSE."""

    call: Call
    result: Result
    outside: Outside | None = None
    draws: tuple[bytes, ...] = ()
    answers: tuple[Answer, ...] = ()


class Sink(Protocol):
    """Where a recording goes. Obligation: all return at once and never raise."""

    def begin(self, evse: int, snapshot: bytes) -> None:
        """A new segment; the one before is complete."""
        ...

    def take(self, evse: int, turn: bytes) -> None:
        """The next turn of the segment."""
        ...

    def broken_off(self, evse: int) -> bool:
        """Whether the segment has lost turns, and another one may be tried now."""
        ...


def timeless(asked: tuple[object, ...]) -> tuple[object, ...]:
    """What tells one question to a port from another: its name and its arguments, but for the time."""
    return tuple([each for each in asked if not isinstance(each, int | float)])


def question(asked: tuple[object, ...]) -> bytes:
    """The same, for a recording."""
    return hashlib.blake2s(repr(timeless(asked)).encode(), digest_size=8).digest()


def texts(events: tuple[Event, ...]) -> tuple[str, ...]:
    """What events say; a message by its name, because its payload is recorded."""
    return tuple(
        type(each).__name__ if isinstance(each, Received | Sent) else " ".join(describe(each)) for each in events
    )


class Results:
    """Makes what calls of one segment return comparable."""

    def __init__(self) -> None:
        self._orders: Orders | None = None

    def of(self, returned: object) -> Result:
        """What came of the next call: a step, or the answer of `Evse.stop`."""
        if not isinstance(returned, Step):
            return Result(asked=bool(returned))
        before, self._orders = self._orders, returned.orders
        same = returned.orders is before or returned.orders == before
        return Result(returned.send, None if same else returned.orders, texts(returned.events))


def outside(evse: Evse) -> dict[str, Any]:
    """What others may set at the EVSE between two calls, by the fields of `Outside`."""
    guard = evse.guard
    return {
        "site": evse.site,
        "operator": evse.operator,
        "back_end": evse.back_end,
        "injection": evse.visit.injection,
        "local": evse.local.changes,
        "grid_settings": None if guard is None else guard.adjustments.layers,
        "grid_lost": "" if guard is None else guard.settings_lost,
    }


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> str | None:
        return obj.name if isinstance(obj, _Port) else None


class _LocalPickler(pickle.Pickler):
    def __init__(self, evse: Evse) -> None:
        self._pickled = BytesIO()
        super().__init__(self._pickled, pickle.HIGHEST_PROTOCOL)
        self._visit = evse.visit
        self.dump(evse.local)

    def persistent_id(self, obj: object) -> str | None:
        return None if not isinstance(obj, Visit) else THIS_VISIT if obj is self._visit else PAST_VISIT

    @property
    def pickled(self) -> bytes:
        return self._pickled.getvalue()


class _Port:
    """A port of the EVSE (authoriser, contracts, provisioning, prices), whose answers are recorded."""

    def __init__(self, name: str, port: object, recorder: "_Recorder") -> None:
        self.name, self._port, self._recorder = name, port, recorder

    def __getattr__(self, method: str) -> Callable[..., object]:
        ask = getattr(self._port, method)

        def asked(*args: object) -> object:
            try:
                answer = ask(*args)
            except V2GError as error:
                self._recorder.answered((self.name, *args), error)
                raise
            self._recorder.answered((self.name, *args), answer)
            return answer

        setattr(self, method, asked)  # found without a search from now on
        return asked


class _Recorder:
    """What is under way in one EVSE."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.recording = False
        """During a call from outside; calls of the EVSE to itself follow from it."""
        self.source = chance.source
        self.draws: list[bytes] = []
        self.answers: list[Answer] = []
        self.outside: dict[str, Any] = {}
        self.results = Results()
        self.bytes: int | None = None
        """Of this segment; None before the first."""
        self._before: dict[tuple[object, ...], object] = {}

    def begin(self, evse: int, snapshot: bytes) -> None:
        """A segment; its reader knows of no answers before it."""
        self.bytes, self.results = 0, Results()
        self._before.clear()
        self.sink.begin(evse, snapshot)

    def draw(self, count: int) -> bytes:
        """For `chance`."""
        self.draws.append(drawn := self.source(count))
        return drawn

    def answered(self, asked: tuple[object, ...], answer: object) -> None:
        """A port has answered."""
        key = timeless(asked)
        if self.recording and (key not in self._before or self._before[key] != answer):
            self._before[key] = answer
            self.answers.append(Answer(question(asked), pickle.dumps(answer)))


_encode = msgpack.Encoder().encode
_DEVICES = tuple(each.name for each in structs.fields(Readings))
_OF_ALL = attrgetter(*_DEVICES)
P = ParamSpec("P")
R = TypeVar("R")


def _recorded(
    method: Callable[Concatenate[Any, P], R], made: Callable[Concatenate["RecordedEvse", P], Call]
) -> Callable[Concatenate["RecordedEvse", P], R]:
    """The method with its calls recorded; `made` gives the call as a value."""

    @wraps(method)
    def recorded(self: "RecordedEvse", /, *args: P.args, **kwargs: P.kwargs) -> R:
        recorder = self._recorder
        if recorder.recording:
            return method(self, *args, **kwargs)
        self._begin_segment_if_due()
        call, others = made(self, *args, **kwargs), self._set_by_others()
        recorder.source, chance.source, recorder.recording = chance.source, recorder.draw, True
        result = Result()
        try:
            returned = method(self, *args, **kwargs)
            result = recorder.results.of(returned)
            return returned
        except Exception as error:
            result = Result(error=repr(error))
            raise
        finally:
            chance.source, recorder.recording = recorder.source, False
            self._hand_over(Turn(call, result, others, tuple(recorder.draws), tuple(recorder.answers)))

    return recorded


def _connected(
    self: "RecordedEvse",
    now: float,
    peer: bytes | None = None,
    certificate: str | None = None,
    ends_s: float | None = None,
    *,
    plain: bool = False,
    secure: bool | None = None,
) -> Call:
    return Connected(now, peer, certificate, plain, secure, ends_s)


def _measured(
    self: "RecordedEvse", readings: Readings, now: float, unix_s: int, rating: InverterRating | None = None
) -> Call:
    seen = zip(_DEVICES, _OF_ALL(readings), _OF_ALL(self._readings), strict=True)
    delta = {name: each for name, each, before in seen if each is not before}
    return Measured(Delta(**delta), now, unix_s, rating)


class RecordedEvse(Evse):
    """An `Evse` that hands every call and its result to a sink."""

    def __init__(self, *args: Any, sink: Sink, **kwargs: Any) -> None:
        self._recorder = _Recorder(sink)
        super().__init__(*args, **kwargs)
        self._authorizer: Any = _Port("authorizer", self._authorizer, self._recorder)

    connected = _recorded(Evse.connected, _connected)
    receive = _recorded(Evse.receive, lambda self, *args: Receive(*args))
    disconnected = _recorded(Evse.disconnected, lambda self, *args: Disconnected(*args))
    measured = _recorded(Evse.measured, _measured)
    line = _recorded(Evse.line, lambda self, event, now: Line(pickle.dumps(event), now))
    expire = _recorded(Evse.expire, lambda self, *args: Expire(*args))
    abandon = _recorded(Evse.abandon, lambda self, *args: Abandon(*args))
    stop = _recorded(Evse.stop, lambda self, *args: Halt(*args))
    heed = _recorded(Evse.heed, lambda self, *args: Heed(*args))

    def __getstate__(self) -> dict[str, object]:
        state = {name: value for name, value in vars(self).items() if name != "_recorder"}
        return {**state, "payment": state.pop("_payment")}

    @property
    def payment(self) -> Payment:
        """As somebody set it, with its answers recorded."""
        return self._payment

    @payment.setter
    def payment(self, payment: Payment) -> None:
        ports = {port.name: getattr(payment, port.name) for port in fields(payment)}
        recorded: Any = {name: port and _Port(name, port, self._recorder) for name, port in ports.items()}
        self._payment = Payment(**recorded)

    def _begin_segment_if_due(self) -> None:
        recorder, size = self._recorder, self._recorder.bytes
        full = size is None or (size >= SEGMENT_BYTES and (not self.busy or size >= MOST * SEGMENT_BYTES))
        if full or recorder.sink.broken_off(self.settings.id):
            snapshot = BytesIO()
            _Pickler(snapshot, pickle.HIGHEST_PROTOCOL).dump(self)
            recorder.outside = outside(self)
            recorder.begin(self.settings.id, snapshot.getvalue())

    def _set_by_others(self) -> Outside | None:
        recorder, now = self._recorder, outside(self)
        changed = {name: now[name] for name in now if now[name] is not recorder.outside[name]}
        if "local" in changed:
            changed["local"] = _LocalPickler(self).pickled
        return Outside(**changed) if changed else None

    def _hand_over(self, turn: Turn) -> None:
        recorder, encoded = self._recorder, _encode(turn)
        recorder.draws.clear()
        recorder.answers.clear()
        recorder.outside = outside(self)
        recorder.bytes = (recorder.bytes or 0) + len(encoded)
        recorder.sink.take(self.settings.id, encoded)
