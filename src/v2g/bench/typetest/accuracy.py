"""How accurately a station must measure, which is by how much it may miss a setting."""

from v2g.grid.settings import GridCode

VOLTAGE_PU = 0.01
"""IEEE 1547-2018, table 3: 1 % of the nominal voltage."""
FREQUENCY_HZ = 0.01
"""IEEE 1547-2018, table 3: 10 mHz in steady state."""
POWER_PU = 0.05
"""IEEE 1547-2018, table 3: 5 % of the rated apparent power, active and reactive (general knowledge)."""
SWITCH_S = 0.1
"""What the interface switch may take after the end of a delay, if a code counts delays up to the command to trip:
VDE-AR-N 4105 6.5.1, 0.2 s in all for a delay of 0.1 s (general knowledge)."""


def time_s(code: GridCode, seconds: float) -> float:
    """Of a measured time. IEEE 1547-2018, table 3: 1 % of it, or two cycles."""
    return max(0.01 * seconds, 2 / code.nominal_hz)
