"""Files of the back end's connection that are missing, broken or not to be written: no connection, and a station that
goes on."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.station.scene import OUTLET

from v2g.io.sqlite_store import SqliteStore
from v2g.ocpp.base import encode
from v2g.pki.hierarchy import create
from v2g.run.back_end import BackEndRunner
from v2g.run.lines import Lines
from v2g.station.back_end.certificates import ROOT, Root
from v2g.station.config.settings import Ocpp, Settings
from v2g.station.evse import Evse


def gone(folder: Path) -> None:
    (folder / "roots.pem").unlink()


def binary(folder: Path) -> None:
    (folder / "roots.pem").write_bytes(b"\xff\xfe" * 100)


def pipe(folder: Path) -> None:
    gone(folder)
    os.mkfifo(folder / "roots.pem")


def unwritable(folder: Path) -> None:
    (folder / "ocpp.db.roots.pem").mkdir()


def full(folder: Path) -> None:
    (folder / "ocpp.db.roots.pem").symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [gone, binary, pipe, unwritable, full])
def test_with_a_root_of_the_back_end_a_spoilt_file_ends_nothing(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    create(tmp_path / "pki", now=datetime.now(UTC))
    root = (tmp_path / "pki" / "v2g_root.pem").read_text()
    (tmp_path / "roots.pem").write_text(root)
    (tmp_path / "password").write_text("correct horse battery")
    store = SqliteStore(tmp_path / "ocpp.db")
    store.put(ROOT, "a", encode(Root("CSMSRootCertificate", root)))
    assert store.flush(5.0)
    store.close()
    spoil(tmp_path)
    asyncio.run(serve(tmp_path))


def test_a_back_end_that_talks_nonsense_does_not_fill_the_trace() -> None:
    lines = Lines()
    taken = [text for look in range(1000) for text in lines.take(["nonsense"] * 7, look * 0.01)]
    assert len(taken) == Lines.MOST
    assert lines.take(["at last"], 11.0) == ["6950 more lines were left out", "at last"]
    assert lines.take([], 30.0) == []


async def serve(folder: Path) -> None:
    """Until the trouble has been reported."""
    ocpp = Ocpp(
        url="wss://127.0.0.1:9",
        identity="CS1",
        password_file=folder / "password",
        roots=folder / "roots.pem",
        store=folder / "ocpp.db",
    )
    runner, said = BackEndRunner(Settings(evses=(OUTLET,), ocpp=ocpp), ocpp), asyncio.Queue[str]()
    evses = {1: Evse(OUTLET, authorizer=runner.authorizers[1])}
    running = asyncio.create_task(runner.run(evses, lambda: None, said.put_nowait, lambda: None))
    reported = asyncio.create_task(said.get())
    await asyncio.wait([running, reported], return_when=asyncio.FIRST_COMPLETED)
    assert not running.done()
    assert "roots.pem" in await reported
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
