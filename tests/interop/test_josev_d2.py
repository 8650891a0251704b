"""ISO 15118-2 and DIN SPEC 70121 with Josev: its car at our station, our car at its station, both started as users do.

Our station has TLS, and lets cars without it in (`tls.plain`), as those that come with these protocols mostly are.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.interop import josev
from tests.interop.process import Process
from tests.interop.station import station, v2g

from v2g.bench.sim.netns import Cable
from v2g.pki import hierarchy as pki

pytestmark = [pytest.mark.netns, pytest.mark.interop, pytest.mark.alone]

SESSION_S = 60.0
LOOPS = 3
KINDS: list[tuple[str, josev.Service, str, str]] = [
    ("iso2-ac", "AC", "ISO_15118_2", "ChargingStatus"),
    ("iso2-dc", "DC", "ISO_15118_2", "CurrentDemand"),
    ("din", "DC", "DIN_SPEC_70121", "CurrentDemand"),
]


def kinds(*short: str) -> pytest.MarkDecorator:
    """Every kind; those that are not named are long forms."""
    given = [pytest.param(*kind, id=kind[0], marks=[] if kind[0] in short else [pytest.mark.proof]) for kind in KINDS]
    return pytest.mark.parametrize(("name", "service", "protocol", "loop"), given)


@kinds("iso2-dc")
def test_josev_car_completes_a_session(
    name: str, service: josev.Service, protocol: str, loop: str, peer: josev.Josev, cable: Cable, tmp_path: Path
) -> None:
    certificates = tmp_path / "pki"
    pki.create(certificates, now=datetime.now(UTC), force=False)
    with (
        station(cable.station, tmp_path, services=[service], pki=certificates, plain=True) as ours,
        peer.car(cable.car, service, tls=False, loops=LOOPS, verbose=False, protocols=[protocol]) as car,
    ):
        verdict = car.wait(SESSION_S)
        assert verdict.completed, f"{verdict}\n{ours.account()}"
        assert verdict.first_error is None, str(verdict)
        assert verdict.sent.count(f"{loop}Req") >= LOOPS - 1
        assert ours.traced("session ended"), ours.account()
        assert " ERROR " not in ours.trace.output, ours.account()


@kinds("din")
def test_josev_station_serves_our_car(
    name: str, service: josev.Service, protocol: str, loop: str, peer: josev.Josev, cable: Cable
) -> None:
    words = ["--interface", cable.car.interface, "--protocol", name, "--duration", "1", "--no-tls", "--json"]
    # On a busy machine Josev's codec needs longer than the 0.25 s that the standards grant a station.
    words += ["--believe-precharge", "--patience", "20"]
    with (
        peer.station(cable.station, service, tls=False, verbose=False, protocol=protocol) as theirs,
        Process(v2g(cable.car, "ev", *words)) as car,
    ):
        code = car.wait(SESSION_S)
        verdict = theirs.wait(5.0)
        assert code == 0, f"{car.output}\n{verdict}"
        report = json.loads(car.lines[-1])
        assert (report["protocol"], report["error"]) == (name, None)
        assert verdict.completed, str(verdict)
        assert verdict.sent.count(f"{loop}Res") >= 2
