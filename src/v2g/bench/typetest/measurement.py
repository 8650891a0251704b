"""Faults of the measurement: without a grid that is known, the station is gone at once."""

from collections.abc import Iterator
from dataclasses import replace
from math import nan

from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Trips
from v2g.bench.typetest.trip import DIRECTIONS

_REACTION_S = 0.15
"""To look at the age of a reading, and to open the contactor."""
_SOURCE = "this station: an unknown is not a permission"


def cases(subject: Subject) -> Iterator[Case]:
    """A sensing unit that is silent, that is frozen, or says what cannot be."""
    measurement = subject.code.measurement
    gone, stuck = Trips(0.0, measurement.stale_s + _REACTION_S), Trips(0.0, measurement.frozen_s + _REACTION_S)
    wrong, course = Trips(0.0, _REACTION_S), subject.course
    kinds = (
        Case("measurement/silent", _SOURCE, course(), (gone,), 2.0, sensor="silent"),
        Case("measurement/frozen", _SOURCE, course(), (stuck,), 2.0, sensor="frozen"),
        Case("measurement/frequency-no-number", _SOURCE, course().frequency(nan), (wrong,), 2.0),
        Case("measurement/voltage-no-number", _SOURCE, course().voltage(nan, (0,)), (wrong,), 2.0),
        Case("measurement/frequency-zero", _SOURCE, course().frequency(0.0), (wrong,), 2.0),
        Case("measurement/voltage-impossible", _SOURCE, course().voltage(measurement.highest_pu + 0.1), (wrong,), 2.0),
    )
    for direction, power_pu in DIRECTIONS.items():
        for case in kinds:
            yield replace(case, name=f"{case.name}/{direction}", power_pu=power_pu)
