"""The station's certificates while it runs: read again, renewed, asked about; and nothing that fails ends anything."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from v2g.bench.ocsp_responder import Responder
from v2g.iso15118.d2.station.contract_chain import KNOWN_WITHIN_S
from v2g.pki import issue
from v2g.pki.certificate import Certificate, of, read_pem
from v2g.pki.chain import Reason, Verdict
from v2g.pki.hierarchy import create
from v2g.pki.profile import ISO15118_2, POLICIES, Policy, Role
from v2g.pki.revocation import Status, read_ocsp
from v2g.run.credentials import MOST_QUESTIONS, Credentials
from v2g.station.config.settings import Tls
from v2g.tls.profile import TlsError

NOW = datetime.now(UTC)
NOBODY = 65534


@pytest.fixture(scope="module")
def responder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Responder]:
    """It answers for a hierarchy that names it."""
    directory = tmp_path_factory.mktemp("responder") / "pki"
    server = Responder(directory)
    create(directory, now=NOW, both=True, ocsp_url=server.url)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def directory(responder: Responder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(responder.directory, tmp_path / "pki"))


def certificates(directory: Path, file: str) -> list[Certificate]:
    return read_pem((directory / file).read_bytes())


def judge(
    credentials: Credentials, directory: Path, policy: Policy | None = None, after_s: float = 60.0
) -> Verdict | None:
    leaf, chain = certificates(directory, "contract_cert.pem")[0], certificates(directory, "mo_chain.pem")
    return credentials.judge(leaf.der, [each.der for each in chain], Role.CONTRACT, NOW.timestamp() + after_s, policy)


async def judged(credentials: Credentials, directory: Path) -> Verdict:
    """Asked again once the responders have answered, as the conversation with a car does."""
    verdict = judge(credentials, directory)
    if verdict is None:
        await credentials.answered()
        verdict = judge(credentials, directory)
    assert verdict is not None
    return verdict


def test_both_leaves_are_there(directory: Path) -> None:
    credentials = Credentials(Tls(directory=directory))
    assert credentials.choice.spoken == "TLS 1.3 and TLS 1.2"
    assert [each.own[0].key_kind for each in credentials.choice.contexts] == ["secp521r1", "secp256r1"]
    assert credentials.problems == ()


def test_a_station_with_what_iso15118_20_needs_only(directory: Path) -> None:
    shutil.rmtree(directory / "iso2")
    assert Credentials(Tls(directory=directory)).choice.spoken == "TLS 1.3"


def test_a_broken_second_leaf_is_left_out_and_named(directory: Path) -> None:
    (directory / "iso2" / "secc_key.pem").unlink()
    credentials = Credentials(Tls(directory=directory))
    assert credentials.choice.spoken == "TLS 1.3"
    assert "iso2 is left out" in credentials.problems[0]
    assert "secc_key.pem: No such file" in credentials.problems[0]


def test_one_expired_root_keeps_no_station_from_starting(directory: Path) -> None:
    key = issue.make_key("p521")
    order = issue.Order(issue.name("Old OEM Root", "OEM"), key.public_key(), 1, 2)
    old = issue.issue(order, order.subject, key, NOW - timedelta(days=10))
    with (directory / "oem_root.pem").open("ab") as file:
        file.write(of(old).pem)
    credentials = Credentials(Tls(directory=directory))
    assert "the root CN=Old OEM Root, O=v2g test, DC=OEM expired on" in credentials.problems[0]
    assert [root.common_name for root in credentials.store.roots_for(Role.VEHICLE)][:1] == ["OEM Root CA"]


def test_a_broken_file_of_roots_keeps_no_car_of_the_others_out(directory: Path, tmp_path: Path) -> None:
    create(tmp_path / "other", now=NOW)
    shutil.copy(tmp_path / "other" / "oem_root.pem", directory / "oem_root_2.pem")
    (directory / "oem_root_3.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    credentials = Credentials(Tls(directory=directory))
    assert [file.name for file in credentials.choice.files.roots] == ["oem_root.pem", "oem_root_2.pem"]
    assert "oem_root_3.pem holds a certificate that cannot be read" in credentials.problems[0]


def test_any_directory_below_counts(directory: Path) -> None:
    """A station below two V2G roots: its leaves and their roots, whatever the directories are called."""
    (directory / "iso2").rename(directory / "second")
    credentials = Credentials(Tls(directory=directory))
    assert [each.own[0].key_kind for each in credentials.choice.contexts] == ["secp521r1", "secp256r1"]
    assert [root.key_kind for root in credentials.store.roots_for(Role.STATION)] == ["secp521r1", "secp256r1"]


def test_changed_files_are_used_for_the_next_car(directory: Path, tmp_path: Path) -> None:
    credentials = Credentials(Tls(directory=directory))
    former = credentials.choice
    lines: list[str] = []
    create(tmp_path / "new", now=NOW)
    for file in ("secc_cert.pem", "secc_key.pem", "cpo_chain.pem", "v2g_root.pem"):
        shutil.copy(tmp_path / "new" / file, directory / file)
    asyncio.run(credentials.reload(lines.append))
    assert credentials.choice is not former
    assert credentials.choice.contexts[0].own[0] == certificates(tmp_path / "new", "secc_cert.pem")[0]
    assert "were read again" in lines[0]


def test_unusable_files_leave_the_former_ones_in_force(directory: Path) -> None:
    credentials = Credentials(Tls(directory=directory))
    former = credentials.choice
    lines: list[str] = []
    (directory / "secc_cert.pem").write_text("garbage")
    asyncio.run(credentials.reload(lines.append))
    assert credentials.choice is former
    assert "the former ones stay in force" in lines[0]
    with pytest.raises(TlsError, match="holds no PEM certificate"):
        Credentials(Tls(directory=directory))


def test_a_response_about_each_leaf_is_fetched_to_be_stapled(responder: Responder, directory: Path) -> None:
    credentials = Credentials(Tls(directory=directory))
    assert asyncio.run(credentials.renew_staples()) is None
    for context in credentials.choice.contexts:
        leaf, issuer = context.own[:2]
        found = read_ocsp(context.staple, leaf, issuer, NOW.timestamp() + 60)
        assert (found.status, found.until_s) == (Status.GOOD, context.staple_until_s)
    (responder.directory / "revoked").write_text("secc_cert.pem\n")
    try:
        failure = asyncio.run(credentials.renew_staples())
    finally:
        (responder.directory / "revoked").unlink()
    assert failure == "the station's own certificate is revoked by its OCSP responder; renew it"


def test_the_watch_notices_and_warns(directory: Path) -> None:
    credentials = Credentials(Tls(directory=directory))

    async def run() -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        watch = asyncio.create_task(credentials.watch(lines.put_nowait, 0.02))
        ends_soon(directory)
        expected = "the certificate CN=SECC-1, O=v2g test, DC=CPO expires in 4 days; renew it"
        async with asyncio.timeout(30):
            while "read again" not in await lines.get():
                pass
            while expected not in await lines.get():
                pass
        watch.cancel()

    asyncio.run(run())


def ends_soon(directory: Path) -> None:
    """A new leaf that is valid for five days."""
    issuer = certificates(directory, "cpo_sub_ca2.pem")[0]
    issuer_key = load_pem_private_key((directory / "cpo_sub_ca2_key.pem").read_bytes(), None)
    key = load_pem_private_key((directory / "secc_key.pem").read_bytes(), None)
    assert isinstance(issuer_key, issue.PrivateKey)
    assert isinstance(key, issue.PrivateKey)
    order = issue.leaf(Role.STATION, "SECC-1", key.public_key(), 4.5)
    leaf = of(issue.issue(order, issuer.parsed.subject, issuer_key, NOW))
    (directory / "secc_cert.pem").write_bytes(leaf.pem)


def test_a_contract_is_asked_about_once(responder: Responder, directory: Path) -> None:
    async def run() -> None:
        credentials = Credentials(Tls(directory=directory, revocation="require"))
        before = responder.asked
        verdict = await judged(credentials, directory)
        assert (verdict.reason, verdict.revocation) == (Reason.NONE, Status.GOOD), verdict.text
        assert verdict.contract_id == "XXV2GC00000001"
        assert responder.asked == before + 3
        assert await judged(credentials, directory) == verdict
        assert responder.asked == before + 3

    asyncio.run(run())


def test_a_responder_is_asked_again_once_its_answer_holds_no_longer(responder: Responder, directory: Path) -> None:
    async def run() -> None:
        credentials = Credentials(Tls(directory=directory))
        assert (await judged(credentials, directory)).revocation is Status.GOOD
        before = responder.asked
        assert judge(credentials, directory, after_s=25 * 3600.0) is None
        await credentials.answered()
        assert responder.asked == before + 3

    asyncio.run(run())


def test_responders_that_hang_hold_nobody_else_up(tmp_path: Path) -> None:
    """As many questions as there may be, while others need a thread too: to look up a name, to flush the journal."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        directory = tmp_path / "pki"
        create(directory, now=NOW, ocsp_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        contract = certificates(directory, "contract_cert.pem")[0]
        issuer = certificates(directory, "mo_sub_ca2.pem")[0]

        async def run() -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            credentials = Credentials(Tls(directory=directory))
            for number in range(MOST_QUESTIONS):
                assert credentials._ask(replace(contract, der=bytes([number])), issuer) is not None
            async with asyncio.timeout(30):
                connections = [await asyncio.to_thread(silent.accept) for _ in range(MOST_QUESTIONS)]
            for connection, _ in connections:
                connection.close()
            await credentials.answered()

        asyncio.run(run())


def test_a_revoked_contract_is_found_out(responder: Responder, directory: Path) -> None:
    (responder.directory / "revoked").write_text("contract_cert.pem\n")

    async def run() -> None:
        for policy in ("prefer", "require"):
            credentials = Credentials(Tls(directory=directory, revocation=policy))
            assert (await judged(credentials, directory)).reason is Reason.REVOKED
        assert (await judged(Credentials(Tls(directory=directory, revocation="ignore")), directory)).good

    try:
        asyncio.run(run())
    finally:
        (responder.directory / "revoked").unlink()


def test_what_was_revoked_stays_so_when_the_files_are_read_again(responder: Responder, directory: Path) -> None:
    """Somebody on the line may repeat what the responder said last week."""

    async def run() -> None:
        credentials = Credentials(Tls(directory=directory))
        (responder.directory / "revoked").write_text("contract_cert.pem\n")
        assert (await judged(credentials, directory)).reason is Reason.REVOKED
        (responder.directory / "revoked").unlink()
        await credentials.reload(lambda line: None)
        assert (await judged(credentials, directory)).reason is Reason.REVOKED

    try:
        asyncio.run(run())
    finally:
        (responder.directory / "revoked").unlink(missing_ok=True)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN X509 CRL-----\nAA"], ids=["gone", "empty", "cut off"])
def test_a_spoilt_revocation_list_brings_no_revoked_contract_back(directory: Path, content: bytes | None) -> None:
    list_ = directory / "crl" / "mo.crl"
    write_list(directory)

    async def run() -> None:
        credentials = Credentials(Tls(directory=directory))
        if content is None:
            list_.unlink()
        else:
            list_.write_bytes(content)
        await credentials.reload(lambda line: None)
        assert (await judged(credentials, directory)).reason is Reason.REVOKED

    asyncio.run(run())


def write_list(directory: Path) -> None:
    """One that takes the contract back."""
    issuer = certificates(directory, "mo_sub_ca2.pem")[0]
    key = load_pem_private_key((directory / "mo_sub_ca2_key.pem").read_bytes(), None)
    assert isinstance(key, issue.PrivateKey)
    serial = certificates(directory, "contract_cert.pem")[0].serial
    (directory / "crl").mkdir()
    (directory / "crl" / "mo.crl").write_bytes(issue.revocation_list(issuer.parsed, key, {serial: NOW}, NOW))


def test_without_the_responder_the_policy_decides(directory: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    create(away, now=NOW, ocsp_url="http://127.0.0.1:1/")

    async def run() -> None:
        verdict = await judged(Credentials(Tls(directory=away, revocation="prefer")), away)
        assert (verdict.reason, verdict.revocation) == (Reason.NONE, Status.UNKNOWN)
        verdict = await judged(Credentials(Tls(directory=away, revocation="require")), away)
        assert verdict.reason is Reason.REVOCATION_UNKNOWN

    asyncio.run(run())


@pytest.mark.parametrize(
    ("policy", "reason"), [("prefer", Reason.NONE), ("require", Reason.REVOCATION_UNKNOWN)], ids=["prefer", "require"]
)
def test_a_responder_that_hangs_is_waited_for_as_long_as_the_car_can_wait(
    tmp_path: Path, policy: Literal["prefer", "require"], reason: Reason
) -> None:
    patient, hasty = (replace(POLICIES["interop-p256"], known_within_s=each) for each in (60.0, 0.0))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        directory = tmp_path / "pki"
        create(directory, now=NOW, ocsp_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")

        async def run() -> None:
            credentials = Credentials(Tls(directory=directory, revocation=policy))
            assert judge(credentials, directory, patient) is None
            verdict = judge(credentials, directory, hasty)
            assert verdict is not None
            assert (verdict.reason, verdict.revocation) == (reason, Status.UNKNOWN)
            assert judge(credentials, directory, patient) is None
            for _ in range(3):  # questions about leaf and authorities
                (await asyncio.to_thread(silent.accept))[0].close()

        asyncio.run(run())


def test_a_car_of_iso_2_gets_the_policy_before_it_is_given_up() -> None:
    assert ISO15118_2.known_within_s < KNOWN_WITHIN_S


def test_the_loop_turns_while_files_are_read(directory: Path) -> None:
    async def run() -> None:
        credentials = Credentials(Tls(directory=directory))
        former, turns = credentials.choice, 0
        reading = asyncio.create_task(credentials.reload(lambda line: None))
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)
        assert credentials.choice is not former
        assert turns > 3

    asyncio.run(run())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
@pytest.mark.parametrize("below", ["crl", "iso2"])
def test_a_directory_that_may_not_be_read_is_left_out_and_named(responder: Responder, below: str) -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        directory = Path(shutil.copytree(responder.directory, Path(folder) / "pki"))
        for each in (directory, *directory.rglob("*")):
            each.chmod(0o755)
        (directory / below).mkdir(exist_ok=True)
        (directory / below).chmod(0o700)
        os.seteuid(NOBODY)
        try:
            credentials = Credentials(Tls(directory=directory))
        finally:
            os.seteuid(0)
    assert credentials.problems[0] == f"{directory / below} is left out: Permission denied; let this user read it"


def test_revocation_lists_in_the_directory_count(directory: Path) -> None:
    write_list(directory)
    (directory / "crl" / "junk").write_bytes(b"junk")

    async def run() -> None:
        credentials = Credentials(Tls(directory=directory))
        assert "junk is no revocation list that counts" in credentials.problems[0]
        verdict = await judged(credentials, directory)
        assert verdict.reason is Reason.REVOKED
        assert "revocation list" in verdict.text

    asyncio.run(run())
