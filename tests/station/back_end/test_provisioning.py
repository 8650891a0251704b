"""A car's contract through the back end: the request goes out by OCPP, the answer comes back to the car."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.iso15118.credentials import UNIX_S, Hierarchy
from tests.iso15118.test_contracts import Car, installation
from tests.station.back_end.test_charging_station import Bench

from v2g.bench.contract_pool import ContractPool
from v2g.iso15118.contract import Unprovisioned
from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.signature import sign
from v2g.messages import encode, iso2
from v2g.ocpp import v21
from v2g.pki.hierarchy import PkiError, create
from v2g.station.back_end.provisioning import BackEndProvisioning

ACTION = "Get15118EVCertificate"


@pytest.fixture(scope="module")
def pki() -> Hierarchy:
    return Hierarchy("p256")


def asks(pki: Hierarchy, provisioning: BackEndProvisioning) -> tuple[Car, Any]:
    """A car that has asked for its contract, and what came of that."""
    car = Car(pki, provisioning=provisioning).chosen((2, 1))
    body = installation(pki)
    signature = sign("iso2", [(type(body).__name__, body)], pki.provisioning.key)
    message = ISO2.message(car.engine.session.session_id, body, signature)
    return car, car.engine.receive(0x8001, encode("iso2", message), car.now, car.view)


def asked(bench: Bench) -> list[v21.Get15118EVCertificateRequest]:
    return [each for _, each in bench.heard if isinstance(each, v21.Get15118EVCertificateRequest)]


def linked(bench: Bench) -> BackEndProvisioning:
    bench.run(5.0)
    assert bench.station.online
    provisioning = BackEndProvisioning()
    provisioning.station = bench.station
    return provisioning


def test_a_contract_comes_through_the_back_end(pki: Hierarchy, tmp_path: Path) -> None:
    create(tmp_path / "pki", curve="p256", now=datetime.fromtimestamp(UNIX_S, UTC))
    pool, bench = ContractPool(tmp_path / "pki"), Bench()
    provisioning = linked(bench)
    car, step = asks(pki, provisioning)
    assert step.send == []
    [entry] = list(bench.station._calls)
    assert isinstance(entry.request, v21.Get15118EVCertificateRequest)
    bench.answers[ACTION] = pool.answer(entry.request)
    bench.run(1.0)
    [request] = asked(bench)
    assert (request.iso15118SchemaVersion, request.action) == ("urn:iso:15118:2:2013:MsgDef", "Install")
    [answer] = car.answers(car.engine.renew(car.now + 1.0, car.view))
    assert isinstance(answer, iso2.CertificateInstallationRes)
    assert answer.ResponseCode is iso2.ResponseCode.OK
    assert len(asked(bench)) == 1


@pytest.mark.parametrize(
    "said",
    [
        v21.Get15118EVCertificateResponse(status="Failed", exiResponse=""),
        v21.Get15118EVCertificateResponse(status="Accepted", exiResponse="no base64!"),
        v21.Get15118EVCertificateResponse(status="Accepted", exiResponse="AAAA"),
    ],
)
def test_a_back_end_without_a_contract(pki: Hierarchy, said: v21.Get15118EVCertificateResponse) -> None:
    bench = Bench()
    car, _ = asks(pki, linked(bench))
    bench.answers[ACTION] = said
    bench.run(1.0)
    [answer] = car.answers(car.engine.renew(car.now + 1.0, car.view))
    assert answer.ResponseCode.value.startswith("FAILED")
    car.assert_safe()


def test_without_a_back_end_there_is_no_contract(pki: Hierarchy) -> None:
    bench = Bench()
    provisioning = linked(bench)
    bench.cut()
    with pytest.raises(Unprovisioned, match="the back end is not connected"):
        provisioning.fetch(b"request", "Install", "iso2")


def test_a_pool_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match="`v2g pki init` makes the authorities"):
        ContractPool(tmp_path)
    create(tmp_path / "pki", now=datetime.now(UTC))
    pool = ContractPool(tmp_path / "pki")
    for schema in ("urn:iso:15118:2:2013:MsgDef", "urn:iso:std:iso:15118:-20:CommonMessages", "urn:other"):
        request = v21.Get15118EVCertificateRequest(iso15118SchemaVersion=schema, action="Install", exiRequest="AAAA")
        assert pool.answer(request).status == "Failed"
