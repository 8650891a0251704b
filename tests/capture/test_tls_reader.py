"""TLS 1.2 and 1.3 between two real ends, read with their key log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.talk import Talk

from v2g.capture.keylog import MOST_SECRETS, MOST_TRIED, KeyLog
from v2g.capture.packet import Endpoint
from v2g.capture.tcp import Chunk
from v2g.capture.tls import MOST_TRIES_OF_ALL, MOST_WAITING, Alarm, TlsReader, is_tls

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
    assert list(reader.flush()) == []


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
    assert list(reader.flush()) == []


def test_records_of_any_split(talk: Talk) -> None:
    wire, lines = run(talk, None)
    bytewise = [(source, data[place : place + 1]) for source, data in wire for place in range(len(data))]
    assert plain(read(TlsReader(key_log(lines)), bytewise), CAR) == SPOKEN_CAR


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256"])
def test_without_secrets_the_reason_is_named(talk: Talk, ciphers: str | None) -> None:
    wire, _ = run(talk, ciphers)
    reader = TlsReader(KeyLog())
    read(reader, wire)
    (alarm,) = reader.flush()
    assert isinstance(alarm, Alarm)
    assert "records with data are not decrypted: no secrets for client random" in alarm.text
    assert "--keylog" in alarm.text


@pytest.mark.parametrize("ciphers", [None, "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"])
def test_wrong_secrets_are_named(talk: Talk, ciphers: str | None) -> None:
    wire, lines = run(talk, ciphers)
    wrong = b"\n".join(line[:-4] + (b"0000" if line[-4:] != b"0000" else b"1111") for line in lines.splitlines())
    reader = TlsReader(key_log(wrong))
    assert plain(read(reader, wire), CAR) == b""
    (alarm,) = reader.flush()
    assert isinstance(alarm, Alarm)
    assert "the secrets do not fit" in alarm.text


def test_capture_that_begins_after_the_handshake(talk: Talk) -> None:
    wire, lines = run(talk, None)
    for secrets, reason in ((KeyLog(), "give its key log"), (key_log(lines.replace(b"_0", b"_9")), "none of the")):
        reader = TlsReader(secrets)
        assert plain(read(reader, wire[-4:]), CAR) == b""
        (alarm,) = reader.flush()
        assert isinstance(alarm, Alarm)
        assert "begins after the handshake" in alarm.text
        assert reason in alarm.text


@pytest.mark.parametrize("ahead", [0, 3, 8])
def test_tls_1_3_is_read_without_its_handshake(talk: Talk, ahead: int) -> None:
    """The key log has the secrets of other connections as well; suite, side, secret and number are tried."""
    _, others = run(talk, None)
    wire, lines = run(talk, None)
    reader = TlsReader(key_log(others + lines))
    events = read(reader, wire[len(wire) - len(MESSAGES) + ahead :])
    said = [text for from_car, text in MESSAGES[ahead:] if from_car]
    assert plain(events, CAR) == b"".join(said)
    assert list(reader.flush()) == []


SUITES = [None, "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"]


@pytest.mark.parametrize("ciphers", SUITES)
@pytest.mark.parametrize("lost", range(2, 13))
def test_lost_record_costs_itself_only(talk: Talk, ciphers: str | None, lost: int) -> None:
    """Each turn of the conversation after the hellos is lost once: the rest of the handshake, or a message."""
    wire, lines = run(talk, ciphers)
    reader = TlsReader(key_log(lines))
    events: list[Chunk | Alarm] = []
    missing = dict.fromkeys((CAR, STATION), 0)
    for number, (source, data) in enumerate(wire, 1):
        if number == min(lost, len(wire) - 1):
            missing[source] = len(data)
            if number == 2:  # TLS 1.2 cannot do without the ServerHello's random: only what follows it is lost
                kept = 5 + int.from_bytes(data[3:5])
                missing[source] -= kept
                events += reader.feed(Chunk(number, 0.0, source, CAR, data[:kept], 0))
            continue
        other = STATION if source == CAR else CAR
        events += reader.feed(Chunk(number, 0.0, source, other, data, missing[source]))
        missing[source] = 0
    events += reader.flush()
    assert not [event for event in events if isinstance(event, Alarm)]
    texts = [event.data for event in events if isinstance(event, Chunk) and event.data]
    expected = [text for _, text in MESSAGES]
    place = min(lost, len(wire) - 1) - 1 - (len(wire) - len(MESSAGES))
    assert texts == [text for number, text in enumerate(expected) if number != place]
    assert any(isinstance(event, Chunk) and event.missing for event in events)


@pytest.mark.parametrize("ciphers", SUITES)
def test_lost_client_hello_is_found_by_trying(talk: Talk, ciphers: str | None) -> None:
    wire, lines = run(talk, ciphers)
    _, others = run(talk, ciphers)
    reader = TlsReader(key_log(lines + others))
    events = read(reader, wire[1:])
    assert plain(events, CAR) == SPOKEN_CAR
    assert plain(events, STATION) == SPOKEN_STATION
    assert list(reader.flush()) == []


def test_lost_server_hello_is_named_in_tls_1_2(talk: Talk) -> None:
    wire, lines = run(talk, "ECDHE-ECDSA-AES128-SHA256")
    reader = TlsReader(key_log(lines))
    read(reader, [wire[0], *wire[2:]])
    (alarm,) = reader.flush()
    assert isinstance(alarm, Alarm)
    assert "lacks the ServerHello" in alarm.text


@pytest.mark.parametrize("ciphers", SUITES)
def test_damaged_record_costs_itself_only(talk: Talk, ciphers: str | None) -> None:
    wire, lines = run(talk, ciphers)
    source, data = wire[-4]
    wire[-4] = source, data[:-1] + bytes((data[-1] ^ 1,))
    reader = TlsReader(key_log(lines))
    events = [*read(reader, wire), *reader.flush()]
    texts = [event.data for event in events if isinstance(event, Chunk) and event.data]
    assert texts == [text for number, (_, text) in enumerate(MESSAGES) if number != len(MESSAGES) - 4]
    (alarm,) = (event for event in events if isinstance(event, Alarm))
    assert alarm.text.startswith("1 TLS records")


def test_damaged_length_costs_what_it_covers(talk: Talk) -> None:
    wire, lines = run(talk, None)
    wire = [(source, data) for source, data in wire]
    source, data = wire[-4]
    wire[-4] = source, data[:3] + b"\xff" + data[4:]
    events = read(TlsReader(key_log(lines)), wire)
    assert [event.data for event in events if isinstance(event, Chunk) and event.data][-1] == MESSAGES[-1][1]


def test_secret_that_the_key_log_lacks_is_named(talk: Talk) -> None:
    wire, lines = run(talk, None)
    partial = b"\n".join(line for line in lines.splitlines() if not line.startswith(b"SERVER_TRAFFIC_SECRET_0"))
    reader = TlsReader(key_log(partial))
    events = [*read(reader, wire), *reader.flush()]
    assert plain(events, CAR) == SPOKEN_CAR
    (alarm,) = (event for event in events if isinstance(event, Alarm))
    assert "the key log has no SERVER_TRAFFIC_SECRET_0 for client random" in alarm.text


def test_key_log_of_another_connection_is_told_from_none(talk: Talk) -> None:
    _, others = run(talk, "ECDHE-ECDSA-AES128-SHA256")
    wire, _ = run(talk, "ECDHE-ECDSA-AES128-SHA256")
    reader = TlsReader(key_log(others))
    read(reader, wire)
    (alarm,) = reader.flush()
    assert isinstance(alarm, Alarm)
    assert "only 1 of other connections" in alarm.text


def test_memory_for_records_without_secrets_is_bounded(talk: Talk) -> None:
    wire, _ = run(talk, None)
    reader = TlsReader(KeyLog())
    read(reader, wire[:2])
    record = b"\x17\x03\x03" + (16000).to_bytes(2) + bytes(16000)
    for number in range(2 * MOST_WAITING // len(record)):
        list(reader.feed(Chunk(number, 0.0, CAR, STATION, record, 0)))
    assert reader._waiting_size <= MOST_WAITING + len(record)


def test_alert_is_named() -> None:
    (alarm,) = read(TlsReader(KeyLog()), [(CAR, bytes((21, 3, 3, 0, 2, 2, 48)))])
    assert isinstance(alarm, Alarm)
    assert alarm.text == "TLS alert unknown_ca (fatal)"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_key_log_in_the_encodings_of_windows(encoding: str) -> None:
    """PowerShell writes UTF-16 if a program's output is redirected to a file."""
    secrets = KeyLog()
    assert secrets.add(f"# keys\r\nCLIENT_RANDOM {'ab' * 32} {'cd' * 48}\r\n".encode(encoding))
    assert secrets.get("CLIENT_RANDOM", b"\xab" * 32) == b"\xcd" * 48


def test_flood_of_secrets_is_bounded() -> None:
    secrets = KeyLog()
    for number in range(MOST_SECRETS + 10):
        added = secrets.add(f"CLIENT_RANDOM {number:064x} {'cd' * 48}\n".encode())
        assert added == (number < MOST_SECRETS)
    assert len(secrets) == MOST_SECRETS
    assert len(list(secrets.client_randoms("CLIENT_RANDOM"))) == MOST_TRIED


def test_guesses_are_bounded_over_all_connections() -> None:
    """Connections without a handshake, and a key log of others: only so many secrets and numbers are tried."""
    labels = ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")
    lines = [f"{label} {number:064x} {'cd' * 48}\n" for number in range(MOST_TRIED) for label in labels]
    secrets = key_log("".join(lines).encode())
    for _ in range(40):
        reader = TlsReader(secrets)
        list(reader.feed(Chunk(1, 0.0, CAR, STATION, b"\x17\x03\x03\x00\x30" + bytes(48), 0)))
        (alarm,) = reader.flush()
        assert isinstance(alarm, Alarm)
        assert "none of the 128 secrets fits" in alarm.text
    assert secrets.tries < 1.2 * MOST_TRIES_OF_ALL


def test_other_lines_of_a_key_log_are_passed_over() -> None:
    secrets = KeyLog()
    assert not secrets.add(b"# comment\nRSA Session-ID:00 Master-Key:11\nCLIENT_RANDOM zz yy\n")
    assert secrets.add(b"x\r\nCLIENT_RANDOM " + b"AB" * 32 + b" " + b"cd" * 48 + b"\r\n")
    assert secrets.get("CLIENT_RANDOM", b"\xab" * 32) == b"\xcd" * 48


@given(st.lists(st.tuples(st.sampled_from([CAR, STATION]), st.binary(max_size=60)), max_size=6))
def test_garbage_ends(said: Said) -> None:
    reader = TlsReader(KeyLog())
    read(reader, [(source, b"\x16\x03\x03\x00\x20" + data) for source, data in said])
    list(reader.flush())
