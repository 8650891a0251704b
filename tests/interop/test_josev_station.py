"""Our car at Josev's station, whose power is not simulated: it reports 1 V and 1 A whatever happens."""

import json
from typing import Any

import pytest
from tests.interop import josev
from tests.interop.process import Process
from tests.interop.station import v2g

from v2g.bench.sim.netns import Cable

pytestmark = [pytest.mark.netns, pytest.mark.interop]

SESSION_S = 60.0
CHARGING_S = 1.0
MODES: dict[josev.Service, josev.Mode] = {
    "DC": "dynamic",
    "DC_BPT": "scheduled",
    "AC": "scheduled",
    "AC_BPT": "dynamic",
}


@pytest.mark.parametrize(
    "tls", [pytest.param(False, id="tcp", marks=pytest.mark.proof), pytest.param(True, id="tls13")]
)
@pytest.mark.parametrize("service", josev.SERVICES)
def test_josev_station_serves_our_car(service: josev.Service, tls: bool, peer: josev.Josev, cable: Cable) -> None:
    report, verdict = _session(peer, cable, service, tls)
    if "no answer to" in str(report["error"]):
        # On a busy machine Josev's codec needs longer than the 0.5 s that the standard grants a station.
        report, verdict = _session(peer, cable, service, tls)
    assert report["exit_code"] == 0, f"{report}\n{verdict}"
    assert (report["service"], report["mode"], report["tls"]) == (service, MODES[service], tls)
    assert report["error"] is None
    assert verdict.completed, str(verdict)
    assert verdict.sent.count(f"{service[:2]}_ChargeLoopRes") >= 2


def test_our_car_is_not_talked_out_of_tls(peer: josev.Josev, cable: Cable) -> None:
    """Without its certificates Josev's station falls back to plain TCP; our car does not."""
    with (
        peer.station(cable.station, "DC", tls=True, certificates=False, verbose=False) as theirs,
        Process(v2g(cable.car, "ev", "--interface", cable.car.interface, "--json", *_security(peer))) as car,
    ):
        assert car.wait(SESSION_S) != 0
        assert "security NONE" in car.output, car.output
        assert theirs.verdict().received == ()


def _security(peer: josev.Josev) -> list[str]:
    return ["--pki", str(peer.pki), "--profile", "interop-p256"]


def _session(
    peer: josev.Josev, cable: Cable, service: josev.Service, tls: bool
) -> tuple[dict[str, Any], josev.Verdict]:
    """What our car reports, and what Josev's station says."""
    options = {
        "--interface": cable.car.interface,
        "--protocol": f"iso20-{service[:2].lower()}",
        "--service": service,
        "--mode": MODES[service],
        "--duration": str(CHARGING_S),
    }
    words = [word for option in options.items() for word in option]
    security = _security(peer) if tls else ["--no-tls"]
    with (
        peer.station(cable.station, service, tls=tls, authorization="EIM,PNC", verbose=False) as theirs,
        Process(v2g(cable.car, "ev", *words, "--believe-precharge", "--json", *security)) as car,
    ):
        code = car.wait(SESSION_S)
        verdict = theirs.wait(5.0)
        assert code in (0, 1), f"{car.output}\n{verdict}"
        report: dict[str, Any] = json.loads(car.lines[-1])
        return report | {"exit_code": code}, verdict
