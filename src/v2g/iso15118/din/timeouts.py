"""Timers of DIN SPEC 70121, in seconds."""

from v2g.iso15118.edition import Silence

SEQUENCE_S = 60.0
"""How long the station waits for the next request [V2G-DC-432]."""
SILENCE = {name: Silence(sequence_s=SEQUENCE_S, energy_s=SEQUENCE_S) for name in ("standard", "relaxed")}

DEFAULT_MESSAGE_S = 2.0
MESSAGE_S = {"CurrentDemandReq": 0.25}
"""How long the car waits for the response, by request. PowerDelivery has the usual 2 s here, not the 5 s of -2."""

DEFAULT_PERFORMANCE_S = 1.5
PERFORMANCE_S = {"CurrentDemandReq": 0.025}
"""How soon the station owes the response, by request."""

REPEAT_S = {
    "ContractAuthenticationReq": 60.0,
    "ChargeParameterDiscoveryReq": 60.0,
    "CableCheckReq": 40.0,
    "PreChargeReq": 7.0,
}
"""How long the car goes on repeating a request until the station is ready."""
