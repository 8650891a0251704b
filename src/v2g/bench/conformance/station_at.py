"""A station under test at an address: real sockets and real time.

What surrounds the station cannot be changed from here: cases that need that say so. The event loop runs only while a
case waits, so a case reads as it does in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from v2g.bench.conformance.cases import StationLostError
from v2g.bench.conformance.hand import ANSWER_S, BENCH, Hand
from v2g.bench.conformance.place import Knocked, Passed, Place, Scene, Wire
from v2g.bench.conformance.tester import Fail, NotApplicable
from v2g.bench.sim.battery import Battery
from v2g.bench.sim.inlet import Inlet, NoPilotError
from v2g.bench.sim.pilot import OPERATOR_UNIT, PilotOperator
from v2g.bench.sim.plant import VEHICLE_UNIT
from v2g.bench.sim.vehicle import OwnBattery, PlantVehicle
from v2g.bench.sim.vehicle_side import VehicleSide
from v2g.io.discovery import Endpoint, find_station
from v2g.io.link import Link, LinkLost, Peer, connect
from v2g.io.modbus import ModbusConnection
from v2g.iso15118.car_session import CarPaused
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.event import Step
from v2g.iso15118.sap import ISO20_AC, ISO20_DC
from v2g.iso15118.service import Service
from v2g.iso15118.timeouts import CAR_SETUP_S
from v2g.iso15118.vehicle import Intent, Vehicle, VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.messages import decode, encode
from v2g.messages.sap import AppProtocol, supportedAppProtocolReq
from v2g.pki.store import ISO2
from v2g.tls.channel import TlsChannel
from v2g.tls.context import TlsContext, vehicle_context
from v2g.tls.profile import Profile, TlsError
from v2g.v2gtp.framing import PayloadType
from v2g.v2gtp.sdp import SdpError, Security

ACCEPTS_S = 15.0
"""How long a station may take to be ready for the next car."""
RETRY_S = 0.3
MOST_MISSES = 3
"""Cars in a row that the station does not take: then it is given up."""
CERTIFICATE_SERVICE = 2
"""Of ISO 15118-2."""
CAPACITY_WH, SOC = 60_000.0, 0.5


@dataclass
class Station:
    """The one under test. Called with a scene, it is where the car of a case meets it."""

    route: str | Endpoint
    """An address, or the interface on which a car searches for it."""
    tls: TlsContext | None = None
    contract: Callable[[Scene], Intent | None] = lambda scene: None
    """What a car with a contract wants; None if there is no contract for it."""
    battery: Endpoint | None = None
    """The vehicle's side of a simulated plant; otherwise the car has a battery of its own."""
    pilot: Endpoint | None = None
    """The car's end of a simulated control pilot."""
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)
    _offers: "dict[tuple[str, bool], _Offer]" = field(default_factory=dict)
    _misses: int = 0
    """How many cars it has not taken since the last one that it took."""

    def __str__(self) -> str:
        route = self.route
        return f"the station on {route}" if isinstance(route, str) else f"the station at [{route.host}]:{route.port}"

    def __call__(self, scene: Scene) -> Place:
        """Raises `NotApplicable` if the scene cannot be played here, `Fail` if the station does not say what it
        offers."""
        if scene.authorizer is not None:
            raise NotApplicable(BENCH)
        if scene.contract and self.contract(scene) is None:
            raise NotApplicable("needs a contract that the station trusts: name its directory with --pki, and --tls")
        offer = self.offer(scene)
        if offer.trouble:
            raise Fail(offer.trouble)
        if scene.service not in offer.services:
            raise NotApplicable(f"the station does not offer {scene.service.name} in {scene.edition}")
        if scene.contract and not offer.contracts:
            raise NotApplicable(f"the station does not offer Plug & Charge in {scene.edition}")
        if scene.request in ("CertificateInstallation", "CertificateUpdate") and not offer.installs:
            raise NotApplicable(f"the station brings no contracts in {scene.edition}")
        return RemotePlace(self, scene)

    def find(self) -> None:
        """Raises `V2GError` if nobody listens there."""
        self.runner.run(self._find())

    async def _find(self) -> None:
        visitor = _Visitor()
        async with self._plugged_in():
            link = await connect(visitor, *await self.endpoint(), None if self.tls is None else TlsChannel(self.tls))
            await visitor.leave(link)

    @asynccontextmanager
    async def _plugged_in(self) -> AsyncIterator[None]:
        """A station with a control pilot answers nobody before a car is plugged in."""
        if self.pilot is None:
            yield
            return
        inlet = self.inlet(OwnBattery(Battery(CAPACITY_WH, SOC), dc=True))
        task = asyncio.create_task(inlet.run())
        try:
            await inlet.plug_in()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def inlet(self, vehicle: Vehicle) -> Inlet:
        """That of a car at the control pilot."""
        assert self.pilot is not None
        registers = ModbusConnection(*self.pilot).unit(OPERATOR_UNIT, "the car's end of the cable")
        return Inlet(vehicle, PilotOperator(registers))

    def offer(self, scene: Scene) -> "_Offer":
        """What the station offers to cars of this edition and kind: asked once."""
        key = scene.edition, scene.service.dc
        if key not in self._offers:
            asking = replace(scene, contract=False)
            place = RemotePlace(self, asking)
            hand, trouble = Hand(place, asking), ""
            try:
                hand.arrive()
                place.run(ANSWER_S, lambda: hand.heard("ServiceDiscoveryRes") is not None or hand.over)
            finally:
                place.shut()
            answer = hand.heard("ServiceDiscoveryRes")
            if answer is None and not _speaks_other(hand):
                said = hand.flaws[0] if hand.flaws else hand.last
                trouble = f"the station does not say what it offers in {scene.edition}: {said}"
            offered = _services(answer, scene), _contracts(hand, answer), _installs(hand, answer)
            self._offers[key] = _Offer(*offered, trouble)
        return self._offers[key]

    def took(self, *, car: bool) -> None:
        """Whether it has taken a car. Raises `StationLostError` if it has taken none several times in a row."""
        self._misses = 0 if car else self._misses + 1
        if self._misses >= MOST_MISSES:
            raise StationLostError(f"{self} takes no car any more; see whether it runs, and begin again with --only")

    def shut(self) -> None:
        """Close the event loop."""
        self.runner.close()

    def run(self, work: Awaitable[None]) -> None:
        """Let the event loop run until `work` is done."""

        async def waited() -> None:
            await work

        self.runner.run(waited())

    async def endpoint(self) -> Endpoint:
        """Where it listens. Raises `SdpError` if it is not found."""
        if isinstance(self.route, Endpoint):
            return self.route
        security = Security.NONE if self.tls is None else Security.TLS
        return await find_station(self.route, security, lambda sender, error: None)

    async def connect(self, user: "RemotePlace", tls: TlsContext | None) -> Link:
        """A new connection. Raises `LinkLost` or `SdpError`."""
        return await connect(user, *await self.endpoint(), None if tls is None else TlsChannel(tls))


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a station offers to cars of one edition and kind."""

    services: frozenset[Service]
    contracts: bool
    """Whether they may pay by a contract."""
    installs: bool
    """Whether the station brings contracts."""
    trouble: str
    """Why nothing is known of that; empty if it is."""


def _speaks_other(hand: Hand) -> bool:
    """Whether the station has said that it does not speak the edition."""
    answer = hand.heard("supportedAppProtocolRes")
    return answer is not None and answer.ResponseCode.value.startswith("Failed")


def _contracts(hand: Hand, discovery: Any) -> bool:
    """Whether AuthorizationSetupRes, or in ISO 15118-2 ServiceDiscoveryRes, offers contracts."""
    set_up = hand.heard("AuthorizationSetupRes")
    if set_up is not None:
        return any(each.value == "PnC" for each in set_up.AuthorizationServices)
    options = getattr(discovery, "PaymentOptionList", None)
    return options is not None and any(each.value == "Contract" for each in options.PaymentOption)


def _installs(hand: Hand, discovery: Any) -> bool:
    set_up = hand.heard("AuthorizationSetupRes")
    if set_up is not None:
        return bool(set_up.CertificateInstallationService)
    others = getattr(discovery, "ServiceList", None)
    return others is not None and any(each.ServiceID == CERTIFICATE_SERVICE for each in others.Service)


def _services(answer: Any, scene: Scene) -> frozenset[Service]:
    """The services of this kind in ServiceDiscoveryRes; of none without it."""
    kind = [each for each in Service if each.dc is scene.service.dc]
    if answer is None:
        return frozenset()
    if not scene.old:
        offered = {each.ServiceID for each in answer.EnergyTransferServiceList.Service}
        return frozenset(each for each in kind if int(each) in offered)
    modes = getattr(answer.ChargeService, "SupportedEnergyTransferMode", None)
    named = [answer.ChargeService.EnergyTransferType] if modes is None else modes.EnergyTransferMode
    dc = scene.service.dc
    plain = Service.DC if dc else Service.AC
    return frozenset({plain} if any(each.value.startswith("DC" if dc else "AC") for each in named) else ())


def nothing(to_station: bool, payload_type: int, payload: bytes) -> Passed:
    """A wire that changes nothing."""
    return [(0.0, payload_type, payload)]


class RemotePlace:
    """One car at the station; a `Place`."""

    real = True
    bench = None

    def __init__(self, station: Station, scene: Scene) -> None:
        self.wire: Wire = nothing
        self.car: CarConversation | None = None
        self.gone = False
        self.driver = Stop.NONE
        self._station, self._scene = station, scene
        self._loop = station.runner.get_loop()
        self._changed = asyncio.Event()
        self._link: Link | None = None
        self._peer: Peer | None = None
        self._reason: V2GError | None = None
        self._heard = self._held = False
        self._timer: asyncio.TimerHandle | None = None
        self._vehicle: Vehicle = OwnBattery(Battery(CAPACITY_WH, SOC), dc=scene.service.dc)
        self._tasks: list[asyncio.Task[None]] = []

    # Place

    @property
    def now(self) -> float:
        return self._loop.time()

    @property
    def knock(self) -> Callable[[Profile | None], Knocked] | None:
        return None if self._station.tls is None else self._knock

    @property
    def held(self) -> bool:
        return self._held

    @held.setter
    def held(self, held: bool) -> None:
        self._held = held
        self._set_timer()

    @property
    def ended(self) -> bool:
        return self.gone

    def come(self, intent: Intent, paused: CarPaused | None = None) -> None:
        """Raises `Fail` if the station takes no car."""
        station = self._station
        if self._scene.contract:
            intent = station.contract(self._scene) or intent
        name = station.tls and station.tls.own and station.tls.own[0].common_name
        if name and not self._scene.old:
            intent = replace(intent, evcc_id=name)  # [V2G20-2598]
        self._plug_in()
        until = self.now + ACCEPTS_S
        while not self._accepted(intent, paused):
            if self.now >= until:
                station.took(car=False)
                raise Fail(f"the station takes no car: {self._reason}")
            self.run(RETRY_S, lambda: False)
        station.took(car=True)

    def leave(self) -> None:
        if self._link is not None:
            self._at_once(self._link.close)
            self.run(5.0, lambda: self.gone)
        self.car = self._link = None

    def say(self, payload_type: int, payload: bytes) -> None:
        link = self._link
        if link is not None:
            self._at_once(lambda: link.send(payload_type, payload))

    def shut(self) -> None:
        self.leave()
        self._station.run(self._unplug())

    def run(self, seconds: float, until: Callable[[], bool], *, step_s: float = 0.0) -> None:
        self._station.run(self._wait(seconds, until))

    # The car's link

    def established(self, link: Link, peer: Peer) -> None:
        self._link, self._peer = link, peer
        self._changed.set()

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        self._heard = True
        for _, kind, passed in self.wire(False, payload_type, payload):
            if self.car is not None and not self._held:
                self._do(self.car.receive(kind, passed, arrived, self._state()))
        self._changed.set()

    def lost(self, reason: V2GError | None) -> None:
        self.gone, self._reason = True, reason
        if self.car is not None and not self._held:
            self._do(self.car.abort(Fault.CONNECTION_LOST, str(reason or "closed")))
        self._changed.set()

    # Inside

    def _knock(self, profile: Profile | None) -> Knocked:
        assert self._station.tls is not None
        self._plug_in()
        files = self._station.tls.files
        older = files.certificate.parent / ISO2 / "v2g_root.pem"
        if profile is not None and profile.version == "TLSv1.2" and older.exists():
            files = files._replace(roots=(*files.roots, older))
        context = None if profile is None else vehicle_context(files, profile, now=datetime.now(UTC))
        channel = None if context is None else TlsChannel(context)
        visitor = _Visitor()
        until = self.now + ACCEPTS_S
        while not visitor.answer and self.now < until:
            self._station.run(visitor.knock(self._station, channel))
            if visitor.refused_by_tls or visitor.answer or profile is None:
                break
            self.run(RETRY_S, lambda: False)
            channel = None if context is None else TlsChannel(context)
        met = channel.negotiated if channel is not None else None
        if met is None:
            return Knocked(visitor.answer, visitor.reason)
        assert channel is not None
        return Knocked(visitor.answer, visitor.reason, met.version, met.suite, met.group, channel.authorities)

    def _at_once(self, act: Callable[[], None]) -> None:
        """A link wants a running loop: a callback has one, a case between two waits has none."""

        async def acted() -> None:
            act()

        if self._loop.is_running():
            act()
        else:
            self._station.run(acted())

    async def _wait(self, seconds: float, until: Callable[[], bool]) -> None:
        deadline = self._loop.time() + seconds
        while not until() and self._loop.time() < deadline:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), deadline - self._loop.time())

    def _accepted(self, intent: Intent, paused: CarPaused | None) -> bool:
        """Whether the station takes the connection, and answers the first request or keeps it waiting."""
        self.car, self.gone, self._heard, self._held, self._peer = None, False, False, False, None
        self.driver = Stop.NONE
        try:
            self._station.run(self._open())
        except (LinkLost, SdpError) as error:
            self._reason = error
            return False
        self.run(5.0, lambda: self._peer is not None or self.gone)
        if self._peer is None:
            return False
        car = CarConversation(
            intent,
            setup_deadline=self.now + CAR_SETUP_S,
            station=self._peer.fingerprint,
            paused=paused,
            secure=bool(self._peer.tls),
        )
        self.car = car
        self._do(car.start(self.now, self._state()))
        self.run(2.0, lambda: self._heard or self._held or self.gone)
        if self._held:
            self.run(RETRY_S, lambda: self.gone)  # a station that is busy closes at once
        return not self.gone

    async def _open(self) -> None:
        self._link = await self._station.connect(self, self._station.tls)

    def _plug_in(self) -> None:
        """Raises `Fail` if the station offers no high-level communication."""
        try:
            self._station.run(self._equip())
        except NoPilotError as error:
            raise Fail(str(error)) from None

    async def _equip(self) -> None:
        """Battery and inlet of the car, if they are simulated elsewhere."""
        station = self._station
        if self._tasks or (station.battery is None and station.pilot is None):
            return
        if station.battery is not None:
            registers = ModbusConnection(*station.battery).unit(VEHICLE_UNIT, "the vehicle's side of the plant")
            plant = PlantVehicle(VehicleSide(registers), dc=self._scene.service.dc)
            await plant.start()
            self._vehicle = plant
            self._tasks.append(asyncio.ensure_future(plant.run()))
        if station.pilot is not None:
            inlet = station.inlet(self._vehicle)
            self._tasks.append(asyncio.ensure_future(inlet.run()))
            await inlet.plug_in()
            self._vehicle = inlet

    def _state(self) -> VehicleState:
        return replace(self._vehicle.state(), stop=self.driver)

    async def _unplug(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []

    def _do(self, step: Step) -> None:
        assert self.car is not None
        self._vehicle.obey(self.car.command)
        for payload in step.send:
            for late_s, kind, sent in self.wire(True, *payload):
                if late_s:
                    self._loop.call_later(late_s, self.say, kind, sent)
                else:
                    self.say(kind, sent)
        if self.car.engine.phase in self.car.engine.side.energy:
            self._vehicle.observe(self.car.report.current_a, self.now)
        self._set_timer()
        self._changed.set()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = None if self.car is None or self._held else self.car.next_deadline()
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        if self.car is not None and not self._held:
            self._do(self.car.expire(self.now, self._state()))


class _Visitor:
    """Connects, asks for ISO 15118-20, and leaves."""

    def __init__(self) -> None:
        self.answer = self.reason = ""
        self.refused_by_tls = False
        self._done = asyncio.Event()

    async def knock(self, station: Station, channel: TlsChannel | None) -> None:
        """One try."""
        self._done.clear()
        try:
            link = await connect(self, *await station.endpoint(), channel)
        except (LinkLost, SdpError) as error:
            self.reason = str(error)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), ACCEPTS_S)
        await self.leave(link)

    async def leave(self, link: Link) -> None:
        """Close the connection."""
        self._done.clear()
        link.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._done.wait(), RETRY_S)

    def established(self, link: Link, peer: Peer) -> None:
        offered = [(each.namespace, each.major, each.minor) for each in (ISO20_DC, ISO20_AC)]
        entries = [AppProtocol(*each, at, at) for at, each in enumerate(offered, 1)]
        link.send(PayloadType.EXI, encode("sap", supportedAppProtocolReq(entries)))

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        self.answer = decode("sap", payload).ResponseCode.value
        self._done.set()

    def lost(self, reason: V2GError | None) -> None:
        self.refused_by_tls = isinstance(reason, TlsError)
        self.reason = self.reason or str(reason or "closed")
        self._done.set()
