"""Cars of ISO 15118-2 and DIN that ask for a negative current (SAE J2847/2): nothing unless listed and proved."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.iso15118.d2_car import requests
from tests.iso15118.test_secc_engine import READY
from tests.station.scene import CAR, OUTLET, fault_of, texts
from tests.station.test_d2 import D2, DIN, charging

from v2g.bench.conformance.secc_contracts import EMAID, hierarchy
from v2g.bench.sim.world import NOWHERE, POLL_S, START_UNIX_S, World
from v2g.cli import main
from v2g.iso15118.d2.dialect import Dialect
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.din.dialect import DIN as DIN_70121
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.sign_proof import MOST_TURNS, PROOF_TURNS, PROOF_W, Flow, SignProof
from v2g.iso15118.station import StationConversation
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Offer, StationView
from v2g.messages import decode, encode
from v2g.messages.sap import AppProtocol, supportedAppProtocolReq
from v2g.pki.profile import Role
from v2g.station.config.settings import Access, EvseSettings, GridCodeSettings, Pilot
from v2g.station.power.limits import Bound, Holds
from v2g.station.readings import Readings

EVCC_ID = "02:00:00:00:00:01"
LISTED = Access(grant="everyone", discharge=True, negative_current_unproved=(EVCC_ID,))
EVSE = changed(OUTLET, pilot=Pilot(device=NOWHERE), safety=NOWHERE, access=LISTED)
EDITIONS = pytest.mark.parametrize("edition", [D2, DIN])


def world(
    edition: str,
    evse: EvseSettings = EVSE,
    wish_w: float | None = -5_000.0,
    duration_s: float = 30.0,
    interval_s: float = 0.05,
) -> World:
    intent = Intent(
        EVCC_ID,
        Service.DC,
        ControlMode.SCHEDULED,
        CAR,
        editions=(edition,),
        duration_s=duration_s,
        wish_w=wish_w,
        negative_current=True,
        loop_interval_s=interval_s,
    )
    return World(evse, intent)


@EDITIONS
def test_a_listed_car_is_discharged_after_a_proof_at_low_power(edition: str) -> None:
    running = charging(world(edition), 0.0)
    seen_w = []

    def proved() -> bool:
        seen_w.append(running.plant.power_w)
        conversation = running.evse.visit.conversation
        return conversation is not None and conversation.engine is not None and conversation.engine.session.proof.passed

    running.run(60.0, until=proved)
    assert proved(), texts(running)
    assert -1.1 * PROOF_W < min(seen_w) < -0.8 * PROOF_W, "low power until then"
    running.run(10.0)
    assert -5_500 < running.plant.power_w < -4_500
    running.evse.site = Bound("site limit", 2_000.0, 2_000.0, holds=Holds.ALWAYS)
    running.run(10.0)
    assert -2_200 < running.plant.power_w < 0, "every limit holds for it"
    running.run_to_end()
    assert fault_of(running) is None, texts(running)
    report = running.evse.visit.report
    assert (report.result, report.service) == ("completed", "DC_BPT")
    assert report.discharged_wh > 10
    assert not running.contactor.closed


FORBIDDEN = {
    "not listed": changed(EVSE, access=changed(LISTED, negative_current_unproved=("020000000002",))),
    "nobody is listed": changed(EVSE, access=changed(LISTED, negative_current_unproved=())),
    "nobody is listed on a bench": changed(
        EVSE, access=changed(LISTED, negative_current_unproved=(), bench_discharge=True)
    ),
    "listed as a contract": changed(
        EVSE, access=changed(LISTED, negative_current_unproved=(), negative_current=(EVCC_ID,), bench_discharge=True)
    ),
    "the site forbids it": changed(EVSE, access=changed(LISTED, discharge=False)),
    "no grid code": changed(EVSE, grid_code=None),
    "the EVSE charges only": changed(EVSE, services=("DC",)),
    "below the floor": changed(EVSE, soc_floor_percent=80),
}


@pytest.mark.parametrize("reason", FORBIDDEN)
def test_otherwise_nothing_flows_out_of_a_car(reason: str) -> None:
    running = charging(world(DIN if reason == "not listed" else D2, FORBIDDEN[reason]), 0.0)
    for _ in range(30):
        running.run(0.3)
        assert running.plant.power_w > -100, texts(running)
    assert running.evse.visit.report.discharged_wh < 0.2


def test_a_meter_that_does_not_agree_proves_nothing() -> None:
    """It is mounted the wrong way round, or measures something else."""
    running = world(D2, duration_s=45.0)

    def turned(readings: Readings) -> Readings:
        meter = readings.meter
        return readings if meter is None else changed(readings, meter=replace(meter, power_w=abs(meter.power_w)))

    running.as_read = turned
    charging(running, 0.0)
    for _ in range(100):
        running.run(0.3)
        assert running.plant.power_w > -1.1 * PROOF_W
    assert not proof_of(running).passed
    assert abs(running.plant.power_w) < 100
    assert any("the meter does not show that the power follows" in text for text in texts(running)), texts(running)


def proof_of(running: World) -> SignProof:
    conversation = running.evse.visit.conversation
    assert conversation is not None
    assert conversation.engine is not None
    return conversation.engine.session.proof


def test_a_grid_that_does_not_permit_feeding_yet_proves_nothing_against_the_car() -> None:
    code = GridCodeSettings(name="ieee1547-cat3", settings={"enter_service.delay_s": 32.0, "enter_service.ramp_s": 0.0})
    running = charging(world(D2, changed(EVSE, grid_code=code), duration_s=200.0), 22.0)
    assert abs(running.plant.power_w) < 100
    assert proof_of(running) == SignProof()
    running.run(45.0, until=lambda: proof_of(running).passed)
    running.run(10.0)
    assert -5_500 < running.plant.power_w < -4_500, texts(running)


def test_a_hasty_car_is_not_proved_by_asking_faster() -> None:
    """It asks every 20 ms: twenty responses would take 0.4 s."""
    running = charging(world(D2, interval_s=0.01), 0.0)
    running.run(30.0, until=lambda: proof_of(running).shown > 0)
    begun_s, heard = running.now, running.evse.visit.report.messages
    running.run(30.0, until=lambda: proof_of(running).passed)
    assert proof_of(running).passed
    assert running.evse.visit.report.messages - heard > 2 * PROOF_TURNS
    assert running.now - begun_s > 0.9 * (PROOF_TURNS - 1) * POLL_S


def test_the_proof_needs_current_and_meter_in_a_row_and_ends_in_stated_requests() -> None:
    proof = SignProof()
    for number in range(PROOF_TURNS - 1):
        proof = proof.after(-5.0, Flow(number, -1_000.0, -2.0, -700.0, 400.0), "")
    assert proof.most_w == PROOF_W
    good = Flow(100.0, -1_000.0, -2.0, -700.0, 400.0)
    for current_a, metered_w in ((2.0, -700.0), (0.0, -700.0), (-2.0, 700.0), (-2.0, None), (float("nan"), -700.0)):
        contradicted = proof.after(-5.0, good._replace(current_a=current_a, metered_w=metered_w), "")
        assert contradicted.shown == 0
        assert not contradicted.passed
    assert proof.after(5.0, good, "").shown == 0, "the car no longer asks for it"
    assert proof.after(-5.0, good._replace(measured_s=PROOF_TURNS - 2), "") == proof, "the same measurement again"
    assert proof.after(-5.0, good._replace(commanded_w=0.0), "").shown == 0, "the station has commanded no such current"
    little = good._replace(commanded_w=-150.0, current_a=-0.37)
    assert proof.after(-5.0, little, "").turns == proof.turns, "a limit leaves a current that nobody could see"
    passed = proof.after(-5.0, good, "")
    assert passed.passed
    assert passed.most_w > 1e6
    assert passed.after(-5.0, good, "FAILED_RESSTemperatureInhibit").most_w == 0
    never = SignProof()
    for number in range(MOST_TURNS):
        assert not never.failed
        never = never.after(-5.0, good._replace(measured_s=number, current_a=0.0), "")
    assert never.most_w == 0
    assert "no current out of it in 400 measurements" in never.failed
    assert never.after(-5.0, good._replace(measured_s=1e6), "").most_w == 0, "for the rest of the session"


def test_whoever_states_a_listed_name_is_taken_for_that_car_and_the_trace_says_so() -> None:
    """What remains of the risk: another car with the name of the listed one feeds, after the same proof."""
    running = charging(world(DIN), 30.0)
    assert running.evse.visit.report.discharged_wh > 1
    [granted] = [text for text in texts(running) if text.startswith("granted: ")]
    assert granted.endswith("it may feed the grid, and nothing proves who it is")


def paid(access: Access, duration_s: float = 30.0) -> World:
    """A car of ISO 15118-2 with TLS that asks for a negative current, and pays by a contract."""
    pki = hierarchy(START_UNIX_S)
    running = world(D2, duration_s=duration_s)
    intent = replace(
        running._intent,
        contract=pki.contract,
        roots=(pki.v2g.chain[0],),
        trust=pki.trusts(Role.PROVISIONING_SERVICE),
    )
    evse = changed(EVSE, contracts=True, access=access)
    return World(evse, intent, payment=pki.payment(), peer=bytes(64))


STRANGERS = changed(LISTED, negative_current_unproved=())
BY_CONTRACT = changed(STRANGERS, negative_current=(EMAID,))


@pytest.mark.parametrize(
    ("access", "feeds"),
    [
        (BY_CONTRACT, True),
        (changed(STRANGERS, negative_current=("DE8AAC9Z9Z9Z9Z9",)), False),
        (LISTED, False),
        (changed(LISTED, bench_discharge=True), False),
        (changed(BY_CONTRACT, discharge=False), False),
    ],
)
def test_a_car_with_a_contract_is_known_by_that_whatever_it_calls_itself(access: Access, feeds: bool) -> None:
    running = charging(paid(access), 15.0)
    assert (running.evse.visit.report.discharged_wh > 1) == feeds, texts(running)
    assert running.evse.visit.report.service == ("DC_BPT" if feeds else "DC")


def service_of(offer: Offer, view: StationView, *, to: Dialect = ISO2, plain: bool = False) -> Service | None:
    """What a car is in, to the station, once it has its charge parameters."""
    station, said = StationConversation(offer, 0.0, plain=plain), requests(to, Service.DC)
    [protocol] = to.edition.protocols
    handshake = supportedAppProtocolReq([AppProtocol(protocol.namespace, 2, 0, 1, 1)])
    assert len(station.receive(0x8001, encode("sap", handshake), 0.1, view).send) == 1
    for name, request in said.items():
        if name == "CableCheckReq":
            break
        payload = encode(to.edition.message_sets[0x8001], to.message(station.session_id or bytes(8), request))
        [(_, answered)] = station.receive(0x8001, payload, 0.2, view).send
        code = decode(to.edition.message_sets[0x8001], answered).Body.BodyElement.ResponseCode
        assert code.value.startswith("OK")
    return station.service


def test_a_car_that_could_have_tls_at_a_station_with_tls_is_not_discharged_without() -> None:
    """Whatever its EVCCID, and whatever the policy says of it. DIN has no TLS."""
    offer = Offer("DE*V2G*E1", (Service.DC,), negative_current_unproved=frozenset({"000000000000"}))
    may = replace(READY, may_discharge=True)
    assert service_of(offer, may) is Service.DC_BPT
    assert service_of(offer, may, plain=True) is Service.DC
    assert service_of(offer, may, to=DIN_70121, plain=True) is Service.DC_BPT
    assert service_of(replace(offer, negative_current_unproved=frozenset()), may, to=DIN_70121) is Service.DC
    assert service_of(offer, replace(may, may_discharge=False)) is Service.DC
    assert service_of(replace(offer, negative_current_unproved=frozenset()), may) is Service.DC


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--protocol", "iso20-dc"], "--negative-current is for DC with ISO 15118-2 or DIN"),
        (["--protocol", "iso2-ac"], "--negative-current is for DC with ISO 15118-2 or DIN"),
    ],
)
def test_our_car_asks_for_it_only_where_it_has_a_meaning(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ev", "--host", "::1", "--port", "1", "--no-tls", "--negative-current", *words]) == 2
    assert complaint in capsys.readouterr().err
