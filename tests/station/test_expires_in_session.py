"""A contract, or a vehicle certificate, that is good when the car comes and no longer while its session goes on."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop, texts
from tests.station.test_d2 import charging
from tests.station.test_negative_current import BY_CONTRACT, paid

from v2g.bench.sim.world import START_UNIX_S, World
from v2g.iso15118.contract import Judgement
from v2g.iso15118.station_engine import JUDGED_EVERY_S
from v2g.station.config.settings import Access, PlanStep

YEAR_S = 366 * 86_400.0
NAME = INTENT.evcc_id
BY_CERTIFICATE = Access(grant="listed", certificates=(NAME,), discharge=True)


def feeds(world: World) -> bool:
    """Whether it still feeds the grid after a while."""
    before_wh = world.evse.visit.report.discharged_wh
    world.run(5.0)
    return world.evse.visit.report.discharged_wh > before_wh


def test_a_contract_that_expires_is_not_enough_to_feed_any_more_and_pays_for_charging() -> None:
    world = charging(paid(BY_CONTRACT, duration_s=600.0), 15.0)
    assert feeds(world)
    world.clock_set_s = YEAR_S
    world.run(JUDGED_EVERY_S + 5.0)
    assert not feeds(world)
    assert world.evse.busy
    assert fault_of(world) is None
    assert any("its contract is no longer good: " in text and "expired on" in text for text in texts(world))
    world.clock_set_s = 0.0
    world.run(JUDGED_EVERY_S + 5.0)
    assert texts(world)[-1].endswith("it may feed the grid"), "somebody had set the clock wrong"


def test_what_nobody_can_say_now_changes_nothing() -> None:
    world = charging(paid(BY_CONTRACT, duration_s=600.0), 15.0)
    conversation = world.evse.visit.conversation
    assert conversation is not None
    assert conversation.engine is not None
    engine = conversation.engine

    class Asked:
        def judge(self, chain: tuple[bytes, ...], edition: str, unix_s: int) -> Judgement:
            return Judgement(pending=True)

    engine.session = replace(engine.session, offer=replace(engine.session.offer, contracts=Asked()))
    world.run(JUDGED_EVERY_S + 5.0)
    assert feeds(world)


@pytest.mark.parametrize("ends_in_s", [30.0, YEAR_S])
def test_a_vehicle_certificate_that_expires_is_not_enough_to_feed_any_more(ends_in_s: float) -> None:
    settings = changed(OUTLET, access=BY_CERTIFICATE, dispatch=(PlanStep(power_w=-6_000),))
    world = World(settings, INTENT, peer=bytes(64))
    world.certificate, world.certificate_ends_s = NAME, START_UNIX_S + ends_in_s
    in_the_loop(world)
    assert feeds(world)
    world.run(30.0)
    expired = ends_in_s < YEAR_S
    assert feeds(world) != expired
    assert world.evse.busy
    assert fault_of(world) is None
    assert any("its vehicle certificate has expired" in text for text in texts(world)) == expired
