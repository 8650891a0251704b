"""Where a tester's car meets the station under test: in memory on a virtual clock, or (`station_at`) at an address."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from msgspec import structs

from v2g.bench.conformance.secc_contracts import Hierarchy, hierarchy
from v2g.bench.conformance.stand import SETTINGS
from v2g.bench.sim.world import NOWHERE, START_UNIX_S, World
from v2g.iso15118.car_session import CarPaused
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Limits, Stop
from v2g.pki.profile import Role
from v2g.station.access import Authorizer
from v2g.station.config.settings import PlanStep
from v2g.tls.profile import Profile

Passed = list[tuple[float, int, bytes]]
"""What becomes of a payload: how much later it arrives, as what type and what."""
Wire = Callable[[bool, int, bytes], Passed]
"""Sees each payload, to the station or to the car, and says what becomes of it."""

LIMITS = Limits(charge_w=11_000, discharge_w=9_000, charge_a=30, discharge_a=20, voltage_min_v=300, voltage_max_v=460)
_CHARGES_ONLY = replace(LIMITS, discharge_w=0, discharge_a=0)
_PATIENCE = 100.0
"""The tester judges how long the station takes, not its car."""
_DC = structs.replace(SETTINGS, safety=NOWHERE)
_AC = structs.replace(_DC, services=("AC_BPT", "AC"), inverter=None, isolation=None)
_DER = structs.replace(
    _AC, services=("AC_DER_IEC", "AC_DER_SAE", "AC_BPT", "AC"), dispatch=(PlanStep(power_w=-6_000.0),)
)


@dataclass(frozen=True)
class Scene:
    """The car of a case, and what it wants."""

    edition: str
    service: Service
    mode: ControlMode = ControlMode.SCHEDULED
    contract: bool = False
    """It pays by a contract."""
    curve: str = ""
    """Of the keys of car and contract, if it is not the usual one of the edition."""
    request: str = ""
    """What the case is about, if the car has to want it: a certificate's installation or update."""
    duration_s: float = 2.0
    """Of the energy transfer."""
    wish_w: float | None = None
    authorizer: Authorizer | None = None
    """Who decides at the station, if that is not a list that admits everybody: a matter of the bench."""
    price_levels: bool = False
    """Of the bench's station."""

    @cached_property
    def pki(self) -> Hierarchy | None:
        """Whose contracts the bench's station trusts."""
        return hierarchy(START_UNIX_S, self.curve or ("p256" if self.old else "p521")) if self.contract else None

    @property
    def label(self) -> str:
        """Its name in the results."""
        return " ".join((self.service.name, self.mode.name.lower(), *filter(None, (self.curve,))))

    @property
    def old(self) -> bool:
        """Whether the car charges only, as every one before ISO 15118-20."""
        return self.edition != "ISO 15118-20"

    def intent(self) -> Intent:
        """What the car wants."""
        intent = Intent(
            "02:00:00:00:00:01" if self.old else "WMIV1234567890ABCDEX",
            self.service,
            self.mode,
            LIMITS if self.service.bidirectional else _CHARGES_ONLY,
            editions=(self.edition,),
            duration_s=self.duration_s,
            wish_w=self.wish_w,
            patience=_PATIENCE,
        )
        if self.pki is None:
            return intent
        installs = self.request == "CertificateInstallation"
        return replace(
            intent,
            contract=None if installs else self.pki.contract,
            provisioning=self.pki.provisioning if installs else None,
            renews=self.request == "CertificateUpdate",
            roots=(self.pki.v2g.chain[0],),
            trust=self.pki.trusts(Role.PROVISIONING_SERVICE),
        )


@dataclass(frozen=True, slots=True)
class Knocked:
    """What came of a connection on which a car asked for ISO 15118-20."""

    code: str = ""
    """Of supportedAppProtocolRes; empty if there was none."""
    reason: str = ""
    """Why there was none."""
    version: str = ""
    """Of TLS; empty without it, like what follows."""
    suite: str = ""
    group: str = ""
    authorities: tuple[str, ...] = ()
    """The roots that the station named."""


class Place(Protocol):
    """Obligations: every payload passes `wire`, in either direction, but for what `say` brings; while `held`, the car
    neither hears nor says anything; `run` returns as soon as `until` holds."""

    wire: Wire
    held: bool
    driver: Stop
    """What the car's driver wants."""

    @property
    def now(self) -> float:
        """Seconds, monotonic."""
        ...

    @property
    def real(self) -> bool:
        """Whether time passes by itself."""
        ...

    @property
    def car(self) -> CarConversation | None:
        """The car's side of the session."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the station has ended the session."""
        ...

    @property
    def gone(self) -> bool:
        """Whether the station has closed the connection."""
        ...

    @property
    def knock(self) -> Callable[[Profile | None], Knocked] | None:
        """Tries a connection with a profile of TLS, or without TLS; None if the station has no such connections."""
        ...

    @property
    def bench(self) -> World | None:
        """Cable, hardware and operator; None if the station is out of reach."""
        ...

    def come(self, intent: Intent, paused: CarPaused | None = None) -> None:
        """The car is plugged in and connects."""
        ...

    def leave(self) -> None:
        """The car is gone."""
        ...

    def say(self, payload_type: int, payload: bytes) -> None:
        """A payload for the station, in the car's place."""
        ...

    def shut(self) -> None:
        """The case is over."""
        ...

    def run(self, seconds: float, until: Callable[[], bool], *, step_s: float = 0.02) -> None:
        """Let time pass, at most `seconds`, until something holds."""
        ...


class VirtualPlace:
    """The station of this project in memory, with its hardware, its cable and its operator."""

    real = False
    knock = None

    def __init__(self, scene: Scene) -> None:
        settings, payment, intent = _DC if scene.service.dc else _AC, None, scene.intent()
        if scene.service.der:
            settings = _DER
        if scene.old:
            settings = structs.replace(settings, services=("DC",) if scene.service.dc else ("AC",), grid=None)
            settings = structs.replace(settings, grid_code=None)
        if scene.price_levels:
            settings = structs.replace(settings, price_levels=True)
        if scene.pki is not None:
            settings, payment = structs.replace(settings, receipts_s=1.0), scene.pki.payment()
        peer = None if scene.old and payment is None else bytes(64)
        self.bench = World(settings, intent, authorizer=scene.authorizer, payment=payment, peer=peer)
        self.bench.run(3.0, step_s=0.1)

    @property
    def wire(self) -> Wire:
        return self.bench.wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self.bench.wire = wire

    @property
    def held(self) -> bool:
        return self.bench.faults.hung

    @held.setter
    def held(self, held: bool) -> None:
        self.bench.faults.hung = held

    @property
    def driver(self) -> Stop:
        return self.bench.driver

    @driver.setter
    def driver(self, wish: Stop) -> None:
        self.bench.driver = wish

    @property
    def now(self) -> float:
        return self.bench.now

    @property
    def car(self) -> CarConversation | None:
        return self.bench.evcc

    @property
    def ended(self) -> bool:
        conversation = self.bench.evse.visit.conversation
        return conversation is None or conversation.end is not None

    @property
    def gone(self) -> bool:
        return self.ended

    def come(self, intent: Intent, paused: CarPaused | None = None) -> None:
        self.held = False
        self.bench.plug_in(paused=paused, intent=intent)

    def leave(self) -> None:
        self.bench.unplug()
        self.bench.run(1.0)

    def say(self, payload_type: int, payload: bytes) -> None:
        self.bench.say_as_car(payload_type, payload)

    def shut(self) -> None:
        pass

    def run(self, seconds: float, until: Callable[[], bool], *, step_s: float = 0.02) -> None:
        self.bench.run(seconds, until, step_s=step_s)
