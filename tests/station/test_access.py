"""Who may use an EVSE: what a car has proved counts, what it says about itself does not."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import INTENT, OUTLET, fault_of, in_the_loop, texts

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.view import Stop
from v2g.station.access import Answer, Identity, ListAuthorizer, Verdict
from v2g.station.config.settings import Access, Pilot, Rule
from v2g.station.evse import Evse


class Forgetful:
    """Grants at first; after that it has to think about it again."""

    thinks = False

    def judge(self, identity: Identity, now: float) -> Verdict:
        return Verdict(Answer.PENDING, "thinking") if self.thinks else Verdict(Answer.GRANTED, "", charges_only="")


def test_a_car_that_is_not_decided_about_any_more_feeds_nothing() -> None:
    authorizer = Forgetful()
    world = in_the_loop(World(OUTLET, INTENT, authorizer=authorizer))
    assert world.evse.decision.power_w < 0.0
    authorizer.thinks = True
    world.run(0.5)
    assert world.evse.decision.power_w == 0.0
    assert "nobody lets it feed the grid any more" in world.evse.decision.sentence


MINE, OTHER = "ZZZV123456789ABCDEF9", "ZZZVSECONDCAR0000001"
PROVED = Access(grant="listed", certificates=(MINE,))
CLAIMED = Access(grant="listed", evcc_ids=(MINE,), unproved=True)
UNMARKED = Access(grant="listed", evcc_ids=(MINE,))


@pytest.mark.parametrize(
    ("access", "evcc_id", "certificate", "answer", "unproved"),
    [
        (Access(grant="everyone"), MINE, None, Answer.GRANTED, False),
        (Access(grant="nobody"), MINE, MINE, Answer.REFUSED, False),
        (PROVED, OTHER, MINE, Answer.GRANTED, False),
        (PROVED, MINE, OTHER, Answer.REFUSED, False),
        (PROVED, MINE, None, Answer.REFUSED, False),
        (CLAIMED, MINE, None, Answer.GRANTED, True),
        (CLAIMED, MINE, MINE, Answer.GRANTED, False),
        (CLAIMED, MINE, OTHER, Answer.REFUSED, False),
        (CLAIMED, OTHER, MINE, Answer.REFUSED, False),
        (UNMARKED, MINE, None, Answer.REFUSED, False),
        (PROVED, "", None, Answer.REFUSED, False),
    ],
)
def test_the_list(access: Access, evcc_id: str, certificate: str | None, answer: Answer, unproved: bool) -> None:
    verdict = ListAuthorizer(access).judge(Identity(evcc_id, certificate), 0.0)
    assert (verdict.answer, verdict.unproved) == (answer, unproved)


CONTRACT = "DE8AAC1B2C3D4E5"
OPEN = Access(grant="everyone", discharge=True)
MAC = "020000000001"
NAMED = changed(OPEN, negative_current_unproved=("02:00:00:00:00:01",))
STRICT = Access(grant="everyone", discharge=True, unknown="nothing")
RULES = Access(
    grant="nobody",
    discharge=True,
    rules=(
        Rule(contract="DE8AA*", vehicle=OTHER, may="nothing"),
        Rule(contract="DE*8AA*C1B2C3D4E*5", may="discharge"),
        Rule(contract="DE8AA*", may="charge"),
        Rule(vehicle=MINE, may="discharge"),
    ),
)
LISTED = Access(grant="listed", contracts=("DE-8AA-C1B2C3D4E-5",), discharge=True)


@pytest.mark.parametrize(
    ("access", "identity", "answer", "discharge"),
    [
        (OPEN, Identity(MINE), "granted", False),
        (OPEN, Identity(MINE, MINE), "granted", True),
        (OPEN, Identity(MINE, None, CONTRACT), "granted", True),
        (OPEN, Identity(MINE, None, CONTRACT, "nobody knows"), "granted", False),
        (changed(OPEN, discharge=False), Identity(MINE, MINE, CONTRACT), "granted", False),
        (changed(OPEN, bench_discharge=True), Identity(MINE), "granted", True),
        (NAMED, Identity(MAC, bidirectional=False), "granted", True),
        (NAMED, Identity("02:00:00:00:00:02", bidirectional=False), "granted", False),
        (NAMED, Identity("", bidirectional=False), "granted", False),
        (NAMED, Identity(MAC), "granted", False),
        (NAMED, Identity(MAC, None, CONTRACT, "nobody knows", bidirectional=False), "granted", False),
        (changed(NAMED, discharge=False), Identity(MAC, bidirectional=False), "granted", False),
        (changed(NAMED, grant="listed"), Identity(MAC, bidirectional=False), "refused", False),
        (STRICT, Identity(MINE), "refused", False),
        (STRICT, Identity(MINE, OTHER), "granted", True),
        (STRICT, Identity(), "refused", False),
        (RULES, Identity(MINE), "refused", False),
        (RULES, Identity(MINE, MINE), "granted", True),
        (RULES, Identity(MINE, None, CONTRACT), "granted", True),
        (RULES, Identity(MINE, None, CONTRACT, "nobody knows"), "granted", False),
        (RULES, Identity(MINE, OTHER, CONTRACT), "refused", False),
        (RULES, Identity(MINE, MINE, "DE8AAC99999999"), "granted", False),
        (RULES, Identity(MINE, None, "FR8AAC99999999"), "refused", False),
        (LISTED, Identity(MINE, None, CONTRACT), "granted", True),
        (LISTED, Identity(CONTRACT, None, None), "refused", False),
    ],
)
def test_who_may_charge_and_who_may_feed_the_grid(
    access: Access, identity: Identity, answer: str, discharge: bool
) -> None:
    """What a car says about itself never lets it feed the grid, and a rule goes before all else."""
    verdict = ListAuthorizer(access).judge(identity, 0.0)
    assert (verdict.answer.value, verdict.discharge) == (answer, discharge)
    assert verdict.reason
    assert verdict.discharge or verdict.charges_only or verdict.answer is Answer.REFUSED


def test_a_car_that_proves_nothing_is_offered_no_discharge_and_the_trace_says_why() -> None:
    world = World(changed(OUTLET, access=OPEN), replace(INTENT, service=Service.DC, mode=ControlMode.SCHEDULED))
    in_the_loop(world, 12.0)
    assert world.contactor.closed
    assert world.plant.ac_power_w > -200.0, "the plan would feed the grid by now"
    only = "it charges only: it proves nothing of who it is"
    assert [text for text in texts(world) if text.startswith("granted: ") and text.endswith(only)]
    bidirectional = World(changed(OUTLET, access=OPEN), INTENT)
    bidirectional.run(3.0)
    bidirectional.plug_in()
    bidirectional.run_to_end()
    assert bidirectional.switched == []


def session(access: Access, evcc_id: str, certificate: str | None) -> World:
    service = Service.DC if certificate is None else Service.DC_BPT  # who proves nothing charges at most
    intent = replace(INTENT, evcc_id=evcc_id, service=service)
    world = World(changed(OUTLET, access=changed(access, discharge=True)), intent)
    world.certificate = certificate
    world.run(3.0)
    world.plug_in()
    world.run(8.0)
    return world


def test_a_car_that_borrows_a_name_gets_no_energy() -> None:
    """Its certificate is good, but names another car than the listed one that it says it is."""
    world = session(CLAIMED, MINE, OTHER)
    assert world.switched == []
    assert f"refused: EVCCID {MINE}, certificate {OTHER}: its certificate names {OTHER}" in texts(world)
    assert f"the car states another name than its certificate: EVCCID {MINE}, certificate {OTHER}" in texts(world)


def test_a_car_that_is_refused_leaves_its_name_and_the_reason() -> None:
    world = session(PROVED, OTHER, OTHER)
    world.run_to_end()
    (refused,) = [text for text in texts(world) if text.startswith("refused: ")]
    assert refused == f"refused: EVCCID {OTHER}, certificate {OTHER}: it is not listed"
    assert (world.evse.visit.report.result, world.evse.visit.report.fault) == ("failed", "0x0C it is not listed")


def test_an_unproved_name_is_logged_in_each_session() -> None:
    world = session(CLAIMED, MINE, None)
    assert world.evse.visit.busy
    (said,) = [text for text in texts(world) if text.endswith("nothing proves that name (`unproved: true`)")]
    assert said.startswith(f"granted: EVCCID {MINE}, no certificate: EVCCID {MINE} is listed; ")


def test_a_proved_car_is_served_whatever_it_calls_itself() -> None:
    world = session(PROVED, OTHER, MINE)
    assert world.contactor.closed
    assert fault_of(world) is None


class BackEnd:
    """Takes its time, and changes its mind."""

    def __init__(self) -> None:
        self.verdict = Verdict(Answer.PENDING, "the back end has not answered")

    def judge(self, identity: Identity, now: float) -> Verdict:
        return self.verdict


def test_an_authoriser_from_elsewhere_may_take_its_time_and_end_a_session() -> None:
    world, back_end = World(OUTLET, INTENT), BackEnd()
    world.evse = Evse(OUTLET, world.plant.settings.rating, authorizer=back_end)
    world.run(3.0)
    world.plug_in()
    world.run(8.0)
    assert world.switched == []
    back_end.verdict = Verdict(Answer.GRANTED, "the contract is good", charges_only="")
    world.run(12.0)
    assert world.contactor.closed
    back_end.verdict = Verdict(Answer.REFUSED, "the contract was withdrawn")
    world.run(1.0)
    assert not world.contactor.closed
    assert "0x0C Not authorised: the contract was withdrawn" in texts(world)


def test_an_authoriser_from_elsewhere_decides_about_a_car_without_a_word_too() -> None:
    pilot = Pilot(device=NOWHERE, fallback_a=16.0, digital_s=2.0, retries=0)
    evse = changed(OUTLET, services=("AC",), inverter=None, isolation=None, pilot=pilot)
    back_end = BackEnd()
    world = World(evse, INTENT, authorizer=back_end)
    world.faults.mute = True
    world.run(3.0)
    world.plug_in()
    world.run(20.0)
    assert world.switched == []
    back_end.verdict = Verdict(Answer.GRANTED, "its owner has paid")
    world.run(3.0)
    assert world.contactor.closed
    back_end.verdict = Verdict(Answer.REFUSED, "its owner has left")
    world.run(0.5)
    assert not world.contactor.closed


def test_a_paused_session_outlives_the_process_and_other_cars() -> None:
    world = World(OUTLET, replace(INTENT, duration_s=None), peer=bytes(64))
    in_the_loop(world, 3.0)
    first = world.evse.visit.report.session_id
    world.evse.stop(Stop.PAUSE, world.now)
    world.run_to_end()
    assert world.evcc is not None
    assert world.evcc.end is not None
    paused = world.evcc.end.paused
    assert paused is not None
    world.stop_station()
    world.run(1.0)
    world.start_station()
    world.run(3.0)
    world.plug_in(intent=replace(INTENT, evcc_id=OTHER, duration_s=2.0))  # another car in between
    world.run_to_end()
    assert world.evse.visit.report.session_id != first
    world.plug_in(paused=paused, intent=replace(INTENT, duration_s=2.0))
    world.run_to_end()
    assert world.evcc.end is not None
    assert world.evse.visit.report.session_id == first
    assert world.evse.visit.report.result == "completed"


def test_what_is_kept_can_be_written_and_read() -> None:
    import msgspec

    from v2g.station.kept import KeptEvse
    from v2g.station.operator import limit

    world = World(OUTLET, replace(INTENT, duration_s=None), peer=bytes(64))
    in_the_loop(world, 3.0)
    limit(world.evse, -1.0, 2_000.0)
    world.evse.stop(Stop.PAUSE, world.now)
    world.run_to_end()
    kept = world.evse.kept
    assert kept.paused is not None
    assert kept.discharge_limit_w == 2_000.0
    assert msgspec.json.decode(msgspec.json.encode(kept), type=KeptEvse) == kept
    assert Evse(OUTLET, kept=kept).operator.discharge_w == 2_000.0
