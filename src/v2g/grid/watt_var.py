"""Watt-var: reactive power by active power (IEEE 1547-2018 5.3.4).

The settings have the standard's sign: positive active and reactive power are fed into the grid.
"""

from dataclasses import dataclass

from v2g.grid.curve import interpolate


@dataclass(frozen=True, slots=True)
class WattVar:
    """Two curves of three points. `fed_*` is the side of feeding, `drawn_*` that of charging; active power per unit of
    the rated power in its direction, reactive power per unit of apparent power."""

    fed_p1_pu: float
    fed_q1_pu: float
    fed_p2_pu: float
    fed_q2_pu: float
    fed_p3_pu: float
    fed_q3_pu: float
    drawn_p1_pu: float
    drawn_q1_pu: float
    drawn_p2_pu: float
    drawn_q2_pu: float
    drawn_p3_pu: float
    drawn_q3_pu: float
    lock_in_pu: float
    """The mode is active from this voltage on; 0 is always."""
    lock_out_pu: float
    """Down to this voltage."""
    response_s: float

    def injected_pu(self, fed_pu: float) -> float:
        """The settled reactive power fed into the grid, per unit of apparent power; `fed_pu` is negative when
        charging."""
        return interpolate(
            fed_pu,
            (self.drawn_p3_pu, self.drawn_q3_pu),
            (self.drawn_p2_pu, self.drawn_q2_pu),
            (self.drawn_p1_pu, self.drawn_q1_pu),
            (self.fed_p1_pu, self.fed_q1_pu),
            (self.fed_p2_pu, self.fed_q2_pu),
            (self.fed_p3_pu, self.fed_q3_pu),
        )
