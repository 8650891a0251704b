"""Plug & Charge of ISO 15118-2 with Josev, over TLS 1.2: its car pays by its contract at our station, and ours at its.

The signatures of either side verify at the other, against the other's roots.
"""

import json
from pathlib import Path

import pytest
from tests.interop import josev
from tests.interop.process import Process
from tests.interop.station import station, v2g

from v2g.bench.sim.netns import Cable

pytestmark = [pytest.mark.netns, pytest.mark.interop, pytest.mark.alone, pytest.mark.proof]

SESSION_S = 60.0
LOOPS = 3


@pytest.mark.parametrize("service", ["AC", "DC"])
def test_josev_car_pays_by_its_contract(
    service: josev.Service, peer: josev.Josev, cable: Cable, tmp_path: Path
) -> None:
    access = {"grant": "listed", "contracts": ["UKSWI123456791A"]}
    given = {"services": [service], "pki": peer.pki, "profile": "interop-p256", "contracts": True}
    if service == "AC":  # with DC this car goes on as if no receipt had been asked for
        given["receipts_s"] = 1.0
    with (
        station(cable.station, tmp_path, access=access, **given) as ours,  # type: ignore[arg-type]
        peer.car(cable.car, service, tls=True, loops=LOOPS, verbose=False, protocols=["ISO_15118_2"]) as car,
    ):
        verdict = car.wait(SESSION_S)
        assert verdict.completed, f"{verdict}\n{ours.account()}"
        assert verdict.first_error is None, str(verdict)
        assert "PaymentDetailsReq" in verdict.sent
        assert ("MeteringReceiptReq" in verdict.sent) == (service == "AC")
        assert ours.traced("contract UKSWI123456791A is listed"), ours.account()
        assert ours.traced("session ended"), ours.account()
        assert " ERROR " not in ours.trace.output, ours.account()


@pytest.mark.parametrize("contract", ["own", "install"])
def test_our_car_pays_by_its_contract_at_josevs_station(contract: str, peer: josev.Josev, cable: Cable) -> None:
    words = ["--interface", cable.car.interface, "--protocol", "iso2-pnc", "--duration", "1", "--json"]
    words += ["--pki", str(peer.pki), "--tls-profile", "iso15118-2", "--contract", contract]
    # On a busy machine Josev's codec needs longer than the 0.25 s that the standards grant a station.
    words += ["--believe-precharge", "--patience", "20"]
    with (
        peer.station(
            cable.station, "DC", tls=True, authorization="EIM,PNC", verbose=False, protocol="ISO_15118_2"
        ) as theirs,
        Process(v2g(cable.car, "ev", *words)) as car,
    ):
        code = car.wait(SESSION_S)
        verdict = theirs.wait(5.0)
        assert code == 0, f"{car.output}\n{verdict}"
        report = json.loads(car.lines[-1])
        assert (report["protocol"], report["error"]) == ("iso2-pnc", None)
        assert verdict.completed, str(verdict)
        assert "PaymentDetailsRes" in verdict.sent
        assert ("CertificateInstallationRes" in verdict.sent) == (contract == "install")
