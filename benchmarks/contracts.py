"""A car that pays by a contract, at the station: from the request's octets to the response's, beside the answers of
OCSP responders that are taken in for its chain."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any

from benchmarks.figure import Figure, Setting
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.iso15118.credentials import UNIX_S, Hierarchy
from tests.iso15118.test_contracts import VIEW, Car, Car20, details

from v2g.iso15118.d2.iso2 import ISO2
from v2g.iso15118.d20.certificate_chain import contract_chain
from v2g.iso15118.signature import sign
from v2g.messages import encode, iso2
from v2g.messages.iso20 import common
from v2g.pki.certificate import of, read

LIMIT_MS = 25.0
RUNS = 200
Answers = list[tuple[bytes, Any, Any]]
"""A responder's answer, and the certificate and issuer that it is about."""


def measure(setting: Setting) -> list[Figure]:
    """The 99th percentile of processor time. In ISO 15118-2 the chain comes before the signed request, in
    PaymentDetailsReq; both count."""
    return [
        Figure("iso2_signed_authorization_with_chain_cpu_p99", "ms", _p99_ms(_iso2()), limit=LIMIT_MS),
        Figure("iso20_signed_authorization_with_chain_cpu_p99", "ms", _p99_ms(_iso20()), limit=LIMIT_MS),
    ]


def _p99_ms(once: Callable[[], float]) -> float:
    once()  # what is generated on first use
    return sorted(once() for _ in range(RUNS))[int(0.99 * RUNS)] * 1e3


def _iso2() -> Callable[[], float]:
    pki = Hierarchy("p256")
    answers = _answers(pki)

    def once() -> float:
        car = Car(pki).chosen()
        shown = encode("iso2", ISO2.message(car.engine.session.session_id, details(pki.contract)))
        start = process_time()
        _take_in(pki, answers)
        car.engine.receive(0x8001, shown, car.now, VIEW)
        took_s = process_time() - start
        asked = iso2.AuthorizationReq(car.engine.session.challenge, "id1")
        signature = sign("iso2", [("AuthorizationReq", asked)], pki.contract.key)
        signed = encode("iso2", ISO2.message(car.engine.session.session_id, asked, signature))
        start = process_time()
        car.engine.receive(0x8001, signed, car.now, VIEW)
        took_s += process_time() - start
        assert car.engine.session.car.contract
        assert not car.engine.session.car.contract_doubt
        return took_s

    return once


def _iso20() -> Callable[[], float]:
    pki = Hierarchy("p521")
    answers = _answers(pki)

    def once() -> float:
        car = Car20(pki)
        asked = common.PnC_AReqAuthorizationMode(car.challenge(), contract_chain(pki.contract.chain), "id1")
        head = car.head()
        head.Signature = sign("iso20-common", [("PnC_AReqAuthorizationMode", asked)], pki.contract.key)
        request = common.AuthorizationReq(
            head, SelectedAuthorizationService=common.Authorization.PnC, PnC_AReqAuthorizationMode=asked
        )
        signed = encode("iso20-common", request)
        start = process_time()
        _take_in(pki, answers)
        car.secc.receive(0x8002, signed, car.now, VIEW)
        took_s = process_time() - start
        assert car.secc.session.car.contract
        assert not car.secc.session.car.contract_doubt
        return took_s

    return once


def _take_in(pki: Hierarchy, answers: Answers) -> None:
    for answer, certificate, issuer in answers:
        pki.evidence.add_ocsp(answer, certificate, issuer, UNIX_S)


def _answers(pki: Hierarchy) -> Answers:
    """One for each certificate of the contract's chain, by its issuer."""
    authorities = [pki.operator, pki.operator.above, pki.v2g]
    made: Answers = []
    for der, issuer in zip(pki.contract.chain, authorities, strict=True):
        assert issuer is not None
        at, certificate = datetime.fromtimestamp(UNIX_S, UTC), x509.load_der_x509_certificate(der)
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                certificate,
                issuer.certificate,
                hashes.SHA256(),
                ocsp.OCSPCertStatus.GOOD,
                at,
                at + timedelta(days=1),
                None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
            .sign(issuer.key, hashes.SHA256())
        )
        made.append((response.public_bytes(Encoding.DER), read(der), of(issuer.certificate)))
    return made
