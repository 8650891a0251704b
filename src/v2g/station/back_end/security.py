"""Security events (A04): kept in a log, and sent if they are critical, now or once the back end is there."""

from typing import TypeAlias

from msgspec import Struct

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation

KIND = "security log"
MOST = 1_000
"""The oldest are dropped."""
CRITICAL = frozenset(
    {
        "FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot", "SecurityLogWasCleared",
        "MemoryExhaustion", "TamperDetectionActivated", "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate", "InvalidCsmsCertificate", "InvalidChargingStationCertificate",
        "DiscardedRenewedClientCertificate", "InvalidTLSVersion", "InvalidTLSCipherSuite",
    }
)  # fmt: skip
LONGEST_ORGANIZATION = 64
Name: TypeAlias = str


class Entry(Struct, frozen=True):
    """One event."""

    type: str
    at_s: float
    info: str = ""


class Security(Block):
    """The security log."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._log: dict[int, Entry] = {}
        for (kind, key), value in sorted(station.store.found.items()):
            if kind == KIND:
                try:
                    self._log[int(key)] = decoder(Entry).decode(value)
                except ValueError:  # of another release of this software
                    station.store.put(KIND, key, None)
        self._started = False
        station.model.add(
            (
                Variable("SecurityCtrlr", "OrganizationName", "v2g", "string", "ReadWrite", check=_organization),
                Variable(
                    "ClockCtrlr", "DateTime", data_type="dateTime", read=lambda: timestamp(station.unix_s).isoformat()
                ),
                Variable("ClockCtrlr", "TimeAdjustmentReportingThreshold", "20", "integer", "ReadWrite", "s", 1, 3_600),
            )
        )

    def step(self) -> None:
        if not self._started and self.station.unix_s:
            self._started = True
            restarted = self.station.boot_reason != "PowerUp"
            self.happened("ResetOrReboot" if restarted else "StartupOfTheDevice", self.station.boot_reason)

    def happened(self, type: Name, info: str = "") -> None:
        """Something that concerns security."""
        station = self.station
        number = max(self._log, default=0) + 1
        entry = self._log[number] = Entry(type, station.unix_s, info)
        station.store.put(KIND, f"{number:012}", encode(entry))
        if len(self._log) > MOST:
            oldest = next(iter(self._log))
            del self._log[oldest]
            station.store.put(KIND, f"{oldest:012}", None)
        if type in CRITICAL:
            request = v21.SecurityEventNotificationRequest(
                type=type, timestamp=timestamp(station.unix_s), techInfo=info[:255]
            )
            station.outbox.add("SecurityEventNotification", request, online=station.online)

    def text(self) -> str:
        """The log for GetLog, a line for each event."""
        return "".join(
            f"{timestamp(each.at_s).isoformat()} {each.type} {each.info}".rstrip() + "\n" for each in self._log.values()
        )


def _organization(value: str) -> str | None:
    """It is part of the name in a certificate, which has a length of its own (X.520)."""
    if 0 < len(value) <= LONGEST_ORGANIZATION and value.isprintable():
        return None
    return f"it has 1 to {LONGEST_ORGANIZATION} printable characters"
