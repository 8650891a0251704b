"""The station's process: listens for cars, answers discovery, serves its EVSEs and the local control socket."""

import asyncio
import gc
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from ipaddress import IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from v2g.io.clock_steps import ClockSteps
from v2g.io.discovery import InterfaceError, Responder, link_local, respond, scoped
from v2g.io.hardware_lock import HardwareBusy, HardwareLock, places
from v2g.io.http_get import HttpError
from v2g.io.journal import Journal
from v2g.io.link import LinkLost
from v2g.io.listener import Listener, listen
from v2g.io.pulse import Pulse
from v2g.io.recording import Ring
from v2g.io.service_manager import ServiceManager
from v2g.io.system_log import SystemLog
from v2g.io.trace import SessionTrace
from v2g.io.turns import Turns
from v2g.iso15118.station import warm
from v2g.kernel.errors import V2GError
from v2g.power.address import MODBUS
from v2g.run.back_end import BackEndRunner
from v2g.run.evse import EvseRunner
from v2g.run.health import HEARS_S, Health
from v2g.run.readiness import NextProcess
from v2g.station import command
from v2g.station.config.settings import COMMANDED, Metrics, Settings, Telemetry
from v2g.station.event import (
    BackEndReported,
    CertificatesReported,
    ClockSet,
    DiscoveryHeard,
    Event,
    Listening,
    LocalApiReported,
    NotRecorded,
    NotWatched,
    OperatorAsked,
    RestartWaits,
    StrangerRefused,
)
from v2g.station.evse import Evse
from v2g.station.power.situation import NOT_KNOWN
from v2g.station.recorded import RecordedEvse
from v2g.station.restart import is_idle
from v2g.station.snapshot import StationSnapshot, explain
from v2g.station.station import Station
from v2g.station.text import describe
from v2g.v2gtp.sdp import SdpResponse, Security

if TYPE_CHECKING:
    from v2g.iso15118.contract import Prices
    from v2g.run.credentials import Credentials

DYNAMIC_PORTS = range(49152, 65536)
"""Where a free port is taken from: some cars refuse others in discovery (IANA dynamic range)."""
GRACE_S = 5.0
"""How long a car has to end its session when the station stops."""

WATCH_AGAIN_S = 10.0
"""Until the metrics are offered again at an address that could not be had."""
LOOKS_S = 0.2
"""How often a restart that waits looks whether a car is still in session."""
CLOCK_LOOK_S = 5.0
"""Between looks whether somebody has set the machine's clock."""
RECORDING_LOOK_S = 1.0
"""Between looks whether the recording goes on."""
FLUSH_S = 1.0
"""How long an operator waits at most for the disk; the command holds either way."""


class StationProcess:
    """All EVSEs of one process."""

    def __init__(
        self, settings: Settings, *, tls: bool, host: str = "::1", once: bool = False, file: Path | None = None
    ) -> None:
        """`tls` False: plain TCP, only because somebody asked for it. `host`: for EVSEs without an interface. `file`:
        where the settings are from, and those of the next start will be."""
        self._settings, self._tls, self._host, self._once, self._file = settings, tls, host, once, file
        self._trace = SessionTrace(settings.trace.file, settings.trace.level, system=SystemLog(settings.trace.journal))
        self._journal = Journal(settings.kept, [each.id for each in settings.evses])
        self._next = NextProcess(file, tls=tls)
        self._back_end = None if settings.ocpp is None else BackEndRunner(settings, settings.ocpp, self._next.why_not)
        authorizers = {} if self._back_end is None else self._back_end.authorizers
        self._recording = _recording(settings)
        make = Evse if self._recording is None else partial(RecordedEvse, sink=self._recording)
        self._station = Station(settings, self._journal.found, authorizers, make)
        if self._back_end is not None:
            self._station.installs = self._back_end.installs
            for evse in self._station.evses.values():
                evse.back_end = NOT_KNOWN
        self._runners: dict[int, EvseRunner] = {}
        self._prices: Prices | None = None
        self._stop = asyncio.Event()
        self._turns = Turns()
        self._pulse = Pulse()
        self._clock_steps = ClockSteps()
        self._responders: dict[int, Responder] = {}
        self._listening: set[int] = set()
        self._all_listen = asyncio.Event()
        self._manager = ServiceManager()
        self._ending: asyncio.Task[None] | None = None
        """A restart that waits."""

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT. `ready` is called once for each EVSE, when cars can connect.

        Raises `V2GError` if an EVSE cannot be served.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        credentials = station_tls(self._settings) if self._tls else None

        def hang_up() -> None:
            self._trace.reopen()
            if credentials is not None:
                credentials.look_now()

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        if self._settings.tariff is not None:
            from v2g.run.tariff import FileTariff

            self._prices = FileTariff(self._settings.tariff)
        hardware = HardwareLock(await _commanded(self._settings))
        try:
            await self._serve_all(credentials, ready)
        finally:
            self._pulse.close()
            self._journal.close()
            if self._recording is not None:
                self._recording.close()
            self._trace.close()
            hardware.release()

    async def _serve_all(self, credentials: "Credentials | None", ready: Callable[[str], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            evses = self._station.evses.values()
            running = [tasks.create_task(self._serve(evse, credentials, ready)) for evse in evses]
            running.append(tasks.create_task(self._control()))
            running.append(tasks.create_task(self._show_health()))
            running.append(tasks.create_task(self._watch_clock()))
            if credentials is not None:
                running.append(
                    tasks.create_task(credentials.watch(lambda text: self._report(CertificatesReported(text))))
                )
            if self._back_end is not None:
                running.append(tasks.create_task(self._serve_back_end(self._back_end)))
            if self._recording is not None:
                running.append(tasks.create_task(self._watch_recording(self._recording)))
            if self._settings.metrics is not None:
                running.append(tasks.create_task(self._be_watched(self._settings.metrics)))
            if self._settings.telemetry is not None:
                running.append(tasks.create_task(self._send_telemetry(self._settings.telemetry)))
            if self._settings.local_api is not None or self._settings.sunspec is not None:
                running.append(tasks.create_task(self._serve_beside()))
            await self._stop.wait()
            self._manager.say(stopping=1, status="asks the cars to end their sessions")
            await self._wind_down()
            for task in running:
                task.cancel()

    async def _show_health(self) -> None:
        """To the supervisor, once all EVSEs listen."""

        def busy() -> bool:
            return any(evse.served for evse in self._station.evses.values())

        health = Health(self._manager, self._responders, busy, lambda text: self._report(DiscoveryHeard(text)))
        await self._all_listen.wait()
        await health.watch(len(self._station.evses))

    async def _watch_clock(self) -> None:
        while True:
            if step_s := self._clock_steps.look():
                self._report(ClockSet(step_s))
            await asyncio.sleep(CLOCK_LOOK_S)

    async def _watch_recording(self, recording: Ring) -> None:
        while True:
            if recording.trouble is not None:
                self._report(NotRecorded(recording.trouble))
                recording.trouble = None
            await asyncio.sleep(RECORDING_LOOK_S)

    def _report(self, event: Event) -> None:
        """Write what concerns the station as a whole into the trace, once."""
        for runner in list(self._runners.values())[:1]:
            runner.report(event)

    async def _be_watched(self, settings: Metrics) -> None:
        try:
            from v2g.run.metrics import watch
        except ImportError as error:
            raise V2GError("metrics: needs the Python package prometheus-client; pip install 'v2g[metrics]'") from error

        reported = False
        while True:
            try:
                await watch(settings, self._snapshot, self._runners, self._pulse, self._link)
            except HttpError as error:  # cars are served all the same
                if not reported:
                    self._report(NotWatched(str(error)))
                    reported = True
            await asyncio.sleep(WATCH_AGAIN_S)

    def _snapshot(self) -> StationSnapshot:
        return self._station.snapshot(asyncio.get_running_loop().time(), int(time.time()))

    def _link(self) -> Mapping[str, Any] | None:
        return None if self._back_end is None else self._back_end.link

    async def _send_telemetry(self, settings: Telemetry) -> None:
        try:
            from v2g.run.metrics import numbers
            from v2g.run.telemetry import Sender
        except ImportError as error:
            raise V2GError("telemetry: needs Python packages of OpenTelemetry; pip install 'v2g[otel]'") from error

        await self._all_listen.wait()
        try:
            sender = Sender(settings, lambda text: self._report(NotWatched(text)))
        except Exception as error:  # cars are served all the same; the library reads variables of the environment too
            self._report(NotWatched(f"telemetry: {type(error).__name__}: {error}"))
            return
        for runner in self._runners.values():
            runner.watchers.append(sender.see)
        await sender.run(lambda pauses: numbers(self._snapshot(), self._runners, self._pulse, pauses, self._link()))

    async def _serve_beside(self) -> None:
        from v2g.run.local_api import keep, order_of

        await keep(order_of(self._settings), lambda text: self._report(LocalApiReported(text)))

    async def _serve_back_end(self, back_end: "BackEndRunner") -> None:
        def report(text: str) -> None:
            self._report(BackEndReported(text))

        def heed() -> None:
            for runner in self._runners.values():
                runner.heed()

        await back_end.run(self._station.evses, heed, report, self._stop.set)

    async def _serve(self, evse: Evse, credentials: "Credentials | None", ready: Callable[[str], None]) -> None:
        """One EVSE: listen first, then warm up, then let cars discover it."""
        settings = evse.settings
        runner = EvseRunner(evse, self._trace, self._session_ended, self._journal, self._pulse)
        self._runners[settings.id] = runner
        self._station.registers[settings.id] = runner.devices.registers
        if credentials is not None and settings.contracts:
            from v2g.run.payment import payment_of

            evse.payment = payment_of(credentials, self._settings.tls, self._back_end)
        evse.payment = replace(evse.payment, prices=self._prices or evse.payment.prices)
        await runner.recover()
        address = None if settings.interface is None else await link_local(settings.interface)
        host = self._host if address is None else scoped(address, settings.interface or "")
        server, port = await self._listen(runner, host, settings.port, credentials)
        servers, beside = [server], None
        try:
            if credentials is not None and self._settings.tls.plain:
                open_server, beside = await self._listen(runner, host, 0, None, beside=True)
                servers.append(open_server)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(runner.run())
                warm_up()
                if evse.payment.contracts is not None:
                    warm_up_contracts()
                self._pulse.excuse()
                if settings.interface is not None and isinstance(address, IPv6Address):
                    offer = SdpResponse(address, port, Security.TLS if credentials else Security.NONE)
                    plain = None if beside is None else SdpResponse(address, beside, Security.NONE)
                    self._responders[settings.id] = await respond(
                        settings.interface,
                        offer,
                        lambda sender, reason: runner.report(StrangerRefused(f"discovery from {sender}", reason)),
                        runner.why_not,
                        plain,
                        runner.searched,
                    )
                spoken = "NO TLS" if credentials is None else credentials.choice.spoken
                listening = Listening(f"[{host}]:{port}", spoken, settings.offered)
                runner.report(listening)
                also = "" if beside is None else f"; without TLS at port {beside}"
                ready(f"EVSE {settings.id} {describe(listening)[1]}{also}")
                self._listening.add(settings.id)
                if self._listening == self._station.evses.keys():
                    self._all_listen.set()
        finally:
            for each in servers:
                each.close()

    async def _listen(
        self, runner: EvseRunner, host: str, port: int, credentials: "Credentials | None", *, beside: bool = False
    ) -> tuple[Listener, int]:
        """`beside`: a server without TLS at a station that has one with it."""
        talker = partial(runner.car, plain=beside)
        channel = None if credentials is None else credentials.channel

        def refused(peer: str, reason: str) -> None:
            runner.report(StrangerRefused(f"connection from {peer}", reason))

        if port:
            return await listen(talker, host, port, channel, refused=refused, turns=self._turns), port
        for _ in range(100):
            port = secrets.choice(DYNAMIC_PORTS)
            with suppress(LinkLost):
                return await listen(talker, host, port, channel, refused=refused, turns=self._turns), port
        raise LinkLost(f"no free port from {DYNAMIC_PORTS[0]} on at {host}")

    async def _control(self) -> None:
        from v2g.io.control import serve

        await serve(self._settings.control.socket, int(self._settings.control.mode, 8), command.Any, self._obey)

    async def _obey(self, asked: command.Any) -> object:
        """Carry out a command of the operator. Raises `V2GError`."""
        loop = asyncio.get_running_loop()
        if isinstance(asked, command.Ems):
            if self._back_end is None:
                raise V2GError("an EMS acts by the rules of the back end; set `ocpp` in the configuration")
            return self._back_end.external(asked)
        if isinstance(asked, command.Ocpp):
            if self._back_end is None:
                raise V2GError("this station has no back end; set `ocpp` in its configuration")
            return self._back_end.shown(asked.show)
        if isinstance(asked, command.Serving):
            return {"reasons": [each async for each in self._why_not_serving()]}
        from v2g.io.control import asked_by

        if isinstance(asked, command.Restart) and not (asked.ask or asked.force):
            self._next.check_named_files()
        done = self._station.obey(asked, loop.time(), int(time.time()), f"user {asked_by.get()}")
        for evse in done.evses:
            runner = self._runners[evse.settings.id]
            if done.note:
                runner.report(OperatorAsked(done.note))
            runner.heed()
        not_kept = None
        if done.evses:  # who asked may rely on it from the answer on, also over a power cut
            on_disk = await asyncio.to_thread(self._journal.flush, FLUSH_S)
            not_kept = self._journal.not_kept if on_disk else f"the disk has not answered within {FLUSH_S:g} s"
        if done.ends:
            self._stop.set()
        if done.waits and self._ending is None:
            self._ending = asyncio.create_task(self._end_when_idle())
        if isinstance(done.result, StationSnapshot):
            return self._status(done.result)
        if done.explains is not None:
            return [explain(done.explains, loop.time())]
        if done.written is not None:
            evse, field, value = done.written
            held_w = await self._runners[evse.settings.id].held(field, value)
            return {"register": field, "asked_w": value, "held_w": held_w, "not_kept": not_kept}
        if isinstance(asked, command.GridSet | command.GridDefault) and isinstance(done.result, dict):
            return {**done.result, "not_kept": not_kept}
        if isinstance(asked, command.Restart) and isinstance(done.result, dict):
            return {**done.result, "file": None if self._file is None else str(self._file)}
        return done.result

    async def _why_not_serving(self) -> AsyncIterator[str]:
        """Each reason why a car that comes now is not found, not served or not accounted for."""
        if not self._all_listen.is_set():
            yield "the station is still starting"
        for evse, responder in self._responders.items():
            try:
                if not await responder.hears(HEARS_S):
                    yield f"EVSE {evse} does not answer discovery"
            except InterfaceError as error:
                yield f"EVSE {evse}: {error}"
        for each in self._station.snapshot(asyncio.get_running_loop().time(), int(time.time())).evses:
            if not each.ready:
                yield f"EVSE {each.evse}: {each.not_ready_because}"
        link = None if self._back_end is None else self._back_end.link
        if self._back_end is not None and (link is None or link["registered"] != "Accepted"):
            yield "the back end has not accepted the station"

    async def _end_when_idle(self) -> None:
        """End once no car is in session, no firmware is being installed, and the next process would start."""
        said = ""
        while True:
            if is_idle(self._station.evses.values()) and not self._station.installs():
                why = self._next.why_not()
                if not why:
                    break
                if why != said:
                    text = f"the restart waits, as the station would not start again: {why}"
                    self._report(RestartWaits(f"{text}; mend that, or `v2g restart --force`"))
                said = why
            await asyncio.sleep(LOOKS_S)
        self._stop.set()

    def _status(self, snapshot: StationSnapshot) -> dict[str, object]:
        """The snapshot, and beside each EVSE what only its runner knows."""
        status = msgspec.to_builtins(snapshot)
        steps = self._clock_steps
        status["clock_steps"] = {"count": steps.count, "last_s": round(steps.last_s, 1), "unix_s": steps.at_s}
        for each in status["evses"]:
            runner = self._runners.get(each["evse"])
            if runner is not None:
                each["slowest_response_ms"] = round(runner.slowest[0] * 1000, 3)
                each["slowest_message"] = runner.slowest[1]
                each["troubles"] = dict(runner.devices.troubles)
                each["devices"] = runner.devices.names
                each["plc"] = runner.line_status
                each["refused_plain"] = runner.refused_plain
        if waits := self._restart_waits():
            status["restart_waits"] = waits
        return status  # type: ignore[no-any-return]

    def _restart_waits(self) -> str:
        """What is to end this process, and what that waits for; empty if nothing is."""
        found = [] if self._back_end is None else [self._back_end.reset_waits]
        if self._ending is not None:
            unfit = self._next.latest
            why = f"the station would not start again: {unfit}" if unfit else "until no car is in session"
            found.append(f"`v2g restart --wait`; it waits: {why}")
        return "; ".join(filter(None, found))

    def _session_ended(self) -> None:
        if self._once:
            self._stop.set()

    async def _wind_down(self) -> None:
        """Ask the cars in session to end it, and give them time to; the hardware is made safe in any case."""
        self._station.stop_all(asyncio.get_running_loop().time())
        for runner in self._runners.values():
            runner.heed()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for runner in self._runners.values():
                    await runner.idle.wait()
                if self._back_end is not None:
                    await self._back_end.settle()


def _recording(settings: Settings) -> Ring | None:
    """Where the EVSEs are recorded; None: nowhere. Raises `RecordingError`."""
    asked = settings.recording
    directory = asked.directory or settings.trace.file.with_suffix(".recording")
    return Ring(directory, asked.most_mib << 20) if asked.most_mib else None


async def _commanded(settings: Settings) -> list[str]:
    """All hardware that this process commands: devices by their places, pilots of this machine, power lines. And the
    file of what it keeps, which another process would overwrite.

    Raises `HardwareBusy` for a device of two EVSEs whose address is written in two ways.
    """
    commanded = [] if settings.kept is None else [f"kept file {settings.kept.resolve()}"]
    owners: dict[tuple[str, str], int] = {}
    for evse in settings.evses:
        found = {name: getattr(evse, name) for name in COMMANDED}
        found["pilot"] = None if evse.pilot is None else evse.pilot.device
        devices = {name: device.where for name, device in found.items() if device is not None}
        at = await asyncio.gather(*map(places, devices.values()))  # at once: names may have to be looked up
        for (name, address), its_places in zip(devices.items(), at, strict=True):
            for place in its_places:
                commanded.append(place)
                if address.scheme == MODBUS and (owner := owners.setdefault((name, place), evse.id)) != evse.id:
                    raise HardwareBusy(f"{name} at {place}: EVSE {owner} commands it; give EVSE {evse.id} its own")
        if evse.pilot is not None and evse.pilot.pwm is not None:
            commanded.append(f"pwm {evse.pilot.pwm.chip}/{evse.pilot.pwm.channel}")
        if evse.plc is not None:
            commanded.append(f"interface {evse.interface}")
    return commanded


def station_tls(settings: Settings) -> "Credentials":
    """The station's certificates, from the configuration and the back end. Raises `TlsError`, which names the file."""
    from v2g.run.brought import place
    from v2g.run.credentials import Credentials

    kept = None if settings.ocpp is None else settings.ocpp.store
    return Credentials(settings.tls, None if kept is None else place(kept))


@cache
def warm_up_contracts() -> None:
    """Once in this process, if cars may pay by a contract."""
    from v2g.iso15118 import signature

    signature.warm()


@cache
def warm_up() -> None:
    """Once in this process: have codec and tables ready before the first car asks, and take what start-up made out of
    the collector's rounds."""
    from v2g.station import quirks

    quirks.shipped()
    warm()
    gc.collect()
    gc.freeze()
