"""Which of a station's certificates a car gets to see, and that nobody in between can change that."""

from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.pki.authorities import authority, leaf
from tests.tls.client_hello import hello_of, trusting
from tests.tls.conftest import make
from tests.tls.test_channel import connect, exchange, failures
from tests.tls.test_openssl import serve

from v2g.pki import issue
from v2g.pki.certificate import Certificate, read_pem
from v2g.pki.issue import ocsp_response
from v2g.pki.profile import Revocation, Role
from v2g.tls.channel import TlsChannel
from v2g.tls.choice import TlsChoice
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.hello import read
from v2g.tls.profile import INTEROP_P256, ISO15118_2, ISO15118_20, Probed, TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)


def older(hierarchy: "Hierarchy") -> TlsContext:
    files = hierarchy.station()._replace(own_roots=hierarchy.vehicle().roots)
    return station_context(files, ISO15118_2, now=NOW)


def newer(hierarchy: "Hierarchy") -> TlsContext:
    return station_context(hierarchy.station()._replace(own_roots=hierarchy.vehicle().roots), now=NOW)


def car_of_2(hierarchy: "Hierarchy") -> TlsContext:
    return vehicle_context(hierarchy.vehicle(), ISO15118_2, now=NOW)


@pytest.fixture(scope="module")
def station(p521: "Hierarchy", p256: "Hierarchy") -> TlsChoice:
    return TlsChoice([older(p256), newer(p521)])


def test_a_car_of_iso15118_2_gets_the_p256_leaf_and_proves_nothing(station: TlsChoice, p256: "Hierarchy") -> None:
    at_station, at_vehicle = TlsChannel(station), TlsChannel(car_of_2(p256))
    exchange(at_station, at_vehicle)
    assert at_station.negotiated == at_vehicle.negotiated
    assert at_station.negotiated == ("TLSv1.2", "ECDHE-ECDSA-AES128-SHA256", "secp256r1")
    assert not at_station.mutual
    assert at_vehicle.peer_common_name == "SECC-1"
    at_vehicle.send(b"up")
    at_station.send(b"down")
    assert exchange(at_station, at_vehicle) == (b"up", b"down")
    with pytest.raises(TlsError, match="is known once"):
        _ = at_station.peer_certificate_der


def test_a_car_of_iso15118_20_gets_the_p521_leaf(station: TlsChoice, p521: "Hierarchy") -> None:
    at_station, at_vehicle = TlsChannel(station), TlsChannel(vehicle_context(p521.vehicle(), now=NOW))
    exchange(at_station, at_vehicle)
    assert at_station.negotiated == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp521r1")
    assert at_station.mutual


def test_a_car_of_both_gets_tls_1_3(station: TlsChoice, p521: "Hierarchy") -> None:
    """[V2G20-2062]: whoever offers the newer version as well, with its curves, never gets the older one."""
    hello = read(hello_of(p521.directory))
    assert hello is not None
    assert hello.versions >= {0x0303, 0x0304}
    assert station.pick(hello).profile is ISO15118_20


def test_a_car_of_tls_1_3_without_its_curves_gets_tls_1_2(station: TlsChoice, p521: "Hierarchy") -> None:
    options = ["-groups", "P-256", "-sigalgs", "ecdsa_secp256r1_sha256"]
    hello = read(hello_of(p521.directory, *options))
    assert hello is not None
    assert station.pick(hello).profile is ISO15118_2


def test_openssl_as_a_car_of_iso15118_2(station: TlsChoice, p256: "Hierarchy") -> None:
    options = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256", "-status"]
    received, output = serve(station, p256, *options, certificate=False)
    assert received == b"line\n"
    assert "Verify return code: 0 (ok)" in output
    assert "OCSP response: no response sent" in output


def test_tls_1_1_and_foreign_suites_are_refused(station: TlsChoice, p256: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="offers none of the suites") as caught:
        serve(station, p256, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384", certificate=False)
    assert caught.value.alert == "handshake_failure"
    with pytest.raises(TlsError, match="does not offer TLS 1"):
        serve(station, p256, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", certificate=False)


def test_without_a_p256_leaf_tls_1_2_is_refused(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match=r"does not offer TLS 1\.3"):
        serve(TlsChoice([newer(p521)]), p521, "-tls1_2", certificate=False)


def test_a_stripped_offer_of_tls_1_3_is_noticed(station: TlsChoice, p521: "Hierarchy") -> None:
    """Somebody takes `supported_versions` out of the car's message: no session comes about."""
    at_vehicle = TlsChannel(vehicle_context(p521.vehicle(), now=NOW))
    stripped = at_vehicle.outgoing().replace(b"\x00\x2b\x00\x03\x02\x03\x04", b"\xfa\xfa\x00\x03\x02\x03\x04")
    at_station = TlsChannel(station)
    with pytest.raises(TlsError, match="shares no signature algorithm"):
        at_station.receive(stripped)
    assert at_station.handshaking


# Several V2G roots


@pytest.fixture(scope="module")
def two_roots(p256: "Hierarchy", tmp_path_factory: pytest.TempPathFactory) -> "tuple[Hierarchy, Hierarchy]":
    return p256, make(tmp_path_factory.mktemp("second"), "p256", NOW)


def shown(station: TlsChoice, hello: bytes) -> Certificate:
    """The leaf that a station shows in clear, as TLS 1.2 does."""
    channel = TlsChannel(station)
    channel.receive(hello)
    answer = channel.outgoing()
    contexts = {each: context for context in station.contexts for each in context.own[:1]}
    return next(each for each in contexts if each.der in answer)


def test_trusted_ca_keys_decide_among_leaves(two_roots: "tuple[Hierarchy, Hierarchy]") -> None:
    station = TlsChoice([older(each) for each in two_roots])
    offer = hello_of(two_roots[0].directory, "-tls1_2")
    for hierarchy in two_roots:
        root = read_pem((hierarchy.directory / "v2g_root.pem").read_bytes())[0]
        hashed = root.parsed.fingerprint(SHA1())
        leaf = read_pem((hierarchy.directory / "secc_cert.pem").read_bytes())[0]
        assert shown(station, trusting(offer, b"\x03" + hashed)) == leaf
    first = read_pem((two_roots[0].directory / "secc_cert.pem").read_bytes())[0]
    assert shown(station, trusting(offer, b"\x03" + bytes(20))) == first  # it names none that the station has
    assert shown(station, offer) == first


def test_a_leaf_that_has_expired_since_it_was_loaded_comes_last(p256: "Hierarchy", tmp_path: Path) -> None:
    """Whether or not it is the first, or below the root that the car names."""
    old = make(tmp_path / "old", "p256", NOW - timedelta(days=200))
    then = station_context(
        old.station()._replace(own_roots=old.vehicle().roots), ISO15118_2, now=NOW - timedelta(days=199)
    )
    offer = hello_of(p256.directory, "-tls1_2")
    root = read_pem((old.directory / "v2g_root.pem").read_bytes())[0]
    named = trusting(offer, b"\x03" + root.parsed.fingerprint(SHA1()))
    good = read_pem((p256.directory / "secc_cert.pem").read_bytes())[0]
    for hello in (offer, named):
        assert shown(TlsChoice([then, older(p256)]), hello) == good
        assert shown(TlsChoice([then]), hello) == then.own[0], "no car is better off with an alert"


def named_in_hello(car: TlsContext) -> list[bytes]:
    """The roots that a car names in its first message, each by its hash."""
    hello = read(TlsChannel(car).outgoing())
    assert hello is not None
    assert {each.kind for each in hello.named} == {3}
    return [each.value for each in hello.named]


def test_our_car_names_its_roots_and_gets_a_chain_below_one_of_them(two_roots: "tuple[Hierarchy, Hierarchy]") -> None:
    """[V2G2-651], [V2G2-871]: with several, too, and whichever leaf the station has first."""
    for order in (two_roots, two_roots[::-1]):
        station = TlsChoice([older(each) for each in order])
        for hierarchy in two_roots:
            channel, _ = connect(station, car_of_2(hierarchy))
            assert not channel.handshaking
            root, *_ = read_pem((hierarchy.directory / "v2g_root.pem").read_bytes())
            assert named_in_hello(car_of_2(hierarchy)) == [root.parsed.fingerprint(SHA1())]
    both = two_roots[0].vehicle()._replace(roots=tuple(each.directory / "v2g_root.pem" for each in two_roots))
    car = vehicle_context(both, ISO15118_2, now=NOW)
    assert len(named_in_hello(car)) == 2
    assert not connect(TlsChoice([older(two_roots[1])]), car)[0].handshaking


def test_a_station_of_a_private_environment_is_chosen_by_the_root_of_its_owner(
    p256: "Hierarchy", tmp_path: Path
) -> None:
    """Its leaf stands right below that root; a car that was not given the root does not talk to it."""
    root = authority("PE Root", None, 0, domain="PE", now=NOW)
    own = leaf(Role.PRIVATE_STATION, root, now=NOW)
    (tmp_path / "secc_key.pem").write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "secc_cert.pem").write_bytes(own.certificate.pem)
    (tmp_path / "pe_root.pem").write_bytes(root.certificate.pem)
    files = TlsFiles(tmp_path / "secc_cert.pem", tmp_path / "secc_key.pem", (), own_roots=(tmp_path / "pe_root.pem",))
    private = station_context(files, ISO15118_2, now=NOW)
    station = TlsChoice([older(p256), private])
    given = p256.vehicle()._replace(roots=(tmp_path / "pe_root.pem",))
    channel, _ = connect(station, vehicle_context(given, ISO15118_2, now=NOW))
    assert not channel.handshaking
    assert "does not trust" in str(failures(TlsChoice([private]), car_of_2(p256))[0])


def test_certificate_authorities_decide_among_leaves(tmp_path: Path) -> None:
    contexts = []
    for number in (1, 2):
        place = tmp_path / str(number)
        place.mkdir()
        root = authority(f"V2G Root {number}", None, 1, curve="p521", now=NOW)
        issuer = authority("CPO Sub-CA", root, 0, curve="p521", now=NOW)
        own = leaf(Role.STATION, issuer, curve="p521", now=NOW)
        key = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, content in (
            ("root", root.certificate.pem),
            ("chain", issuer.certificate.pem),
            ("leaf", own.certificate.pem),
            ("key", key),
        ):
            (place / f"{name}.pem").write_bytes(content)
        roots = (place / "root.pem",)
        files = TlsFiles(place / "leaf.pem", place / "key.pem", roots, place / "chain.pem", own_roots=roots)
        contexts.append(station_context(files, now=NOW))
    station = TlsChoice(contexts)
    for number, context in enumerate(contexts, 1):
        hello = read(hello_of(tmp_path / str(number), "-tls1_3", "-requestCAfile", "root.pem"))
        assert station.pick(hello) is context


# OCSP responses


def staple(context: TlsContext, hierarchy: "Hierarchy", *, revoked: bool = False) -> bytes:
    key = load_pem_private_key((hierarchy.directory / "cpo_sub_ca2_key.pem").read_bytes(), None)
    assert isinstance(key, issue.PrivateKey)
    leaf, issuer = context.own[0].parsed, context.own[1].parsed
    return ocsp_response(leaf, issuer, key, NOW, revoked=NOW if revoked else None)


@pytest.mark.parametrize("edition", ["2", "20"])
def test_a_response_for_the_leaf_is_stapled(edition: str, p521: "Hierarchy", p256: "Hierarchy") -> None:
    hierarchy = p256 if edition == "2" else p521
    context = older(p256) if edition == "2" else newer(p521)
    car = car_of_2(p256) if edition == "2" else vehicle_context(p521.vehicle(), now=NOW)
    car.revocation = Revocation.REQUIRE
    at_station, at_vehicle = failures(context, car)
    assert "no OCSP response came with it" in str(at_vehicle)
    assert at_station is not None
    context.staple = staple(context, hierarchy)
    channel, _ = connect(context, car)
    assert not channel.handshaking
    context.staple_until_s = NOW.timestamp() - 1.0
    assert "no OCSP response came with it" in str(failures(context, car)[1]), "one that is too old is shown to nobody"
    context.staple_until_s = inf
    context.staple = staple(context, hierarchy, revoked=True)
    assert "its OCSP status is revoked" in str(failures(context, car)[1])
    context.staple = b"\x30\x03\x0a\x01\x06"
    assert "the OCSP responder answers UNAUTHORIZED" in str(failures(context, car)[1])


def test_openssl_sees_the_staple(p521: "Hierarchy") -> None:
    context = newer(p521)
    context.staple = staple(context, p521)
    _, output = serve(context, p521, "-tls1_3", "-status")
    assert "OCSP Response Status: successful (0x0)" in output
    assert "Cert Status: good" in output


# `v2g pki verify`


def test_who_only_looks_is_no_car(station: TlsChoice, p256: "Hierarchy") -> None:
    for options in (["-tls1_3"], ["-tls1_2"]):
        with pytest.raises(Probed):
            serve(station, p256, *options, "-alpn", "v2g-pki-verify", certificate=False)


def test_the_interop_profile_speaks_both_with_one_leaf(p256: "Hierarchy") -> None:
    newer_too = station_context(p256.station(), INTEROP_P256, now=NOW)
    station = TlsChoice([older(p256), newer_too])
    assert station.spoken == "TLS 1.3 and TLS 1.2"
    at_station, at_vehicle = TlsChannel(station), TlsChannel(vehicle_context(p256.vehicle(), INTEROP_P256, now=NOW))
    exchange(at_station, at_vehicle)
    assert at_station.negotiated is not None
    assert at_station.negotiated.version == "TLSv1.3"
