"""Timers of ISO 15118-2, in seconds."""

from v2g.iso15118.edition import Silence

SEQUENCE_S = 60.0
"""How long the station waits for the next request [V2G2-443]; the charge loop has no shorter one."""
SILENCE = {name: Silence(sequence_s=SEQUENCE_S, energy_s=SEQUENCE_S) for name in ("standard", "relaxed")}

STATION_ONGOING_S = 55.0
"""How long the station keeps a car waiting in one phase: below the car's 60 s."""
CABLE_CHECK_S, PRECHARGE_S = 40.0, 7.0
"""How long the car gives these phases."""

DEFAULT_MESSAGE_S = 2.0
MESSAGE_S = {
    "ServiceDetailReq": 5.0,
    "CertificateInstallationReq": 5.0,
    "CertificateUpdateReq": 5.0,
    "PaymentDetailsReq": 5.0,
    "PowerDeliveryReq": 5.0,
    "CurrentDemandReq": 0.25,
}
"""How long the car waits for the response, by request."""

DEFAULT_PERFORMANCE_S = 1.5
PERFORMANCE_S = {"CurrentDemandReq": 0.025}
"""How soon the station owes the response, by request."""

REPEAT_S = {
    "AuthorizationReq": 60.0,
    "ChargeParameterDiscoveryReq": 60.0,
    "CableCheckReq": CABLE_CHECK_S,
    "PreChargeReq": PRECHARGE_S,
}
"""How long the car goes on repeating a request until the station is ready."""
