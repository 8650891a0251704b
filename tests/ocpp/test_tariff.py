"""The account of a transaction by a tariff: prices, conditions, taxes, the least and the highest cost."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2g.ocpp import v21
from v2g.ocpp.base import convert, decoder, encode
from v2g.ocpp.tariff import MOST_ELEMENTS, Account, Moment, why_invalid

NOON = 1_767_787_200  # Wednesday, 7 January 2026, 12:00 UTC


def tariff(**parts: Any) -> v21.TariffType:
    found: v21.TariffType = convert({"tariffId": "T1", "currency": "EUR", **parts}, v21.TariffType)
    return found


def moment(after_s: int = 0, taken_wh: float = 0.0, given_wh: float = 0.0, power_w: float = 0.0) -> Moment:
    return Moment(
        NOON + after_s, 0, dc=True, import_wh=1_000 + taken_wh, export_wh=500 + given_wh, power_w=power_w,
        current_a=power_w / 230, charging=power_w != 0,
    )  # fmt: skip


def energy(*prices: tuple[float, dict[str, Any]], tax: float = 0.0) -> dict[str, Any]:
    rows = [{"priceKwh": price} | ({"conditions": conditions} if conditions else {}) for price, conditions in prices]
    return {"prices": rows} | ({"taxRates": [{"type": "vat", "tax": tax}]} if tax else {})


def cost(account: Account, *, final: bool = True) -> v21.TotalCostType:
    return account.details(final=final).totalCost


def test_energy_and_a_fixed_fee_with_taxes_on_taxes() -> None:
    rates = [{"type": "energy tax", "tax": 10}, {"type": "vat", "tax": 20, "stack": 1}]
    account = Account.open(
        tariff(energy={"prices": [{"priceKwh": 0.4}], "taxRates": rates}, fixedFee={"prices": [{"priceFixed": 1.0}]}),
        moment(),
    )
    account.advance(moment(3600, taken_wh=10_000, power_w=10_000))
    found = cost(account)
    assert found.energy == v21.PriceType(
        exclTax=4.0, inclTax=5.28, taxRates=convert(rates, tuple[v21.TaxRateType, ...])
    )
    assert found.total == v21.TotalPriceType(exclTax=5.0, inclTax=6.28)
    assert found.typeOfCost == "NormalCost"
    assert found.currency == "EUR"


def test_energy_that_is_fed_has_a_price_of_its_own() -> None:
    """0.30 for what is drawn; below -1 W of power 0.50 are paid for what is fed."""
    prices = energy((0.5, {"minPower": -1}), (0.3, {}))
    account = Account.open(tariff(energy=prices), moment())
    account.advance(moment(600, taken_wh=2_000, power_w=12_000))
    account.advance(moment(1200, taken_wh=2_000, given_wh=1_000, power_w=-6_000))
    assert cost(account).total.exclTax == pytest.approx(0.6 - 0.5)
    details = account.details(final=True)
    assert details.totalUsage == v21.TotalUsageType(energy=1_000.0, chargingTime=1200, idleTime=0)
    volumes = [{each.type: each.volume for each in part.dimensions or ()} for part in details.chargingPeriods or ()]
    assert sum(each["Energy"] for each in volumes) == 1_000.0
    assert volumes[-1]["MinPower"] == -6_000.0


@pytest.mark.parametrize(
    ("conditions", "at_s", "holds"),
    [
        ({"startTimeOfDay": "12:00", "endTimeOfDay": "13:00"}, 0, True),
        ({"startTimeOfDay": "12:00", "endTimeOfDay": "13:00"}, 3600, False),
        ({"startTimeOfDay": "22:00", "endTimeOfDay": "06:00"}, 11 * 3600, True),
        ({"startTimeOfDay": "22:00", "endTimeOfDay": "06:00"}, 17 * 3600, True),
        ({"startTimeOfDay": "22:00", "endTimeOfDay": "06:00"}, 18 * 3600, False),
        ({"startTimeOfDay": "18:00", "endTimeOfDay": "00:00"}, 8 * 3600, True),
        ({"dayOfWeek": ["Wednesday"]}, 0, True),
        ({"dayOfWeek": ["Thursday"]}, 0, False),
        ({"dayOfWeek": ["Thursday"]}, 12 * 3600, True),
        ({"validFromDate": "2026-01-07", "validToDate": "2026-01-08"}, 0, True),
        ({"validFromDate": "2026-01-07", "validToDate": "2026-01-08"}, 12 * 3600, False),
        ({"evseKind": "DC"}, 0, True),
        ({"evseKind": "AC"}, 0, False),
        ({"minTime": 60}, 59, False),
        ({"minTime": 60}, 60, True),
        ({"maxTime": 60}, 60, False),
        ({"minPower": 1_000, "maxPower": 5_000}, 0, False),
        ({"maxPower": -500}, 0, False),
    ],
)
def test_when_a_price_holds(conditions: dict[str, Any], at_s: int, holds: bool) -> None:
    account = Account.open(tariff(energy=energy((1.0, conditions))), moment())
    before = moment(at_s)
    account.advance(before)
    account.advance(moment(at_s, taken_wh=1_000, power_w=0.0))
    assert cost(account).total.exclTax == (1.0 if holds else 0.0)


@given(st.floats(-50_000, 50_000), st.floats(1, 50_000), st.floats(1, 50_000), st.booleans())
def test_a_range_of_power_is_on_one_side_of_zero(power_w: float, one: float, other: float, feeds: bool) -> None:
    low, high = sorted((one, other))
    sign = -1 if feeds else 1
    account = Account.open(tariff(energy=energy((1.0, {"minPower": sign * low, "maxPower": sign * high}))), moment())
    account.advance(moment(1, taken_wh=1_000, power_w=power_w))
    assert (cost(account).total.exclTax == 1.0) == (low <= sign * power_w < high)


def test_the_first_price_whose_conditions_hold_counts() -> None:
    prices = energy((0.2, {"maxEnergy": 1_000}), (0.4, {"maxEnergy": 3_000}), (0.6, {}))
    account = Account.open(tariff(energy=prices), moment())
    for step in range(1, 51):
        account.advance(moment(step, taken_wh=step * 100, power_w=1_000))
    assert cost(account).total.exclTax == pytest.approx(0.2 * 0.9 + 0.4 * 2.0 + 0.6 * 2.1, abs=0.05)
    assert len(account.periods) == 3


def test_time_that_charges_and_time_that_does_not() -> None:
    minutes = {"chargingTime": {"prices": [{"priceMinute": 0.1}]}, "idleTime": {"prices": [{"priceMinute": 0.5}]}}
    account = Account.open(tariff(**minutes), moment())
    account.advance(moment(600, power_w=5_000))
    account.advance(moment(900))
    found = cost(account)
    assert (found.chargingTime, found.idleTime) == (
        v21.PriceType(exclTax=1.0, inclTax=1.0),
        v21.PriceType(exclTax=2.5, inclTax=2.5),
    )


def test_the_highest_cost_freezes_the_costs_and_not_the_usage() -> None:
    limited = tariff(energy=energy((1.0, {}), tax=20.0), maxCost={"inclTax": 6.0})
    account = Account.open(limited, moment())
    for hour in range(1, 11):
        account.advance(moment(3600 * hour, taken_wh=1_000 * hour, power_w=1_000))
    assert cost(account).typeOfCost == "MaxCost"
    assert cost(account).total == v21.TotalPriceType(exclTax=5.0, inclTax=6.0)
    assert account.details(final=True).totalUsage.energy == 10_000.0


def test_the_least_cost_counts_at_the_end_only() -> None:
    account = Account.open(tariff(energy=energy((1.0, {})), minCost={"exclTax": 3.0, "inclTax": 3.6}), moment())
    account.advance(moment(60, taken_wh=1_000, power_w=1_000))
    assert cost(account, final=False).total.exclTax == 1.0
    assert (cost(account).typeOfCost, cost(account).total.inclTax) == ("MinCost", 3.6)


def test_a_least_cost_without_taxes_leaves_what_the_grid_pays() -> None:
    account = Account.open(tariff(energy=energy((1.0, {})), minCost={"exclTax": -5.0}), moment())
    account.advance(moment(60, given_wh=1_000, power_w=-1_000))
    assert (cost(account).typeOfCost, cost(account).total.exclTax) == ("NormalCost", -1.0)


def test_another_tariff_holds_from_its_moment_on() -> None:
    account = Account.open(tariff(energy=energy((1.0, {}))), moment())
    account.change(tariff(tariffId="T2", energy=energy((2.0, {}))), moment(60, taken_wh=1_000, power_w=1_000))
    account.advance(moment(120, taken_wh=2_000, power_w=1_000))
    assert cost(account).total.exclTax == 3.0
    assert [each.tariffId for each in account.details(final=True).chargingPeriods or ()] == ["T1", "T2"]


def test_a_reservation_is_paid_at_the_start() -> None:
    reserved = tariff(
        reservationTime={"prices": [{"priceMinute": 0.1}]}, reservationFixed={"prices": [{"priceFixed": 2.0}]}
    )
    assert cost(Account.open(reserved, moment(), reserved_s=600.0)).total.exclTax == 3.0
    assert cost(Account.open(reserved, moment())).total.exclTax == 0.0


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(0, 5_000), st.floats(0, 5_000)), max_size=20))
def test_an_account_that_was_kept_goes_on_as_it_was(steps: list[tuple[int, float, float]]) -> None:
    """Nothing depends on whether the process was started again, and the energy is that of the meter."""
    priced = tariff(energy=energy((0.5, {"minPower": -1}), (0.3, {})), idleTime={"prices": [{"priceMinute": 0.1}]})
    one, other = Account.open(priced, moment()), Account.open(priced, moment())
    after_s, taken, fed = 0, 0.0, 0.0
    for passed_s, more, less in steps:
        after_s, taken, fed = after_s + passed_s, taken + more, fed + less
        now = moment(after_s, taken, fed, more - less)
        one.advance(now)
        other = decoder(Account).decode(encode(other))
        other.advance(now)
    assert one == other
    assert one.energy_wh == pytest.approx(taken - fed, abs=1e-6)
    assert sum(each.energy_wh for each in one.periods) == pytest.approx(one.energy_wh, abs=1e-6)
    validated = convert(msgspec.to_builtins(one.details(final=True)), v21.CostDetailsType)
    assert validated.totalCost == cost(one)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"energy": energy(*[(1.0, {})] * (MOST_ELEMENTS + 1))}, "TooManyElements"),
        ({"energy": energy((1.0, {"startTimeOfDay": "25:00"}))}, "Rejected"),
        ({"energy": energy((1.0, {"validToDate": "tomorrow"}))}, "Rejected"),
        ({"currency": "eur"}, "Rejected"),
        ({"energy": energy((1e308, {}))}, "Rejected"),
        ({"energy": energy((1.0, {"startTimeOfDay": "08:00"}))}, None),
    ],
)
def test_tariffs_that_cannot_be_used(parts: dict[str, Any], why: str | None) -> None:
    assert why_invalid(tariff(**parts)) == why
