"""An AC car, whose inverter is its own: charging under the station's protection; feeding only if it is proved.

The station's contactor is the switch; what flows is the car's on-board charger.
"""

from collections.abc import Iterator

from v2g.bench.typetest import accuracy
from v2g.bench.typetest.bands import soonest_trip_s
from v2g.bench.typetest.case import Case, Subject
from v2g.bench.typetest.check import Settles, Stays, Trips, Within
from v2g.bench.typetest.trip import near, tripping

_SOURCE = "IEEE 1547-2018 and IEC 61851-1 at the station's own switch"


def cases(subject: Subject) -> Iterator[Case]:
    """Trips while charging, the same elements just inside, a lost measurement, and no feeding."""
    standard = subject.standard
    for element in standard.elements:
        if element.quantity == "ten_minute_voltage":
            continue
        step = element.outwards * (accuracy.FREQUENCY_HZ if element.unit == "hz" else accuracy.VOLTAGE_PU)
        beyond = element.threshold + step
        delay_s = soonest_trip_s(standard, element.quantity, beyond)
        inside_s = soonest_trip_s(standard, element.quantity, element.threshold - step)
        if min(delay_s, inside_s) < element.delay_s or inside_s <= delay_s:
            continue
        if element.unit == "hz":
            course = near(subject, standard, element.threshold - step).frequency(beyond)
        else:
            course = subject.course().voltage(beyond)
        trips = tripping(standard, element.quantity, beyond, delay_s)
        tests = (f"trip.{element.name}.threshold_{element.unit}", f"trip.{element.name}.delay_s")
        yield Case(
            f"ac/{element.name}/beyond", _SOURCE, course, trips, delay_s + 2.0, 0.5, tests, converts="car"
        )  # fmt: skip
    yield Case(
        "ac/silent", "this station: an unknown is not a permission", subject.course(),
        (Trips(0.0, standard.number("measurement.stale_s") + 0.2),), 2.0, 0.5, ("measurement.stale_s",),
        sensor="silent", converts="car",
    )  # fmt: skip
    charges = (Settles("power_pu", 4.0, 5.0, 0.5, 0.03), Stays(5.0))
    yield Case("ac/charging", _SOURCE, subject.course(), charges, 5.5, 0.5, converts="car")
    unproved = (Within("power_pu", 0.0, 20.0, -0.005, 1.0),)
    yield Case(
        "ac/no-feeding-by-an-unproved-car", "this station: nothing watches the island that such a car could feed",
        subject.course(), unproved, 20.5, -0.5, cold=True, plugs_s=(1.0,), converts="car",
        settings={"enter_service.delay_s": standard.figures["enter_service.delay_s"].low},
    )  # fmt: skip
