"""Unintentional islanding: alone with a matched load, the station is gone within 2 s (IEEE 1547.1-2020 5.10).

The load is a parallel RLC circuit of quality factor 1, matched to what the station feeds, its reactive power off the
match by up to 5 % to both sides; the station feeds all, two thirds and a third of its rated power.
"""

from collections.abc import Iterator

from v2g.bench.typetest.case import Case, Load, Subject
from v2g.bench.typetest.check import Trips

CLEARS_S = 2.0
"""IEEE 1547-2018 8.1.1; IEC 62116 (which EN 50549-1 4.9.4 names) demands the same (general knowledge)."""
_POWERS_PU = (-0.95, -0.66, -0.33)
_REACTIVE = (0.95, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.05)


def cases(subject: Subject) -> Iterator[Case]:
    """Every power with every match."""
    for power_pu in _POWERS_PU:
        for reactive in _REACTIVE:
            yield Case(
                f"islanding/{-power_pu:.0%}-fed/{reactive:.0%}-reactive", "IEEE 1547-2018 8.1.1; EN 50549-1 4.9.4",
                subject.course(), (Trips(0.0, CLEARS_S),), CLEARS_S + 1.0,
                power_pu=power_pu, island=Load(0.0, reactive),
            )  # fmt: skip
