"""The power-line modem on a network interface: raw frames (AF_PACKET), the matching in real time, single questions.

Needs CAP_NET_RAW.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from v2g.kernel.errors import V2GError
from v2g.slac import mme
from v2g.slac.car import CarMatching
from v2g.slac.event import Event, Matched, Step, Unmatched, mac_text
from v2g.slac.mme import BROADCAST, ETHERTYPE, LOCAL_MODEM, Frame, Mme, MmeError
from v2g.slac.station import StationMatching

_FRAME_SIZE = 2048
_FRAMES_AT_ONCE = 64
"""Read in one turn of the loop: a flood on the line must not stop the rest of the process."""

QUESTIONS = (mme.VS_SW_VER_REQ(), mme.NSCM_GET_VERSION_REQ(lms=bytes(19)), mme.CC_DISCOVER_LIST_REQ())
"""Each make of modem answers one of the first two; all answer the last, which has no version in it."""
VERSIONS = mme.VS_SW_VER_CNF, mme.NSCM_GET_VERSION_CNF, mme.CC_DISCOVER_LIST_CNF
"""The answers to them."""


class PlcError(V2GError):
    """The interface or its modem cannot be used; the text says which and what to do."""


def open_line(interface: str) -> socket.socket:
    """A non-blocking socket for the management frames of an interface. Raises `PlcError`."""
    try:
        index = socket.if_nametoindex(interface)
    except OSError as error:
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise PlcError(f"there is no interface {interface}; there are {names}") from error
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        remedy = "run as root, or give the service AmbientCapabilities=CAP_NET_RAW"
        raise PlcError(f"interface {interface}: no permission for raw frames; {remedy}") from error
    try:
        opened.bind((interface, ETHERTYPE))
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise PlcError(f"interface {interface} (index {index}): {error.strerror}") from error
    return opened


def mac_of(line: socket.socket) -> bytes:
    """MAC of the interface of a raw socket."""
    mac: bytes = line.getsockname()[4]
    return mac


M = TypeVar("M", StationMatching, CarMatching)


class PlcLink(Generic[M]):
    """A matching machine on an interface, until `close`. Needs a running loop."""

    def __init__(self, interface: str, make: Callable[[bytes], M], report: Callable[[Event], None]) -> None:
        """`make`: makes the machine for the interface's MAC. `report`: takes every event. Raises `PlcError`."""
        self.interface = interface
        self._loop = asyncio.get_running_loop()
        self._report = report
        self._line = open_line(interface)
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._outcome: asyncio.Future[Matched | Unmatched] = self._loop.create_future()
        self.machine: M = make(mac_of(self._line))
        self.lost_frames = 0
        """Frames that the interface did not take, for example because it was down."""
        self._loop.add_reader(self._line.fileno(), self._readable)
        if isinstance(self.machine, StationMatching):
            self.do(self.machine.start(self._loop.time()))

    def begin_matching(self) -> None:
        """Matching is wanted: a car is plugged in."""
        self._outcome = self._loop.create_future()
        self.do(self.machine.begin_matching(self._loop.time()))

    def end_matching(self) -> None:
        """Matching is not wanted any more, because the car has gone: leave the network."""
        self.do(self.machine.end_matching(self._loop.time()))

    async def outcome(self) -> Matched | Unmatched:
        """The first success or failure since `begin_matching`."""
        return await asyncio.shield(self._outcome)

    def do(self, step: Step) -> None:
        """Send the frames of a step, pass its events on, and set the machine's timer."""
        for data in step.send:
            try:
                self._line.send(data)
            except OSError:  # an interface that is down; the machine repeats, and its timers end it
                self.lost_frames += 1
        for event in step.events:
            if isinstance(event, Matched | Unmatched) and not self._outcome.done():
                self._outcome.set_result(event)
            self._report(event)
        if self._timer is not None:
            self._timer.cancel()
        if self._closed:
            return
        deadline = self.machine.next_deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._expire)

    def status(self) -> dict[str, object]:
        """For people and programs, in values that JSON knows."""
        machine, match, trend = self.machine, self.machine.match, self.machine.quality.trend
        return {
            "interface": self.interface,
            "phase": machine.phase.value,
            "car": mac_text(match.car) if match else None,
            "modem": machine.modem.version,
            "attenuation_db": trend[-1].attenuation_db if trend else None,
            "signal_dbm": trend[-1].signal_dbm if trend else None,
            "weakest_dbm": min((sample.signal_dbm for sample in trend), default=None),
            "measurements": len(trend),
            "lost_frames": self.lost_frames,
        }

    def close(self) -> None:
        """Stop, without leaving the network: `end_matching` does that."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._line.fileno())
            self._line.close()
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self.do(self.machine.expire(self._loop.time()))

    def _readable(self) -> None:
        for _ in range(_FRAMES_AT_ONCE):
            if self._closed:
                return
            try:
                data = self._line.recv(_FRAME_SIZE)
            except BlockingIOError:
                return
            except OSError:  # the interface went down; it may come back
                self.lost_frames += 1
                return
            self.do(self.machine.receive(data, self._loop.time()))


def ask(
    interface: str,
    questions: Iterable[Mme],
    answers: tuple[type[Mme], ...],
    *,
    everyone: bool = False,
    timeout_s: float = 1.0,
) -> list[Frame]:
    """Ask the host's modem, or `everyone` who hears it, and wait for answers of these types: for the first one, or for
    all within the time. Blocks. Raises `PlcError` for the interface; no answer is an empty list.
    """
    from time import monotonic

    found: list[Frame] = []
    with open_line(interface) as line:
        own = mac_of(line)
        for question in questions:
            version = 0 if question.TYPE & 0xE000 == 0xA000 else 1
            for destination in (LOCAL_MODEM, BROADCAST) if everyone else (LOCAL_MODEM,):
                try:
                    line.send(Frame.of(destination, own, question, version).pack())
                except OSError as error:
                    remedy = f"`v2g plc init {interface}` brings it up"
                    raise PlcError(f"interface {interface}: {error.strerror}; {remedy}") from error
        deadline = monotonic() + timeout_s
        while (left_s := deadline - monotonic()) > 0 and (everyone or not found):
            line.settimeout(left_s)
            try:
                frame = Frame.unpack(line.recv(_FRAME_SIZE))
            except (TimeoutError, MmeError):
                continue
            if isinstance(frame.message, answers) and frame.destination == own:
                found.append(frame)
    return found


def find_modem(interface: str, timeout_s: float, asked: Callable[[], None] = lambda: None) -> tuple[bytes, str]:
    """MAC of the modem of an interface, and what it is. Asks until it answers; `asked`: after each question. Blocks.

    Raises `PlcError`.
    """
    from time import monotonic

    deadline = monotonic() + timeout_s
    while monotonic() < deadline:
        for question in QUESTIONS:
            for frame in ask(interface, [question], VERSIONS, timeout_s=0.2):
                return frame.source, version_of(frame.message)
            asked()
    raise PlcError(
        f"interface {interface}: no modem answers; see that it is the modem's interface, that the modem has power, "
        "and what its driver says (`dmesg | grep qca`)"
    )


def version_of(message: object) -> str:
    """Make and version by the answer to one of `QUESTIONS`."""
    match message:
        case mme.VS_SW_VER_CNF(version=version):
            text = version.rstrip(b"\0").decode("ascii", "replace")
            return f"Qualcomm {text if text.isprintable() else version.hex()}"
        case mme.NSCM_GET_VERSION_CNF() as found:
            parts = (found.version_major, found.version_minor, found.version_patch, found.version_build)
            return "Lumissil " + ".".join(map(str, parts))
    return "of another make"
