"""An MQTT broker (Mosquitto) for as long as a test needs it."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.interop.process import Process

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
STARTS_S = 20.0
needed = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (as root: apt-get install mosquitto)")


class Broker:
    """One that can be killed and started again at the same port."""

    def __init__(
        self,
        folder: Path,
        certificate: Path | None = None,
        user: tuple[str, str] | None = None,
        more: Sequence[str] = (),
    ) -> None:
        """`certificate`: a folder with `root.pem` and `key.pem`, for TLS. `user`: the only one, and the password.
        `more`: lines of its configuration."""
        self._folder, self._certificate, self._user, self._more = folder, certificate, user, more
        self.port = 0
        self._process = self._start()

    def kill(self) -> None:
        """As a power failure does."""
        self._process.child.kill()
        self._process.wait(STARTS_S)

    def start_again(self) -> None:
        """After `kill`."""
        self._process = self._start()

    def close(self) -> None:
        """End it."""
        self._process.stop()

    def _start(self) -> Process:
        assert MOSQUITTO is not None
        while True:
            port = self.port or free_port()
            (self._folder / "mosquitto.conf").write_text(self._configuration(port))
            process = Process([MOSQUITTO, "-c", str(self._folder / "mosquitto.conf")])
            if process.wait_for(r"mosquitto version .* running", STARTS_S) is not None:
                self.port = port
                return process
            process.stop()
            assert "in use" in process.output, process.output

    def _configuration(self, port: int) -> str:
        lines = [f"listener {port} 127.0.0.1", "user root", "log_dest stderr", "persistence false", *self._more]
        if self._certificate is not None:
            lines += [f"certfile {self._certificate / 'root.pem'}", f"keyfile {self._certificate / 'key.pem'}"]
        if self._user is None:
            return "\n".join([*lines, "allow_anonymous true", ""])
        passwords = self._folder / "mosquitto.passwords"
        passwords.unlink(missing_ok=True)
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), *self._user], check=True)
        return "\n".join([*lines, "allow_anonymous false", f"password_file {passwords}", ""])


@contextmanager
def broker(
    folder: Path,
    certificate: Path | None = None,
    user: tuple[str, str] | None = None,
    more: Sequence[str] = (),
) -> Iterator[Broker]:
    """A broker at a port of this machine."""
    running = Broker(folder, certificate, user, more)
    try:
        yield running
    finally:
        running.close()


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
