"""Forecasts against histories whose law is known, and no forecast from too little."""

import numpy as np
import pytest
from msgspec.structs import replace

from v2g.depot.allocation import Floats
from v2g.depot.forecast import Forecast, LoadProfile, Visit, visits
from v2g.depot.ledger import Account
from v2g.depot.plan import STEP_S, STEPS, Outlook
from v2g.depot.planner import Planner
from v2g.depot.tree import flat
from v2g.kernel.durations import DAY_S

MONDAY = 1_799_625_600.0 // DAY_S * DAY_S
MONDAY -= ((MONDAY // DAY_S + 3) % 7) * DAY_S
HOUR = 3600.0
SHAPE = np.random.default_rng(7)


def night_buses(days: int, count: int = 4) -> list[Visit]:
    """Buses come at about 19:00, and leave at 5:30 whenever they came; on Sundays they stay where they are."""
    found = []
    for day in range(days):
        if day % 7 < 5:
            for bus in range(count):
                came_s = MONDAY + day * DAY_S + 19 * HOUR + SHAPE.normal(0, 1_800)
                left_s = MONDAY + (day + 1) * DAY_S + 5.5 * HOUR + SHAPE.normal(0, 600)
                found.append(Visit(f"bus {bus}", came_s, left_s, SHAPE.normal(80_000, 8_000)))
    return found


def test_departure_by_the_clock() -> None:
    forecast = Forecast(night_buses(60))
    came_s = MONDAY + 63 * DAY_S + 20 * HOUR
    found = forecast.departure("bus 1", came_s, came_s)
    assert found is not None
    assert found.unix_s == pytest.approx(MONDAY + 64 * DAY_S + 5.5 * HOUR, abs=400)
    assert 400 < found.deviation_s < 900
    stranger = forecast.departure("a stranger", came_s, came_s)
    assert stranger is not None
    assert stranger.unix_s == pytest.approx(found.unix_s, abs=400)


def test_departure_by_the_time_that_a_visit_lasts() -> None:
    history = [
        Visit("taxi", came_s, came_s + 2 * HOUR + SHAPE.normal(0, 300), 30_000)
        for day in range(40)
        if day % 7 < 5
        for came_s in (MONDAY + day * DAY_S + SHAPE.uniform(6, 20) * HOUR,)
    ]
    came_s = MONDAY + 42 * DAY_S + 9 * HOUR
    found = Forecast(history).departure("taxi", came_s, came_s + HOUR)
    assert found is not None
    assert found.unix_s == pytest.approx(came_s + 2 * HOUR, abs=200)
    late = Forecast(history).departure("taxi", came_s, came_s + 5 * HOUR)
    assert late is None or late.unix_s > came_s + 5 * HOUR


def test_two_thirds_fall_within_one_deviation() -> None:
    forecast, inside = Forecast(night_buses(90)), 0
    later = night_buses(30)
    for each in later:
        moved = 91 * DAY_S
        found = forecast.departure(each.vehicle, each.since_unix_s + moved, each.since_unix_s + moved)
        assert found is not None
        inside += abs(found.unix_s - each.until_unix_s - moved) <= found.deviation_s
    assert 0.55 < inside / len(later) < 0.85


def test_too_little_gives_nothing() -> None:
    few = night_buses(60)[:7]
    short = night_buses(8)
    for history in ([], few, short):
        forecast = Forecast(history)
        assert forecast.departure("bus 1", MONDAY + 70 * DAY_S, MONDAY + 70 * DAY_S) is None
        assert forecast.energy_wh() is None
        assert forecast.arrivals(MONDAY + 70 * DAY_S) is None
        assert forecast.stays(MONDAY + 70 * DAY_S, "site", 50_000) == []
    saturday = MONDAY + 61 * DAY_S + (5 - (61 % 7)) * DAY_S + 19 * HOUR
    assert Forecast(night_buses(60)).departure("bus 1", saturday, saturday) is None  # none of them came on a Saturday


def test_energy_and_arrivals() -> None:
    forecast = Forecast(night_buses(70))
    energy = forecast.energy_wh("bus 2")
    assert energy is not None
    assert energy.mean == pytest.approx(80_000, rel=0.05)
    assert energy.deviation == pytest.approx(8_000, rel=0.4)
    arrivals = forecast.arrivals(MONDAY + 70 * DAY_S)
    assert arrivals is not None
    assert arrivals.mean.sum() == pytest.approx(4, abs=0.1)
    assert arrivals.mean[:60].sum() == 0
    assert (arrivals.deviation > 0).all()
    sunday = forecast.arrivals(MONDAY + 69 * DAY_S)
    assert sunday is not None
    assert sunday.mean.sum() == 0


def test_local_time_is_what_people_live_by() -> None:
    eastern = [
        replace(each, since_unix_s=each.since_unix_s - 7 * HOUR, until_unix_s=each.until_unix_s - 7 * HOUR)
        for each in night_buses(70)
    ]
    there = Forecast(eastern, utc_offset_s=7 * HOUR).arrivals(MONDAY + 70 * DAY_S - 7 * HOUR)
    assert there is not None
    assert there.mean.sum() == pytest.approx(4, abs=0.1)
    assert there.mean[:60].sum() == 0


def test_what_is_expected_takes_its_place_in_the_plan() -> None:
    start_s = MONDAY + 70 * DAY_S
    expected = Forecast(night_buses(70)).stays(start_s, "site", 40_000)
    assert sum(each.target_wh for each in expected) == pytest.approx(4 * 80_000, rel=0.15)
    prices = np.full(STEPS, 0.2)
    plan = Planner(flat()).plan(expected, Outlook(start_unix_s=start_s, buy_per_kwh=prices, sell_per_kwh=prices),
                                start_s)  # fmt: skip
    assert plan.courses(start_s) == {}
    assert sum(plan.powers_w.values(), np.zeros(STEPS))[:70] == pytest.approx(0, abs=1e-3)
    assert not plan.missed


def test_history_of_the_ledger() -> None:
    account = Account("CS", "tx", 1, "bus 1", MONDAY, MONDAY + 9 * HOUR, True, 9, 0, 50_000.0, 8_000.0)
    some = [account, replace(account, ended=False), replace(account, missing=1), replace(account, until_s=MONDAY + 9)]
    assert visits(some) == [Visit("bus 1", MONDAY, MONDAY + 9 * HOUR, 42_000.0)]


def load(days: int) -> LoadProfile:
    profile = LoadProfile()
    for number in range(days * STEPS):
        day, step = divmod(number, STEPS)
        work = day % 7 < 5 and 32 <= step < 72
        profile.add(MONDAY + number * STEP_S, (50_000.0 if work else 5_000.0) + float(SHAPE.normal(0, 1_000)))
    return profile


def test_load_by_the_time_of_day() -> None:
    found = load(42).expected(MONDAY + 42 * DAY_S)
    assert found is not None
    mean_w, deviation_w = found
    assert mean_w[40] == pytest.approx(50_000, abs=1_500)
    assert mean_w[10] == pytest.approx(5_000, abs=1_500)
    assert float(np.median(deviation_w)) == pytest.approx(1_000, rel=0.4)
    weekend: Floats = load(42).expected(MONDAY + 40 * DAY_S)[0]  # type: ignore[index]
    assert weekend[40] == pytest.approx(5_000, abs=1_500)


def test_a_load_that_has_been_seen_for_a_few_days_is_not_forecast() -> None:
    assert LoadProfile().expected(MONDAY) is None
    assert load(3).expected(MONDAY + 7 * DAY_S) is None
    assert load(42).expected(MONDAY + 41.5 * DAY_S) is not None
