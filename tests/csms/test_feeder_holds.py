"""What flows through a feeder stays within its limit although stations do not do what was decided."""

import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from tests.csms.site import SAFE_W, SILENCE, STEP_S, Depot, car
from tests.depot.scene import NOW, charger, site

from v2g.bench.depot.station import LightStation
from v2g.csms.evse import DISPLACED, FEWER_S
from v2g.csms.gateway import LOOK_AGAIN_S, Gateway
from v2g.depot.configuration import Feeder
from v2g.depot.controller import Controller, Settings
from v2g.depot.dispatch import Trouble
from v2g.depot.ledger import Memory
from v2g.depot.request import PowerRequest
from v2g.depot.tree import flat
from v2g.depot.view import Site
from v2g.io.depot_configuration import tree_of
from v2g.ocpp import v21
from v2g.ocpp.schedule import timestamp

LIMIT_W = 20_000.0


class Steered(Depot):
    """Four cars behind a feeder that can carry a third of what they could give."""

    def __init__(self, ledger: Memory | None = None) -> None:
        super().__init__(4, ledger=ledger, feeders=(Feeder(id="site", charge_w=LIMIT_W, discharge_w=LIMIT_W),))
        self.controller, self.tree = Controller(), tree_of(self.configuration)
        self.most_w = self.over_s = 0.0
        for id in self.stations:
            self.plug(id)
        self.run(30.0)
        assert sum(map(self.power_w, self.stations)) == pytest.approx(-LIMIT_W, rel=0.01)

    def control(self) -> None:
        if not hasattr(self, "controller"):
            return
        request = PowerRequest(by="EMS", power_w=-LIMIT_W)
        scene = Site(tree=self.tree, chargers=self.gateway.chargers(self.now), requests=(request,))
        if self.controller.due(scene, self.now):
            found = self.controller.step(scene, self.now)
            self.wanted_w = {id: each.power_w for id, each in found.setpoints.items()}
        power_w = abs(sum(map(self.power_w, self.stations)))
        self.most_w = max(self.most_w, power_w)
        self.over_s += STEP_S if power_w > 1.01 * LIMIT_W else 0.0


def test_after_a_restart_those_that_are_not_back_still_do_what_they_did() -> None:
    depot = Steered()
    for id in depot.stations:
        depot.cut(id)
    depot.gateway, depot.controller = Gateway(depot.configuration, depot.ledger), Controller()
    for id in ("CS0", "CS1"):
        depot.link(id)
    depot.run(SILENCE.setpoint_s + 20.0)
    assert depot.most_w <= LIMIT_W * 1.01
    assert depot.power_w("CS0") < -9_000  # once the others are safe, their share is free


@pytest.mark.parametrize("lost_s", [0.0, 30.0])
def test_what_a_station_falls_to_counts_as_it_was_sent_though_another_configuration_holds_now(lost_s: float) -> None:
    """Half of the feeder is what the other one may take on its own, for a time that is longer than in the next one."""
    depot = Depot(
        2, feeders=(Feeder(id="site", charge_w=12_000.0),), silence=replace(SILENCE, safe_w=6_000, setpoint_s=60)
    )
    for id in depot.stations:
        depot.plug(id, car(int(id[2:]), 0.2))
    depot.wanted_w = {"CS0/1": 11_000.0, "CS1/1": 1_000.0}
    depot.run(20.0)
    for id in depot.stations:
        depot.cut(id)
    depot.run(lost_s)
    depot.configuration = replace(depot.configuration, silence=SILENCE)
    depot.gateway, controller, depot.wanted_w = Gateway(depot.configuration, depot.ledger), Controller(), {}
    tree, most_w = tree_of(depot.configuration), 0.0
    depot.link("CS1")
    for _ in range(200):
        scene = Site(tree=tree, chargers=depot.gateway.chargers(depot.now), requests=())
        if controller.due(scene, depot.now):
            depot.wanted_w = controller.step(scene, depot.now).setpoints.powers_w
        depot.run(STEP_S)
        most_w = max(most_w, sum(map(depot.power_w, depot.stations)))
    assert most_w <= 12_100.0
    assert [depot.charger(id).safe_w for id in ("CS0/1", "CS1/1")] == [6_000, SILENCE.safe_w]


def test_a_station_that_answers_nothing_keeps_its_place_on_the_feeder() -> None:
    depot = Steered()
    depot.linked -= {"CS0", "CS1"}  # half-open: nobody notices
    for id in ("CS0/1", "CS1/1"):
        depot.gateway.pause(id, True)
    depot.run(SILENCE.setpoint_s + 20.0)
    assert depot.over_s <= 2 * Settings().cycle_s  # a cycle until it is known, and the way back


class Doubled(Steered):
    """Another station connects with the identity of the first one, whose car goes on feeding for a while."""

    def __init__(self, *, closed: bool) -> None:
        super().__init__()
        self.first = self.stations["CS0"]
        if closed:
            self.cut("CS0")
        self.stations["CS0"] = LightStation("CS0")
        self.stations["CS0"].plug_in(car(0), self.now, self.now)
        self.link("CS0")

    def control(self) -> None:
        if self.gateway.urgent and hasattr(self, "first"):  # a controller looks at once, and nothing older is sent
            self.gateway.urgent, self.wanted_w = False, {}
            self.controller._stepped_s = -1.0
        super().control()
        if hasattr(self, "first"):
            self.first.step(self.now, self.now)
            self.most_w = max(self.most_w, -self.first.power_w - sum(map(self.power_w, self.stations)))


@pytest.mark.parametrize("closed", [False, True])
def test_a_displaced_station_keeps_its_place_on_the_feeder_until_its_set_point_lapses(closed: bool) -> None:
    depot = Doubled(closed=closed)
    depot.run(SILENCE.setpoint_s + 8.0)
    assert depot.most_w <= LIMIT_W * 1.01
    assert any("give each its own" in line for line in depot.gateway.lines) is not closed
    depot.run(20.0)
    assert sum(map(depot.power_w, depot.stations)) == pytest.approx(-LIMIT_W, rel=0.01)


@pytest.mark.parametrize("seconds", [1.0, 4.0])
def test_a_controller_that_is_killed_forgets_no_displaced_station(seconds: float) -> None:
    depot = Doubled(closed=False)
    depot.run(seconds)  # its place is held, whether the other one has begun a transaction or not
    depot.restart()
    depot.controller, depot.wanted_w = Controller(), {}
    depot.run(SILENCE.setpoint_s + 20.0)
    assert depot.most_w <= LIMIT_W * 1.01
    depot.run(20.0)
    assert sum(map(depot.power_w, depot.stations)) == pytest.approx(-LIMIT_W, rel=0.01)
    assert not any(kind == DISPLACED for kind, _ in depot.ledger.kept)


def test_a_station_that_goes_on_with_its_transaction_over_a_new_connection_has_displaced_nobody() -> None:
    depot = Steered()
    depot.stations["CS0"].disconnected(depot.now)
    depot.link("CS0")
    assert depot.charger().held_discharge_w == pytest.approx(10_000.0, rel=0.01)
    depot.run(6.0)
    assert depot.charger().held_discharge_w == 0.0


def test_a_station_that_takes_more_than_its_set_point_leaves_less_for_the_others() -> None:
    tree, controller = flat(max_charge_w=20_000), Controller()
    for cycle in range(10):
        now = NOW + 2 * cycle
        rude = charger(1, "site", soc_pu=0.3, ready=False, measured_w=12_000.0, measured_unix_s=now)
        polite = charger(2, "site", soc_pu=0.3, measured_w=0.0, measured_unix_s=now)
        found = controller.step(site(rude, polite, power_w=15_000, tree=tree), now)
    assert found.setpoints["CS-2/1"].power_w <= 8_000
    assert any(each.trouble is Trouble.DOES_NOT_FOLLOW and "more than" in each.text for each in found.notices)


def test_a_late_measurement_is_no_disobedience() -> None:
    controller, seen = Controller(), [0.0] * 4
    for cycle in range(30):
        now = NOW + 2 * cycle
        late = charger(1, "site", soc_pu=0.5, measured_w=seen[-4], measured_unix_s=now)
        found = controller.step(site(late, power_w=(-1) ** (cycle // 3) * 10_000.0), now)
        seen.append(found.commanded_w)
        assert not found.notices
    assert min(seen) < -8_000 < 8_000 < max(seen)


def test_a_station_that_refuses_the_bottom_profile_may_take_all_that_it_can() -> None:
    depot = Depot()
    depot.plug()
    depot.gateway.stations["CS0"].bottom = "Rejected"
    depot.gateway.disconnected("CS0")
    assert depot.charger().held_charge_w == 15_000


@pytest.mark.parametrize("relents", [True, False])
def test_what_another_back_end_has_left_at_a_station_holds_no_longer_or_counts(relents: bool) -> None:
    station = LightStation("CS0")
    period = v21.ChargingSchedulePeriodType(startPeriod=0, limit=11_000)
    left = v21.ChargingProfileType(
        id=9, stackLevel=5, chargingProfilePurpose="TxDefaultProfile", chargingProfileKind="Relative",
        chargingSchedule=(v21.ChargingScheduleType(id=1, chargingRateUnit="W", chargingSchedulePeriod=(period,)),),
    )  # fmt: skip
    assert station.profiles.set(0, left, {}, 0.0) is None
    if not relents:
        station.profiles.clear = lambda id=None, criteria=None: False  # type: ignore[method-assign]
    depot = Depot(1, stations={"CS0": station})
    depot.plug("CS0", car(0, 0.3))
    depot.wanted_w = {"CS0/1": 3_000.0}
    depot.run(20.0)
    assert station.power_w == 3_000
    assert "CS0 has a TxDefaultProfile of another back end (9), which is cleared" in depot.gateway.lines
    if relents:
        assert depot.charger().held_charge_w == 0.0
        depot.cut("CS0")
        depot.run(SILENCE.setpoint_s + 4.0)
        assert station.power_w == pytest.approx(SAFE_W)
        depot.link("CS0")
        depot.run(4.0)
        assert depot.gateway.stations["CS0"].kept.cleared  # and is not asked for ever
    else:
        assert depot.charger().held_charge_w == 15_000


class OnPhases(Depot):
    """Three cars that charge behind a feeder with a limit for each phase."""

    def __init__(self) -> None:
        super().__init__(3, feeders=(Feeder(id="site", charge_w=24_000.0),))
        self.controller, self.tree = Controller(), tree_of(self.configuration)
        for id in self.stations:
            self.plug(id, car(int(id[2:]), 0.2))
        self.run(20.0)
        assert sum(map(self.power_w, self.stations)) == pytest.approx(24_000.0, rel=0.02)

    def control(self) -> None:
        if not hasattr(self, "controller"):
            return
        request = PowerRequest(by="EMS", power_w=24_000.0)
        scene = Site(tree=self.tree, chargers=self.gateway.chargers(self.now), requests=(request,))
        if self.controller.due(scene, self.now):
            found = self.controller.step(scene, self.now)
            self.wanted_w = {id: each.power_w for id, each in found.setpoints.items()}

    def say(self, id: str, action: str, content: dict[str, object]) -> None:
        call = json.dumps([2, f"{action} {self.now}", action, {"evseId": 1, **content}])
        self.gateway.receive(id, call, self.now, self.now)
        self.gateway.taken(id)


def measures(depot: OnPhases, id: str, shown_w: tuple[float, float, float]) -> None:
    values = [{"value": value, "measurand": "Power.Active.Import", "phase": phase, "unitOfMeasure": {"unit": "W"}}
              for phase, value in zip(("L1", "L2", "L3"), shown_w, strict=True)]  # fmt: skip
    meter = {"timestamp": timestamp(depot.now).isoformat(), "sampledValue": values}
    depot.say(id, "MeterValues", {"meterValue": [meter]})


def measures_one_phase(depot: OnPhases, id: str) -> None:
    measures(depot, id, (depot.power_w(id), 0.0, 4.0))


def measures_two_phases(depot: OnPhases, id: str) -> None:
    measures(depot, id, (depot.power_w(id) / 2, 0.0, depot.power_w(id) / 2))


def states_one_phase(depot: OnPhases, id: str) -> None:
    ac = {"energyAmount": 20_000, "evMinCurrent": 6, "evMaxCurrent": 63, "evMaxVoltage": 230}
    needs = {"requestedEnergyTransfer": "AC_single_phase", "acChargingParameters": ac}
    depot.say(id, "NotifyEVChargingNeeds", {"chargingNeeds": needs})


@pytest.mark.parametrize("tells", [measures_one_phase, measures_two_phases, states_one_phase])
def test_cars_on_fewer_phases_of_evses_with_three_keep_the_limit_of_that_phase(
    tells: Callable[[OnPhases, str], None],
) -> None:
    depot = OnPhases()
    for id in depot.stations:
        tells(depot, id)
    depot.run(10.0)
    assert 7_000.0 < sum(map(depot.power_w, depot.stations)) <= 8_000.0 * 1.01
    assert depot.charger().phases == "1/2/3"
    depot.stations["CS0"].unplug(depot.now)
    depot.run(FEWER_S + LOOK_AGAIN_S)
    depot.plug("CS0", car(0, 0.2))  # of another car nothing is known
    assert depot.charger().phases == "123"


def test_a_station_that_says_now_this_now_that_of_its_phases_is_not_followed_each_time() -> None:
    depot, seen = OnPhases(), list[str]()
    for _ in range(10):
        states_one_phase(depot, "CS0")
        depot.run(1.0)
        depot.say("CS0", "NotifyEVChargingNeeds", {"chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}})
        depot.run(1.0)
        seen.append(depot.charger().phases)
    assert set(seen) == {"1/2/3"}
