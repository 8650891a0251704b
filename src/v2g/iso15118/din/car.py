"""The car's half of DIN SPEC 70121: its messages are those of ISO 15118-2 under partly other names."""

from v2g.iso15118.d2.car import (
    authorization,
    cable_check,
    charge_parameter_discovery,
    current_demand,
    payment_service_selection,
    power_delivery,
    pre_charge,
    service_discovery,
    session_setup,
    session_stop,
    welding_detection,
)
from v2g.iso15118.d2.car.side import side
from v2g.iso15118.din.dialect import DIN

CAR = side(
    DIN,
    {
        "SessionSetupReq": session_setup,
        "ServiceDiscoveryReq": service_discovery,
        "ServicePaymentSelectionReq": payment_service_selection,
        "ContractAuthenticationReq": authorization,
        "ChargeParameterDiscoveryReq": charge_parameter_discovery,
        "CableCheckReq": cable_check,
        "PreChargeReq": pre_charge,
        "PowerDeliveryReq": power_delivery,
        "CurrentDemandReq": current_demand,
        "WeldingDetectionReq": welding_detection,
        "SessionStopReq": session_stop,
    },
)
