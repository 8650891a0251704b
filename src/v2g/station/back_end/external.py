"""What others than the back end ask of the power (blocks K11 to K14, K21, K27, Q05 to Q09): an external system (EMS),
the signal of the transmission system operator, priority charging, allowed energy transfer."""

from dataclasses import dataclass
from functools import partial
from math import inf

from msgspec import UNSET
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.device_model import Variable
from v2g.ocpp.modes import Conditions, LocalModes, Signal
from v2g.ocpp.profile_rules import MODES
from v2g.ocpp.schedule import Order, timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.remembered import EXTERNAL
from v2g.station.back_end.transactions import MEASURANDS, MORE_MEASURANDS

_SMART, _V2X = "SmartChargingCtrlr", "V2XChargingCtrlr"
LOAD_S = 10.0
"""How long a reading of the upstream meter counts."""
_BAND = ("LowerThreshold", "UpperThreshold")
_OFFSETS = ("LowerOffset", "UpperOffset")


@dataclass(frozen=True, slots=True)
class Values:
    """What an external system asks for. None: nothing. `schedule` in the place of single values."""

    limit_w: float | None = None
    discharge_w: float | None = None
    """The most that may be fed; a magnitude."""
    setpoint_w: float | None = None
    """Positive charges the vehicle."""
    drawn_var: float | None = None
    load_w: float | None = None
    """What the upstream meter shows, this station included; positive takes from the grid."""
    schedule: tuple[v21.ChargingSchedulePeriodType, ...] = ()
    for_s: int | None = None
    """How long the values hold without new ones."""

    @property
    def asks(self) -> bool:
        """Whether there is more than a reading in it."""
        return bool(self.schedule) or any(
            each is not None for each in (self.limit_w, self.discharge_w, self.setpoint_w, self.drawn_var)
        )

    @property
    def written(self) -> dict[str, float]:
        """As the fields of a period."""
        discharge_w = None if self.discharge_w is None else -self.discharge_w
        named = {
            "limit": self.limit_w,
            "dischargeLimit": discharge_w,
            "setpoint": self.setpoint_w,
            "setpointReactive": self.drawn_var,
        }
        return {name: value for name, value in named.items() if value is not None}


class External(Block):
    """Holds what others ask for, and makes profiles and set-points of it."""

    first = True

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.handlers = {
            "AFRRSignal": self._afrr,
            "UsePriorityCharging": self._priority,
            "NotifyAllowedEnergyTransfer": self._allowed,
        }
        self._values: dict[int, Values] = {}
        self._load: tuple[float, float] | None = None
        """Reading and time."""
        self._signal: Signal | None = None
        self._modes = {id: LocalModes() for id in station.evses}
        self._notified: dict[int, dict[str, float]] = {}
        for evse in [0, *station.evses]:
            self._restore(evse)
        station.model.add(_variables())
        for id, traits in station.profiles.evses.items():
            if traits.v2x:
                station.model.add(_of_evse(id))
        station.resolve = self._resolve
        station.profiles.load_balancing = self._why_no_balancing
        for id, tracker in station.trackers.items():
            tracker.measurands = partial(self._measurands, id)

    def _restore(self, evse: int) -> None:
        """What an external system asked the process before this one for: its limits hold until they lapse or it changes
        them. A set-point of its does not come back by itself."""
        profiles = self.station.profiles
        kept = profiles.constraints(evse)
        if kept is None or kept.chargingProfileKind != "Dynamic":
            return
        period, for_s = (
            kept.chargingSchedule[0].chargingSchedulePeriod[0],
            given(kept.chargingSchedule[0].duration, None),
        )
        least_w = given(period.dischargeLimit, None)
        values = Values(given(period.limit, None), None if least_w is None else -least_w, for_s=for_s)
        profile = self._profile(evse, values)
        if profile is not None:
            self._values[evse] = values
            profile = replace(profile, dynUpdateTime=kept.dynUpdateTime)
        profiles.constrain(evse, profile, EXTERNAL)

    def step(self) -> None:
        station = self.station
        for evse in [0, *station.evses]:
            profile = station.profiles.constraints(evse)
            if profile is None:
                continue
            duration, updated = given(profile.chargingSchedule[0].duration, None), given(profile.dynUpdateTime, None)
            if duration is not None and updated is not None and station.unix_s >= updated.timestamp() + duration:
                self.set(evse, Values())  # overdue (Q06.FR.40)

    def set(self, evse: int, values: Values) -> str | None:
        """An external system asks for this, at an EVSE or the whole station (0); empty values release it. Returns why
        it cannot have it, or None."""
        station = self.station
        if evse and evse not in station.evses:
            return f"there is no EVSE {evse}"
        if values.load_w is not None:
            self._load = values.load_w, station.now
            if not values.asks:
                return None
        if not station.model.flag(_SMART, "ExternalControlSignalsEnabled") and values.asks:
            return "the back end has disabled external control (ExternalControlSignalsEnabled)"
        self._values[evse] = values
        wrote = self._write(evse, values)
        if station.model.flag(_SMART, "ExternalConstraintsProfileDisallowed"):
            return None if wrote or not values.asks else "the back end permits external control only in its own periods"
        before = station.profiles.constraints(evse)
        station.profiles.constrain(evse, self._profile(evse, values), EXTERNAL)
        if values.asks:
            self._notify(evse, values)
        elif before is not None:
            self._notified.pop(evse, None)
            self.station.call(
                "ClearedChargingLimit", v21.ClearedChargingLimitRequest(chargingLimitSource=EXTERNAL, evseId=evse)
            )
        self._rate_changed(evse)
        return None

    # Inside

    def _write(self, evse: int, values: Values) -> bool:
        """Write the values into the back end's own profiles that leave them to an external system (Q05)."""
        station, found = self.station, False
        for each in station.profiles.installed:
            if each.source != "CSO" or evse not in (0, each.evse):
                continue
            period = each.profile.chargingSchedule[0].chargingSchedulePeriod[0]
            mode = given(period.operationMode, "ChargingOnly")
            if mode not in ("ExternalSetpoint", "ExternalLimits"):
                continue
            found = True
            names = ("setpoint", "setpointReactive") if mode == "ExternalSetpoint" else ("limit", "dischargeLimit")
            written = {name: value for name, value in values.written.items() if name in names}
            if each.profile.chargingProfileKind == "Dynamic" and written:
                station.profiles.write(each.profile.id, station.unix_s, **written)
        return found

    def _profile(self, evse: int, values: Values) -> v21.ChargingProfileType | None:
        """What is asked for, as a profile of its own (Q06.FR.01 to 04)."""
        if not values.asks:
            return None
        now = timestamp(self.station.unix_s)
        mode: v21.OperationModeEnumType = "ExternalLimits" if values.setpoint_w is None else "ExternalSetpoint"
        periods = values.schedule or (
            v21.ChargingSchedulePeriodType(startPeriod=0, operationMode=mode, **values.written),  # type: ignore[arg-type]
        )
        schedule = v21.ChargingScheduleType(
            id=1,
            chargingRateUnit="W",
            chargingSchedulePeriod=periods,
            startSchedule=now if values.schedule else UNSET,
            duration=UNSET if values.for_s is None else values.for_s,
        )
        return v21.ChargingProfileType(
            id=-1 - evse,
            stackLevel=0,
            chargingProfilePurpose="ChargingStationExternalConstraints",
            chargingProfileKind="Absolute" if values.schedule else "Dynamic",
            chargingSchedule=(schedule,),
            dynUpdateTime=UNSET if values.schedule else now,
        )

    def _notify(self, evse: int, values: Values) -> None:
        """Report a schedule, or values that moved by more than LimitChangeSignificance (Q06.FR.10, 11)."""
        station, before, now = self.station, self._notified.get(evse), values.written
        least = station.model.number(_SMART, "LimitChangeSignificance") / 100.0
        if before is not None and not values.schedule and before.keys() == now.keys():
            moved = [abs(now[name] - before[name]) / max(abs(before[name]), 1.0) for name in now]
            if all(each <= least for each in moved):
                return
        self._notified[evse] = now
        profile = self._profile(evse, values)
        assert profile is not None
        station.call(
            "NotifyChargingLimit",
            v21.NotifyChargingLimitRequest(
                evseId=evse,
                chargingLimit=v21.ChargingLimitType(chargingLimitSource=EXTERNAL),
                chargingSchedule=profile.chargingSchedule,
            ),
        )

    def _rate_changed(self, evse: int) -> None:
        """A transaction charges at another rate because of somebody else (K12.FR.03)."""
        station = self.station
        for id, tracker in station.trackers.items():
            if evse in (0, id) and (event := tracker.happened("ChargingRateChanged", station.now, station.unix_s)):
                station.event(event)

    def _resolve(self, evse: int, order: Order) -> Order:
        """The set-point of a mode that has none (Q05, Q08, Q09)."""
        station, values = self.station, self._values.get(evse) or self._values.get(0) or Values()
        reading = station.evses[evse].fresh(station.now).grid
        load = self._load
        number = station.model.number
        v2x = station.profiles.evses[evse].v2x
        conditions = Conditions(
            frequency_hz=None if reading is None else reading.frequency_hz,
            threshold_hz=number(_V2X, "LocalFrequencyUpdateThreshold", evse=evse) / 1000.0 if v2x else 0.0,
            signal=self._signal,
            load=load if load is not None and station.now - load[1] <= LOAD_S else None,
            band_w=self._pair(evse, _BAND),
            offsets_w=self._pair(evse, _OFFSETS),
            limit_w=values.limit_w,
            discharge_w=values.discharge_w,
            setpoint_w=values.setpoint_w,
        )
        return self._modes[evse].resolve(order, conditions, station.unix_s)

    def _measurands(self, evse: int, kind: str | None, mode: str | None) -> tuple[str, ...]:
        """What an operation mode adds to a kind of event (Q01.FR.33 to 35), and the back end to every event."""
        if kind is None:
            return ()
        model, name = self.station.model, f"Tx{kind}Measurands"
        listed = model.text("SampledDataCtrlr", name) + "," + model.text(_V2X, name, mode or "", evse=evse)
        return tuple(dict.fromkeys(each.strip() for each in listed.split(",") if each.strip()))

    def _pair(self, evse: int, names: tuple[str, str]) -> tuple[float, float]:
        texts = [self._text(evse, name) for name in names]
        return (float(texts[0]), float(texts[1])) if all(texts) else (-inf, inf)

    def _text(self, evse: int, name: str) -> str:
        if not self.station.profiles.evses[evse].v2x:
            return ""
        return self.station.model.text(_V2X, "LocalLoadBalancing", name, evse=evse)

    def _why_no_balancing(self) -> str:
        """OCPP's reason code, empty if loads can be balanced: the upstream meter is read by an external system."""
        load = self._load
        if load is None or self.station.now - load[1] > LOAD_S:
            return "UnsupportedParam"
        for evse, traits in self.station.profiles.evses.items():
            if traits.v2x and not all(self._text(evse, name) for name in (*_BAND, *_OFFSETS)):
                return "MissingDevModelInfo"
            if traits.v2x and self._pair(evse, _BAND)[0] >= self._pair(evse, _BAND)[1]:
                return "MissingDevModelInfo"
        return ""

    def _afrr(self, station: ChargingStation, asked: v21.AFRRSignalRequest) -> Message:
        active = [
            order.period
            for id, tracker in station.trackers.items()
            if (order := station.profiles.order(id, tracker.schedule, station.instant)).mode == "LocalFrequency"
        ]
        if not any(period is not None and period.v2xSignalWattCurve is not UNSET for period in active):
            info = v21.StatusInfoType(reasonCode="NoSignalWattCurve")
            return v21.AFRRSignalResponse(status="Rejected", statusInfo=info)
        self._signal = Signal(asked.signal, asked.timestamp.timestamp())
        return v21.AFRRSignalResponse(status="Accepted")

    def _priority(self, station: ChargingStation, asked: v21.UsePriorityChargingRequest) -> Message:
        for id, tracker in station.trackers.items():
            if tracker.running is None or tracker.running.id != asked.transactionId:
                continue
            has = any(
                each.profile.chargingProfilePurpose == "PriorityCharging" and each.evse in (0, id)
                for each in station.profiles.installed
            )
            if asked.activate and not has:
                return v21.UsePriorityChargingResponse(status="NoProfile")
            tracker.priority = asked.activate
            station.call(
                "NotifyPriorityCharging",
                v21.NotifyPriorityChargingRequest(transactionId=asked.transactionId, activated=asked.activate),
            )
            return v21.UsePriorityChargingResponse(status="Accepted")
        info = v21.StatusInfoType(reasonCode="TxNotFound")
        return v21.UsePriorityChargingResponse(status="Rejected", statusInfo=info)

    def _allowed(self, station: ChargingStation, asked: v21.NotifyAllowedEnergyTransferRequest) -> Message:
        """What the transaction may do from now on (Q02): the car is asked again what it wants."""
        for id, tracker in station.trackers.items():
            if tracker.running is not None and tracker.running.id == asked.transactionId:
                station.transfers[id] = asked.allowedEnergyTransfer
                return v21.NotifyAllowedEnergyTransferResponse(status="Accepted")
        info = v21.StatusInfoType(reasonCode="TxNotFound")
        return v21.NotifyAllowedEnergyTransferResponse(status="Rejected", statusInfo=info)


def _variables() -> list[Variable]:
    return [
        Variable(_SMART, "ExternalControlSignalsEnabled", "true", "boolean", "ReadWrite"),
        Variable(_SMART, "ExternalConstraintsProfileDisallowed", "false", "boolean", "ReadWrite"),
        Variable(_SMART, "SetpointPriority", "ExternalSystem", "OptionList", "ReadWrite", values="ExternalSystem,CSMS"),
        Variable(_SMART, "SupportedAdditionalPurposes", "PriorityCharging,LocalGeneration", "MemberList"),
        Variable(_SMART, "NotifyChargingLimitWithSchedules", "true", "boolean"),
        Variable(_SMART, "Enabled", "true", "boolean"),
        *(
            Variable("SampledDataCtrlr", f"Tx{kind}Measurands", MEASURANDS, "MemberList", "ReadWrite",
                     values=f"{MEASURANDS},{MORE_MEASURANDS}")
            for kind in ("Started", "Updated", "Ended")
        ),
        Variable(_SMART, "Available", "true", "boolean"),
    ]  # fmt: skip


def _of_evse(evse: int) -> list[Variable]:
    rows = [
        Variable(_V2X, "LocalFrequencyUpdateThreshold", "10", "integer", "ReadWrite", "mHz", 0, 1_000, evse=evse),
        Variable(_V2X, "Available", "true", "boolean", evse=evse),
    ]
    for kind in ("Started", "Updated", "Ended"):
        rows += [
            Variable(_V2X, f"Tx{kind}Measurands", "", "MemberList", "ReadWrite", evse=evse, instance=mode,
                     values=f"{MEASURANDS},{MORE_MEASURANDS}")
            for mode in MODES
        ]  # fmt: skip
    for name in (*_BAND, *_OFFSETS):
        rows.append(Variable(_V2X, "LocalLoadBalancing", "", "decimal", "ReadWrite", "W", evse=evse, instance=name))
    return rows
