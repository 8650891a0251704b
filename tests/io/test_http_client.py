"""A server that drips is given up in time."""

import socket
from threading import Event, Thread

import pytest

from v2g.io.http_client import Unanswered, ask

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [
        ("http", HEAD + b"X: "),
        ("http", HEAD + b"Content-Length: 1000000\r\n\r\n"),
        ("http", HEAD + b"\r\n"),
        ("https", bytes.fromhex("1603034000")),
    ],
)
def test_a_server_that_drips_is_given_up(scheme: str, begins: bytes) -> None:
    """An octet at a time: in the head, in a body of known length, in one that ends with the connection, in the TLS
    handshake."""
    given_up = Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(begins)
            while not given_up.wait(0.01):
                try:
                    connection.sendall(b"x")
                except OSError:  # it has hung up
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=drip)
        server.start()
        try:
            with pytest.raises(Unanswered):
                ask("GET", f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/", within_s=0.1)
        finally:
            given_up.set()
            server.join()
