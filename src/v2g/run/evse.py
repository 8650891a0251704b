"""Runs one EVSE in real time: its car on the network, its devices on Modbus, its EVSE in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from v2g.io.journal import Entry, Journal
from v2g.io.link import Link, Peer
from v2g.io.trace import SessionTrace
from v2g.iso15118.d20.timeouts import DEFAULT_PERFORMANCE_S, LINGER_S, PERFORMANCE_S
from v2g.iso15118.event import Faulted
from v2g.iso15118.view import Stage
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.run.devices import Devices
from v2g.station.config.settings import EvseSettings, Plc
from v2g.station.evse import Evse
from v2g.station.orders import SAFE, Orders
from v2g.station.power.limits import Bound
from v2g.station.report import Note
from v2g.tls.profile import TlsError
from v2g.v2gtp.framing import FramingError

if TYPE_CHECKING:  # loaded where there is a modem
    from v2g.io.plc import PlcLink
    from v2g.slac.event import Event as LineEvent
    from v2g.slac.station import StationMatching

POLL_S = 0.1
"""Between readings while a car is connected."""
_PACE = {"grid sensing unit": (0.02, 0.1), "control pilot": (0.02, 0.05), "safety inputs": (0.1, 0.1)}
"""Between readings of the fast devices, with and without a car: a cycle of the grid; what leaves time to open."""
RECOVERY_S = 2.0
"""How long a start waits for the hardware that an earlier process left unsafe."""
HELD_WITHIN_S = 1.0
"""How long a new limit may take to the inverter and back."""
IDLE_POLL_S = 0.25
"""Often enough that what is known does not go stale."""
SUPERVISE_S = 0.05
"""Between looks at deadlines and at the age of readings."""
BREAK_POLL_S = 0.005
"""Between readings while the contactor waits for the current to fall."""
HEARTBEAT_S = 0.1
"""Between commands: a device that hears nothing for longer than its watchdog goes to its own safe state."""


_POSITION = {True: "closed", False: "open"}


class EvseRunner:
    """One EVSE. `car` makes the talker for each new connection; `run` does the rest until it is cancelled."""

    def __init__(
        self,
        evse: EvseSettings,
        trace: SessionTrace,
        ended: Callable[[], None],
        site: Bound | None = None,
        journal: Journal | None = None,
    ) -> None:
        """`ended` is called after each connection that carried a session. `site`: the EVSE's share of its limit."""
        self._loop = asyncio.get_running_loop()
        self.evse = Evse(evse, site=site)
        self.devices = Devices(evse, self._loop.time)
        self.slowest: tuple[float, str] = (0.0, "")
        """The longest response of the current session, in seconds, and its message."""
        self._trace, self._ended, self._journal = trace, ended, journal or Journal(None)
        self._talker: CarTalker | None = None
        self.idle = asyncio.Event()
        """Set while no session is under way."""
        self.idle.set()
        self._wakes: list[asyncio.Event] = []
        self._new_orders: list[asyncio.Event] = []
        self._line: PlcLink[StationMatching] | None = None
        self._commanded = asyncio.Event()
        self._orders = SAFE
        self._troubles: dict[str, str] = {}

    def car(self) -> "CarTalker":
        """Who talks to the next car that connects."""
        return CarTalker(self)

    async def run(self) -> None:
        """Read, supervise and command. On cancellation the hardware is put into its safe state first."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for command in self.devices.commands:  # each at its own pace: the contactor waits for no other
                    self._new_orders.append(asyncio.Event())
                    work = partial(self._command, command)
                    tasks.create_task(self._repeat(work, HEARTBEAT_S, wake=self._new_orders[-1]))
                tasks.create_task(self._repeat(self._supervise, SUPERVISE_S, deadline=self.evse.next_deadline))
                for name in self.devices.names:
                    pace = _PACE.get(name, (POLL_S, IDLE_POLL_S))
                    tasks.create_task(self._repeat(partial(self._read, name), *pace))
                if self.evse.settings.plc is not None and self.evse.settings.interface is not None:
                    self._open_line(self.evse.settings.interface, self.evse.settings.plc)
        finally:
            if self._line is not None:
                self._line.end_matching()
                self._line.close()
            await self.devices.command(SAFE)
            self.devices.close()

    def _open_line(self, interface: str, plc: Plc) -> None:
        from v2g.io.plc import PlcLink
        from v2g.slac.station import StationMatching, StationMatchingSettings

        settings = StationMatchingSettings(
            reference_db=plc.reference_db,
            validation_required=plc.validation_required,
            margin_db=plc.margin_db,
            weakest_dbm=plc.weakest_dbm,
            modem=None if plc.modem is None else bytes.fromhex(plc.modem.replace(":", "")),
        )
        self._line = PlcLink(interface, lambda mac: StationMatching(mac, settings), self._told)

    def _told(self, event: "LineEvent") -> None:
        """The modem has told something."""
        self.evse.line(event, self._loop.time())
        self._settle()

    async def recover(self) -> None:
        """After a process that ended in the middle of something: the safe state first, then say what was found."""
        found = self._journal.found.get(self.evse.settings.id, Entry())
        if found.at_rest:
            return
        started = self._loop.time()
        with suppress(TimeoutError):
            async with asyncio.timeout(RECOVERY_S):
                await self.devices.command(SAFE)
                await self.devices.read("contactor")
                was_closed = self.devices.readings.contactor
                while (reading := self.devices.readings.contactor) is None or reading.closed:
                    await asyncio.sleep(BREAK_POLL_S)
                    await self.devices.command(SAFE)
                    await self.devices.read("contactor")
        session = f"session {found.session} of {found.evcc_id}" if found.session else "no session"
        last = f"the last process ended in {found.stage} since {found.since}, {session}"
        reading = self.devices.readings.contactor
        if reading is None or reading.closed:
            seen = "not known" if reading is None else "closed"
            self.note(f"{last}; contactor commanded open, its position is {seen}", warning=True)
        else:
            before = "closed" if was_closed is not None and was_closed.closed else "open"
            took_s = self._loop.time() - started
            self.note(f"{last}; contactor found {before}, safe state seen after {took_s:.3f} s", warning=True)

    @property
    def busy(self) -> bool:
        """Whether a session is under way."""
        conversation = self.evse.conversation
        return conversation is not None and conversation.end is None

    @property
    def line_status(self) -> dict[str, object] | None:
        """Of the power line, for the operator."""
        return None if self._line is None else self._line.status()

    # Called by the talkers

    def seat(self, talker: "CarTalker", peer: Peer) -> bool:
        """Give the EVSE to a new connection, unless a session is under way on another."""
        reason = "another car is in session" if self.busy else self.refusal(peer.host)
        if reason is not None:
            self.note(f"connection from {peer} refused: {reason}", warning=True)
            return False
        if self._talker is not None:
            self._talker.leave()
        self._talker = talker
        self.slowest = (0.0, "")
        self.note(f"car connected from {peer}{' with TLS' if peer.fingerprint else ' WITHOUT TLS'}")
        self.evse.connected(self._loop.time(), peer.fingerprint)
        self.idle.clear()
        self._wake()
        return True

    def refusal(self, host: str) -> str | None:
        """Why nobody at this address may talk now, or None: no car is plugged in or matched, or it is another one."""
        reason = self.evse.closed_to_talk()
        match = None if self._line is None else self._line.machine.match
        if reason is not None or match is None:
            return reason
        from v2g.io.plc_peer import is_peer

        assert self._line is not None
        address = IPv6Address(host.partition("%")[0])
        foreign = is_peer(self._line.interface, address, match.car) is False
        return f"it is not the matched car, {match.car.hex(':').upper()}" if foreign else None

    def frame(self, talker: "CarTalker", payload_type: int, payload: bytes, arrived: float) -> None:
        if talker is not self._talker:
            return
        try:
            sent = self.evse.receive(payload_type, payload, arrived, int(time.time()))
        except Exception as error:  # the car must not be able to bring the station down, whatever we overlooked
            self._internal(error)
            return
        self._send(sent, arrived)
        self._settle()

    def lost(self, talker: "CarTalker", reason: V2GError | None) -> None:
        fault = Fault.CONNECTION_LOST
        if isinstance(reason, TlsError):
            fault = Fault.TLS
        elif isinstance(reason, FramingError):
            fault = Fault.FRAMING
        if talker is not self._talker:
            if fault is not Fault.CONNECTION_LOST:  # it never came to a session, and the operator must know why
                self.evse.events.append(Faulted(fault, str(reason)))
                self._tell()
            return
        self._talker = None
        self.evse.disconnected(self._loop.time(), fault, str(reason or "closed by the station"))
        self._settle()
        self._ended()

    def note(self, text: str, *, warning: bool = False) -> None:
        self.evse.events.append(Note(text, warning))
        self._tell()

    # Called for the operator

    def heed(self) -> None:
        """Something was asked of the EVSE: decide again, at once."""
        self._settle()

    async def held(self, field: str, value: float) -> float | None:
        """What the inverter holds of a set-point's field, read back; as soon as that is `value`, or in the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_WITHIN_S):
                while getattr(self.devices.held, field, None) != value:
                    self._commanded.clear()
                    await self._commanded.wait()
        return getattr(self.devices.held, field, None)

    # Inside

    def _send(self, payloads: list[tuple[int, bytes]], since: float | None = None) -> None:
        for payload_type, payload in payloads:
            if self._talker is not None:
                self._talker.send(payload_type, payload)
        if payloads and since is not None:
            took_s = self._loop.time() - since
            if took_s > self.slowest[0]:
                self.slowest = took_s, self.evse.report.last_message

    def _settle(self) -> None:
        """After anything that may have changed the session: new orders at once, then the trace."""
        orders, before = self.evse.orders(self._loop.time()), self._orders
        self._keep(orders)
        if self._line is not None and orders.matching != before.matching:
            (self._line.begin_matching if orders.matching else self._line.end_matching)()
        if orders != before:
            self._orders = orders
            for wake in self._new_orders:
                wake.set()
        for what, now, then in (
            ("contactor", _POSITION[orders.contactor_closed], _POSITION[before.contactor_closed]),
            ("inverter", orders.inverter.mode, before.inverter.mode),
        ):
            if now != then:
                self.evse.events.append(Note(f"{what} commanded {now}"))
                self._wake()  # what the devices do about it is worth a look at once
        conversation, talker = self.evse.conversation, self._talker
        if conversation is not None and conversation.end is not None and talker is not None:
            talker.leave_after(LINGER_S)  # the car closes first, if it does [V2G20-1643]
        if not self.busy and not self.idle.is_set():
            self.idle.set()
            self.evse.events.append(Note(self._slowest_response()))
        self._tell()

    def _keep(self, orders: Orders) -> None:
        report, demand = self.evse.report, self.evse.demand
        self._journal.note(
            self.evse.settings.id,
            Entry(
                stage=demand.stage.name,
                session=report.session_id if self.busy else "",
                evcc_id=report.evcc_id if self.busy else "",
                contactor_closed=orders.contactor_closed,
            ),
        )
        if self._journal.trouble is not None:
            self.note(self._journal.trouble, warning=True)
            self._journal.trouble = None

    def _slowest_response(self) -> str:
        took_s, name = self.slowest
        owed_s = PERFORMANCE_S.get(name.removesuffix("Res") + "Req", DEFAULT_PERFORMANCE_S)
        return f"slowest response {took_s * 1000:.1f} ms ({name}), owed within {owed_s * 1000:.0f} ms"

    def _tell(self) -> None:
        events, self.evse.events = self.evse.events, []
        for event in events:
            self._trace.write(self.evse.settings.id, self.evse.report.session_id, event)

    def _internal(self, error: Exception) -> None:
        """Our own failure: the safe state, the reason in the trace, and on to the next car."""
        reason = f"{type(error).__name__}: {error}"
        talker, self._talker = self._talker, None
        self.evse.disconnected(self._loop.time(), Fault.INTERNAL, reason)
        self.evse.orders(self._loop.time())
        self._settle()
        if talker is not None:
            talker.leave()
            self._ended()

    @property
    def _active(self) -> bool:
        return self.evse.conversation is not None or not self._orders.safe

    async def _read(self, name: str) -> None:
        """Each device at its own pace, so that a slow one delays no other."""
        if name == "isolation monitor" and self.evse.demand.stage is Stage.OFF:
            return
        await self.devices.read(name)
        self.evse.rating = self.devices.rating
        if self._line is not None and self.evse.plug is not None:
            self._line.machine.pilot_toggles = self.evse.plug.toggles
        self._guarded(self.evse.measured, self.devices.readings)
        self._tell_troubles()

    async def _supervise(self) -> None:
        self._guarded(self.evse.expire)

    async def _command(self, command: Callable[[Orders], Awaitable[None]]) -> None:
        await command(self._orders)
        self._commanded.set()
        while command == self.devices.command_inverter and self._breaking():  # the contactor waits for the current
            await self._read("inverter")
            await asyncio.sleep(BREAK_POLL_S)

    def _breaking(self) -> bool:
        """Whether the contactor only waits for the inverter's current to fall."""
        stopping = self.evse.demand.stage is Stage.OFF
        return stopping and self._orders.contactor_closed and self.devices.inverter is not None

    def _wake(self) -> None:
        for event in self._wakes:
            event.set()

    def _guarded(self, call: Callable[..., list[tuple[int, bytes]]], *inputs: object) -> None:
        try:
            sent = call(*inputs, self._loop.time(), int(time.time()))
        except Exception as error:  # as in `frame`
            self._internal(error)
            return
        self._send(sent)
        self._settle()

    async def _repeat(
        self,
        work: Callable[[], Awaitable[None]],
        seconds: float,
        idle_s: float = IDLE_POLL_S,
        *,
        wake: asyncio.Event | None = None,
        deadline: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Work again and again: slower while nothing is going on, at once when something comes up or is due."""
        wake = wake or asyncio.Event()
        self._wakes.append(wake)
        while True:
            wake.clear()
            await work()
            turn = self._loop.time() + (seconds if self._active else idle_s)
            due = deadline()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(turn if due is None else min(turn, due)):
                    await wake.wait()

    def _tell_troubles(self) -> None:
        """Devices that went or came back since the last turn, one line each."""
        now, before, self._troubles = self.devices.troubles, self._troubles, dict(self.devices.troubles)
        for name in now.keys() - before.keys():
            self.note(now[name], warning=True)
        for name in before.keys() - now.keys():
            self.note(f"{name} answers again")


class CarTalker:
    """The user of one link: passes on what the car says, for as long as its EVSE listens to it."""

    def __init__(self, shell: EvseRunner) -> None:
        self._shell = shell
        self._link: Link | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def established(self, link: Link, peer: Peer) -> None:
        self._link = link
        if not self._shell.seat(self, peer):
            link.close()

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        self._shell.frame(self, payload_type, payload, arrived)

    def lost(self, reason: V2GError | None) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self._shell.lost(self, reason)

    def send(self, payload_type: int, payload: bytes) -> None:
        if self._link is not None:
            self._link.send(payload_type, payload)

    def leave_after(self, seconds: float) -> None:
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(seconds, self.leave)

    def leave(self) -> None:
        if self._link is not None:
            self._link.close()
