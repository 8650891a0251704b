"""Runs the station's code over a recorded segment, and compares. No clock, no files."""

import builtins
import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from types import FunctionType
from typing import Any

from msgspec import UNSET, msgpack, structs

from v2g.kernel import chance
from v2g.kernel.errors import V2GError
from v2g.station import recorded
from v2g.station.evse import Evse
from v2g.station.recorded import PAST_VISIT, THIS_VISIT, Outside, Result, Results, Turn, question

_MADE_OF = {
    "builtins": frozenset({"set", "frozenset", "bytearray", "complex"}),
    "collections": frozenset({"deque", "OrderedDict", "defaultdict"}),
    "msgspec._utils": frozenset({"rebuild"}),
}
_PURE = ("grid", "iso15118", "messages", "pilot", "power", "slac", "station", "thermal", "v2gtp")
"""Packages of `v2g` that touch no file, socket or process, and make no code, whatever they are called with: a snapshot
may name what is in them, and in `_OF_KERNEL`, and nothing else."""
_OF_KERNEL = tuple(f"v2g.kernel.{each}" for each in ("ceiling", "chance", "errors", "fault", "within"))
_IMPURE = (
    "v2g.power.drivers",
    "v2g.power.sunspec",
    "v2g.station.config.reader",
    "v2g.station.back_end",
    "v2g.station.replay",
)


class RecordingError(V2GError):
    """A recording cannot be read, or is none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where this code does something else than the recorded one."""

    turn: int
    now: float | None
    """Monotonic time of the recording process; None if the call has none."""
    call: str
    what: str
    """`send`, `orders`, `events`, `asked`, `error`, or `draws and answers`."""
    recorded: str
    replayed: str


class _Unpickler(pickle._Unpickler):
    """The one in Python, because only there a class can be kept from being changed: the codec evaluates the annotations
    of messages."""

    def __init__(self, pickled: bytes, ports: "dict[str, Any]") -> None:
        super().__init__(BytesIO(pickled))
        self._ports = ports

    def persistent_load(self, name: object) -> Any:
        try:
            return self._ports[str(name)]
        except KeyError:
            raise pickle.UnpicklingError(f"there is no port {name}") from None

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("v2g.station.recorded", "RecordedEvse"):
            return Evse
        if (module, name) == ("builtins", "getattr"):
            return _attribute
        if name in _MADE_OF.get(module, ()):
            return getattr(builtins if module == "builtins" else import_module(module), name)
        found = super().find_class(module, name) if _is_pure(module) else None
        if not _is_at_home(found, module, name):
            raise pickle.UnpicklingError(f"a snapshot must not name {module}.{name}")
        return found

    def load_build(self) -> None:
        owner = self.stack[-2]  # type: ignore[attr-defined]
        if isinstance(owner, type | FunctionType):
            raise pickle.UnpicklingError(f"a snapshot must not change {owner.__qualname__}")
        super().load_build()  # type: ignore[misc]

    dispatch = pickle._Unpickler.dispatch | {pickle.BUILD[0]: load_build}  # type: ignore[assignment]


def _is_pure(module: str) -> bool:
    package, _, rest = module.partition(".")
    pure = rest.partition(".")[0] in _PURE or module in _OF_KERNEL
    return package == "v2g" and pure and not module.startswith(_IMPURE)


def _is_at_home(found: object, module: str, name: str) -> bool:
    """Whether it is a class or a function that this very module defines. What a module only imports, such as
    `import_module`, and its variables are at home elsewhere."""
    if not isinstance(found, type | FunctionType):
        return False
    return (found.__module__, found.__qualname__) == (module, name)


def _attribute(owner: object, name: str) -> object:
    """`getattr` for methods of what a snapshot may name."""
    kind = owner if isinstance(owner, type) else type(owner)
    if not _is_pure(kind.__module__) or name.startswith("_"):
        raise pickle.UnpicklingError(f"a snapshot must not name {name} of {kind.__module__}.{kind.__name__}")
    return getattr(owner, name)


class _Playback:
    """A port that answers as it did."""

    def __init__(self, name: str, segment: "Segment") -> None:
        self._name, self._segment = name, segment

    def __getattr__(self, method: str) -> Any:
        if method.startswith("__"):
            raise AttributeError(method)
        return lambda *args: self._segment.answer((self._name, *args))


def decoded(turns: Iterable[bytes]) -> Iterator[Turn]:
    """The turns of a segment, without its snapshot. Raises `RecordingError` for no turn."""
    decoder = msgpack.Decoder(Turn)
    for number, encoded in enumerate(turns, 1):
        try:
            turn = decoder.decode(encoded)
        except Exception as error:
            raise RecordingError(f"turn {number} of the recording cannot be read: {error}") from error
        yield turn


class Segment:
    """One snapshot and the turns after it."""

    def __init__(self, snapshot: bytes) -> None:
        """Raises `RecordingError` for a snapshot that this code cannot take up."""
        ports = ("authorizer", "contracts", "provisioning", "prices")
        self._ports: dict[str, object] = {name: _Playback(name, self) for name in ports}
        self._results = Results()
        self._draws: deque[bytes] = deque()
        self._due: dict[bytes, deque[bytes]] = {}
        self._answers: dict[bytes, bytes] = {}
        self._odd = ""
        """A draw or a question that the recorded code did not have."""
        self.evse = self._load(snapshot)
        if not isinstance(self.evse, Evse):
            raise RecordingError("the recording begins with no snapshot of an EVSE")

    def _load(self, pickled: bytes) -> Any:
        try:
            return _Unpickler(pickled, self._ports).load()
        except Exception as error:  # a pickle of another version may fail in any way
            raise RecordingError(f"the recording's snapshot cannot be taken up by this version: {error}") from error

    def replay(self, turns: Iterable[bytes]) -> Iterator[tuple[Turn, Result, list[Difference]]]:
        """Each recorded turn, what comes of it now, and the differences. Raises `RecordingError` for no turn."""
        for number, turn in enumerate(decoded(turns), 1):
            result = self._repeat(turn)
            yield turn, result, self._compare(number, turn, result)

    def answer(self, asked: tuple[object, ...]) -> object:
        """Of a port. Raises what it raised."""
        key = question(asked)
        if due := self._due.get(key):
            self._answers[key] = due.popleft()
        if key not in self._answers:
            self._odd = f"{asked[0]} is asked what it was not asked"
            raise RecordingError(self._odd)
        answer = self._load(self._answers[key])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _draw(self, count: int) -> bytes:
        drawn = self._draws.popleft() if self._draws else b""
        if len(drawn) != count:
            self._odd = f"{count} random octets are drawn where there were {len(drawn)}"
        return drawn.ljust(count, b"\0")[:count]

    def _repeat(self, turn: Turn) -> Result:
        self._draws, self._due, self._odd = deque(turn.draws), {}, ""
        for each in turn.answers:
            self._due.setdefault(each.question, deque()).append(each.answer)
        if turn.outside is not None:
            self._set(turn.outside)
        before, chance.source = chance.source, self._draw
        try:
            returned = self._call(turn.call)
        except Exception as error:
            return Result(error=repr(error))
        finally:
            chance.source = before
        return self._results.of(returned)

    def _set(self, given: Outside) -> None:
        evse, guard = self.evse, self.evse.guard
        if given.site is not UNSET:
            evse.site = given.site
        if given.operator is not UNSET:
            evse.operator = given.operator
        if given.back_end is not UNSET:
            evse.back_end = given.back_end
        if given.local is not UNSET:
            self._ports |= {THIS_VISIT: evse.visit, PAST_VISIT: object()}
            evse.local = self._load(given.local)
        if given.injection is not UNSET:
            evse.visit.injection = given.injection
        if guard is not None and given.grid_settings is not UNSET:
            guard.adopt(given.grid_settings)
        if guard is not None and given.grid_lost is not UNSET:
            guard.settings_lost = given.grid_lost

    def _call(self, call: recorded.Call) -> object:
        evse = self.evse
        match call:
            case recorded.Connected(now, peer, certificate, plain, secure, ends_s):
                return evse.connected(now, peer, certificate, ends_s, plain=plain, secure=secure)
            case recorded.Receive(payload_type, payload, now, unix_s):
                return evse.receive(payload_type, payload, now, unix_s)
            case recorded.Disconnected(now, fault, reason):
                return evse.disconnected(now, fault, reason)
            case recorded.Measured(delta, now, unix_s, rating):
                read = {name: each for name in delta.__struct_fields__ if (each := getattr(delta, name)) is not UNSET}
                return evse.measured(structs.replace(evse._readings, **read), now, unix_s, rating)
            case recorded.Line(event, now):
                return evse.line(self._load(event), now)
            case recorded.Expire(now, unix_s):
                return evse.expire(now, unix_s)
            case recorded.Abandon(reason):
                return evse.abandon(reason)
            case recorded.Halt(kind, now):
                return evse.stop(kind, now)
            case recorded.Heed(now):
                return evse.heed(now)

    def _compare(self, number: int, turn: Turn, now: Result) -> list[Difference]:
        call, at = type(turn.call).__name__, getattr(turn.call, "now", None)
        found = [
            Difference(number, at, call, what, _text(was), _text(this))
            for what in Result.__struct_fields__
            if (was := getattr(turn.result, what)) != (this := getattr(now, what))
        ]
        odd = self._odd or ("a random draw is left over" if self._draws else "")
        if odd:
            found.append(Difference(number, at, call, "draws and answers", "", odd))
        return found


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "; ".join(_text(each) for each in value)
    return value.hex().upper() if isinstance(value, bytes) else str(value)
