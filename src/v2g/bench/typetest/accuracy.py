"""By how much a station may miss a setting.

The standards give the whole station a margin for its measurement. The grid of the type test is known exactly, so what
is left for the software is a small part of it: the rest belongs to the sensing unit.
"""

from v2g.bench.typetest.standard import Standard

VOLTAGE_PU = 0.002
"""Of a threshold. IEEE 1547-2018, table 3: 1 % of the nominal voltage."""
FREQUENCY_HZ = 0.002
"""Of a threshold. IEEE 1547-2018, table 3: 10 mHz in steady state."""
POWER_PU = 0.01
"""Of a settled power, active and reactive. IEEE 1547-2018, table 3: 5 % of the rated apparent power."""
READING_S = 0.02
"""From one reading of the sensing unit to the next."""
SWITCH_S = 0.04
"""What the interface switch takes after the end of a delay, if a code counts delays up to the command to trip. VDE-AR-N
4105 6.5.1 gives it 0.1 s (general knowledge)."""


def time_s(standard: Standard) -> float:
    """Of a measured time: two cycles, and a reading of the sensing unit. IEEE 1547-2018, table 3: two cycles, or 1 % of
    the time if it is more."""
    return 2 / standard.nominal_hz + READING_S
