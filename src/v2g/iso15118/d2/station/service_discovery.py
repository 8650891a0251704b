"""ServiceDiscovery: how to pay, the energy transfer modes of this EVSE, and its value-added services.

A contract pays over TLS only [V2G2-828]. A resumed session is offered what it had chosen before [V2G2-741].
"""

from v2g.iso15118.d2.dialect import Dialect, body
from v2g.iso15118.d2.station.value_added import listed
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.service import Service
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.iso2 import (
    ChargeService,
    EnergyTransferMode,
    PaymentOption,
    PaymentOptionList,
    ResponseCode,
    ServiceCategory,
    ServiceDiscoveryRes,
    SupportedEnergyTransferMode,
    V2G_Message,
)

CHARGE_SERVICE = 1
"""The number of the charge service."""


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    response = ServiceDiscoveryRes(
        ResponseCode=ResponseCode.OK,
        PaymentOptionList=PaymentOptionList(payments(session)),
        ChargeService=ChargeService(
            ServiceID=CHARGE_SERVICE,
            ServiceCategory=ServiceCategory.EVCharging,
            FreeService=False,
            SupportedEnergyTransferMode=SupportedEnergyTransferMode(list(modes(session))),
        ),
        ServiceList=listed(session.offer, body(request)),
    )
    return Reply(to.message(session.session_id, response), Phase.SERVICE, session)


def payments(session: Session) -> list[PaymentOption]:
    """How the car may pay."""
    if session.resumed is not None:
        return [PaymentOption.Contract if session.by_contract else PaymentOption.ExternalPayment]
    contract = [] if session.offer.contracts is None else [PaymentOption.Contract]
    return [*contract, PaymentOption.ExternalPayment]


def modes(session: Session) -> dict[EnergyTransferMode, Service]:
    """The energy transfer modes on offer, and the service that each stands for. None of them feeds the grid."""
    services = session.offer.services if session.resumed is None else (session.resumed.service,)
    offered: dict[EnergyTransferMode, Service] = {}
    for service in services:
        if service is Service.DC:
            offered[EnergyTransferMode.DC_extended] = service
        elif service is Service.AC:
            if session.offer.phases == 3:
                offered[EnergyTransferMode.AC_three_phase_core] = service
            offered[EnergyTransferMode.AC_single_phase_core] = service
    return offered
