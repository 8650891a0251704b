"""What the store of a station holds over a restart: transactions, profiles, why the process ended."""

from collections.abc import Iterable
from contextlib import suppress

from v2g.ocpp import v21
from v2g.ocpp.base import decoder, encode
from v2g.ocpp.profile_rules import Installed
from v2g.ocpp.store import Store
from v2g.station.back_end.transactions import Transaction

TRANSACTION, PROFILE = "transaction", "profile"
"""Kinds of rows."""
EXTERNAL = "EMS"
"""Who sets external constraints, as OCPP names the source."""
RESTARTS: dict[str, v21.BootReasonEnumType] = {
    "RemoteReset": "RemoteReset", "ScheduledReset": "ScheduledReset", "FirmwareUpdate": "FirmwareUpdate",
}  # fmt: skip
"""Why a process was asked to end."""


def lasting(installed: Iterable[Installed]) -> dict[str, Installed]:
    """The profiles that outlive a transaction (K01.FR.27), by their keys: external ones have others."""
    return {
        str(each.profile.id) if each.source == "CSO" else f"{each.source} {each.evse}": each
        for each in installed
        if each.profile.chargingProfilePurpose != "TxProfile"
    }


def left_over(store: Store) -> dict[int, Transaction]:
    """The transactions that ran when the process before this one ended, by EVSE."""
    found = {}
    for (kind, _), value in store.found.items():
        with suppress(ValueError):  # of another release of this software
            if kind == TRANSACTION:
                each = decoder(Transaction).decode(value)
                found[each.evse] = each
    return found


def kept_profiles(store: Store) -> list[Installed]:
    """The profiles of the process before this one."""
    found = []
    for (kind, key), value in sorted(store.found.items()):
        with suppress(ValueError):  # of another release of this software
            if kind == PROFILE:
                evse, _, document = value.partition(b" ")
                profile = decoder(v21.ChargingProfileType).decode(document)
                external = profile.chargingProfilePurpose == "ChargingStationExternalConstraints"
                each = Installed(int(evse), profile, EXTERNAL if external else "CSO")
                found.append(each)
                if external and key not in lasting((each,)):  # of another release of this software
                    store.put(PROFILE, key, None)
                    keep_profiles(store, (each,), ())
    return found


def keep_profiles(store: Store, installed: Iterable[Installed], before: Iterable[Installed]) -> None:
    """What has changed of those that outlive a transaction."""
    now, kept = lasting(installed), lasting(before)
    for id in kept.keys() - now.keys():
        store.put(PROFILE, id, None)
    for id, each in now.items():
        if kept.get(id) != each:
            store.put(PROFILE, id, f"{each.evse} ".encode() + encode(each.profile))


def boot_reason(store: Store) -> v21.BootReasonEnumType:
    """Why this process was started, if the one before it knew."""
    reason = RESTARTS.get(store.found.get(("boot", "reason"), b"").decode(errors="replace"))
    if reason is None:
        return "PowerUp"
    store.put("boot", "reason", None)
    return reason
