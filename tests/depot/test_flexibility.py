"""What a depot says that it can hold, it holds: reckoned by hand, against the controller in virtual time, at random."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.controller import Controller, Settings
from v2g.depot.flexibility import Band, Flexibility, of
from v2g.depot.request import Limit, LimitRequest, PowerRequest
from v2g.depot.simulate.plant import Car, Physics, Plant
from v2g.depot.tree import Node, Tree
from v2g.depot.view import Charger, Needs, Site, Source

WIDE = Tree([Node(name="site"), Node(name="T1", parent="site")])
FREE = Needs(source=Source.DRIVER, min_soc_pu=0.4)


def test_power_and_energy_of_one_vehicle() -> None:
    one = charger(1, vehicle=replace(VEHICLE, soc_pu=0.7, needs=FREE))
    found = of(site(one, tree=WIDE), NOW, reserve_pu=0.0)
    # 60 kWh at 0.7 with a floor of 0.4 and a margin of 0.02: 16.8 kWh above it, 18 kWh to full; efficiency 0.95.
    assert found.above_floor_wh == pytest.approx(16_800)
    assert found.to_full_wh == pytest.approx(18_000)
    assert found.band(60) == Band(60.0, -15_000.0, 15_000.0)
    assert found.band(3600).least_w == pytest.approx(-15_000)
    assert found.band(4 * 3600).least_w == pytest.approx(-16_800 * 0.95 / 4)
    assert found.band(4 * 3600).most_w == pytest.approx(18_000 / 0.95 / 4)
    assert found.up_w(5_000, 60) == pytest.approx(20_000)
    assert found.down_w(5_000, 60) == pytest.approx(10_000)


def test_the_reserve_of_the_controller_is_not_offered() -> None:
    assert of(site(charger(1), tree=WIDE), NOW).band(60).least_w == pytest.approx(-13_500)


@pytest.mark.parametrize(
    ("what", "least_w", "most_w"),
    [
        ({"vehicle": None}, 0.0, 0.0),
        ({"online": False}, 0.0, 0.0),
        ({"ready": False}, 0.0, 0.0),
        ({"soc_pu": None}, 0.0, 0.0),
        ({"charge_only": "old"}, 0.0, 15_000.0),
        ({"vehicle": replace(VEHICLE, needs=None)}, 0.0, 15_000.0),
    ],
    ids=["nobody", "offline", "not ready", "no SoC", "charge only", "no floor"],
)
def test_an_unknown_gives_nothing(what: dict[str, object], least_w: float, most_w: float) -> None:
    band = of(site(charger(1, **what), tree=WIDE), NOW, reserve_pu=0.0).band(60)  # type: ignore[arg-type]
    assert (band.least_w, band.most_w) == (least_w, most_w)


def test_who_leaves_within_a_time_holds_nothing_for_it() -> None:
    leaves = replace(VEHICLE, needs=replace(FREE, departure_unix_s=NOW + 2 * 3600))
    found = of(site(charger(1, vehicle=leaves), tree=WIDE), NOW, reserve_pu=0.0)
    assert found.band(3600).least_w < 0.0 < found.band(3600).most_w
    assert found.band(4 * 3600) == Band(4 * 3600.0, 0.0, 0.0)


def test_who_must_charge_is_a_least_power() -> None:
    needs = replace(FREE, target_soc_pu=0.95, departure_unix_s=NOW + 3600)
    found = of(site(charger(1, vehicle=replace(VEHICLE, needs=needs)), tree=WIDE), NOW)
    assert found.band(60).least_w == pytest.approx(15_000)


def test_nodes_and_limits_of_the_grid_operator_bound_both_ways() -> None:
    chargers = [charger(number, vehicle=replace(VEHICLE, needs=FREE)) for number in range(1, 6)]
    assert of(site(*chargers), NOW, reserve_pu=0.0).band(60) == Band(60.0, -30_000.0, 40_000.0)
    limit = LimitRequest(by="DSO", steps=(Limit(NOW - 1, charge_w=12_000.0, discharge_w=0.0),))
    bounded = of(replace(site(*chargers), requests=(limit,)), NOW, reserve_pu=0.0).band(60)
    assert bounded.least_w == pytest.approx(0.0)
    assert bounded.most_w == pytest.approx(12_000.0)


def test_a_time_beyond_all_bands_offers_nothing() -> None:
    assert Flexibility(bands=(Band(60.0, -1.0, 1.0),)).band(61) == Band(61, 0.0, 0.0)


_socs = st.one_of(st.none(), st.floats(0.0, 1.0))
_needs = st.builds(
    Needs,
    source=st.just(Source.DRIVER),
    min_soc_pu=st.one_of(st.none(), st.floats(0.0, 1.0)),
    target_soc_pu=st.one_of(st.none(), st.floats(0.0, 1.0)),
    departure_unix_s=st.one_of(st.none(), st.floats(NOW - 3600, NOW + 86_400)),
)


@given(st.lists(st.tuples(_socs, _needs, st.booleans()), min_size=1, max_size=8))
def test_bands_are_within_limits_and_narrow_with_time(vehicles: list[tuple[float | None, Needs, bool]]) -> None:
    chargers = [
        charger(number, "T1" if even else "T2", vehicle=replace(VEHICLE, soc_pu=soc_pu, needs=needs))
        for number, (soc_pu, needs, even) in enumerate(vehicles)
    ]
    found = of(site(*chargers), NOW, reserve_pu=0.0)
    assert found.above_floor_wh >= 0.0
    assert found.to_full_wh >= 0.0
    for band in found.bands:
        assert -130_000 - 1 <= band.least_w <= band.most_w + 1e-6 <= 140_001
    for shorter, longer in zip(found.bands, found.bands[1:], strict=False):
        fed_shorter, fed_longer = min(shorter.least_w, 0.0), min(longer.least_w, 0.0)
        assert fed_longer >= fed_shorter - 1e-6


@pytest.mark.parametrize("way", ["least_w", "most_w"])
def test_the_controller_holds_a_quarter_of_an_hour_of_it(way: str) -> None:
    """The real controller and batteries that empty and fill, in virtual time."""
    places = [Charger(id=f"CS-{n}/1", node="T1", max_charge_w=15e3, max_discharge_w=15e3) for n in range(1, 7)]
    plant = Plant(WIDE, places, Physics(), NOW)
    for number, place in enumerate(places):
        soc_pu = 0.33 + 0.1 * number if way == "least_w" else 0.96 - 0.1 * number
        plant.plug_in(place.id, Car(id=place.id, capacity_wh=40_000.0, soc_pu=soc_pu, floor_pu=0.3))
    power_w = getattr(of(Site(tree=WIDE, chargers=plant.chargers), NOW).band(900), way)
    assert abs(power_w) > 40_000, power_w
    controller, request = Controller(Settings(cycle_s=5.0)), PowerRequest(by="fleet", power_w=power_w)
    given_w = []
    for second in range(900):
        if second % 5 == 0:
            seen = Site(tree=WIDE, chargers=plant.chargers, requests=(request,), meter=plant.meter)
            plant.command({id: each.power_w for id, each in controller.step(seen, plant.now).setpoints.items()})
        plant.advance(1.0)
        given_w.append(float(plant.power_w.sum()))
    assert plant.floor_vehicle_s == 0.0
    # A vehicle that is full leaves its share to the others within a cycle: the minutes hold, not each second.
    minutes_w = [fmean(given_w[begin : begin + 60]) for begin in range(60, 900, 60)]
    assert minutes_w == pytest.approx([power_w] * 14, rel=0.04)
