"""Handshakes between two real channels through memory."""

import hashlib
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from v2g.pki.certificate import read
from v2g.pki.hierarchy import EVCCID
from v2g.tls.channel import TlsChannel
from v2g.tls.choice import TlsChoice
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import INTEROP_P256, ISO15118_20, Profile, TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

PrivateKey = ec.EllipticCurvePrivateKey | Ed448PrivateKey

NOW = datetime.now(UTC)


def exchange(station: TlsChannel, vehicle: TlsChannel) -> tuple[bytes, bytes]:
    """Carries bytes both ways until both are silent; returns the plaintext that each received."""
    at_station, at_vehicle = b"", b""
    while (up := vehicle.outgoing()) + (down := station.outgoing()):
        at_station += station.receive(up)
        at_vehicle += vehicle.receive(down)
    return at_station, at_vehicle


def connect(station: TlsContext | TlsChoice, vehicle: TlsContext) -> tuple[TlsChannel, TlsChannel]:
    channels = TlsChannel(station), TlsChannel(vehicle)
    exchange(*channels)
    return channels


def failures(station: TlsContext | TlsChoice, vehicle: TlsContext) -> tuple[TlsError | None, TlsError | None]:
    """What station and vehicle say about a set-up that fails."""
    channels = TlsChannel(station), TlsChannel(vehicle)
    errors: list[TlsError | None] = [None, None]
    silent = 0
    while silent < 2:
        silent = 0
        for sender, receiver in ((1, 0), (0, 1)):
            data = channels[sender].outgoing()
            silent += not data
            if data and errors[receiver] is None:
                try:
                    channels[receiver].receive(data)
                except TlsError as error:
                    errors[receiver] = error
    return errors[0], errors[1]


@pytest.fixture(scope="module")
def station(p521: "Hierarchy") -> TlsContext:
    return station_context(p521.station(), now=NOW)


@pytest.fixture(scope="module")
def vehicle(p521: "Hierarchy") -> TlsContext:
    return vehicle_context(p521.vehicle(), now=NOW)


def test_both_sides_prove_themselves_within_the_profile(station: TlsContext, vehicle: TlsContext) -> None:
    at_station, at_vehicle = connect(station, vehicle)
    assert not at_station.handshaking
    assert at_station.negotiated == at_vehicle.negotiated
    assert at_station.negotiated == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp521r1")
    assert at_station.peer_common_name == EVCCID
    assert at_vehicle.peer_common_name == "SECC-1"


def test_plaintext_passes_both_ways_and_close_is_seen(station: TlsContext, vehicle: TlsContext) -> None:
    at_station, at_vehicle = connect(station, vehicle)
    at_station.send(b"down" * 10_000)
    at_vehicle.send(b"up")
    assert exchange(at_station, at_vehicle) == (b"up", b"down" * 10_000)
    at_vehicle.close()
    assert exchange(at_station, at_vehicle) == (b"", b"")
    assert at_station.closed
    assert not at_vehicle.closed


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 6000), max_size=12))
def test_ciphertext_may_be_cut_anywhere(station: TlsContext, vehicle: TlsContext, cuts: list[int]) -> None:
    at_station, at_vehicle = TlsChannel(station), TlsChannel(vehicle)

    def carry(source: TlsChannel, sink: TlsChannel) -> bytes:
        data = source.outgoing()
        edges = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
        return b"".join(sink.receive(data[a:b]) for a, b in pairwise(edges))

    for _ in range(3):
        carry(at_vehicle, at_station)
        carry(at_station, at_vehicle)
    at_vehicle.send(b"SupportedAppProtocolReq")
    assert carry(at_vehicle, at_station) == b"SupportedAppProtocolReq"


def test_byte_by_byte(station: TlsContext, vehicle: TlsContext) -> None:
    at_station, at_vehicle = TlsChannel(station), TlsChannel(vehicle)
    while at_station.handshaking or at_vehicle.handshaking:
        for byte in at_vehicle.outgoing():
            at_station.receive(bytes([byte]))
        for byte in at_station.outgoing():
            at_vehicle.receive(bytes([byte]))


def test_nothing_is_sent_before_the_set_up_is_done(station: TlsContext) -> None:
    channel = TlsChannel(station)
    with pytest.raises(TlsError, match="before the TLS set-up is done"):
        channel.send(b"plain")
    with pytest.raises(TlsError, match="once the TLS set-up is done"):
        _ = channel.peer_certificate_der
    assert channel.outgoing() == b""


def test_the_peer_is_known_by_its_certificate(station: TlsContext, vehicle: TlsContext, p521: "Hierarchy") -> None:
    channel, _ = connect(station, vehicle)
    certificate = x509.load_pem_x509_certificate((p521.directory / "vehicle_cert.pem").read_bytes())
    assert x509.load_der_x509_certificate(channel.peer_certificate_der) == certificate
    assert channel.peer_fingerprint == hashlib.sha512(channel.peer_certificate_der).digest()


def test_vehicle_from_another_manufacturer_is_refused(
    station: TlsContext, p521: "Hierarchy", stranger: "Hierarchy"
) -> None:
    files = stranger.vehicle()._replace(roots=p521.vehicle().roots)
    at_station, at_vehicle = failures(station, vehicle_context(files, now=NOW))
    assert "the vehicle's certificate is refused" in str(at_station)
    assert at_station is not None
    assert at_station.alert is not None
    assert at_vehicle is not None
    assert at_vehicle.alert == at_station.alert
    assert "the station ended TLS" in str(at_vehicle)


def test_vehicle_under_an_unknown_root_is_refused(
    p521: "Hierarchy", p256: "Hierarchy", vehicle: TlsContext, tmp_path: Path
) -> None:
    root = tmp_path / "oem_root.pem"
    shutil.copy(p521.directory / "mo_root.pem", root)
    context = station_context(p521.station()._replace(roots=(root,)), now=NOW)
    at_station, at_vehicle = failures(context, vehicle)
    assert "was not issued under oem_root.pem" in str(at_station)
    assert at_vehicle is not None
    assert at_vehicle.alert == "unknown_ca"
    assert "does not trust the issuer" in str(at_vehicle)


def test_station_of_another_operator_is_refused(vehicle: TlsContext, p521: "Hierarchy", stranger: "Hierarchy") -> None:
    files = stranger.station()._replace(roots=p521.station().roots)
    at_station, at_vehicle = failures(station_context(files, now=NOW), vehicle)
    assert "the station's certificate is refused" in str(at_vehicle)
    assert "the vehicle ended TLS" in str(at_station)


def test_contract_certificate_does_not_make_a_station(vehicle: TlsContext, p521: "Hierarchy") -> None:
    d = p521.directory
    chain = d / "v2g_root.pem"  # leads from the contract to the V2G root that the vehicle trusts
    files = TlsFiles(d / "contract_cert.pem", d / "contract_key.pem", p521.station().roots, chain)
    at_station, at_vehicle = failures(station_context(files, now=NOW), vehicle)
    assert "was issued for MO (domain component), not for a station" in str(at_vehicle)
    assert at_station is not None


def test_provisioning_certificate_makes_a_vehicle_in_the_interop_profile_only(p521: "Hierarchy") -> None:
    d = p521.directory
    files = TlsFiles(d / "oem_prov_cert.pem", d / "oem_prov_key.pem", p521.vehicle().roots, d / "oem_chain.pem")
    car = vehicle_context(files, now=NOW)
    refusal, _ = failures(station_context(p521.station(), now=NOW), car)
    assert "was issued for OEM (domain component), not for a vehicle" in str(refusal)
    at_station, _ = connect(station_context(p521.station(), INTEROP_P256, now=NOW), car)
    assert at_station.peer_common_name == EVCCID


def test_missing_intermediates_are_named(station: TlsContext, p521: "Hierarchy") -> None:
    at_station, _ = failures(station, vehicle_context(p521.vehicle()._replace(chain=None), now=NOW))
    assert "was not issued under oem_root.pem; configure its root, or present its intermediates" in str(at_station)


def test_p256_passes_in_the_interop_profile_only(p521: "Hierarchy", p256: "Hierarchy") -> None:
    relaxed = connect(
        station_context(p256.station(), INTEROP_P256, now=NOW), vehicle_context(p256.vehicle(), INTEROP_P256, now=NOW)
    )
    assert relaxed[0].negotiated is not None
    assert relaxed[0].negotiated.version == "TLSv1.3"

    strict = station_context(p521.station()._replace(roots=p256.station().roots), now=NOW)
    car = vehicle_context(p256.vehicle()._replace(roots=p521.vehicle().roots), INTEROP_P256, now=NOW)
    at_station, at_vehicle = failures(strict, car)
    assert "presented no certificate" in str(at_station)
    assert "profile iso15118-20 admits" in str(at_station)
    assert at_vehicle is not None
    assert at_vehicle.alert == "certificate_required"


def vehicle_files(key: PrivateKey, issuer: "Hierarchy", roots: tuple[Path, ...], directory: Path) -> TlsFiles:
    """A vehicle certificate for `key`, issued by the OEM Sub-CA 2 of a hierarchy."""
    authority = x509.load_pem_x509_certificate((issuer.directory / "oem_sub_ca2.pem").read_bytes())
    authority_key = load_pem_private_key((issuer.directory / "oem_sub_ca2_key.pem").read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, EVCCID)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(hours=1))
        .sign(authority_key, hashes.SHA512())
    )
    files = TlsFiles(directory / "leaf.pem", directory / "key.pem", roots, issuer.directory / "oem_chain.pem")
    files.certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    files.private_key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_p256_authority_above_a_p521_leaf_is_refused(p521: "Hierarchy", p256: "Hierarchy", tmp_path: Path) -> None:
    """The handshake's signature algorithms bind the leaf only; the profile's key types bind the chain as well."""
    files = vehicle_files(ec.generate_private_key(ec.SECP521R1()), p256, p521.vehicle().roots, tmp_path)
    strict = station_context(p521.station()._replace(roots=p256.station().roots), now=NOW)
    at_station, _ = failures(strict, vehicle_context(files, INTEROP_P256, now=NOW))
    assert "has a secp256r1 key, profile iso15118-20 requires ed448 or secp521r1" in str(at_station)


def test_ed448_vehicle_gets_through(station: TlsContext, p521: "Hierarchy", tmp_path: Path) -> None:
    files = vehicle_files(Ed448PrivateKey.generate(), p521, p521.vehicle().roots, tmp_path)
    channel, _ = connect(station, vehicle_context(files, now=NOW))
    assert read(channel.peer_certificate_der).key_kind == "ed448"


def test_expired_vehicle_is_refused_with_its_dates(p521: "Hierarchy", expired: "Hierarchy") -> None:
    station = station_context(p521.station()._replace(roots=expired.station().roots), now=NOW)
    before = NOW - timedelta(hours=5)
    car = vehicle_context(expired.vehicle()._replace(roots=p521.vehicle().roots), now=before)
    at_station, at_vehicle = failures(station, car)
    assert "the vehicle's certificate is refused" in str(at_station)
    assert f"to {NOW - timedelta(hours=2):%Y-%m-%d}" in str(at_station)
    assert at_vehicle is not None
    assert at_vehicle.alert == "certificate_expired"
    assert "expired by its clock; renew it, or set the clock" in str(at_vehicle)


def test_expired_station_is_refused_with_its_dates(p521: "Hierarchy", expired: "Hierarchy") -> None:
    car = vehicle_context(p521.vehicle()._replace(roots=expired.vehicle().roots), now=NOW)
    at_station, at_vehicle = failures(station_context(expired.station(), now=expired.made), car)
    assert "the station's certificate is refused" in str(at_vehicle)
    assert f"is valid from {expired.made - timedelta(hours=1):%Y-%m-%d %H:%M}" in str(at_vehicle)
    assert at_station is not None
    assert at_station.alert == "certificate_expired"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not TLS"),
        (bytes.fromhex("01fe800100000004") + b"\x80\x00\xf3\xab", "not TLS"),
        (bytes(64), "not TLS"),
        (b"\x16\x03\x01\xff\xff" + bytes(100), "TLS with the vehicle failed: data length too long"),
        (b"\x16\x03\x01\x00\x20" + bytes(0x20), "not TLS"),
    ],
)
def test_garbage_ends_the_connection(station: TlsContext, data: bytes, text: str) -> None:
    channel = TlsChannel(station)
    with pytest.raises(TlsError, match=text) as first:
        channel.receive(data)
    with pytest.raises(TlsError) as second:
        channel.receive(b"more")
    assert second.value is first.value
    with pytest.raises(TlsError):
        channel.send(b"plain")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_never_yields_plaintext(station: TlsContext, data: bytes) -> None:
    channel = TlsChannel(station)
    with suppress(TlsError):
        assert channel.receive(data) == b""
    assert channel.handshaking


def test_altered_record_ends_the_connection(station: TlsContext, vehicle: TlsContext) -> None:
    at_station, at_vehicle = connect(station, vehicle)
    at_vehicle.send(b"PowerDeliveryReq")
    record = bytearray(at_vehicle.outgoing())
    record[-1] ^= 1
    with pytest.raises(TlsError, match="altered in transit") as caught:
        at_station.receive(bytes(record))
    assert caught.value.alert == "bad_record_mac"


def test_peer_without_a_common_group_is_refused(station: TlsContext, p521: "Hierarchy") -> None:
    odd = Profile("odd", ISO15118_20.suites, ("x25519",), *ISO15118_20[3:])
    at_station, at_vehicle = failures(station, vehicle_context(p521.vehicle(), odd, now=NOW))
    assert "offers none of the groups" in str(at_station)
    assert "shares no suite, group or signature algorithm with profile odd" in str(at_vehicle)


def test_what_was_negotiated_is_checked_whatever_openssl_was_told(vehicle: TlsContext, p521: "Hierarchy") -> None:
    context = station_context(p521.station(), now=NOW)
    context.profile = ISO15118_20._replace(groups=("x448",))
    at_station, _ = failures(context, vehicle)
    assert "TLSv1.3 with TLS_AES_256_GCM_SHA384 and secp521r1 is outside profile iso15118-20" in str(at_station)


def test_x448_and_chacha_are_there_for_peers_that_want_them(p521: "Hierarchy") -> None:
    for profile, negotiated in [
        (ISO15118_20._replace(groups=("x448",)), ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "x448")),
        (ISO15118_20._replace(suites=ISO15118_20.suites[1:]), ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "secp521r1")),
    ]:
        station = station_context(p521.station(), now=NOW)
        channel, _ = connect(station, vehicle_context(p521.vehicle(), profile, now=NOW))
        assert channel.negotiated == negotiated
