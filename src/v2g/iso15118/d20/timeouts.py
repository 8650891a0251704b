"""Timers of ISO 15118-20, Tables 215 to 217, in seconds.

Three kinds that share similar names are kept apart:

- *performance*: how fast the station must answer. The margin is measured and reported; it is no error criterion.
- *message timeout*: how long the car waits for a response before it gives up.
- *sequence timeout*: how long the station waits for the next request before it stops the session [V2G20-443].
"""

from dataclasses import dataclass

SETUP_S = 18.0
"""Connection accepted to SessionSetupRes sent, station side."""
CAR_SETUP_S = 20.0
"""Start of discovery to SessionSetupRes received, car side."""
CAR_ONGOING_S = 60.0
"""How long the car accepts `Ongoing` in one phase (authorization, schedule exchange)."""
STATION_ONGOING_S = 55.0
"""How long the station keeps answering `Ongoing` before it fails the phase: below the car's limit, so that the car
learns the reason."""
CABLE_CHECK_S = 40.0
PRECHARGE_S = 10.0
CONTACTOR_S = 1.4
"""How long PowerDelivery may wait for the contactor: its response is owed within 1.5 s."""
LINGER_S = 5.0
"""After SessionStopRes the station leaves the car this long to close the connection [V2G20-1643]."""

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

CAR_CHARGE_LOOP_TURNAROUND_S = 0.25
"""How fast the car should send the next charge-loop request."""


@dataclass(frozen=True, slots=True)
class SequenceTimeouts:
    """How long the station waits for the next request."""

    name: str
    sequence_s: float
    """Everywhere but after a charge-loop response."""
    charge_loop_s: float
    """After a charge-loop response [V2G20-1500], [V2G20-1502]."""


STANDARD = SequenceTimeouts("standard", sequence_s=60.0, charge_loop_s=0.5)
RELAXED = SequenceTimeouts("relaxed", sequence_s=60.0, charge_loop_s=2.0)
"""For cars that are known to need longer than 0.5 s for a charge-loop turn. A silent car then keeps the contactor
closed for up to 2 s: choose it per site, knowingly."""

PROFILES = {profile.name: profile for profile in (STANDARD, RELAXED)}
