"""What stops a context from being built, and how it says so."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from v2g.tls.channel import TlsChannel
from v2g.tls.context import station_context, vehicle_context
from v2g.tls.profile import INTEROP_P256, PROFILES, TlsError

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)


def test_profiles_are_known_by_name() -> None:
    assert sorted(PROFILES) == ["interop-p256", "iso15118-20"]


def test_missing_file_is_named(p521: "Hierarchy", tmp_path: Path) -> None:
    files = p521.station()._replace(certificate=tmp_path / "secc_cert.pem")
    with pytest.raises(TlsError, match=r"secc_cert.pem: No such file.*v2g pki init"):
        station_context(files, now=NOW)


def test_file_that_is_no_certificate_is_named(p521: "Hierarchy") -> None:
    files = p521.station()._replace(certificate=p521.station().private_key)
    with pytest.raises(TlsError, match=r"secc_key.pem holds no PEM certificate"):
        station_context(files, now=NOW)


def test_key_of_another_certificate_is_named(p521: "Hierarchy") -> None:
    files = p521.station()._replace(private_key=p521.vehicle().private_key)
    with pytest.raises(TlsError, match=r"vehicle_key.pem is not the key of .*secc_cert.pem"):
        station_context(files, now=NOW)


def test_file_that_is_no_key_is_named(p521: "Hierarchy") -> None:
    files = p521.station()._replace(private_key=p521.station().certificate)
    with pytest.raises(TlsError, match=r"secc_cert.pem cannot be read: not a PEM private key"):
        station_context(files, now=NOW)


def test_rsa_key_is_refused(p521: "Hierarchy", tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 1024)
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(TlsError, match="neither an EC nor an Ed448 key"):
        station_context(p521.station()._replace(private_key=path), now=NOW)


def test_p256_files_need_the_interop_profile(p256: "Hierarchy") -> None:
    with pytest.raises(
        TlsError, match=r"secc_cert.pem: CN=SECC-1.*secp256r1 key, profile iso15118-20 requires ed448 or"
    ):
        station_context(p256.station(), now=NOW)
    assert TlsChannel(station_context(p256.station(), INTEROP_P256, now=NOW)).handshaking


def test_own_expired_certificate_is_named(expired: "Hierarchy") -> None:
    with pytest.raises(TlsError, match=r"vehicle_cert.pem: CN=ZZZV.* expired on .* UTC; renew it, or set the clock"):
        vehicle_context(expired.vehicle(), now=NOW)


def test_clock_before_the_certificate_is_named(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match=r"is valid only from .*, now is 1970-01-01 00:00"):
        station_context(p521.station(), now=datetime.fromtimestamp(0, UTC))


def test_no_valid_root_is_an_error(p521: "Hierarchy") -> None:
    with pytest.raises(TlsError, match="no valid root certificate in an empty list of roots"):
        station_context(p521.station()._replace(roots=()), now=NOW)
    intermediates_only = (p521.directory / "oem_chain.pem",)
    with pytest.raises(TlsError, match=r"no valid root certificate in oem_chain.pem"):
        station_context(p521.station()._replace(roots=intermediates_only), now=NOW)


def test_expired_root_among_valid_ones_is_left_out(p521: "Hierarchy", expired: "Hierarchy") -> None:
    roots = (*p521.station().roots, expired.directory / "mo_root.pem")
    later = NOW + timedelta(days=60)
    assert TlsChannel(station_context(p521.station()._replace(roots=roots), now=later)).handshaking


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_encrypted_key_needs_the_right_password(p521: "Hierarchy", tmp_path: Path, form: PrivateFormat) -> None:
    key = load_pem_private_key(p521.station().private_key.read_bytes(), None)
    path, password = tmp_path / "secc_key.pem", tmp_path / "password.txt"
    path.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"123456")))
    files = p521.station()._replace(private_key=path)
    with pytest.raises(TlsError, match=r"secc_key.pem: .*; see password_file"):
        station_context(files, now=NOW)
    password.write_text("wrong\n")
    with pytest.raises(TlsError, match=r"is the password in .*password.txt right\?"):
        station_context(files._replace(password_file=password), now=NOW)
    password.write_text("123456\r\n")
    assert TlsChannel(station_context(files._replace(password_file=password), now=NOW)).handshaking


def test_keys_are_logged_only_when_asked_for(p521: "Hierarchy", tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    station = TlsChannel(station_context(p521.station(), now=NOW, key_log=log))
    vehicle = TlsChannel(vehicle_context(p521.vehicle(), now=NOW))
    while station.handshaking:
        station.receive(vehicle.outgoing())
        vehicle.receive(station.outgoing())
    assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    with pytest.raises(TlsError, match=r"key log .*: No such file"):
        station_context(p521.station(), now=NOW, key_log=tmp_path / "missing" / "keys.log")
