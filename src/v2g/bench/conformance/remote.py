"""Any station that connects to us as the station under test, in real time.

What needs a hand at the car or at the station goes to a command, which gets `plug-in EVSE NAME`, `plug-out EVSE`,
`stop EVSE` or `reboot` as its arguments. Without it, and for what no command can do (the grid, an energy management
system, files), a case is not applicable.
"""

import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from v2g.bench.conformance.cases import Case
from v2g.bench.conformance.tester import Fail, NotApplicable, Tester
from v2g.kernel.errors import V2GError
from v2g.ocpp.version import Subprotocol

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

HAND_S = 60.0
"""How long the command may take."""
CONNECTS_S = 120.0
"""How long the station may take to connect."""
LOOK_S = 0.1


class RemoteError(V2GError):
    """There is no place to wait for the station, or the command cannot be run. Says what to do."""


class Remote:
    """`v2g.bench.conformance.tester.Link` to a station that connects over WebSocket. One for all cases."""

    def __init__(self, host: str, port: int, *, hand: str = "", password: str | None = None, evses: int = 1) -> None:
        """`hand`: the command. `evses`: how many EVSEs the station has. Raises `RemoteError`."""
        self.subprotocol: Subprotocol = "ocpp2.1"
        self._hand, self._evses = shlex.split(hand), evses
        self._events: SimpleQueue[tuple[ServerConnection, str | bytes | None]] = SimpleQueue()
        """A connection, and a frame of it; None when it has just been opened."""
        self._connection: ServerConnection | None = None
        self.has_booted = False
        self._server = self._serve(host, port, password)
        self.address = "{}:{}".format(*self._server.socket.getsockname()[:2])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _serve(self, host: str, port: int, password: str | None) -> Any:
        try:
            from websockets.sync.server import basic_auth, serve
        except ImportError as error:
            raise RemoteError("this needs the Python package websockets; install v2g[ocpp]") from error

        def chosen(connection: Any, offered: Sequence[Any]) -> Any:
            return self.subprotocol if self.subprotocol in offered else None

        auth = None if password is None else basic_auth("csms", check_credentials=lambda _, given: given == password)
        try:
            return serve(self._connected, host, port, select_subprotocol=chosen, process_request=auth)
        except OSError as error:
            raise RemoteError(f"{host}:{port}: {error.strerror or error}; choose another with --at") from error

    def close(self) -> None:
        """Wait for no station any more."""
        self._server.shutdown()

    def stand(self, case: Case) -> "Remote":
        """For a case: the station connects with its version."""
        if case.evses > self._evses:
            raise NotApplicable(f"it takes {case.evses} EVSEs; see --evses")
        if case.contracts:
            raise NotApplicable("it takes a car that pays by a contract")
        if self.subprotocol != case.subprotocol:
            self.subprotocol = case.subprotocol
            self.cut()
        return self

    def _connected(self, connection: "ServerConnection") -> None:
        if connection.subprotocol is None:
            return  # the station does not speak this version; it will try again
        self._events.put((connection, None))
        for frame in connection:
            self._events.put((connection, frame))

    # Time and frames

    def now(self) -> float:
        return time.monotonic()

    def unix_s(self) -> float:
        return time.time()

    def run(self, tester: Tester, seconds: float, until: Callable[[], bool]) -> None:
        end_s = self.now() + seconds
        while not until() and (left_s := end_s - self.now()) > 0:
            self._send(tester)
            with suppress(Empty):
                connection, frame = self._events.get(timeout=min(LOOK_S, left_s))
                if frame is None:
                    self._connection = connection
                    tester.opened()
                elif connection is self._connection:
                    tester.hear(frame if isinstance(frame, str) else frame.decode("utf-8", "replace"))
        self._send(tester)

    def _send(self, tester: Tester) -> None:
        from websockets.exceptions import ConnectionClosed

        for frame in tester.outgoing:
            with suppress(ConnectionClosed):  # it comes back
                if self._connection is not None:
                    self._connection.send(frame)

    def boot(self, tester: Tester) -> None:
        """The station is connected and has booted once; it does not do so again for a case."""
        if not self.has_booted:
            tester.await_("BootNotification", CONNECTS_S)
            self.has_booted = True
        tester.until(lambda: self._connection is not None, CONNECTS_S, "the station does not connect")
        tester.run(1.0)
        tester.mark()

    # Hands

    def _do(self, *words: str) -> None:
        if not self._hand:
            raise NotApplicable(f"it takes a hand: {words[0]}; see --hand")
        try:
            done = subprocess.run([*self._hand, *words], timeout=HAND_S, check=False, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RemoteError(f"{shlex.join(self._hand)} {words[0]}: {error}; see --hand") from error
        if done.returncode:
            raise Fail(f"{shlex.join(self._hand)} {' '.join(words)} ends with {done.returncode}")

    def plug_in(self, evse: int, name: str, **wish: Any) -> None:
        if wish:
            raise NotApplicable(f"it takes a car of a certain kind: {', '.join(wish)}")
        self._do("plug-in", str(evse), name)

    def plug_out(self, evse: int) -> None:
        self._do("plug-out", str(evse))

    def car_stops(self, evse: int) -> None:
        self._do("stop", str(evse))

    def reboot(self) -> None:
        self._do("reboot")
        self.has_booted = False

    def cut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def restore(self) -> None:
        """The station comes back by itself."""

    def grid(self, **state: Any) -> None:
        raise NotApplicable("it takes another grid")

    def power_w(self, evse: int) -> float:
        raise NotApplicable("it takes a meter beside the station")

    def external(self, **values: Any) -> Any:
        raise NotApplicable("it takes an energy management system")

    def file(self, url: str, content: bytes | None = None) -> bytes | None:
        raise NotApplicable("it takes a file server")


def tidy(tester: Tester) -> None:
    """Leave a station as it was: what a case may have set would be in the way of the next one."""
    with suppress(Fail, NotApplicable):
        for component, name, evse, instance, value in reversed(tester.changed):
            tester.put(component, name, value, evse=evse, instance=instance)
        for transaction in {
            each.transactionInfo.transactionId for each in tester.since("TransactionEvent") if each.eventType != "Ended"
        }:
            tester.ask("RequestStopTransaction", transactionId=transaction)
        tester.ask("ClearChargingProfile")
        tester.ask("ClearCache")
        tester.ask("SendLocalList", versionNumber=1, updateType="Full")
