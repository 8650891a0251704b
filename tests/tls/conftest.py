from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from v2g.pki.hierarchy import create
from v2g.tls.files import TlsFiles


@dataclass(frozen=True)
class Hierarchy:
    directory: Path
    made: datetime

    def station(self) -> TlsFiles:
        d = self.directory
        return TlsFiles(d / "secc_cert.pem", d / "secc_key.pem", (d / "oem_root.pem",), d / "cpo_chain.pem")

    def vehicle(self) -> TlsFiles:
        d = self.directory
        return TlsFiles(d / "vehicle_cert.pem", d / "vehicle_key.pem", (d / "v2g_root.pem",), d / "oem_chain.pem")


def make(directory: Path, curve: str, made: datetime) -> Hierarchy:
    create(directory, curve=curve, now=made)
    return Hierarchy(directory, made)


@pytest.fixture(scope="session")
def p521(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return make(tmp_path_factory.mktemp("p521"), "p521", datetime.now(UTC) - timedelta(hours=10))


@pytest.fixture(scope="session")
def p256(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return make(tmp_path_factory.mktemp("p256"), "p256", datetime.now(UTC))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """Somebody else's hierarchy, with the same names."""
    return make(tmp_path_factory.mktemp("stranger"), "p521", datetime.now(UTC))


@pytest.fixture(scope="session")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """Its vehicle certificate ran out two hours ago, the station's long before; the roots are valid."""
    return make(tmp_path_factory.mktemp("expired"), "p521", datetime.now(UTC) - timedelta(days=1460, hours=2))
