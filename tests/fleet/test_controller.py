"""A fleet's step: silence is the depot's own plan, and the worst that may flow stays within the network."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.fleet.scene import NOW, TREE, answered, asking, depot, flexibility, later, states

from v2g.depot.request import DroopShare, Limit, LimitRequest
from v2g.fleet.controller import Controller, Settings, Trouble
from v2g.fleet.member import Member
from v2g.fleet.view import DepotState, Place, Setpoint


def controller(depots: dict[str, DepotState]) -> Controller:
    return Controller(TREE, [each.place for each in depots.values()])


def test_a_request_is_split_and_every_set_point_has_an_end() -> None:
    depots = states(depot("a"), depot("b"))
    found = controller(depots).step(depots, asking(-300e3), NOW)
    assert {id: each.power_w for id, each in found.send.items()} == {"a": -150e3, "b": -150e3}
    assert {each.until_unix_s for each in found.send.values()} == {NOW + 15.0}
    assert found.commanded_w == -300e3
    assert "TSO" in found.why["a"]


def test_what_does_not_change_is_renewed_only_as_it_grows_old() -> None:
    depots = states(depot("a"), depot("b"))
    steered = controller(depots)
    depots = answered(depots, steered.step(depots, asking(-300e3), NOW))
    sent = []
    for second in range(1, 11):
        depots = later(depots, 1.0)
        dispatch = steered.step(depots, asking(-300e3), NOW + second)
        depots = answered(depots, dispatch)
        sent.append(len(dispatch.send))
    assert sent == [0, 0, 0, 0, 2, 0, 0, 0, 0, 2]


def test_numbers_rise_also_over_a_restart() -> None:
    depots = states(depot("a"))
    first = controller(depots).step(depots, asking(1e3), NOW).send["a"].number
    assert controller(depots).step(depots, asking(1e3), NOW + 0.1).send["a"].number > first


def test_nothing_asked_lets_depots_go() -> None:
    depots = states(depot("a"))
    steered = controller(depots)
    assert steered.step(depots, (), NOW).send == {}
    depots = answered(depots, steered.step(depots, asking(-100e3), NOW + 1))
    gone = steered.step(later(depots, 7.0), (), NOW + 7)
    assert gone.send["a"].until_unix_s <= NOW + 7
    assert gone.requested_w is None


def test_a_depot_that_is_away_counts_with_its_set_point_and_then_with_its_plan() -> None:
    depots = states(depot("a", plan_w=40e3), depot("b"))
    steered = controller(depots)
    depots = answered(depots, steered.step(depots, asking(-300e3), NOW))
    lost = later(depots, 6.0) | {"a": depots["a"]}
    found = steered.step(lost, asking(-300e3), NOW + 6.0)
    assert set(found.power_w) == {"b"}
    assert found.power_w["b"] == pytest.approx(-150e3)  # the other half still comes from it, by its last set-point
    assert [each.trouble for each in found.notices] == [Trouble.AWAY]
    found = steered.step(later(lost, 10.0) | {"a": depots["a"]}, asking(-300e3), NOW + 16.0)
    assert found.power_w["b"] == pytest.approx(-340e3)


def test_a_node_keeps_room_for_a_depot_that_is_away() -> None:
    away = depot("a", "north", heard_s=NOW - 100.0)
    found_states = states(away, depot("b", "north"))
    found = controller(found_states).step(found_states, asking(700e3), NOW)
    assert found.power_w == {"b": pytest.approx(200e3)}  # 800 kW less the 600 kW that the other one could draw
    never = states(DepotState(place=replace(away.place, max_charge_w=750e3)), depot("b", "north"))
    assert controller(never).step(never, asking(700e3), NOW).power_w == {"b": pytest.approx(50e3)}


def test_who_gets_more_waits_for_those_who_give_it_up() -> None:
    depots = states(depot("a", "north", cost=1.0), depot("b", "north", flexibility=flexibility(least_w=0.0)))
    steered = controller(depots)
    depots = answered(depots, steered.step(depots, asking(-500e3), NOW))
    assert depots["a"].accepted is not None
    assert depots["a"].accepted.power_w == -400e3
    cheaper = later(depots, 1.0)
    b = cheaper["b"].aggregate
    assert b is not None
    cheaper["b"] = replace(cheaper["b"], aggregate=replace(b, flexibility=flexibility()))
    found = steered.step(cheaper, asking(-500e3), NOW + 1)
    assert found.waiting
    assert found.power_w == {"a": pytest.approx(-100e3), "b": pytest.approx(-100e3)}
    cheaper = answered(cheaper, found)
    found = steered.step(later(cheaper, 1.0), asking(-500e3), NOW + 2)
    assert found.power_w == {"a": pytest.approx(-100e3), "b": pytest.approx(-400e3)}
    assert not found.waiting


def test_a_depot_that_does_not_follow_is_replaced() -> None:
    depots = states(depot("a"), depot("b"))
    steered = controller(depots)
    for second in range(20):
        dispatch = steered.step(depots, asking(-300e3), NOW + second)
        depots = later(answered(depots, dispatch), 1.0)
        a = depots["a"].aggregate
        assert a is not None
        depots["a"] = replace(depots["a"], aggregate=replace(a, power_w=-20e3))
    assert dispatch.power_w["a"] > -40e3
    assert dispatch.power_w["b"] == pytest.approx(-300e3 - dispatch.power_w["a"])
    assert Trouble.DOES_NOT_FOLLOW in [each.trouble for each in dispatch.notices]


def test_a_depot_that_somebody_at_the_site_steers_counts_as_it_is() -> None:
    depots = states(depot("a", setpoint_w=50e3, power_w=50e3, asked_by="grid operator"), depot("b"))
    found = controller(depots).step(depots, asking(-300e3), NOW)
    assert found.power_w == {"a": pytest.approx(50e3), "b": pytest.approx(-350e3)}


def test_others_make_up_for_what_a_site_asks_of_itself_and_does_not_give() -> None:
    stated = depot("a", "north", setpoint_w=-300e3, power_w=0.0, asked_by="EMS")
    depots = states(stated, depot("b", "north"), depot("c", "south", cost=1.0))
    steered = controller(depots)
    first = steered.step(depots, asking(-400e3), NOW)
    assert first.power_w == {"a": pytest.approx(-300e3), "b": pytest.approx(-100e3), "c": 0.0}
    depots = answered(depots, first)
    for second in range(1, 13):
        depots["a"] = replace(stated, heard_unix_s=NOW + second)
        dispatch = steered.step(depots, asking(-400e3), NOW + second)
        depots = later(answered(depots, dispatch), 1.0)
    # the node north carries 500 kW, and a may begin to feed at any time
    assert dispatch.power_w["b"] == pytest.approx(-200e3, rel=1e-3)
    assert dispatch.power_w["c"] == pytest.approx(-200e3, rel=1e-3)
    assert dispatch.expected_w == pytest.approx(-400e3, rel=1e-3)
    assert [(each.trouble, each.about) for each in dispatch.notices] == [(Trouble.DOES_NOT_FOLLOW, "a")]


def test_a_withdrawn_request_lets_go_at_once() -> None:
    depots = states(depot("a"))
    steered = controller(depots)
    depots = answered(depots, steered.step(depots, asking(-100e3), NOW))
    assert steered.step(later(depots, 0.2), (), NOW + 0.2).send["a"].until_unix_s == 0.0
    assert steered.step(later(depots, 0.4), (), NOW + 0.4).send == {}  # and again only if that is not answered


def test_what_a_depot_states_beyond_its_connection_moves_no_other() -> None:
    lost = states(depot("a", plan_w=-1e11, heard_s=NOW - 60.0), depot("b"))
    # a counts with what its connection carries, 1 MW
    assert controller(lost).step(lost, asking(-1.2e6), NOW).power_w == {"b": pytest.approx(-200e3)}
    steered = states(depot("a", setpoint_w=1e11, asked_by="EMS"), depot("b"))
    assert controller(steered).step(steered, asking(-300e3), NOW).power_w["a"] == 1e6


@pytest.mark.parametrize("heard_s", [NOW, NOW - 8.0])
def test_the_set_point_of_a_fleet_process_before_this_one_keeps_its_room(heard_s: float) -> None:
    follows = depot("a", "north", heard_s=heard_s, power_w=-400e3, setpoint_w=-400e3, setpoint_number=7)
    depots = states(follows, depot("b", "north"))
    found = controller(depots).step(depots, asking(-500e3), NOW)
    assert found.power_w["b"] >= -100e3  # the node carries 500 kW
    depots = later(depots, 16.0) | ({"a": depots["a"]} if heard_s < NOW else {})
    if heard_s < NOW:
        assert controller(depots).step(depots, asking(-500e3), NOW + 16.0).power_w["b"] == -400e3


def test_a_refusal_is_reported_and_tried_again() -> None:
    depots = states(replace(depot("a"), refusal="its time is over"))
    steered = controller(depots)
    found = steered.step(depots, asking(-300e3), NOW)
    assert [each.trouble for each in found.notices] == [Trouble.REFUSES]
    assert steered.step(later(depots, 2.0), asking(-300e3), NOW + 2).send


def test_limits_and_droop_hold_for_the_fleet_too() -> None:
    depots = states(depot("a"), depot("b"))
    limit = LimitRequest(by="DSO", steps=(Limit(NOW - 1, discharge_w=100e3),))
    assert controller(depots).step(depots, (*asking(-300e3), limit), NOW).commanded_w == pytest.approx(-100e3)
    droop = DroopShare(by="FCR", w_per_hz=1e6, deadband_hz=0.0, default_w=0.0)
    assert controller(depots).step(depots, (droop,), NOW, 49.8).commanded_w == pytest.approx(-200e3)


_power = st.integers(-12, 12).map(lambda each: each * 100e3)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.lists(_power, min_size=1, max_size=3), st.sets(st.integers(0, 3)), st.booleans()), max_size=12
    )
)
def test_whoever_answers_and_whoever_is_lost_no_node_carries_more_than_it_may(
    course: list[tuple[list[float], set[int], bool]],
) -> None:
    """Set-points and answers are lost, depots fall silent: what they may do at worst stays within the limits."""
    names, wait = [f"D{number}" for number in range(4)], Settings(ignore_pu=0.0)
    places = [Place(id=each, node="north", max_charge_w=400e3, max_discharge_w=300e3) for each in names]
    steered, now = Controller(TREE, places, wait), NOW
    depots = {each.id: replace(depot(each.id, "north"), place=each, heard_unix_s=now) for each in places}
    holding: dict[str, list[Setpoint]] = {each: [] for each in names}
    for powers, silent, lost in course:
        now += 1.0
        dispatch = steered.step(depots, asking(sum(powers)), now)
        for number, id in enumerate(names):
            setpoint = dispatch.send.get(id)
            if setpoint is not None:
                holding[id].append(setpoint)  # it may hold from now on, whether the answer comes or not
                answers = number not in silent
                state = depots[id]
                depots[id] = replace(
                    state,
                    accepted=setpoint if answers else state.accepted,
                    pending=() if answers else (*state.pending, setpoint),
                )
                if answers:
                    holding[id] = [setpoint]
            if not (lost and number in silent):
                depots[id] = replace(depots[id], heard_unix_s=now)
        for sign, limit_w in ((1.0, 800e3), (-1.0, 500e3)):
            may_w = [[sign * each.power_w for each in held if each.until_unix_s > now] for held in holding.values()]
            assert sum(max([0.0, *each]) for each in may_w) <= limit_w + 1.0


def test_who_is_let_go_takes_it_whatever_its_clock_says() -> None:
    depots = states(depot("a"))
    steered = controller(depots)
    depots = answered(depots, steered.step(depots, asking(-100e3), NOW))
    sent = steered.step(later(depots, 6.0), (), NOW + 6.0).send["a"]
    assert Member("a").take(sent, NOW + 1e6).taken
