"""The station's process: listens for cars, answers discovery, serves its EVSEs and the local control socket."""

import asyncio
import gc
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any

from v2g.io.discovery import link_local, respond, scoped
from v2g.io.journal import Journal
from v2g.io.link import LinkLost, listen
from v2g.io.trace import SessionTrace
from v2g.iso15118.view import Stage, Stop
from v2g.kernel.errors import V2GError
from v2g.run.evse import EvseRunner
from v2g.station.config.settings import EvseSettings, Settings, Tls
from v2g.station.operator_command import Mode, inject, limit
from v2g.station.power.limits import Bound
from v2g.station.status import explain, status
from v2g.v2gtp.sdp import SdpResponse, Security

if TYPE_CHECKING:
    from v2g.tls.context import TlsContext

DYNAMIC_PORTS = range(49152, 65536)
"""Where a free port is taken from: some cars refuse others in discovery (IANA dynamic range)."""
GRACE_S = 5.0
"""How long a car has to end its session when the station is told to stop."""


class Station:
    """All EVSEs of one process."""

    def __init__(self, settings: Settings, *, tls: bool, host: str = "::1", once: bool = False) -> None:
        """`tls` False: plain TCP, only because somebody asked for it. `host`: for EVSEs without an interface."""
        self._settings, self._tls, self._host, self._once = settings, tls, host, once
        self._trace = SessionTrace(settings.trace.file, settings.trace.level)
        self._journal = Journal(settings.journal)
        self._shells: list[EvseRunner] = []
        self._stop = asyncio.Event()

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until SIGTERM or SIGINT. `ready` is told once for each EVSE, when cars can connect.

        Raises `V2GError` when an EVSE cannot be served.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._trace.reopen)
        context = station_tls(self._settings.tls) if self._tls else None
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._serve(evse, context, ready)) for evse in self._settings.evses]
            running.append(tasks.create_task(self._control()))
            await self._stop.wait()
            await self._wind_down()
            for task in running:
                task.cancel()
        self._trace.close()

    async def _serve(self, evse: EvseSettings, context: "TlsContext | None", ready: Callable[[str], None]) -> None:
        """One EVSE: listen first, then warm up, then let cars discover it."""
        shell = EvseRunner(evse, self._trace, self._session_ended, self._share(), self._journal)
        self._shells.append(shell)
        await shell.recover()
        address = None if evse.interface is None else await link_local(evse.interface)
        host = self._host if address is None else scoped(address, evse.interface or "")
        server, port = await _listen(shell, host, evse.port, context)
        profile = "TLS 1.3" if context else "NO TLS"
        services = " ".join(evse.services)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(shell.run())
                warm_up()
                if evse.interface is not None and isinstance(address, IPv6Address):
                    offer = SdpResponse(address, port, Security.TLS if context else Security.NONE)
                    await respond(
                        evse.interface,
                        offer,
                        lambda sender, reason: shell.note(f"discovery from {sender} refused: {reason}", warning=True),
                        shell.refusal,
                    )
                text = f"EVSE {evse.id} listens on [{host}]:{port}, {profile}, {services}"
                shell.note(text)
                ready(text)
        finally:
            server.close()

    async def _control(self) -> None:
        from v2g.io.control import serve

        await serve(
            self._settings.control.socket,
            int(self._settings.control.mode, 8),
            {
                "status": self._status,
                "explain": self._explain,
                "stop": self._stop_sessions,
                "pause": self._pause_sessions,
                "restart": self._restart,
                "inject": self._inject,
                "write_register": self._write_register,
            },
        )

    def _share(self) -> Bound | None:
        """What each EVSE may have of the site's limit, whatever the others do."""
        site, count = self._settings.site, len(self._settings.evses)
        if site is None:
            return None
        detail = f"a share of 1/{count}" if count > 1 else ""
        return Bound("site limit", site.charge_w / count, site.discharge_w / count, detail)

    def _status(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        return {
            "evses": [
                status(shell.evse, now)
                | {
                    "slowest_response_ms": round(shell.slowest[0] * 1000, 3),
                    "slowest_message": shell.slowest[1],
                    "troubles": dict(shell.devices.troubles),
                    "plc": shell.line_status,
                }
                for shell in self._shells
            ]
        }

    def _explain(self, evse: int | None = None) -> list[dict[str, Any]]:
        now = asyncio.get_running_loop().time()
        return [explain(shell.evse, now) for shell in self._chosen(evse)]

    def _inject(
        self, mode: str, power_w: float, fed_var: float, for_s: float | None, evse: int | None = None
    ) -> list[dict[str, Any]]:
        """A power in the place of the plan's; says what comes of it."""
        now = asyncio.get_running_loop().time()
        shell = self._only(evse)
        inject(shell.evse, Mode(mode), power_w, fed_var, for_s, now)
        asked = "" if mode in (Mode.AUTO, Mode.IDLE) else f" {power_w / 1000:g} kW"
        shell.note(f"the operator asks: {mode}{asked}" + (f" for {for_s:g} s" if for_s else ""))
        shell.heed()
        return [explain(shell.evse, now)]

    async def _write_register(self, address: int, value: int, evse: int | None = None) -> dict[str, Any]:
        """Write one of the inverter's limits, checked, and read it back."""
        shell = self._only(evse)
        name, field, power_w = shell.devices.limit_at(address, value)
        limit(shell.evse, 1.0 if field == "charge_limit_w" else -1.0, power_w)
        shell.note(f"the operator sets {name} (register 0x{address:04X}) to {power_w:g} W")
        shell.heed()
        return {"register": name, "asked_w": power_w, "held_w": await shell.held(field, power_w)}

    def _chosen(self, evse: int | None) -> list[EvseRunner]:
        """The shell of this EVSE, or all. Raises `V2GError`."""
        chosen = [shell for shell in self._shells if evse in (None, shell.evse.settings.id)]
        if not chosen:
            raise V2GError(f"there is no EVSE {evse}, only {self._ids()}")
        return chosen

    def _only(self, evse: int | None) -> EvseRunner:
        """The shell that a command is for. Raises `V2GError` where none is named and there are several."""
        chosen = self._chosen(evse)
        if len(chosen) > 1:
            raise V2GError(f"there are the EVSEs {self._ids()}; say which with --evse")
        return chosen[0]

    def _stop_sessions(self, evse: int | None = None) -> dict[str, Any]:
        return self._ask(Stop.TERMINATE, evse)

    def _pause_sessions(self, evse: int | None = None) -> dict[str, Any]:
        return self._ask(Stop.PAUSE, evse)

    def _restart(self, *, force: bool = False) -> dict[str, Any]:
        """End the process, for its supervisor to start it again; not while energy flows, unless forced.

        Raises `V2GError` with the reason. Forced, energy transfer is ended first, in order.
        """
        flowing = [shell for shell in self._shells if shell.evse.demand.stage is Stage.ENERGY]
        if flowing and not force:
            sessions = ", ".join(f"EVSE {shell.evse.settings.id} with {shell.evse.report.evcc_id}" for shell in flowing)
            remedy = "wait for its end, or force it: then the transfer is ended first"
            raise V2GError(f"energy is being transferred at {sessions}; {remedy}")
        self._stop.set()
        return {"ends": True, "sessions": len(flowing)}

    def _ask(self, kind: Stop, evse: int | None) -> dict[str, Any]:
        """Ask one EVSE's car, or all, to stop; says which EVSEs had a session."""
        now = asyncio.get_running_loop().time()
        chosen = self._chosen(evse)
        return {"asked": [shell.evse.settings.id for shell in chosen if shell.evse.stop(kind, now)]}

    def _ids(self) -> str:
        return ", ".join(str(shell.evse.settings.id) for shell in self._shells)

    def _session_ended(self) -> None:
        if self._once:
            self._stop.set()

    async def _wind_down(self) -> None:
        """Ask the cars in session to end it, and give them time to; the hardware is made safe in any case."""
        now = asyncio.get_running_loop().time()
        for shell in self._shells:
            shell.evse.stop(Stop.TERMINATE, now)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for shell in self._shells:
                    await shell.idle.wait()


async def _listen(shell: EvseRunner, host: str, port: int, context: "TlsContext | None") -> tuple[asyncio.Server, int]:
    channel: Callable[[], Any] | None = None
    if context is not None:
        from v2g.tls.channel import TlsChannel

        channel = lambda: TlsChannel(context)  # noqa: E731 - one line says it best
    if port:
        return await listen(shell.car, host, port, channel), port
    for _ in range(100):
        port = secrets.choice(DYNAMIC_PORTS)
        with suppress(LinkLost):
            return await listen(shell.car, host, port, channel), port
    raise LinkLost(f"no free port from {DYNAMIC_PORTS[0]} on at {host}")


def station_tls(settings: Tls) -> "TlsContext":
    """The station's TLS context from the configuration. Raises `TlsError`, which names the file."""
    from v2g.tls.context import TlsFiles, station_context
    from v2g.tls.profile import PROFILES

    directory = settings.directory
    files = TlsFiles(
        certificate=settings.certificate or directory / "secc_cert.pem",
        private_key=settings.private_key or directory / "secc_key.pem",
        roots=(settings.vehicle_roots or directory / "oem_root.pem",),
        chain=settings.chain or (directory / "cpo_chain.pem" if settings.certificate is None else None),
        password_file=settings.password_file,
    )
    return station_context(files, PROFILES[settings.profile], now=datetime.now(UTC), key_log=settings.key_log)


def warm_up() -> None:
    """Have codec and tables ready before the first car asks; take what start-up made out of the collector's rounds."""
    from v2g.iso15118.d20.secc.engine import ANSWERS
    from v2g.messages import warm
    from v2g.messages.iso20 import ac, common, dc
    from v2g.station import quirks

    quirks.shipped()
    warm("sap")
    for protocol, module in (("iso20-common", common), ("iso20-dc", dc), ("iso20-ac", ac)):
        names = [name for name in ANSWERS if hasattr(module, name)]
        warm(protocol, *(getattr(module, name) for name in names), writing=False)
        warm(protocol, *(getattr(module, name.removesuffix("Req") + "Res") for name in names), reading=False)
    gc.collect()
    gc.freeze()
