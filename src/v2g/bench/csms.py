"""A small back end (CSMS) for a bench: accepts stations, authorises cars, sends orders, shows what arrives."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import UNSET

from v2g.kernel.errors import V2GError
from v2g.ocpp import v21
from v2g.ocpp.base import Message, encode
from v2g.ocpp.rpc import Answered, Discarded, Failed, Informed, Requested, Rpc
from v2g.ocpp.version import SUBPROTOCOLS, Invalid, version

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


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

    def __init__(self, orders: Orders, say: Callable[[str], None]) -> None:
        """`say` gets a line for everything that arrives."""
        self._orders, self._say = orders, say

    async def serve(
        self,
        host: str,
        port: int,
        ready: Callable[[str], None],
        *,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve until cancelled. `ready` gets the address. Raises `CsmsError`."""
        try:
            from websockets.asyncio.server import basic_auth, serve
            from websockets.typing import Subprotocol
        except ImportError as error:
            raise CsmsError("a back end needs the Python package websockets; install v2g[ocpp]") from error
        auth = None if password is None else basic_auth("csms", check_credentials=lambda _, given: given == password)
        known = [Subprotocol(each) for each in SUBPROTOCOLS]
        try:
            async with serve(self._station, host, port, subprotocols=known, process_request=auth, ssl=tls) as server:
                at = next(iter(server.sockets)).getsockname()
                ready(f"{'ws' if tls is None else 'wss'}://{at[0]}:{at[1]}")
                await asyncio.Event().wait()  # until cancelled
        except OSError as error:
            raise CsmsError(f"{host}:{port}: {error.strerror or error}; choose another with --listen") from error

    async def _station(self, connection: "ServerConnection") -> None:
        assert connection.request is not None
        name = connection.request.path.rpartition("/")[2]
        chosen = next((each for each in SUBPROTOCOLS if each == connection.subprotocol), None)
        if chosen is None:
            self._say(f"{name} speaks none of {', '.join(SUBPROTOCOLS)}")
            return
        self._say(f"{name} is connected ({chosen})")
        rpc, waiting = Rpc(version(chosen)), list[tuple[str, Message]]()
        async for frame in connection:
            self._take(rpc, name, frame, waiting)
            while waiting and rpc.ready:
                self._call(rpc, name, *waiting.pop(0))
            frames, rpc.outgoing = rpc.outgoing, []
            for each in frames:
                await connection.send(each)
        self._say(f"{name} is gone")

    def _take(self, rpc: Rpc, name: str, frame: str | bytes, waiting: list[tuple[str, Message]]) -> None:
        match rpc.receive(frame):
            case Requested(id, action, request):
                self._say(f"{name} {action} {encode(request).decode()}")
                response = _answer(action)
                if response is None:
                    rpc.refuse(id, "NotSupported", "this back end is for a bench")
                else:
                    rpc.answer(id, response)
                waiting += self._follow(rpc, name, request)
            case Answered(_, action, response):
                self._say(f"{name} answers {action} {encode(response).decode()}")
            case Failed(_, action, code, description):
                self._say(f"{name} refuses {action}: {code} {description}")
            case Informed(request):
                self._say(f"{name} {type(request).__name__} {encode(request).decode()}")
            case Discarded(reason):
                self._say(f"{name}: {reason}")

    def _call(self, rpc: Rpc, name: str, action: str, request: Message) -> None:
        try:
            rpc.call(action, request, asyncio.get_running_loop().time())
        except Invalid as error:
            self._say(f"{name}: {action} cannot be sent: {error}")

    def _follow(self, rpc: Rpc, name: str, request: Message) -> list[tuple[str, Message]]:
        """What is sent after a message of the station."""
        orders = self._orders
        if isinstance(request, v21.BootNotificationRequest):
            found = []
            for action, document in orders.calls:
                try:
                    found.append((action, rpc.version.read_request(action, document)))
                except Invalid as error:
                    self._say(f"{name}: {action} cannot be sent: {error}")
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
    try:
        kind: type[Message] = v21.CALLS[action][1]
        return kind()
    except TypeError:  # it has required fields
        return None
