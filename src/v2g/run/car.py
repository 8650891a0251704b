"""Runs a car's conversation in real time: finds the station, connects, keeps the timers, and commands the vehicle."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from v2g.io.discovery import Endpoint, find_station
from v2g.io.link import Link, LinkLost, Peer, connect
from v2g.iso15118.car_session import CarPaused, Report
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.engine import End
from v2g.iso15118.event import Event, Received, Sent, Step
from v2g.iso15118.timeouts import CAR_SETUP_S
from v2g.iso15118.vehicle import Command, Intent, Vehicle, VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.v2gtp.sdp import SdpError, Security

if TYPE_CHECKING:  # a car without TLS does not load OpenSSL
    from v2g.tls.context import TlsContext

RETRY_S = 0.5
"""Before a station that was found but does not accept is searched again: some listen again for each search."""


class Watcher(Protocol):
    """Who looks on while the session runs."""

    def note(self, text: str) -> None:
        """Something outside the conversation happened."""
        ...

    def event(self, event: Event) -> None:
        """Something happened in the conversation."""
        ...

    def turn(self, vehicle: VehicleState, report: Report) -> None:
        """One turn of the charge loop is done."""
        ...


@dataclass(slots=True)
class Energy:
    """What has flowed so far, from samples of the power; between two, it is linear."""

    charged_wh: float = 0.0
    discharged_wh: float = 0.0
    _last: tuple[float, float] | None = None

    def sample(self, now: float, power_w: float) -> None:
        """Take one sample at the monotonic time `now`."""
        if self._last is not None:
            before, before_w = self._last
            wh = (now - before) * (before_w + power_w) / 2 / 3600
            self.charged_wh += max(wh, 0.0)
            self.discharged_wh += max(-wh, 0.0)
        self._last = now, power_w


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went."""

    end: End[CarPaused]
    messages: int
    """Of both sides."""
    charged_wh: float
    discharged_wh: float
    soc_start: float
    soc_end: float


class Car:
    """One session of one car. `drive` does it all; `stop` ends it early."""

    def __init__(self, intent: Intent, vehicle: Vehicle, watcher: Watcher, paused: CarPaused | None = None) -> None:
        """`paused`: a session to be taken up again."""
        self._loop = asyncio.get_running_loop()
        self._intent, self._vehicle, self._watcher, self._paused = intent, vehicle, watcher, paused
        self._setup_deadline = self._loop.time() + CAR_SETUP_S
        self._link: Link | None = None
        self._evcc: CarConversation | None = None
        self._end: End[CarPaused] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._setup: asyncio.Timeout | None = None
        self._settled, self._over = asyncio.Event(), asyncio.Event()
        self._stop = Stop.NONE
        self._messages = 0
        self._energy = Energy()

    async def drive(self, route: str | Endpoint, tls: "TlsContext | None") -> Outcome:
        """Run the session with the station at `route`: an address, or an interface on which to search.

        Without `tls` nothing is encrypted. The outcome has whatever happens to the session. Raises
        `InterfaceError` if there is no such interface.
        """
        soc_start = self._vehicle.state().soc
        try:
            async with asyncio.timeout_at(self._setup_deadline) as self._setup:
                await self._reach(route, tls)
                await self._settled.wait()
        except TimeoutError:
            self._fail(Fault.COMMUNICATION_SETUP_TIMEOUT, f"no connection to a station within {CAR_SETUP_S:g} s")
        except SdpError as error:
            self._fail(Fault.COMMUNICATION_SETUP_TIMEOUT, str(error))
        except LinkLost as error:
            self._fail(Fault.CONNECTION_LOST, str(error))
        await self._over.wait()
        assert self._end is not None
        energy = self._energy
        return Outcome(
            self._end, self._messages, energy.charged_wh, energy.discharged_wh, soc_start, self._vehicle.state().soc
        )

    def stop(self, kind: Stop) -> None:
        """The driver ends the session in order, or at once if it has not begun or if asked again."""
        if self._stop is not Stop.NONE or self._evcc is None:
            self._fail(Fault.CONNECTION_LOST, "broken off by the driver")
            if self._setup is not None and not self._settled.is_set():
                self._setup.reschedule(self._loop.time())
        self._stop = kind

    def established(self, link: Link, peer: Peer) -> None:
        """The link is up: begin."""
        if self._end is not None:
            link.close()
            return
        self._watcher.note(f"station at {peer}, {(peer.tls or 'NO TLS').replace('v', ' ')}")
        self._link = link
        self._settled.set()
        self._evcc = CarConversation(
            self._intent,
            setup_deadline=self._setup_deadline,
            station=peer.fingerprint,
            paused=self._paused,
            secure=bool(peer.tls),
        )
        now = self._loop.time()
        self._step(lambda evcc, vehicle: evcc.start(now, vehicle), now)

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        """A message of the station."""
        self._step(lambda evcc, vehicle: evcc.receive(payload_type, payload, arrived, vehicle), arrived)

    def lost(self, reason: V2GError | None) -> None:
        """The link is gone."""
        fault = (reason and reason.fault) or Fault.CONNECTION_LOST
        self._fail(fault, str(reason or "the connection is closed"))
        self._over.set()

    async def _reach(self, route: str | Endpoint, tls: "TlsContext | None") -> None:
        security = Security.NONE if tls is None else Security.TLS
        while True:
            if isinstance(route, Endpoint):
                station = route
            else:
                self._watcher.note(f"searching for a station on {route}")
                station = await find_station(route, security, self._refused)
            channel = None
            if tls is not None:
                from v2g.tls.channel import TlsChannel

                channel = TlsChannel(tls)
            try:
                self._link = await connect(self, *station, channel)
                return
            except LinkLost as error:
                if route is station:
                    raise
                self._watcher.note(str(error))
                await asyncio.sleep(RETRY_S)

    def _refused(self, sender: str, error: SdpError) -> None:
        self._watcher.note(f"answer of {sender} not taken: {error}")

    def _state(self) -> VehicleState:
        return replace(self._vehicle.state(), stop=self._stop)

    def _expire(self) -> None:
        now = self._loop.time()
        self._step(lambda evcc, vehicle: evcc.expire(now, vehicle), now)

    def _step(self, act: Callable[[CarConversation, VehicleState], Step], now: float) -> None:
        evcc = self._evcc
        if evcc is None:
            return
        try:
            self._do(evcc, act(evcc, self._state()), now)
        except Exception as error:  # what was overlooked must not leave a closed contactor behind
            logging.getLogger(__name__).exception("the car's software failed")
            self._do(evcc, evcc.abort(Fault.INTERNAL, f"{type(error).__name__}: {error}"), now)

    def _do(self, evcc: CarConversation, step: Step, now: float) -> None:
        """Make true what the engine wants."""
        for event in step.events:
            self._watcher.event(event)
            self._messages += isinstance(event, Received | Sent)
            if isinstance(event, Received) and evcc.transfers(event.message):
                self._vehicle.observe(evcc.report.current_a, now)
                vehicle = self._vehicle.state()
                self._energy.sample(now, vehicle.power_w)
                self._watcher.turn(vehicle, evcc.report)
        self._vehicle.obey(evcc.command)
        if self._link is not None:
            for payload_type, payload in step.send:
                self._link.send(payload_type, payload)
        self._set_timer(evcc.next_deadline())
        if evcc.end is not None:
            self._finish(evcc.end)

    def _set_timer(self, deadline: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._expire)

    def _fail(self, fault: Fault, reason: str) -> None:
        """End from outside; without effect after the end."""
        if self._evcc is not None:
            self._do(self._evcc, self._evcc.abort(fault, reason), self._loop.time())
        else:
            self._finish(End(fault, reason))

    def _finish(self, end: End[CarPaused]) -> None:
        if self._end is None:
            self._end = end
            self._vehicle.obey(Command())
        self._settled.set()
        if self._link is None:
            self._over.set()
        else:
            self._link.close()
