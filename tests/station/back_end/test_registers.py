"""A transaction's registers are those of the meter, whatever ends it and however late the meter is read."""

import pytest
from tests.station.back_end.test_charging_station import Bench, profile, registers

from v2g.iso15118.view import Stage, Stop
from v2g.station.back_end.transactions import METER_S

FEEDS = {"operationMode": "CentralSetpoint", "setpoint": -6_000.0}
LATE_WH = 0.05
"""What a station draws while it is idle, for some seconds."""


def feeding() -> Bench:
    """A car that is being discharged; its last event is some seconds old."""
    bench = Bench()
    bench.charge(2.0)
    assert bench.ask("SetChargingProfile", profile(FEEDS, "TxProfile", transaction=bench.transaction))
    bench.run(9.0)
    assert bench.world.plant.ac_power_w < -5_000
    events = len(bench.events())
    bench.run(10.0, until=lambda: len(bench.events()) > events)
    bench.run(3.0)
    assert registers(bench.events()[-1])[1] < bench.world.plant.export_wh - 2.0
    return bench


def ended(bench: Bench) -> bool:
    return bench.events()[-1].eventType == "Ended"


def shown(bench: Bench) -> tuple[float, float]:
    return bench.world.plant.import_wh, bench.world.plant.export_wh


@pytest.mark.parametrize("away_s", [0.5, 3.0, METER_S - 5.0])
def test_a_transaction_that_ends_because_its_meter_is_silent_has_what_the_meter_shows_afterwards(away_s: float) -> None:
    bench = feeding()
    bench.world.faults.silent.add("meter")
    bench.run(away_s)
    assert not ended(bench)
    bench.world.faults.silent.clear()
    bench.run(2.0, until=lambda: ended(bench))
    assert registers(bench.events()[-1]) == pytest.approx(shown(bench), abs=LATE_WH)


def test_the_last_reading_counts_if_the_meter_does_not_return() -> None:
    bench = feeding()
    bench.world.faults.silent.add("meter")
    before = shown(bench)
    bench.run(METER_S + 5.0, until=lambda: ended(bench))
    assert registers(bench.events()[-1]) == pytest.approx(before, abs=0.3)  # it is looked at every 0.1 s


def test_a_reading_from_before_the_end_is_not_the_last_one() -> None:
    bench = feeding()
    bench.world.driver = Stop.TERMINATE
    bench.run(20.0, until=lambda: bench.world.evse.demand.stage is Stage.OFF)
    bench.world.faults.silent.update(("meter", "contactor", "inverter"))
    bench.run(1.0)
    bench.world.faults.silent.clear()
    bench.run(2.0, until=lambda: ended(bench))
    assert registers(bench.events()[-1]) == pytest.approx(shown(bench), abs=LATE_WH)


def test_the_next_process_books_what_was_fed_since_the_last_event_and_while_nobody_looked() -> None:
    bench = feeding()
    running, stated_wh = bench.transaction, registers(bench.events()[-1])[1]
    bench.world.stop_station()
    bench.cut()
    bench.world.run(3.0)
    bench.world.start_station()
    bench.world.faults.silent.add("meter")
    bench.authorizer.left()
    bench.start()
    bench.link()
    bench.run(5.0)
    assert not ended(bench)
    bench.world.faults.silent.clear()
    bench.run(3.0, until=lambda: ended(bench))
    last = bench.events()[-1]
    assert last.transactionInfo.transactionId == running
    assert registers(last) == pytest.approx(shown(bench), abs=LATE_WH)
    assert registers(last)[1] > stated_wh + 2.0


def test_a_car_that_returns_before_its_transaction_is_over_gets_one_of_its_own() -> None:
    bench = feeding()
    first = bench.transaction
    bench.world.faults.silent.add("meter")
    bench.run(5.0, until=lambda: not bench.world.evse.busy)
    bench.world.plug_in()
    bench.run(1.0)
    assert bench.world.evse.busy
    bench.world.faults.silent.clear()
    bench.run(60.0, until=lambda: bench.world.evse.demand.stage is Stage.ENERGY)
    bench.run(5.0)
    assert bench.world.evse.demand.stage is Stage.ENERGY
    ends = [each.transactionInfo.transactionId for each in bench.events() if each.eventType == "Ended"]
    assert ends == [first]
    assert bench.station.running[1].id not in ("", first)
    started = next(each for each in bench.events() if each.transactionInfo.transactionId == bench.station.running[1].id)
    over = next(each for each in bench.events() if each.eventType == "Ended")
    assert registers(started) == pytest.approx(registers(over), abs=LATE_WH)
