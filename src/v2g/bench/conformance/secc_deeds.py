"""What a tester's car says in the place of the message that is due, by the names that the list of cases uses."""

from collections.abc import Callable
from typing import Any

from msgspec import structs

from v2g.messages import iso2
from v2g.messages.iso2 import ChargeProgress, EnergyTransferMode, PaymentOption, PhysicalValue, UnitSymbol

Deed = Callable[[Any, str], Any]
"""The message that is due, and the request that the case is about -> what is said."""

REPLACES = {"ServiceDetail": "PaymentServiceSelection"}
"""Requests that our car has no need of, and in the place of which request they are said."""

_EARLY = (
    "SessionSetup",
    "ServiceDiscovery",
    "ServiceDetail",
    "PaymentServiceSelection",
    "PaymentDetails",
    "Authorization",
    "ChargeParameterDiscovery",
    "CertificateInstallation",
    "CertificateUpdate",
)
_STATUS = iso2.DC_EVStatus(EVReady=True, EVErrorCode=iso2.DC_EVErrorCode.NO_ERROR, EVRESSSOC=50)


def _said(message: Any, element: Any) -> Any:
    """The same header, another body."""
    return structs.replace(message, Body=structs.replace(message.Body, BodyElement=element))


def _with(message: Any, **changes: object) -> Any:
    """The same message with other fields in its body."""
    return _said(message, structs.replace(message.Body.BodyElement, **changes))


def _another_request(message: Any, request: str) -> Any:
    """One that is valid, and does not belong here."""
    return _said(message, iso2.WeldingDetectionReq(_STATUS) if request in _EARLY else iso2.ServiceDiscoveryReq())


def _session(session_id: bytes) -> Deed:
    def deed(message: Any, request: str) -> Any:
        if request in REPLACES:
            message = DEEDS[request](message, request)
        return structs.replace(message, Header=structs.replace(message.Header, SessionID=session_id))

    return deed


def _services(message: Any, *numbers: int) -> Any:
    selected = [iso2.SelectedService(number) for number in numbers]
    return _with(message, SelectedServiceList=iso2.SelectedServiceList(selected))


def _unknown_service(message: Any, request: str) -> Any:
    if request == "ServiceDetail":
        return _said(message, iso2.ServiceDetailReq(4711))
    return _services(message, 1, 4711)


def _another_mode(message: Any, request: str) -> Any:
    dc = isinstance(message.Body.BodyElement.EVChargeParameter, iso2.DC_EVChargeParameter)
    mode = EnergyTransferMode.DC_core if dc else EnergyTransferMode.DC_extended
    return _with(message, RequestedEnergyTransferMode=mode)


def _other_parameters(message: Any, request: str) -> Any:
    volts, amps = PhysicalValue.of(400, UnitSymbol.V), PhysicalValue.of(16, UnitSymbol.A)
    if isinstance(message.Body.BodyElement.EVChargeParameter, iso2.DC_EVChargeParameter):
        energy = PhysicalValue.of(10_000, UnitSymbol.Wh)
        other: Any = iso2.AC_EVChargeParameter(EAmount=energy, EVMaxVoltage=volts, EVMaxCurrent=amps, EVMinCurrent=amps)
    else:
        other = iso2.DC_EVChargeParameter(DC_EVStatus=_STATUS, EVMaximumCurrentLimit=amps, EVMaximumVoltageLimit=volts)
    return _with(message, EVChargeParameter=other)


def _beyond(message: Any, request: str) -> Any:
    most = PhysicalValue.of(1_000_000, UnitSymbol.W)
    return _with(message, ChargingProfile=iso2.ChargingProfile([iso2.ProfileEntry(0, most)]))


def _protocols(namespace: str | None = None, minor: int | None = None) -> Deed:
    def deed(message: Any, request: str) -> Any:
        (entry,) = message.AppProtocol
        if namespace is not None:
            entry = structs.replace(entry, ProtocolNamespace=namespace)
        if minor is not None:
            entry = structs.replace(entry, VersionNumberMinor=minor)
        return structs.replace(message, AppProtocol=[entry])

    return deed


DEEDS: dict[str, Deed] = {
    "ServiceDetail": lambda message, request: _said(message, iso2.ServiceDetailReq(1)),
    "another request": _another_request,
    "wrong session id": _session(bytes.fromhex("0123456789ABCDEF")),
    "unknown session id": _session(bytes.fromhex("0123456789ABCDEF")),
    "session id 0": _session(bytes(8)),
    "unknown service": _unknown_service,
    "no charge service": lambda message, request: _services(message, 2),
    "payment not offered": lambda message, request: _with(message, SelectedPaymentOption=PaymentOption.Contract),
    "another energy transfer mode": _another_mode,
    "parameters of the other kind": _other_parameters,
    "profile beyond the schedule": _beyond,
    "unknown schedule": lambda message, request: _with(message, SAScheduleTupleID=200),
    "renegotiate before start": lambda message, request: _with(message, ChargeProgress=ChargeProgress.Renegotiate),
    "no common protocol": _protocols(namespace="urn:nobody:speaks:this"),
    "another minor version": _protocols(minor=7),
}
