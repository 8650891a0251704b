"""Certificates that a car should not have: each is refused in the TLS set-up, and the station serves the next car."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL import SSL
from tests.tls.test_channel import connect

from v2g.pki import issue
from v2g.pki.certificate import Certificate, of, read_pem
from v2g.pki.profile import Revocation
from v2g.tls.channel import TlsChannel
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.profile import TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)
EVCCID = "ZZZV123456789ABCDEF9"
Made = tuple[x509.Certificate, issue.PrivateKey]
Extension = tuple[x509.ExtensionType, bool]


class Maker:
    """Whoever has the key of an OEM's authority can issue anything."""

    def __init__(self, hierarchy: "Hierarchy") -> None:
        [self.issuer] = read_pem((hierarchy.directory / "oem_sub_ca2.pem").read_bytes())
        self.chain = read_pem((hierarchy.directory / "oem_chain.pem").read_bytes())
        key = load_pem_private_key((hierarchy.directory / "oem_sub_ca2_key.pem").read_bytes(), None)
        assert isinstance(key, issue.PrivateKey)
        self.key = key

    def leaf(self, *extensions: Extension, subject: x509.Name | None = None, curve: str = "p521") -> Made:
        own = issue.make_key(curve)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or issue.name(EVCCID, "EV"))
            .issuer_name(self.issuer.parsed.subject)
            .public_key(own.public_key())
            .serial_number(7)
            .not_valid_before(NOW - timedelta(hours=1))
            .not_valid_after(NOW + timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, issue.digest_of(self.key)), own


def garbled(oid: str, content: bytes = b"\x04\x00") -> Extension:
    """A known extension whose content is none of its kind."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content), False


def self_signed(maker: Maker) -> Made:
    key = issue.make_key("p521")
    order = issue.Order(issue.name(EVCCID, "EV"), key.public_key(), 1)
    return issue.issue(order, order.subject, key, NOW), key


def for_another_role(maker: Maker) -> Made:
    return maker.leaf(subject=issue.name(EVCCID, "MO"))


def for_servers_only(maker: Maker) -> Made:
    return maker.leaf((x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), True))


def with_garbled_constraints(maker: Maker) -> Made:
    return maker.leaf(garbled("2.5.29.19"))


def with_a_garbled_usage(maker: Maker) -> Made:
    return maker.leaf(garbled("2.5.29.15"))


def with_garbled_names(maker: Maker) -> Made:
    return maker.leaf(garbled("2.5.29.17", b"\x30\x03\x82\x01\xff"))


def with_an_unknown_critical_extension(maker: Maker) -> Made:
    return maker.leaf((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True))


def of_20_kilobytes(maker: Maker) -> Made:
    return maker.leaf((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(20_000)), False))


def of_200_kilobytes(maker: Maker) -> Made:
    return maker.leaf((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(200_000)), False))


HOSTILE: dict[Callable[[Maker], Made], str] = {
    self_signed: "unknown_ca",
    for_another_role: "unsupported_certificate",
    for_servers_only: "unsupported_certificate",
    with_garbled_constraints: "bad_certificate",
    with_a_garbled_usage: "bad_certificate",
    with_garbled_names: "bad_certificate",
    with_an_unknown_critical_extension: "certificate_unknown",
    of_20_kilobytes: "bad_certificate",
    of_200_kilobytes: "illegal_parameter",
}
"""With the alert of each (RFC 8446, 6.2)."""


@pytest.fixture(scope="module")
def maker(p521: "Hierarchy") -> Maker:
    return Maker(p521)


@pytest.fixture(scope="module")
def station(p521: "Hierarchy") -> TlsContext:
    return station_context(p521.station(), now=NOW)


def shown_to(station: TlsContext, made: Made, chain: list[Certificate]) -> TlsChannel:
    """A car that shows this, whatever it is. Raises what the station raises."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_verify(SSL.VERIFY_NONE, lambda *arguments: True)
    context.use_certificate(made[0])
    context.use_privatekey(made[1])
    for each in chain:
        context.add_extra_chain_cert(each.parsed)
    car, channel = SSL.Connection(context, None), TlsChannel(station)
    car.set_connect_state()
    while channel.handshaking:
        with suppress(SSL.WantReadError):
            car.do_handshake()
        channel.receive(car.bio_read(1 << 20))
        if (answer := channel.outgoing()) and channel.handshaking:
            car.bio_write(answer)
    return channel


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_it_is_refused_and_the_next_car_is_served(
    make: Callable[[Maker], Made], maker: Maker, station: TlsContext, p521: "Hierarchy"
) -> None:
    with pytest.raises(TlsError) as caught:
        shown_to(station, make(maker), maker.chain)
    assert caught.value.alert == HOSTILE[make], caught.value
    assert connect(station, vehicle_context(p521.vehicle(), now=NOW))[0].peer_common_name == EVCCID


@pytest.mark.parametrize("authorities", [4, 5])
def test_a_chain_may_be_only_so_long(authorities: int, p521: "Hierarchy", tmp_path: Path) -> None:
    """Whatever its root allows: as for a station whose key is on a token."""
    key, subject = issue.make_key("p521"), issue.name("Root", "OEM")
    root = issue.issue(issue.Order(subject, key.public_key(), 9, path_length=9), subject, key, NOW)
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    station = station_context(p521.station()._replace(roots=(tmp_path / "root.pem",)), now=NOW)
    chain: list[Certificate] = []
    for number in range(authorities):
        own, name = issue.make_key("p521"), issue.name(f"Sub-CA {number}", "OEM")
        below = issue.issue(issue.Order(name, own.public_key(), 9, path_length=8 - number), subject, key, NOW)
        chain.insert(0, of(below))
        key, subject = own, name
    own = issue.make_key("p521")
    made = issue.issue(issue.Order(issue.name(EVCCID, "EV"), own.public_key(), 9), subject, key, NOW), own
    if authorities == 4:
        assert shown_to(station, made, chain).peer_common_name == EVCCID
        return
    with pytest.raises(TlsError, match="certificate chain too long") as caught:
        shown_to(station, made, chain)
    assert caught.value.alert == "unknown_ca"


def test_the_same_way_of_asking_lets_a_good_one_in(maker: Maker, station: TlsContext) -> None:
    assert shown_to(station, maker.leaf(), maker.chain).peer_common_name == EVCCID


def test_a_revoked_vehicle_is_refused(maker: Maker, p521: "Hierarchy") -> None:
    station = station_context(p521.station(), now=NOW)
    made = maker.leaf()
    gone = {made[0].serial_number: NOW}
    station.known.add_crl(
        issue.revocation_list(maker.issuer.parsed, maker.key, gone, NOW), maker.issuer, NOW.timestamp()
    )
    with pytest.raises(TlsError, match=r"was revoked: CN=ZZZV123456789ABCDEF9.*keyCompromise") as caught:
        shown_to(station, made, maker.chain)
    assert caught.value.alert == "certificate_revoked"
    station.revocation = Revocation.IGNORE
    assert shown_to(station, made, maker.chain).peer_common_name == EVCCID
    station.revocation = Revocation.REQUIRE
    with pytest.raises(TlsError, match="may be revoked, and nobody says so") as caught:
        connect(station, vehicle_context(p521.vehicle(), now=NOW))
    assert caught.value.alert == "certificate_unknown"
