"""Energy-transfer services as every edition sees them; the numbers are those of ISO 15118-20 (Table 204)."""

from dataclasses import dataclass
from enum import IntEnum


class Service(IntEnum):
    """Energy-transfer service ids (Table 204)."""

    AC = 1
    DC = 2
    AC_BPT = 5
    DC_BPT = 6
    # Amendment 1; its table is not public: these numbers are those of EVerest's libiso15118.
    MCS = 8
    """Megawatt charging: direct current by the messages of `DC`, through a connector of its own."""
    MCS_BPT = 9
    AC_DER_IEC = 10
    AC_DER_SAE = 11

    @property
    def dc(self) -> bool:
        """Whether the station converts to direct current; otherwise the inverter is in the car."""
        return self in (Service.DC, Service.DC_BPT) or self.mcs

    @property
    def mcs(self) -> bool:
        """Whether the connector is that of megawatt charging."""
        return self in (Service.MCS, Service.MCS_BPT)

    @property
    def bidirectional(self) -> bool:
        """Whether the car may feed the grid."""
        return self in (Service.AC_BPT, Service.DC_BPT, Service.MCS_BPT) or self.der

    @property
    def der(self) -> bool:
        """Whether the car is given the grid code's settings, for its inverter to follow."""
        return self in (Service.AC_DER_IEC, Service.AC_DER_SAE)


class ControlMode(IntEnum):
    """Who plans the power (Table 205)."""

    SCHEDULED = 1
    """The car follows a schedule that it chose among the station's offers."""
    DYNAMIC = 2
    """The station sets the power within the car's limits."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the car selected: a service, one of its parameter sets, and what that set means."""

    service: Service
    parameter_set: int
    mode: ControlMode
