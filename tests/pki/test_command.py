"""`v2g pki`: issue, verify, install, watch, and what each says of something wrong."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.pki.authorities import chain, leaf

from v2g.cli import main
from v2g.kernel.errors import V2GError
from v2g.pki import issue
from v2g.pki.certificate import read_pem
from v2g.pki.hierarchy import create
from v2g.pki.profile import Anchor, Role
from v2g.pki.store import root_files

if TYPE_CHECKING:
    from tests.tls.conftest import Hierarchy

NOW = datetime.now(UTC)


def run(*arguments: str | Path) -> int:
    return main(["pki", *map(str, arguments)])


@pytest.fixture
def copy(p521: "Hierarchy", tmp_path: Path) -> Path:
    return Path(shutil.copytree(p521.directory, tmp_path / "store"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What a command says that cannot be carried out."""
    try:
        assert run(*arguments) == 2
    except V2GError as error:
        return str(error)
    return capsys.readouterr().err


def test_init_makes_the_certificates_of_both_editions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", tmp_path / "made", "--ocsp", "http://ocsp.test/") == 0
    assert run("show", tmp_path / "made") == 0
    shown = capsys.readouterr().out
    assert "\niso2/secc_cert.pem\n" in shown
    for place, kind in ((".", "secp521r1"), ("iso2", "secp256r1")):
        for file in ("secc_cert.pem", "contract_cert.pem", "cps_cert.pem"):
            [certificate] = read_pem((tmp_path / "made" / place / file).read_bytes())
            assert (certificate.key_kind, certificate.ocsp_urls) == (kind, ("http://ocsp.test/",))
        assert read_pem((tmp_path / "made" / place / "oem_root.pem").read_bytes())[0].ocsp_urls == ()


@pytest.mark.parametrize(
    ("role", "name", "against"),
    [
        ("contract", "XXV2GC00000002", ["-CAfile", "v2g_root.pem"]),
        ("vehicle", "ZZZV000000000000001X", ["-CAfile", "oem_root.pem", "-untrusted", "oem_chain.pem"]),
        ("station", "SECC-2", ["-CAfile", "v2g_root.pem", "-untrusted", "cpo_chain.pem"]),
        ("provisioning-service", "CPS-2", ["-CAfile", "v2g_root.pem", "-untrusted", "cps_chain.pem"]),
        ("private-station", "SECC-3", ["-CAfile", "pe_root.pem"]),
    ],
)
def test_what_is_issued_verifies_here_and_with_openssl(copy: Path, role: str, name: str, against: list[str]) -> None:
    assert run("issue", role, "--name", name, "--stem", "new", "--directory", copy) == 0
    assert (copy / "new_key.pem").stat().st_mode & 0o777 == 0o600
    assert run("verify", copy / "new_cert.pem", "--directory", copy, "--role", role) == 0
    command = ["openssl", "verify", "-x509_strict", *against, "new_cert.pem"]
    assert subprocess.run(command, cwd=copy, capture_output=True, check=False).returncode == 0


def test_a_request_is_certified_without_its_key(copy: Path, tmp_path: Path) -> None:
    key = issue.make_key("p521")
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(issue.name("whatever", "EV"))
        .sign(key, issue.digest_of(key))
    )
    (tmp_path / "csr.pem").write_bytes(csr.public_bytes(Encoding.PEM))
    asked = ["--request", str(tmp_path / "csr.pem"), "--stem", "token"]
    assert run("issue", "station", "--name", "SECC-9", *asked, "--directory", copy) == 0
    [certificate] = read_pem((copy / "token_cert.pem").read_bytes())
    assert certificate.common_name == "SECC-9"
    assert certificate.parsed.public_key() == key.public_key()
    assert not (copy / "token_key.pem").exists()


def test_verify_says_what_is_wrong_with_a_file(
    copy: Path, stranger: "Hierarchy", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", copy / "contract_cert.pem", "--directory", copy) == 0
    assert "contract XXV2GC00000001" in capsys.readouterr().out
    assert run("verify", copy / "contract_cert.pem", "--directory", copy, "--role", "station") == 1
    assert "WRONG_ROLE" in capsys.readouterr().out
    assert run("verify", stranger.directory / "contract_cert.pem", "--directory", copy) == 1
    assert "BAD_SIGNATURE" in capsys.readouterr().out
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert run("verify", tmp_path / "broken.pem", "--directory", copy) == 1
    assert "MALFORMED" in capsys.readouterr().out
    assert "name a PEM file, or [ADDRESS]:PORT" in refused(capsys, "verify", tmp_path / "missing")


def test_verify_of_an_endpoint_without_a_station(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "[::1]:1", "--directory", copy) == 1
    assert "no connection to [::1]:1" in capsys.readouterr().out


def new_station(directory: Path, place: Path, curve: str = "p521") -> list[Path]:
    """Files of a leaf below an authority of a directory, as an operator's PKI delivers them: in any order."""
    source = directory if curve == "p521" else place / "other"
    if curve != "p521":
        create(source, curve=curve, now=NOW)
    run("issue", "station", "--name", "SECC-7", "--stem", "delivered", "--directory", source)
    files = ["delivered_key.pem", "cpo_chain.pem", "delivered_cert.pem"]
    return [Path(shutil.copy(source / file, place / file)) for file in files]


def test_install_sorts_checks_and_keeps_the_former_files(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = new_station(copy, tmp_path)
    former = (copy / "secc_cert.pem").read_bytes()
    assert run("install", *files, "--directory", copy) == 0
    assert "CN=SECC-7, O=v2g test, DC=CPO: a station, secp521r1, valid until" in capsys.readouterr().out
    assert (copy / "secc_cert.pem").read_bytes() == (tmp_path / "delivered_cert.pem").read_bytes()
    assert (copy / "secc_cert.pem.old").read_bytes() == former
    assert (copy / "secc_key.pem").stat().st_mode & 0o777 == 0o600
    assert run("show", copy) == 0


def test_a_p256_leaf_goes_beside_the_other_one(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = new_station(copy, tmp_path, "p256")
    root = Path(shutil.copy(tmp_path / "other" / "v2g_root.pem", tmp_path / "root.pem"))
    assert "say --trust if that is meant" in refused(capsys, "install", *files, root, "--directory", copy)
    assert run("install", *files, root, "--trust", "--directory", copy) == 0
    assert read_pem((copy / "iso2" / "secc_cert.pem").read_bytes())[0].key_kind == "secp256r1"
    assert read_pem((copy / "secc_cert.pem").read_bytes())[0].key_kind == "secp521r1"
    assert len(root_files(copy, Anchor.V2G)) == 2


def test_install_writes_nothing_that_does_not_hold(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in copy.iterdir()}
    made = chain(Role.STATION, now=NOW)
    strange = tmp_path / "strange.pem"
    key = made.leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    strange.write_bytes(made.leaf.certificate.pem + made.second.certificate.pem + made.first.certificate.pem + key)
    key_file, chain_file, leaf_file = new_station(copy, tmp_path)
    for stray in ("delivered_key.pem", "delivered_cert.pem"):
        (copy / stray).unlink()
    old = leaf(Role.STATION, None, now=NOW - timedelta(days=400))
    (tmp_path / "old.pem").write_bytes(old.certificate.pem)
    for files, text in (
        ([strange], "leads to no root that is trusted"),
        ([leaf_file, chain_file], "is not among the files"),
        ([leaf_file, key_file, tmp_path / "missing.pem"], "No such file"),
        ([chain_file, key_file], "there is no leaf among the files"),
        ([tmp_path / "old.pem"], "SELF_SIGNED"),
    ):
        assert text in refused(capsys, "install", *files, "--directory", copy)
    assert {path: path.read_bytes() for path in copy.iterdir()} == before


def test_watch_reports_what_ends(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("watch", "--once", "--directory", copy) == 0
    assert "nothing in" in capsys.readouterr().out
    assert run("watch", "--once", "--days", "100", "--directory", copy) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert "secc_cert.pem: CN=SECC-1, O=v2g test, DC=CPO expires in" in line
    (copy / "junk.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert run("watch", "--once", "--directory", copy) == 1
    assert "junk.pem" in capsys.readouterr().out
