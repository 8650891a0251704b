"""Runs one EVSE in real time: its car on the network, its devices, the domain's `Evse` in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import IPv6Address
from math import inf
from typing import TYPE_CHECKING

from msgspec import structs

from v2g.io.journal import Journal
from v2g.io.link import Link, Peer
from v2g.io.pulse import Pulse, Stall
from v2g.io.trace import SessionTrace
from v2g.iso15118.station import owed_s
from v2g.iso15118.timeouts import CAR_SETUP_S, LINGER_S
from v2g.iso15118.view import Stage
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.pilot.duty import is_pwm
from v2g.pilot.station import Happening
from v2g.power.inverter import NO_CURRENT_A, InverterMode
from v2g.run.devices import Devices
from v2g.run.tally import Tally
from v2g.station.config.settings import Plc
from v2g.station.event import (
    CarArrived,
    Commanded,
    DeviceBack,
    DeviceFailed,
    DeviceOdd,
    Event,
    LeftBehind,
    NotKept,
    PilotHappened,
    SessionEnded,
    SlowestResponse,
    Stalled,
    StrangerRefused,
)
from v2g.station.evse import Evse
from v2g.station.faults import SAFE_WITHIN_S
from v2g.station.kept import Entry
from v2g.station.orders import SAFE, Orders
from v2g.station.step import Step
from v2g.station.visit import Visit
from v2g.v2gtp.sdp import Security

if TYPE_CHECKING:  # loaded if there is a modem
    from v2g.io.plc import PlcLink
    from v2g.slac.event import Event as LineEvent
    from v2g.slac.station import StationMatching

POLL_S = 0.1
"""Between readings while a car is connected."""
_GRID = "grid sensing unit"
GRID_S = 0.02
"""Between looks at the grid while energy may flow. Numbers from the slow devices wait for the next one."""
_PACE = {_GRID: (GRID_S, 0.1), "control pilot": (0.02, 0.05), "safety inputs": (0.1, 0.1)}
"""Between readings of the fast devices, with and without a car: a cycle of the grid; what leaves time to open."""
RECOVERY_S = 2.0
"""How long a start waits for the hardware that an earlier process left unsafe."""
HELD_WITHIN_S = 1.0
"""How long a new limit may take to the inverter and back."""
IDLE_POLL_S = 0.25
"""Often enough that what is known does not go stale."""
_SLOW = ("contactor", "meter", "inverter", "isolation monitor")
PHASE_S = 0.0275
"""From the instants at which the slow devices of one EVSE are read to those of the next: no two of four coincide."""
SUPERVISE_S = 0.05
"""Between looks at deadlines and at the age of readings while energy may flow; otherwise as often as devices."""
BREAK_POLL_S = 0.005
"""Between readings while the contactor waits for the current to fall."""
HEARTBEAT_S = 0.1
"""Between commands, or less if a device asks for it (`heartbeat_s`): one that hears nothing for longer than its
watchdog goes to its own safe state."""
REPEAT_S = 10.0
"""Report the same defect of ours at most this often."""
RESTART_S = 1.0
"""After a loop of this EVSE has failed by a defect of ours, it rests this long in the safe state and begins again."""

_POSITION = {True: "closed", False: "open"}


class EvseRunner:
    """One EVSE. `car` makes the talker for each new connection; `run` does the rest until it is cancelled."""

    def __init__(
        self,
        evse: Evse,
        trace: SessionTrace,
        ended: Callable[[], None],
        journal: Journal | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        """`ended` is called after each connection that carried a session."""
        self._loop = asyncio.get_running_loop()
        self.evse = evse
        self.devices = Devices(evse.settings, self._loop.time)
        self.tally = Tally(evse.visit)
        self.slowest: tuple[float, str] = (0.0, "")
        """The longest response of the current session, in seconds, and its message."""
        self._trace, self._ended, self._journal = trace, ended, journal or Journal(None)
        self._pulse = pulse
        self._stall: Stall | None = None
        """The latest one, which has been dealt with."""
        self._talker: CarTalker | None = None
        self.watchers: list[Callable[[int, Event, Visit], None]] = []
        """Called with each event of this EVSE, and the visit that it belongs to."""
        self.idle = asyncio.Event()
        """Set while no session is under way and no energy may flow."""
        self.idle.set()
        self._wakes: list[asyncio.Event] = []
        self._new_orders: dict[Callable[[Orders], Awaitable[None]], asyncio.Event] = {}
        """Command of a device -> what wakes it."""
        self._line: PlcLink[StationMatching] | None = None
        self._commanded = asyncio.Event()
        self._orders = SAFE
        self._looked_s = float("-inf")
        """When the EVSE looked at its devices last."""
        self._troubles: dict[str, str] = {}
        self._oddities: dict[str, str] = {}
        self._failures: dict[str, float] = {}
        """When each defect of ours was reported last."""
        self.refused_plain: str | None = None
        """Why a connection without TLS was refused since a car was plugged in; None if none was."""
        self._asked_for_tls_s = -inf
        """When a car searched for TLS last since one was plugged in."""

    def car(self, *, plain: bool = False) -> "CarTalker":
        """Who talks to the next car that connects. `plain`: without the TLS that the station has."""
        return CarTalker(self, plain=plain)

    async def run(self) -> None:
        """Read, supervise and command. On cancellation the hardware is put into its safe state first."""
        try:
            settings = self.evse.settings
            if settings.plc is not None and settings.interface is not None:
                self._open_line(settings.interface, settings.plc)
            while True:
                await self._loops()
                await asyncio.sleep(RESTART_S)
        finally:
            if self._line is not None:
                self._line.end_matching()
                self._line.close()
            await self.devices.make_safe(SAFE_WITHIN_S)
            self.devices.close()

    async def _loops(self) -> None:
        """Until one of them fails by a defect of ours; nobody else's EVSE feels that."""
        self._wakes, self._new_orders = [], {}
        try:
            async with asyncio.TaskGroup() as tasks:
                for command in self.devices.commands:  # each at its own pace: the contactor waits for no other
                    self._new_orders[command] = asyncio.Event()
                    work = partial(self._command, command)
                    turn = partial(self.turn_of_command, command)
                    tasks.create_task(self._repeat(work, turn, wake=self._new_orders[command]))
                tasks.create_task(self._repeat(self._supervise, self._turn_of_supervision))
                for name in self.devices.names:
                    tasks.create_task(self._repeat(partial(self._read, name), partial(self.turn_of, name)))
        except ExceptionGroup as failures:
            self._internal(failures.exceptions[0])
            await self.devices.command(SAFE)

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
        self._line = PlcLink(interface, lambda mac: StationMatching(mac, settings), self._on_line)

    def _on_line(self, event: "LineEvent") -> None:
        """The modem reports something."""
        self._guarded(lambda: self.evse.line(event, self._loop.time()))

    async def recover(self) -> None:
        """After a process that ended in the middle of something: the safe state first, then report what was found."""
        kept = self._journal.found.get(self.evse.settings.id)
        found = Entry() if kept is None else kept.entry
        if found.at_rest:
            return
        started = self._loop.time()
        before = await self.devices.make_safe(RECOVERY_S)
        reading = self.devices.readings.contactor
        safe_after_s = None if reading is None or reading.closed else self._loop.time() - started
        seen = before if safe_after_s is not None else reading
        position = "not known" if seen is None else _POSITION[seen.closed]
        left = LeftBehind(found.stage, found.since, found.session, found.evcc_id, position, safe_after_s)
        self.report(left)

    @property
    def line_status(self) -> dict[str, object] | None:
        """Of the power line, for the operator."""
        return None if self._line is None else self._line.status()

    # Called by the talkers

    def seat(self, talker: "CarTalker", peer: Peer) -> bool:
        """Give the EVSE to a new connection, unless a session is under way on another."""
        talk = self.evse.talk
        engaged = talk is not None and talk.end is None
        reason = "another car is in session" if engaged else self.why_not(peer.host)
        if reason is None and talker.plain:
            reason = self.refused_plain = self.why_not_plain()
        if reason is not None:
            self.report(StrangerRefused(str(peer), reason))
            return False
        if self._talker is not None:
            self._talker.leave()
        self._talker = talker
        self.slowest = (0.0, "")
        # A car that proved nothing in TLS 1.2 is one of ISO 15118-2: ISO 15118-20 wants its certificate.
        secure, now = peer.tls is not None, self._loop.time()
        plain = talker.plain or (secure and peer.fingerprint is None)
        self._guarded(
            lambda: self.evse.connected(
                now, peer.fingerprint, peer.common_name, ends_s=peer.ends_s, plain=plain, secure=secure
            )
        )
        self.report(CarArrived(str(peer), secure))
        self._wake()
        return True

    def searched(self, security: Security) -> None:
        """A car looks for the station. A later search without TLS takes nothing back: anybody can send one in its name.
        Unplugging does; without a control pilot, which shows that, the time that a car has to set up a session."""
        if security is Security.TLS:
            self._asked_for_tls_s = self._loop.time()

    def why_not_plain(self) -> str | None:
        """Why nobody is served without TLS by a station that has it, or None. The address does not matter: whoever is
        between car and station has one of its own."""
        lasts_s = CAR_SETUP_S if self.evse.settings.pilot is None else inf
        if self._loop.time() - self._asked_for_tls_s < lasts_s:
            return "a car here asked for TLS, and this one connects without: somebody may be in between"
        return None

    def why_not(self, host: str) -> str | None:
        """Why nobody at this address may talk now, or None: no car is plugged in or matched, or it is another one."""
        reason = self.evse.why_not_talk()
        match = None if self._line is None else self._line.machine.match
        if reason is not None or match is None:
            return reason
        from v2g.io.plc_peer import is_peer

        assert self._line is not None
        address = IPv6Address(host.partition("%")[0])
        foreign = is_peer(self._line.interface, address, match.car) is False
        return f"it is not the matched car, {match.car.hex(':').upper()}" if foreign else None

    def frame(self, talker: "CarTalker", payload_type: int, payload: bytes, arrived: float) -> None:
        if talker is self._talker:
            self._guarded(lambda: self.evse.receive(payload_type, payload, arrived, int(time.time())), arrived)

    def lost(self, talker: "CarTalker", reason: V2GError | None, peer: Peer | None) -> None:
        fault = (reason and reason.fault) or Fault.CONNECTION_LOST
        if talker is not self._talker:
            if fault is not Fault.CONNECTION_LOST:  # it never came to a session, and the operator must know why
                self.report(StrangerRefused("a connection" if peer is None else str(peer), str(reason), fault))
            return
        self._talker = None
        text = str(reason or "closed by the station")
        self._guarded(lambda: self.evse.disconnected(self._loop.time(), fault, text))
        self._ended()

    def report(self, event: Event) -> None:
        """Write an event to the trace, and count it."""
        self.tally.take(event, self.evse.visit)
        for watcher in self.watchers:
            watcher(self.evse.settings.id, event, self.evse.visit)
        self._trace.write(self.evse.settings.id, self.evse.visit.report.session_id, event)

    # Called for the operator

    def heed(self) -> None:
        """Something was asked of the EVSE: decide again, at once."""
        self._guarded(lambda: self.evse.heed(self._loop.time()))

    async def held(self, field: str, value: float) -> float | None:
        """What the inverter holds of a set-point's field, read back; as soon as that is `value`, or in the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_WITHIN_S):
                while getattr(self.devices.held, field, None) != value:
                    self._commanded.clear()
                    await self._commanded.wait()
        return getattr(self.devices.held, field, None)

    # Inside

    def _guarded(self, call: Callable[[], Step], since: float | None = None) -> None:
        """Let the domain take a step, and make it so. `since`: when the request arrived that it answers."""
        if self._pulse is not None and (stall := self._pulse.check()) is not None and stall is not self._stall:
            self._stall = stall
            self._after(stall)
        try:
            step = call()
        except Exception as error:  # no car and no device may bring the station down, whatever we overlooked
            self._internal(error)
        else:
            self._do(step, since)

    def _after(self, stall: Stall) -> None:
        """Nobody watched the hardware: that is the fault, whatever the car and the devices look like by now."""
        self.report(Stalled(str(stall)))
        readings, now = self.devices.readings, self._loop.time()
        if readings.fresh(now) != readings:
            unwatched = structs.replace(readings, unwatched=str(stall))
            self._guarded(lambda: self.evse.measured(unwatched, now, int(time.time())))

    def _do(self, step: Step, since: float | None = None) -> None:
        """Answer the car, command the hardware at once if the orders are others, then write the trace."""
        if step.orders is self._orders and not (step.send or step.events):
            return  # a glance at the grid: nothing is new
        for payload_type, payload in step.send:
            if self._talker is not None:
                self._talker.send(payload_type, payload)
        if step.send and since is not None:
            took_s, message = self._loop.time() - since, self.evse.visit.report.last_message
            self.tally.responded(message, took_s)
            if took_s > self.slowest[0]:
                self.slowest = took_s, message
        orders, before, self._orders = step.orders, self._orders, step.orders
        if orders != before:
            # A set-point follows every cycle of the grid; only the inverter needs to hear of that at once.
            power_only = structs.replace(orders, inverter=before.inverter) == before
            for command, wake in self._new_orders.items():
                if command == self.devices.command_inverter or not power_only:
                    wake.set()
            if self._line is not None and orders.matching != before.matching:
                (self._line.begin_matching if orders.matching else self._line.end_matching)()
        for event in step.events:
            if isinstance(event, PilotHappened) and event.event.happening is Happening.UNPLUGGED:
                self._asked_for_tls_s, self.refused_plain = -inf, None
            self.report(event)
            took_s, message = self.slowest
            if isinstance(event, SessionEnded) and message:
                self.report(SlowestResponse(message, took_s, owed_s(message)))
        if orders != before:
            self._report_commands(orders, before)
        self._keep()
        talk = self.evse.talk
        if talk is not None and talk.end is not None and self._talker is not None:
            self._talker.leave_after(LINGER_S)  # the car closes first, if it does [V2G20-1633]
        if self.evse.busy or self.evse.demand.stage is Stage.ENERGY:
            self.idle.clear()
        else:
            self.idle.set()

    def _report_commands(self, orders: Orders, before: Orders) -> None:
        for what, now, then in (
            ("contactor", _POSITION[orders.contactor_closed], _POSITION[before.contactor_closed]),
            ("inverter", str(orders.inverter.mode), str(before.inverter.mode)),
        ):
            if now != then:
                self.report(Commanded(what, now))
                self._wake()  # what the devices do about it is worth a look at once

    def _keep(self) -> None:
        self._journal.keep(self.evse.settings.id, self.evse.kept)
        if self._journal.trouble is not None:
            self.report(NotKept(self._journal.trouble))
            self._journal.trouble = None

    def _internal(self, error: Exception) -> None:
        """Our own failure: the safe state, the reason in the trace, and on to the next car."""
        reason, now = f"{type(error).__name__}: {error}", self._loop.time()
        talker, self._talker = self._talker, None
        step = self.evse.abandon(reason)
        self._failures = {text: at_s for text, at_s in self._failures.items() if now - at_s < REPEAT_S}
        if reason in self._failures:
            step = replace(step, events=())
        self._failures.setdefault(reason, now)
        self._do(step)
        if talker is not None:
            talker.leave()
            self._ended()

    @property
    def _active(self) -> bool:
        return self.evse.visit.conversation is not None or not self._orders.safe

    async def _read(self, name: str) -> None:
        """Each device at its own pace, so that a slow one delays no other."""
        if name == "isolation monitor" and self.evse.demand.stage is Stage.OFF:
            return
        states = self.devices.readings.states
        await self.devices.read(name)
        if self._line is not None and self.evse.plug is not None:
            self._line.machine.pilot_toggles = self.evse.plug.toggles
        readings, rating = self.devices.readings, self.devices.rating
        self._report_troubles()
        if self.waits(name) and readings.states == states:
            return
        self._looked_s = self._loop.time()
        self._guarded(lambda: self.evse.measured(readings, self._loop.time(), int(time.time()), rating))

    def waits(self, name: str) -> bool:
        """Whether numbers from this device can wait for the next look at the grid, which is due within `GRID_S`.

        Cable check and pre-charge put voltage on the cable while the grid is read seldom: then they cannot.
        """
        soon = self._flows or self.evse.demand.stage is Stage.OFF
        looked = self._loop.time() - self._looked_s < GRID_S
        return looked and soon and self.devices.grid is not None and name in _SLOW and not self._breaking()

    async def _supervise(self) -> None:
        """Something is due, or no device has made the EVSE look for a while."""
        now, due = self._loop.time(), self.evse.next_deadline()
        if now - self._looked_s >= SUPERVISE_S or (due is not None and now >= due):
            self._guarded(lambda: self.evse.expire(now, int(time.time())))

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

    async def _repeat(
        self, work: Callable[[], Awaitable[None]], turn: Callable[[], float], *, wake: asyncio.Event | None = None
    ) -> None:
        """Work again and again: when it is its turn, and at once when something comes up."""
        wake = wake or asyncio.Event()
        self._wakes.append(wake)
        while True:
            wake.clear()
            await work()
            timer = self._loop.call_at(turn(), wake.set)
            try:
                await wake.wait()
            finally:
                timer.cancel()

    def turn_of_command(self, command: Callable[[Orders], Awaitable[None]]) -> float:
        """When to repeat it next. A device that is off loses nothing by silence; a duty cycle that a car sees is on."""
        rests = self._orders.safe and not (command == self.devices.command_pilot and is_pwm(self._orders.pilot_duty))
        return self._beat(IDLE_POLL_S if rests else min(HEARTBEAT_S, self.devices.heartbeat_s))

    def _turn_of_supervision(self) -> float:
        turn = self._beat(SUPERVISE_S if self._flows else POLL_S if self._active else IDLE_POLL_S)
        due = self.evse.next_deadline()
        return turn if due is None else min(turn, due)

    def turn_of(self, name: str) -> float:
        """When to read this device next: slower while nothing is going on, the grid also before energy may flow."""
        busy_s, idle_s = _PACE.get(name, (POLL_S, IDLE_POLL_S))
        rests = name == _GRID and not self._flows
        pace_s = busy_s if self._active and not rests else idle_s
        return self._beat(pace_s)

    @property
    def _flows(self) -> bool:
        """Whether energy may flow, or did and is not known to have ended: the contactor of an AC car carries it."""
        readings, mode = self.devices.readings, self._orders.inverter.mode
        inverter = readings.inverter
        is_open = readings.seen_open and not self._orders.contactor_closed
        ended = is_open or (inverter is not None and abs(inverter.current_a) < NO_CURRENT_A)
        return not ended or self.evse.demand.stage is Stage.ENERGY or mode in (InverterMode.CURRENT, InverterMode.POWER)

    def _beat(self, period_s: float) -> float:
        """The next of the instants that lie so far apart: what is due at the same time wakes the process once."""
        now, phase_s = self._loop.time(), PHASE_S * (self.evse.settings.id - 1)
        beat_s = ((now - phase_s) // period_s + 1) * period_s + phase_s
        return beat_s if beat_s - now > period_s / 10 else beat_s + period_s  # this one has just been

    def _report_troubles(self) -> None:
        """Devices that went or came back since the last turn, one line each."""
        now, before, self._troubles = self.devices.troubles, self._troubles, dict(self.devices.troubles)
        for name in now.keys() - before.keys():
            self.report(DeviceFailed(now[name]))
        for name in before.keys() - now.keys():
            self.report(DeviceBack(name))
        for name, text in self.devices.oddities.items():
            if self._oddities.get(name) != text:
                self._oddities[name] = text
                self.report(DeviceOdd(text))


class CarTalker:
    """The user of one link: passes on what the car says, for as long as its EVSE listens to it."""

    def __init__(self, runner: EvseRunner, *, plain: bool = False) -> None:
        self._runner, self.plain = runner, plain
        self._link: Link | None = None
        self._peer: Peer | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def established(self, link: Link, peer: Peer) -> None:
        self._link, self._peer = link, peer
        if not self._runner.seat(self, peer):
            link.close()

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        self._runner.frame(self, payload_type, payload, arrived)

    def lost(self, reason: V2GError | None) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self._runner.lost(self, reason, self._peer)

    def send(self, payload_type: int, payload: bytes) -> None:
        if self._link is not None:
            self._link.send(payload_type, payload)

    def leave_after(self, seconds: float) -> None:
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(seconds, self.leave)

    def leave(self) -> None:
        if self._link is not None:
            self._link.close()
