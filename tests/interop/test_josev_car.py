"""Josev's car at our station, started as a user starts it."""

from pathlib import Path

import pytest
from tests.interop import josev
from tests.interop.station import station
from tools.netns import Cable

pytestmark = [pytest.mark.netns, pytest.mark.interop]

SESSION_S = 60.0
LOOPS = 3
MODES: dict[josev.Service, josev.Mode] = {
    "DC": "scheduled",
    "DC_BPT": "dynamic",
    "AC": "dynamic",
    "AC_BPT": "scheduled",
}


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls13"])
@pytest.mark.parametrize("service", josev.SERVICES)
def test_josev_car_completes_a_session(
    service: josev.Service, tls: bool, peer: josev.Josev, cable: Cable, tmp_path: Path
) -> None:
    mode = MODES[service]
    with (
        station(
            cable.station, tmp_path, services=[service], modes=[mode], pki=peer.pki if tls else None, timing="relaxed"
        ) as ours,
        peer.car(cable.car, service, tls=tls, mode=mode, loops=LOOPS) as car,
    ):
        verdict = car.wait(SESSION_S)
        assert verdict.completed, f"{verdict}\n{_tail(ours.trace)}\n{ours.daemon.output}"
        assert verdict.first_error is None
        assert verdict.sent.count(f"{service[:2]}ChargeLoopReq") == LOOPS + 1


def _tail(trace: Path) -> str:
    return "\n".join(trace.read_text(encoding="utf-8").splitlines()[-40:]) if trace.exists() else "no trace"
