"""The catalogue has something to say about every fault."""

import pytest

from v2g.kernel.fault import Fault
from v2g.station.faults import CATALOGUE, SAFE_WITHIN_S


def test_the_catalogue_is_complete() -> None:
    assert list(CATALOGUE) == list(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_every_entry_says_something_of_its_own(fault: Fault) -> None:
    entry = CATALOGUE[fault]
    assert all(len(text) >= 30 for text in (entry.meaning, entry.remedy, entry.reaction))
    assert sum(other.title == entry.title for other in CATALOGUE.values()) == 1
    assert all(text.endswith(".") and "  " not in text for text in (entry.meaning, entry.remedy, entry.reaction))


def test_titles_that_operators_search_for() -> None:
    titles = {fault.code: entry.title for fault, entry in CATALOGUE.items()}
    assert titles["0x01"] == "Islanding detected"
    assert titles["0x04"] == "EXI decode failure"
    assert titles["0x09"] == "Timeout on ServiceDiscovery"


def test_energy_stops_well_within_a_second() -> None:
    for fault in (Fault.ISLANDING, Fault.CHARGE_LOOP_TIMEOUT, Fault.INVERTER_LOST, Fault.EMERGENCY_STOP):
        assert f"at most {SAFE_WITHIN_S:.1f} s" in CATALOGUE[fault].reaction
    assert SAFE_WITHIN_S < 0.5
