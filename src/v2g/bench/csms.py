"""A small back end (CSMS) for a bench: accepts stations, authorises cars, sends orders, shows what arrives."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import UNSET

from v2g.bench.ledger import Ledger
from v2g.io.carrier import BackEndError, Endpoint
from v2g.kernel.errors import V2GError
from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode
from v2g.ocpp.rpc import Answered, Discarded, Failed, Informed, Requested, Rpc
from v2g.ocpp.version import SUBPROTOCOLS, Invalid, Subprotocol, version

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from v2g.bench.contract_pool import ContractPool


SPOKEN = SUBPROTOCOLS
"""The versions of this back end."""
AGAIN_S = 1.0
"""Before the next attempt to reach a broker."""


class CsmsError(V2GError):
    """The back end cannot listen, or was given an order that is none."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What each station gets."""

    setpoints: tuple[tuple[int, float], ...] = ()
    """For each transaction: seconds since its start, the first one 0, and W; positive charges the vehicle."""
    limit_w: float | None = None
    calls: tuple[tuple[str, bytes], ...] = ()
    """Action and request as JSON, sent once a station has booted."""


class Csms:
    """The back end of any number of stations."""

    def __init__(
        self,
        orders: Orders,
        say: Callable[[str], None],
        ledger: Path | None = None,
        contracts: "ContractPool | None" = None,
    ) -> None:
        """`say` gets a line for everything that arrives. `ledger`: a file that keeps the transaction events.
        `contracts`: who makes contracts for cars."""
        self._contracts = contracts
        self._orders, self._say = orders, say
        self._ledger = None if ledger is None else Ledger(ledger)

    async def serve(
        self,
        host: str,
        port: int,
        ready: Callable[[str], None],
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve over WebSocket until cancelled. `ready` gets the address. Raises `CsmsError`."""
        try:
            from websockets.asyncio.server import basic_auth, serve
            from websockets.typing import Subprotocol as Name
        except ImportError as error:
            raise CsmsError("a back end needs the Python package websockets; install v2g[ocpp]") from error
        auth = None if password is None else basic_auth("csms", check_credentials=lambda _, given: given == password)
        known = [Name(each) for each in SPOKEN]
        try:
            async with serve(self._connected, host, port, subprotocols=known, process_request=auth, ssl=tls) as server:
                at = next(iter(server.sockets)).getsockname()
                ready(f"{'ws' if tls is None else 'wss'}://{at[0]}:{at[1]}")
                await asyncio.Event().wait()  # until cancelled
        except OSError as error:
            raise CsmsError(f"{host}:{port}: {error.strerror or error}; choose another with --listen") from error

    async def serve_broker(self, broker: Endpoint, ready: Callable[[str], None]) -> None:
        """Serve over an MQTT broker until cancelled; connects again when the broker is lost."""
        said = ""
        while True:
            try:
                await self._at_broker(broker, ready)
            except BackEndError as error:
                if str(error) != said:
                    said = str(error)
                    self._say(said)
            await asyncio.sleep(AGAIN_S)

    async def _connected(self, connection: "ServerConnection") -> None:
        assert connection.request is not None
        name = unquote(connection.request.path.rpartition("/")[2])
        chosen = next((each for each in SPOKEN if each == connection.subprotocol), None)
        if chosen is None:
            self._say(f"{name} speaks none of {', '.join(SPOKEN)}")
            return
        station = _Station(name, chosen, self._orders, self._say, self._ledger, self._contracts)
        async for frame in connection:
            for each in station.heard(frame):
                await connection.send(each)
        self._say(f"{name} is gone")

    async def _at_broker(self, endpoint: Endpoint, ready: Callable[[str], None]) -> None:
        from v2g.io.mqtt import ONLINE, Topics, open_broker

        topics, stations = Topics(endpoint.url), dict[str, _Station]()
        broker = await open_broker(endpoint, "v2g csms", topics.csms)
        try:
            await broker.subscribe(topics.state("+").replace("%2B", "+"))
            await broker.subscribe(f"{topics.prefix}/in/+/+", retained=False)
            broker.publish(topics.csms, f"{ONLINE} {' '.join(SPOKEN)}", retain=True)
            ready(endpoint.url)
            while True:
                topic, text = await broker.receive()
                *_, direction, subprotocol, name = topic.split("/")
                if direction == "state":  # a station that comes or goes; what it says next belongs to a new connection
                    stations.pop(name, None)
                    self._say(f"{unquote(name)} is {text.decode('utf-8', 'replace')}")
                    continue
                chosen = next((each for each in SPOKEN if each == subprotocol), None)
                if chosen is None:
                    self._say(f"{unquote(name)} speaks {subprotocol}, which is none of {', '.join(SPOKEN)}")
                    continue
                if name not in stations:
                    stations[name] = _Station(
                        unquote(name), chosen, self._orders, self._say, self._ledger, self._contracts
                    )
                for frame in stations[name].heard(text):
                    broker.publish(topics.frames("out", chosen, unquote(name)), frame)
        finally:
            await broker.close()


class _Station:
    """The back end's end of one connection."""

    def __init__(
        self,
        name: str,
        subprotocol: Subprotocol,
        orders: Orders,
        say: Callable[[str], None],
        ledger: Ledger | None,
        contracts: "ContractPool | None",
    ) -> None:
        self._contracts = contracts
        self._name, self._orders, self._say, self._ledger = name, orders, say, ledger
        self._rpc, self._waiting = Rpc(version(subprotocol)), list[tuple[str, Message]]()
        say(f"{name} is connected ({subprotocol})")

    def heard(self, frame: str | bytes) -> list[str]:
        """What is sent after a frame of the station."""
        self._take(frame)
        while self._waiting and self._rpc.ready:
            self._call(*self._waiting.pop(0))
        frames, self._rpc.outgoing = self._rpc.outgoing, []
        return frames

    def _take(self, frame: str | bytes) -> None:
        name, rpc = self._name, self._rpc
        match rpc.receive(frame):
            case Requested(id, action, request):
                self._say(f"{name} {action} {encode(request).decode()}")
                if self._ledger is not None and isinstance(request, v21.TransactionEventRequest):
                    self._ledger.keep(name, request)
                if self._contracts is not None and isinstance(request, v21.Get15118EVCertificateRequest):
                    response: Message | None = self._contracts.answer(request)
                else:
                    response = _answer(action)
                if response is None:
                    rpc.refuse(id, "NotSupported", "this back end is for a bench")
                else:
                    rpc.answer(id, response)
                self._waiting += self._follow(request)
            case Answered(_, action, response):
                self._say(f"{name} answers {action} {encode(response).decode()}")
            case Failed(_, action, code, description):
                self._say(f"{name} refuses {action}: {code} {description}")
            case Informed(request):
                self._say(f"{name} {type(request).__name__} {encode(request).decode()}")
            case Discarded(reason):
                self._say(f"{name}: {reason}")

    def _call(self, action: str, request: Message) -> None:
        try:
            self._rpc.call(action, request, asyncio.get_running_loop().time())
        except Invalid as error:
            self._say(f"{self._name}: {action} cannot be sent: {error}")

    def _follow(self, request: Message) -> list[tuple[str, Message]]:
        """What is sent after a message of the station."""
        orders = self._orders
        if isinstance(request, v21.BootNotificationRequest):
            found = []
            for action, document in orders.calls:
                try:
                    found.append((action, self._rpc.version.read_request(action, document)))
                except Invalid as error:
                    self._say(f"{self._name}: {action} cannot be sent: {error}")
            return found
        begins = isinstance(request, v21.TransactionEventRequest) and request.eventType == "Started"
        if not begins or (not orders.setpoints and orders.limit_w is None):
            return []
        assert isinstance(request, v21.TransactionEventRequest)
        assert isinstance(request.evse, v21.EVSEType)
        profile = v21.ChargingProfileType(
            id=1,
            stackLevel=0,
            chargingProfilePurpose="TxProfile",
            chargingProfileKind="Relative",
            transactionId=request.transactionInfo.transactionId,
            chargingSchedule=(
                v21.ChargingScheduleType(id=1, chargingRateUnit="W", chargingSchedulePeriod=_periods(orders)),
            ),
        )
        return [("SetChargingProfile", v21.SetChargingProfileRequest(evseId=request.evse.id, chargingProfile=profile))]


def _periods(orders: Orders) -> tuple[v21.ChargingSchedulePeriodType, ...]:
    limit = UNSET if orders.limit_w is None else orders.limit_w
    if not orders.setpoints:
        return (v21.ChargingSchedulePeriodType(startPeriod=0, limit=limit),)
    return tuple(
        v21.ChargingSchedulePeriodType(
            startPeriod=start_s, operationMode="CentralSetpoint", setpoint=setpoint_w, limit=limit
        )
        for start_s, setpoint_w in sorted(orders.setpoints)
    )


def _answer(action: str) -> Message | None:
    """The friendliest response; None for what a bench has no answer to."""
    now = datetime.now(UTC).replace(microsecond=0)
    match action:
        case "BootNotification":
            return v21.BootNotificationResponse(currentTime=now, interval=300, status="Accepted")
        case "Heartbeat":
            return v21.HeartbeatResponse(currentTime=now)
        case "Authorize":
            return v21.AuthorizeResponse(idTokenInfo=v21.IdTokenInfoType(status="Accepted"))
    kind: type[Message] = v21.CALLS[action][1]
    if action in ("NotifyEVChargingNeeds", "NotifyEVChargingSchedule", "OpenPeriodicEventStream"):
        return kind(status="Accepted")
    try:
        return kind()
    except TypeError:  # it has required fields
        return None
