"""ServiceDiscovery: external payment, and DC charging."""

from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.station.service_discovery import CHARGE_SERVICE
from v2g.iso15118.d2.table import Phase
from v2g.iso15118.session import Reply, Session
from v2g.iso15118.view import StationView
from v2g.messages.din import (
    EVSESupportedEnergyTransfer,
    PaymentOption,
    PaymentOptions,
    ResponseCode,
    ServiceCategory,
    ServiceCharge,
    ServiceDiscoveryRes,
    ServiceTag,
    V2G_Message,
)


def answer(to: Dialect, request: V2G_Message, session: Session, view: StationView) -> Reply:
    response = ServiceDiscoveryRes(
        ResponseCode=ResponseCode.OK,
        PaymentOptions=PaymentOptions([PaymentOption.ExternalPayment]),
        ChargeService=ServiceCharge(
            ServiceTag=ServiceTag(ServiceID=CHARGE_SERVICE, ServiceCategory=ServiceCategory.EVCharging),
            FreeService=False,
            EnergyTransferType=EVSESupportedEnergyTransfer.DC_extended,
        ),
    )
    return Reply(to.message(session.session_id, response), Phase.SERVICE, session)
