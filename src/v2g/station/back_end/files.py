"""Files of the back end (blocks L and N01): firmware down, logs up. Whoever has the network carries out the `jobs`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from v2g.ocpp import v21
from v2g.ocpp.base import Message, given
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.certificates import Certificates
from v2g.station.back_end.charging_station import ChargingStation
from v2g.station.back_end.security import Security

RETRY_S = 30.0
"""Between attempts if the back end names no interval."""
LEAST_S = 1.0
"""Between attempts, whatever it names."""
DIGITS = 15
"""Of the number of a request."""
_KIND, _INSTALLED = "firmware", "installed"


@dataclass(frozen=True, slots=True)
class Upload:
    """Send a log to a URL."""

    url: str
    name: str
    content: str | None
    """None: the log of the process, `since_s` to `until_s`."""
    since_s: float | None = None
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """Get a file from a URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Install:
    """Install a firmware that has been checked. The process is started again after it."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Put a file where other stations find it, or take it away."""

    name: str
    content: bytes | None
    """None: away."""


Job = Upload | Download | Install | Publish
Result = Literal["done", "failed", "denied", "not supported"]
Done = Callable[[Result, bytes], None]
"""What is done with the result of a job: how it went, and what was downloaded."""
_UPLOAD: dict[Result, v21.UploadLogStatusEnumType] = {
    "done": "Uploaded", "failed": "UploadFailure", "denied": "PermissionDenied",
    "not supported": "NotSupportedOperation",
}  # fmt: skip


@dataclass(slots=True)
class _Log:
    request: int
    job: Upload
    left: int
    every_s: float
    next_s: float = float("inf")
    """When it is tried again, monotonic; infinite while it is under way."""


@dataclass(slots=True)
class _Update:
    request: int
    firmware: v21.FirmwareType
    left: int
    every_s: float
    content: bytes = b""
    stage: Literal["waits", "loads", "loaded", "installs"] = "waits"
    job: Download | None = None
    said: str = ""


class Files(Block):
    """One upload and one update at a time."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self.jobs: list[tuple[Job, Done]] = []
        """To be carried out; taken by whoever does."""
        self.handlers = {"GetLog": self._get_log, "UpdateFirmware": self._update_firmware}
        self._log: _Log | None = None
        self._update: _Update | None = None
        self._next_s = 0.0
        self._firmware_status: v21.FirmwareStatusEnumType = "Idle"
        kept = station.store.found.get((_KIND, _INSTALLED), b"")
        self._installed = int(kept) if kept.isdigit() and len(kept) <= DIGITS else None
        station.model.add(
            (
                Variable("FirmwareCtrlr", "AllowNewSessionsPendingFirmwareUpdate", "true", "boolean", "ReadWrite"),
                Variable("LogCtrlr", "Available", "true", "boolean"),
            )
        )

    def step(self) -> None:
        self._report_installed()
        if self._log is not None and self.station.now >= self._log.next_s:
            self._upload(self._log)
        update = self._update
        if update is None:
            return
        now = self.station.unix_s
        if update.stage == "waits" and self.station.now >= self._next_s:
            if now < update.firmware.retrieveDateTime.timestamp():
                self._say(update, "DownloadScheduled")
                return
            update.stage = "loads"
            self._say(update, "Downloading")
            update.job = Download(update.firmware.location)
            self.jobs.append((update.job, partial(self._loaded, update)))
        elif update.stage == "loaded" and not self.station.ends:
            at = given(update.firmware.installDateTime, None)
            busy = bool(self.station.running)
            if busy or (at is not None and now < at.timestamp()):
                self._say(update, "InstallScheduled")
                self._hold(busy)
                return
            update.stage, self.station.installing = "installs", True
            self._say(update, "Installing")
            self.jobs.append((Install(update.content), partial(self._was_installed, update)))

    def accepted(self) -> None:
        self._report_installed()

    def status(self, what: Literal["log", "firmware"]) -> None:
        """Say the status again (F06)."""
        if what == "log":
            log = self._log
            self._say_log("Idle" if log is None else "Uploading", None if log is None else log.request)
            return
        update = self._update
        request = v21.FirmwareStatusNotificationRequest(status="Idle")
        if update is not None:
            request = v21.FirmwareStatusNotificationRequest(status=self._firmware_status, requestId=update.request)
        self.station.call("FirmwareStatusNotification", request)

    # Logs

    def _get_log(self, station: ChargingStation, asked: v21.GetLogRequest) -> Message:
        if asked.logType not in ("DiagnosticsLog", "SecurityLog"):
            return v21.GetLogResponse(status="Rejected")
        canceled = self._log
        if canceled is not None:
            self._say_log("AcceptedCanceled", canceled.request)
            self._drop(canceled.job)
        content = station.block(Security).text() if asked.logType == "SecurityLog" else None
        name = f"{asked.logType}-{timestamp(station.unix_s):%Y%m%dT%H%M%SZ}.txt"
        since, until = given(asked.log.oldestTimestamp, None), given(asked.log.latestTimestamp, None)
        job = Upload(
            asked.log.remoteLocation,
            name,
            content,
            None if since is None else since.timestamp(),
            None if until is None else until.timestamp(),
        )
        every_s = max(LEAST_S, float(given(asked.retryInterval, RETRY_S)))
        self._log = _Log(asked.requestId, job, given(asked.retries, 0), every_s)
        self._upload(self._log)
        return v21.GetLogResponse(status="Accepted" if canceled is None else "AcceptedCanceled", filename=name)

    def _drop(self, job: Job) -> None:
        """What was asked for last counts: a file that waits for nobody any more is not carried."""
        self.jobs[:] = [each for each in self.jobs if each[0] is not job]

    def _upload(self, log: _Log) -> None:
        log.next_s = float("inf")
        self._say_log("Uploading", log.request)

        def done(result: Result, content: bytes) -> None:
            if log is not self._log:
                return
            if result != "done" and log.left > 0:
                log.left -= 1
                log.next_s = self.station.now + log.every_s
                return
            self._log = None
            self._say_log(_UPLOAD[result], log.request)

        self.jobs.append((log.job, done))

    def _say_log(self, status: v21.UploadLogStatusEnumType, request: int | None) -> None:
        said = v21.LogStatusNotificationRequest(status=status)
        if request is not None:
            said = v21.LogStatusNotificationRequest(status=status, requestId=request)
        self.station.call("LogStatusNotification", said)

    # Firmware

    def _update_firmware(self, station: ChargingStation, asked: v21.UpdateFirmwareRequest) -> Message:
        reply, before = v21.UpdateFirmwareResponse, self._update
        if before is not None and before.stage == "installs":
            return reply(status="Rejected", statusInfo=v21.StatusInfoType(reasonCode="FwUpdateInProgress"))
        firmware = asked.firmware
        certificate, signature = given(firmware.signingCertificate, None), given(firmware.signature, None)
        if certificate is None or signature is None:
            info = v21.StatusInfoType(reasonCode="InvalidSignature", additionalInfo="only signed firmware is installed")
            return reply(status="Rejected", statusInfo=info)
        if (why := self.station.block(Certificates).firmware_fault(certificate, "", b"")) is not None:
            station.block(Security).happened("InvalidFirmwareSigningCertificate", why)
            info = v21.StatusInfoType(reasonCode="InvalidCertificate", additionalInfo=why[:1024])
            return reply(status="InvalidCertificate", statusInfo=info)
        if before is not None and before.job is not None:
            self._drop(before.job)
        every_s = max(LEAST_S, float(given(asked.retryInterval, RETRY_S)))
        self._update = _Update(asked.requestId, firmware, given(asked.retries, 0), every_s)
        self._next_s = station.now
        self._hold_all(False)
        return reply(status="Accepted" if before is None else "AcceptedCanceled")

    def _loaded(self, update: _Update, result: Result, content: bytes) -> None:
        if update is not self._update:
            return
        if result != "done":
            if update.left > 0:
                update.left -= 1
                update.stage, self._next_s = "waits", self.station.now + update.every_s
                return
            self._say(update, "DownloadFailed")
            self._update = None
            return
        self._say(update, "Downloaded")
        certificate, signature = given(update.firmware.signingCertificate, ""), given(update.firmware.signature, "")
        why = self.station.block(Certificates).firmware_fault(certificate, signature, content)
        if why is not None:
            self._say(update, "InvalidSignature")
            self.station.block(Security).happened("InvalidFirmwareSignature", why)
            self._update = None
            return
        self._say(update, "SignatureVerified")
        update.content, update.stage = content, "loaded"

    def _was_installed(self, update: _Update, result: Result, content: bytes) -> None:
        self.station.installing = False
        if update is not self._update:
            return
        if result != "done":
            self._say(update, "InstallationFailed")
            self._update = None
            self._hold_all(False)
            return
        self._say(update, "InstallRebooting")
        self.station.store.put(_KIND, _INSTALLED, str(update.request).encode())
        self.station.restart("FirmwareUpdate", "a new firmware is installed")

    def _report_installed(self) -> None:
        """The new process says that it is the new firmware (L01.FR.28)."""
        if self._installed is None or not self.station.online:
            return
        request, self._installed = self._installed, None
        self.station.store.put(_KIND, _INSTALLED, None)
        self.station.call(
            "FirmwareStatusNotification", v21.FirmwareStatusNotificationRequest(status="Installed", requestId=request)
        )
        self.station.block(Security).happened("FirmwareUpdated")

    def _hold(self, busy: bool) -> None:
        """No new cars until the firmware is installed, unless they are allowed (L01.FR.07)."""
        allowed = self.station.model.flag("FirmwareCtrlr", "AllowNewSessionsPendingFirmwareUpdate")
        self._hold_all(busy and not allowed)

    def _hold_all(self, held: bool) -> None:
        for authorizer in self.station.authorizers.values():
            authorizer.held = held

    def _say(self, update: _Update, status: v21.FirmwareStatusEnumType) -> None:
        if update.said == status:
            return
        update.said = self._firmware_status = status
        self.station.call(
            "FirmwareStatusNotification", v21.FirmwareStatusNotificationRequest(status=status, requestId=update.request)
        )
