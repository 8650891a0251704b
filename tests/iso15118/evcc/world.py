"""A car and a station on a fake wire in virtual time: both engines, the bytes between them, and a little physics."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tests.iso15118.requests import GRID_CODE

from v2g.bench.sim.battery import Battery
from v2g.bench.sim.vehicle import OwnBattery
from v2g.exi.facets import Type
from v2g.iso15118.car_session import CarPaused
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.edition import body_name
from v2g.iso15118.event import Moved, Received, Sent, Step
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.vehicle import Command, Intent, VehicleState
from v2g.iso15118.view import Authorization, Check, Limits, Meter, Offer, Slot, Stage, StationView, Stop
from v2g.messages import decode, encode

UNIX_S = 1_800_000_000
WIRE_S = 0.005
"""One way of one message, station's thinking included."""
CAR_LIMITS = Limits(
    charge_w=11_000, discharge_w=9_000, charge_a=40, discharge_a=40, voltage_min_v=300, voltage_max_v=460
)
STATION_LIMITS = Limits(
    charge_w=22_000, discharge_w=20_000, charge_a=60, discharge_a=60, voltage_min_v=150, voltage_max_v=900
)
SERVICES = tuple(Service)
CAR_CERTIFICATE, STATION_CERTIFICATE = b"\x01" * 64, b"\x02" * 64
Tamper = Callable[[Type], Type | None]


def intent(service: Service = Service.DC_BPT, mode: ControlMode = ControlMode.DYNAMIC, **others: object) -> Intent:
    given = {"evcc_id": "WMIV1234567890ABCDEX", "limits": CAR_LIMITS, "duration_s": 2.0} | others
    return Intent(service=service, mode=mode, **given)  # type: ignore[arg-type]  # the fields' types differ


def view(**others: object) -> StationView:
    given = {
        "authorization": Authorization.ACCEPTED,
        "may_discharge": True,
        "limits": STATION_LIMITS,
        "meter": Meter("meter", 1000, 500),
        "schedule": (Slot(3600, 10_000, 5_000),),
        "der": GRID_CODE,
    } | others
    return StationView(unix_s=UNIX_S, **given)  # type: ignore[arg-type]  # the fields' types differ


@dataclass
class World:
    """Runs until the car's session has ended, or until a test has seen enough."""

    intent: Intent
    view: StationView = field(default_factory=view)
    soc: float = 0.5
    offer: Offer = field(default_factory=lambda: Offer("DE*ABC*E1", SERVICES))
    station_certificate: bytes | None = STATION_CERTIFICATE
    car_paused: CarPaused | None = None
    station_paused: Paused | None = None
    tamper: Tamper = lambda response: response
    """What the wire makes of the station's responses: another one, or None for silence."""
    garble: Callable[[bytes], bytes] = lambda payload: payload
    """The same, on the bytes."""
    dispatch_w: float = 6_000.0
    """What the station does in dynamic mode."""
    welded: bool = False
    setup_s: float = 20.0

    def __post_init__(self) -> None:
        self.now = 0.0
        self.evcc = CarConversation(
            self.intent, setup_deadline=self.setup_s, station=self.station_certificate, paused=self.car_paused
        )
        peer = None if self.station_certificate is None else CAR_CERTIFICATE
        self.station = StationConversation(self.offer, 0.0, peer=peer, paused=self.station_paused)
        battery = Battery(60_000, self.soc)
        self.vehicle = OwnBattery(
            battery, dc=self.intent.service.dc, clock=lambda: self.now, wall=lambda: UNIX_S + self.now
        )
        self.driver, self.vehicle_fault = Stop.NONE, ""
        self.requests: list[tuple[float, Type]] = []
        self.responses: list[Type] = []
        self.phases: list[Any] = []
        self.commands: list[Command] = []
        self._wire: list[tuple[int, bytes]] = []
        self._started = False

    @property
    def names(self) -> list[str]:
        """The car's requests, each run of the same one once."""
        names = [body_name(request) for _, request in self.requests]
        return [name for before, name in zip(["", *names], names, strict=False) if name != before]

    def asked(self, name: str) -> list[Type]:
        return [request for _, request in self.requests if body_name(request) == name]

    def state(self) -> VehicleState:
        return replace(self.vehicle.state(), stop=self.driver, fault=self.vehicle_fault)

    def run(self, until: Callable[["World"], bool] = lambda world: False) -> "World":
        if not self._started:
            self._started = True
            self.take(self.evcc.start(self.now, self.state()))
        while self.evcc.end is None and not until(self):
            assert self.now < 300, f"no end in sight in {self.evcc.phase}"
            if self._wire:
                self.now += WIRE_S
                self._deliver(*self._wire.pop(0))
            else:
                deadline = self.evcc.next_deadline()
                assert deadline is not None, "a car that waits for nothing"
                self.now = max(self.now, deadline)
                self.take(self.evcc.expire(self.now, self.state()))
        return self

    def reach(self, phase: Enum) -> "World":
        return self.run(lambda world: world.evcc.phase is phase)

    def take(self, step: Step) -> None:
        """Do what the car's engine wants."""
        for event in step.events:
            match event:
                case Sent():
                    self.requests.append((self.now, event.message))
                case Received():
                    self.responses.append(event.message)
                    self.vehicle.observe(self.evcc.report.current_a, self.now)
                case Moved():
                    self.phases.append(getattr(type(self.evcc.phase), event.after))
        self.vehicle.obey(self.evcc.command)
        if not self.commands or self.commands[-1] != self.evcc.command:
            self.commands.append(self.evcc.command)
        self._wire += step.send

    def _deliver(self, payload_type: int, payload: bytes) -> None:
        self._settle()
        step = self.station.receive(payload_type, payload, self.now, self.view)
        self._settle()
        renewed = self.station.renew(self.now, self.view)
        answers = [*step.send, *renewed.send]
        sent = [event.protocol for event in [*step.events, *renewed.events] if isinstance(event, Sent)]
        self.now += WIRE_S
        for protocol, (answer_type, answer) in zip(sent, answers, strict=True):
            response = self.tamper(decode(protocol, answer))
            if response is not None:
                encoded = encode(protocol, response)
                self.take(self.evcc.receive(answer_type, self.garble(encoded), self.now, self.state()))

    def _settle(self) -> None:
        """What the station's hardware makes of its demand, and the battery of the contactors."""
        demand = self.station.demand
        closed = demand.stage is not Stage.OFF or self.welded
        vehicle = self.vehicle.state()
        energy, car = demand.stage is Stage.ENERGY, self.station.car.limits
        wish_w = self.dispatch_w if demand.wish_w is None else demand.wish_w
        target_w = min(max(wish_w, -car.discharge_w), car.charge_w) if energy else 0.0
        voltage_v = vehicle.battery_voltage_v if vehicle.contactor_closed or self.welded else demand.voltage_v
        self.view = replace(
            self.view,
            unix_s=UNIX_S + int(self.now),
            contract=self.station.car.contract,
            contactor_closed=closed,
            cable_check=Check.PASSED if demand.stage is Stage.CABLE_CHECK else self.view.cable_check,
            voltage_v=voltage_v if closed else 0.0,
            current_a=target_w / voltage_v if energy and closed and demand.service and demand.service.dc else 0.0,
            current_gone=not energy,
            target_w=None if demand.wish_w is not None else target_w,
            power_w=target_w,
        )
