"""TLS 1.2 and 1.3 between two real ends, read with their key log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.talk import Talk

from v2g.capture.keylog import KeyLog
from v2g.capture.packet import Endpoint
from v2g.capture.tcp import Chunk
from v2g.capture.tls import Alarm, TlsReader, is_tls

CAR, STATION = Endpoint(bytes(16), 1), Endpoint(bytes(16), 2)
NO_ENCRYPT_THEN_MAC = 1 << 19
Said = list[tuple[Endpoint, bytes]]


MESSAGES = [
    part for turn in range(5) for part in ((True, b"request %d" % turn + bytes(1000 * turn)), (False, b"response"))
]
SPOKEN_CAR, SPOKEN_STATION = (
    b"".join(text for from_car, text in MESSAGES if from_car == side) for side in (True, False)
)


def run(talk: Talk, ciphers: str | None, options: int = 0) -> tuple[Said, bytes]:
    wire, lines = talk(MESSAGES, ciphers, options)
    return [(CAR if from_car else STATION, data) for from_car, data in wire], lines


def read(reader: TlsReader, said: Said) -> list[Chunk | Alarm]:
    events: list[Chunk | Alarm] = []
    for number, (source, data) in enumerate(said, 1):
        events += reader.feed(Chunk(number, 0.0, source, STATION if source == CAR else CAR, data, 0))
    return events


def plain(events: list[Chunk | Alarm], source: Endpoint) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Chunk) and event.source == source)


def key_log(lines: bytes) -> KeyLog:
    secrets = KeyLog()
    secrets.add(lines)
    return secrets


@pytest.mark.parametrize(
    ("ciphers", "options"),
    [
        (None, 0),
        ("ECDHE-ECDSA-AES128-SHA256", 0),
        ("ECDHE-ECDSA-AES128-SHA256", NO_ENCRYPT_THEN_MAC),
        ("ECDHE-ECDSA-AES256-SHA384", NO_ENCRYPT_THEN_MAC),
        ("ECDHE-ECDSA-AES128-SHA", 0),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", 0),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", 0),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", 0),
        ("ECDHE-ECDSA-AES128-CCM", 0),
    ],
)
def test_both_directions_are_read(talk: Talk, ciphers: str | None, options: int) -> None:
    wire, lines = run(talk, ciphers, options)
    assert is_tls(wire[0][1])
    reader = TlsReader(key_log(lines))
    events = read(reader, wire)
    assert plain(events, CAR) == SPOKEN_CAR
    assert plain(events, STATION) == SPOKEN_STATION
    assert reader.flush() is None


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256"])
def test_secrets_may_come_late_and_line_by_line(talk: Talk, ciphers: str | None) -> None:
    wire, lines = run(talk, ciphers)
    secrets = KeyLog()
    reader = TlsReader(secrets)
    events = read(reader, wire)
    assert plain(events, CAR) == b""
    for line in lines.splitlines():
        secrets.add(line)
        events += reader.retry()
    assert plain(events, CAR) == SPOKEN_CAR
    assert plain(events, STATION) == SPOKEN_STATION
    assert reader.flush() is None


def test_records_of_any_split(talk: Talk) -> None:
    wire, lines = run(talk, None)
    bytewise = [(source, data[place : place + 1]) for source, data in wire for place in range(len(data))]
    assert plain(read(TlsReader(key_log(lines)), bytewise), CAR) == SPOKEN_CAR


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256"])
def test_without_secrets_the_reason_is_named(talk: Talk, ciphers: str | None) -> None:
    wire, _ = run(talk, ciphers)
    reader = TlsReader(KeyLog())
    read(reader, wire)
    alarm = reader.flush()
    assert alarm is not None
    assert "records with data are not decrypted: no secrets for client random" in alarm.text
    assert "--keylog" in alarm.text


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"])
def test_wrong_secrets_are_named(talk: Talk, ciphers: str | None) -> None:
    wire, lines = run(talk, ciphers)
    wrong = b"\n".join(line[:-4] + (b"0000" if line[-4:] != b"0000" else b"1111") for line in lines.splitlines())
    reader = TlsReader(key_log(wrong))
    assert plain(read(reader, wire), CAR) == b""
    alarm = reader.flush()
    assert alarm is not None
    assert "the secrets do not fit" in alarm.text


def test_capture_that_begins_after_the_handshake(talk: Talk) -> None:
    wire, lines = run(talk, None)
    reader = TlsReader(key_log(lines))
    read(reader, wire[-4:])
    alarm = reader.flush()
    assert alarm is not None
    assert "begins after the handshake" in alarm.text


def test_missing_bytes_are_named(talk: Talk) -> None:
    wire, lines = run(talk, None)
    reader = TlsReader(key_log(lines))
    read(reader, wire[:-2])
    source, data = wire[-2]
    list(reader.feed(Chunk(77, 0.0, source, STATION, data, 123)))
    alarm = reader.flush()
    assert alarm is not None
    assert "123 bytes before packet 77 are missing" in alarm.text


def test_alert_is_named() -> None:
    (alarm,) = read(TlsReader(KeyLog()), [(CAR, bytes((21, 3, 3, 0, 2, 2, 48)))])
    assert isinstance(alarm, Alarm)
    assert alarm.text == "TLS alert unknown_ca (fatal)"


def test_other_lines_of_a_key_log_are_passed_over() -> None:
    secrets = KeyLog()
    assert not secrets.add(b"# comment\nRSA Session-ID:00 Master-Key:11\nCLIENT_RANDOM zz yy\n")
    assert secrets.add(b"x\r\nCLIENT_RANDOM " + b"AB" * 32 + b" " + b"cd" * 48 + b"\r\n")
    assert secrets.get("CLIENT_RANDOM", b"\xab" * 32) == b"\xcd" * 48


@given(st.lists(st.tuples(st.sampled_from([CAR, STATION]), st.binary(max_size=60)), max_size=6))
def test_garbage_ends(said: Said) -> None:
    reader = TlsReader(KeyLog())
    read(reader, [(source, b"\x16\x03\x03\x00\x20" + data) for source, data in said])
    reader.flush()
