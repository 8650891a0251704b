"""What a back end may change of the station's way to it: network profiles, their order, the password."""

from msgspec import UNSET

from v2g.ocpp import v21
from v2g.ocpp.base import Message
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
        password=station.networks.password(int(station.model.text(_COMM, "ActiveNetworkProfile"))),
    )
    if refusal is None:
        return v21.SetNetworkProfileResponse(status="Accepted")
    info = v21.StatusInfoType(reasonCode=refusal.code, additionalInfo=refusal.text or UNSET)
    return v21.SetNetworkProfileResponse(status="Rejected", statusInfo=info)


def connected(station: ChargingStation, number: int) -> None:
    """The station is connected by this slot: what the variables say now, and what is ruled out with it (A05.FR.06)."""
    model, networks = station.model, station.networks
    if model.text(_COMM, "ActiveNetworkProfile") != str(number):
        station.boot(station.boot_reason)  # another back end, maybe: boot there, and at once (B10.FR.10)
    model.assume(_COMM, "ActiveNetworkProfile", str(number))
    model.assume(_SECURITY, "SecurityProfile", str(networks.slots[number].security_profile))
    priority = model.text(_COMM, "NetworkConfigurationPriority")
    kept = networks.succeeded(number, priority)
    if kept != priority:
        model.keep(_COMM, "NetworkConfigurationPriority", kept)


def take_password(station: ChargingStation) -> None:
    """The password that the back end has written, if it has: for the way by which the station is connected."""
    changed = station.model.text(_SECURITY, "BasicAuthPassword")
    if changed:
        station.networks.change_password(int(station.model.text(_COMM, "ActiveNetworkProfile")), changed)
        station.model.keep(_SECURITY, "BasicAuthPassword", "")
