"""What the car needs, as the back end hears it (K15, K17 to K19, Q01, Q02), and what is known of the car."""

from math import ceil

from msgspec import UNSET, UnsetType

from v2g.iso15118.service import ControlMode, Service
from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.evse import Evse

Transfer = v21.EnergyTransferModeEnumType
_DER: tuple[Service, ...] = (Service.AC_DER_IEC, Service.AC_DER_SAE)


class Needs(Block):
    """Reports the needs of each car once it has stated them, and again when they change."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._reported: dict[int, tuple[object, ...]] = {}
        for id, evse in station.evses.items():
            station.model.add(_connected(id, evse))

    def step(self) -> None:
        for id, tracker in self.station.trackers.items():
            evse = self.station.evses[id]
            conversation = evse.visit.conversation
            if tracker.running is None or conversation is None:
                self._reported.pop(id, None)
                continue
            if self.station.outbox.waiting_for(tracker.running.id):
                continue  # the back end has to know the transaction first (K18.FR.16)
            selection, car = conversation.selection, evse.car
            if selection is None or not (car.limits.charge_w or car.limits.charge_a):
                continue
            allowed = self.station.transfers.get(id)
            key = (tracker.running.id, selection.service, selection.mode, car.departure_s, allowed)
            if self._reported.get(id) != key:
                self._reported[id] = key
                self._report(id, evse, selection.service, selection.mode)

    def disconnected(self) -> None:
        self._reported.clear()

    def _report(self, id: int, evse: Evse, service: Service, mode: ControlMode) -> None:
        station, car = self.station, evse.car
        transaction = station.trackers[id].schedule
        plain, both = transfers(service, evse.settings.phases)
        allowed = station.transfers.get(id)
        bidirectional = both != plain and allowed is not None and both in allowed
        departure_s = car.departure_s
        dynamic = mode is ControlMode.DYNAMIC
        needs = v21.ChargingNeedsType(
            requestedEnergyTransfer=both if bidirectional else plain,
            availableEnergyTransfer=(plain,) if both == plain else (plain, both),
            controlMode="DynamicControl" if dynamic else "ScheduledControl",
            departureTime=UNSET if departure_s is None else timestamp(station.unix_s + departure_s),
            dcChargingParameters=_dc(evse) if service.dc else UNSET,
            acChargingParameters=UNSET if service.dc else _ac(evse),
            v2xChargingParameters=_v2x(evse) if both != plain else UNSET,
            derChargingParameters=_der(evse),
        )

        def then(response: Message | None, now: float) -> None:
            rejected = isinstance(response, v21.NotifyEVChargingNeedsResponse) and response.status == "Rejected"
            tracker, running = station.trackers[id], station.trackers[id].running
            same = running is not None and transaction is not None and running.id == transaction.id
            # In ISO 15118-2 it means that there is no schedule (K15); in -20 that the transfer is refused (Q01.FR.06).
            if rejected and same and is_20(evse):
                tracker.stopped = "AbnormalCondition", "ReqEnergyTransferRejected"
                tracker.stop(now)

        request = v21.NotifyEVChargingNeedsRequest(
            evseId=id, maxScheduleTuples=1, chargingNeeds=needs, timestamp=timestamp(station.unix_s)
        )
        station.call("NotifyEVChargingNeeds", request, then)


def transfers(service: Service, phases: int) -> tuple[Transfer, Transfer]:
    """A service as it charges only, and as it is."""
    if service.dc:
        return "DC", "DC_BPT" if service.bidirectional else "DC"
    plain: Transfer = "AC_three_phase" if phases == 3 else "AC_single_phase"
    if service in _DER:
        return plain, "AC_BPT_DER"
    return plain, "AC_BPT" if service.bidirectional else plain


def is_20(evse: Evse) -> bool:
    """Whether the car speaks ISO 15118-20."""
    conversation = evse.visit.conversation
    engine = None if conversation is None else conversation.engine
    return engine is not None and engine.side.edition.name.startswith("ISO 15118-20")


def _whole(value: float | None) -> float | UnsetType:
    return UNSET if value is None else ceil(value)


def _dc(evse: Evse) -> v21.DCChargingParametersType:
    car = evse.car
    return v21.DCChargingParametersType(
        evMaxCurrent=ceil(car.limits.charge_a),
        evMaxVoltage=ceil(car.limits.voltage_max_v),
        evMaxPower=_whole(car.limits.charge_w or None),
        energyAmount=_whole(car.energy_target_wh),
        stateOfCharge=UNSET if car.soc_percent is None else car.soc_percent,
        fullSoC=UNSET if car.soc_target_percent is None else car.soc_target_percent,
    )


def _ac(evse: Evse) -> v21.ACChargingParametersType:
    car, volts = evse.car, float(evse.settings.nominal_voltage_v)
    by_power_a = car.limits.charge_w / (volts * evse.settings.phases)
    return v21.ACChargingParametersType(
        energyAmount=ceil(car.energy_target_wh or 0.0),
        evMinCurrent=ceil(car.limits.charge_min_a),
        evMaxCurrent=ceil(car.limits.charge_a or by_power_a),
        evMaxVoltage=ceil(volts),
    )


def _v2x(evse: Evse) -> v21.V2XChargingParametersType:
    """What car and station can do together (2.2)."""
    car, own = evse.car, evse.settings.capability
    limits = car.limits
    return v21.V2XChargingParametersType(
        maxChargePower=min(limits.charge_w, own.charge_w),
        maxDischargePower=min(limits.discharge_w, own.discharge_w),
        minChargePower=limits.charge_min_w,
        minDischargePower=limits.discharge_min_w,
        maxChargeCurrent=min(limits.charge_a, own.charge_a) or UNSET,
        maxDischargeCurrent=min(limits.discharge_a, own.discharge_a) or UNSET,
        minVoltage=limits.voltage_min_v or UNSET,
        maxVoltage=limits.voltage_max_v or UNSET,
        evTargetEnergyRequest=UNSET if car.energy_target_wh is None else car.energy_target_wh,
        evMaxEnergyRequest=UNSET if car.energy_max_wh is None else car.energy_max_wh,
        evMinEnergyRequest=UNSET if car.energy_min_wh is None else car.energy_min_wh,
        evMaxV2XEnergyRequest=UNSET if car.v2x_max_wh is None else car.v2x_max_wh,
        evMinV2XEnergyRequest=UNSET if car.v2x_min_wh is None else car.v2x_min_wh,
        targetSoC=UNSET if car.soc_target_percent is None else car.soc_target_percent,
    )


def _der(evse: Evse) -> v21.DERChargingParametersType | UnsetType:
    """The nameplate of the vehicle's own inverter, within what the station can carry (R02.FR.01)."""
    inverter = evse.car.der
    if inverter is None:
        return UNSET
    rating = inverter.rating
    return v21.DERChargingParametersType(
        maxApparentPower=rating.apparent_va,
        maxChargeApparentPower=rating.charge_w,
        maxDischargeApparentPower=rating.discharge_w,
        maxChargeReactivePower=rating.reactive_max_var,
        maxDischargeReactivePower=rating.reactive_max_var,
        nominalVoltage=inverter.given.nominal_v,
    )


def _connected(id: int, evse: Evse) -> list[Variable]:
    """What is known of the car (Q01.FR.36)."""
    name = "ConnectedEV"

    def agreed() -> str:
        conversation = evse.visit.conversation
        engine = None if conversation is None else conversation.engine
        return "" if engine is None else engine.side.edition.name

    return [
        Variable(name, "Available", data_type="boolean", evse=id, read=lambda: str(evse.busy).lower()),
        Variable(name, "VehicleId", evse=id, read=lambda: evse.car.evcc_id),
        Variable(name, "VehicleCertificate", evse=id, instance="Leaf", read=lambda: evse.visit.certificate or ""),
        Variable(name, "ProtocolAgreed", evse=id, read=agreed),
        Variable(name, "ProtocolSupportedByEV", evse=id, instance="1", read=agreed),
        Variable(name, "DischargePower", data_type="decimal", unit="W", evse=id,
                 read=lambda: f"{evse.car.limits.discharge_w:g}"),
    ]  # fmt: skip
