"""Whose value holds, what a lack of one means, and the fleet's list."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from v2g.csms.vehicles import Fleet
from v2g.depot.configuration import Configuration, EvsePlace, Feeder, FleetVehicle, StationPlace
from v2g.depot.needs import FleetListError, explained, joined, next_time, of_list, read_list, utc
from v2g.depot.view import Needs, Source

NOW = 1_800_000_000.0
MIDNIGHT = NOW // 86_400 * 86_400
SHARES = st.none() | st.floats(0, 1)
STATED = st.lists(
    st.builds(
        Needs,
        source=st.sampled_from(list(Source)),
        departure_unix_s=st.none() | st.floats(NOW, NOW + 90_000),
        energy_wh=st.none() | st.floats(0, 50_000),
        target_soc_pu=SHARES,
        min_soc_pu=SHARES,
    ),
    max_size=4,
)
LIST = """id,tokens,capacity_wh,floor_soc,target_soc,departure,discharge
bus 7,EVCC-7;DE-ABC-C12345678,280000,0.25,0.95,05:40,yes
van 1,EVCC-1,,,,,0
"""


@given(STATED, SHARES)
def test_the_first_source_holds_but_for_the_floor_which_nobody_can_lower(
    stated: Sequence[Needs], site_pu: float | None
) -> None:
    found = joined(stated, site_pu)
    if not stated and site_pu is None:
        assert found is None
        return
    assert found is not None
    floors = [each.min_soc_pu for each in stated if each.min_soc_pu is not None]
    assert found.min_soc_pu == (max(floors) if floors else site_pu)
    order = list(Source)
    for each in stated:
        if each.departure_unix_s is not None:
            assert found.departure_by is not None
            assert order.index(found.departure_by) <= order.index(each.source)
        if each.energy_wh is not None or each.target_soc_pu is not None:
            assert found.energy_by is not None
            assert order.index(found.energy_by) <= order.index(each.source)
    assert (found.departure_by is None) == all(each.departure_unix_s is None for each in stated)


def test_energy_and_target_are_never_mixed_from_two_sources() -> None:
    driver = Needs(source=Source.DRIVER, energy_wh=9_000, stated_unix_s=5.0)
    found = joined([Needs(source=Source.CAR, target_soc_pu=0.9, stated_unix_s=7.0), None, driver])
    assert found is not None
    assert (found.energy_wh, found.target_soc_pu, found.stated_unix_s) == (9_000, None, 5.0)


def test_what_is_not_a_number_permits_nothing() -> None:
    for floor_pu in (float("nan"), 7.0):
        found = joined([Needs(source=Source.CAR, min_soc_pu=floor_pu), Needs(source=Source.DRIVER, min_soc_pu=0.2)])
        assert found is not None
        assert (found.min_soc_pu, found.floor_by) == (1.0, Source.CAR)


def test_a_person_reads_whose_value_holds() -> None:
    driver = Needs(source=Source.DRIVER, departure_unix_s=NOW + 5_400, min_soc_pu=0.2)
    listed = Needs(source=Source.FLEET_LIST, target_soc_pu=0.8, min_soc_pu=0.3)
    assert explained(joined([driver, listed]), NOW) == [
        "never below 30 %, by the fleet list",
        "needs 80 % at departure, by the fleet list",
        "departs in 1.5 h, by the driver",
    ]
    assert "not discharged" in explained(None, NOW)[0]
    assert "not discharged" in explained(joined([replace(driver, min_soc_pu=None)]), NOW)[0]
    assert explained(joined([], 0.4), NOW) == ["never below 40 %, by the depot's configuration"]
    late = explained(joined([Needs(source=Source.CAR, energy_wh=4_000, departure_unix_s=NOW - 3_600)]), NOW)
    assert late[1:] == ["needed 4.0 kWh more when that was stated, by the car", "was to depart 1.0 h ago, by the car"]


def test_the_list_is_read_and_tokens_find_their_vehicle() -> None:
    bus, van = read_list(LIST)
    assert bus == FleetVehicle(
        id="bus 7", tokens=("EVCC-7", "DE-ABC-C12345678"), capacity_wh=280_000, floor_soc=0.25, target_soc=0.95,
        departure="05:40",
    )  # fmt: skip
    assert (van.floor_soc, van.discharge) == (None, False)
    station = StationPlace(id="CS", evses=(EvsePlace(charge_w=1e4),))
    fleet = Fleet(Configuration(feeders=(Feeder(id="site", charge_w=1e5),), stations=(station,), vehicles=(bus, van)))
    assert fleet.by_id("evcc7") == bus


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the column id is missing"),
        ("id,tokens,colour\n", "there is no column 'colour'"),
        ("id,id,tokens\n", "a column is there twice"),
        ("id,tokens\nbus,A,B\n", "line 2: 3 values, but 2 columns"),
        ("id,tokens,floor_soc\nbus,A,70\n", "line 2: "),
        ("id,tokens,discharge\nbus,A,perhaps\n", "line 2: "),
        ("id,tokens\nbus,\n", "line 2: "),
        ("id,tokens\nbus,A\nvan,A\n", "the token A of van is bus's already"),
        ("id,tokens\nbus,A\nbus,B\n", "vehicle bus is there twice"),
        ('id,tokens\n"bus,A\n', "line 2: unexpected end of data"),
    ],
)
def test_a_wrong_list_is_refused_with_the_line(text: str, reason: str) -> None:
    with pytest.raises(FleetListError, match=reason):
        read_list(text)


def test_departure_of_a_stay() -> None:
    bus = FleetVehicle(id="bus", tokens=("A",), departure="05:40", energy_wh=80_000)
    at_s = MIDNIGHT + (5 * 60 + 40) * 60
    since_s = at_s - 30_000
    for now, departure_s in ((since_s, at_s), (at_s - 1, at_s), (at_s + 600, at_s), (at_s + 3_601, at_s + 86_400)):
        stated = of_list(bus, since_s, now, utc)
        assert stated is not None
        assert (stated.departure_unix_s, stated.stated_unix_s) == (departure_s, since_s)
    assert of_list(FleetVehicle(id="bus", tokens=("A",)), since_s, since_s, utc) is None
    assert next_time("00:30", MIDNIGHT, lambda _: 3_600.0) == MIDNIGHT + 23.5 * 3_600


@pytest.mark.parametrize(("before_h", "after_h"), [(1, 2), (2, 1)])
@pytest.mark.parametrize("asked_h", [-16, -4, 3])
def test_a_departure_is_by_the_clock_of_its_day(before_h: int, after_h: int, asked_h: int) -> None:
    """Summer time begins or ends an hour after midnight UTC; the depot runs meanwhile."""

    def utc_offset_s(unix_s: float) -> float:
        return 3_600.0 * (before_h if unix_s < MIDNIGHT + 3_600 else after_h)

    assert next_time("07:30", MIDNIGHT + asked_h * 3_600, utc_offset_s) == MIDNIGHT + (7.5 - after_h) * 3_600
    assert next_time("22:00", MIDNIGHT - 20 * 3_600, utc_offset_s) == MIDNIGHT - (2 + before_h) * 3_600
