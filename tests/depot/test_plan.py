"""The plan against an independent statement of the problem; what it does with needs that cannot be met."""

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.depot.plan_oracle import Oracle
from tests.depot.scene import NOW as SOME_TIME
from tests.depot.scene import VEHICLE, charger, site

from v2g.depot.allocation import Floats
from v2g.depot.plan import STEP_S, STEPS, Departure, Outlook, Plan, Stay, Targets, Terms, outlook, start_of, stays
from v2g.depot.planner import Planner
from v2g.depot.request import Limit, LimitRequest, Price, PriceRequest, ScheduleRequest, Step
from v2g.depot.tree import Node, Tree, flat
from v2g.depot.view import Needs, Source

NOW = start_of(SOME_TIME)
HOUR = 3600.0
TREE = Tree([
    Node(name="site", max_charge_w=30_000, max_discharge_w=25_000),
    Node(name="T1", parent="site", max_charge_w=15_000, max_discharge_w=12_000, max_phase_charge_w=5_500),
    Node(name="T2", parent="site"),
])  # fmt: skip
HOURS = np.arange(STEPS) * STEP_S / HOUR
DEAR_EVENING = np.where((HOURS >= 4) & (HOURS < 8), 0.40, 0.10)


def of(buy: Floats, load_w: Floats | None = None, sell: Floats | None = None) -> Outlook:
    loads_w = {} if load_w is None else {"site": load_w}
    return Outlook(
        start_unix_s=NOW, buy_per_kwh=buy, sell_per_kwh=buy - 0.02 if sell is None else sell, loads_w=loads_w
    )


def stay(id: str = "CS-1/1", **changes: object) -> Stay:
    return replace(
        Stay(id=id, node="T1", energy_wh=30_000, capacity_wh=60_000, target_wh=40_000, floor_wh=12_000,
             max_charge_w=11_000, max_discharge_w=11_000, departure=Departure(NOW + 12 * HOUR)),
        **changes,
    )  # fmt: skip


def test_the_solver_prints_nothing() -> None:
    make = "import highspy; from v2g.depot.planner import _quiet; _quiet(highspy).run()"
    done = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == done.stderr == ""


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Stay], Outlook, Terms]:
    count = draw(st.integers(1, 4))
    found = []
    for number in range(count):
        capacity_wh = draw(st.floats(20_000, 90_000))
        energy_wh = capacity_wh * draw(st.floats(0.1, 1.0))
        found.append(
            Stay(
                id=f"CS-{number}/1",
                node=draw(st.sampled_from(["T1", "T2"])),
                phases=draw(st.sampled_from(["123", "1", "23"])),
                energy_wh=energy_wh,
                capacity_wh=capacity_wh,
                target_wh=capacity_wh * draw(st.floats(0.1, 1.0)),
                floor_wh=energy_wh * draw(st.floats(0.0, 1.0)),
                max_charge_w=draw(st.floats(1_000, 22_000)),
                max_discharge_w=draw(st.sampled_from([0.0, 5_000.0, 22_000.0])),
                efficiency_pu=draw(st.floats(0.85, 1.0)),
                departure=Departure(NOW + draw(st.floats(600, 30 * HOUR))),
            )
        )
    shape = np.random.default_rng(draw(st.integers(0, 1_000)))
    buy = shape.uniform(0.05, 0.5, STEPS)
    load_w = shape.uniform(-20_000, 28_000, STEPS)
    terms = Terms(peak_per_kw=draw(st.sampled_from([0.0, 2.0])), peak_so_far_w=draw(st.sampled_from([0.0, 20_000.0])))
    wanted = of(buy, load_w, buy * shape.uniform(0.2, 1.0, STEPS))
    if draw(st.booleans()):  # from the 12th to the 40th step
        limits_w = np.full((2, STEPS), np.inf)
        limits_w[0, 12:40], limits_w[1, 12:40] = draw(st.floats(0, 20_000)), draw(st.floats(0, 20_000))
        wanted = replace(wanted, limits_w=(limits_w[0], limits_w[1]))
    if draw(st.booleans()):
        asked_w = np.full(STEPS, np.nan)
        asked_w[8:20] = draw(st.floats(-20_000, 0))
        wanted = replace(wanted, asked_w=asked_w)
    return found, wanted, terms


def within(planned: Sequence[Stay], plan: Plan, wanted: Outlook, tree: Tree) -> None:
    """Whether the energies keep capacity and floor, and the powers every limit."""
    for each in planned:
        energies_wh, power_w = plan.energies_wh[each.id], plan.powers_w[each.id]
        assert energies_wh.max() <= max(each.capacity_wh, each.energy_wh) + 1
        assert energies_wh.min() >= min(each.floor_wh, each.energy_wh) - 1
        assert power_w.max() <= each.max_charge_w + 1
        assert power_w.min() >= -each.max_discharge_w - 1
    for node in tree.nodes:
        behind = [each for each in planned if node in list(tree.path(each.node))]
        load_w = wanted.loads_w.get(node.name, np.zeros(STEPS))
        for phase, charge_w, discharge_w in (
            ("", node.max_charge_w, node.max_discharge_w),
            *((each, node.max_phase_charge_w, node.max_phase_discharge_w) for each in "123"),
        ):
            rows = [plan.powers_w[each.id] * ((phase in each.phases) / len(each.phases) if phase else 1)
                    for each in behind]  # fmt: skip
            part = 1 / 3 if phase else 1.0
            for way, (limit_w, sign) in enumerate(((charge_w, 1), (discharge_w, -1))):
                most_w = np.full(STEPS, limit_w)
                if node is tree.root and not phase and wanted.limits_w is not None:
                    most_w = np.minimum(most_w, wanted.limits_w[way])
                used_w = sum((np.maximum(sign * row, 0) for row in rows), np.zeros(STEPS))
                assert (used_w <= np.maximum(most_w - sign * load_w * part, 0) + 1).all(), (node.name, phase, sign)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_no_other_plan_misses_less_nor_costs_less(scene: tuple[list[Stay], Outlook, Terms]) -> None:
    found, wanted, terms = scene
    plan = Planner(TREE, terms).plan(found, wanted, NOW)
    assert not plan.trouble
    within(found, plan, wanted, TREE)
    missing_wh, off_kwh, cost = Oracle(TREE, _horizon(found), wanted, terms).least()
    short_wh = sum(max(each.target_wh - _at_departure(plan, each), 0.0) for each in _horizon(found))
    assert short_wh == pytest.approx(missing_wh, abs=1.0 + 1e-6 * missing_wh)
    assert _off_kwh(plan, wanted) == pytest.approx(off_kwh, abs=0.02 + 1e-3 * off_kwh)
    assert plan.cost == pytest.approx(cost, abs=0.03 + 2e-3 * abs(cost))


def _off_kwh(plan: Plan, wanted: Outlook) -> float:
    """How far the chargers are from what a schedule asks of them."""
    if wanted.asked_w is None:
        return 0.0
    given_w = np.sum(list(plan.powers_w.values()), axis=0)
    return float(np.nansum(np.abs(given_w - wanted.asked_w))) * STEP_S / HOUR / 1000


def _horizon(planned: Sequence[Stay]) -> list[Stay]:
    """Who leaves after the plan's end must have there what it cannot charge in the rest, and no less than now."""
    end_s, found = NOW + STEPS * STEP_S, []
    for each in planned:
        assert each.departure is not None
        beyond_s = each.departure.unix_s - end_s
        if beyond_s > 0:
            can_wh = each.max_charge_w * each.efficiency_pu * beyond_s / HOUR
            target_wh = min(each.target_wh, max(each.energy_wh, each.target_wh - can_wh))
            each = replace(each, target_wh=target_wh)
        found.append(each)
    return found


def _at_departure(plan: Plan, stay: Stay) -> float:
    assert stay.departure is not None
    step = int(np.ceil((stay.departure.unix_s - NOW) / STEP_S)) - 1
    return float(plan.energies_wh[stay.id][min(step, STEPS - 1)])


@settings(max_examples=6, deadline=None)
@given(st.lists(scenes(), min_size=2, max_size=3))
def test_a_plan_after_an_event_is_as_good_as_a_new_one(events: list[tuple[list[Stay], Outlook, Terms]]) -> None:
    terms = events[0][2]
    planner = Planner(TREE, terms)
    for found, wanted, _ in events:
        again, new = planner.plan(found, wanted, NOW + 60), Planner(TREE, terms).plan(found, wanted, NOW + 60)
        assert again.cost == pytest.approx(new.cost, abs=0.02 + 2e-3 * abs(new.cost))
        within(found, again, wanted, TREE)


def test_it_sells_dear_and_buys_cheap_and_is_full_in_time() -> None:
    plan = Planner(TREE).plan([stay(floor_wh=20_000)], of(DEAR_EVENING), NOW)
    energies_wh = plan.energies_wh["CS-1/1"]
    assert energies_wh[15] == pytest.approx(60_000, abs=1)
    assert energies_wh[31] == pytest.approx(20_000, abs=1)
    assert energies_wh[47] == pytest.approx(40_000, abs=1)
    assert not plan.missed
    course = plan.courses(NOW + 100)["CS-1/1"]
    assert (course.until_unix_s, course.energy_wh) == (NOW + STEP_S, energies_wh[0])
    assert plan.courses(NOW + STEPS * STEP_S) == {}
    assert plan.courses(NOW - 1) == {}


def test_flat_prices_charge_early_and_discharge_nothing() -> None:
    plan = Planner(TREE).plan([stay()], of(np.full(STEPS, 0.3)), NOW)
    power_w = plan.powers_w["CS-1/1"]
    assert power_w.min() >= -1e-3
    assert power_w[0] == pytest.approx(11_000)
    assert plan.energies_wh["CS-1/1"][-1] == pytest.approx(40_000, abs=1)


def test_a_need_that_cannot_be_met_gets_the_nearest_plan_and_a_notice() -> None:
    late = stay(energy_wh=20_000, target_wh=60_000, departure=Departure(NOW + 2 * HOUR))
    plan = Planner(flat()).plan([replace(late, node="site")], of(DEAR_EVENING), NOW)
    (missed,) = plan.missed
    reached_wh = 20_000 + 2 * 11_000 * 0.95
    assert missed.short_wh == pytest.approx(60_000 - reached_wh, abs=1)
    assert plan.energies_wh["CS-1/1"][7] == pytest.approx(reached_wh, abs=1)
    assert plan.lines(NOW) == ["CS-1/1: 19.1 kWh will be missing in 2.0 h; a later departure, a lower target or more "
                               "power would help"]  # fmt: skip


def test_below_its_floor_it_is_charged_at_once_and_never_discharged() -> None:
    plan = Planner(TREE).plan([stay(energy_wh=6_000, departure=Departure(NOW + 20 * HOUR))], of(DEAR_EVENING), NOW)
    assert plan.powers_w["CS-1/1"][:2] == pytest.approx([11_000, 11_000])
    assert plan.powers_w["CS-1/1"].min() >= -1e-3


@pytest.mark.parametrize("departure", [None, Departure(NOW - 60)])
def test_who_may_leave_at_any_time_is_charged_at_once_and_not_discharged(departure: Departure | None) -> None:
    plan = Planner(TREE).plan([stay(departure=departure)], of(DEAR_EVENING[::-1].copy()), NOW)
    power_w = plan.powers_w["CS-1/1"]
    assert power_w[:3] == pytest.approx([11_000] * 3)
    assert power_w.min() >= -1e-3


def test_an_uncertain_departure_is_prepared_for_earlier() -> None:
    prices = of(np.where(HOURS < 11, 0.3, 0.1))
    departures = Departure(NOW + 12 * HOUR), Departure(NOW + 12 * HOUR, HOUR)
    some = [stay(max_discharge_w=0.0, departure=each) for each in departures]
    sure_wh, unsure_wh = (Planner(TREE).plan([each], prices, NOW).energies_wh["CS-1/1"][42] for each in some)
    assert sure_wh == pytest.approx(30_000, abs=1)
    assert unsure_wh == pytest.approx(40_000, abs=1)


def test_a_peak_is_not_paid_for_if_it_can_be_avoided() -> None:
    some = [stay(f"CS-{n}/1", node="T2", max_discharge_w=0.0) for n in range(2)]
    dear = Planner(TREE, Terms(peak_per_kw=10.0)).plan(some, of(DEAR_EVENING), NOW)
    total_w = sum(dear.powers_w.values(), np.zeros(STEPS))
    needed_w = 2 * 10_000 / 0.95 / 12
    assert total_w.max() == pytest.approx(needed_w, rel=1e-3)
    reached = Planner(TREE, Terms(peak_per_kw=10.0, peak_so_far_w=9_000)).plan(some, of(DEAR_EVENING), NOW)
    total_w = sum(reached.powers_w.values(), np.zeros(STEPS))
    assert total_w.max() <= 9_001
    assert reached.cost < dear.cost


def limit(*steps: Limit, **changes: object) -> LimitRequest:
    return replace(LimitRequest(by="grid operator", steps=steps), **changes)


def test_before_a_limit_that_is_to_come_it_charges_what_it_will_need() -> None:
    cheap_later = np.where(HOURS < 2, 0.30, 0.10)
    request = limit(Limit(NOW + 2 * HOUR, charge_w=2_000.0))
    wanted = outlook([prices(cheap_later), request], NOW)
    assert wanted is not None
    leaves = stay(max_discharge_w=0.0, departure=Departure(NOW + 4 * HOUR))
    plan = Planner(flat("T1")).plan([leaves], wanted, NOW)
    assert plan.missed == ()
    assert plan.powers_w[leaves.id][8:].max() <= 2_000 + 1
    assert plan.energies_wh[leaves.id][15] == pytest.approx(leaves.target_wh, abs=1)
    free = Planner(flat("T1")).plan([leaves], replace(wanted, limits_w=None), NOW)
    assert free.energies_wh[leaves.id][7] == pytest.approx(leaves.energy_wh, abs=1)  # it would have waited


def test_what_a_schedule_will_ask_for_is_there_by_then() -> None:
    schedule = ScheduleRequest(by="EMS", steps=(Step(NOW + 4 * HOUR, -8_000.0), Step(NOW + 6 * HOUR, 0.0)))
    wanted = outlook([prices(np.full(STEPS, 0.2)), replace(schedule, until_unix_s=NOW + 6 * HOUR)], NOW)
    assert wanted is not None
    empty = stay(energy_wh=13_000, target_wh=13_000, departure=Departure(NOW + 20 * HOUR))
    plan = Planner(flat("T1")).plan([empty], wanted, NOW)
    assert plan.powers_w[empty.id][16:24] == pytest.approx(np.full(8, -8_000.0), abs=1)
    assert plan.energies_wh[empty.id][15] >= 13_000 + 16_000 / 0.95 - 1_100  # to its floor


def test_a_limit_within_a_step_counts_for_all_of_it() -> None:
    found = outlook([prices(DEAR_EVENING), limit(Limit(NOW + 1000, 5_000.0), Limit(NOW + 1100, None, 3_000.0),
                                                 until_unix_s=NOW + 4000, default_w=7_000.0)], NOW)  # fmt: skip
    assert found is not None
    assert found.limits_w is not None
    charge_w, discharge_w = found.limits_w
    assert charge_w[:6].tolist() == [np.inf, 5_000, np.inf, np.inf, 7_000, 7_000]
    assert discharge_w[:6].tolist() == [np.inf, 3_000, 3_000, 3_000, 3_000, 7_000]


def test_negative_prices_keep_every_limit() -> None:
    some = [stay(f"CS-{n}/1", phases="1") for n in range(3)]
    wanted = of(np.where(HOURS < 3, -0.2, 0.2))
    plan = Planner(TREE).plan(some, wanted, NOW)
    within(some, plan, wanted, TREE)
    assert not plan.trouble


def test_a_car_that_leaves_within_a_step_has_its_energy_by_then() -> None:
    leaves_s = NOW + 2.25 * STEP_S
    needs = stay(energy_wh=30_000, target_wh=34_000, departure=Departure(leaves_s))
    plan = Planner(TREE).plan([needs], of(np.where(np.arange(STEPS) == 2, 0.05, 0.40)), NOW)
    into_w = (34_000 - plan.energies_wh[needs.id][1]) * 4.0 / needs.efficiency_pu
    (course,) = plan.courses(NOW + 2 * STEP_S).values()
    assert course.until_unix_s == leaves_s
    assert course.energy_wh == pytest.approx(34_000)
    assert plan.powers_w[needs.id][2] == pytest.approx(into_w, rel=1e-6), "the mean of the whole step"
    assert plan.means_w(NOW + 2 * STEP_S) == {needs.id: pytest.approx(11_000)}, "the mean until it leaves"
    (course,) = plan.courses(leaves_s + 1.0).values()
    assert course.until_unix_s == NOW + 3 * STEP_S


def test_a_plan_that_is_made_within_a_step_says_the_power_of_its_rest() -> None:
    plan = Planner(TREE).plan([stay(target_wh=60_000)], of(np.full(STEPS, 0.3)), NOW + 600.0)
    assert plan.powers_w["CS-1/1"][0] == pytest.approx(11_000 / 3)
    assert plan.means_w(NOW + 700.0) == {"CS-1/1": pytest.approx(11_000)}


def test_the_sun_that_shines_after_a_car_has_left_is_not_planned_for_it() -> None:
    load_w = np.where(np.arange(STEPS) < 4, -4_000.0, 0.0)
    needs = stay(energy_wh=30_000, target_wh=33_800, departure=Departure(NOW + 3.5 * STEP_S))
    buy = np.where(np.arange(STEPS) == 1, 0.2, 0.4)
    plan = Planner(TREE).plan([needs], of(buy, load_w, np.full(STEPS, 0.05)), NOW)
    assert plan.means_w(NOW + 3 * STEP_S)[needs.id] == pytest.approx(4_000)
    assert plan.powers_w[needs.id][:4] == pytest.approx([4_000, 6_000, 4_000, 2_000])


def test_what_is_not_a_number_is_left_out() -> None:
    plan = Planner(TREE).plan([stay(), stay("CS-2/1", energy_wh=float("nan"))], of(DEAR_EVENING), NOW)
    assert set(plan.energies_wh) == {"CS-1/1"}
    assert Planner(TREE).plan([], of(DEAR_EVENING), NOW).courses(NOW) == {}


def test_the_step_that_has_begun_counts_with_its_rest() -> None:
    plan = Planner(TREE).plan([stay(departure=None)], of(DEAR_EVENING), NOW + 600)
    assert plan.energies_wh["CS-1/1"][0] == pytest.approx(30_000 + 11_000 * 0.95 / 12, abs=1)


def test_many_vehicles_are_planned_in_groups_within_every_limit() -> None:
    shape = np.random.default_rng(3)
    some = [
        stay(f"CS-{n}/1", node=f"T{n % 2 + 1}", energy_wh=float(shape.uniform(14_000, 55_000)),
             departure=Departure(NOW + float(shape.integers(8, 60)) * STEP_S), max_discharge_w=11_000.0 * (n % 3 > 0))
        for n in range(240)
    ]  # fmt: skip
    tree = Tree([Node(name="site", max_charge_w=900_000), Node(name="T1", parent="site"),
                 Node(name="T2", parent="site")])  # fmt: skip
    plan = Planner(tree).plan(some, of(DEAR_EVENING), NOW)
    assert 0 < plan.groups <= 70
    within(some, plan, of(DEAR_EVENING), tree)
    single = Planner(tree, most_single=len(some)).plan(some, of(DEAR_EVENING), NOW)
    assert plan.cost <= single.cost + 0.02 * abs(single.cost)
    for each in some:
        reached_wh = _at_departure(plan, each)
        assert reached_wh >= 0.999 * each.target_wh or any(missed.id == each.id for missed in plan.missed)
        assert plan.energies_wh[each.id].min() >= min(each.floor_wh, each.energy_wh) - 1
        assert plan.powers_w[each.id].max() <= each.max_charge_w + 1
        assert plan.powers_w[each.id].min() >= -each.max_discharge_w - 1


def prices(buy: Floats) -> PriceRequest:
    each = tuple(Price(NOW + n * STEP_S, float(buy[n]), float(buy[n]) - 0.02) for n in range(STEPS))
    return PriceRequest(by="EMS", prices=each)


def test_what_is_planned_of_a_site() -> None:
    known = replace(VEHICLE, soc_unix_s=NOW)
    assert known.needs is not None
    here = site(
        charger(1, vehicle=known),
        charger(2, vehicle=replace(known, needs=None)),
        charger(3, vehicle=replace(known, soc_pu=None)),
        charger(4, vehicle=None),
        charger(5, vehicle=known, charge_only="OCPP 2.0.1"),
        charger(6, vehicle=replace(known, soc_unix_s=NOW - 3_600)),
        charger(7, vehicle=known, online=False),
        charger(8, vehicle=replace(known, needs=replace(known.needs, min_soc_pu=None, departure_unix_s=None))),
    )
    found = {each.id: each for each in stays(here, NOW, Targets())}
    assert set(found) == {"CS-1/1", "CS-5/1", "CS-6/1", "CS-8/1"}
    assert found["CS-1/1"].floor_wh == pytest.approx(0.42 * 60_000)
    assert found["CS-1/1"].max_discharge_w == 15_000
    assert {found[id].max_discharge_w for id in ("CS-5/1", "CS-6/1", "CS-8/1")} == {0.0}
    assert found["CS-8/1"].departure is None
    expected = stays(here, NOW, Targets(), expected=lambda _: Departure(NOW + HOUR, 600))
    assert {each.id: each.departure for each in expected}["CS-8/1"] == Departure(NOW + HOUR - 900, 600)


def test_an_energy_that_was_stated_counts_from_then_on() -> None:
    targets = Targets()
    needs = Needs(source=Source.CAR, energy_wh=10_000, stated_unix_s=NOW)
    here = charger(1, vehicle=replace(VEHICLE, needs=needs))
    assert targets.of(here, 30_000, 60_000) == 40_000
    assert targets.of(here, 36_000, 60_000) == 40_000
    again = charger(1, vehicle=replace(VEHICLE, needs=replace(needs, energy_wh=40_000, stated_unix_s=NOW + 9)))
    assert targets.of(again, 36_000, 60_000) == 60_000


def test_prices_that_are_not_valid_are_nothing_to_plan_by() -> None:
    assert outlook([], NOW) is None
    request = prices(DEAR_EVENING)
    assert outlook([replace(request, until_unix_s=NOW - 1)], NOW) is None
    assert outlook([replace(request, prices=(Price(NOW, float("nan"), 0.0),))], NOW) is None
    found = outlook([request], NOW + 5 * STEP_S + 10)
    assert found is not None
    assert found.start_unix_s == NOW + 5 * STEP_S
    assert found.buy_per_kwh[: STEPS - 5] == pytest.approx(DEAR_EVENING[5:])
