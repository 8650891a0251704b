"""A session that is taken up again after a pause: what let the car in before may be gone by now."""

from dataclasses import replace

import pytest
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop

from v2g.bench.sim.world import World
from v2g.iso15118.service import ControlMode
from v2g.kernel.fault import Fault
from v2g.station.access import Answer, Identity, Verdict
from v2g.station.snapshot import explain
from v2g.station.timeouts import NOT_READY_S

PEER = bytes(64)


class Reconsiders:
    """Grants at first; then it says something else."""

    answer = Answer.GRANTED

    def __init__(self) -> None:
        self.asked: list[Identity] = []

    def judge(self, identity: Identity, now: float) -> Verdict:
        self.asked.append(identity)
        return Verdict(self.answer, "so it is", charges_only="")


def paused(authorizer: Reconsiders, mode: ControlMode = ControlMode.DYNAMIC) -> World:
    """A station at which a session was paused, and the car has left."""
    intent = replace(INTENT, mode=mode, pause=True, duration_s=2.0)
    world = in_the_loop(World(OUTLET, intent, peer=PEER, authorizer=authorizer), 1.0)
    world.run_to_end()
    assert world.evse.paused is not None
    world.disconnect(Fault.CONNECTION_LOST, "the peer closed the connection")
    world.run(1.0)
    world.switched.clear()
    world.events.clear()
    authorizer.asked.clear()
    return world


def resume(world: World, mode: ControlMode = ControlMode.DYNAMIC) -> None:
    assert world.evcc is not None
    assert world.evcc.end is not None
    world.plug_in(paused=world.evcc.end.paused, intent=replace(INTENT, mode=mode, duration_s=3.0))


@pytest.mark.parametrize("mode", list(ControlMode))
def test_nothing_is_closed_for_a_car_that_resumes_before_it_is_let_in(mode: ControlMode) -> None:
    authorizer = Reconsiders()
    world = paused(authorizer, mode)
    authorizer.answer = Answer.PENDING
    resume(world, mode)
    world.run(NOT_READY_S + 5.0)
    assert world.evse.busy
    assert not world.switched
    assert explain(world.evse, world.now).why.endswith("the session is in SCHEDULE_EXCHANGE: so it is")
    authorizer.answer = Answer.GRANTED
    world.run_to_end()
    assert world.evse.visit.report.result == "completed"
    assert world.evse.visit.report.charged_wh > 0.0


def test_a_car_that_resumes_and_is_refused_gets_a_new_session_at_most() -> None:
    authorizer = Reconsiders()
    world = paused(authorizer)
    authorizer.answer = Answer.REFUSED
    before = world.evse.visit.report.session_id
    resume(world)
    world.run_to_end()
    assert fault_of(world) is None
    assert world.evse.visit.report.session_id != before
    assert not world.switched


def test_a_car_that_is_refused_while_it_waits_ends() -> None:
    authorizer = Reconsiders()
    world = paused(authorizer)
    authorizer.answer = Answer.PENDING
    resume(world)
    world.run(2.0)
    authorizer.answer = Answer.REFUSED
    world.run_to_end()
    assert fault_of(world) is Fault.AUTHORIZATION
    assert not world.switched


def test_a_car_that_nobody_lets_in_again_is_told_apart_from_a_slow_one() -> None:
    authorizer = Reconsiders()
    world = paused(authorizer)
    authorizer.answer = Answer.PENDING
    resume(world)
    world.run_to_end()
    assert fault_of(world) is Fault.AUTHORIZATION
    assert not world.switched


def test_nobody_is_asked_about_the_car_of_a_paused_session_because_another_one_connects() -> None:
    authorizer = Reconsiders()
    world = paused(authorizer)
    world._peer = bytes([1]) * 64
    world.plug_in(intent=replace(INTENT, evcc_id="WMIV1234567890ABCDEY", duration_s=1.0))
    world.run_to_end()
    assert {each.evcc_id for each in authorizer.asked} == {"WMIV1234567890ABCDEY"}
