"""Chains of certificates: a sound one holds, and each way of being wrong has its reason."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pki.authorities import AT_S, NOW, Chain, authority, chain, leaf, party, with_extension

from v2g.pki import issue
from v2g.pki.certificate import LONGEST_OCTETS, Unreadable, read, read_pem
from v2g.pki.chain import MOST_SENT, Reason, Verdict, verify_chain
from v2g.pki.profile import INTEROP_P256, ISO15118_2, ISO15118_20, Revocation, Role
from v2g.pki.revocation import Status

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def sound() -> Chain:
    return chain()


@pytest.fixture(scope="module")
def foreign() -> Chain:
    """Somebody else's, with the same names."""
    return chain()


def judge(c: Chain, leaf: bytes | None = None, sent: list[bytes] | None = None, at_s: float = AT_S) -> Verdict:
    own = c.leaf.certificate.der if leaf is None else leaf
    return verify_chain(own, c.sent if sent is None else sent, [c.root.certificate], c.role, at_s, ISO15118_2)


@pytest.mark.parametrize("role", list(Role))
def test_a_sound_chain_holds_for_its_role_only(role: Role) -> None:
    made = chain(role)
    verdict = judge(made)
    assert verdict.good, verdict.text
    assert [each.common_name for each in verdict.path[1:]] == ["Sub-CA 2", "Sub-CA 1", "Root"]
    assert verdict.revocation is Status.UNKNOWN
    for other in Role:
        if other.value.domains != role.value.domains and issue.DOMAINS[role] not in other.value.domains:
            assert judge(replace(made, role=other)).reason is Reason.WRONG_ROLE, other


@pytest.mark.parametrize("curve", ["p521", "ed448"])
def test_the_curves_of_iso15118_20(curve: str) -> None:
    made = chain(curve=curve)
    args = made.leaf.certificate.der, made.sent, [made.root.certificate], made.role, AT_S
    assert verify_chain(*args, ISO15118_20).good
    assert verify_chain(*args, INTEROP_P256).good
    assert verify_chain(*args, ISO15118_2).reason is Reason.WRONG_PROFILE


def test_the_order_of_authorities_does_not_matter(sound: Chain) -> None:
    assert judge(sound, sent=sound.sent[::-1]).good
    everything = [sound.leaf.certificate.der, sound.root.certificate.der, *sound.sent]
    assert judge(sound, sent=everything).good


def test_a_contract_says_whose_it_is(sound: Chain) -> None:
    assert judge(sound).contract_id == "XXV2GC00000001"
    assert judge(sound, at_s=AT_S + 101 * DAY_S).contract_id is None


def test_it_says_when_it_ends(sound: Chain) -> None:
    assert not judge(sound).ends_soon(AT_S)
    assert judge(sound, at_s=AT_S + 80 * DAY_S).ends_soon(AT_S + 80 * DAY_S)


def self_signed(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, leaf(c.role, None).certificate.der, [])


def other_root(c: Chain, foreign: Chain) -> Verdict:
    root = authority("Other root", None, 2)
    own = leaf(c.role, root)
    return judge(c, own.certificate.der, [])


def same_names(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, foreign.leaf.certificate.der, c.sent)


def missing_authority(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, sent=c.sent[:1])


def expired(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, at_s=AT_S + 101 * DAY_S)


def not_yet_valid(c: Chain, foreign: Chain) -> Verdict:
    early = leaf(c.role, c.second, now=NOW + timedelta(days=2))
    return judge(c, early.certificate.der)


def expired_authority(c: Chain, foreign: Chain) -> Verdict:
    old = authority("Old", c.root, 1, days=5)
    own = leaf(c.role, old)
    return judge(c, own.certificate.der, [old.certificate.der], AT_S + 6 * DAY_S)


def leaf_as_authority(c: Chain, foreign: Chain) -> Verdict:
    above = leaf(c.role, c.root)
    below = leaf(c.role, above, subject=issue.name("XXV2GC00000002", "MO"))
    return judge(c, below.certificate.der, [above.certificate.der])


def path_too_long(c: Chain, foreign: Chain) -> Verdict:
    third = authority("Sub-CA 3", c.second, 0)
    own = leaf(c.role, third)
    args = own.certificate.der, [third.certificate.der, *c.sent], [c.root.certificate], c.role, AT_S
    assert verify_chain(*args, ISO15118_2).reason is Reason.UNKNOWN_ROOT  # [V2G2-656]: it does not even look further
    return verify_chain(*args, replace(ISO15118_2, most_authorities=3))


def authority_as_leaf(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, c.sent[0], c.sent[1:])


def a_station_as_contract(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, leaf(Role.STATION, c.second).certificate.der)


def no_emaid(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, leaf(c.role, c.second, subject=issue.name("SOMEBODY", "MO")).certificate.der)


def wrong_curve(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, leaf(c.role, c.second, curve="p521").certificate.der)


def unknown_critical(c: Chain, foreign: Chain) -> Verdict:
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert judge(c, with_extension(c.second, strange, critical=False)).good
    return judge(c, with_extension(c.second, strange, critical=True))


def not_for_signing(c: Chain, foreign: Chain) -> Verdict:
    usage = x509.KeyUsage(False, False, False, False, True, False, False, False, False)
    return judge(c, with_extension(c.second, usage, critical=True))


def malformed(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, b"\x30\x03\x02\x01\x00")


def malformed_authority(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, sent=[b"", *c.sent])


def oversized(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, bytes(801))


def too_many(c: Chain, foreign: Chain) -> Verdict:
    return judge(c, sent=[c.sent[0]] * (MOST_SENT + 1))


WRONG: dict[Callable[[Chain, Chain], Verdict], tuple[Reason, int]] = {
    self_signed: (Reason.SELF_SIGNED, 0),
    other_root: (Reason.UNKNOWN_ROOT, 0),
    same_names: (Reason.BAD_SIGNATURE, 0),
    missing_authority: (Reason.UNKNOWN_ROOT, 0),
    expired: (Reason.EXPIRED, 0),
    not_yet_valid: (Reason.NOT_YET_VALID, 0),
    expired_authority: (Reason.EXPIRED, 1),
    leaf_as_authority: (Reason.WRONG_AUTHORITY, 1),
    path_too_long: (Reason.WRONG_AUTHORITY, 2),
    authority_as_leaf: (Reason.WRONG_ROLE, 0),
    a_station_as_contract: (Reason.WRONG_ROLE, 0),
    no_emaid: (Reason.WRONG_ROLE, 0),
    wrong_curve: (Reason.WRONG_PROFILE, 0),
    unknown_critical: (Reason.WRONG_PROFILE, 0),
    not_for_signing: (Reason.WRONG_ROLE, 0),
    malformed: (Reason.MALFORMED, 0),
    malformed_authority: (Reason.MALFORMED, 0),
    oversized: (Reason.OVERSIZED, 0),
    too_many: (Reason.OVERSIZED, 0),
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_each_way_of_being_wrong_has_its_reason(
    wrong: Callable[[Chain, Chain], Verdict], sound: Chain, foreign: Chain
) -> None:
    verdict = wrong(sound, foreign)
    assert (verdict.reason, verdict.depth) == WRONG[wrong], verdict.text
    assert not verdict.good
    assert verdict.contract_id is None
    assert verdict.text


def test_nobody_knows_whether_it_was_revoked(sound: Chain) -> None:
    args = sound.leaf.certificate, sound.sent, [sound.root.certificate], sound.role, AT_S
    verdict = verify_chain(*args, replace(ISO15118_2, revocation=Revocation.REQUIRE))
    assert verdict.reason is Reason.REVOCATION_UNKNOWN
    assert "no OCSP response and no revocation list of Root" in verdict.text


def test_a_second_way_to_a_root_counts() -> None:
    """The mobility operator's authority has two certificates for one key; the first root has expired."""
    old_root = authority("MO root", None, 2, domain="MO", days=1)
    v2g_root = authority("V2G root", None, 2)
    first = authority("MO Sub-CA", old_root, 1)
    subject = first.certificate.parsed.subject
    public_key = first.key.public_key()
    cross = party(issue.Order(subject, public_key, 1000, 1), v2g_root, first.key)
    own = leaf(Role.CONTRACT, first)
    sent = [first.certificate.der, cross.certificate.der]
    roots = [old_root.certificate, v2g_root.certificate]
    at_s = AT_S + 2 * DAY_S
    assert verify_chain(own.certificate.der, sent, roots, Role.CONTRACT, at_s, ISO15118_2).path[-1] == roots[1]
    assert verify_chain(own.certificate.der, sent[:1], roots, Role.CONTRACT, at_s, ISO15118_2).reason is Reason.EXPIRED


def test_loops_of_authorities_end(sound: Chain) -> None:
    """Two authorities that certify each other, many times over."""
    a, b = authority("A", None, 5), authority("B", None, 5)
    subjects = a.certificate.parsed.subject, b.certificate.parsed.subject
    crossed = [
        party(issue.Order(subjects[i % 2], (a, b)[i % 2].key.public_key(), 9, 5), (b, a)[i % 2], (a, b)[i % 2].key)
        for i in range(MOST_SENT)
    ]
    own = leaf(Role.CONTRACT, a)
    sent = [each.certificate.der for each in crossed]
    policy = replace(ISO15118_2, most_authorities=8)
    verdict = verify_chain(own.certificate.der, sent, [sound.root.certificate], Role.CONTRACT, AT_S, policy)
    assert verdict.reason is Reason.UNKNOWN_ROOT


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 255), st.binary(max_size=40))
def test_an_altered_certificate_never_holds_and_never_raises(at: int, mask: int, inserted: bytes) -> None:
    original = _ALTERED.leaf.certificate.der
    der = bytearray(original)
    der[at % len(der)] ^= mask
    changed = bytes(der)
    for each in (changed, original[: at % len(original)], original[: at % len(original)] + inserted):
        assert not judge(_ALTERED, each).good


_ALTERED = chain()


def test_a_signature_with_unused_bits_does_not_hold() -> None:
    """Its value stays the same, its fingerprint does not."""
    sound = next(each for each in iter(chain, None) if not each.leaf.certificate.parsed.signature[-1] & 1)
    der = bytearray(sound.leaf.certificate.der)
    unused = len(der) - len(sound.leaf.certificate.parsed.signature) - 1
    assert der[unused] == 0
    der[unused] = 1
    assert not judge(sound, bytes(der)).good


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_text(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


def test_long_files_are_not_parsed() -> None:
    with pytest.raises(Unreadable) as caught:
        read(bytes(LONGEST_OCTETS + 1))
    assert caught.value.oversized
    with pytest.raises(Unreadable):
        read_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert read_pem(b"nothing") == []


@pytest.mark.parametrize("role", [Role.STATION, Role.CONTRACT])
def test_openssl_agrees(role: Role, tmp_path: Path) -> None:
    made = chain(role)
    (tmp_path / "root.pem").write_bytes(made.root.certificate.pem)
    (tmp_path / "chain.pem").write_bytes(made.second.certificate.pem + made.first.certificate.pem)
    (tmp_path / "leaf.pem").write_bytes(made.leaf.certificate.pem)
    at = ["-attime", str(int(AT_S)), "-x509_strict", "-CAfile", "root.pem"]

    def verdict(*more: str) -> bool:
        command = ["openssl", "verify", *at, *more, "leaf.pem"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert verdict("-untrusted", "chain.pem")
    assert not verdict()
