"""ChargeParameterDiscovery: the energy transfer mode, the limits of both sides, and the schedule."""

from dataclasses import replace
from typing import Any

from v2g.iso15118.contract import Priced, plain_name
from v2g.iso15118.d2.dialect import Dialect, body, stated
from v2g.iso15118.d2.station import schedule
from v2g.iso15118.d2.station.car_limits import ac_limits, dc_limits
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE, modes
from v2g.iso15118.d2.station.status import ac_status, dc_status
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.numbers import MOST, why_not
from v2g.iso15118.service import ControlMode, Selection, Service
from v2g.iso15118.session import Refusal, Reply, Session
from v2g.iso15118.view import Limits, StationView
from v2g.messages.iso2 import ResponseCode


def answer(to: Dialect, request: Any, session: Session, view: StationView) -> Reply:
    asked = body(request)
    service = _service(to, asked, session)
    if service is Service.DC and _may_ask_for_less(session, view):
        service = Service.DC_BPT
    parameters = asked.EVChargeParameter
    wanted = to.messages.DC_EVChargeParameter if service.dc else to.messages.AC_EVChargeParameter
    if type(parameters) is not wanted:
        reason = f"{type(parameters).__name__} in a session of {service.name}"
        raise Refusal(ResponseCode.FAILED_WrongChargeParameter, reason)
    own = view.lasting or view.limits
    car = dc_limits(parameters) if service.dc else ac_limits(parameters, _phases(asked), session.offer)
    _check(car, own, dc=service.dc)
    session = replace(
        session,
        selection=Selection(service, CHARGE_SERVICE, ControlMode.SCHEDULED),
        car=_heard(session, parameters, car, service),
        promised=own,
    )
    slots = schedule.slots(view, getattr(parameters, "DepartureTime", None), feeds=service.bidirectional)
    finished = bool(slots)
    most_entries, priced = getattr(asked, "MaxEntriesSAScheduleTuple", None), _priced(to, session)
    if priced is not None and len(priced.choice) > min(most_entries or schedule.MOST_TUPLES, schedule.MOST_TUPLES):
        priced = None  # the car has no room for all, and they are signed together
    tariffs = (None,) if priced is None else priced.choice
    processing = to.messages.EVSEProcessing
    response = to.messages.ChargeParameterDiscoveryRes(
        ResponseCode=to.messages.ResponseCode.OK,
        EVSEProcessing=processing.Finished if finished else processing.Ongoing,
        SASchedules=schedule.written(
            to,
            slots,
            most_entries,
            tariffs,
        ),
        EVSEChargeParameter=_dc(to, own, session, view) if service.dc else _ac(to, own, session, view),
    )
    following = Phase.CHARGE_PARAMETERS
    if finished:
        numbers = tuple(range(schedule.TUPLE_ID, schedule.TUPLE_ID + len(tariffs)))
        session = replace(session, schedule=slots, schedule_from_s=view.unix_s, tuples=numbers)
        following = Phase.CABLE_CHECK if service.dc else Phase.POWER_DELIVERY
    signature = None if priced is None or not finished else priced.signature
    return Reply(to.message(session.session_id, response, signature), following, session)


def _priced(to: Dialect, session: Session) -> Priced | None:
    """The tariff; who pays by contract gets a signed one or none."""
    prices = session.offer.prices
    if prices is None or not to.renegotiates:
        return None
    priced = prices.tariff(to.edition.name, session.car.contract)
    return None if priced is None or (session.by_contract and priced.signature is None) else priced


def _service(to: Dialect, asked: Any, session: Session) -> Service:
    """The service behind the mode that the car requests [V2G2-476], [V2G-DC-397]."""
    wanted = asked.RequestedEnergyTransferMode if to.renegotiates else asked.EVRequestedEnergyTransferType
    offered = {mode.value: service for mode, service in modes(session).items()}
    service = offered.get(wanted.value)
    if service is None:
        kind = "Mode" if to.renegotiates else "Type"
        raise Refusal(
            to.messages.ResponseCode[f"FAILED_WrongEnergyTransfer{kind}"],
            f"{wanted.value} was not offered, only {', '.join(offered)}",
        )
    return service


def _may_ask_for_less(session: Session, view: StationView) -> bool:
    """Whether this very car may be discharged by a negative current: it is listed, and may feed the grid. A car that
    pays by a contract is known by that, whatever EVCCID it states."""
    car, offer = session.car, session.offer
    if session.by_contract:
        return view.may_discharge and plain_name(car.contract) in offer.negative_current
    return view.may_discharge and plain_name(car.evcc_id) in offer.negative_current_unproved


def _phases(asked: Any) -> int:
    return 3 if "three_phase" in asked.RequestedEnergyTransferMode.value else 1


def _check(car: Limits, own: Limits, *, dc: bool) -> None:
    """Raise `Refusal` for limits that cannot be meant, or that fit nothing here [V2G2-477], [V2G-DC-398]."""
    reason = why_not(car, dc=dc)
    if reason is None and car.charge_min_a < 0:
        reason = f"a minimum of {car.charge_min_a:g} A to charge is none"
    if reason is None and dc and car.voltage_max_v < own.voltage_min_v:
        reason = f"the car takes up to {car.voltage_max_v:g} V, the station gives {own.voltage_min_v:g} V or more"
    if reason is not None:
        raise Refusal(ResponseCode.FAILED_WrongChargeParameter, reason)


def _heard(session: Session, parameters: Any, limits: Limits, service: Service) -> Any:
    car = replace(session.car, limits=limits, departure_s=getattr(parameters, "DepartureTime", None))
    if not service.dc:
        return replace(car, energy_target_wh=stated(parameters.EAmount, MOST))
    wanted = parameters.EVEnergyRequest
    return replace(
        car,
        soc_percent=parameters.DC_EVStatus.EVRESSSOC,
        soc_target_percent=parameters.BulkSOC,
        energy_target_wh=None if wanted is None else stated(wanted, MOST),
    )


def _ac(to: Dialect, own: Limits, session: Session, view: StationView) -> Any:
    return to.messages.AC_EVSEChargeParameter(
        AC_EVSEStatus=ac_status(to, session, view),
        EVSENominalVoltage=to.shown(session.offer.nominal_voltage_v, "V"),
        EVSEMaxCurrent=to.limit(schedule.phase_current_a(own.charge_w, own.charge_a, session.offer), "A"),
    )


def _dc(to: Dialect, own: Limits, session: Session, view: StationView) -> Any:
    return to.messages.DC_EVSEChargeParameter(
        DC_EVSEStatus=dc_status(to, session, view),
        EVSEMaximumCurrentLimit=to.limit(own.charge_a, "A"),
        EVSEMaximumPowerLimit=to.limit(own.charge_w, "W"),
        EVSEMaximumVoltageLimit=to.limit(own.voltage_max_v, "V"),
        EVSEMinimumCurrentLimit=to.shown(own.charge_min_a, "A"),
        EVSEMinimumVoltageLimit=to.shown(own.voltage_min_v, "V"),
        EVSEPeakCurrentRipple=to.shown(_RIPPLE_A, "A"),
    )


_RIPPLE_A = 5.0
"""Peak to peak, the most that IEC 61851-23 admits below 10 Hz is more. Stated for cars that want a figure."""
