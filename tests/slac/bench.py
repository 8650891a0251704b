"""A station and cars with modems on a simulated line, for the tests of the matching."""

from typing import TypeVar

from v2g.bench.sim.plc_modem import Bench, Line, Machine, Modem
from v2g.slac.car import CarMatching, CarMatchingSettings
from v2g.slac.event import Event
from v2g.slac.station import StationMatching, StationMatchingSettings

E = TypeVar("E", bound=Event)

STATION_MAC = bytes.fromhex("020000005E01")


def car_mac(number: int) -> bytes:
    """Of the car with this number."""
    return bytes.fromhex("0200000000") + bytes((number,))


class Lot:
    """One station that is ready and waits for a car."""

    def __init__(
        self, settings: StationMatchingSettings | None = None, seed: int = 0, vendor: str = "qualcomm"
    ) -> None:
        self.vendor = vendor
        self.line = Line(seed)
        self.bench = Bench(self.line)
        self.evse = StationMatching(STATION_MAC, settings)
        self.modem = Modem(bytes.fromhex("88FCA65E0001"), vendor=vendor)
        self.cars: list[CarMatching] = []
        self.modems: list[Modem] = []
        self.now = 0.0
        self.bench.add(self.evse, self.modem)
        self.bench.do(self.evse, self.evse.start(0.0), 0.0)
        self.bench.do(self.evse, self.evse.begin_matching(0.0), 0.0)

    def car(self, attenuation_db: float = 8.0, settings: CarMatchingSettings | None = None) -> CarMatching:
        """One more car, so far away; it is not plugged in yet."""
        number = len(self.cars) + 1
        car, modem = (
            CarMatching(car_mac(number), settings),
            Modem(bytes.fromhex("BCF2AF0000") + bytes((number,)), vendor=self.vendor),
        )
        self.bench.add(car, modem)
        self.line.connect(self.modem, modem, attenuation_db)
        for other in self.modems:
            self.line.connect(other, modem, 40.0)
        self.cars.append(car)
        self.modems.append(modem)
        return car

    def plug_in(self, car: CarMatching) -> None:
        self.bench.do(car, car.begin_matching(self.now), self.now)

    def run(self, seconds: float) -> None:
        self.now += seconds
        self.bench.advance(self.now)

    def events(self, machine: Machine, kind: type[E]) -> list[tuple[float, E]]:
        """The events of this kind at a machine, with the time."""
        return [(time, event) for time, each, event in self.bench.events if each is machine and isinstance(event, kind)]
