"""Requests of a car, one for each kind, as small as a test needs them."""

from typing import Any

from msgspec.structs import replace

from v2g.exi.facets import Type
from v2g.grid.settings import load
from v2g.iso15118.car_session import CarSession
from v2g.iso15118.d20.car import der
from v2g.iso15118.d20.table import Phase
from v2g.iso15118.d20.wire import PROTOCOLS
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent, VehicleState
from v2g.iso15118.view import Limits
from v2g.messages import encode
from v2g.messages.iso20 import ac, ac_der_iec, ac_der_sae, common, dc
from v2g.messages.iso20.types import CLReqControlMode, MessageHeader, Processing, RationalNumber
from v2g.station.der import der_settings

GRID_CODE = der_settings(load("ieee1547-cat3"), 230.0)
"""For the inverter of an AC car."""
PAYLOAD_TYPES = {protocol: payload_type for payload_type, protocol in PROTOCOLS.items()}

number = RationalNumber.of

DC_LIMITS: dict[str, Any] = {
    "EVMaximumChargePower": number(11_000),
    "EVMinimumChargePower": number(100),
    "EVMaximumChargeCurrent": number(30),
    "EVMinimumChargeCurrent": number(1),
    "EVMaximumVoltage": number(450),
    "EVMinimumVoltage": number(300),
}
DC_DISCHARGE: dict[str, Any] = {
    "EVMaximumDischargePower": number(9_000),
    "EVMinimumDischargePower": number(100),
    "EVMaximumDischargeCurrent": number(25),
    "EVMinimumDischargeCurrent": number(1),
}
ENERGIES: dict[str, Any] = {
    "EVTargetEnergyRequest": number(10_000),
    "EVMaximumEnergyRequest": number(20_000),
    "EVMinimumEnergyRequest": number(-5_000),
}
AC_DYNAMIC: dict[str, Any] = ENERGIES | {
    "EVMaximumChargePower": number(11_000),
    "EVMinimumChargePower": number(1_400),
    "EVPresentActivePower": number(0),
    "EVPresentReactivePower": number(0),
}
DC_DYNAMIC: dict[str, Any] = ENERGIES | {
    "EVMaximumChargePower": number(11_000),
    "EVMinimumChargePower": number(100),
    "EVMaximumChargeCurrent": number(30),
    "EVMaximumVoltage": number(450),
    "EVMinimumVoltage": number(300),
}


def header(session_id: bytes) -> MessageHeader:
    return MessageHeader(SessionID=session_id, TimeStamp=1_700_000_000)


def payload_type_of(request: Type) -> int:
    """The V2GTP payload type that carries a request."""
    return PAYLOAD_TYPES[protocol_of(request)]


def protocol_of(request: Type) -> str:
    return _PROTOCOLS.get(type(request).__module__, "iso20-common")


_PROTOCOLS = {
    ac.__name__: "iso20-ac",
    dc.__name__: "iso20-dc",
    ac_der_iec.__name__: "iso20-ac-der-iec",
    ac_der_sae.__name__: "iso20-ac-der-sae",
}


def exi(request: Type) -> bytes:
    return encode(protocol_of(request), request)


def dc_loop(session_id: bytes, control: CLReqControlMode | None = None) -> dc.DC_ChargeLoopReq:
    """By default in bidirectional dynamic mode."""
    return dc.DC_ChargeLoopReq(
        Header=header(session_id),
        MeterInfoRequested=False,
        EVPresentVoltage=number(400),
        CLReqControlMode=control
        or dc.BPT_Dynamic_DC_CLReqControlMode(
            **DC_DYNAMIC,
            EVMaximumDischargePower=number(9_000),
            EVMinimumDischargePower=number(100),
            EVMaximumDischargeCurrent=number(25),
        ),
    )


def ac_scheduled_loop(session_id: bytes, power_w: float) -> ac.AC_ChargeLoopReq:
    """A car that draws `power_w` by its own schedule."""
    control = ac.Scheduled_AC_CLReqControlMode(EVPresentActivePower=number(power_w))
    return ac.AC_ChargeLoopReq(Header=header(session_id), MeterInfoRequested=False, CLReqControlMode=control)


def every_request(
    session_id: bytes, service: Service = Service.DC_BPT, mode: ControlMode = ControlMode.DYNAMIC
) -> list[Type]:
    """One request of each kind that an ISO 15118-20 session knows, as this service and mode want it."""
    return [_fitting(request, service, mode) for request in _every_request(session_id)]


def _fitting(request: Type, service: Service, mode: ControlMode) -> Type:
    kind, name = "DC" if service.dc else "AC", type(request).__name__
    if name == "ServiceDetailReq":
        return replace(request, ServiceID=int(service))
    if name == "ServiceSelectionReq":
        return replace(request, SelectedEnergyTransferService=common.SelectedService(int(service), 1))
    if service.der and name.startswith("AC_Charge"):
        return _of_the_inverter(request, service, mode)
    if name == f"{kind}_ChargeParameterDiscoveryReq" and not service.bidirectional:
        return charge_only(request)
    if name == "ScheduleExchangeReq" and mode is ControlMode.SCHEDULED:
        scheduled = common.Scheduled_SEReqControlMode()
        return replace(request, Dynamic_SEReqControlMode=None, Scheduled_SEReqControlMode=scheduled)
    if name == f"{kind}_ChargeLoopReq":
        return replace(request, CLReqControlMode=control(request, service, mode))
    return request


def _of_the_inverter(request: Type, service: Service, mode: ControlMode) -> Type:
    """The same for a service that hands the grid code over, once the car has taken it over."""
    limits = Limits(charge_w=11_000, charge_min_w=1_400, discharge_w=9_000, discharge_min_w=100)
    session_id = request.Header.SessionID  # type: ignore[attr-defined]
    intent = Intent("WMIV1234567890ABCDEX", service, mode, limits)
    session = CarSession(intent, Phase.CHARGE_PARAMETERS, session_id=session_id, der=GRID_CODE)
    vehicle = VehicleState(1_700_000_000, 0.5, 60_000, 400.0, grid_v=230.0, grid_hz=60.0)
    discovers = type(request).__name__ == "AC_ChargeParameterDiscoveryReq"
    return der.discovery(session, vehicle) if discovers else der.loop(session, vehicle)


def charge_only(request: Type) -> Type:
    if isinstance(request, dc.DC_ChargeParameterDiscoveryReq):
        mode = request.DC_CPDReqEnergyTransferMode
        plain = dc.DC_CPDReqEnergyTransferMode(
            **{name: getattr(mode, name) for name in _names(dc.DC_CPDReqEnergyTransferMode)}
        )
        return replace(request, DC_CPDReqEnergyTransferMode=plain)
    assert isinstance(request, ac.AC_ChargeParameterDiscoveryReq)
    ac_mode = request.AC_CPDReqEnergyTransferMode
    names = _names(ac.AC_CPDReqEnergyTransferMode)
    return replace(
        request,
        AC_CPDReqEnergyTransferMode=ac.AC_CPDReqEnergyTransferMode(**{name: getattr(ac_mode, name) for name in names}),
    )


def control(request: Type, service: Service, mode: ControlMode) -> Type:
    """The control mode of a charge loop that fits service and mode."""
    both = "BPT_" if service.bidirectional else ""
    module, kind = (dc, "DC") if service.dc else (ac, "AC")
    how = "Dynamic" if mode is ControlMode.DYNAMIC else "Scheduled"
    wanted: type[Type] = getattr(module, f"{both}{how}_{kind}_CLReqControlMode")
    given = request.CLReqControlMode  # type: ignore[attr-defined]
    known = {name: getattr(given, name) for name in _names(wanted) if hasattr(given, name)}
    if how == "Scheduled" and service.dc:
        known |= {"EVTargetCurrent": given.EVMaximumChargeCurrent, "EVTargetVoltage": given.EVMaximumVoltage}
    return wanted(**known)


def _names(cls: type[Type]) -> tuple[str, ...]:
    return cls.__struct_fields__


def _every_request(session_id: bytes) -> list[Type]:
    head = header(session_id)
    finished = Processing.Finished
    return [
        common.SessionSetupReq(Header=head, EVCCID="WMIV1234567890ABCDEX"),
        common.AuthorizationSetupReq(Header=head),
        common.AuthorizationReq(
            Header=head,
            SelectedAuthorizationService=common.Authorization.EIM,
            EIM_AReqAuthorizationMode=common.EIM_AReqAuthorizationMode(),
        ),
        common.ServiceDiscoveryReq(Header=head),
        common.ServiceDetailReq(Header=head, ServiceID=6),
        common.ServiceSelectionReq(
            Header=head, SelectedEnergyTransferService=common.SelectedService(ServiceID=6, ParameterSetID=1)
        ),
        dc.DC_ChargeParameterDiscoveryReq(
            Header=head,
            DC_CPDReqEnergyTransferMode=dc.BPT_DC_CPDReqEnergyTransferMode(**DC_LIMITS, **DC_DISCHARGE),
        ),
        ac.AC_ChargeParameterDiscoveryReq(
            Header=head,
            AC_CPDReqEnergyTransferMode=ac.BPT_AC_CPDReqEnergyTransferMode(
                EVMaximumChargePower=number(11_000),
                EVMinimumChargePower=number(1_400),
                EVMaximumDischargePower=number(9_000),
                EVMinimumDischargePower=number(100),
            ),
        ),
        common.ScheduleExchangeReq(
            Header=head,
            MaximumSupportingPoints=12,
            Dynamic_SEReqControlMode=common.Dynamic_SEReqControlMode(DepartureTime=7200, **ENERGIES),
        ),
        dc.DC_CableCheckReq(Header=head),
        dc.DC_PreChargeReq(Header=head, EVProcessing=finished, EVPresentVoltage=number(0), EVTargetVoltage=number(400)),
        power_delivery(session_id, common.ChargeProgress.Start),
        dc_loop(session_id),
        ac.AC_ChargeLoopReq(
            Header=head,
            MeterInfoRequested=False,
            CLReqControlMode=ac.BPT_Dynamic_AC_CLReqControlMode(
                **AC_DYNAMIC, EVMaximumDischargePower=number(9_000), EVMinimumDischargePower=number(100)
            ),
        ),
        dc.DC_WeldingDetectionReq(Header=head, EVProcessing=finished),
        session_stop(session_id, common.ChargingSession.Terminate),
    ]


def power_delivery(
    session_id: bytes, progress: common.ChargeProgress, profile: common.EVPowerProfile | None = None
) -> common.PowerDeliveryReq:
    return common.PowerDeliveryReq(
        Header=header(session_id), EVProcessing=Processing.Finished, ChargeProgress=progress, EVPowerProfile=profile
    )


def session_stop(session_id: bytes, kind: common.ChargingSession) -> common.SessionStopReq:
    return common.SessionStopReq(Header=header(session_id), ChargingSession=kind)
