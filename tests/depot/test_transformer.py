import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.scene import NOW, charger, site

from v2g.depot.configuration import Configuration, EvsePlace, Feeder, StationPlace
from v2g.depot.controller import Controller, Settings
from v2g.depot.dispatch import Trouble
from v2g.depot.transformer import Heat, Transformer
from v2g.depot.tree import Node, Tree
from v2g.io.depot_configuration import tree_of

IT = Transformer(rated_w=400_000.0)
HOUR_S = 3600.0


def test_at_its_rating_it_ends_at_the_rated_rises() -> None:
    heat = Heat(IT)
    heat.carry(400_000.0, 20.0, 100 * HOUR_S)
    assert heat.oil_c == pytest.approx(20 + 55)
    assert heat.hot_spot_c == pytest.approx(98)


def test_a_step_of_the_load_follows_the_exponential_equations() -> None:
    """By hand: no load for long, then 1.2 of the rating for an hour."""
    heat = Heat(IT)
    heat.carry(0.0, 20.0, 1000 * HOUR_S)
    idle_k = 55 * (1 / 6) ** 0.8
    assert heat.hot_spot_c == pytest.approx(20 + idle_k)
    heat.carry(-1.2 * 400_000.0, 20.0, HOUR_S)
    oil_k = idle_k + (55 * ((1 + 5 * 1.44) / 6) ** 0.8 - idle_k) * (1 - math.exp(-60 / 180))
    assert heat.oil_c == pytest.approx(20 + oil_k)
    assert heat.hot_spot_c == pytest.approx(20 + oil_k + 23 * 1.2**1.6 * (1 - math.exp(-60 / 8)))


@settings(max_examples=60, deadline=None)
@given(
    load_w=st.floats(-600_000, 600_000),
    hours=st.floats(0, 10),
    ambient_c=st.floats(-20, 45),
    part=st.floats(0.05, 1.0),
)
def test_who_keeps_to_the_limit_stays_below_the_temperature(
    load_w: float, hours: float, ambient_c: float, part: float
) -> None:
    heat = Heat(IT)
    heat.carry(load_w, ambient_c, hours * HOUR_S)
    begins_too_hot = heat.hot_spot_c > IT.most_hot_spot_c or heat.oil_c > IT.most_oil_c
    limit_w = heat.limit_w(900.0)
    heat.carry(limit_w, ambient_c, 900.0 if begins_too_hot else 900.0 * part)
    if limit_w > 0.0:
        assert heat.hot_spot_c <= IT.most_hot_spot_c + 1e-3
        assert heat.oil_c <= IT.most_oil_c + 1e-3


def test_an_unknown_ambient_is_a_hot_day() -> None:
    known, unknown = Heat(IT), Heat(IT)
    known.carry(300_000.0, 10.0, HOUR_S)
    unknown.carry(300_000.0, None, HOUR_S)
    assert unknown.limit_w(900.0) < known.limit_w(900.0)


def test_the_limit_of_a_node_moves_with_its_temperature() -> None:
    """Twice its rating is asked for six hours: the controller lets it carry more at first, then what it bears."""
    transformer = Transformer(rated_w=60_000.0)
    tree = Tree([Node(name="site"), Node(name="T1", parent="site", transformer=transformer)])
    chargers = [charger(number, soc_pu=0.5) for number in range(8)]
    scene = replace(site(*chargers, power_w=120_000.0, tree=tree), ambient_c=10.0)
    controller, hottest_c, given_w = Controller(Settings(silent_s=1e9)), 0.0, []
    heat = Heat(transformer)
    for minute in range(6 * 60):
        found = controller.step(scene, NOW + 60.0 * minute)
        given_w.append(found.commanded_w)
        heat.carry(found.commanded_w, 10.0, 60.0)
        hottest_c = max(hottest_c, heat.hot_spot_c)
        assert Trouble.HOT not in [notice.trouble for notice in found.notices]
        filled = {
            id: replace(each, vehicle=replace(each.vehicle, soc_pu=0.5, soc_unix_s=NOW + 60.0 * minute))
            for id, each in scene.chargers.items()
            if each.vehicle is not None
        }
        scene = replace(scene, chargers=filled)  # they never get full
    assert 110.0 < hottest_c <= 120.5
    assert given_w[30] > given_w[-1] > 60_000.0
    assert str(found.setpoints["CS-1/1"].binding) == "node T1 (heat)"


def test_a_feeder_with_a_rating_is_a_transformer() -> None:
    feeders = Feeder(id="site", charge_w=200_000.0), Feeder(id="T1", parent="site", charge_w=1e5, rated_va=100_000.0)
    places = (StationPlace(id="CS-1", evses=(EvsePlace(charge_w=15_000.0),)),)
    nodes = tree_of(Configuration(feeders=feeders, stations=places)).by_name
    assert nodes["site"].transformer is None
    assert nodes["T1"].transformer == Transformer(rated_w=100_000.0)
