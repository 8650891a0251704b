"""What of a reading may wait: numbers may, a state may not."""

from dataclasses import replace

import pytest
from msgspec import structs
from tests.station.test_supervisor import readings

from v2g.power.contactor import ContactorFault
from v2g.power.inverter import InverterFault, InverterState
from v2g.power.isolation import SelfTest
from v2g.station.readings import Readings

SEEN = readings(0.0)
assert SEEN.contactor is not None
assert SEEN.inverter is not None
assert SEEN.isolation is not None


def test_numbers_are_no_states() -> None:
    assert readings(0.1, power_w=5_000.0, volts=410.0, amps=12.0).states == SEEN.states


@pytest.mark.parametrize(
    "after",
    [
        structs.replace(SEEN, contactor=replace(SEEN.contactor, closed=False)),
        structs.replace(SEEN, contactor=replace(SEEN.contactor, commanded=False)),
        structs.replace(SEEN, contactor=replace(SEEN.contactor, fault=ContactorFault.WELDED)),
        structs.replace(SEEN, contactor=None),
        structs.replace(SEEN, inverter=replace(SEEN.inverter, state=InverterState.FAULT)),
        structs.replace(SEEN, inverter=replace(SEEN.inverter, faults=frozenset({InverterFault.INTERNAL}))),
        structs.replace(SEEN, inverter=None),
        structs.replace(SEEN, meter=None),
        structs.replace(SEEN, isolation=replace(SEEN.isolation, self_test=SelfTest.FAILED)),
        structs.replace(SEEN, isolation=None),
    ],
)
def test_a_device_in_another_state_is(after: Readings) -> None:
    assert after.states != SEEN.states
