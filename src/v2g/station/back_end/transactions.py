"""The transaction of one EVSE, from what the station sees of it: begun when a car is connected and authorised, ended
when it is not any more (TxStartPoint PowerPathClosed; TxStopPoint EVConnected, Authorized)."""

from collections.abc import Callable, Iterable
from secrets import token_hex

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from v2g.iso15118.view import Stage, Stop
from v2g.kernel.fault import Fault
from v2g.ocpp import v21
from v2g.ocpp.profile_rules import Running
from v2g.ocpp.schedule import timestamp
from v2g.power.meter import NO_POWER_W, MeterReading
from v2g.station.access import Answer
from v2g.station.back_end.authorizer import BackEndAuthorizer
from v2g.station.evse import Evse
from v2g.station.visit import Visit

SETTLES_S = 5.0
"""How long an end waits for the meter to show that the power is off, so that its registers are the last ones."""
METER_S = 30.0
"""How long an end waits for a silent meter, so that what has flowed since its last reading belongs to somebody."""
STATE_S = 2.0
"""A charging state is reported once it has lasted this long: a set-point may cross zero."""

_REASONS: dict[Fault, v21.ReasonEnumType] = {
    Fault.EMERGENCY_STOP: "EmergencyStop",
    Fault.RESIDUAL_CURRENT: "GroundFault",
    Fault.CABLE_CHECK: "GroundFault",
    Fault.OVER_CURRENT: "OvercurrentFault",
    Fault.GRID: "PowerQuality",
    Fault.ISLANDING: "PowerQuality",
    Fault.UNPLUGGED: "EVDisconnected",
    Fault.CONNECTION_LOST: "EVDisconnected",
}


class Transaction(Struct, frozen=True):
    """What is kept of a transaction that runs."""

    id: str
    evse: int
    since_s: int
    seq: int
    """Of the next event."""
    token: v21.IdTokenType
    import_wh: float | None = None
    """The meter's last reading of this transaction."""
    export_wh: float | None = None


class Tracker:
    """Follows one EVSE. `step` returns the events that are due."""

    def __init__(self, evse: Evse, authorizer: BackEndAuthorizer, left_over: Transaction | None = None) -> None:
        """`left_over`: what ran when the process before this one ended."""
        self.evse, self.authorizer = evse, authorizer
        self.running: Transaction | None = None
        self.mode: v21.OperationModeEnumType | None = None
        """Of the back end's order; None without one."""
        self.stopped: tuple[v21.TriggerReasonEnumType, v21.ReasonEnumType] | None = None
        """Who asked for the end, if somebody did."""
        self.measurands: Callable[[str | None, str | None], tuple[str, ...]] = lambda kind, mode: ()
        """Further measurands of a kind of event in an operation mode."""
        self.priority = False
        """Whether the transaction charges with priority."""
        self._left_over = left_over
        self._ending: tuple[v21.TriggerReasonEnumType, v21.ReasonEnumType] | None = None
        self._ending_since: float | None = None
        self._visit: Visit | None = None
        """The visit that the transaction which runs belongs to."""
        self._over: object = None
        """The visit whose transaction is over, or about to be: it gets no second one."""
        self._seen: MeterReading | None = None
        """The meter's last reading in the transaction that runs; it is later than that of the last event."""
        self._state: v21.ChargingStateEnumType = "EVConnected"
        self._state_seen: tuple[str, float] = ("EVConnected", 0.0)
        self._mode: str | None = None
        self._metered_s = 0.0
        self._connected = False
        self._phases: int | None = None
        """On how many phases energy flowed when that was reported last."""

    @property
    def schedule(self) -> Running | None:
        """For the charging profiles."""
        running = self.running
        return None if running is None else Running(running.id, running.since_s, self.priority)

    @property
    def connected(self) -> bool:
        """Whether a car is here."""
        plug = self.evse.plug
        return self.evse.busy if plug is None else plug.pilot.connected or self.evse.busy

    @property
    def waits(self) -> bool:
        """Whether the transaction of the process before this one has not been ended yet: the meter is not known."""
        return self._left_over is not None

    @property
    def ends(self) -> bool:
        """Whether the transaction is over, and its end has not been reported yet."""
        return self._ending is not None

    def gives_way(self, token: v21.IdTokenType) -> bool:
        """Whether a transaction has to end before a car may charge by this token: it runs on in the pause of a session,
        or the car has shown something else meanwhile, and nobody is billed with it but who has begun it."""
        if self.running is None or self.running.token == token:
            return False
        if self._ending is None:
            self._ending, self._over = ("StopAuthorized", "StoppedByEV"), None
        return True

    def step(self, now: float, unix_s: int, interval_s: float) -> list[v21.TransactionEventRequest]:
        """The events since the last look. `interval_s`: between meter values, 0 for none."""
        meter = self.evse.fresh(now).meter
        events = self._finish_left_over(meter, now, unix_s)
        connected, visit = self.connected, self.evse.visit
        if self._connected and not connected and self.running is None:
            self.authorizer.left()
        self._connected = connected
        if self.running is None:
            if self._left_over is not None:
                return events
            verdict = visit.verdict
            granted = self.authorizer.granted(now) is not None and self.authorizer.refused is None
            let_in = granted and verdict is not None and verdict.answer is Answer.GRANTED
            begins = connected and let_in and visit is not self._over and not visit.report.result
            if begins and meter is not None:  # no energy flows without one, and all of it has to be in the registers
                events.append(self._start(meter, now, unix_s))
            return events
        self._seen = meter or self._seen
        if self._ending is None:
            before, self._visit = self._visit, visit
            if before is not None and before is not visit and before.report.result and not self._paused(before):
                # The next one came between two looks: it is not billed with this one.
                self._ending, self._over = self._why(before, connected=True), before
            else:
                self._ending, self._over = self._why_over(connected), visit
        if self._ending is not None:
            if self._settled(meter, now):
                events.append(self._end(self._ending, meter, unix_s))
            return events
        events += self._changes(meter, now, unix_s)
        if interval_s and now - self._metered_s >= interval_s:
            self._metered_s = now
            events.append(self._event("Updated", "MeterValuePeriodic", meter, unix_s, "Sample.Periodic"))
        return events

    def stop(self, now: float) -> None:
        """End the transaction in order: no power at once, then the car has its time to end the session."""
        self.evse.stop(Stop.TERMINATE, now)

    def set_back(self, by_s: float) -> None:
        """The clock was set back: what counts from the start of the transaction is as old as before."""
        if self.running is not None:
            self.running = replace(self.running, since_s=self.running.since_s - round(by_s))

    def triggered(self, now: float, unix_s: int) -> v21.TransactionEventRequest | None:
        """What TriggerMessage asks for."""
        if self.running is None:
            return None
        return self._event("Updated", "Trigger", self.evse.fresh(now).meter, unix_s, "Trigger")

    def happened(
        self,
        trigger: v21.TriggerReasonEnumType,
        now: float,
        unix_s: int,
        context: v21.ReadingContextEnumType = "Other",
    ) -> v21.TransactionEventRequest | None:
        """Something happened that the EVSE does not show: an event about it, if there is a transaction."""
        if self.running is None:
            return None
        return self._event("Updated", trigger, self.evse.fresh(now).meter, unix_s, context)

    def _start(self, meter: MeterReading, now: float, unix_s: int) -> v21.TransactionEventRequest:
        grant = self.authorizer.used(now)
        assert grant is not None
        self.running = Transaction(token_hex(16), self.evse.settings.id, unix_s, 0, grant.token)
        self._visit = self.evse.visit
        self.stopped, self._mode, self._state, self._metered_s, self._phases = None, None, "EVConnected", now, None
        remote = grant.remote_start
        event = self._event(
            "Started", "Authorized" if remote is None else "RemoteStart", meter, unix_s, "Transaction.Begin"
        )
        info = replace(event.transactionInfo, remoteStartId=UNSET if remote is None else remote)
        return replace(
            event,
            evse=v21.EVSEType(id=self.evse.settings.id, connectorId=1),
            idToken=self._named(grant.token),
            transactionInfo=info,
            reservationId=UNSET if grant.reservation is None else grant.reservation,
        )

    def _named(self, token: v21.IdTokenType) -> v21.IdTokenType:
        """The token with the name of the car, if that is something else (Q01.FR.02)."""
        name = self.evse.car.evcc_id
        if not name or token.type == "EVCCID":
            return token
        return replace(token, additionalInfo=(v21.AdditionalInfoType(additionalIdToken=name, type="EVCCID"),))

    def _end(
        self, why: tuple[v21.TriggerReasonEnumType, v21.ReasonEnumType], meter: MeterReading | None, unix_s: int
    ) -> v21.TransactionEventRequest:
        self._state = "EVConnected" if self.connected else "Idle"
        event = self._event("Ended", why[0], meter, unix_s, "Transaction.End")
        self.running, self.stopped, self._ending, self._seen = None, None, None, None
        self.priority = False
        self.authorizer.left()
        return replace(event, transactionInfo=replace(event.transactionInfo, stoppedReason=why[1]))

    def _why_over(self, connected: bool) -> tuple[v21.TriggerReasonEnumType, v21.ReasonEnumType] | None:
        if self.evse.busy or self.evse.demand.stage is not Stage.OFF:
            return None
        return self._why(self.evse.visit, connected)

    def _why(self, visit: Visit, connected: bool) -> tuple[v21.TriggerReasonEnumType, v21.ReasonEnumType] | None:
        """Why the transaction of a visit is over whose session has ended."""
        if self.stopped is not None:
            return self.stopped
        trip = visit.trip or visit.ending
        if trip is not None:
            reason = _REASONS.get(trip[0], "Other")
            return ("EVCommunicationLost" if reason == "EVDisconnected" else "AbnormalCondition"), reason
        if visit.report.result and not (connected and self._paused(visit)):
            return "StopAuthorized", "StoppedByEV" if visit.stop is Stop.NONE else "Local"
        if not connected:
            return "EVCommunicationLost", "EVDisconnected"
        return ("StopAuthorized", "Local") if visit.stop is Stop.TERMINATE else None

    def _paused(self, visit: Visit) -> bool:
        """Whether it is the session of this visit that may be resumed: another car may have left one behind."""
        paused = self.evse.paused
        return paused is not None and paused.session_id.hex().upper() == visit.report.session_id

    def _changes(self, meter: MeterReading | None, now: float, unix_s: int) -> list[v21.TransactionEventRequest]:
        events = []
        state = self._charging_state(now)
        if state != self._state_seen[0]:
            self._state_seen = state, now
        if state != self._state and now - self._state_seen[1] >= STATE_S:
            self._state = state
            events.append(self._event("Updated", "ChargingStateChanged", meter, unix_s, "Other"))
        if self.mode != self._mode:
            self._mode = self.mode
            events.append(self._event("Updated", "OperationModeChanged", meter, unix_s, "Other"))
        return events

    def _charging_state(self, now: float) -> v21.ChargingStateEnumType:
        evse = self.evse
        if evse.demand.stage is not Stage.ENERGY:
            if not evse.mute or evse.plug is None:
                return "EVConnected"
            # It is let in. A depot gives nothing to one that is not, and so would never begin with it.
            return "SuspendedEV" if evse.plug.pilot.announced_a else "SuspendedEVSE"
        power_w = evse.fresh(now).power_w
        if power_w is not None and abs(power_w) >= NO_POWER_W:
            return "Charging"
        return "SuspendedEVSE" if evse.decision.power_w == 0.0 else "SuspendedEV"

    def _settled(self, meter: MeterReading | None, now: float) -> bool:
        """Whether the registers will not move any more, by a reading from after the end, or the meter had its time."""
        if self._ending_since is None:
            self._ending_since = now
        waited_s, least_s = now - self._ending_since, METER_S
        if meter is not None:
            off = abs(meter.power_w) < NO_POWER_W and meter.time_s > self._ending_since
            least_s = 0.0 if off else SETTLES_S
        if waited_s < least_s:
            return False
        self._ending_since = None
        return True

    def _finish_left_over(
        self, meter: MeterReading | None, now: float, unix_s: int
    ) -> list[v21.TransactionEventRequest]:
        """What the process before this one could not end: ended with the meter as it stands once the power is off."""
        left = self._left_over
        if left is None or meter is None or not self._settled(meter, now):
            return []
        self._left_over, self.running = None, left
        return [self._end(("AbnormalCondition", "PowerLoss"), meter, unix_s)]

    def values(
        self,
        meter: MeterReading | None,
        context: v21.ReadingContextEnumType,
        kind: v21.TransactionEventEnumType | None = None,
    ) -> tuple[v21.SampledValueType, ...]:
        """What is measured now; with what the operation mode of the moment adds (Q01.FR.33 to 35)."""
        values = sampled(self.running, meter, self.evse.car.soc_percent, context)
        return values + more_values(self.evse, self.mode, self.measurands(kind, self.mode), meter, context)

    def _event(
        self,
        kind: v21.TransactionEventEnumType,
        trigger: v21.TriggerReasonEnumType,
        meter: MeterReading | None,
        unix_s: int,
        context: v21.ReadingContextEnumType,
    ) -> v21.TransactionEventRequest:
        running = self.running
        assert running is not None
        known = meter or self._seen
        if known is not None:
            running = self.running = replace(running, import_wh=known.import_wh, export_wh=known.export_wh)
        self.running = replace(running, seq=running.seq + 1)
        values = self.values(meter, context, kind)
        return v21.TransactionEventRequest(
            numberOfPhasesUsed=self._new_phases(),
            eventType=kind,
            timestamp=timestamp(unix_s),
            triggerReason=trigger,
            seqNo=running.seq,
            meterValue=(v21.MeterValueType(sampledValue=values, timestamp=timestamp(unix_s)),) if values else UNSET,
            transactionInfo=v21.TransactionType(
                transactionId=running.id,
                chargingState=self._state,
                operationMode=self.mode if trigger == "OperationModeChanged" and self.mode is not None else UNSET,
            ),
        )

    def _new_phases(self) -> int | UnsetType:
        """On how many phases energy flows, if that is new to the back end (E02.FR.18, 19); of an EVSE that switches."""
        evse = self.evse
        phases = evse.settings.phases if evse.switch is not None and evse.demand.stage is Stage.ENERGY else None
        if phases is None or phases == self._phases:
            return UNSET
        self._phases = phases
        return phases


def sampled(
    running: Transaction | None, meter: MeterReading | None, soc: int | None, context: v21.ReadingContextEnumType
) -> tuple[v21.SampledValueType, ...]:
    """Both registers, which only ever rise, and the power in each direction; without a meter the last registers."""
    rows: list[tuple[float | None, v21.MeasurandEnumType, str]] = []
    if meter is not None:
        rows = [
            (meter.import_wh, "Energy.Active.Import.Register", "Wh"),
            (meter.export_wh, "Energy.Active.Export.Register", "Wh"),
            (max(0.0, meter.power_w), "Power.Active.Import", "W"),
            (max(0.0, -meter.power_w), "Power.Active.Export", "W"),
        ]
    elif running is not None:
        rows = [
            (running.import_wh, "Energy.Active.Import.Register", "Wh"),
            (running.export_wh, "Energy.Active.Export.Register", "Wh"),
        ]
    rows.append((None if soc is None else float(soc), "SoC", "Percent"))
    return tuple(
        v21.SampledValueType(
            value=value, measurand=measurand, context=context, unitOfMeasure=v21.UnitOfMeasureType(unit=unit)
        )
        for value, measurand, unit in rows
        if value is not None
    )


def more_values(
    evse: Evse, mode: str | None, wanted: Iterable[str], meter: MeterReading | None, context: v21.ReadingContextEnumType
) -> tuple[v21.SampledValueType, ...]:
    """Measurands beyond those that every event has. What is not known is left out."""
    order, car, sensor = evse.back_end, evse.car, None if meter is None else meter
    setpoint_w = None if order is None else order.setpoint_w
    power_w = None if meter is None else meter.power_w
    allowed = evse.decision.allowed
    known: dict[v21.MeasurandEnumType, tuple[float | None, str]] = {
        "Power.Active.Setpoint": (setpoint_w, "W"),
        "Power.Active.Residual": (None if setpoint_w is None or power_w is None else power_w - setpoint_w, "W"),
        "Power.Import.Offered": (allowed.charge_w, "W"),
        "Power.Export.Offered": (allowed.discharge_w, "W"),
        "Energy.Active.Net": (None if sensor is None else sensor.import_wh - sensor.export_wh, "Wh"),
        "Frequency": (None if sensor is None else sensor.frequency_hz, "Hz"),
        "Voltage": (None if sensor is None else sensor.voltages_v[0], "V"),
        "EnergyRequest.Target": (car.energy_target_wh, "Wh"),
        "EnergyRequest.Maximum": (car.energy_max_wh, "Wh"),
        "EnergyRequest.Minimum": (car.energy_min_wh, "Wh"),
        "EnergyRequest.Maximum.V2X": (car.v2x_max_wh, "Wh"),
        "EnergyRequest.Minimum.V2X": (car.v2x_min_wh, "Wh"),
    }
    names = set(wanted)
    return tuple(
        v21.SampledValueType(
            value=value, measurand=name, context=context, unitOfMeasure=v21.UnitOfMeasureType(unit=unit)
        )
        for name, (value, unit) in known.items()
        if name in names and value is not None
    )


MEASURANDS = "Energy.Active.Import.Register,Energy.Active.Export.Register,Power.Active.Import,Power.Active.Export,SoC"
"""What every event has."""
MORE_MEASURANDS = (
    "Power.Active.Setpoint,Power.Active.Residual,Power.Import.Offered,Power.Export.Offered,Energy.Active.Net,Frequency,"
    "Voltage,EnergyRequest.Target,EnergyRequest.Maximum,EnergyRequest.Minimum,EnergyRequest.Maximum.V2X,"
    "EnergyRequest.Minimum.V2X"
)
"""What it may have as well."""
