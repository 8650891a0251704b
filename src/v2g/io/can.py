"""CAN: the only module that knows python-can, which is imported on the first frame, not on import.

python-can has many interfaces, some of which block for as long as an adapter pleases. So each bus has a thread of its
own that opens, sends and closes; what it does not do in time counts as lost.
"""

import asyncio
import select
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from v2g.power.address import Address
from v2g.power.errors import Unreachable
from v2g.power.signals.port import FrameId

if TYPE_CHECKING:
    import can

T = TypeVar("T")

TIMEOUT_S = 0.1
"""For sending, and for opening a bus that was open before."""
RETRY_S = 0.2
"""From a failed attempt to open the bus to the next."""
_MOST_WAITING = 1_000
"""Frames that wait in an adapter, a quarter of a second on a full bus: more of them must not hold the station up."""
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "slcan": {"timeout": 0, "sleep_after_open": 0},  # reads at once; an adapter that restarts is opened again anyway
}
"""Options of interfaces that are better than python-can's, if the address does not say otherwise."""


class CanBus:
    """One CAN bus, shared by the devices on it; opens when needed, and again after it was lost."""

    def __init__(self, address: Address) -> None:
        self.address = str(address)
        options: dict[str, Any] = {key: int(v) if v.isdecimal() else v for key, v in address.options.items()}
        interface = options.setdefault("interface", "socketcan")
        self._options = {**_DEFAULTS.get(interface, {}), **options, "channel": address.host or address.path}
        self._bus: can.BusABC | None = None
        self._thread: _Thread | None = None
        self._retry_at_s = float("-inf")
        self._opening = asyncio.Lock()
        self._latest: dict[FrameId, tuple[float, bytes]] = {}
        self._arrived = asyncio.Event()

    def frames(self, device: str) -> "CanFrames":
        """The frames of a device; `device` is its name in error messages."""
        return CanFrames(self, device)

    def close(self) -> None:
        """Closes the bus; a later frame opens it again."""
        bus, thread, self._bus, self._thread = self._bus, self._thread, None, None
        if bus is not None:
            with suppress(Exception):  # it has no descriptor, or has lost it
                asyncio.get_running_loop().remove_reader(bus.fileno())
        if thread is not None:
            thread.end(bus)

    async def send(self, frame: FrameId, data: bytes) -> None:
        """Raises `ConnectionError`."""
        import can

        bus, thread = await self._caught_up()
        message = can.Message(arbitration_id=frame.number, is_extended_id=frame.extended, data=data)
        await self._within(thread, lambda: bus.send(message))

    async def receive(self, frames: Collection[FrameId], within_s: float) -> dict[FrameId, bytes]:
        """One of each that arrives after this call. Raises `ConnectionError`."""
        await self._caught_up()
        since_s = time.monotonic()
        try:
            async with asyncio.timeout(within_s):
                while missing := [frame for frame in frames if self._latest.get(frame, (0.0, b""))[0] < since_s]:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError as error:
            raise ConnectionError(f"no frame {', '.join(map(str, sorted(missing)))} within {within_s:g} s") from error
        return {frame: self._latest[frame][1] for frame in frames}

    async def _caught_up(self) -> "tuple[can.BusABC, _Thread]":
        """The open bus, after what had arrived was taken: a station that was held up must not read what a device said
        long before as its answer. Raises `ConnectionError`."""
        bus, thread = await self._open()
        with suppress(NotImplementedError, ValueError):  # a thread takes what arrives
            for _ in range(_MOST_WAITING):
                if bus is not self._bus or not select.select([bus.fileno()], [], [], 0)[0]:
                    break
                self._take(bus, thread)
        return await self._open()

    async def _open(self) -> "tuple[can.BusABC, _Thread]":
        """Raises `ConnectionError`."""
        async with self._opening:
            if self._bus is not None and self._thread is not None:
                return self._bus, self._thread
            if time.monotonic() < self._retry_at_s:
                raise ConnectionError("the bus cannot be opened")
            self._retry_at_s = time.monotonic() + RETRY_S
            import can

            thread = self._thread = _Thread(self.address)
            bus = await self._within(thread, lambda: can.Bus(**self._options))
            if port := getattr(bus, "serialPortOrig", None):  # of slcan: an adapter that hangs must not block for ever
                port.write_timeout = TIMEOUT_S
            self._bus = bus
            self._listen(bus)
            return bus, thread

    async def _within(self, thread: "_Thread", call: Callable[[], T]) -> T:
        """What the thread returns in time; otherwise the bus is given up."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await thread.run(call)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # python-can's own, an adapter library's, a time-out
            self._lost(thread)
            reason = f"it takes longer than {TIMEOUT_S} s" if isinstance(error, TimeoutError) else str(error)
            raise ConnectionError(reason or type(error).__name__) from error

    def _listen(self, bus: "can.BusABC") -> None:
        """Takes frames as they arrive: by its descriptor if the bus has one, otherwise by a thread."""
        loop, thread = asyncio.get_running_loop(), self._thread
        try:
            loop.add_reader(bus.fileno(), self._take, bus, thread)
        except (NotImplementedError, ValueError):

            def listen() -> None:
                with suppress(Exception):  # the bus is closed
                    while self._bus is bus:
                        if (message := bus.recv(TIMEOUT_S)) is not None:
                            loop.call_soon_threadsafe(self._store, message)

            threading.Thread(target=listen, name=f"{self.address} listens", daemon=True).start()

    def _take(self, bus: "can.BusABC", thread: "_Thread | None") -> None:
        try:
            message = bus.recv(0)
        except Exception:  # the adapter is gone
            self._lost(thread)
            return
        if message is not None:
            self._store(message)

    def _store(self, message: "can.Message") -> None:
        if not (message.is_error_frame or message.is_remote_frame):
            frame = FrameId(message.arbitration_id, message.is_extended_id)
            self._latest[frame] = time.monotonic(), bytes(message.data)
            self._arrived.set()

    def _lost(self, thread: "_Thread | None") -> None:
        if thread is self._thread:  # not one that was opened since
            self.close()


class _Thread:
    """Runs calls one after the other, outside of the event loop. It ends with the process, whatever it hangs in."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: Exception | None) -> None:
            if not future.done():
                future.set_exception(error) if error is not None else future.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            result, failure = None, None
            try:
                result = call()
            except Exception as error:
                failure = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle, result, failure)

        self._calls.put(work)
        return await future

    def end(self, bus: "can.BusABC | None") -> None:
        """Closes the bus, if there is one, and ends."""
        if bus is not None:
            self._calls.put(bus.shutdown)
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            with suppress(Exception):  # of a shutdown; `run` passes on its own
                call()


class CanFrames:
    """`v2g.power.signals.port.Frames` of one device."""

    def __init__(self, bus: CanBus, device: str) -> None:
        self._bus = bus
        self.device = device
        self.address = bus.address

    async def send(self, frame: FrameId, data: bytes) -> None:
        """Sends a frame; see the port."""
        try:
            await self._bus.send(frame, data)
        except ConnectionError as error:
            raise self._unreachable(error) from error

    async def receive(self, frames: Collection[FrameId], within_s: float) -> Mapping[FrameId, bytes]:
        """Waits for one of each; see the port."""
        try:
            return await self._bus.receive(frames, within_s)
        except ConnectionError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: ConnectionError) -> Unreachable:
        remedy = "check that it is powered, the bus and its termination, and the bit rate"
        return Unreachable(self.device, self.address, str(error), remedy)
