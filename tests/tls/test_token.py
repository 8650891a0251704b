"""A station whose key is on a PKCS#11 token (SoftHSM): the same connections as with a key in a file."""

import os
import shutil
import subprocess
from ctypes.util import find_library
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.tls.test_channel import connect, exchange, failures, vehicle_files
from tests.tls.test_openssl import serve

from v2g.pki.issue import make_key
from v2g.tls.choice import TlsChoice
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import ISO15118_2, ISO15118_20, Profile, TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "4711"
NOW = datetime.now(UTC)

pytestmark = pytest.mark.skipif(
    not MODULE.exists() or shutil.which("softhsm2-util") is None or find_library("gnutls") is None,
    reason="no softhsm2 or gnutls-bin (Debian packages)",
)


@pytest.fixture(scope="module")
def token(p521: "Hierarchy", p256: "Hierarchy", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token with both stations' keys; the file of its PIN."""
    place = tmp_path_factory.mktemp("token")
    (place / "tokens").mkdir()
    (place / "softhsm2.conf").write_text(f"directories.tokendir = {place / 'tokens'}\n")
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")  # read when the library is loaded
    options = ["--label", "v2g", "--pin", PIN, "--so-pin", PIN]
    subprocess.run(["softhsm2-util", "--init-token", "--free", *options], check=True, capture_output=True)
    for number, (name, hierarchy) in enumerate({"newer": p521, "older": p256}.items()):
        key = hierarchy.directory / "secc_key.pem"
        imported = ["softhsm2-util", "--import", str(key), "--token", "v2g", "--label", name, "--id", f"0{number}"]
        imported += ["--pin", PIN]
        subprocess.run(imported, check=True, capture_output=True)
    (place / "pin").write_text(PIN)
    return place / "pin"


def on_token(hierarchy: "Hierarchy", name: str, pin: Path, profile: Profile = ISO15118_20) -> TlsContext:
    """A station's context without any key in a file."""
    files = hierarchy.station()._replace(
        private_key=pin.with_name("no key here"),
        key_uri=f"pkcs11:token=v2g;object={name};type=private?pin-source={pin}",
        pkcs11_module=MODULE,
    )
    return station_context(files, profile, now=NOW)


@pytest.fixture(scope="module")
def newer(p521: "Hierarchy", token: Path) -> TlsContext:
    return on_token(p521, "newer", token)


@pytest.fixture(scope="module")
def older(p256: "Hierarchy", token: Path) -> TlsContext:
    return on_token(p256, "older", token, ISO15118_2)


def test_a_session_of_each_edition(newer: TlsContext, older: TlsContext, p521: "Hierarchy", p256: "Hierarchy") -> None:
    for car, negotiated in (
        (vehicle_context(p521.vehicle(), now=NOW), ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "secp521r1")),
        (vehicle_context(p256.vehicle(), ISO15118_2, now=NOW), ("TLSv1.2", "ECDHE-ECDSA-AES128-SHA256", "secp256r1")),
    ):
        at_station, at_vehicle = connect(TlsChoice([newer, older]), car)
        assert at_station.negotiated == at_vehicle.negotiated == negotiated
        at_vehicle.send(b"up" * 20_000)
        at_station.send(b"down" * 20_000)
        assert exchange(at_station, at_vehicle) == (b"up" * 20_000, b"down" * 20_000)
        at_vehicle.close()
        exchange(at_station, at_vehicle)
        assert at_station.closed


def test_the_car_is_known_by_its_certificate(newer: TlsContext, p521: "Hierarchy") -> None:
    in_file, _ = connect(station_context(p521.station(), now=NOW), vehicle_context(p521.vehicle(), now=NOW))
    at_station, at_vehicle = connect(newer, vehicle_context(p521.vehicle(), now=NOW))
    assert at_station.peer_fingerprint == in_file.peer_fingerprint
    assert at_vehicle.peer_common_name == "SECC-1"


def test_openssl_as_a_car(newer: TlsContext, p521: "Hierarchy") -> None:
    received, output = serve(newer, p521, "-tls1_3")
    assert received == b"line\n"
    assert "Verify return code: 0 (ok)" in output
    assert "OEM Root CA" in output.partition("Acceptable client certificate CA names")[2]


def test_cars_are_refused_as_with_a_key_in_a_file(
    newer: TlsContext, p521: "Hierarchy", stranger: "Hierarchy", tmp_path: Path
) -> None:
    strange = stranger.vehicle()._replace(roots=p521.vehicle().roots)
    at_station, at_vehicle = failures(newer, vehicle_context(strange, now=NOW))
    assert "the vehicle's certificate is refused" in str(at_station)
    assert at_vehicle is not None
    assert at_vehicle.alert == "unknown_ca"
    with pytest.raises(TlsError, match="the vehicle presented no certificate"):
        serve(newer, p521, "-tls1_3", certificate=False)
    with pytest.raises(TlsError):
        serve(newer, p521, "-tls1_2")
    provisioning = TlsFiles(
        p521.directory / "oem_prov_cert.pem", p521.directory / "oem_prov_key.pem", p521.vehicle().roots,
        p521.directory / "oem_chain.pem",
    )  # fmt: skip
    refusal, seen = failures(newer, vehicle_context(provisioning, now=NOW))
    assert "was issued for OEM (domain component), not for a vehicle" in str(refusal)
    assert seen is not None
    assert seen.alert == "unsupported_certificate"
    key = make_key("ed448")
    ed448 = vehicle_files(key, p521, p521.vehicle().roots, tmp_path)
    channel, _ = connect(newer, vehicle_context(ed448, now=NOW))
    assert not channel.handshaking


def test_what_is_wrong_with_a_token_is_said(p521: "Hierarchy", token: Path) -> None:
    text = "the key pkcs11:token=v2g;object=nowhere;type=private cannot be used: "
    with pytest.raises(TlsError, match=text) as caught:
        on_token(p521, "nowhere", token)
    assert str(token) not in str(caught.value)
    with pytest.raises(TlsError, match="do not match"):
        on_token(p521, "older", token)
