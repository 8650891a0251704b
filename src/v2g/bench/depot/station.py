"""A light charging station with a car: an OCPP client without hardware, thousands of which fit into a process.

It follows charging profiles by the same rules as our station (`v2g.ocpp.profiles`), keeps its transaction events until
they are answered, and moves energy in a battery. No sockets, no clock.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil
from secrets import token_hex
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from v2g.bench.depot.battery import Battery
from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.profile_rules import EvseTraits, Running
from v2g.ocpp.profiles import Profiles
from v2g.ocpp.rpc import Answered, Failed, Requested, Rpc
from v2g.ocpp.schedule import Instant, timestamp
from v2g.ocpp.version import Version

HEARTBEAT_S = 60.0


@dataclass(frozen=True)
class LightCar:
    """What a car says of itself."""

    evcc_id: str
    capacity_wh: float
    soc_pu: float
    charge_w: float = 11_000.0
    discharge_w: float = 11_000.0
    departure_s: float | None = None
    """From the moment when it is plugged in."""
    energy_wh: float | None = None
    """Wanted until then."""


class LightStation:
    """One station with one EVSE."""

    def __init__(self, identity: str, *, charge_w: float = 15_000.0, discharge_w: float = 15_000.0) -> None:
        self.identity, self.charge_w, self.discharge_w = identity, charge_w, discharge_w
        self.battery: Battery | None = None
        self.car: LightCar | None = None
        self.transaction = ""
        self.silent = False
        """A loss that nobody reports: no frame goes out, no power flows."""
        self.import_wh = self.export_wh = 0.0
        """Registers of the meter, of all cars so far."""
        self.orders = 0
        """Set-points that it has taken, renewals too."""
        self.profiles = Profiles({1: self._traits()})
        self._rpc: Rpc | None = None
        self._queue: deque[tuple[str, Message]] = deque()
        self._accepted = False
        self._pending = ""
        self._seq, self._since_s, self._interval_s, self._metered_s, self._beat_s = 0, 0.0, 60.0, 0.0, 0.0
        self._offline_since: float | None = 0.0
        self._then: float | None = None
        self._state: v21.ChargingStateEnumType = "EVConnected"

    def __getstate__(self) -> dict[str, Any]:
        """What outlives its process: not the connection, nor what was said over it."""
        since_s = self._then if self._offline_since is None else self._offline_since
        return vars(self) | {
            "profiles": self.profiles.installed,
            "_rpc": None, "_pending": "", "_accepted": False, "_offline_since": since_s, "_then": None,
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on with it."""
        vars(self).update(state)
        self.profiles = Profiles({1: self._traits()}, state["profiles"])

    def _traits(self) -> EvseTraits:
        return EvseTraits(1, dc=True, v2x=self.discharge_w > 0, charge_w=self.charge_w, discharge_w=self.discharge_w)

    @property
    def outgoing(self) -> list[str]:
        """Frames to send; taken by whoever asks."""
        if self._rpc is None or self.silent:
            return []
        frames, self._rpc.outgoing = self._rpc.outgoing, []
        return frames

    @property
    def power_w(self) -> float:
        """What flows now."""
        return 0.0 if self.battery is None or self.silent else self.battery.power_w

    @property
    def waiting(self) -> int:
        """Messages that have no answer yet."""
        return len(self._queue)

    def connected(self, version: Version, now: float) -> None:
        """A new connection; the first one of a process boots."""
        away_s = 0.0 if self._offline_since is None else now - self._offline_since
        self._rpc, self._pending, self._offline_since = Rpc(version), "", None
        self.profiles.negative_limits = not version.is_21 and self.discharge_w > 0
        self.profiles.outlived(away_s)
        if not self._accepted:
            card = v21.ChargingStationType(model="Light", vendorName="v2g bench")
            self._queue.appendleft(
                ("BootNotification", v21.BootNotificationRequest(chargingStation=card, reason="PowerUp"))
            )

    def disconnected(self, now: float) -> None:
        """The connection is gone; what waits is sent with the next one."""
        self._rpc, self._offline_since = None, now
        self._queue = deque(
            (action, replace(request, offline=True) if isinstance(request, v21.TransactionEventRequest) else request)
            for action, request in self._queue
            if action != "BootNotification"
        )

    def plug_in(self, car: LightCar, now: float, unix_s: float) -> None:
        """A car comes: its transaction begins."""
        self.car, self.battery = car, Battery(car.capacity_wh, car.soc_pu * car.capacity_wh)
        self.transaction, self._seq, self._since_s, self._state = token_hex(16), 0, unix_s, "EVConnected"
        token = v21.IdTokenType(idToken=car.evcc_id, type="EVCCID")
        self._status("Occupied", unix_s)
        self._queue.append(("Authorize", v21.AuthorizeRequest(idToken=token)))
        started = self._event("Started", "Authorized", unix_s)
        self._add(replace(started, evse=v21.EVSEType(id=1, connectorId=1), idToken=token))
        self._queue.append(("NotifyEVChargingNeeds", self._needs(car, unix_s)))
        self._state = "Charging"
        self._add(self._event("Updated", "ChargingStateChanged", unix_s))
        self._metered_s = now

    def unplug(self, unix_s: float) -> None:
        """The car leaves, and the station says so."""
        if self.battery is None:
            return
        self._state = "Idle"
        ended = self._event("Ended", "EVDeparted", unix_s)
        self._add(replace(ended, transactionInfo=replace(ended.transactionInfo, stoppedReason="EVDisconnected")))
        self.import_wh += self.battery.import_wh
        self.export_wh += self.battery.export_wh
        self.profiles.ended(self.transaction)
        self.battery, self.car, self.transaction = None, None, ""
        self._status("Available", unix_s)

    def step(self, now: float, unix_s: float) -> None:
        """Time has passed: energy moves, messages are due."""
        passed_s, self._then = 0.0 if self._then is None else now - self._then, now
        if self.battery is not None and not self.silent:
            wanted_w = self.wanted_w(now, unix_s)
            self.battery.step(wanted_w, passed_s)
            if now - self._metered_s >= self._interval_s:
                self._metered_s = now
                self._add(self._event("Updated", "MeterValuePeriodic", unix_s))
        if now - self._beat_s >= HEARTBEAT_S and not self._queue:
            self._beat_s = now
            self._queue.append(("Heartbeat", v21.HeartbeatRequest()))
        self._speak(now)

    def wanted_w(self, now: float, unix_s: float) -> float:
        """What the charging profiles ask of it now."""
        assert self.car is not None
        away_s = 0.0 if self._offline_since is None else now - self._offline_since
        order = self.profiles.order(1, Running(self.transaction, self._since_s), Instant(unix_s, away_s))
        most_w = min(order.charge_w, self.charge_w, self.car.charge_w)
        if order.setpoint_w is None:
            return most_w
        least_w = -min(order.discharge_w, self.discharge_w, self.car.discharge_w)
        return max(least_w, min(order.setpoint_w, most_w))

    def receive(self, frame: str | bytes, now: float, unix_s: float) -> None:
        """A frame of the back end."""
        rpc = self._rpc
        if rpc is None or self.silent:
            return
        match rpc.receive(frame):
            case Requested(id, action, request):
                response = self._answer(action, request, unix_s)
                if response is None:
                    rpc.refuse(id, "NotSupported", f"no {action} here")
                else:
                    rpc.answer(id, response)
            case Answered(id, action, _) if id == self._pending:
                self._queue.popleft()
                self._pending, self._accepted = "", self._accepted or action == "BootNotification"
            case Failed(id, _, _, _) if id == self._pending:
                self._queue.popleft()
                self._pending = ""
        self._speak(now)

    def _speak(self, now: float) -> None:
        rpc = self._rpc
        if rpc is None or self.silent:
            return
        if rpc.expire(now) is not None:
            self._pending = ""
        if self._queue and rpc.ready:
            self._pending = rpc.call(*self._queue[0], now)

    def _answer(self, action: str, request: Message, unix_s: float) -> Message | None:
        running = {1: Running(self.transaction, self._since_s)} if self.battery is not None else {}
        match request:
            case v21.SetChargingProfileRequest(evseId=evse, chargingProfile=profile):
                refusal = self.profiles.set(evse, profile, running, unix_s)
                self.orders += refusal is None
                return v21.SetChargingProfileResponse(**_status_of(refusal))
            case v21.UpdateDynamicScheduleRequest(chargingProfileId=id, scheduleUpdate=update):
                refusal = self.profiles.update(id, update, running, unix_s)
                self.orders += refusal is None
                return v21.UpdateDynamicScheduleResponse(**_status_of(refusal))
            case v21.ClearChargingProfileRequest():
                found = self.profiles.clear(
                    given(request.chargingProfileId, None), given(request.chargingProfileCriteria, None)
                )
                return v21.ClearChargingProfileResponse(status="Accepted" if found else "Unknown")
            case v21.GetChargingProfilesRequest():
                reported = list(self.profiles.find(given(request.evseId, None), request.chargingProfile))
                self._queue.extend(
                    ("ReportChargingProfiles",
                     v21.ReportChargingProfilesRequest(requestId=request.requestId, chargingLimitSource=each.source,
                                                       chargingProfile=(each.profile,), tbc=each is not reported[-1],
                                                       evseId=each.evse))
                    for each in reported
                )  # fmt: skip
                return v21.GetChargingProfilesResponse(status="Accepted" if reported else "NoProfiles")
            case v21.GetVariablesRequest(getVariableData=asked):
                return v21.GetVariablesResponse(getVariableResult=tuple(map(self._variable, asked)))
            case v21.SetVariablesRequest(setVariableData=asked):
                return v21.SetVariablesResponse(setVariableResult=tuple(map(self._set, asked)))
            case v21.TriggerMessageRequest():
                self._status("Available" if self.battery is None else "Occupied", unix_s)
                return v21.TriggerMessageResponse(status="Accepted")
            case v21.RequestStopTransactionRequest(transactionId=id):
                if id != self.transaction:
                    return v21.RequestStopTransactionResponse(status="Rejected")
                self.unplug(unix_s)
                return v21.RequestStopTransactionResponse(status="Accepted")
        return None

    def _variable(self, asked: v21.GetVariableDataType) -> v21.GetVariableResultType:
        name = given(asked.variable.instance, "") or asked.variable.name
        v2x = "true" if self.discharge_w > 0 else "false"
        value = {
            "DynamicProfiles": "true", "MaxOfflineDuration": "true", "DischargeByNegativeLimit": v2x, "Enabled": v2x,
            "SupportedOperationModes": "ChargingOnly,CentralSetpoint,CentralFrequency",
        }.get(name)  # fmt: skip
        return v21.GetVariableResultType(
            attributeStatus="UnknownVariable" if value is None else "Accepted",
            attributeValue=UNSET if value is None else value,
            component=asked.component,
            variable=asked.variable,
        )

    def _set(self, asked: v21.SetVariableDataType) -> v21.SetVariableResultType:
        known = asked.variable.name == "TxUpdatedInterval"
        if known:
            self._interval_s = float(asked.attributeValue)
        return v21.SetVariableResultType(
            attributeStatus="Accepted" if known else "UnknownVariable",
            component=asked.component,
            variable=asked.variable,
        )

    def _status(self, status: v21.ConnectorStatusEnumType, unix_s: float) -> None:
        at = timestamp(unix_s)
        request = v21.StatusNotificationRequest(timestamp=at, connectorStatus=status, evseId=1, connectorId=1)
        self._queue.append(("StatusNotification", request))

    def _add(self, event: v21.TransactionEventRequest) -> None:
        offline = True if self._rpc is None else UNSET
        self._queue.append(("TransactionEvent", replace(event, offline=offline)))

    def _event(
        self, kind: v21.TransactionEventEnumType, trigger: v21.TriggerReasonEnumType, unix_s: float
    ) -> v21.TransactionEventRequest:
        battery, self._seq = self.battery, self._seq + 1
        assert battery is not None
        rows: tuple[tuple[v21.MeasurandEnumType, float, str], ...] = (
            ("Energy.Active.Import.Register", self.import_wh + battery.import_wh, "Wh"),
            ("Energy.Active.Export.Register", self.export_wh + battery.export_wh, "Wh"),
            ("Power.Active.Import", max(0.0, battery.power_w), "W"),
            ("Power.Active.Export", max(0.0, -battery.power_w), "W"),
            ("SoC", 100 * battery.soc_pu, "Percent"),
        )
        values = tuple(
            v21.SampledValueType(value=value, measurand=name, unitOfMeasure=v21.UnitOfMeasureType(unit=unit))
            for name, value, unit in rows
        )
        return v21.TransactionEventRequest(
            eventType=kind,
            timestamp=timestamp(unix_s),
            triggerReason=trigger,
            seqNo=self._seq - 1,
            meterValue=(v21.MeterValueType(sampledValue=values, timestamp=timestamp(unix_s)),),
            transactionInfo=v21.TransactionType(transactionId=self.transaction, chargingState=self._state),
        )

    def _needs(self, car: LightCar, unix_s: float) -> v21.NotifyEVChargingNeedsRequest:
        both = self.discharge_w > 0 and car.discharge_w > 0
        v2x = v21.V2XChargingParametersType(
            maxChargePower=min(car.charge_w, self.charge_w),
            maxDischargePower=min(car.discharge_w, self.discharge_w),
            evTargetEnergyRequest=UNSET if car.energy_wh is None else car.energy_wh,
        )
        dc = v21.DCChargingParametersType(
            evMaxCurrent=ceil(car.charge_w / 400),
            evMaxVoltage=500,
            evMaxPower=ceil(car.charge_w),
            evEnergyCapacity=ceil(car.capacity_wh),
            stateOfCharge=round(100 * car.soc_pu),
        )
        needs = v21.ChargingNeedsType(
            requestedEnergyTransfer="DC_BPT" if both else "DC",
            controlMode="DynamicControl",
            departureTime=UNSET if car.departure_s is None else timestamp(unix_s + car.departure_s),
            dcChargingParameters=dc,
            v2xChargingParameters=v2x if both else UNSET,
        )
        return v21.NotifyEVChargingNeedsRequest(evseId=1, chargingNeeds=needs, timestamp=timestamp(unix_s))


def _status_of(refusal: Any) -> dict[str, Any]:
    if refusal is None:
        return {"status": "Accepted"}
    return {"status": "Rejected", "statusInfo": v21.StatusInfoType(reasonCode=refusal.code[:20])}
