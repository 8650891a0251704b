"""The station's half of DIN SPEC 70121."""

from v2g.iso15118.d2.station import (
    cable_check,
    charge_parameter_discovery,
    current_demand,
    payment_service_selection,
    power_delivery,
    pre_charge,
    session_setup,
    session_stop,
    welding_detection,
)
from v2g.iso15118.d2.station.side import side
from v2g.iso15118.din.dialect import DIN
from v2g.iso15118.din.station import contract_authentication, service_discovery

STATION = side(
    DIN,
    {
        "SessionSetupReq": session_setup.answer,
        "ServiceDiscoveryReq": service_discovery.answer,
        "ServicePaymentSelectionReq": payment_service_selection.answer,
        "ContractAuthenticationReq": contract_authentication.answer,
        "ChargeParameterDiscoveryReq": charge_parameter_discovery.answer,
        "CableCheckReq": cable_check.answer,
        "PreChargeReq": pre_charge.answer,
        "PowerDeliveryReq": power_delivery.answer,
        "CurrentDemandReq": current_demand.answer,
        "WeldingDetectionReq": welding_detection.answer,
        "SessionStopReq": session_stop.answer,
    },
)
