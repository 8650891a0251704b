"""What a transaction costs by a tariff of OCPP 2.1 (I07 to I12): which price holds, and the account of what was used.

Energy that is fed to the grid counts as negative energy, at the price that holds then: a tariff that pays for it has a
price with conditions below zero. Of power and energy in conditions the minimum is the one nearest to zero.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType

from v2g.kernel.durations import DAY_S
from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.schedule import timestamp

MOST_ELEMENTS = 20
"""Prices in each part of a tariff."""
LARGEST = 1e9
"""Of the numbers in a tariff: what is made of them can be written in a message."""
MOST_PERIODS = 200
"""Of an account; beyond, the last one goes on."""
_PRICED = ("energy", "chargingTime", "idleTime", "fixedFee", "reservationTime", "reservationFixed")
_DAYS: tuple[v21.DayOfWeekEnumType, ...] = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_TIME, _DATE, _CURRENCY = re.compile(r"([01]\d|2[0-3]):[0-5]\d"), re.compile(r"\d{4}-\d\d-\d\d"), re.compile("[A-Z]{3}")

P = TypeVar("P", bound=Any)


def why_invalid(tariff: v21.TariffType) -> v21.TariffSetStatusEnumType | None:
    """Why a tariff cannot be used, or None."""
    parts = [part for name in _PRICED if (part := given(getattr(tariff, name), None)) is not None]
    if any(len(part.prices) > MOST_ELEMENTS for part in parts):
        return "TooManyElements"
    if any(abs(each) > LARGEST for each in _numbers(tariff)):
        return "Rejected"
    conditions = [found for part in parts for price in part.prices if (found := given(price.conditions, None))]
    texts = [(_TIME, each.startTimeOfDay) for each in conditions] + [(_TIME, each.endTimeOfDay) for each in conditions]
    texts += [(_DATE, each.validFromDate) for each in conditions] + [(_DATE, each.validToDate) for each in conditions]
    wrong = any(not isinstance(text, UnsetType) and not form.fullmatch(text) for form, text in texts)
    return "Rejected" if wrong or not _CURRENCY.fullmatch(tariff.currency) else None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a price may depend on."""

    unix_s: int
    offset_s: int
    """Of local time."""
    dc: bool
    import_wh: float
    export_wh: float
    power_w: float
    """Positive charges the vehicle."""
    current_a: float
    """The sum over all phases, with the sign of the power."""
    charging: bool
    """Whether energy flows, in either direction."""


class Period(Struct):
    """What was used while the same prices held."""

    start_s: int
    tariff: str
    used: tuple[int | None, ...]
    """Which price of each part."""
    energy_wh: float = 0.0
    charging_s: float = 0.0
    idle_s: float = 0.0
    min_w: float = 0.0
    max_w: float = 0.0


class Account(Struct):
    """The costs of one transaction. It can be kept and read again."""

    tariff: v21.TariffType
    begun_s: int
    at_s: int
    import_wh: float
    export_wh: float
    energy_wh: float = 0.0
    charging_s: float = 0.0
    idle_s: float = 0.0
    reserved_s: float | None = None
    """How long the EVSE had been kept for the driver; None without a reservation."""
    net: dict[str, float] = {}
    """Costs by part of the tariff, without and with taxes."""
    gross: dict[str, float] = {}
    frozen: bool = False
    """Whether the highest cost has been reached: nothing is added any more."""
    periods: list[Period] = []

    @classmethod
    def open(cls, tariff: v21.TariffType, now: Moment, reserved_s: float | None = None) -> "Account":
        """At the start of a transaction: what is paid once is paid now (I12.FR.06, 30)."""
        account = cls(tariff, now.unix_s, now.unix_s, now.import_wh, now.export_wh, reserved_s=reserved_s)
        fixed = ["fixedFee"] if reserved_s is None else ["fixedFee", "reservationFixed"]
        costs = {name: price.priceFixed for name in fixed if (price := account._price(name, now)) is not None}
        if reserved_s is not None and (price := account._price("reservationTime", now)) is not None:
            costs["reservationTime"] = price.priceMinute * reserved_s / 60.0
        account._charge(costs)
        account._turn(now)
        return account

    def change(self, tariff: v21.TariffType, now: Moment) -> None:
        """Another tariff from now on (I11)."""
        self.advance(now)
        self.tariff = tariff
        self._turn(now)

    def advance(self, now: Moment) -> None:
        """Count what was used since the last look, at the prices that hold now."""
        passed_s = max(0, now.unix_s - self.at_s)
        net_wh = (now.import_wh - self.import_wh) - (now.export_wh - self.export_wh)
        period = self.periods[-1]
        for each in (self, period):
            each.energy_wh += net_wh
            each.charging_s += passed_s if now.charging else 0
            each.idle_s += 0 if now.charging else passed_s
        period.min_w, period.max_w = min(period.min_w, now.power_w), max(period.max_w, now.power_w)
        self.at_s, self.import_wh, self.export_wh = now.unix_s, now.import_wh, now.export_wh
        costs, time = {}, "chargingTime" if now.charging else "idleTime"
        if (price := self._price("energy", now)) is not None:
            costs["energy"] = price.priceKwh * net_wh / 1000.0
        if (price := self._price(time, now)) is not None:
            costs[time] = price.priceMinute * passed_s / 60.0
        self._charge(costs)
        self._turn(now)

    def details(self, *, final: bool) -> v21.CostDetailsType:
        """As a message carries it; periods only at the end (I12)."""
        return v21.CostDetailsType(
            totalCost=self._total(final=final),
            totalUsage=v21.TotalUsageType(
                energy=round(self.energy_wh, 3),
                chargingTime=round(self.charging_s),
                idleTime=round(self.idle_s),
                reservationTime=UNSET if self.reserved_s is None else round(self.reserved_s),
            ),
            chargingPeriods=tuple(map(_as_message, self.periods)) if final else UNSET,
        )

    def _price(self, name: str, now: Moment) -> Any:
        """The price of a part that holds now: the first whose conditions do (I12.FR.34)."""
        part = given(getattr(self.tariff, name), None)
        return None if part is None else next((each for each in part.prices if self._holds(each.conditions, now)), None)

    def _holds(self, conditions: Any, now: Moment) -> bool:
        if isinstance(conditions, UnsetType):
            return True
        kind = given(conditions.evseKind, None)
        if kind is not None and (kind == "DC") is not now.dc:
            return False
        if not _at_time(conditions, now.unix_s + now.offset_s):
            return False
        if isinstance(conditions, v21.TariffConditionsFixedType):  # there is no terminal to pay at
            return isinstance(conditions.paymentBrand, UnsetType) and isinstance(
                conditions.paymentRecognition, UnsetType
            )
        seconds = now.unix_s - self.begun_s
        return (
            _signed(self.energy_wh, conditions.minEnergy, conditions.maxEnergy)
            and _signed(now.power_w, conditions.minPower, conditions.maxPower)
            and _signed(now.current_a, conditions.minCurrent, conditions.maxCurrent)
            and _within(seconds, conditions.minTime, conditions.maxTime)
            and _within(self.charging_s, conditions.minChargingTime, conditions.maxChargingTime)
            and _within(self.idle_s, conditions.minIdleTime, conditions.maxIdleTime)
        )

    def _turn(self, now: Moment) -> None:
        """Another period if other prices hold (I12.FR.35, 36)."""
        used = tuple(self._index(name, now) for name in ("energy", "chargingTime", "idleTime"))
        last = self.periods[-1] if self.periods else None
        if last is not None and (last.used, last.tariff) == (used, self.tariff.tariffId):
            return
        if len(self.periods) < MOST_PERIODS:
            power_w = now.power_w
            self.periods = [
                *self.periods, Period(now.unix_s, self.tariff.tariffId, used, min_w=power_w, max_w=power_w),
            ]  # fmt: skip

    def _index(self, name: str, now: Moment) -> int | None:
        part = given(getattr(self.tariff, name), None)
        if part is None:
            return None
        return next((index for index, each in enumerate(part.prices) if self._holds(each.conditions, now)), None)

    def _charge(self, costs: dict[str, float]) -> None:
        """Add costs, up to the highest cost of the tariff (I12.FR.39)."""
        if self.frozen:
            return
        gross = {name: value * _taxed(getattr(self.tariff, name).taxRates) for name, value in costs.items()}
        share, limit = 1.0, given(self.tariff.maxCost, None)
        if limit is not None:
            for most, before, more in (
                (given(limit.exclTax, None), sum(self.net.values()), sum(costs.values())),
                (given(limit.inclTax, None), sum(self.gross.values()), sum(gross.values())),
            ):
                if most is not None and more > 0 and before + more >= most:
                    share, self.frozen = min(share, max(0.0, most - before) / more), True
        self.net = _added(self.net, costs, share)
        self.gross = _added(self.gross, gross, share)

    def _total(self, *, final: bool) -> v21.TotalCostType:
        tariff, least = self.tariff, given(self.tariff.minCost, None)
        net, gross = sum(self.net.values()), sum(self.gross.values())
        if final and least is not None and (_below(net, least.exclTax) or _below(gross, least.inclTax)):
            total = v21.TotalPriceType(exclTax=least.exclTax, inclTax=least.inclTax)  # I12.FR.38
            return v21.TotalCostType(currency=tariff.currency, typeOfCost="MinCost", fixed=least, total=total)
        prices: dict[str, Any] = {
            "fixed" if name == "fixedFee" else name: v21.PriceType(
                exclTax=round(self.net[name], 6),
                inclTax=round(self.gross[name], 6),
                taxRates=UNSET if (part := given(getattr(tariff, name), None)) is None else part.taxRates,
            )
            for name in self.net
        }
        return v21.TotalCostType(
            currency=tariff.currency,
            typeOfCost="MaxCost" if self.frozen else "NormalCost",
            total=v21.TotalPriceType(exclTax=round(net, 6), inclTax=round(gross, 6)),
            **prices,
        )


def _as_message(period: Period) -> v21.ChargingPeriodType:
    volumes: tuple[tuple[v21.CostDimensionEnumType, float], ...] = (
        ("Energy", period.energy_wh), ("ChargingTime", period.charging_s), ("IdleTIme", period.idle_s),
        ("MinPower", period.min_w), ("MaxPower", period.max_w),
    )  # fmt: skip
    return v21.ChargingPeriodType(
        startPeriod=timestamp(period.start_s),
        tariffId=period.tariff,
        dimensions=tuple(v21.CostDimensionType(type=type, volume=round(volume, 3)) for type, volume in volumes),
    )


def _numbers(value: Any) -> Iterator[float]:
    """All prices, taxes and limits."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _numbers(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _numbers(each)


def _added(sums: dict[str, float], more: dict[str, float], share: float) -> dict[str, float]:
    return sums | {name: sums.get(name, 0.0) + share * value for name, value in more.items()}


def _taxed(rates: Sequence[v21.TaxRateType] | UnsetType) -> float:
    """What taxes make of 1: those of a stack are on what the stacks below it came to (I12.FR.13)."""
    factor, found = 1.0, given(rates, ())
    for stack in sorted({given(each.stack, 0) for each in found}):
        factor *= 1.0 + sum(each.tax for each in found if given(each.stack, 0) == stack) / 100.0
    return factor


def _at_time(conditions: Any, local_s: int) -> bool:
    """Whether day and time of day fit."""
    days: Iterable[str] | None = given(conditions.dayOfWeek, None)
    if days is not None and _DAYS[(local_s // DAY_S + 3) % 7] not in days:  # 1970 began on a Thursday
        return False
    date = f"{timestamp(local_s):%Y-%m-%d}"
    if not _within(date, conditions.validFromDate, conditions.validToDate):
        return False
    now_s, start, end = local_s % DAY_S, given(conditions.startTimeOfDay, None), given(conditions.endTimeOfDay, None)
    start_s = 0 if start is None else _seconds(start)
    end_s = DAY_S if end is None else _seconds(end) or DAY_S
    return start_s <= now_s < end_s if start_s < end_s else now_s >= start_s or now_s < end_s


def _seconds(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 3600 + int(minutes) * 60


def _below(cost: float, least: float | UnsetType) -> bool:
    return not isinstance(least, UnsetType) and cost < least


def _within(value: P, low: P | UnsetType, high: P | UnsetType) -> bool:
    """From `low` on, below `high`."""
    return (isinstance(low, UnsetType) or value >= low) and (isinstance(high, UnsetType) or value < high)


def _signed(value: float, nearest: float | UnsetType, farthest: float | UnsetType) -> bool:
    """Whether a value is in a range on its side of zero; `nearest` to zero counts, `farthest` does not."""
    if isinstance(nearest, UnsetType) and isinstance(farthest, UnsetType):
        return True
    if given(nearest, 0.0) < 0 or given(farthest, 0.0) < 0:
        size, low = -value, UNSET if isinstance(nearest, UnsetType) else -nearest
        return value < 0 and _within(size, low, UNSET if isinstance(farthest, UnsetType) else -farthest)
    return value >= 0 and _within(value, nearest, farthest)
