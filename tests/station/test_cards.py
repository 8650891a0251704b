"""A card lets a car in that waits or that comes soon; the same one again ends its session; it never feeds the grid."""

import dataclasses
from typing import Literal

from msgspec.structs import replace
from tests.station.scene import INTENT, OUTLET, texts
from tests.station.test_mute_car import EVSE

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import Service
from v2g.power.card_reader import CardReading
from v2g.station.config.settings import Access, EvseSettings
from v2g.station.readings import Readings
from v2g.station.snapshot import explain

CARD, OTHER = "04A2B3C4", "04FFFFFF"
BY_CARD = replace(EVSE, reader=NOWHERE, access=Access(grant="listed", cards=(CARD.lower(),)))


class Reader:
    """What is shown to the reader of a world."""

    def __init__(self, settings: EvseSettings, *, mute: bool = True) -> None:
        intent = INTENT if mute else dataclasses.replace(INTENT, service=Service.DC)
        self.world, self.card, self.count = World(settings, intent), "", 0
        self.world.faults.mute = mute
        self.world.as_read = self._read
        self.run(3.0)

    def _read(self, readings: Readings) -> Readings:
        return replace(readings, reader=CardReading(self.world.now, self.card, self.count))

    def show(self, card: str) -> None:
        self.card, self.count = card, self.count + 1
        self.run(0.3)

    def run(self, seconds: float) -> None:
        self.world.run(seconds, step_s=0.05)

    @property
    def charges(self) -> bool:
        return self.world.contactor.closed


def test_a_car_that_waits_is_let_in_and_the_same_card_ends_it() -> None:
    reader = Reader(BY_CARD)
    reader.world.plug_in()
    reader.run(8.0)
    assert not reader.charges
    assert explain(reader.world.evse, reader.world.now).why.endswith("it waits for a card")
    reader.show(OTHER)
    reader.run(8.0)
    assert not reader.charges
    assert f"refused: EVCCID -, no certificate, card {OTHER}: it is not listed" in texts(reader.world)
    reader.show(CARD)
    reader.run(8.0)
    assert reader.charges
    reader.show(OTHER)
    reader.run(8.0)
    assert reader.charges, "a stranger's card ends nothing"
    reader.show(CARD)
    reader.run(10.0)
    assert not reader.charges
    assert f"card {CARD} was shown again: the session ends" in texts(reader.world)


def test_a_card_waits_a_minute_for_its_car_and_no_longer() -> None:
    for waits_s, charges in ((30.0, True), (61.0, False)):
        reader = Reader(BY_CARD)
        reader.show(CARD)
        reader.run(waits_s)
        reader.world.plug_in()
        reader.run(12.0)
        assert reader.charges is charges


def test_the_next_car_needs_a_card_of_its_own() -> None:
    reader = Reader(BY_CARD)
    reader.world.plug_in()
    reader.show(CARD)
    reader.run(12.0)
    assert reader.charges
    reader.world.pull_out()
    reader.run(2.0)
    reader.world.plug_in()
    reader.run(12.0)
    assert not reader.charges


def test_a_car_that_talks_waits_for_a_card_too_and_only_charges() -> None:
    grants: tuple[Literal["listed", "asked"], ...] = ("listed", "asked")
    for grant in grants:
        access = Access(grant=grant, cards=(CARD,), discharge=True)
        reader = Reader(replace(OUTLET, reader=NOWHERE, access=access), mute=False)
        reader.world.plug_in()
        reader.run(5.0)
        assert not reader.charges
        reader.show(CARD)
        reader.run(10.0)
        assert reader.charges
        assert reader.world.evse.visit.charges_only == "it proves nothing of who it is"
