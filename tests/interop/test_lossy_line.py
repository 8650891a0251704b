"""Real time over two network namespaces, a twentieth of the frames lost, each 50 ms late: no session hangs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.interop.lossy_line import lane

from v2g.bench.sim import netns
from v2g.pki import hierarchy as pki

pytestmark = [pytest.mark.netns, pytest.mark.alone]


@pytest.mark.skipif(netns.why_not() is not None, reason=str(netns.why_not()))
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sessions", [2, pytest.param(3, marks=pytest.mark.proof)])
def test_sessions_end_in_order_or_safely(sessions: int, tmp_path: Path) -> None:
    pki.create(tmp_path / "pki", curve="p521", now=datetime.now(UTC), force=False)
    with lane(tmp_path, tmp_path / "pki", slac=True, seed=1) as line:
        runs = [line.session() for _ in range(sessions)]
        assert " closed " in line.ours.contactor.output, "the contactor never moved"
        assert line.ours.traced("link up: car"), line.ours.account()
        for run in runs:
            print(run)
            assert run.ended, line.ours.account()
            assert run.safe, line.ours.account()
            assert run.in_order or run.told, line.ours.account()
        assert sessions < 3 or any(run.in_order for run in runs), [run.told for run in runs]
