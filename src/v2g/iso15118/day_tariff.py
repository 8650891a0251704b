"""What energy costs by the time of day, as each edition's messages have it."""

from dataclasses import dataclass
from itertools import pairwise

from v2g.kernel.durations import DAY_S
from v2g.messages import iso2
from v2g.messages.iso20 import common
from v2g.messages.iso20.types import RationalNumber

_ALGORITHM = "urn:iso:std:iso:15118:-20:PriceAlgorithm:1-Power"


@dataclass(frozen=True, slots=True)
class Step:
    """From a second of the day on (UTC), until the next step."""

    from_s: int
    price_per_kwh: float
    level: int
    """The price's rank, 1 for the cheapest: all that ISO 15118-2 says of it."""


@dataclass(frozen=True, slots=True)
class DayTariff:
    """The same each day."""

    name: str
    currency: str
    language: str
    steps: tuple[Step, ...]
    """In the order of time; the first begins at 0."""

    def sales_tariff(self, unix_s: int, number: int = 1) -> iso2.SalesTariff:
        """For 24 hours from this time on, ISO 15118-2. `number`: its own among those that are offered."""
        entries = [
            iso2.SalesTariffEntry(iso2.RelativeTimeInterval(start_s, duration_s), EPriceLevel=step.level)
            for start_s, duration_s, step in self._ahead(unix_s)
        ]
        levels = len({step.level for step in self.steps})
        return iso2.SalesTariff(number, self.name, levels, entries, f"tariff{number}")

    def price_schedule(self, unix_s: int, number: int = 1) -> common.AbsolutePriceSchedule:
        """The same for ISO 15118-20."""
        stacks = [
            common.PriceRuleStack(
                duration_s,
                [common.PriceRule(RationalNumber.of(step.price_per_kwh), PowerRangeStart=RationalNumber.of(0))],
            )
            for _, duration_s, step in self._ahead(unix_s)
        ]
        return common.AbsolutePriceSchedule(
            unix_s,
            number,
            self.name,
            Currency=self.currency,
            Language=self.language,
            PriceAlgorithm=_ALGORITHM,
            PriceRuleStacks=common.PriceRuleStackList(stacks),
            Id=f"tariff{number}",
        )

    def _ahead(self, unix_s: int) -> list[tuple[int, int, Step]]:
        """Start and duration of each step within the next 24 hours, counted from now."""
        now_s = unix_s % DAY_S
        both = [(step.from_s + day * DAY_S - now_s, step) for day in (0, 1) for step in self.steps]
        pieces = []
        for (start_s, step), (end_s, _) in pairwise([*both, (2 * DAY_S - now_s, self.steps[0])]):
            begins_s, ends_s = max(start_s, 0), min(end_s, DAY_S)
            if begins_s < ends_s:
                pieces.append((begins_s, ends_s - begins_s, step))
        return pieces
