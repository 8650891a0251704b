"""One EVSE: joins the conversation with the car to the power path, and keeps both safe. No clock, no sockets.

The shell hands in what arrives (`connected`, `receive`, `measured`, `expire`, `disconnected`) and makes `orders` so,
again and again. Orders are levels. Whatever goes wrong, they fall back to `SAFE`: inverter off, contactor open.
"""

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from v2g.iso15118.car import CarState
from v2g.iso15118.conversation import Conversation
from v2g.iso15118.d20.secc.answers.power_delivery import NO_CURRENT_A
from v2g.iso15118.d20.secc.session import Paused, Session
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.timeouts import PROFILES
from v2g.iso15118.event import Event, Faulted, Received, Sent, Step
from v2g.iso15118.view import Authorization, Check, Demand, Limits, Meter, Slot, Stage, StationView, Stop
from v2g.kernel.fault import Fault
from v2g.pilot.station import Signal
from v2g.power.contactor import ContactorFault
from v2g.power.inverter import OFF, InverterMode, InverterRating, InverterSetpoint
from v2g.power.meter import MeterReading
from v2g.station.config.settings import EvseSettings
from v2g.station.offer import limits_of, offer_of
from v2g.station.orders import SAFE, Orders
from v2g.station.power.decider import Decider, Situation
from v2g.station.power.limits import Bound, Decision
from v2g.station.readings import Readings
from v2g.station.report import Note, Report
from v2g.station.safety.cable_check import TEST_CURRENT_A, CableCheck, test_voltage_v
from v2g.station.safety.supervisor import Supervisor

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.slac.event import Event as LineEvent
    from v2g.station.quirks import Quirk
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.heat import Heat
    from v2g.station.safety.plug import Plug

BREAK_S = 0.05
"""How long the contactor may wait for the inverter to bring the current down before it breaks it."""
AT_ONCE = (Fault.ISLANDING, Fault.GRID, Fault.GRID_SENSOR_LOST, Fault.PILOT, Fault.UNPLUGGED, Fault.RESIDUAL_CURRENT)
"""The contactor waits for nothing then: somebody may take the grid for dead, or hold the plug in the hand. Its
mechanics take longer than the inverter's off, so that it seldom breaks a current."""
HEAT_S = 0.1
"""Between steps of the heat's model."""
STOP_S = 30.0
"""How long a car has to follow the station's wish to stop; after that the station stops by itself."""
NOT_READY_S = 5.0
"""How long a car is kept waiting for hardware that is not ready, before it is told why not."""
MOST_DEVIATIONS = 20
"""So many deviations of a car's messages from their schema are told in a session."""
TELL_S = 1.0
"""The trace is not told more often of the same wish and the same limit; a new one is told at once, however short."""
_SCHEDULE_S = 86_400
Causes = tuple[str, str | None]


class Evse:
    """One EVSE of the station."""

    def __init__(self, evse: EvseSettings, rating: InverterRating | None = None, site: Bound | None = None) -> None:
        """`rating`: of the inverter; None for an EVSE without one. `site`: its share of the site's limit."""
        self.settings = evse
        self.rating = rating
        self.decider = Decider(evse, site)
        self.supervisor = Supervisor(evse)
        self.guard: GridGuard | None = None
        self.plug: Plug | None = None
        self.heat: Heat | None = None
        """These three are made with the first readings, where the EVSE has what they need."""
        self.quirks: tuple[Quirk, ...] | None = None if evse.quirks else ()
        """Known deviations of cars; None: those of the package, to be loaded with the first car."""
        self.conversation: Conversation | None = None
        self.events: list[Event | Note] = []
        """What happened since the shell last took it away."""
        self.report = Report()
        self._readings = self._fresh_of = self._believed = Readings()
        self._fresh_at = float("-inf")
        self._limited: tuple[InverterRating | None, Limits] | None = None
        """The limits, and the rating that they rest on."""
        self._paused: Paused | None = None
        self._check: CableCheck | None = None
        self._trip: tuple[Fault, str] | None = None
        self._stop, self._stop_by = Stop.NONE, 0.0
        self._off_since: float | None = None
        self._breaks = True
        self._unsafe_since: float | None = None
        self._connected_at = float("-inf")
        self._waits_since: float | None = None
        self._told: ContactorFault | None = None
        self._meter_at_start: MeterReading | None = None
        self._causes: Causes | None = None
        self._told_causes: dict[Causes, float] = {}
        """Who wished and what bound when the trace was told last, and when each such pair was told."""
        self._heat_s = float("-inf")
        self._deviations: set[str] = set()

    # The conversation with the car

    def connected(self, now: float, peer: bytes | None) -> None:
        """A car connected. `peer`: SHA-512 of its certificate, with TLS."""
        evse = self._allowing()
        self.conversation = Conversation(
            offer_of(evse), now, peer=peer, paused=self._paused, sequence=PROFILES[evse.timing]
        )
        self.report = Report()
        self._connected_at, self._waits_since = now, None
        self._trip = self._check = None
        self._stop = Stop.NONE
        self.decider.new_session()
        self._deviations.clear()
        self._causes, self._told_causes = None, {}
        self._meter_at_start = self.fresh(now).meter

    def receive(self, payload_type: int, payload: bytes, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """A payload of the car; returns the payloads to send."""
        if self.conversation is None:
            return []
        self._supervise(now, unix_s)
        self.report.messages += 1
        return self._take(self.conversation.receive(payload_type, payload, now, self._plant(now, unix_s)), now)

    def disconnected(self, now: float, fault: Fault, reason: str) -> None:
        """The connection is gone. Before the end of the session that is a fault."""
        if self.conversation is not None:
            self._take(self.conversation.abort(fault, reason), now)
            self.conversation = None

    def stop(self, kind: Stop, now: float) -> bool:
        """Ask the car to end or pause its session; False where there is none. A repeated wish changes nothing."""
        if self.conversation is None or self.conversation.end is not None:
            return False
        if self._stop is Stop.NONE:
            self._stop_by = now + STOP_S
        if self._stop is not kind:
            self._stop = kind
            self.events.append(Note(f"asking the car to {kind.name.lower()}"))
        return True

    # The world

    def measured(self, readings: Readings, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """New readings; returns the payloads to send, for an answer may have waited for them."""
        self._readings = readings
        self._equip()
        sent = self._supervise(now, unix_s)
        self._tell_contactor_fault(now)
        if self.conversation is not None and self.conversation.waits:
            sent += self._take(self.conversation.renew(now, self._plant(now, unix_s)), now)
        if self._unsafe_since is not None and self._is_safe(now):
            took_s, self._unsafe_since = now - self._unsafe_since, None
            self.events.append(Note(f"safe state reached {took_s:.3f} s after the fault: no power, contactor open"))
        return sent

    def line(self, event: "LineEvent", now: float) -> None:
        """Something happened on the power line."""
        self._equip()
        if self.plug is not None:
            self.events += (Note(text, warning) for text, warning in self.plug.line(event))

    def closed_to_talk(self) -> str | None:
        """Why no car may open a conversation now, or None."""
        if self.settings.pilot is None:
            return None
        return "the control pilot has not been read yet" if self.plug is None else self.plug.closed_to_talk()

    def expire(self, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """Time has passed."""
        sent = self._supervise(now, unix_s)
        deadline = self.next_deadline()
        if self.conversation is not None and deadline is not None and now >= deadline:
            sent += self._take(self.conversation.expire(now, self._plant(now, unix_s)), now)
        return sent

    def next_deadline(self) -> float | None:
        """When `expire` must be called at the latest."""
        return None if self.conversation is None else self.conversation.next_deadline()

    @property
    def decision(self) -> Decision | None:
        """What power flows and why; None while no energy may flow."""
        return self.decider.decision

    @property
    def demand(self) -> Demand:
        """What the conversation wants, as far as nothing stands against it."""
        return Demand() if self.conversation is None or self._trip else self.conversation.demand

    def orders(self, now: float) -> Orders:
        """What the hardware should be now."""
        orders = replace(
            self._power_orders(now),
            ccid_closed=self._trip is None and (self.guard is None or self.guard.trip is None),
            pump=1.0 if self.heat is None or self.heat.allowance is None else self.heat.allowance.pump,
        )
        if self.plug is None:
            return orders if self.settings.pilot is None else replace(SAFE, inverter=orders.inverter)
        contactor = self.fresh(now).contactor
        may_close = self.plug.may_close(contactor is not None and contactor.closed)
        return replace(
            orders,
            contactor_closed=(orders.contactor_closed or self._basic(now)) and may_close,
            pilot_duty=self.plug.pilot.duty,
            matching=self.plug.wants_matching,
        )

    def _power_orders(self, now: float) -> Orders:
        demand = self.demand
        if demand.stage is Stage.OFF:
            return self._off(now)
        self._off_since = None
        match demand.stage:
            case Stage.CABLE_CHECK:
                return self._checking(demand, now)
            case Stage.PRECHARGE:
                raise_to = InverterSetpoint(
                    mode=InverterMode.VOLTAGE, voltage_v=demand.voltage_v, current_a=TEST_CURRENT_A
                )
                return Orders(raise_to, contactor_closed=True)
            case _:
                return Orders(self._set_point(demand, now), contactor_closed=True)

    # What is known

    def fresh(self, now: float) -> Readings:
        """The readings that can be believed now; asked for many times at each instant."""
        if self._fresh_at != now or self._fresh_of is not self._readings:
            self._fresh_at, self._fresh_of, self._believed = now, self._readings, self._readings.fresh(now)
        return self._believed

    def ready(self, now: float) -> bool:
        """Whether every device does its part."""
        return self.missing(now) is None

    def missing(self, now: float) -> tuple[Fault, str] | None:
        """The first device that does not do its part, or None."""
        self.supervisor.rating = self.rating
        return self.supervisor.hardware(self.fresh(now), now, dc=self.settings.inverter is not None)

    @property
    def car(self) -> CarState:
        """What the car has told of itself; nothing where none is in conversation."""
        session = self._session
        return CarState() if session is None else session.car

    def power_w(self, now: float) -> float | None:
        """Power at the car's side for DC, at the meter for AC."""
        readings = self.fresh(now)
        source = readings.inverter or readings.meter
        return None if source is None else source.power_w

    def account(self, now: float) -> None:
        """Bring the report's energy up to the meter's reading."""
        meter, start = self.fresh(now).meter, self._meter_at_start
        if self._meter_at_start is None and self.conversation is not None:
            self._meter_at_start = meter
        elif meter is not None and start is not None and self.conversation is not None:
            self.report.charged_wh = meter.import_wh - start.import_wh
            self.report.discharged_wh = meter.export_wh - start.export_wh

    # Inside

    def _allowing(self) -> EvseSettings:
        """The settings for the matched car: known deviations are told, and allowed for."""
        from v2g.station import quirks

        if self.quirks is None:
            self.quirks = quirks.shipped()
        match = None if self.plug is None else self.plug.match
        found = [] if match is None else quirks.of_mac(self.quirks, match.car)
        self.events += [Note(each.describe(allowed=True)) for each in found]
        return quirks.allowing(self.settings, found)

    def _tell_deviations(self, evcc_id: str) -> None:
        """Of a car that has named itself; the offer has been made by then."""
        from v2g.station import quirks

        self.events += [Note(each.describe(allowed=False)) for each in quirks.of_evcc_id(self.quirks or (), evcc_id)]

    def _plant(self, now: float, unix_s: int) -> StationView:
        readings, limits = self.fresh(now), self._limits()
        inverter, contactor, meter = readings.inverter, readings.contactor, readings.meter
        meter_id = self.settings.evse_id[:32]
        return StationView(
            unix_s=unix_s,
            authorization=self._authorization(now),
            may_discharge=self.settings.may_feed,
            limits=limits,
            cable_check=self._check_state(),
            # What was seen before this car came is the end of an earlier session.
            contactor_closed=None if contactor is None or contactor.time_s < self._connected_at else contactor.closed,
            voltage_v=0.0 if inverter is None else inverter.voltage_v,
            current_a=0.0 if inverter is None else inverter.current_a,
            power_w=self.power_w(now) or 0.0,
            target_w=0.0 if self.decision is None else self.decision.power_w,
            limited=self.decision is not None and self.decision.limited,
            stop=self._stop,
            meter=None if meter is None else Meter(meter_id, int(meter.import_wh), int(meter.export_wh)),
            schedule=(Slot(_SCHEDULE_S, limits.charge_w, limits.discharge_w),),
        )

    def _authorization(self, now: float) -> Authorization:
        access = self.settings.access
        if access.grant == "nobody" or (access.grant == "listed" and self.car.evcc_id not in access.evcc_ids):
            return Authorization.REJECTED
        # A station whose hardware is not there keeps the car waiting rather than promise what it cannot do.
        return Authorization.ACCEPTED if self.ready(now) else Authorization.PENDING

    def _limits(self) -> Limits:
        """What the EVSE can do: its own capability within the inverter's rating."""
        if self._limited is None or self._limited[0] is not self.rating:
            self._limited = self.rating, limits_of(self.settings, self.rating)
        return self._limited[1]

    def _equip(self) -> None:
        """Make what the EVSE needs besides, once the station listens."""
        evse, rating = self.settings, self.rating
        if self.guard is None and evse.grid_code is not None:
            from v2g.station.safety.grid_guard import GridGuard

            self.guard = self.supervisor.guard = GridGuard(evse, evse.grid_code)
        if self.plug is None and evse.pilot is not None:
            from v2g.station.safety.plug import Plug

            self.plug = self.supervisor.plug = Plug(evse.pilot, matches=evse.plc is not None)
        if self.heat is None and evse.inverter is not None and rating is not None:
            from v2g.station.safety.heat import INVERTER_ONLY, Heat

            self.heat = Heat(evse.thermal or INVERTER_ONLY, rating)

    def _basic(self, now: float) -> bool:
        """Whether a car that does not talk may draw what the duty cycle tells it (AC, IEC 61851-1)."""
        plug, access = self.plug, self.settings.access
        ac = any(service.startswith("AC") for service in self.settings.services)
        fallen_back = plug is not None and plug.pilot.signal is Signal.NOMINAL
        return fallen_back and ac and access.grant == "everyone" and self.conversation is None and self.ready(now)

    def _supervise(self, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """Compare the power path with what the session needs of it; trip where it does not hold."""
        self.account(now)
        self.supervisor.rating = self.rating
        self._watch(now)
        if self.guard is not None and (said := self.guard.step(self._readings, now)) is not None:
            self.events.append(Note(said, warning=self.guard.trip is not None))
        conversation, demand = self.conversation, self.demand
        if conversation is None or conversation.end is not None or self._trip is not None:
            return []
        if self._stop is not Stop.NONE and now > self._stop_by:
            return self._fail(Fault.SEQUENCE_TIMEOUT, f"the car did not stop within {STOP_S:g} s", now, unix_s)
        if demand.stage is Stage.OFF or demand.service is None:
            left = self.supervisor.cable(Stage.OFF, self.fresh(now), now) if self.plug is not None else None
            return self._keep_waiting(now, unix_s) if left is None else self._fail(*left, now, unix_s)
        told_w = 0.0 if self.decision is None else self.decision.power_w
        missing = self.supervisor.power_path(demand, self.fresh(now), now, told_w)
        if missing is None and self._check is not None and self._check.failed:
            missing = Fault.CABLE_CHECK, self._check.failed
        return [] if missing is None else self._fail(*missing, now, unix_s)

    def _watch(self, now: float) -> None:
        """Pilot and heat go on, with or without a car in conversation."""
        if self.plug is not None:
            broken = self.supervisor.alarm(self.fresh(now), now) is not None
            signal = Signal.UNAVAILABLE if broken or self._told is not None else Signal.DIGITAL
            self.events += (Note(text, warning) for text, warning in self.plug.step(self._readings.pilot, signal, now))
        if self.heat is not None and now - self._heat_s >= HEAT_S:
            self._heat_s = now
            self.heat.step(self.fresh(now), now)

    def _keep_waiting(self, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """A car that only waits for the hardware is not left to guess: after a while it is told, with the cause."""
        assert self.conversation is not None
        missing = self.missing(now)
        if missing is None or self.conversation.phase != Phase.AUTHORIZATION.name:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > NOT_READY_S:
            return self._fail(*missing, now, unix_s)
        return []

    def _tell_contactor_fault(self, now: float) -> None:
        """A contactor that welds as a session ends trips nothing any more, but must not go untold."""
        contactor = self.fresh(now).contactor
        found = None if contactor is None else contactor.fault
        tripped_by_it = self._trip is not None and self._trip[0] is Fault.CONTACTOR
        if found is not None and found is not self._told and not tripped_by_it:
            self.events.append(Faulted(Fault.CONTACTOR, f"the contactor reports {found}"))
        self._told = found

    def _fail(self, fault: Fault, reason: str, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        assert self.conversation is not None
        self._trip = fault, reason
        self._unsafe_since = now
        self.events.append(Faulted(fault, reason))
        return self._take(self.conversation.fail(fault, reason, now, self._plant(now, unix_s)), now)

    def _tell_misshapen(self, event: Received) -> None:
        """Each once in a session: who has to do with this car wants to know, not to read it ten times a second."""
        for deviation in event.deviations:
            if len(self._deviations) < MOST_DEVIATIONS and deviation not in self._deviations:
                self._deviations.add(deviation)
                self.events.append(Note(f"{type(event.message).__name__} deviates: {deviation}", warning=True))

    def _take(self, step: Step, now: float) -> list[tuple[int, bytes]]:
        """Take over what a step of the conversation brought about."""
        for event in step.events:
            if isinstance(event, Faulted) and self._trip is None:
                self._trip = event.fault, event.reason
                self._unsafe_since = now
            elif isinstance(event, Faulted):
                continue  # told already, when it tripped
            elif isinstance(event, Sent):
                self.report.last_message = type(event.message).__name__
            elif isinstance(event, Received):
                self._tell_misshapen(event)
            self.events.append(event)
        session = self._session
        if session is not None:
            report, selection = self.report, session.selection
            if session.car.evcc_id != report.evcc_id:
                self._tell_deviations(session.car.evcc_id)
            report.session_id, report.evcc_id = session.session_id.hex().upper(), session.car.evcc_id
            if selection is not None:
                report.service, report.mode = selection.service.name, selection.mode.name.lower()
        end = self.conversation.end if self.conversation is not None else None
        if end is not None and not self.report.result:
            self.report.result = "completed" if end.fault is None else "failed"
            self.report.fault = None if end.fault is None else f"{end.fault.code} {end.reason}"
            self._paused = end.paused
            ending = "paused" if end.paused else "ended"
            self.events.append(
                Note(
                    f"session {ending}: charged {self.report.charged_wh:.1f} Wh, "
                    f"discharged {self.report.discharged_wh:.1f} Wh, {self.report.messages} messages"
                )
            )
        return step.send

    @property
    def _session(self) -> Session | None:
        conversation = self.conversation
        return None if conversation is None or conversation.secc is None else conversation.secc.session

    def _check_state(self) -> Check:
        check = self._check
        if check is None:
            return Check.IDLE
        return Check.FAILED if check.failed else Check.PASSED if check.passed else Check.ONGOING

    def _is_safe(self, now: float) -> bool:
        """Known to be safe: the contactor is seen open, and no current is seen."""
        contactor, inverter = self.fresh(now).contactor, self.fresh(now).inverter
        current = inverter is not None and abs(inverter.current_a) >= NO_CURRENT_A
        return contactor is not None and not contactor.closed and not current

    # Orders

    def _off(self, now: float) -> Orders:
        """Power first, contactor next: it breaks a current only where the inverter does not take it away in time."""
        self._check = None
        self.decider.rest()
        if self._off_since is None:
            self._off_since, self._breaks = now, False
        readings = self.fresh(now)
        carrying = readings.inverter is not None and abs(readings.inverter.current_a) >= NO_CURRENT_A
        closed = readings.contactor is not None and readings.contactor.closed
        waits = now - self._off_since < BREAK_S and (self._trip is None or self._trip[0] not in AT_ONCE)
        self._breaks = self._breaks or not (carrying and closed and waits)  # what was told to open is not closed again
        return Orders(self._idle_inverter(), contactor_closed=not self._breaks)

    def _idle_inverter(self) -> InverterSetpoint:
        """Off; the limits that the operator set stand in its registers all the same."""
        charge_w, discharge_w = self.decider.operator.charge_w, self.decider.operator.discharge_w
        if not (isfinite(charge_w) or isfinite(discharge_w)):
            return OFF
        return replace(
            OFF,
            charge_limit_w=charge_w if isfinite(charge_w) else 0.0,
            discharge_limit_w=discharge_w if isfinite(discharge_w) else 0.0,
        )

    def _checking(self, demand: Demand, now: float) -> Orders:
        if self._check is None:
            volts = test_voltage_v(demand.car.voltage_max_v, self._limits().voltage_max_v)
            self._check = CableCheck(volts, now)
        readings = self.fresh(now)
        wanted = self._check.step(
            readings.inverter, readings.contactor, readings.isolation, readings.self_test_since, now
        )
        return Orders(wanted.inverter, wanted.contactor_closed, wanted.self_test)

    def _set_point(self, demand: Demand, now: float) -> InverterSetpoint:
        if demand.stage is not Stage.ENERGY:
            self.decider.rest()
        else:
            self._decide(demand, now)
        if demand.service is None or not demand.service.dc:
            return OFF
        limits, operator, decision = self._limits(), self.decider.operator, self.decision
        return InverterSetpoint(
            mode=InverterMode.POWER,
            voltage_v=min(demand.car.voltage_max_v or limits.voltage_max_v, limits.voltage_max_v),
            minimum_voltage_v=max(demand.car.voltage_min_v, limits.voltage_min_v),
            power_w=0.0 if decision is None else decision.power_w,
            reactive_var=0.0 if decision is None else decision.reactive_var,
            charge_limit_w=min(limits.charge_w, operator.charge_w),
            discharge_limit_w=min(limits.discharge_w, operator.discharge_w),
        )

    def _decide(self, demand: Demand, now: float) -> None:
        situation = Situation(demand, self.car, self.fresh(now), self.rating, self._stop, self.heat)
        decision = self.decider.decide(situation, self.guard, now)
        causes = decision.wished_by, None if decision.binding is None else decision.binding.source
        if causes != self._causes and now - self._told_causes.get(causes, float("-inf")) >= TELL_S:
            self._causes = causes
            self._told_causes[causes] = now
            self.events.append(Note(decision.sentence))
