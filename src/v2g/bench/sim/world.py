"""A car, a station and the plant between them in one thread on a virtual clock: whole sessions in milliseconds.

The same EVSE, conversations and physics as in the real processes; only the wires are replaced. What can go wrong
is set by hand: devices that fall silent, a car that stops answering, a cut cable.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from msgspec import structs

from v2g.bench.sim.ac_inverter import AcInverter, Output
from v2g.bench.sim.battery import Battery
from v2g.bench.sim.charging_cable import ChargingCable
from v2g.bench.sim.contactor import ContactorModule, Stuck
from v2g.bench.sim.lock import LockModule
from v2g.bench.sim.plant_model import PlantInputs, PlantModel, PlantSettings
from v2g.bench.sim.safety import SafetyModule
from v2g.iso15118.car_session import CarPaused
from v2g.iso15118.car_side import CarConversation
from v2g.iso15118.contract import Payment
from v2g.iso15118.timeouts import CAR_SETUP_S
from v2g.iso15118.vehicle import Intent, VehicleState
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.power.contactor import SWITCHES_WITHIN_S, ContactorFault, ContactorReading, joined
from v2g.power.grid_sensor import GridReading
from v2g.power.inverter import OFF, InverterReading
from v2g.power.isolation import IsolationReading, SelfTest
from v2g.power.lock import MOVES_WITHIN_S, LockFault, LockReading
from v2g.power.meter import MeterReading
from v2g.station.access import Authorizer
from v2g.station.config.settings import Device, EvseSettings
from v2g.station.event import Event
from v2g.station.evse import Evse
from v2g.station.kept import KeptEvse
from v2g.station.orders import SAFE, Orders
from v2g.station.power.limits import Bound
from v2g.station.readings import Readings
from v2g.station.step import Step

STEP_S = 0.01
POLL_S = 0.1
GRID_POLL_S = 0.02
IDLE_STEP_S = 0.1
SELF_TEST_S = 0.5
START_UNIX_S = 1_700_000_000
NOWHERE = Device(address="nowhere:0")


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid at one moment, as a sensing unit sees it. The default is a sound one."""

    frequency_hz: float = 50.0
    voltages_v: tuple[float, float, float] = (230.0, 230.0, 230.0)
    rocof_hz_per_s: float | None = None
    phase_jump_deg: float = 0.0


SOUND = Grid()


@dataclass(slots=True)
class Faults:
    """What is wrong in this world. Everything may be changed while it runs."""

    silent: set[str] = field(default_factory=set)
    """Devices that do not answer: `inverter`, `contactor`, `meter`, `isolation`, `grid`, `pilot`, `safety`."""
    cut: bool = False
    """No byte passes between car and station, in either direction."""
    frozen: bool = False
    """The grid sensing unit answers, with the same measurement again and again."""
    mute: bool = False
    """The car does not talk: it takes what the control pilot allows."""
    lost_commands: bool = False
    """The station's commands do not reach the hardware."""
    deaf: set[str] = field(default_factory=set)
    """Devices that answer, but keep obeying their last command: `inverter`, `contactor`, `pilot`."""
    hung: bool = False
    """The car's software stands still: it neither listens nor talks, and its hardware stays as it is."""
    s2_open: bool = False
    """The car's S2 stays open, whatever its software wants."""
    down: bool = False
    """There is no process of the station: nothing reads, talks or commands."""


def as_they_are(readings: Readings) -> Readings:
    """Every device says what it measures."""
    return readings


def at_once(to_station: bool, payload_type: int, payload: bytes) -> list[tuple[float, int, bytes]]:
    """A wire that changes nothing and keeps nothing back."""
    return [(0.0, payload_type, payload)]


class World:
    """One EVSE with one car."""

    def __init__(
        self,
        evse: EvseSettings,
        intent: Intent,
        *,
        soc: float = 0.6,
        capacity_wh: float = 60_000.0,
        plant: PlantSettings | None = None,
        stuck: Stuck | None = None,
        delay_s: float = 0.005,
        grid: Callable[[float, PlantModel], Grid] = lambda now, plant: SOUND,
        peer: bytes | None = None,
        site: Bound | None = None,
        authorizer: Authorizer | None = None,
        payment: Payment | None = None,
    ) -> None:
        """`delay_s`: of every message on the wire. `grid`: its state at a time, which may depend on what the plant
        draws. `peer`: the fingerprint that both sides see of each other. `site`: the station's share of its limit.
        `authorizer`: who decides about cars; the configured list if left out. `payment`: who knows of contracts."""
        self.now = 0.0
        self.clock_set_s = 0.0
        """By how much somebody has set the wall clock forward."""
        self.faults = Faults()
        self.kept = KeptEvse()
        """What the station has on disk."""
        self.grid = SOUND
        self.plant = PlantModel(Battery(capacity_wh, soc), plant)
        self._rating = self.plant.settings.rating if evse.inverter is not None else None
        self.evse = Evse(evse, self._rating, site, authorizer=authorizer, payment=payment)
        self.contactor = ContactorModule(self._clock, stuck=stuck, log=self._switched)
        self.phase_contactor = None if evse.phase_contactor is None else ContactorModule(self._clock)
        """Of L2 and L3."""
        self.events: list[tuple[float, Event]] = []
        """What the station reported, with the time."""
        self.switched: list[tuple[float, bool]] = []
        """Every movement of the contactor."""
        self.evcc: CarConversation | None = None
        self.certificate: str | None = None
        """The name in the car's certificate, if it shows one."""
        self.certificate_ends_s: float | None = None
        """When that ends, Unix time."""
        self.driver = Stop.NONE
        self.ac_inverter = AcInverter(intent.reactive_max_var)
        """Of the car, for AC."""
        self._intent, self._peer = intent, peer
        self._settings, self._site, self._authorizer, self._payment = evse, site, authorizer, payment
        self.grid_source = grid
        """Another one takes over from the next step on."""
        self.as_read: Callable[[Readings], Readings] = as_they_are
        """What the station reads of what its devices measure: they may lie."""
        self.greed = 1.0
        """Of a car that does not talk: how much of what the duty cycle allows it takes."""
        self.wire: Callable[[bool, int, bytes], list[tuple[float, int, bytes]]] = at_once
        """What becomes of a payload, to the station or to the car: how much later it arrives, as what type and what."""
        self._delay_s = delay_s
        self._wire: list[tuple[float, bool, int, bytes]] = []
        """Arrival time, whether to the station, payload type, payload."""
        self._readings = Readings()
        self._orders, self._setpoint = SAFE, OFF
        self.cable = ChargingCable(self._clock, plc=evse.plc is not None) if evse.pilot is not None else None
        self.safety = SafetyModule(self._clock) if evse.safety is not None else None
        self.lock = LockModule(self._clock) if evse.lock is not None else None
        self.ccid = ContactorModule(self._clock) if evse.ccid is not None else None
        self._unlocked_since: float | None = None
        """Since when the lock's bolt is not where it is driven."""
        self._connects: tuple[Intent, CarPaused | None] | None = None
        """What the car means to do once the cable lets it talk."""
        self._polled_s = self._grid_polled_s = float("-inf")
        self._contradicts_since: dict[int, float] = {}
        self._self_test_since: float | None = None

    def plug_in(self, *, paused: CarPaused | None = None, intent: Intent | None = None) -> None:
        """A car is plugged in; it starts its conversation as soon as it can."""
        self.driver = Stop.NONE
        self._connects = intent or self._intent, paused
        if self.cable is not None:
            self.cable.plug_in()
        self._connect()

    def _connect(self) -> None:
        if self.faults.down:
            return
        open_to_talk = self.cable is None or (self.cable.open_to_talk and self.evse.why_not_talk() is None)
        if self._connects is None or self.faults.mute or not open_to_talk:
            return
        (intent, paused), self._connects = self._connects, None
        self.evcc = CarConversation(intent, setup_deadline=self.now + CAR_SETUP_S, station=self._peer, paused=paused)
        self._do(self.evse.connected(self.now, self._peer, self.certificate, self.certificate_ends_s))
        self._post(self.evcc.start(self.now, self.vehicle()).send, to_station=True)

    def pull_out(self) -> None:
        """The connector is pulled: pilot, power line and network are gone at once, and no byte says so."""
        assert self.cable is not None
        self.cable.unplug()
        self.evcc, self._wire, self._connects = None, [], None

    def unplug(self) -> None:
        """The connection is gone, as TCP reports it at once when a process dies."""
        self.evcc, self._wire, self._connects = None, [], None
        self.disconnect(Fault.CONNECTION_LOST, "the peer closed the connection")

    def disconnect(self, fault: Fault, reason: str) -> None:
        """The station notices that the connection is gone."""
        self._do(self.evse.disconnected(self.now, fault, reason))

    def stop_station(self) -> None:
        """The station's process dies; the car's connection breaks. The hardware hears nothing more."""
        self.faults.down, self._wire = True, []
        if self.evcc is not None:
            self.evcc.abort(Fault.CONNECTION_LOST, "the peer closed the connection")

    def start_station(self) -> None:
        """A new process of the station, which knows nothing of what was."""
        self.evse = Evse(
            self._settings,
            self._rating,
            self._site,
            kept=self.kept,
            authorizer=self._authorizer,
            payment=self._payment,
        )
        self.faults.down, self._readings, self._orders = False, Readings(), SAFE

    def say_as_car(self, payload_type: int, payload: bytes) -> None:
        """A payload arrives at the station from the car's side, whoever sent it."""
        self._wire.insert(0, (self.now, True, payload_type, payload))

    def run(self, seconds: float = 300.0, until: Callable[[], bool] = lambda: False, *, step_s: float = STEP_S) -> None:
        """Let time pass, at most `seconds`, until something holds.

        `step_s`: while nothing is to happen, up to `IDLE_STEP_S`: as slow as the process polls an idle grid.
        """
        end = self.now + seconds
        while self.now < end - step_s / 2 and not until():
            self.step(step_s)

    def run_to_end(self) -> None:
        """Let time pass until the car's session has ended and the station's hardware is off."""
        self.run(until=lambda: self.evcc is None or self.evcc.end is not None)
        self.run(1.0)

    def step(self, step_s: float = STEP_S) -> None:
        """Let `step_s` pass."""
        self.now += step_s
        self.grid = self.grid_source(self.now, self.plant)
        self._physics(step_s)
        if self.cable is not None:
            self._use_cable(self.cable)
        grid_due = self.now - self._grid_polled_s >= GRID_POLL_S - STEP_S / 2
        due = self.now - self._polled_s >= POLL_S - STEP_S / 2
        if grid_due:
            self._grid_polled_s = self.now
            self._measure_grid()
        if due:
            self._polled_s = self.now
            self._measure()
        down = self.faults.down
        if (grid_due or due) and not down:
            self._do(self.evse.measured(self.as_read(self._readings), self.now, self.unix_s, self._rating))
        self._deliver()
        if self.evcc is not None and not self.faults.hung and self._is_due(self.evcc.next_deadline()):
            self._post(self.evcc.expire(self.now, self.vehicle()).send, to_station=True)
        if not down and self._is_due(self.evse.next_deadline()):
            self._do(self.evse.expire(self.now, self.unix_s))

    def _is_due(self, deadline: float | None) -> bool:
        return deadline is not None and deadline <= self.now

    @property
    def orders(self) -> Orders:
        """What the station commands."""
        return self._orders

    @property
    def unix_s(self) -> int:
        return START_UNIX_S + int(self.now + self.clock_set_s)

    def vehicle(self) -> VehicleState:
        """The car's own view."""
        plant = self.plant
        command = None if self.evcc is None else self.evcc.command
        dc = self._intent.service.dc
        return VehicleState(
            unix_s=self.unix_s,
            soc=plant.battery.soc,
            capacity_wh=plant.battery.capacity_wh,
            battery_voltage_v=plant.battery.terminal_v(plant.battery_current_a),
            inlet_voltage_v=plant.inlet_voltage_v,
            power_w=plant.power_w if dc else plant.charger_power_w,
            reactive_var=plant.charger_reactive_var,
            grid_v=self.grid.voltages_v[0],
            grid_hz=self.grid.frequency_hz,
            contactor_closed=command is not None and command.contactor_closed,
            stop=self.driver,
        )

    def _physics(self, step_s: float) -> None:
        faults = self.faults
        if "contactor" not in faults.silent | faults.deaf and not (faults.lost_commands or faults.down):
            self.contactor.command(self._orders.contactor_closed)
            if self.phase_contactor is not None:
                self.phase_contactor.command(self._orders.contactor_closed and self._orders.phases == 3)
        self.contactor.advance(self.now)
        if self.phase_contactor is not None:
            self.phase_contactor.advance(self.now)
        if self.ccid is not None:
            if not (faults.lost_commands or faults.down):
                self.ccid.command(self._orders.ccid_closed)
            self.ccid.advance(self.now)
        live = self.ccid is None or self.ccid.closed
        commanded = not (faults.lost_commands or faults.down) and (self._orders.locked or not self.contactor.closed)
        if self.lock is not None and commanded:  # as the process does: silence holds the plug
            self.lock.command(self._orders.locked)
        command = None if self.evcc is None else self.evcc.command
        charger = Output(self._by_duty_cycle_w(), 0.0)
        if command is not None:
            grid = self.grid
            charger = self.ac_inverter.step(step_s, command, grid.voltages_v, grid.frequency_hz)
        if "inverter" not in faults.deaf:
            self._setpoint = OFF if "inverter" in faults.silent else self._orders.inverter
        self.plant.step(
            step_s,
            PlantInputs(
                setpoint=self._setpoint,
                station_contactor_closed=self.contactor.closed,
                vehicle_contactor_closed=command is not None and command.contactor_closed,
                charger_power_w=charger.power_w,
                charger_reactive_var=charger.reactive_var,
                grid_voltages_v=self.grid.voltages_v if live else (0.0, 0.0, 0.0),
                grid_frequency_hz=self.grid.frequency_hz,
            ),
        )

    @property
    def phases(self) -> int:
        """Those that a closed contactor connects."""
        return 1 if self.phase_contactor is not None and not self.phase_contactor.closed else self._settings.phases

    def _by_duty_cycle_w(self) -> float:
        """What a car takes that does not talk: all that the duty cycle allows."""
        if not self.faults.mute or self.cable is None:
            return 0.0
        volts = sum(self.grid.voltages_v[: self.phases])
        return self.cable.pilot.vehicle.meaning.current_a * volts * self.greed

    def _measure(self) -> None:
        """What the devices answer at this instant; a silent one keeps its last reading, which ages."""
        now, plant, silent = self.now, self.plant, self.faults.silent
        testing = self._orders.self_test
        if not testing:
            self._self_test_since = None
        elif self._self_test_since is None and "isolation" not in silent:
            self._self_test_since = now
        fresh = Readings(
            inverter=InverterReading(
                time_s=now,
                state=plant.state,
                faults=plant.faults,
                voltage_v=plant.voltage_v,
                current_a=plant.current_a,
                power_w=plant.power_w,
                ac_power_w=plant.ac_power_w,
                ac_reactive_var=plant.reactive_var,
                temperature_c=plant.temperature_c,
            ),
            contactor=self._contacts(),
            meter=MeterReading(
                time_s=now,
                import_wh=plant.import_wh,
                export_wh=plant.export_wh,
                power_w=plant.ac_power_w + plant.charger_power_w,
                reactive_var=plant.reactive_var + plant.charger_reactive_var,
                voltages_v=self.grid.voltages_v,
                frequency_hz=self.grid.frequency_hz,
            ),
            isolation=IsolationReading(now, plant.settings.isolation_ohm, plant.voltage_v, self._self_test()),
            grid=self._readings.grid,
            pilot=self._readings.pilot,
            safety=None if self.safety is None else self.safety.reading(),
            lock=None if self.lock is None else self._lock_reading(self.lock),
            ccid=None if self.ccid is None else ContactorReading(now, self.ccid.closed, self.ccid.driven, None),
        )
        self._readings = structs.replace(fresh, **{name: getattr(self._readings, name) for name in silent})
        self._readings = structs.replace(self._readings, self_test_since=self._self_test_since)

    def _measure_grid(self) -> None:
        """The grid sensing unit is read more often than the others."""
        if "grid" in self.faults.silent:
            return
        now, grid, last = self.now, self.grid, self._readings.grid
        if self.faults.frozen and last is not None:
            self._readings = structs.replace(self._readings, grid=replace(last, time_s=now))
            return
        reading = GridReading(
            now,
            round(now / STEP_S),
            grid.frequency_hz,
            grid.voltages_v,
            rocof_hz_per_s=grid.rocof_hz_per_s,
            phase_jump_deg=grid.phase_jump_deg,
        )
        self._readings = structs.replace(self._readings, grid=reading)

    def _use_cable(self, cable: ChargingCable) -> None:
        """The pilot is read as often as the process does it."""
        orders, faults = self._orders, self.faults
        lost = faults.lost_commands or faults.down or "pilot" in faults.silent | faults.deaf
        duty = None if lost else orders.pilot_duty
        ready = faults.mute or (self.evcc is not None and self.evcc.command.ready)
        wants_energy = ready and not faults.s2_open
        for event in cable.advance(self.now, duty=duty, matching=orders.matching, wants_energy=wants_energy):
            if not faults.down:
                self._do(self.evse.line(event, self.now))
        if "pilot" not in faults.silent:
            self._readings = structs.replace(self._readings, pilot=cable.pilot.reading())
        if self.safety is not None and not (faults.lost_commands or faults.down):
            self.safety.command_pump(orders.pump)
        self._connect()

    def _self_test(self) -> SelfTest:
        if self._self_test_since is None:
            return SelfTest.NONE
        return SelfTest.RUNNING if self.now - self._self_test_since < SELF_TEST_S else SelfTest.PASSED

    def _lock_reading(self, lock: LockModule) -> LockReading:
        """As the driver of the real one judges: feedback against command for too long."""
        lock.command(lock.driven)
        locked, arrived = lock.bolt == 1.0, lock.bolt == float(lock.driven)
        self._unlocked_since = None if arrived else self._unlocked_since or self.now
        late = self._unlocked_since is not None and self.now - self._unlocked_since > MOVES_WITHIN_S
        fault = None if not late else LockFault.DOES_NOT_LOCK if lock.driven else LockFault.DOES_NOT_UNLOCK
        return LockReading(self.now, locked, lock.driven, fault)

    def _contacts(self) -> ContactorReading:
        """What the auxiliary contacts say, of both contactors if there are two."""
        first = self._contact(self.contactor)
        return first if self.phase_contactor is None else joined(first, self._contact(self.phase_contactor))

    def _contact(self, module: ContactorModule) -> ContactorReading:
        """As the driver of the real one judges: feedback against command for too long is a fault."""
        fault = None
        if module.closed == module.driven:
            self._contradicts_since.pop(id(module), None)
        elif self.now - self._contradicts_since.setdefault(id(module), self.now) > SWITCHES_WITHIN_S:
            fault = ContactorFault.WELDED if module.closed else ContactorFault.DOES_NOT_CLOSE
        return ContactorReading(self.now, module.closed, module.driven, fault)

    def _post(self, payloads: list[tuple[int, bytes]], *, to_station: bool) -> None:
        if not self.faults.cut:
            arrival = self.now + self._delay_s
            for payload in payloads:
                self._wire += [
                    (arrival + late_s, to_station, kind, sent) for late_s, kind, sent in self.wire(to_station, *payload)
                ]

    def _deliver(self) -> None:
        """Hand over what has arrived; an answer to it goes out in the same instant."""
        while self._wire and self._wire[0][0] <= self.now:
            _, to_station, payload_type, payload = self._wire.pop(0)
            if self.faults.cut:
                continue
            if to_station and not self.faults.down:
                self._do(self.evse.receive(payload_type, payload, self.now, self.unix_s))
            elif not to_station and self.evcc is not None and not self.faults.hung:
                answers = self.evcc.receive(payload_type, payload, self.now, self.vehicle()).send
                self._post(answers, to_station=True)

    def _do(self, step: Step) -> None:
        """Make true what the station wants."""
        self._post(list(step.send), to_station=False)
        if not self.faults.lost_commands:
            self._orders = step.orders
        self.events += [(self.now, event) for event in step.events]
        self.kept = self.evse.kept

    def _clock(self) -> float:
        return self.now

    def _switched(self, now: float, closed: bool, cause: str) -> None:
        self.switched.append((now, closed))
