"""Cards shown at an EVSE: one lets a car in, the same one again ends its session."""

from collections.abc import Iterator
from math import inf

from v2g.power.card_reader import CardReading
from v2g.station.access import Answer
from v2g.station.event import CardShown
from v2g.station.visit import Visit

WAITS_S = 60.0
"""How long a card waits for its car."""


class Cards:
    """Of one EVSE."""

    def __init__(self) -> None:
        self._card, self._until_s = "", -inf
        self._count = 0
        self._here = False

    def step(self, visit: Visit, reading: CardReading | None, now: float, *, here: bool) -> Iterator[CardShown]:
        """`here`: a car is at the EVSE. Each event says whether the session is to end."""
        if self._here and not here:
            self._card = ""
        self._here = here
        if reading is not None and reading.count != self._count:
            self._count = reading.count
            yield self._shown(reading.card, visit, now, here=here)
        if not here and now >= self._until_s:
            self._card = ""
        visit.card = self._card if here else ""

    def _shown(self, card: str, visit: Visit, now: float, *, here: bool) -> CardShown:
        granted = visit.verdict is not None and visit.verdict.answer is Answer.GRANTED
        if here and granted and card == self._card:
            return CardShown(f"card {card} was shown again: the session ends", ends=True)
        if here and granted:
            return CardShown(f"card {card} was shown, and the car has been let in already")
        self._card, self._until_s = card, now + WAITS_S
        return CardShown(f"card {card} was shown" + ("" if here else f", and waits {WAITS_S:.0f} s for a car"))
