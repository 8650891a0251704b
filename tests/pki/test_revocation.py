"""OCSP responses and revocation lists: what counts as evidence, and what a chain makes of it."""

import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_crl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pki.authorities import AT_S, NOW, Chain, authority, chain, leaf

from v2g.pki import issue
from v2g.pki.chain import Reason, Verdict, verify_chain
from v2g.pki.profile import ISO15118_2, OCSP_SIGNING, Revocation, Role
from v2g.pki.revocation import OLDEST_S, BadEvidence, Evidence, Status, read_ocsp, request

REQUIRE = replace(ISO15118_2, revocation=Revocation.REQUIRE)
IGNORE = replace(ISO15118_2, revocation=Revocation.IGNORE)

DECADES_S = 10**9


@pytest.fixture(scope="module", params=["p256", "p521", "ed448"])
def made(request: pytest.FixtureRequest) -> Chain:
    return chain(curve=request.param)


@pytest.fixture(scope="module")
def plain() -> Chain:
    return chain()


def response(c: Chain, **options: object) -> bytes:
    return issue.ocsp_response(
        c.leaf.certificate.parsed,
        c.second.certificate.parsed,
        c.second.key,
        NOW,
        **options,  # type: ignore[arg-type]
    )


def judge(c: Chain, evidence: Evidence, policy: object = REQUIRE, at_s: float = AT_S) -> Verdict:
    assert isinstance(policy, type(REQUIRE))
    return verify_chain(c.leaf.certificate, c.sent, [c.root.certificate], c.role, at_s, policy, evidence)


def lists(c: Chain, evidence: Evidence) -> None:
    """The lists of the authorities above the leaf's issuer, with nobody on them."""
    for issuer in (c.root, c.first):
        evidence.add_crl(
            issue.revocation_list(issuer.certificate.parsed, issuer.key, {}, NOW), issuer.certificate, AT_S
        )


def test_a_response_of_the_issuer_counts(made: Chain) -> None:
    pair = made.leaf.certificate, made.second.certificate
    assert read_ocsp(response(made), *pair, AT_S).status is Status.GOOD
    assert read_ocsp(response(made, revoked=NOW), *pair, AT_S).status is Status.REVOKED


def test_a_list_of_the_issuer_counts(made: Chain) -> None:
    evidence, issuer = Evidence(), made.second
    serial = made.leaf.certificate.serial
    assert evidence.status(made.leaf.certificate, issuer.certificate, AT_S).status is Status.UNKNOWN
    pem = issue.revocation_list(issuer.certificate.parsed, issuer.key, {serial: NOW}, NOW)
    evidence.add_crl(load_pem_x509_crl(pem).public_bytes(Encoding.DER), issuer.certificate, AT_S)
    found = evidence.status(made.leaf.certificate, issuer.certificate, AT_S)
    assert (found.status, found.text) == (Status.REVOKED, "keyCompromise (revocation list)")


def test_every_certificate_below_the_root_must_be_known(plain: Chain) -> None:
    evidence = Evidence()
    assert judge(plain, evidence).reason is Reason.REVOCATION_UNKNOWN
    lists(plain, evidence)
    assert judge(plain, evidence).reason is Reason.REVOCATION_UNKNOWN
    evidence.add_ocsp(response(plain), plain.leaf.certificate, plain.second.certificate, AT_S)
    verdict = judge(plain, evidence)
    assert (verdict.reason, verdict.revocation) == (Reason.NONE, Status.GOOD)
    assert verdict.contract_id == "XXV2GC00000001"
    stale = judge(plain, evidence, ISO15118_2, AT_S + 2 * 86_400)
    assert (stale.reason, stale.revocation) == (Reason.NONE, Status.UNKNOWN)


def test_revoked_is_refused_unless_nobody_looks(plain: Chain) -> None:
    evidence = Evidence()
    evidence.add_ocsp(response(plain, revoked=NOW), plain.leaf.certificate, plain.second.certificate, AT_S)
    for policy in (REQUIRE, ISO15118_2):
        lists(plain, evidence)
        verdict = judge(plain, evidence, policy)
        assert verdict.reason is Reason.REVOKED
        assert "keyCompromise (OCSP)" in verdict.text
    assert judge(plain, evidence, IGNORE).good
    assert judge(plain, evidence, ISO15118_2, AT_S + 20 * 86_400).reason is Reason.REVOKED  # however old


def test_a_revoked_authority_takes_all_below_with_it(plain: Chain) -> None:
    evidence, root = Evidence(), plain.root
    gone = {plain.first.certificate.serial: NOW}
    evidence.add_crl(issue.revocation_list(root.certificate.parsed, root.key, gone, NOW), root.certificate, AT_S)
    verdict = judge(plain, evidence, ISO15118_2)
    assert (verdict.reason, verdict.depth) == (Reason.REVOKED, 2)


def test_whom_the_issuer_lets_sign_may(plain: Chain) -> None:
    responder = leaf(Role.STATION, plain.second, extended_usage=OCSP_SIGNING)
    der = issue.ocsp_response(
        plain.leaf.certificate.parsed, plain.second.certificate.parsed, responder.key, NOW,
        responder=responder.certificate.parsed,
    )  # fmt: skip
    pair = plain.leaf.certificate, plain.second.certificate
    assert read_ocsp(der, *pair, AT_S).status is Status.GOOD
    with pytest.raises(BadEvidence, match="signed by nobody who may sign for Sub-CA 2"):
        read_ocsp(der, *pair, AT_S + 200 * 86_400)  # the responder's certificate has expired


@pytest.mark.parametrize("below", ["first", "stranger"])
def test_others_may_not(plain: Chain, below: str) -> None:
    issuer = plain.first if below == "first" else authority("Stranger", None, 1)
    responder = leaf(Role.STATION, issuer, extended_usage=OCSP_SIGNING)
    der = issue.ocsp_response(
        plain.leaf.certificate.parsed, plain.second.certificate.parsed, responder.key, NOW,
        responder=responder.certificate.parsed,
    )  # fmt: skip
    with pytest.raises(BadEvidence, match="signed by nobody who may sign for Sub-CA 2"):
        read_ocsp(der, plain.leaf.certificate, plain.second.certificate, AT_S)


def test_a_leaf_without_the_right_to_sign_may_not(plain: Chain) -> None:
    der = issue.ocsp_response(
        plain.leaf.certificate.parsed, plain.second.certificate.parsed, plain.leaf.key, NOW,
        responder=plain.leaf.certificate.parsed,
    )  # fmt: skip
    with pytest.raises(BadEvidence, match="signed by nobody"):
        read_ocsp(der, plain.leaf.certificate, plain.second.certificate, AT_S)


def test_a_response_about_another_certificate_says_nothing(plain: Chain) -> None:
    other = leaf(Role.CONTRACT, plain.second).certificate
    with pytest.raises(BadEvidence, match="is not about"):
        read_ocsp(response(plain), other, plain.second.certificate, AT_S)


def test_responses_and_lists_have_their_time(plain: Chain) -> None:
    pair = plain.leaf.certificate, plain.second.certificate
    with pytest.raises(BadEvidence, match="too old"):
        read_ocsp(response(plain), *pair, AT_S + 25 * 3600)
    with pytest.raises(BadEvidence, match="of the future; set the clock"):
        read_ocsp(response(plain), *pair, AT_S - 3600)
    evidence, issuer = Evidence(), plain.second
    serial = plain.leaf.certificate.serial
    older = issue.revocation_list(issuer.certificate.parsed, issuer.key, {}, NOW)
    newer = issue.revocation_list(issuer.certificate.parsed, issuer.key, {serial: NOW}, NOW + timedelta(hours=1))
    for pem in (newer, older):  # an older list must not bring it back
        evidence.add_crl(pem, issuer.certificate, AT_S + 7200)
    assert evidence.status(*pair, AT_S + 7200).status is Status.REVOKED
    other = leaf(Role.CONTRACT, plain.second).certificate
    assert evidence.status(other, issuer.certificate, AT_S + 7200).status is Status.GOOD
    assert evidence.status(other, issuer.certificate, AT_S + OLDEST_S + 7200).status is Status.UNKNOWN
    with pytest.raises(BadEvidence, match="of the future"):
        evidence.add_crl(newer, issuer.certificate, AT_S - 86_400)


def test_an_older_answer_replaces_none_and_a_revoked_certificate_stays_so(plain: Chain) -> None:
    """Somebody on the line repeats what a responder said, and the files may be read again in between."""
    about = plain.leaf.certificate, plain.second.certificate

    def said(at_h: float, lasts_h: float, revoked: datetime | None = None) -> bytes:
        leaf, issuer = (each.parsed for each in about)
        at = NOW + timedelta(hours=at_h)
        return issue.ocsp_response(leaf, issuer, plain.second.key, at, revoked=revoked, hours=lasts_h)

    known = Evidence()
    known.add_ocsp(said(-1, 2), *about, AT_S)
    later = known.add_ocsp(said(0, 1), *about, AT_S)
    assert later.until_s == NOW.timestamp() + 3600
    assert known.add_ocsp(said(-1, 9), *about, AT_S) == later
    read_again = Evidence()
    read_again.add_ocsp(said(-1, 9), *about, AT_S)
    read_again.keep(known)
    assert read_again.status(*about, AT_S) == later
    known.add_ocsp(said(0, 1, NOW), *about, AT_S)
    assert known.add_ocsp(said(0.05, 9), *about, AT_S).status is Status.REVOKED
    read_again.keep(known)
    assert read_again.status(*about, AT_S).status is Status.REVOKED


def test_lists_of_others_do_not_count(plain: Chain) -> None:
    evidence, stranger = Evidence(), chain()
    pem = issue.revocation_list(stranger.second.certificate.parsed, stranger.second.key, {}, NOW)
    with pytest.raises(BadEvidence, match="is not signed by"):
        evidence.add_crl(pem, plain.second.certificate, AT_S)
    with pytest.raises(BadEvidence, match="is not of"):
        evidence.add_crl(pem, plain.first.certificate, AT_S)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 255), st.binary(max_size=60))
def test_altered_evidence_says_nothing_else_and_raises_nothing_else(at: int, mask: int, data: bytes) -> None:
    """Octets that no signature covers, such as the length of the signature's bit string, may still change."""
    der = bytearray(_RESPONSE)
    der[at % len(der)] ^= mask
    pair = _CHAIN.leaf.certificate, _CHAIN.second.certificate
    for each in (bytes(der), _RESPONSE[: at % len(_RESPONSE)], data):
        with suppress(BadEvidence):
            assert read_ocsp(each, *pair, AT_S).status is Status.GOOD
            assert each == bytes(der)
        with pytest.raises(BadEvidence):
            Evidence().add_crl(each, _CHAIN.second.certificate, AT_S)


_CHAIN = chain()
_RESPONSE = response(_CHAIN)


def test_openssl_reads_what_is_asked_and_answered(plain: Chain, tmp_path: Path) -> None:
    (tmp_path / "request.der").write_bytes(request(plain.leaf.certificate, plain.second.certificate))
    (tmp_path / "response.der").write_bytes(response(plain))
    (tmp_path / "issuer.pem").write_bytes(plain.second.certificate.pem)
    (tmp_path / "leaf.pem").write_bytes(plain.leaf.certificate.pem)
    asked = ["openssl", "ocsp", "-reqin", "request.der", "-req_text"]
    shown = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "Hash Algorithm: sha256" in shown
    told = ["openssl", "ocsp", "-respin", "response.der", "-issuer", "issuer.pem", "-sha256", "-cert", "leaf.pem"]
    told += ["-VAfile", "issuer.pem", "-no_nonce", "-attime", str(int(AT_S))]
    told += ["-validity_period", str(DECADES_S)]  # it judges the response by the clock, whatever -attime says
    answered = subprocess.run(told, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Response verify OK" in answered.stderr
    assert "leaf.pem: good" in answered.stdout
