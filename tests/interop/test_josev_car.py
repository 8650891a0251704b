"""Josev's car at our station, started as a user starts it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.interop import josev
from tests.interop.station import station

from v2g.bench.sim.netns import Cable
from v2g.pki import hierarchy as pki

pytestmark = [pytest.mark.netns, pytest.mark.interop]

SESSION_S = 60.0
LOOPS = 3
MODES: dict[josev.Service, josev.Mode] = {
    "DC": "scheduled",
    "DC_BPT": "dynamic",
    "AC": "dynamic",
    "AC_BPT": "scheduled",
}


@pytest.mark.parametrize(
    "tls", [pytest.param(False, id="tcp", marks=pytest.mark.proof), pytest.param(True, id="tls13")]
)
@pytest.mark.parametrize("service", josev.SERVICES)
def test_josev_car_completes_a_session(
    service: josev.Service, tls: bool, peer: josev.Josev, cable: Cable, tmp_path: Path
) -> None:
    mode = MODES[service]
    certificates = peer.pki if tls else None
    with (
        station(cable.station, tmp_path, services=[service], modes=[mode], pki=certificates, timing="relaxed") as ours,
        peer.car(cable.car, service, tls=tls, mode=mode, loops=LOOPS, verbose=False) as car,
    ):
        verdict = car.wait(SESSION_S)
        assert verdict.completed, f"{verdict}\n{ours.account()}"
        assert verdict.first_error is None
        assert verdict.sent.count(f"{service[:2]}_ChargeLoopReq") == LOOPS + 1
        assert ours.traced("session ended"), ours.account()
        assert " ERROR " not in ours.trace.output, ours.account()


def test_car_that_asks_for_an_impossible_voltage_is_refused_and_the_next_is_served(
    peer: josev.Josev, cable: Cable, tmp_path: Path
) -> None:
    """As shipped, Josev's car asks for a pre-charge to 20 kV."""
    with station(cable.station, tmp_path, services=["DC"], modes=["scheduled"], timing="relaxed") as ours:
        with peer.car(cable.car, "DC", tls=False, battery_v=None, verbose=False) as car:
            refused = car.wait(SESSION_S)
            assert not refused.completed
            assert refused.received[-1] == "DC_PreChargeRes", ours.account()
            assert "ResponseCode.FAILED received" in str(refused.reason)
            assert ours.traced("safe state reached"), ours.account()
        with peer.car(cable.car, "DC", tls=False, loops=LOOPS, verbose=False) as car:
            verdict = car.wait(SESSION_S)
            assert verdict.completed, f"{verdict}\n{ours.account()}"


def test_car_with_weaker_certificates_gets_no_session(peer: josev.Josev, cable: Cable, tmp_path: Path) -> None:
    """Josev's car has P-256 certificates and offers that curve only; the profile of ISO 15118-20 admits neither."""
    certificates = tmp_path / "pki"
    pki.create(certificates, now=datetime.now(UTC), force=False)
    with (
        station(cable.station, tmp_path, services=["DC"], pki=certificates, profile="iso15118-20") as ours,
        peer.car(cable.car, "DC", tls=True, verbose=False) as car,
    ):
        assert car.process.wait_for("SSLError|when trying to connect", SESSION_S), car.process.output
        assert car.verdict().sent == ()
        assert ours.traced("ERROR 0x0B .* offers none of the groups"), ours.account()
