"""How long the station waits for a car, for its hardware, and for a finding to last, in seconds.

The timers of a protocol are its edition's (`v2g.iso15118.d20.timeouts`), those of the pilot `v2g.pilot.timing`; how old
a reading may be says `v2g.station.readings`.
"""

STOP_S = 30.0
"""How long a car has to follow the station's wish to stop; after that the station stops by itself. A car that is asked
to pause may take PAUSE_WITHIN_S to begin."""
NOT_READY_S = 5.0
"""How long a car is kept waiting for hardware that is not ready, before its session fails with the reason."""
FOLLOWS_S, FEEDS_S = 5.0, 1.0
"""How long an AC car may take to follow its limit (IEC 61851-1, Table A.6), and how long one may feed without
permission. The inverter has as long to follow its set-point."""
RENEGOTIATES_S = 10.0
"""How long a car that follows a schedule of its own may take to a lower one: it has to negotiate that first."""
CAR_FOLLOWS_S = 1.0
"""A DC car's lower current limit: what it takes to the inverter and back as a measurement, besides the inverter's
ramp."""
DIFFERS_S = 10.0
"""Meter and inverter may differ for this long: readings are never of the same instant."""
LASTS_S = 0.05
"""A finding becomes a fault only after it has persisted."""
CLEARS_S = 1.0
"""What a DC car's limits exclude is over only after measurements have been without it for this long."""
