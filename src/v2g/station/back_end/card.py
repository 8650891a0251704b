"""Who the station is, as its back end gets to know it."""

from dataclasses import dataclass

from msgspec import UNSET

from v2g.ocpp import v21


@dataclass(frozen=True, slots=True)
class Card:
    """What BootNotification states."""

    vendor: str
    model: str
    firmware: str
    serial: str = ""

    def boots(self, reason: v21.BootReasonEnumType) -> v21.BootNotificationRequest:
        """The station comes up."""
        return v21.BootNotificationRequest(
            chargingStation=v21.ChargingStationType(
                model=self.model[:20],
                vendorName=self.vendor[:50],
                serialNumber=self.serial[:25] or UNSET,
                firmwareVersion=self.firmware[:50],
            ),
            reason=reason,
        )
