"""Our car at Josev's station, whose power is not simulated: it reports 1 V and 1 A whatever happens."""

import json

import pytest
from tests.interop import josev
from tests.interop.process import Process
from tests.interop.station import v2g

from v2g.sim.netns import Cable

pytestmark = [pytest.mark.netns, pytest.mark.interop]

SESSION_S = 60.0
CHARGING_S = 1.0
MODES: dict[josev.Service, josev.Mode] = {
    "DC": "dynamic",
    "DC_BPT": "scheduled",
    "AC": "scheduled",
    "AC_BPT": "dynamic",
}


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls13"])
@pytest.mark.parametrize("service", josev.SERVICES)
def test_josev_station_serves_our_car(service: josev.Service, tls: bool, peer: josev.Josev, cable: Cable) -> None:
    mode = MODES[service]
    security = ["--pki", str(peer.pki), "--profile", "interop-p256"] if tls else ["--no-tls"]
    with peer.station(cable.station, service, tls=tls, authorization="EIM,PNC") as theirs:
        options = {
            "--interface": cable.car.interface,
            "--protocol": f"iso20-{service[:2].lower()}",
            "--service": service,
            "--mode": mode,
            "--duration": str(CHARGING_S),
        }
        words = [word for option in options.items() for word in option]
        command = v2g(cable.car, "ev", *words, "--believe-precharge", "--json", *security)
        with Process(command) as car:
            code = car.wait(SESSION_S)
            verdict = theirs.wait(5.0)
        assert code == 0, f"{car.output}\n{verdict}"
        report = json.loads(car.lines[-1])
        assert (report["service"], report["mode"], report["tls"]) == (service, mode, tls)
        assert report["error"] is None
        assert verdict.completed, str(verdict)
