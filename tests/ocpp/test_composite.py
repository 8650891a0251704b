"""The composite schedule against its definition: at each second the highest profile that has a period then."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.ocpp.test_profiles import DC, T0, TX, at, iso, limit, profile

from v2g.ocpp import v21
from v2g.ocpp.base import given as stated
from v2g.ocpp.profiles import MOST_PERIODS, Profiles
from v2g.ocpp.schedule import MOST_CHANGES

HORIZON_S = 400
EVERY_S = {"Daily": 86_400, "Weekly": 7 * 86_400}
_PURPOSES = ("TxDefaultProfile", "TxProfile", "ChargingStationMaxProfile")


@st.composite
def profiles(draw: st.DrawFn) -> list[v21.ChargingProfileType]:
    """Up to six profiles of all purposes, each at a stack level of its own."""
    found = []
    for id in range(draw(st.integers(1, 6))):
        starts = sorted({0, *draw(st.lists(st.integers(1, 300), max_size=5))})
        periods = [limit(float(draw(st.integers(0, 40)) * 500), start) for start in starts]
        kind = draw(st.sampled_from(("Absolute", "Relative", "Recurring")))
        schedule: dict[str, Any] = {}
        if kind != "Relative":
            schedule["startSchedule"] = iso(draw(st.integers(-100_000, 300)))
        if draw(st.booleans()):
            schedule["duration"] = draw(st.integers(1, 300))
        rest: dict[str, Any] = {"recurrencyKind": "Daily"} if kind == "Recurring" else {}
        if draw(st.booleans()):
            rest["validFrom"] = iso(draw(st.integers(-50, 300)))
        if draw(st.booleans()):
            rest["validTo"] = iso(draw(st.integers(0, 500)))
        purpose = draw(st.sampled_from(_PURPOSES))
        found.append(profile(*periods, id=id, level=id, purpose=purpose, kind=kind, schedule=schedule, **rest))
    return found


def says(each: v21.ChargingProfileType, unix_s: int) -> float | None:
    """The limit of a profile at a second, as block K defines it; None if it has no period then."""

    def seconds(time: Any, otherwise: float) -> float:
        return time.timestamp() if isinstance(time, datetime) else otherwise

    schedule = each.chargingSchedule[0]
    if not seconds(each.validFrom, 0.0) <= unix_s < seconds(each.validTo, 1e12):
        return None
    start_s = TX.since_s if each.chargingProfileKind == "Relative" else seconds(schedule.startSchedule, 0.0)
    elapsed_s = unix_s - start_s
    if each.chargingProfileKind == "Recurring" and elapsed_s >= 0:
        elapsed_s %= EVERY_S[stated(each.recurrencyKind, "Daily")]
    if not 0 <= elapsed_s < stated(schedule.duration, 1e12):
        return None
    passed = [period for period in schedule.chargingSchedulePeriod if period.startPeriod <= elapsed_s]
    return stated(passed[-1].limit, None)


def defined(installed: list[v21.ChargingProfileType], unix_s: int) -> float:
    """The lowest limit over the purposes, TxProfile before TxDefaultProfile; the highest stack level of each first."""
    by_purpose = {}
    for purpose in _PURPOSES:
        ranked = sorted(
            (each for each in installed if each.chargingProfilePurpose == purpose), key=lambda p: -p.stackLevel
        )
        by_purpose[purpose] = next((found for each in ranked if (found := says(each, unix_s)) is not None), None)
    tx = by_purpose["TxProfile"] if by_purpose["TxProfile"] is not None else by_purpose["TxDefaultProfile"]
    limits = [each for each in (tx, by_purpose["ChargingStationMaxProfile"]) if each is not None]
    return min([*limits, DC.charge_w])


@given(profiles())
def test_at_each_second_it_says_what_block_k_defines(drawn: list[v21.ChargingProfileType]) -> None:
    station = Profiles({1: DC})
    for each in drawn:
        evse = 0 if each.chargingProfilePurpose == "ChargingStationMaxProfile" else 1
        assert station.set(evse, each, {1: TX}, T0) is None
    found = station.composite(1, {1: TX}, at(), HORIZON_S, None).chargingSchedulePeriod
    starts = [each.startPeriod for each in found]
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    place = 0
    for second in range(HORIZON_S):
        while place + 1 < len(found) and found[place + 1].startPeriod <= second:
            place += 1
        assert found[place].limit == defined(drawn, T0 + second), second


def test_it_has_at_most_as_many_periods_as_a_schedule_may_have() -> None:
    station = Profiles({1: DC})
    for id in (1, 2, 3):
        start = datetime.fromtimestamp(T0 + id, UTC).isoformat().replace("+00:00", "Z")
        periods = [limit(float(1_000 + index), 30 * index) for index in range(MOST_PERIODS)]
        assert station.set(1, profile(*periods, id=id, level=id, schedule={"startSchedule": start}), {}, T0) is None
    found = station.composite(1, {}, at(), 30 * MOST_PERIODS, None).chargingSchedulePeriod
    assert len(found) == MOST_PERIODS
    assert [each.startPeriod for each in found[:5]] == [0, 1, 2, 3, 33]


def test_a_short_schedule_that_recurs_for_years_is_known_for_a_while() -> None:
    """The periods do not differ: there is nothing to report but until when that is known."""
    periods = [limit(4_000.0, 900 * quarter) for quarter in range(96)]
    held = Profiles({1: DC})
    recurring = profile(*periods, kind="Recurring", recurrencyKind="Daily")
    assert held.set(1, recurring, {}, T0) is None
    found = held.composite(1, {}, at(), 2**31 - 1, None)
    assert found.duration == MOST_CHANGES * 900
    assert [(each.startPeriod, each.limit) for each in found.chargingSchedulePeriod] == [(0, 4_000.0)]


def test_a_composite_schedule_that_is_too_long_ends_with_its_last_period() -> None:
    periods = [limit(1_000.0 + number, number) for number in range(MOST_PERIODS)]
    held = Profiles({1: DC})
    for id in (1, 2):
        schedule = {"startSchedule": iso((id - 1) * MOST_PERIODS), "duration": MOST_PERIODS}
        assert held.set(1, profile(*periods, id=id, level=id, schedule=schedule), {}, T0) is None
    found = held.composite(1, {}, at(), 5 * MOST_PERIODS, None)
    assert len(found.chargingSchedulePeriod) == MOST_PERIODS
    assert found.duration == MOST_PERIODS
