"""TLS connections to capture."""

from functools import partial
from pathlib import Path

import pytest
from tests.capture import talk as tls
from tests.capture.talk import Talk


@pytest.fixture(scope="session")
def station_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tls.certificate(tmp_path_factory.mktemp("tls") / "station.pem")


@pytest.fixture
def talk(station_certificate: Path, tmp_path: Path) -> Talk:
    """Runs a TLS connection: `talk(messages, ciphers, options)`."""
    return partial(tls.talk, station_certificate, tmp_path / "keys.log")
