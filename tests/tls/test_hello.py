"""The ClientHello, read from what real clients send."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.x509 import SubjectKeyIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tls.client_hello import hello_of, trusting

from v2g.pki.certificate import read_pem
from v2g.tls.channel import TlsChannel
from v2g.tls.context import vehicle_context
from v2g.tls.hello import TLS_1_2, TLS_1_3, NotAHello, read
from v2g.tls.profile import ISO15118_2

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)


def test_a_car_of_iso15118_20(p521: "Hierarchy") -> None:
    found = read(TlsChannel(vehicle_context(p521.vehicle(), now=NOW)).outgoing())
    assert found is not None
    assert found.versions == {TLS_1_3}
    assert {0x1302, 0x1303} <= found.suites
    assert found.groups == {0x0019, 0x001E}
    assert found.signatures == {0x0603, 0x0808}
    assert found.wants_status
    assert not found.wants_all_statuses
    assert found.named == ()


def test_a_car_of_iso15118_2(p256: "Hierarchy") -> None:
    found = read(TlsChannel(vehicle_context(p256.vehicle(), ISO15118_2, now=NOW)).outgoing())
    assert found is not None
    assert TLS_1_2 in found.versions
    assert TLS_1_3 not in found.versions
    assert 0xC023 in found.suites


def test_openssl_names_its_roots(p521: "Hierarchy", stranger: "Hierarchy") -> None:
    found = read(hello_of(p521.directory, "-tls1_3", "-requestCAfile", "v2g_root.pem"))
    assert found is not None
    roots = read_pem((p521.directory / "v2g_root.pem").read_bytes())
    other = read_pem((stranger.directory / "mo_root.pem").read_bytes())[0]
    assert sorted(named.means(roots[0]) for named in found.named) == [False, False, True]
    assert not any(named.means(other) for named in found.named)


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_trusted_ca_keys_name_a_root_in_four_ways(p256: "Hierarchy", stranger: "Hierarchy", kind: int) -> None:
    root = read_pem((p256.directory / "v2g_root.pem").read_bytes())[0]
    other = read_pem((stranger.directory / "v2g_root.pem").read_bytes())[0]
    name = root.parsed.subject.public_bytes()
    entry = {
        0: b"",
        1: SubjectKeyIdentifier.from_public_key(root.public_key).digest,
        2: len(name).to_bytes(2) + name,
        3: hashlib.sha1(root.der, usedforsecurity=False).digest(),
    }[kind]
    found = read(trusting(hello_of(p256.directory, "-tls1_2"), bytes([kind]) + entry))
    assert found is not None
    assert [named.means(root) for named in found.named] == [True]
    assert [named.means(other) for named in found.named] == [kind in (0, 2)]  # the stranger has the same names


def test_it_may_come_in_pieces_and_in_several_records(p521: "Hierarchy") -> None:
    whole = TlsChannel(vehicle_context(p521.vehicle(), now=NOW)).outgoing()
    found = read(whole)
    assert all(read(whole[:cut]) is None for cut in range(0, len(whole), 7))
    message, records = whole[5:], b""
    for at in range(0, len(message), 50):
        piece = message[at : at + 50]
        records += b"\x16\x03\x01" + len(piece).to_bytes(2) + piece
    assert read(records) == found


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"\x16\x02", b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x04\x02"])
def test_other_bytes_are_left_to_openssl(data: bytes) -> None:
    with pytest.raises(NotAHello):
        read(data)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 600), st.integers(0, 255), st.binary(max_size=80))
def test_whatever_comes_it_is_read_or_refused(p521: "Hierarchy", at: int, value: int, tail: bytes) -> None:
    altered = bytearray(_hello(p521.directory))
    altered[at % len(altered)] = value
    for data in (bytes(altered), bytes(altered[:at]) + tail, b"\x16\x03\x01" + len(tail).to_bytes(2) + tail):
        try:
            read(data)
        except NotAHello:
            continue


_hellos: dict[Path, bytes] = {}


def _hello(directory: Path) -> bytes:
    if directory not in _hellos:
        _hellos[directory] = hello_of(directory, "-tls1_3", "-requestCAfile", "v2g_root.pem")
    return _hellos[directory]
