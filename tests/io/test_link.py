"""Links over real TCP connections on the loopback, plain and with TLS."""

import asyncio
import hashlib
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.io.jumping_loop import JumpingLoop, run_ahead

from v2g.io.link import FIRST_FRAME_S, MOST_AT_ONCE, MOST_UNTAKEN, Link, LinkLost, Peer, SilentPeer, connect
from v2g.io.listener import Listener, listen
from v2g.kernel.errors import V2GError
from v2g.kernel.fault import Fault
from v2g.pki.hierarchy import create
from v2g.tls.channel import TlsChannel
from v2g.tls.context import TlsContext, station_context, vehicle_context
from v2g.tls.files import TlsFiles
from v2g.tls.profile import TlsError
from v2g.v2gtp.framing import FramingError, PayloadType, pack

LIMIT_S = 10.0


class User:
    """Notes what happens on a link, so that a test can wait for it."""

    def __init__(self, answer: Callable[[Link, int, bytes], None] | None = None) -> None:
        self.link: Link | None = None
        self.peer: Peer | None = None
        self.frames: asyncio.Queue[tuple[int, bytes, float]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.gone = asyncio.Event()
        self.lost_count = 0
        self.reason: V2GError | None = None
        self._answer = answer

    def established(self, link: Link, peer: Peer) -> None:
        self.link, self.peer = link, peer
        self.up.set()

    def frame(self, payload_type: int, payload: bytes, arrived: float) -> None:
        self.frames.put_nowait((payload_type, payload, arrived))
        if self._answer is not None and self.link is not None:
            self._answer(self.link, payload_type, payload)

    def lost(self, reason: V2GError | None) -> None:
        self.reason = reason
        self.lost_count += 1
        self.gone.set()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await scenario

    asyncio.run(bounded())


async def station(user: User, tls: Callable[[], TlsChannel] | None = None) -> tuple[Listener, int]:
    listener = await listen(lambda: user, "::1", tls=tls)
    return listener, listener.port


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("link") / "pki"
    create(directory, now=datetime.now(UTC))
    return directory


@pytest.fixture(scope="module")
def contexts(pki: Path) -> tuple[TlsContext, TlsContext]:
    now = datetime.now(UTC)
    secc = TlsFiles(
        pki / "secc_cert.pem", pki / "secc_key.pem", roots=(pki / "oem_root.pem",), chain=pki / "cpo_chain.pem"
    )
    vehicle = TlsFiles(
        pki / "vehicle_cert.pem", pki / "vehicle_key.pem", roots=(pki / "v2g_root.pem",), chain=pki / "oem_chain.pem"
    )
    return station_context(secc, now=now), vehicle_context(vehicle, now=now)


def echo(link: Link, payload_type: int, payload: bytes) -> None:
    link.send(payload_type, payload)


def test_frames_go_both_ways_and_an_own_close_has_no_reason() -> None:
    async def scenario() -> None:
        there, here = User(echo), User()
        server, port = await station(there)
        sent = asyncio.get_running_loop().time()
        link = await connect(here, "::1", port)
        link.send(PayloadType.MAIN, b"hello")
        *frame, arrived = await here.frames.get()
        assert frame == [PayloadType.MAIN, b"hello"]
        assert sent < arrived < sent + LIMIT_S
        assert here.peer == Peer("::1", port, None)
        link.close()
        await asyncio.gather(here.gone.wait(), there.gone.wait())
        assert here.reason is None
        assert isinstance(there.reason, LinkLost)
        assert str(there.reason) == "the peer closed the connection"
        assert (here.lost_count, there.lost_count) == (1, 1)
        server.close()

    run(scenario())


def test_no_frame_waits_for_an_acknowledgement() -> None:
    async def scenario() -> None:
        there = User()
        server, port = await station(there)
        link = await connect(User(), "::1", port)
        await there.up.wait()
        for each in (link, there.link):
            assert each is not None
            assert each._transport is not None
            assert each._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        link.abort()
        server.close()

    run(scenario())


def numbered(count: int) -> bytes:
    return b"".join(pack(PayloadType.DC, n.to_bytes(4)) for n in range(count))


def test_several_frames_in_one_segment_arrive_in_order_one_in_each_turn_of_the_loop() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        turns: list[int] = []
        turn = 0

        def count() -> None:
            nonlocal turn
            turn += 1
            loop.call_soon(count)

        loop.call_soon(count)
        there = User(lambda link, payload_type, payload: turns.append(turn))
        server, port = await station(there)
        _, writer = await asyncio.open_connection("::1", port)
        writer.write(numbered(MOST_AT_ONCE))
        assert [(await there.frames.get())[1] for _ in range(MOST_AT_ONCE)] == [
            n.to_bytes(4) for n in range(MOST_AT_ONCE)
        ]
        assert len(set(turns)) == MOST_AT_ONCE
        writer.close()
        server.close()

    run(scenario())


def test_a_car_that_does_not_wait_for_answers_is_disconnected_with_the_reason() -> None:
    async def scenario() -> None:
        there = User(echo)
        server, port = await station(there)
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(numbered(10_000))
        await there.gone.wait()
        assert isinstance(there.reason, FramingError)
        assert there.reason.fault is Fault.FRAMING
        assert str(there.reason) == f"more than {MOST_AT_ONCE} requests at once; a car has one outstanding"
        assert there.frames.empty()
        with suppress(ConnectionResetError):  # the rest of the burst was never read
            assert await reader.read() == b""
        writer.close()
        server.close()

    run(scenario())


def test_what_came_before_the_end_of_the_stream_is_answered_before_the_end() -> None:
    async def scenario() -> None:
        there = User(echo)
        server, port = await station(there)
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(numbered(3))
        writer.write_eof()
        assert await reader.read() == numbered(3)
        await there.gone.wait()
        assert there.frames.qsize() == 3
        assert str(there.reason) == "the peer closed the connection"
        writer.close()
        server.close()

    run(scenario())


def test_a_user_that_fails_loses_its_own_link_only(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(link: Link, payload_type: int, payload: bytes) -> None:
        if payload == (1).to_bytes(4):
            raise ZeroDivisionError("in the user")

    async def scenario() -> None:
        failures: list[BaseException | None] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context["exception"]))
        there, other = User(fail), User(echo)
        (server, port), (second, second_port) = await station(there), await station(other)
        _, writer = await asyncio.open_connection("::1", port)
        here = User()
        link = await connect(here, "::1", second_port)
        writer.write(numbered(3))
        await there.gone.wait()
        assert there.lost_count == 1
        assert [type(each) for each in failures] == [ZeroDivisionError]
        link.send(PayloadType.MAIN, b"still there")
        assert (await here.frames.get())[1] == b"still there"
        link.close()
        writer.close()
        server.close()
        second.close()

    run(scenario())


def test_a_peer_that_reads_no_responses_is_disconnected() -> None:
    async def scenario() -> None:
        there = User()
        server, port = await station(there)
        with socket.create_connection(("::1", port)):
            await there.up.wait()
            assert there.link is not None
            while not there.gone.is_set():
                there.link.send(PayloadType.MAIN, bytes(MOST_UNTAKEN))
                await asyncio.sleep(0)
        assert "the peer does not read" in str(there.reason)
        server.close()

    run(scenario())


def test_a_connection_that_sends_no_request_does_not_hold_the_station() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        there = User()
        server, port = await station(there)
        _, writer = await asyncio.open_connection("::1", port)
        writer.write(pack(PayloadType.EXI, b"never finished")[:-1])
        await there.up.wait()
        loop.ahead_s = 4.5
        await asyncio.sleep(0)
        assert not there.gone.is_set()
        loop.ahead_s = 5.5
        await there.gone.wait()
        assert isinstance(there.reason, SilentPeer)
        assert there.reason.fault is Fault.COMMUNICATION_SETUP_TIMEOUT
        assert str(there.reason) == "the peer sent no request within 5 s of connecting"
        writer.close()
        server.close()

    run_ahead(scenario)


def test_a_car_that_has_sent_a_request_may_be_silent_for_as_long_as_its_session_allows() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        there = User()
        server, port = await station(there)
        _, writer = await asyncio.open_connection("::1", port)
        writer.write(numbered(1))
        await there.frames.get()
        loop.ahead_s = 2 * FIRST_FRAME_S
        await asyncio.sleep(0)
        writer.write(numbered(1))
        await there.frames.get()
        assert not there.gone.is_set()
        writer.close()
        server.close()

    run_ahead(scenario)


def test_bytes_that_are_not_v2gtp_end_the_link_after_the_frames_before_them() -> None:
    async def scenario() -> None:
        there = User()
        server, port = await station(there)
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(pack(PayloadType.EXI, b"first") + b"GET / HTTP/1.1\r\n")
        assert (await there.frames.get())[1] == b"first"
        await there.gone.wait()
        assert isinstance(there.reason, FramingError)
        assert "version byte 0x47" in str(there.reason)
        assert await reader.read() == b""
        writer.close()
        server.close()

    run(scenario())


def test_nothing_is_delivered_after_the_user_closed_the_link() -> None:
    async def scenario() -> None:
        there = User(lambda link, payload_type, payload: link.close())
        server, port = await station(there)
        _, writer = await asyncio.open_connection("::1", port)
        writer.write(pack(PayloadType.EXI, b"first") + pack(PayloadType.EXI, b"second"))
        await there.gone.wait()
        assert there.frames.qsize() == 1
        assert there.reason is None
        writer.close()
        server.close()

    run(scenario())


def test_a_reset_connection_is_lost_with_the_reason() -> None:
    async def scenario() -> None:
        there = User()
        server, port = await station(there)
        _, writer = await asyncio.open_connection("::1", port)
        await there.up.wait()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        await there.gone.wait()
        assert isinstance(there.reason, LinkLost)
        assert "reset" in str(there.reason)
        server.close()

    run(scenario())


def test_close_does_not_wait_for_a_peer_that_takes_nothing() -> None:
    async def scenario(loop: JumpingLoop) -> None:
        there = User()
        server, port = await station(there)
        with socket.create_connection(("::1", port)):
            await there.up.wait()
            assert there.link is not None
            transport = there.link._transport
            assert transport is not None
            while not transport.get_write_buffer_size():
                there.link.send(PayloadType.MAIN, bytes(100_000))
            there.link.close()
            await asyncio.sleep(0)
            assert not there.gone.is_set()
            loop.ahead_s = 2.5
            await there.gone.wait()
        server.close()

    run_ahead(scenario)


def test_nobody_there_says_where() -> None:
    async def scenario() -> None:
        server, port = await station(User())
        server.close()
        with pytest.raises(LinkLost, match=rf"no connection to \[::1\]:{port}"):
            await connect(User(), "::1", port)

    run(scenario())


def test_an_address_in_use_says_which() -> None:
    async def scenario() -> None:
        server, port = await station(User())
        with pytest.raises(LinkLost, match=rf"cannot listen at \[::1\]:{port}"):
            await listen(User, "::1", port)
        server.close()

    run(scenario())


def test_tls_carries_frames_and_names_the_peers(contexts: tuple[TlsContext, TlsContext], pki: Path) -> None:
    secc, vehicle = contexts

    def fingerprint(file: str) -> bytes:
        certificate = x509.load_pem_x509_certificate((pki / file).read_bytes())
        return hashlib.sha512(certificate.public_bytes(Encoding.DER)).digest()

    async def scenario() -> None:
        there, here = User(echo), User()
        server, port = await station(there, lambda: TlsChannel(secc))
        link = await connect(here, "::1", port, TlsChannel(vehicle))
        link.send(PayloadType.MAIN, b"too early")  # the set-up still goes on
        await asyncio.gather(here.up.wait(), there.up.wait())
        assert here.peer is not None
        assert here.peer.fingerprint == fingerprint("secc_cert.pem")
        assert there.peer is not None
        assert there.peer.fingerprint == fingerprint("vehicle_cert.pem")
        link.send(PayloadType.MAIN, bytes(50_000))
        assert (await here.frames.get())[:2] == (PayloadType.MAIN, bytes(50_000))
        link.close()
        await asyncio.gather(here.gone.wait(), there.gone.wait())
        assert here.reason is None
        assert str(there.reason) == "the peer closed the connection"
        server.close()

    run(scenario())


def test_a_plain_car_at_a_tls_station_is_a_tls_error_and_never_plain_text(
    contexts: tuple[TlsContext, TlsContext],
) -> None:
    async def scenario() -> None:
        there = User()
        server, port = await station(there, lambda: TlsChannel(contexts[0]))
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(pack(PayloadType.EXI, b"hello"))
        await there.gone.wait()
        assert isinstance(there.reason, TlsError)
        assert not there.up.is_set()
        assert there.frames.empty()
        assert (await reader.read())[:1] in (b"", b"\x15")  # nothing, or a TLS alert
        writer.close()
        server.close()

    run(scenario())


def test_a_tls_car_at_a_plain_station_learns_it(contexts: tuple[TlsContext, TlsContext]) -> None:
    async def scenario() -> None:
        there, here = User(), User()
        server, port = await station(there)
        await connect(here, "::1", port, TlsChannel(contexts[1]))
        await asyncio.gather(here.gone.wait(), there.gone.wait())
        assert isinstance(here.reason, TlsError)
        assert not here.up.is_set()
        assert isinstance(there.reason, FramingError)
        assert "TLS record" in str(there.reason)
        server.close()

    run(scenario())


def test_a_certificate_that_is_not_trusted_fails_on_both_sides(
    contexts: tuple[TlsContext, TlsContext], pki: Path
) -> None:
    stranger = vehicle_context(
        TlsFiles(pki / "contract_cert.pem", pki / "contract_key.pem", roots=(pki / "v2g_root.pem",)),
        now=datetime.now(UTC),
    )

    async def scenario() -> None:
        there, here = User(), User()
        server, port = await station(there, lambda: TlsChannel(contexts[0]))
        await connect(here, "::1", port, TlsChannel(stranger))
        await asyncio.gather(here.gone.wait(), there.gone.wait())
        assert isinstance(there.reason, TlsError)
        assert isinstance(here.reason, TlsError)
        assert not there.up.is_set()
        server.close()

    run(scenario())


def test_a_silent_peer_does_not_hold_the_tls_set_up(contexts: tuple[TlsContext, TlsContext]) -> None:
    async def scenario(loop: JumpingLoop) -> None:
        here = User()
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as silent:
            await connect(here, "::1", silent.getsockname()[1], TlsChannel(contexts[1]))
            loop.ahead_s = 14.0
            await asyncio.sleep(0)
            assert not here.gone.is_set()
            loop.ahead_s = 15.5
            await here.gone.wait()
        assert isinstance(here.reason, TlsError)
        assert "longer than 15 s" in str(here.reason)

    run_ahead(scenario)
