"""A leaf for cars that the back end has signed: TLS of the running station shows it to the next car."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from ocpp.routing import on
from ocpp.v21 import call, call_result
from tests.run.test_back_end import WITHIN_S, Csms, station, until
from tests.tls.test_channel import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.ocpp import v21
from v2g.ocpp.store import Memory
from v2g.pki import issue
from v2g.pki.certificate import Certificate, read_pem
from v2g.pki.hierarchy import create
from v2g.pki.profile import Role
from v2g.pki.revocation import Status, read_ocsp
from v2g.run.brought import mirror, place
from v2g.run.credentials import Credentials
from v2g.station.back_end.certificates import Certificates
from v2g.station.config.settings import Tls
from v2g.tls.context import vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import ISO15118_2, ISO15118_20, Profile

NOW = datetime.now(UTC)
USES: list[tuple[Any, str, Profile]] = [
    ("V2G20Certificate", ".", ISO15118_20),
    ("V2GCertificate", "iso2", ISO15118_2),
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("signed") / "pki"
    create(found, now=NOW, both=True)
    return found


class Operator:
    """Signs requests below the operator's sub-authority, and answers as a responder for it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.issuer = read_pem((directory / "cpo_sub_ca2.pem").read_bytes())[0]
        key = load_pem_private_key((directory / "cpo_sub_ca2_key.pem").read_bytes(), None)
        assert isinstance(key, issue.PrivateKey)
        self._key = key

    def sign(self, csr: str) -> str:
        """The chain, PEM."""
        asked = x509.load_pem_x509_csr(csr.encode())
        public = asked.public_key()
        assert isinstance(public, issue.PublicKey)
        usage = Role.STATION.value.extended_usage
        order = issue.Order(asked.subject, public, 30, extended_usage=usage, ocsp_url="http://ocsp.example.com/")
        leaf = issue.issue(order, self.issuer.parsed.subject, self._key, NOW)
        return leaf.public_bytes(Encoding.PEM).decode() + (self._directory / "cpo_chain.pem").read_text()

    def state(self, leaf: Certificate) -> str:
        return b64encode(issue.ocsp_response(leaf.parsed, self.issuer.parsed, self._key, NOW)).decode()


class Today(Stand):
    """A station whose clock shows the time of this machine, which TLS goes by."""

    def unix_s(self) -> float:
        return NOW.timestamp() + self.now()


def signed(store: Memory, directory: Path, use: Any) -> tuple[Stand, Certificate]:
    """A station whose back end has signed a leaf for cars; the leaf."""
    stand, operator = Today("ocpp2.1", store=store), Operator(directory)
    tester = BackEnd(stand)
    tester.booted()
    [root, *_] = read_pem((directory / "v2g_root.pem").read_bytes())
    tester.check("InstallCertificate", certificateType="V2GRootCertificate", certificate=root.pem.decode())
    tester.check("TriggerMessage", requestedMessage=f"Sign{use}")
    asked = tester.await_("SignCertificate", 30, certificateType=use)
    chain = operator.sign(asked.csr)
    leaf = read_pem(chain.encode())[0]
    result = operator.state(leaf)
    tester.answers["GetCertificateStatus"] = v21.GetCertificateStatusResponse(status="Accepted", ocspResult=result)
    tester.check("CertificateSigned", certificateChain=chain, certificateType=use, requestId=asked.requestId)
    tester.await_("GetCertificateStatus", 30)
    tester.run(1.0)
    return stand, leaf


def test_what_follows_a_chain_in_its_text_is_left_out(directory: Path) -> None:
    """A back end that cuts a certificate off leaves a chain that can be named, listed and deleted."""
    stand, operator = Today("ocpp2.1"), Operator(directory)
    tester = BackEnd(stand)
    tester.booted()
    tester.check("TriggerMessage", requestedMessage="SignV2GCertificate")
    asked = tester.await_("SignCertificate", 30, certificateType="V2GCertificate")
    chain = operator.sign(asked.csr)
    tester.check("CertificateSigned", certificateChain=f"{chain}-----BEGIN CERTIFICATE-----\nMIIB")
    assert stand.station.block(Certificates).own["V2GCertificate"].chain == chain
    listed = tester.check("GetInstalledCertificateIds", certificateType=["V2GCertificateChain"])
    assert len(listed.certificateHashDataChain) == 1


@pytest.mark.parametrize(
    ("key", "status"),
    [
        (Ed448PrivateKey.generate(), "Accepted"),
        (ec.generate_private_key(ec.SECP521R1()), "Accepted"),
        (rsa.generate_private_key(65_537, 2048), "Accepted"),
        (Ed25519PrivateKey.generate(), "Rejected"),
    ],
    ids=["Ed448", "P-521", "RSA", "Ed25519"],
)
def test_a_root_is_installed_if_its_key_is_of_a_kind_that_cars_or_back_ends_use(key: Any, status: str) -> None:
    subject = issue.name("Root", "V2G")
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    dated = builder.serial_number(7).not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1))
    root = dated.sign(key, None if isinstance(key, Ed448PrivateKey | Ed25519PrivateKey) else hashes.SHA256())
    pem = root.public_bytes(Encoding.PEM).decode()
    tester = BackEnd(Today("ocpp2.1"))
    tester.booted()
    tester.check("InstallCertificate", status, certificateType="V2GRootCertificate", certificate=pem)
    if status == "Accepted":
        [listed] = tester.check("GetInstalledCertificateIds").certificateHashDataChain
        # The hash of the key's BIT STRING, as a subject key identifier has it (RFC 5280, 4.2.1.2), with SHA-256.
        bits = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digests = {sha256(bits[start:]).hexdigest() for start in range(len(bits))}
        assert listed.certificateHashData.issuerKeyHash in digests
        tester.check("DeleteCertificate", certificateHashData=listed.certificateHashData)


def car(directory: Path, profile: Profile) -> Any:
    files = TlsFiles(
        directory / "vehicle_cert.pem",
        directory / "vehicle_key.pem",
        (directory / "v2g_root.pem",),
        directory / "oem_chain.pem",
    )
    return vehicle_context(files, profile, now=NOW)


@pytest.mark.parametrize(("use", "below", "profile"), USES)
def test_the_next_car_sees_it_with_its_state(
    use: Any, below: str, profile: Profile, directory: Path, tmp_path: Path
) -> None:
    brought = place(tmp_path / "ocpp.db")
    credentials = Credentials(Tls(directory=directory), brought)
    before = [each.own[0] for each in credentials.choice.contexts]
    stand, leaf = signed(Memory(), directory / below, use)
    mirror(brought, stand.station.block(Certificates).for_cars())
    lines: list[str] = []
    asyncio.run(credentials.reload(lines.append))
    assert credentials.problems == ()
    assert "read again" in lines[0]
    assert leaf not in before
    _, vehicle = connect(credentials.choice, car(directory / below, profile))
    assert vehicle.peer_certificate_der == leaf.der
    context = next(each for each in credentials.choice.contexts if each.own[0] == leaf)
    assert read_ocsp(context.staple, context.own[0], context.own[1], NOW.timestamp()).status is Status.GOOD


class SigningCsms(Csms):
    """Hears what the station wants to have signed."""

    @on("SignCertificate")  # type: ignore[untyped-decorator]
    def on_sign(self, **said: Any) -> Any:
        self.heard.put_nowait(("SignCertificate", said))
        return call_result.SignCertificate(status="Accepted")


@pytest.mark.alone
def test_an_independent_back_end_brings_it_to_the_running_process(directory: Path, tmp_path: Path) -> None:
    asyncio.run(_an_independent_back_end_brings_it_to_the_running_process(directory, tmp_path))


async def _an_independent_back_end_brings_it_to_the_running_process(directory: Path, tmp_path: Path) -> None:
    found: asyncio.Queue[SigningCsms] = asyncio.Queue()

    async def handle(connection: ServerConnection) -> None:
        csms = SigningCsms("CS 1", connection)
        found.put_nowait(csms)
        await csms.start()

    async with serve(handle, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.1")]) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        async with station(tmp_path, url=url, security_profile=1), asyncio.timeout(WITHIN_S):
            csms = await found.get()
            await until(csms, "BootNotification")
            asked = await csms.call(call.TriggerMessage(requested_message="SignV2G20Certificate"))
            assert asked.status == "Accepted"
            said = await until(csms, "SignCertificate")
            chain = Operator(directory).sign(said["csr"])
            answer = await csms.call(call.CertificateSigned(chain, "V2G20Certificate", request_id=said["request_id"]))
            assert answer.status == "Accepted"
            brought = place(tmp_path / "ocpp.db")
            while not (held := list(brought.glob("V2G20Certificate-*/secc_cert.pem"))):
                await csms.call(call.GetLocalListVersion())  # the process has gone on meanwhile
            assert held[0].read_text() == chain


def test_it_is_used_again_after_a_restart(directory: Path, tmp_path: Path) -> None:
    store = Memory()
    _, leaf = signed(store, directory, "V2G20Certificate")
    again = Today("ocpp2.1", store=store)
    mirror(place(tmp_path / "ocpp.db"), again.station.block(Certificates).for_cars())
    credentials = Credentials(Tls(directory=directory), place(tmp_path / "ocpp.db"))
    assert credentials.choice.contexts[0].own[0] == leaf


def test_one_that_cannot_be_used_leaves_those_of_the_configuration(directory: Path, tmp_path: Path) -> None:
    brought = place(tmp_path / "ocpp.db")
    mirror(brought, {"V2G20Certificate-1/secc_key.pem": b"x", "V2G20Certificate-1/secc_cert.pem": b"y"})
    credentials = Credentials(Tls(directory=directory), brought)
    assert credentials.choice.spoken == "TLS 1.3 and TLS 1.2"
    assert "V2G20Certificate-1 is left out" in "\n".join(credentials.problems)


def test_the_directory_holds_what_the_back_end_has_brought_and_nothing_else(tmp_path: Path) -> None:
    states = [{"a/one": b"1", "top": b"2"}, {"b/one": b"1", "top": b"3"}, {}]
    for former, files in pairwise([{}, *states]):
        mirror(tmp_path / "cars", files)
        found = {
            str(each.relative_to(tmp_path / "cars")): each.read_bytes()
            for each in (tmp_path / "cars").rglob("*")
            if each.is_file()
        }
        assert found == files, former
        assert {each.stat().st_mode & 0o777 for each in (tmp_path / "cars").rglob("*") if each.is_file()} <= {0o600}
    assert not list((tmp_path / "cars").iterdir())
