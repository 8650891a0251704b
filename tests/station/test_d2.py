"""Cars of ISO 15118-2 and DIN SPEC 70121 at the EVSE, with plant and cable: energy, limits, safe states."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace as changed
from tests.station.scene import CAR, OUTLET, fault_of, opened_at, texts

from v2g.bench.sim.world import NOWHERE, World
from v2g.iso15118.service import ControlMode, Service
from v2g.iso15118.vehicle import Intent
from v2g.iso15118.view import Stop
from v2g.kernel.fault import Fault
from v2g.station.config.settings import Pilot
from v2g.station.power.limits import Bound, Holds
from v2g.station.power.situation import OperatorLimits
from v2g.station.power.sources.silence import SILENT_S

D2, DIN = "ISO 15118-2", "DIN SPEC 70121"
DC = changed(OUTLET, pilot=Pilot(device=NOWHERE), safety=NOWHERE)
AC = changed(DC, services=("AC_BPT", "AC"), inverter=None, isolation=None)
KINDS = [(D2, Service.AC), (D2, Service.DC), (DIN, Service.DC)]
EVERY = pytest.mark.parametrize(("edition", "service"), KINDS, ids=lambda each: getattr(each, "name", str(each)))


def world(edition: str, service: Service, **others: object) -> World:
    options = {"duration_s": 60.0} | others
    intent = Intent(
        "02:00:00:00:00:01",
        service,
        ControlMode.SCHEDULED,
        CAR,
        editions=(edition,),
        **options,  # type: ignore[arg-type]  # the fields' types differ
    )
    return World(DC if service.dc else AC, intent)


def charging(world: World, seconds: float = 10.0) -> World:
    world.run(3.0)
    world.plug_in()

    def begun() -> bool:
        conversation = world.evse.visit.conversation
        return conversation is not None and conversation.phase.endswith("CHARGE_LOOP")

    world.run(60.0, until=begun)
    assert begun(), texts(world)
    world.run(seconds)
    return world


def metered_w(world: World) -> float:
    return world.plant.ac_power_w + world.plant.charger_power_w


@EVERY
def test_a_session_charges_and_ends_in_order(edition: str, service: Service) -> None:
    done = charging(world(edition, service, duration_s=20.0))
    assert metered_w(done) > 9_000
    done.run_to_end()
    assert done.evcc is not None
    assert done.evcc.end is not None
    assert done.evcc.end.fault is None, texts(done)
    report = done.evse.visit.report
    assert (report.result, report.service, report.mode) == ("completed", service.name, "scheduled")
    assert report.charged_wh > 40
    assert report.discharged_wh == 0
    assert not done.contactor.closed


@EVERY
@pytest.mark.parametrize("limit", ["site", "operator"])
def test_a_limit_that_falls_holds_at_the_meter(edition: str, service: Service, limit: str) -> None:
    running = charging(world(edition, service))
    if limit == "site":
        running.evse.site = Bound("site limit", 4_000.0, 2_500.0, holds=Holds.ALWAYS)
    else:
        running.evse.operator = OperatorLimits(4_000.0, 2_500.0)
    lost = 1.06 if service.dc and limit == "operator" else 1.02  # the operator's limit is the car's side
    running.run(5.0)
    assert 3_000 < metered_w(running) <= 4_000 * lost
    running.run(20.0)
    assert metered_w(running) <= 4_000 * lost
    assert fault_of(running) is None, texts(running)
    said = texts(running)
    asked = [text for text in said if text.startswith("asking the car to renegotiate its schedule: charging")]
    lowered = [text for text in said if text.startswith("lower limits for the car: charging")]
    assert (len(asked), len(lowered)) == ((0, 1) if service.dc else (1, 0))
    loop = next(at for at, text in enumerate(said) if text.endswith("CHARGE_LOOP"))
    again = any(text.endswith("-> CHARGE_PARAMETERS") for text in said[loop:])
    assert again is bool(asked), "the trace says what the car is asked"


@EVERY
def test_the_operator_stops_it_in_order(edition: str, service: Service) -> None:
    running = charging(world(edition, service))
    assert running.evse.stop(Stop.TERMINATE, running.now)
    running.run_to_end()
    assert running.evcc is not None
    assert running.evcc.end is not None
    assert running.evcc.end.fault is None
    assert running.evse.visit.report.result == "completed"


def hang(world: World) -> None:
    world.faults.hung = True


def cut(world: World) -> None:
    world.disconnect(Fault.CONNECTION_LOST, "the peer closed the connection")


TROUBLES: list[tuple[Callable[[World], None], Fault, float]] = [
    (hang, Fault.CHARGE_LOOP_TIMEOUT, 61.0),
    (cut, Fault.CONNECTION_LOST, 0.5),
]


@EVERY
@pytest.mark.parametrize(("trouble", "fault", "within_s"), TROUBLES)
def test_whatever_happens_it_ends_safe_in_stated_time(
    edition: str, service: Service, trouble: Callable[[World], None], fault: Fault, within_s: float
) -> None:
    """A silent car has 60 s in these editions [V2G2-443], [V2G-DC-432]."""
    running = charging(world(edition, service), 2.0)
    began = running.now
    trouble(running)
    running.run(within_s + 5.0)
    assert fault_of(running) is fault, texts(running)
    assert opened_at(running, began) - began <= within_s
    assert abs(metered_w(running)) < 100


@pytest.mark.parametrize("edition", [D2, DIN])
def test_nothing_flows_to_a_silent_car_on_dc(edition: str) -> None:
    """Its session may go on for 60 s; the inverter need not."""
    silent = charging(world(edition, Service.DC))
    hang(silent)
    silent.run(SILENT_S + 1.0)
    assert abs(silent.plant.power_w) < 100.0
    assert silent.contactor.closed
    assert "silence of the EV" in silent.evse.decision.sentence
    silent.run(10.0)
    assert abs(silent.plant.power_w) < 100.0
    assert fault_of(silent) is None


@pytest.mark.parametrize("edition", [D2, DIN])
def test_an_inverter_that_does_not_follow_the_silence_of_its_car_is_cut_off(edition: str) -> None:
    silent = charging(world(edition, Service.DC))
    silent.faults.deaf.add("inverter")
    began = silent.now
    hang(silent)
    silent.run(SILENT_S + 10.0)
    assert fault_of(silent) is Fault.INVERTER_FAULT, texts(silent)
    assert opened_at(silent, began) - began <= SILENT_S + 2.0
