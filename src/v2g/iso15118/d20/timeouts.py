"""Timers of ISO 15118-20, Tables 215 to 217, in seconds.

Three kinds that share similar names are kept apart:

- *performance*: how fast the station must answer. The margin is measured and reported; it is no error criterion.
- *message timeout*: how long the car waits for a response before it gives up.
- *sequence timeout*: how long the station waits for the next request before it stops the session [V2G20-443].
"""

from v2g.iso15118.edition import Silence

CAR_ONGOING_S = 60.0
"""How long the car accepts `Ongoing` in one phase (authorization, schedule exchange)."""
STATION_ONGOING_S = 55.0
"""How long the station keeps answering `Ongoing` before it fails the phase: below the car's limit, so that the car
learns the reason."""
CABLE_CHECK_S = 40.0
PRECHARGE_S = 10.0
PAUSE_WITHIN_S = 60
"""How long a car that is asked to pause may take to begin [V2G20-1850]."""

DEFAULT_MESSAGE_S = 2.0
MESSAGE_S = {
    "ServiceDetailReq": 5.0,
    "CertificateInstallationReq": 5.0,
    "AC_ChargeLoopReq": 0.5,
    "DC_ChargeLoopReq": 0.5,
}
"""Message timeouts of the car that differ from the default [V2G20-1499], [V2G20-1501]."""

DEFAULT_PERFORMANCE_S = 1.5
PERFORMANCE_S = {"AC_ChargeLoopReq": 0.25, "DC_ChargeLoopReq": 0.25}
"""What the station owes, by request."""

REPEAT_S = {
    "AuthorizationReq": CAR_ONGOING_S,
    "ScheduleExchangeReq": CAR_ONGOING_S,
    "DC_CableCheckReq": CABLE_CHECK_S,
    "DC_PreChargeReq": PRECHARGE_S,
}
"""How long the car goes on repeating a request until the station is ready."""

CAR_CHARGE_LOOP_TURNAROUND_S = 0.25
"""How fast the car should send the next charge-loop request."""

SILENCE = {
    "standard": Silence(sequence_s=60.0, energy_s=0.5),  # [V2G20-1500], [V2G20-1502]
    # For cars that are known to need longer than 0.5 s for a turn of the charge loop. A silent car then keeps the
    # contactor closed for up to 2 s: choose it per site, knowingly.
    "relaxed": Silence(sequence_s=60.0, energy_s=2.0),
}
"""How long the station waits for the next request: 60 s, 0.5 s while energy may flow."""
