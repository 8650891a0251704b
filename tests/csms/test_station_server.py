"""Where stations connect, over real sockets: who gets in, what a connection may do, and that it ends in order."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.certificates import certified
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Close, Frame, Opcode

from v2g.io.station_server import Door, StationServer, tls_of

PASSWORD = "sixteen and more characters"
OCPP = ["ocpp2.1"]


class Heard:
    """All that the server reports; answers each frame."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, str | bytes]] = []
        self.links: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.send: dict[str, Callable[[str], None]] = {}

    def knows(self, station: str) -> bool:
        return station in ("CS1", "CS 2")

    def connected(self, station: str, subprotocol: str, send: Callable[[str], None], close: Callable[[], None]) -> None:
        self.links.append((station, subprotocol))
        self.send[station] = send

    def heard(self, station: str, frame: str | bytes) -> None:
        self.frames.append((station, frame))
        self.send[station](f"heard {len(frame)}")

    def disconnected(self, station: str) -> None:
        self.links.append((station, "gone"))


@asynccontextmanager
async def listening(door: Door) -> AsyncIterator[tuple[Heard, str]]:
    heard, at = Heard(), asyncio.get_running_loop().create_future()
    server = StationServer(heard, door, heard.lines.append)
    serving = asyncio.create_task(server.serve("127.0.0.1", 0, at.set_result))
    try:
        yield heard, await at
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def in_clear() -> Door:
    return Door(1, {"CS1": PASSWORD, "CS 2": PASSWORD}, {}, None)


def link(at: str, station: str = "CS1", password: str = PASSWORD, **more: object) -> connect:
    place = at.replace("://", f"://{station.replace(' ', '%20')}:{password.replace(' ', '%20')}@")
    options = {"subprotocols": OCPP, "proxy": None} | more
    return connect(f"{place}/ocpp/{station.replace(' ', '%20')}", **options)  # type: ignore[arg-type]


async def closed(peer: ClientConnection) -> int:
    await peer.wait_closed()
    assert peer.close_code is not None
    return peer.close_code


def test_frames_pass_whole_in_parts_and_together() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), link(at) as peer, link(at, "CS 2") as other:
            await peer.send(["one ", "of three ", "parts"])
            assert await peer.recv() == "heard 18"
            for number in range(200):  # more than one turn of the loop takes
                await peer.send(f"frame {number:03}")
            await other.send("x" * 100_000)
            assert await other.recv() == "heard 100000"
            for _ in range(200):
                assert await peer.recv() == "heard 9"
            mine = [frame for station, frame in heard.frames if station == "CS1"]
            assert mine == ["one of three parts", *(f"frame {number:03}" for number in range(200))]

    asyncio.run(run())


def test_a_new_connection_takes_the_place_of_the_old_one() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), link(at) as before:
            async with link(at) as after:
                assert await closed(before) == 1000
                await after.send("here")
                assert await after.recv() == "heard 4"
                assert heard.links == [("CS1", "ocpp2.1")] * 2
            async with link(at) as last:
                await last.send("again")
                assert await last.recv() == "heard 5"
                assert heard.links[2:] == [("CS1", "gone"), ("CS1", "ocpp2.1")]

    asyncio.run(run())


def test_who_is_unknown_or_has_another_password_does_not_get_in() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at):
            for station, password, status in (("CS9", PASSWORD, 404), ("CS1", "another password", 401)):
                with pytest.raises(InvalidStatus) as refused:
                    await link(at, station, password)
                assert refused.value.response.status_code == status
            async with link(at, subprotocols=["ocpp1.6"]) as peer:  # the handshake is completed all the same
                assert peer.subprotocol is None
                assert await closed(peer) == 1000
            assert heard.lines == ["CS1 is refused: it speaks none of ocpp2.1, ocpp2.0.1; update it"]
            reader, writer = await asyncio.open_connection(*at.removeprefix("ws://").split(":"))
            writer.write(b"no HTTP at all\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
            assert heard.links == []

    asyncio.run(run())


def test_what_is_no_text_or_too_large_ends_the_connection() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at):
            async with link(at) as peer:
                await peer.send(b"\xff\xfe", text=True)
                assert await closed(peer) == 1007
            async with link(at, compression=None) as peer:
                await peer.send("x" * 2_000_000)
                assert await closed(peer) == 1009
            assert heard.frames == []

    asyncio.run(run())


def framed(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


@asynccontextmanager
async def raw(at: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A station that sends what bytes it likes, once it is admitted."""
    reader, writer = await asyncio.open_connection(*at.removeprefix("ws://").split(":"))
    secret = b64encode(f"CS1:{PASSWORD}".encode()).decode()
    lines = (
        "GET /CS1 HTTP/1.1", "Host: depot", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: ocpp2.1",
        f"Authorization: Basic {secret}",
    )  # fmt: skip
    writer.write("\r\n".join((*lines, "", "")).encode())
    await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def code_of(reader: asyncio.StreamReader) -> int:
    """Of the close frame, after everything else."""
    sent = await reader.read()
    return int.from_bytes(sent[sent.rindex(b"\x88") + 2 :][:2])


def test_what_came_before_the_end_is_heard_and_nothing_after_a_fault() -> None:
    texts = [framed(Opcode.TEXT, f"frame {number}".encode()) for number in range(5)]

    async def run() -> None:
        async with listening(in_clear()) as (heard, at):
            async with raw(at) as (reader, writer):
                writer.write(b"".join(texts) + framed(Opcode.CLOSE, Close(1000, "").serialize()))
                assert await code_of(reader) == 1000
                assert [frame for _, frame in heard.frames] == [f"frame {number}" for number in range(5)]
            heard.frames.clear()
            for after in (texts[0], b""):
                async with raw(at) as (reader, writer):
                    writer.write(framed(Opcode.TEXT, b"\xff") + after)
                    assert await code_of(reader) == 1007
            assert heard.frames == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (framed(Opcode.TEXT, b"a", fin=False) + framed(Opcode.TEXT, b"b"), 1002),
        (framed(Opcode.CONT, b"a"), 1002),
        (framed(Opcode.CLOSE, b"\x03\xed"), 1002),
        (framed(Opcode.CLOSE, b"\x03"), 1002),
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in parts
        (b"\xc1\x80\0\0\0\0", 1002),  # compressed, which was not agreed on
        (b"\x83\x80\0\0\0\0", 1002),  # no such kind
        (b"\x81\x01a", 1002),  # not masked
        (b"\x81\xff\x7f" + b"\xff" * 7 + b"\0" * 4, 1009),
        (framed(Opcode.CLOSE), 1005),
    ],
    ids=[
        "two beginnings", "an end without beginning", "a code that is none", "half a code", "a ping in parts",
        "compressed", "no such kind", "not masked", "too long", "no code",
    ],
)  # fmt: skip
def test_frames_that_break_the_rules_end_the_connection_with_their_code(frames: bytes, code: int) -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), raw(at) as (reader, writer):
            writer.write(frames)
            sent = await reader.read()
            assert sent[0] == 0x88
            assert sent[2:4] == (b"" if code == 1005 else code.to_bytes(2))  # 1005: none was stated
            assert heard.frames == []

    asyncio.run(run())


@pytest.mark.parametrize("chunk", [1, 2, 7, 4_099, 20_000])
def test_frames_are_heard_however_they_are_cut(chunk: int) -> None:
    sent = ["a", "", "x" * 125, "y" * 126, "z" * 4_088, "ä" * 3_000, "end"]
    frames = [framed(Opcode.TEXT, each.encode()) for each in sent]
    parts = framed(Opcode.TEXT, b"in ", fin=False) + framed(Opcode.PING, b"1") + framed(Opcode.CONT, b"parts")
    stream = b"".join(frames[:3]) + parts + b"".join(frames[3:])

    async def run() -> None:
        async with listening(in_clear()) as (heard, at), raw(at):
            server = heard.send["CS1"].__self__  # type: ignore[attr-defined]
            for begin in range(0, len(stream), chunk):
                server.data_received(stream[begin : begin + chunk])
            while len(heard.frames) < len(sent) + 1:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert [frame for _, frame in heard.frames] == [*sent[:3], "in parts", *sent[3:]]

    asyncio.run(run())


def test_control_frames_come_between_the_parts_of_a_message() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), raw(at) as (reader, writer):
            first, second = (bytes([each]) for each in "ä".encode())
            parts = [framed(Opcode.TEXT, first, fin=False), framed(Opcode.PING, b"1"),
                     framed(Opcode.CONT, b"", fin=False), framed(Opcode.PONG), framed(Opcode.CONT, second)]  # fmt: skip
            writer.write(b"".join(parts))
            assert await reader.readexactly(3) == b"\x8a\x011"
            assert await reader.readexactly(9) == b"\x81\x07heard 1"
            assert heard.frames == [("CS1", "ä")]

    asyncio.run(run())


def test_a_station_that_asks_for_signs_of_life_and_reads_none_is_put_out() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), raw(at) as (_, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            pings = framed(Opcode.PING, b"x" * 125) * 500

            async def flood() -> None:
                for _ in range(1_000):  # 66 MB
                    writer.write(pings)
                    await writer.drain()

            with pytest.raises(ConnectionError):
                await flood()
            while ("CS1", "gone") not in heard.links:  # noqa: ASYNC110
                await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.CONT])
def test_a_flood_of_small_frames_lets_the_others_have_their_turns(opcode: Opcode) -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), raw(at) as (_, writer):
            server = heard.send["CS1"].__self__  # type: ignore[attr-defined]
            count, turns = 20_000, 0
            flood = framed(Opcode.TEXT, b"a", fin=False) + framed(opcode, fin=opcode is Opcode.PING) * count
            server.data_received(flood)  # as the loop does that has got it at once
            while server._arrived:
                turns += 1
                await asyncio.sleep(0)
            assert turns >= len(flood) // 8_192
            writer.write(framed(Opcode.CONT, b"b"))
            while not heard.frames:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert heard.frames == [("CS1", "ab")]

    asyncio.run(run())


def test_a_message_that_unpacks_to_more_than_allowed_ends_the_connection() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (heard, at), link(at) as peer:
            await peer.send("x" * 2_000_000)  # a few kilobytes on the wire
            assert await closed(peer) == 1009
            assert heard.frames == []

    asyncio.run(run())


def test_the_end_of_the_depot_closes_all_connections() -> None:
    async def run() -> None:
        async with listening(in_clear()) as (_, at):
            peer = await link(at)
        assert await closed(peer) == 1001

    asyncio.run(run())


def of_station(folder: Path, name: str) -> ssl.SSLContext:
    """A client's context with a certificate of its own, issued by the root of `certified`."""
    issuer = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
    issuer_key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key, today = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(issuer_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(cafile=str(folder / "root.pem"))
    context.load_cert_chain(folder / f"{name}.pem")
    return context


def test_with_security_profile_3_the_certificate_says_who_a_station_is(tmp_path: Path) -> None:
    certified(tmp_path)
    tls = tls_of(tmp_path / "root.pem", tmp_path / "key.pem", tmp_path / "root.pem")
    door = Door(3, {}, {"CS1": "SN-1", "CS 2": "SN-2"}, tls)

    async def run() -> None:
        async with listening(door) as (heard, at):
            own = of_station(tmp_path, "SN-1")
            async with link(at, ssl=own) as peer:
                await peer.send("by certificate")
                assert await peer.recv() == "heard 14"
            with pytest.raises(InvalidStatus) as refused:
                await link(at, "CS 2", ssl=own)
            assert refused.value.response.status_code == 401
            without = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
            with pytest.raises((ssl.SSLError, ConnectionError, WebSocketException, EOFError)):
                async with link(at, ssl=without) as peer:
                    await peer.recv()
            assert {station for station, _ in heard.links} == {"CS1"}

    asyncio.run(run())
