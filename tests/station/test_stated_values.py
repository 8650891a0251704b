"""The values that pages and standards state, written down apart from the code: other tests take them from it."""

import pytest

from v2g.iso15118.d20.timeouts import SILENCE
from v2g.pilot import timing
from v2g.station import readings, timeouts
from v2g.station.power.sources.reversal import DWELL_S
from v2g.station.power_path import BREAK_S
from v2g.station.safety import cable_check, supervisor

STATED = {
    "the car's silence while energy may flow, 0.5 s [V2G20-1500], [V2G20-1502]": (SILENCE["standard"].energy_s, 0.5),
    "the car's silence otherwise, 60 s": (SILENCE["standard"].sequence_s, 60.0),
    "the relaxed silence, 2 s": (SILENCE["relaxed"].energy_s, 2.0),
    "an AC car follows its limit, IEC 61851-1 Table A.6": (timeouts.FOLLOWS_S, 5.0),
    "an AC car feeds without permission": (timeouts.FEEDS_S, 1.0),
    "a car follows a lower schedule": (timeouts.RENEGOTIATES_S, 10.0),
    "a DC car's lower limit is measured": (timeouts.CAR_FOLLOWS_S, 1.0),
    "a car stops when it is asked to": (timeouts.STOP_S, 30.0),
    "a car waits for hardware": (timeouts.NOT_READY_S, 5.0),
    "meter and inverter differ": (timeouts.DIFFERS_S, 10.0),
    "a finding lasts": (timeouts.LASTS_S, 0.05),
    "a reading is believed": (readings.READING_STALE_S, 0.35),
    "the current rests before it turns": (DWELL_S, 0.2),
    "the contactor waits for the inverter": (BREAK_S, 0.05),
    "S2 opened, contactor open, IEC 61851-1 Table A.6": (timing.UNPLUG_S, 0.1),
    "a car stops drawing at X1, IEC 61851-1 Table A.6": (timing.BREAK_S, 6.0),
    "insulation, 100 Ohm for each volt at 1000 V, IEC 61851-23": (cable_check.MIN_RESISTANCE_OHM, 100_000.0),
    "insulation, 100 Ohm for each volt at 1250 V": (cable_check.MIN_RESISTANCE_MCS_OHM, 125_000.0),
    "a voltage that may be touched, IEC 61851-23": (cable_check.SAFE_V, 60.0),
    "the output above the car's maximum, IEC 61851-23": (supervisor.OVER_VOLTAGE, 1.1),
}


@pytest.mark.parametrize("what", STATED)
def test_what_is_stated_is_what_holds(what: str) -> None:
    value, stated = STATED[what]
    assert value == stated
