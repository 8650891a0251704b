"""The station's power schedule as the car follows it, whatever the edition: never outside what was offered."""

from dataclasses import dataclass

from v2g.iso15118.view import Slot


@dataclass(frozen=True, slots=True)
class Schedule:
    """One offered tuple, with the power over all phases that each direction may have."""

    tuple_id: int
    anchor_s: int
    """Its start, seconds since 1970 UTC."""
    slots: tuple[Slot, ...]

    @property
    def end_s(self) -> int:
        """When it is over; nothing is promised from then on."""
        return self.anchor_s + sum(slot.duration_s for slot in self.slots)

    def power_w(self, wish_w: float, unix_s: int) -> float:
        """The wish at this time, held to the schedule; 0 outside of it."""
        end_s = self.anchor_s
        for slot in self.slots:
            end_s += slot.duration_s
            if self.anchor_s <= unix_s < end_s:
                return _held(wish_w, slot)
        return 0.0

    def plan(self, wish_w: float) -> list[tuple[int, float]]:
        """What the car plans: the wish, held to the schedule, as duration in seconds and power of each slot."""
        return [(slot.duration_s, _held(wish_w, slot)) for slot in self.slots]


def _held(wish_w: float, slot: Slot) -> float:
    return min(max(wish_w, -slot.discharge_w), slot.charge_w)
