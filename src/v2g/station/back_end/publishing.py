"""L03 and L04: firmware for the other stations of a site, published where a web server of the site finds it."""

from dataclasses import dataclass
from hashlib import md5

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.version import Invalid
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.files import LEAST_S, RETRY_S, Download, Files, Publish, Result

KIND = "published"
Status = v21.PublishFirmwareStatusEnumType


@dataclass(slots=True)
class _Asked:
    request: v21.PublishFirmwareRequest
    left: int
    next_s: float
    """When it is tried, monotonic; infinite while it is under way."""


class Publishing(Block):
    """One file at a time; those that are published are known by their checksums, also after a restart."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.url = ""
        """Where stations find the files; empty if there is no such place."""
        self._published = {key for kind, key in station.store.found if kind == KIND}
        self._asked: _Asked | None = None
        self._status: Status = "Idle"
        self._request = 0
        self.handlers = {"PublishFirmware": self._publish, "UnpublishFirmware": self._unpublish}

    def step(self) -> None:
        asked = self._asked
        if asked is None or self.station.now < asked.next_s:
            return
        asked.next_s = float("inf")
        self._say("Downloading")
        job = Download(asked.request.location)
        self.station.block(Files).jobs.append((job, lambda result, content: self._loaded(asked, result, content)))

    def status(self) -> None:
        """Say the status again (L03.FR.10, 11)."""
        self._say("Idle" if self._status == "Published" else self._status)

    def _need(self) -> None:
        if not self.url:
            raise Invalid("NotSupported", "there is no place for published files: ocpp.publish")

    def _publish(self, station: ChargingStation, asked: v21.PublishFirmwareRequest) -> Message:
        self._need()
        if self._asked is not None:
            info = v21.StatusInfoType(reasonCode="FwUpdateInProgress", additionalInfo="another file is on its way")
            return v21.PublishFirmwareResponse(status="Rejected", statusInfo=info)
        self._asked, self._request = _Asked(asked, given(asked.retries, 0), station.now), asked.requestId
        return v21.PublishFirmwareResponse(status="Accepted")

    def _loaded(self, asked: _Asked, result: Result, content: bytes) -> None:
        if result != "done" and asked.left > 0:
            asked.left -= 1
            asked.next_s = self.station.now + max(LEAST_S, given(asked.request.retryInterval, RETRY_S))
            return
        if result != "done":
            self._end("DownloadFailed")
            return
        self._say("Downloaded")
        name = md5(content, usedforsecurity=False).hexdigest()  # L03.FR.02
        if name != asked.request.checksum.lower():
            self._end("InvalidChecksum")
            return
        self._say("ChecksumVerified")

        def published(result: Result, content: bytes) -> None:
            if result == "done":
                self._published.add(name)
                self.station.store.put(KIND, name, b"1")
            self._end("Published" if result == "done" else "PublishFailed", name)

        self.station.block(Files).jobs.append((Publish(name, content), published))

    def _unpublish(self, station: ChargingStation, asked: v21.UnpublishFirmwareRequest) -> Message:
        self._need()
        name, reply = asked.checksum.lower(), v21.UnpublishFirmwareResponse
        if self._asked is not None and self._asked.request.checksum.lower() == name:
            return reply(status="DownloadOngoing")
        if name not in self._published:
            return reply(status="NoFirmware")
        self._published.discard(name)
        station.store.put(KIND, name, None)
        station.block(Files).jobs.append((Publish(name, None), lambda result, content: None))
        return reply(status="Unpublished")

    def _end(self, status: Status, name: str = "") -> None:
        self._asked = None
        self._say(status, name)

    def _say(self, status: Status, name: str = "") -> None:
        self._status = status if status != "Idle" else self._status
        said = v21.PublishFirmwareStatusNotificationRequest(
            status=status,
            requestId=self._request,
            location=(f"{self.url.rstrip('/')}/{name}",) if status == "Published" else UNSET,
        )
        self.station.call("PublishFirmwareStatusNotification", said)
