"""ClientHellos of the `openssl` program, and with one more extension."""

import socket
import subprocess
from pathlib import Path

TIMEOUT_S = 20.0


def hello_of(directory: Path, *options: str) -> bytes:
    """The first message of an `openssl s_client`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.getsockname()[1]}", *options]
        client = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(TIMEOUT_S)
                data = connection.recv(5)
                length = int.from_bytes(data[3:5])
                while len(data) < 5 + length:
                    data += connection.recv(4096)
        finally:
            client.kill()
            client.communicate(timeout=TIMEOUT_S)
    return data


def trusting(hello: bytes, entries: bytes) -> bytes:
    """The same ClientHello, in one record, with trusted_ca_keys."""
    content = len(entries).to_bytes(2) + entries
    return with_extension(hello, 3, content)


def with_extension(hello: bytes, kind: int, content: bytes) -> bytes:
    """The same ClientHello, in one record, with one more extension."""
    message = hello[9:]
    at = 34
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2])
    at += 1 + message[at]
    extensions = message[at + 2 :] + kind.to_bytes(2) + len(content).to_bytes(2) + content
    message = message[:at] + len(extensions).to_bytes(2) + extensions
    handshake = b"\x01" + len(message).to_bytes(3) + message
    return b"\x16\x03\x01" + len(handshake).to_bytes(2) + handshake
