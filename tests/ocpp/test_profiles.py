"""Charging profiles: which are installed, what they ask for at an instant, the composite schedule."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import convert
from v2g.ocpp.profile_rules import EvseTraits, Refusal, Running
from v2g.ocpp.profiles import Profiles
from v2g.ocpp.schedule import FREE, Instant, Order

T0 = 1_800_000_000
DC = EvseTraits(1, dc=True, v2x=True, charge_w=15_000, discharge_w=15_000)
AC = EvseTraits(2, dc=False, v2x=False, phases=3, nominal_v=230, charge_w=22_000)
TX = Running("tx-1", T0)


def at(offset_s: float = 0.0, offline_s: float = 0.0) -> Instant:
    return Instant(T0 + offset_s, offline_s)


def iso(offset_s: int) -> str:
    return datetime.fromtimestamp(T0 + offset_s, UTC).isoformat().replace("+00:00", "Z")


def profile(
    *periods: dict[str, Any], id: int = 1, level: int = 0, purpose: str = "TxDefaultProfile", kind: str = "Absolute",
    unit: str = "W", schedule: dict[str, Any] | None = None, **rest: Any,
) -> v21.ChargingProfileType:  # fmt: skip
    times = {"startSchedule": iso(0)} if kind in ("Absolute", "Recurring") else {}
    tx = {"transactionId": TX.id} if purpose == "TxProfile" else {}
    document = {
        "id": id, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": kind, **tx,
        "chargingSchedule": [
            {"id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": list(periods), **times, **(schedule or {})}
        ],
    }  # fmt: skip
    found: v21.ChargingProfileType = convert(document | rest, v21.ChargingProfileType)
    return found


def limit(watts: float, start: int = 0, **rest: Any) -> dict[str, Any]:
    return {"startPeriod": start, "limit": watts, **rest}


def setpoint(watts: float, start: int = 0, mode: str = "CentralSetpoint", **rest: Any) -> dict[str, Any]:
    return {"startPeriod": start, "setpoint": watts, "operationMode": mode, **rest}


def station(*installed: tuple[int, v21.ChargingProfileType]) -> Profiles:
    profiles = Profiles({1: DC, 2: AC})
    for evse, each in installed:
        assert profiles.set(evse, each, {1: TX}, T0) is None
    return profiles


def test_without_a_profile_charging_has_no_limit_and_nothing_is_discharged() -> None:
    assert station().order(1, TX, at()) == FREE
    assert FREE.discharge_w == 0.0


def in_time(within: object, way: str | None = None) -> dict[str, Any]:
    """What a depot of this project adds to a period."""
    stated = {"vendorId": "v2g.depot", "within": within} | ({} if way is None else {"way": way})
    return {"customData": stated}


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (in_time(0.3), Within(0.3, 0.3)),
        (in_time(0.3, "charge"), Within(charge_s=0.3)),
        (in_time(0.3, "discharge"), Within(discharge_s=0.3)),
        (in_time(0.3, "sideways"), Within(0.3, 0.3)),
        (in_time(61.0), NEVER),
        (in_time("0.3"), NEVER),
        ({"customData": {"vendorId": "x", "within": 0.3}}, NEVER),
    ],
)
def test_a_depot_may_state_in_which_time_a_car_must_have_followed(stated: dict[str, Any], expected: Within) -> None:
    profiles = station((1, profile(setpoint(-4_000, **stated), id=1, purpose="TxProfile")))
    assert profiles.order(1, TX, at()).within == expected


def test_the_time_of_a_stations_own_limit_holds_beside_a_transactions_profile() -> None:
    own = profile(limit(4_000, **in_time(0.3)), id=2, purpose="ChargingStationMaxProfile")
    profiles = station((0, own), (1, profile(setpoint(9_000), id=1, purpose="TxProfile")))
    found = profiles.order(1, TX, at())
    assert (found.setpoint_w, found.within) == (4_000 / 2, Within(charge_s=0.3)), "it is shared by two EVSEs"
    later = profile(setpoint(-9_000, **in_time(2.0)), id=1, purpose="TxProfile")
    assert station((0, own), (1, later)).order(1, TX, at()).within == Within(0.3, 2.0)


def test_the_highest_stack_level_with_a_period_now_counts() -> None:
    profiles = station(
        (1, profile(limit(9_000), id=1, level=0)),
        (1, profile(limit(4_000), limit(5_000, 100), id=2, level=3, schedule={"duration": 200})),
    )
    found = [profiles.order(1, None, at(offset)).charge_w for offset in (0, 99, 100, 199, 200)]
    assert found == [4_000, 4_000, 5_000, 5_000, 9_000]


def test_a_profile_of_the_transaction_replaces_the_default_and_the_station_limit_caps_both() -> None:
    profiles = station(
        (0, profile(limit(3_000), id=1, level=9)),
        (1, profile(limit(12_000), id=2, purpose="TxProfile")),
    )
    assert profiles.order(1, TX, at()).charge_w == 12_000
    assert profiles.order(1, None, at()).charge_w == 3_000
    assert profiles.order(1, Running("another", T0), at()).charge_w == 3_000
    profiles.set(0, profile(limit(16_000), id=3, purpose="ChargingStationMaxProfile"), {}, T0)
    order = profiles.order(1, TX, at())
    assert (order.charge_w, order.charge_by, order.by) == (8_000, "ChargingStationMaxProfile 3", "TxProfile 2")


def test_discharge_needs_an_order_below_zero() -> None:
    order = station((1, profile(setpoint(-5_000, limit=2_000, dischargeLimit=-6_000), purpose="TxProfile"))).order(
        1, TX, at()
    )
    assert structs.replace(order, period=None) == Order(
        2_000, 6_000, -5_000, "CentralSetpoint", "TxProfile 1", "TxProfile 1"
    )
    positive = station((1, profile(setpoint(5_000, dischargeLimit=-6_000), purpose="TxProfile"))).order(1, TX, at())
    assert positive.discharge_w == 0.0
    idle = station((1, profile({"startPeriod": 0, "operationMode": "Idle"}, purpose="TxProfile"))).order(1, TX, at())
    assert (idle.charge_w, idle.discharge_w, idle.setpoint_w) == (0.0, 0.0, 0.0)


def test_the_station_limit_clips_a_set_point() -> None:
    profiles = station(
        (1, profile(setpoint(9_000), purpose="TxProfile")),
        (0, profile(limit(8_000), id=2, purpose="ChargingStationMaxProfile")),
    )
    assert profiles.order(1, TX, at()).setpoint_w == 4_000


def test_amperes_count_on_each_phase() -> None:
    profiles = Profiles({2: AC})
    for amperes, phases, watts in (
        (16, {}, 11_040),
        (16, {"numberPhases": 1}, 3_680),
        (10, {"numberPhases": 3}, 6_900),
    ):
        assert profiles.set(2, profile(limit(amperes, **phases), unit="A"), {}, T0) is None
        assert profiles.order(2, None, at()).charge_w == watts


def test_one_phase_gets_no_more_than_each_profile_leaves_it() -> None:
    profiles = Profiles({2: replace(AC, one_or_three=True)})
    assert profiles.set(2, profile(limit(4_600, numberPhases=1)), {}, T0) is None
    alone = profiles.order(2, None, at())
    assert (alone.charge_w, alone.phases) == (4_600, 1)
    station_wide = profile(limit(6_900), id=2, purpose="ChargingStationMaxProfile")
    assert profiles.set(0, station_wide, {}, T0) is None
    order = profiles.order(2, None, at())
    assert (order.charge_w, order.phases) == (2_300, 1)
    assert profiles.set(2, profile(limit(4_600)), {}, T0) is None
    assert (profiles.order(2, None, at()).charge_w, profiles.order(2, None, at()).phases) == (4_600, None)


def test_one_phase_feeds_no_more_than_each_profile_leaves_it() -> None:
    profiles = Profiles({2: replace(AC, v2x=True, one_or_three=True, discharge_w=22_000)})
    feeding = profile(setpoint(-6_900, limit=11_000, dischargeLimit=-9_000), purpose="TxProfile")
    assert profiles.set(2, feeding, {2: TX}, T0) is None
    one_phase = profile(limit(6_900, numberPhases=1), id=2, purpose="ChargingStationMaxProfile")
    assert profiles.set(0, one_phase, {2: TX}, T0) is None
    order = profiles.order(2, TX, at())
    assert (order.setpoint_w, order.discharge_w, order.phases) == (-2_300, 3_000, 1)


@pytest.mark.parametrize(("phase", "switches", "refused"), [(1, True, False), (2, True, True), (1, False, True)])
def test_the_phase_to_use_is_the_first(phase: int, switches: bool, refused: bool) -> None:
    profiles = Profiles({2: replace(AC, one_or_three=switches)})
    refusal = profiles.set(2, profile(limit(10, numberPhases=1, phaseToUse=phase), unit="A"), {}, T0)
    assert (refusal is not None and refusal.code == "InvalidSchedule") is refused


@pytest.mark.parametrize(
    ("kind", "extra", "expected"),
    [
        ("Recurring", {"recurrencyKind": "Daily", "schedule": {"duration": 3_600}},
         {0: 1.0, 3_599: 1.0, 3_600: None, 86_400: 1.0, 90_000: None}),
        ("Recurring", {"recurrencyKind": "Weekly", "schedule": {"duration": 60}},
         {0: 1.0, 86_400: None, 7 * 86_400: 1.0}),
        ("Absolute", {"schedule": {"duration": 60}}, {-1: None, 0: 1.0, 59: 1.0, 60: None}),
        ("Absolute", {"validFrom": iso(10), "validTo": iso(20)}, {9: None, 10: 1.0, 19: 1.0, 20: None}),
        ("Dynamic", {"schedule": {"duration": 30}}, {0: 1.0, 29: 1.0, 30: None}),
    ],
)  # fmt: skip
def test_when_a_schedule_holds(kind: str, extra: dict[str, Any], expected: dict[int, float | None]) -> None:
    profiles = station((1, profile(limit(1.0), kind=kind, **extra)))
    for offset, watts in expected.items():
        assert profiles.order(1, None, at(offset)).charge_w == (float("inf") if watts is None else watts), offset


def test_a_relative_schedule_begins_with_the_transaction() -> None:
    profiles = station((1, profile(limit(1_000), limit(2_000, 60), kind="Relative")))
    later = replace(TX, since_s=T0 + 500)
    assert profiles.order(1, later, at(559)).charge_w == 1_000
    assert profiles.order(1, later, at(560)).charge_w == 2_000


def test_a_dynamic_profile_lapses_unless_it_is_updated() -> None:
    profiles = station((1, profile(setpoint(-5_000), purpose="TxProfile", kind="Dynamic", schedule={"duration": 30})))
    assert profiles.order(1, TX, at(29)).setpoint_w == -5_000
    assert profiles.order(1, TX, at(30)) == FREE
    update = v21.ChargingScheduleUpdateType(setpoint=-3_000)
    assert profiles.update(1, update, {1: TX}, T0 + 40) is None  # a late update revives it (K28.FR.14)
    assert profiles.order(1, TX, at(69)).setpoint_w == -3_000
    assert profiles.order(1, TX, at(70)) == FREE
    assert profiles.update(9, update, {1: TX}, T0) == Refusal("InvalidProfileId", "there is no Dynamic profile 9")


def test_a_dynamic_profile_asks_for_its_next_values_in_time() -> None:
    profiles = station((1, profile(limit(1), kind="Dynamic", dynUpdateInterval=10)))
    assert list(profiles.due(T0 + 9)) == []
    assert list(profiles.due(T0 + 10)) == [(1, 10)]


def test_without_the_back_end_a_profile_lapses_after_its_time() -> None:
    order, default = setpoint(-5_000), "TxDefaultProfile 2"
    profiles = station(
        (1, profile(order, purpose="TxProfile", maxOfflineDuration=60, invalidAfterOfflineDuration=True)),
        (1, profile(limit(1_500), id=2)),
    )
    assert profiles.order(1, TX, at(0, 60)).setpoint_w == -5_000
    assert profiles.order(1, TX, at(0, 61)) == Order(1_500, 0.0, None, "ChargingOnly", default, default)
    profiles.outlived(60)
    assert len(profiles.installed) == 2
    profiles.outlived(61)
    assert [each.profile.id for each in profiles.installed] == [2]


def test_a_negative_limit_is_an_order_only_if_somebody_has_said_so() -> None:
    profiles = station()
    order = profile(limit(-4_000), purpose="TxProfile")
    refusal = profiles.set(1, order, {1: TX}, T0)
    assert refusal is not None
    assert refusal.code == "InvalidSchedule"
    profiles.negative_limits = True
    assert profiles.set(1, order, {1: TX}, T0) is None
    assert profiles.order(1, TX, at()) == Order(0.0, 4_000, -4_000, "CentralSetpoint", "TxProfile 1", "TxProfile 1")


@pytest.mark.parametrize(
    ("evse", "wrong", "code"),
    [
        (9, profile(limit(1)), "UnknownEvse"),
        (0, profile(limit(1), purpose="ChargingStationExternalConstraints"), "UnsupportedPurpose"),
        (1, profile(limit(1), purpose="ChargingStationMaxProfile"), "InvalidProfile"),
        (1, profile(limit(1), purpose="TxProfile", transactionId="unknown"), "TxNotFound"),
        (2, profile(limit(1), purpose="TxProfile"), "TxNotFound"),
        (0, profile(limit(1), purpose="TxProfile"), "TxNotFound"),
        (1, profile(limit(1), unit="A"), "UnsupportedRateUnit"),
        (1, profile(limit(1), level=99), "InvalidStackLevel"),
        (1, profile(limit(1), limit(2, 10), kind="Dynamic"), "InvalidSchedule"),
        (1, profile(limit(1), dynUpdateInterval=5), "InvalidProfile"),
        (1, profile(limit(1, 5)), "InvalidSchedule"),
        (1, profile(limit(1), limit(1, 9), limit(1, 8)), "InvalidSchedule"),
        (1, profile(limit(1), kind="Relative", schedule={"startSchedule": iso(0)}), "InvalidSchedule"),
        (1, profile(limit(1), schedule={"useLocalTime": True}), "InvalidSchedule"),
        (1, profile(limit(1), schedule={"randomizedDelay": 60}), "InvalidSchedule"),
        (1, profile(limit(1, numberPhases=3)), "NoPhaseForDC"),
        (1, profile(limit(1, limit_L2=1)), "PhaseConflict"),
        (1, profile(limit(-1)), "InvalidSchedule"),
        (1, profile({"startPeriod": 0}), "InvalidSchedule"),
        (1, profile(limit(1, setpoint=1)), "InvalidSchedule"),
        (1, profile(setpoint(5, mode="LocalFrequency")), "InvalidSchedule"),
        (1, profile(limit(5, operationMode="CentralSetpoint")), "InvalidSchedule"),
        (1, profile(setpoint(5, limit=4)), "InvalidSchedule"),
        (1, profile(setpoint(-5, dischargeLimit=-4)), "InvalidSchedule"),
        (1, profile(setpoint(1, mode="Idle")), "InvalidSchedule"),
        (2, profile(setpoint(-5)), "InvalidSchedule"),
        (0, profile(setpoint(-5)), "InvalidSchedule"),
        (0, profile(setpoint(5), purpose="ChargingStationMaxProfile"), "InvalidOperationMode"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused(evse: int, wrong: v21.ChargingProfileType, code: str) -> None:
    profiles = station()
    refusal = profiles.set(evse, wrong, {1: TX}, T0)
    assert refusal is not None
    assert refusal.code == code
    assert profiles.installed == ()


def test_an_id_replaces_and_a_rival_at_the_same_level_is_refused() -> None:
    profiles = station((1, profile(limit(1), id=1)))
    assert profiles.set(1, profile(limit(2), id=1), {}, T0) is None
    assert profiles.order(1, None, at()).charge_w == 2
    for evse in (0, 1):
        refusal = profiles.set(evse, profile(limit(3), id=2), {}, T0)
        assert refusal is not None
        assert refusal.code == "DuplicateProfile"
    assert profiles.set(2, profile(limit(3), id=2), {}, T0) is None


def test_profiles_are_found_and_cleared() -> None:
    profiles = station(
        (1, profile(limit(1), id=1)),
        (1, profile(limit(1), id=2, purpose="TxProfile")),
        (0, profile(limit(1), id=3, level=4)),
    )
    criterion = v21.ChargingProfileCriterionType
    assert [each.profile.id for each in profiles.find(None, criterion(chargingProfileId=(1, 3)))] == [1, 3]
    assert [each.profile.id for each in profiles.find(1, criterion())] == [1, 2]
    assert list(profiles.find(None, criterion(chargingLimitSource=("EMS",)))) == []
    assert not profiles.clear()
    assert not profiles.clear(99)
    assert profiles.clear(3)
    assert profiles.clear(criteria=v21.ClearChargingProfileType(evseId=1, chargingProfilePurpose="TxDefaultProfile"))
    assert [each.profile.id for each in profiles.installed] == [2]
    profiles.ended("tx-1")
    assert profiles.installed == ()


def test_a_composite_schedule() -> None:
    profiles = station(
        (1, profile(limit(9_000), limit(20_000, 50), id=1)),
        (1, profile(setpoint(-5_000), purpose="TxProfile", id=2, schedule={"duration": 40})),
    )
    found = profiles.composite(1, {1: TX}, at(), 100, None)
    periods = [
        (each.startPeriod, each.operationMode, each.limit, each.setpoint) for each in found.chargingSchedulePeriod
    ]
    assert periods == [
        (0, "CentralSetpoint", 15_000.0, -5_000.0),
        (40, UNSET, 9_000.0, UNSET),
        (50, UNSET, 15_000.0, UNSET),
    ]  # what the EVSE can carry is the most
    whole = profiles.composite(0, {}, at(), 100, None)
    assert [(each.startPeriod, each.limit) for each in whole.chargingSchedulePeriod] == [(0, 31_000.0), (50, 37_000.0)]


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 200), st.integers(0, 20_000)), min_size=1, max_size=6),
    st.integers(0, 400),
)
def test_the_composite_schedule_says_what_holds_at_each_instant(rows: list[tuple[int, int, int]], offset: int) -> None:
    profiles = Profiles({1: DC})
    for level, (start, duration, watts) in enumerate(rows):
        schedule = {"startSchedule": iso(start), "duration": duration}
        assert profiles.set(1, profile(limit(watts), id=level, level=level, schedule=schedule), {}, T0) is None
    periods = profiles.composite(1, {}, at(), 500, None).chargingSchedulePeriod
    told = next(each.limit for each in reversed(periods) if each.startPeriod <= offset)
    in_force = [watts for start, duration, watts in rows if start <= offset < start + duration]
    expected = min(in_force[-1], DC.charge_w) if in_force else DC.charge_w
    assert told == expected
    assert min(profiles.order(1, None, at(offset)).charge_w, DC.charge_w) == expected


def test_a_clock_that_is_set_back_ages_a_profile_that_lasts_for_ever_too() -> None:
    schedule = {"duration": 2**53 - 1}
    held = station(
        (1, profile(limit(1), kind="Dynamic", schedule=schedule)), (1, profile(limit(2), kind="Dynamic", id=2, level=1))
    )
    held.set_back(0.0, T0 - 1_000)
    times = [each.profile.dynUpdateTime for each in held.installed]
    assert all(isinstance(each, datetime) and each.timestamp() <= T0 - 1_000 for each in times)
