from typing import Any

import pytest
from msgspec.structs import replace
from tests.depot.scene import NOW, VEHICLE, charger, site

from v2g.depot.binding import What
from v2g.depot.controller import Controller, Settings
from v2g.depot.dispatch import Dispatch, Trouble
from v2g.depot.request import Limit, LimitRequest, PowerRequest
from v2g.depot.tree import Node, Tree, flat
from v2g.depot.view import Course, Meter, Needs, Site, Source

ALL = Settings(reserve_pu=0.0)
"""Everything that there is may be given."""


def measured(scene: Site, found: Dispatch, now: float, **powers_w: float) -> Site:
    """The same site once the chargers are at their set-points, but for those named `n1` for `CS-1/1`."""
    chargers = {
        id: replace(
            each,
            measured_w=powers_w.get(f"n{id.removeprefix('CS-').removesuffix('/1')}", found.setpoints[id].power_w),
            measured_unix_s=now,
        )
        for id, each in scene.chargers.items()
    }
    return replace(scene, chargers=chargers)


def asks(scene: Site, power_w: float) -> Site:
    return replace(scene, requests=(PowerRequest(by="EMS", power_w=power_w),))


def with_needs(**needs: Any) -> Any:
    return replace(VEHICLE, needs=Needs(source=Source.DRIVER, **needs))


def test_a_station_on_its_own_keeps_its_place_on_the_node_until_it_is_safe() -> None:
    tree = flat(max_discharge_w=20_000)
    scene = site(charger(1, "site"), charger(2, "site"), power_w=-20_000, tree=tree)
    controller = Controller(ALL)
    found = controller.step(scene, NOW)
    assert found.commanded_w == pytest.approx(-20_000, abs=3)
    alone = replace(scene.chargers["CS-1/1"], online=False, safe_after_s=60.0)
    scene = replace(scene, chargers={**scene.chargers, "CS-1/1": alone})
    held = controller.step(scene, NOW + 2)
    assert held.setpoints["CS-2/1"].power_w == pytest.approx(-10_000, abs=3)
    assert str(held.setpoints["CS-2/1"].binding) == "node site"
    assert held.setpoints["CS-1/1"].binding.what is What.OFFLINE
    heard = replace(scene.chargers["CS-2/1"], measured_w=-10_000.0, measured_unix_s=NOW + 62)
    scene = replace(scene, chargers={**scene.chargers, "CS-2/1": heard})
    assert controller.step(scene, NOW + 63).setpoints["CS-2/1"].power_w == pytest.approx(-15_000, abs=3)


def test_what_else_flows_through_a_node_counts() -> None:
    tree = flat(max_charge_w=20_000)
    scene = site(charger(1, "site", soc_pu=0.3), power_w=15_000, tree=tree)
    assert Controller().step(scene, NOW).commanded_w == 15_000
    loaded = replace(scene, loads_w={"site": (4_000.0, 4_000.0, 4_000.0)})
    found = Controller().step(loaded, NOW)
    assert found.commanded_w == pytest.approx(8_000, abs=1)
    assert "a higher limit of site than 8.0 kW, or less behind it" in found.setpoints["CS-1/1"].why


def test_other_loads_make_room_only_while_they_are_measured() -> None:
    tree = flat(max_discharge_w=5_000)
    scene = replace(site(charger(1, "site"), power_w=-15_000, tree=tree), loads_w={"site": (2_000.0, 2_000.0, 2_000.0)})
    fresh = replace(scene, meter=Meter(6_000.0, NOW, 6_000.0))
    assert Controller(ALL).step(fresh, NOW).commanded_w == pytest.approx(-11_000, abs=1)
    silent = replace(scene, meter=Meter(6_000.0, NOW - 60, 6_000.0))
    assert Controller(ALL).step(silent, NOW).commanded_w == pytest.approx(-5_000, abs=1)
    feeding = replace(scene, loads_w={"site": (-1_000.0,) * 3})
    assert Controller(ALL).step(feeding, NOW).commanded_w == pytest.approx(-2_000, abs=1)


@pytest.mark.parametrize(("asked_w", "most_w"), [(15_000.0, 7_000.0), (-15_000.0, 4_000.0)])
def test_a_limit_by_request_holds_at_the_connection_and_is_named(asked_w: float, most_w: float) -> None:
    limit = LimitRequest(by="grid operator", steps=(Limit(NOW - 10, 7_000.0, 4_000.0),))
    scene = site(charger(1, "T2", soc_pu=0.8 if asked_w < 0 else 0.3), power_w=asked_w)
    found = Controller(ALL).step(replace(scene, requests=(*scene.requests, limit)), NOW)
    assert abs(found.commanded_w) == pytest.approx(most_w, abs=1)
    assert str(found.setpoints["CS-1/1"].binding) == "node site (limit by grid operator)"
    late = replace(limit, until_unix_s=NOW - 1, default_w=2_000.0)
    found = Controller(ALL).step(replace(scene, requests=(late, *scene.requests)), NOW)
    assert abs(found.commanded_w) == pytest.approx(2_000, abs=1)


def test_who_has_just_enough_time_charges_while_the_others_make_up_for_it() -> None:
    late = with_needs(min_soc_pu=0.2, target_soc_pu=0.8, departure_unix_s=NOW + 900 + 1_000)
    scene = site(charger(1, "T2", vehicle=late), charger(2, "T2"), charger(3, "T2"), power_w=-5_000)
    found = Controller(ALL).step(scene, NOW)
    assert found.setpoints["CS-1/1"].power_w == 15_000
    assert found.setpoints["CS-1/1"].binding.what is What.DEPARTURE
    assert found.commanded_w == pytest.approx(-5_000, abs=3)


def test_what_is_needed_at_departure_is_not_given_away() -> None:
    soon = with_needs(min_soc_pu=0.1, target_soc_pu=0.7, departure_unix_s=NOW + 900)
    found = Controller().step(site(charger(1, vehicle=soon), power_w=-5_000), NOW)
    assert found.commanded_w == 0.0
    assert found.setpoints["CS-1/1"].binding.what is What.DEPARTURE


def test_energy_that_a_car_asked_for_is_counted_even_without_its_soc() -> None:
    asking = replace(with_needs(energy_wh=5_000.0), soc_pu=None, capacity_wh=None)
    scene, controller = site(charger(1, vehicle=asking)), Controller()
    now, given_wh = NOW, 0.0
    for number in range(2_000):
        if number == 500:  # another charger in the list makes no difference
            scene = replace(scene, chargers={**scene.chargers, "CS-2/1": charger(2, vehicle=None)})
        found = controller.step(scene, now)
        scene, now = measured(scene, found, now), now + 2.0
        given_wh += found.commanded_w * 0.95 * 2.0 / 3600.0
    assert given_wh == pytest.approx(5_000, rel=0.01)
    assert found.setpoints["CS-1/1"].binding.what is What.FULL


def test_few_change_and_the_sum_is_right() -> None:
    scene = site(*(charger(n, "T2", soc_pu=0.5 + n / 1000) for n in range(100)), power_w=-60_000, tree=flat_t2())
    controller = Controller()
    controller.step(scene, NOW)
    for cycle in range(1, 8):
        power_w = -60_000 - 3_000 * (cycle % 3)
        found = controller.step(asks(scene, power_w), NOW + 2 * cycle)
        assert len(found.changed) <= 20
        assert found.commanded_w == pytest.approx(power_w, abs=400)


def test_a_request_that_moves_far_is_followed_at_once() -> None:
    scene = site(*(charger(n, "T2") for n in range(100)), power_w=-400_000, tree=flat_t2())
    controller = Controller()
    assert controller.step(scene, NOW).commanded_w == pytest.approx(-400_000, abs=400)
    assert controller.step(asks(scene, 0.0), NOW + 2).commanded_w == pytest.approx(0.0, abs=400)


def test_a_small_request_is_given_by_few() -> None:
    found = Controller().step(site(*(charger(n, "T2") for n in range(20)), power_w=-6_000), NOW)
    given = [each.power_w for each in found.setpoints.values() if each.power_w]
    assert sum(given) == pytest.approx(-6_000, abs=5)
    assert all(power_w <= -1_499 for power_w in given)
    assert {each.binding.what for each in found.setpoints.values() if not each.power_w} == {What.MINIMUM}


def test_two_that_are_alike_do_not_take_turns_at_a_small_request() -> None:
    controller, power_w = Controller(), {"CS-1/1": 0.0, "CS-2/1": 0.0}
    energy_wh = dict.fromkeys(power_w, 0.7 * 60_000.0)
    gave = set()
    for cycle in range(60):
        now = NOW + 2.0 * cycle
        chargers = []
        for number, (id, each_w) in enumerate(power_w.items(), 1):
            energy_wh[id] += each_w * 2.0 / 3600.0
            vehicle = replace(VEHICLE, soc_pu=energy_wh[id] / 60_000.0, soc_unix_s=now)
            chargers.append(charger(number, vehicle=vehicle, measured_w=each_w, measured_unix_s=now))
        setpoints = controller.step(site(*chargers, power_w=-2_000.0), now).setpoints
        power_w = {id: setpoints[id].power_w for id in power_w}
        gave |= {id for id, each_w in power_w.items() if each_w < 0.0}
        assert sum(power_w.values()) == pytest.approx(-2_000.0, abs=2.0)
    assert len(gave) == 1


def test_a_charger_that_does_not_follow_is_taken_at_what_it_gives() -> None:
    scene = site(charger(1, "T2"), charger(2, "T2"), power_w=-16_000)
    controller = Controller(ALL)
    for cycle in range(12):
        now = NOW + 2.0 * cycle
        found = controller.step(scene, now)
        scene = measured(scene, found, now + 1.0, n1=-2_000.0)
    assert found.setpoints["CS-1/1"].power_w > -3_000
    assert found.setpoints["CS-2/1"].power_w < -13_000
    assert [notice.about for notice in found.notices if notice.trouble is Trouble.DOES_NOT_FOLLOW] == ["CS-1/1"]


def astray(controller: Controller, given_w: float = 0.0) -> tuple[Site, float]:
    """Two chargers of which the first has given no more than this for some cycles; until when."""
    scene = site(charger(1, "T2"), charger(2, "T2"), power_w=-26_000)
    for cycle in range(12):
        now = NOW + 2.0 * cycle
        scene = measured(scene, controller.step(scene, now), now + 1.5, n1=given_w)
    return scene, now + 2.0


def test_a_charger_that_follows_again_is_trusted_within_three_cycles() -> None:
    controller = Controller()
    scene, now = astray(controller)
    for cycle in range(3):
        found = controller.step(scene, now + 2.0 * cycle)
        scene = measured(scene, found, now + 2.0 * cycle + 1.5)
    assert found.setpoints["CS-1/1"].power_w < -11_000
    assert found.commanded_w == pytest.approx(-26_000, abs=20)


@pytest.mark.parametrize("given_w", [0.0, -2_000.0])
def test_a_charger_that_gives_no_more_than_before_is_not_trusted(given_w: float) -> None:
    controller = Controller()
    scene, now = astray(controller, given_w)
    for cycle in range(3):
        found = controller.step(scene, now + 2.0 * cycle)
        assert found.setpoints["CS-1/1"].binding.what is What.DOES_NOT_FOLLOW  # and not the reserve
        scene = measured(scene, found, now + 2.0 * cycle + 1.5, n1=given_w)
        assert found.setpoints["CS-1/1"].power_w > given_w - 1_500


def test_a_charger_that_stops_following_again_gains_trust_slowly() -> None:
    controller = Controller()
    scene, now = astray(controller)
    for cycle in range(12):
        now += 2.0
        found = controller.step(scene, now)
        follows = cycle < 3 or cycle > 8
        scene = measured(scene, found, now + 1.5, **({} if follows else {"n1": 0.0}))
    assert found.setpoints["CS-1/1"].power_w > -1_500


def test_a_silent_charger_gets_no_more() -> None:
    scene = site(charger(1, "T2"), charger(2, "T2"), power_w=-4_000)
    controller = Controller(ALL)
    found = controller.step(scene, NOW)
    heard = {"CS-2/1": replace(scene.chargers["CS-2/1"], measured_w=-2_000.0, measured_unix_s=NOW + 40)}
    scene = replace(asks(scene, -16_000), chargers={**scene.chargers, **heard})
    later = controller.step(scene, NOW + 40)
    assert later.setpoints["CS-1/1"].power_w == pytest.approx(found.setpoints["CS-1/1"].power_w, abs=1)
    assert later.setpoints["CS-1/1"].binding.what is What.SILENT
    assert later.setpoints["CS-2/1"].power_w < -13_000


def test_without_a_request_the_plan_holds_and_others_charge_to_their_target() -> None:
    planned = charger(1, "T2", soc_pu=0.7)
    scene = site(planned, charger(2, "T2", soc_pu=0.7), charger(3, "T2", soc_pu=0.5))
    scene = replace(scene, courses={"CS-1/1": Course(NOW + 3600, 0.65 * 60_000)})
    found = Controller().step(scene, NOW).setpoints
    assert found["CS-1/1"].power_w == pytest.approx(-3_000 * 0.95, abs=2)
    assert found["CS-1/1"].binding.what is What.PLAN
    assert found["CS-2/1"].power_w == 0.0  # it has its 60 %
    assert found["CS-2/1"].binding.what is What.FULL
    assert found["CS-3/1"].power_w == 15_000


def test_the_reserve_takes_over_from_those_that_leave() -> None:
    scene = site(*(charger(n, "T2", soc_pu=0.9) for n in range(10)), power_w=-200_000, tree=flat_t2())
    controller = Controller()
    found = controller.step(scene, NOW)
    assert found.commanded_w == pytest.approx(-135_000, abs=20)  # of 150 kW a tenth is held
    assert found.reserve_w == pytest.approx(15_000, abs=20)
    left = {**scene.chargers, "CS-3/1": replace(scene.chargers["CS-3/1"], vehicle=None)}
    scene = replace(scene, chargers=left)
    for step in range(1, 4):  # four change each time, and it goes on at once
        assert controller.due(scene, NOW + step / 2)
        found = controller.step(scene, NOW + step / 2)
    assert found.commanded_w == pytest.approx(-135_000, abs=20)


def test_a_loss_that_only_the_meter_shows_is_made_up_for() -> None:
    scene = site(*(charger(n, "T2", soc_pu=0.9) for n in range(10)), power_w=-60_000, tree=flat_t2())
    controller = Controller()
    controller.step(scene, NOW)
    seen = replace(scene, meter=Meter(-60_000.0, NOW + 10))
    controller.step(seen, NOW + 10)
    assert not controller.due(replace(scene, meter=Meter(-60_000.0, NOW + 10.5)), NOW + 10.5)
    lost = replace(scene, meter=Meter(-48_000.0, NOW + 11))
    assert controller.due(lost, NOW + 11)
    found = controller.step(lost, NOW + 11)
    assert found.commanded_w == pytest.approx(-72_000, abs=100)
    assert [notice.trouble for notice in found.notices] == [Trouble.LOSS]
    old = controller.step(lost, NOW + 40)
    assert Trouble.METER_LOST in [notice.trouble for notice in old.notices]


def test_what_is_known_survives_a_new_charger_in_the_list() -> None:
    scene = site(charger(1, "T2"), charger(2, "T2"), power_w=-8_000)
    controller = Controller()
    before = controller.step(scene, NOW)
    more = {"CS-0/1": charger(0, "T2"), **scene.chargers}
    found = controller.step(replace(scene, chargers=more), NOW + 2)
    assert found.commanded_w == pytest.approx(before.commanded_w, abs=5)
    assert found.setpoints.keys() == more.keys()


def test_a_charger_at_an_unknown_node_stays_at_zero() -> None:
    found = Controller().step(site(charger(1, "nowhere"), charger(2, "T2"), power_w=-5_000), NOW)
    assert found.setpoints["CS-1/1"].power_w == 0.0
    assert [notice.trouble for notice in found.notices] == [Trouble.UNKNOWN_NODE]


def test_a_request_that_cannot_be_met_is_reported_but_not_one_that_takes_some_steps() -> None:
    many = site(*(charger(n, "T2") for n in range(100)), tree=flat_t2())
    controller = Controller(ALL)
    controller.step(asks(many, -600_000), NOW)
    assert not controller.step(asks(many, -660_000), NOW + 2).notices
    (notice,) = controller.step(asks(many, -1_600_000), NOW + 4).notices
    assert (notice.trouble, notice.about) == (Trouble.SHORT, "EMS")
    assert notice.text == "EMS asks for -1600.0 kW; the site comes within 100.0 kW of it"


def test_a_node_that_others_overload_is_reported() -> None:
    scene = site(charger(1, "site"), tree=flat(max_charge_w=20_000))
    assert not Controller().step(replace(scene, loads_w={"site": (6_000.0, 6_000.0, 6_000.0)}), NOW).notices
    found = Controller().step(replace(scene, loads_w={"site": (8_000.0, 8_000.0, 8_000.0)}), NOW)
    assert found.setpoints["CS-1/1"].power_w == 0.0
    assert [(notice.trouble, notice.about) for notice in found.notices] == [(Trouble.NODE_OVER, "site")]


def flat_t2() -> Tree:
    return Tree([Node(name="site"), Node(name="T2", parent="site")])
