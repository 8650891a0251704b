"""Keeps the station connected to its back end: WebSocket, store, the charging station in between."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2g.kernel import regular_file
from v2g.kernel.errors import V2GError, innermost
from v2g.run.lines import Lines
from v2g.station.access import authorizer_of
from v2g.station.command import Ems
from v2g.station.config.settings import Ocpp, Settings
from v2g.station.evse import Evse

if TYPE_CHECKING:  # loaded if there is a back end
    from v2g.io.carrier import Endpoint, Link
    from v2g.io.sqlite_store import SqliteStore
    from v2g.ocpp.network import Slot
    from v2g.ocpp.version import Version
    from v2g.station.back_end.charging_station import ChargingStation

LOOK_S = 0.1
"""Between looks at the EVSEs."""
READ_S = 0.5
"""Before the station closes a connection itself: some back ends lose what they have not read by then."""
_COMM = "OCPPCommCtrlr"


class BackEndRunner:
    """The back end's side of one process. `run` lasts until it is cancelled."""

    def __init__(self, settings: Settings, ocpp: Ocpp, why_not_start: Callable[[], str] = lambda: "") -> None:
        """`why_not_start`: why a process after this one would not; empty if it would."""
        from v2g.station.back_end.authorizer import BackEndAuthorizer
        from v2g.station.back_end.contracts import BackEndContracts
        from v2g.station.back_end.provisioning import BackEndProvisioning

        self._ocpp, self._why_not_start = ocpp, why_not_start
        self.provisioning, self.contracts = BackEndProvisioning(), BackEndContracts(ocpp.central_contracts)
        asks = ocpp.authorize == "back_end"
        self.authorizers = {
            each.id: BackEndAuthorizer(authorizer_of(each.access), asks=asks, unproved=each.access.unproved)
            for each in settings.evses
        }
        self._station: ChargingStation | None = None
        self._log = settings.trace.file
        self._carrying: asyncio.Task[None] | None = None
        self._connected_to = ""
        self._trouble = ""
        self._version16: Version | None = None
        self._sent_bytes = self._received_bytes = 0
        """Of frames since the process began, as they are before the carrier compresses them."""
        self._outgoing = asyncio.Event()
        self._lines = Lines()
        self._brought = 0
        """Up to which change the certificates for TLS with cars are in their files."""

    async def run(
        self, evses: dict[int, Evse], heed: Callable[[], None], report: Callable[[str], None], end: Callable[[], None]
    ) -> None:
        """Serve the back end. `heed`: the EVSEs decide again. `end`: the process is to end.

        Raises `BackEndError` for a configuration that cannot be used.
        """
        from v2g.ocpp.network import Networks
        from v2g.ocpp.store import Memory
        from v2g.station.back_end.authorization import Authorization
        from v2g.station.back_end.blocks import BLOCKS
        from v2g.station.back_end.card import Card
        from v2g.station.back_end.charging_station import ChargingStation
        from v2g.station.back_end.network import take_password
        from v2g.station.back_end.publishing import Publishing
        from v2g.station.back_end.requests import HANDLERS

        ocpp, loop = self._ocpp, asyncio.get_running_loop()
        news, slots = asyncio.Event(), _slots(ocpp)
        store = _store(ocpp, lambda: _wake(loop, news))
        card = Card(ocpp.vendor, ocpp.model, version_of("v2g"), ocpp.serial)
        kept = store or Memory()
        networks = Networks(slots, kept, roots=ocpp.roots is not None, certificate=ocpp.certificate is not None)
        station = self._station = ChargingStation(card, evses, self.authorizers, kept, HANDLERS, networks, BLOCKS)
        station.pending_reset.why_not_start = self._why_not_start
        take_password(station)
        if ocpp.publish is not None:
            station.block(Publishing).url = ocpp.publish.url
        if ocpp.daily_bytes:
            station.model.assume("DataUsageCtrlr", "DailyLimit", str(ocpp.daily_bytes))
        self.provisioning.station = station
        if ocpp.authorize == "back_end":
            self.contracts.station = station
            station.block(Authorization).statuses = self.contracts.statuses
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look(station, store, news, report, end))
                tasks.create_task(self._connect(station, news, heed, report))
        finally:
            if store is not None:
                store.close()

    def installs(self) -> bool:
        """Whether a firmware is being installed."""
        return self._station is not None and self._station.installing

    async def settle(self) -> None:
        """Wait until the back end has heard of each transaction that is over: the next process would have to report
        that the power was lost. The caller bounds the time."""
        station, waits = self._station, True
        while station is not None and waits:
            await asyncio.sleep(2 * LOOK_S)  # the EVSEs have been looked at since they became idle
            ending = any(each.ends for each in station.trackers.values())
            waits = ending or (station.online and station.outbox.waiting_for(None))

    @property
    def reset_waits(self) -> str:
        """What a reset waits for that the back end has asked for; empty if there is none."""
        return "" if self._station is None else self._station.pending_reset.waits

    def external(self, asked: Ems) -> str:
        """An energy management system asks for something. Raises `V2GError` with the reason if it cannot have it."""
        from v2g.station.back_end.external import External, Values

        if self._station is None:
            raise V2GError("the station is still starting; ask again")
        values = Values(
            asked.limit_w, asked.discharge_w, asked.setpoint_w, asked.drawn_var, asked.load_w, for_s=asked.for_s
        )
        why = self._station.block(External).set(asked.evse or 0, values)
        if why is not None:
            raise V2GError(f"refused: {why}")
        self._outgoing.set()
        return "taken" if values.asks or values.load_w is not None else "released"

    def shown(self, what: str) -> Any:
        """For `v2g ocpp`."""
        station = self._station
        if station is None:
            raise V2GError("the station is still starting; ask again")
        match what:
            case "queue":
                return station.outbox.listed()
            case "variables":
                return station.model.listed()
            case "profiles":
                from v2g.ocpp.base import encode

                return [
                    {"evse": each.evse, "name": each.name, "profile": encode(each.profile).decode()}
                    for each in station.profiles.installed
                ]
        return self.link

    @property
    def link(self) -> dict[str, Any] | None:
        """What the station and the back end have with each other; None while the station starts."""
        station = self._station
        if station is None:
            return None
        from v2g.station.back_end.tariffs import Tariffs

        return {
            "url": self._ocpp.url,
            "identity": self._ocpp.identity,
            "connected": self._connected_to or "no",
            "registered": station.registered or "no",
            "trouble": self._trouble,
            "sent_bytes": self._sent_bytes,
            "received_bytes": self._received_bytes,
            "waiting": len(station.outbox),
            "transactions": {str(id): running.id for id, running in station.running.items()},
            "costs": station.block(Tariffs).running_costs,
        }

    async def _look(
        self,
        station: "ChargingStation",
        store: "SqliteStore | None",
        news: asyncio.Event,
        report: Callable[[str], None],
        end: Callable[[], None],
    ) -> None:
        """Look at the EVSEs again and again. A defect here must not end the station: the orders lapse instead."""
        loop, said = asyncio.get_running_loop(), ""
        while True:
            try:
                station.step(loop.time(), int(time.time()))
            except Exception as error:
                if repr(error) != said:
                    said = repr(error)
                    report(f"the back end's side of the station failed: {said}")
            for text in self._lines.take(station.log, loop.time()):
                report(f"OCPP: {text}")
            station.log.clear()
            if store is not None and store.trouble is not None:
                report(store.trouble)
                store.trouble = None
            self._hand_over(station, report)
            if station.reset is not None:
                await asyncio.sleep(LOOK_S)  # for the answer to go out
                report(station.reset)
                end()
                return
            self._carry(station)
            self._outgoing.set()
            timer = loop.call_later(LOOK_S, news.set)
            try:
                await news.wait()
            finally:
                timer.cancel()
            news.clear()

    def _hand_over(self, station: "ChargingStation", report: Callable[[str], None]) -> None:
        """Keep the files with the certificates for TLS with cars as the back end has brought them."""
        from v2g.run.brought import mirror, place
        from v2g.station.back_end.certificates import Certificates

        held, store = station.block(Certificates), self._ocpp.store
        if held.changes == self._brought:
            return
        self._brought, files = held.changes, held.for_cars()
        if store is None:
            if files:
                report("the certificates that the back end brings for cars are not used; name a file as ocpp.store")
            return
        try:
            mirror(place(store), files)
        except OSError as error:
            report(f"{error.filename or place(store)}: {error.strerror}; the certificates of the back end are not used")

    def _carry(self, station: "ChargingStation") -> None:
        """Have the next file carried, in a thread of its own; one at a time."""
        from v2g.station.back_end.files import Files

        jobs = station.block(Files).jobs
        if not jobs or (self._carrying is not None and not self._carrying.done()):
            return
        (job, done), ocpp, log = jobs.pop(0), self._ocpp, self._log
        shown = None if ocpp.publish is None else ocpp.publish.directory

        async def carry_it() -> None:
            from v2g.io.files import carry

            result, content = await asyncio.to_thread(
                carry, job, log=log, roots=ocpp.roots, install=ocpp.install, publish=shown
            )
            done(result, content)

        self._carrying = asyncio.create_task(carry_it())

    async def _connect(
        self, station: "ChargingStation", news: asyncio.Event, heed: Callable[[], None], report: Callable[[str], None]
    ) -> None:
        """Connect, serve, and connect again for ever, by one network profile after the other. The same reason is
        reported once."""
        from v2g.io.carrier import BackEndError, BackOff
        from v2g.ocpp.network import Route
        from v2g.station.back_end.security import Security

        waits, route, number = BackOff(), Route(), station.model.number
        while True:
            slot = route.slot(station.model.text(_COMM, "NetworkConfigurationPriority"))
            station.contact.spoken = False
            try:
                await self._serve(station, slot, news, heed, report)
            except* BackEndError as group:
                error = innermost(group)
                if str(error) != self._trouble:  # once for a series of attempts (A00.FR.316)
                    self._trouble = str(error)
                    report(self._trouble)
                    if isinstance(error, BackEndError) and error.event:
                        station.block(Security).happened(error.event, self._trouble)
            except* Exception as group:  # a defect here must not end the station
                self._trouble = f"the connection to the back end failed: {innermost(group)!r}"
                report(self._trouble)
            if station.contact.spoken:
                waits.succeeded()
                route.succeeded()
            else:
                route.failed(int(number(_COMM, "NetworkProfileConnectionAttempts")))
            least_s = number(_COMM, "RetryBackOffWaitMinimum")
            random_s, doublings = (int(number(_COMM, f"RetryBackOff{each}")) for each in ("RandomRange", "RepeatTimes"))
            await asyncio.sleep(waits.next_s(least_s, random_s, doublings))

    async def _serve(
        self,
        station: "ChargingStation",
        number: int,
        news: asyncio.Event,
        heed: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        """One connection. Raises `BackEndError`, also in a group, when there is none or it is gone."""
        from v2g.io.back_end import connect
        from v2g.station.back_end import network

        loop, slot = asyncio.get_running_loop(), station.networks.slots[number]
        endpoint = self._provided(station, _endpoint(self._ocpp, slot, number, station.networks.password(number)))
        offered = {f"ocpp{each}": each for each in slot.versions or self._ocpp.versions}
        ping_s = station.model.number(_COMM, "WebSocketPingInterval") or None
        link = await connect(endpoint, tuple(offered), ping_s)
        try:
            self._trouble, self._connected_to = "", link.subprotocol
            report(f"connected to the back end {endpoint.url} ({link.subprotocol})")
            network.connected(station, number)
            redelivers = endpoint.url.startswith("mqtt")
            version = self._version(link.subprotocol, station)
            station.connected(version, loop.time(), slot.timeout_s, redelivers=redelivers)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    self._send(station, link, lambda: station.networks.password(number) == endpoint.password)
                )
                await self._receive(station, link, news, heed)
        finally:
            self._connected_to = ""
            station.disconnected(loop.time())
            await link.close()

    def _provided(self, station: "ChargingStation", endpoint: "Endpoint") -> "Endpoint":
        """With the roots that the back end has installed, and the certificate that it has signed; kept beside the
        store, because OpenSSL reads files. Raises `BackEndError`, which names the file."""
        from v2g.io.carrier import BackEndError
        from v2g.station.back_end.certificates import Certificates

        held, store = station.block(Certificates), self._ocpp.store
        roots, own = held.roots("CSMSRootCertificate"), held.own.get("ChargingStationCertificate")
        if store is None or endpoint.profile == 1 or not (roots or own):
            return endpoint
        files = {}
        try:
            configured = [] if endpoint.roots is None else [regular_file.read_text(endpoint.roots)]
            found = {"roots": "\n".join([*configured, *roots])}
            if own is not None:
                found |= {"certificate": own.chain, "private_key": own.key}
            for name, content in found.items():
                file = files[name] = store.with_name(f"{store.name}.{name}.pem")
                regular_file.check(file)
                with regular_file.written(file, 0o600) as writing:
                    writing.write(content)
        except OSError as error:
            place = error.filename or ", ".join(map(str, files.values()))
            raise BackEndError(f"{place}: {error.strerror}; put ocpp.roots there, and free some space") from error
        return replace(
            endpoint,
            roots=files["roots"],
            certificate=files.get("certificate", endpoint.certificate),
            private_key=files.get("private_key", endpoint.private_key),
        )

    def _version(self, subprotocol: str, station: "ChargingStation") -> "Version":
        if subprotocol != "ocpp1.6":
            from v2g.ocpp.version import version

            return version(subprotocol)
        from v2g.ocpp.version16 import Version16

        self._version16 = self._version16 or Version16(station.store, len(station.evses))
        return self._version16

    async def _receive(
        self, station: "ChargingStation", link: "Link", news: asyncio.Event, heed: Callable[[], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = await link.receive()
            self._received_bytes += len(frame if isinstance(frame, bytes) else frame.encode())
            try:
                station.receive(frame, loop.time(), int(time.time()))
            except Exception as error:  # a defect here must not end the station
                station.log.append(f"a frame could not be handled: {error!r}")
            heed()
            self._outgoing.set()
            news.set()
            await asyncio.sleep(0)  # frames that wait already would come in the same turn of the loop

    async def _send(self, station: "ChargingStation", link: "Link", valid: Callable[[], bool]) -> None:
        """`valid`: whether the password of the connection still is that of the station."""
        from v2g.io.carrier import BackEndError

        while True:
            self._outgoing.clear()
            still_valid = valid()  # before the frames are taken: the answer to the change is among them then
            for frame in station.outgoing:
                await link.send(frame)
                self._sent_bytes += len(frame.encode())
            if not still_valid:
                await asyncio.sleep(READ_S)
                raise BackEndError("the back end has changed the password; connecting again with the new one")
            if station.contact.lost:
                raise BackEndError("the back end is connected and answers nothing; connecting again")
            await self._outgoing.wait()


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    """Called in the store's thread."""
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(news.set)


def _store(ocpp: Ocpp, wake: Callable[[], None]) -> "SqliteStore | None":
    if ocpp.store is None:
        return None
    from v2g.io.sqlite_store import SqliteStore

    return SqliteStore(ocpp.store, wake)


def _slots(ocpp: Ocpp) -> "dict[int, Slot]":
    """The network profiles of the configuration. Raises `BackEndError` for a password that cannot be read."""
    from v2g.ocpp.network import Slot

    return {
        number: Slot(each.url, each.security_profile, ocpp.identity, _password(each.password_file), configured=True)
        for number, each in enumerate((ocpp, *ocpp.fallbacks), 1)
    }


def configured(ocpp: Ocpp) -> "list[Endpoint]":
    """Where the back end is, by each network profile of the configuration. Raises `BackEndError`, which names the
    file."""
    return [_endpoint(ocpp, slot, number, slot.password) for number, slot in _slots(ocpp).items()]


def _password(file: Path | None) -> str | None:
    from v2g.io.carrier import BackEndError
    from v2g.ocpp.network import PASSWORD_LENGTHS

    if file is None:
        return None
    try:
        password = regular_file.read_text(file).strip()
    except OSError as error:
        remedy = "write the password there, and let this user read it"
        raise BackEndError(f"ocpp.password_file {file}: {error.strerror}; {remedy}") from error
    if len(password) not in PASSWORD_LENGTHS:
        length = f"{PASSWORD_LENGTHS[0]} to {PASSWORD_LENGTHS[-1]} characters"
        raise BackEndError(f"ocpp.password_file {file}: the password has {length}; write one such")
    return password


def _endpoint(ocpp: Ocpp, slot: "Slot", number: int, password: str | None) -> "Endpoint":
    """A slot that the back end has filled uses the files of the first one."""
    from v2g.io.carrier import Endpoint

    files = (ocpp, *ocpp.fallbacks)[number - 1] if slot.configured else ocpp
    return Endpoint(
        slot.url, slot.identity, slot.security_profile, password, files.roots, files.certificate, files.private_key
    )
