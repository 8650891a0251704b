"""Firmware for the other stations of a site (L03, L04): fetched, checked, published, taken away."""

from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from tests.ocpp.messages import judge

from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.io.files import carry
from v2g.ocpp.store import Memory
from v2g.station.back_end.files import Publish
from v2g.station.back_end.publishing import Publishing

CONTENT, PLACE = b"firmware of another station", "http://10.0.0.2/firmware/"
SUM = md5(CONTENT, usedforsecurity=False).hexdigest()


def bench(store: Memory | None = None) -> BackEnd:
    stand = Stand("ocpp2.1", store=store)
    tester = BackEnd(stand, judge=lambda *said: judge(*said[:2])(said[2]))
    tester.booted()
    stand.station.block(Publishing).url = PLACE
    stand.file("https://files/firmware", CONTENT)
    return tester


def publish(tester: BackEnd, *statuses: str, status: str = "Accepted", **how: Any) -> Any:
    """Returns the last notification."""
    asked = {"location": "https://files/firmware", "checksum": SUM, "requestId": 4, **how}
    tester.check("PublishFirmware", status, **asked)
    found = [tester.await_("PublishFirmwareStatusNotification", 60, requestId=4) for _ in statuses]
    assert tuple(each.status for each in found) == statuses
    return found[-1] if found else None


def test_a_file_is_published_and_taken_away() -> None:
    store = Memory()
    tester = bench(store)
    done = publish(tester, "Downloading", "Downloaded", "ChecksumVerified", "Published")
    assert done.location == (f"http://10.0.0.2/firmware/{SUM}",)
    assert tester.link.file(SUM) == CONTENT
    tester.check("TriggerMessage", requestedMessage="PublishFirmwareStatusNotification")
    tester.await_("PublishFirmwareStatusNotification", 10, status="Idle")
    again = bench(store)
    assert again.ask("UnpublishFirmware", checksum=SUM.upper()).status == "Unpublished"
    assert again.ask("UnpublishFirmware", checksum=SUM).status == "NoFirmware"
    again.run(5.0)
    assert not again.link.file(SUM)


def test_what_cannot_be_loaded_or_is_another_file_is_not_published() -> None:
    tester = bench()
    publish(tester, "Downloading", "Downloading", "DownloadFailed", location="https://files/fail", retries=1,
            retryInterval=5)  # fmt: skip
    publish(tester, "Downloading", "Downloaded", "InvalidChecksum", checksum="0" * 32)
    publish(tester, "Downloading")
    publish(tester, status="Rejected")
    assert tester.ask("UnpublishFirmware", checksum=SUM).status == "DownloadOngoing"


def test_without_a_place_it_is_not_offered() -> None:
    tester = bench()
    tester.link.station.block(Publishing).url = ""  # type: ignore[attr-defined]
    asked = {"location": "https://files/firmware", "checksum": SUM, "requestId": 4}
    assert tester.ask("PublishFirmware", **asked) == "NotSupported"


@pytest.mark.parametrize("there", [True, False])
def test_the_file_in_its_directory(there: bool, tmp_path: Path) -> None:
    directory = tmp_path if there else tmp_path / "nowhere"
    done = "done" if there else "failed"
    how: dict[str, Any] = {"log": tmp_path / "log", "roots": None, "install": (), "publish": directory}
    assert carry(Publish(SUM, CONTENT), **how) == (done, b"")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([CONTENT] if there else [])
    assert carry(Publish(SUM, None), **how) == ("done", b"")
    assert list(tmp_path.iterdir()) == []
