"""What a back end may change of the station's way to it: network profiles, their order, the password."""

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import Message
from v2g.ocpp.network import Slot
from v2g.station.back_end.charging_station import ChargingStation

_COMM, _SECURITY = "OCPPCommCtrlr", "SecurityCtrlr"


def set_profile(station: ChargingStation, asked: v21.SetNetworkProfileRequest) -> Message:
    """SetNetworkProfile (B09)."""
    refusal = station.networks.set(
        asked.configurationSlot,
        asked.connectionData,
        station.model.text(_COMM, "NetworkConfigurationPriority"),
        int(station.model.number(_SECURITY, "SecurityProfile")),
        downgrade=station.model.flag(_SECURITY, "AllowSecurityProfileDowngrade"),
        identity=next(iter(station.networks.slots.values())).identity,
    )
    if refusal is None:
        return v21.SetNetworkProfileResponse(status="Accepted")
    info = v21.StatusInfoType(reasonCode=refusal.code, additionalInfo=refusal.text or UNSET)
    return v21.SetNetworkProfileResponse(status="Rejected", statusInfo=info)


def connected(station: ChargingStation, number: int) -> None:
    """The station is connected by this slot: what the variables say now, and what is ruled out with it (A05.FR.06)."""
    model, networks = station.model, station.networks
    if model.text(_COMM, "ActiveNetworkProfile") != str(number):
        station.registered = None  # another back end, maybe: boot there (B10.FR.10)
    model.assume(_COMM, "ActiveNetworkProfile", str(number))
    model.assume(_SECURITY, "SecurityProfile", str(networks.slots[number].security_profile))
    priority = model.text(_COMM, "NetworkConfigurationPriority")
    kept = networks.succeeded(number, priority)
    if kept != priority:
        model.keep(_COMM, "NetworkConfigurationPriority", kept)


def password(station: ChargingStation, slot: Slot) -> str | None:
    """The password of a slot: its own, or the one that the back end has set, or the configured one."""
    changed = station.model.text(_SECURITY, "BasicAuthPassword")
    return (changed or slot.password) if slot.configured else (slot.password or changed or None)
