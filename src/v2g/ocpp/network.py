"""Network profiles: where the back end can be reached, in which order the station tries, what a back end may change
(B09, B10, A05)."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct

from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.profile_rules import Refusal
from v2g.ocpp.store import Store

KIND, PASSWORD = "network", "network password"
SLOTS = range(1, 9)
"""Slots that a back end may fill; the station's configuration fills the first ones."""
CARRIERS = {"ws": "wss", "mqtt": "mqtts"}
"""Schemes of an address: without and with TLS."""
LONGEST_TIMEOUT_S = 300
"""Of a response: while the station waits for one it does not notice that the back end is gone."""
PASSWORD_LENGTHS = range(16, 65)
VERSIONS: dict[str, str] = {"OCPP16": "1.6", "OCPP20": "2.0.1", "OCPP201": "2.0.1", "OCPP21": "2.1"}
"""As a profile names them, and as the configuration does."""


class Slot(Struct, frozen=True):
    """One way to the back end."""

    url: str
    security_profile: int
    identity: str
    password: str | None = None
    versions: tuple[str, ...] = ()
    """Those that are offered, the preferred one first."""
    timeout_s: float = 30.0
    configured: bool = False
    """Whether it is the configuration's; its files are those of the configuration then."""


class Networks:
    """The slots of a station; those that a back end has filled survive a restart."""

    def __init__(self, configured: Mapping[int, Slot], store: Store, *, roots: bool, certificate: bool) -> None:
        """`roots`, `certificate`: whether the configuration has what the security profiles 2 and 3 need."""
        self._store, self._roots, self._certificate = store, roots, certificate
        self.brought_roots = self.brought_certificate = False
        """Whether the back end has brought them."""
        self.slots: dict[int, Slot] = {}
        self.in_force = 0
        """The security profile of the connection; 0 before the first one."""
        self._passwords: dict[int, str] = {}
        """What a back end has put in the place of a slot's password."""
        for (kind, key), value in list(store.found.items()):
            if kind == PASSWORD and key.isdecimal():
                self._passwords[int(key)] = value.decode("utf-8", "replace")
            elif kind == KIND:
                try:
                    self.slots[int(key)] = msgspec.json.decode(value, type=Slot)
                except ValueError:  # of another release of this software
                    store.put(KIND, key, None)
        self.slots |= configured

    @property
    def configured(self) -> str:
        """The order of the configuration, as NetworkConfigurationPriority writes it."""
        return ",".join(str(number) for number, each in sorted(self.slots.items()) if each.configured)

    def set(
        self,
        number: int,
        data: v21.NetworkConnectionProfileType,
        priority: str,
        in_force: int,
        *,
        downgrade: bool,
        identity: str,
        password: str | None = None,
    ) -> Refusal | None:
        """Fill a slot. `in_force`: the security profile of the connection; `downgrade`: whether 3 to 2 is permitted;
        `identity`, `password`: those of the connection, for a back end that names no others."""
        if number not in SLOTS:  # B09.FR.05
            return Refusal("InvalidConfSlot", f"slots are {SLOTS[0]} to {SLOTS[-1]}")
        if number in _numbers(priority) or self.slots.get(number, _NONE).configured:  # B09.FR.22
            return Refusal("ActiveNetworkConf", f"slot {number} is in use")
        versions = tuple({VERSIONS[given(data.ocppVersion, "OCPP21")]: None}) if _known(data) else ()
        slot = Slot(
            data.ocppCsmsUrl,
            data.securityProfile,
            given(data.identity, identity),
            given(data.basicAuthPassword, password),
            versions,
            float(data.messageTimeout),
        )
        refusal = next(self._findings(slot, data, in_force, downgrade), None)
        if refusal is None:
            self.slots[number] = slot
            self._passwords.pop(number, None)
            self._store.put(PASSWORD, str(number), None)
            self._store.put(KIND, str(number), msgspec.json.encode(slot))
        return refusal

    def password(self, number: int) -> str | None:
        """With which the station connects by a slot."""
        return self._passwords.get(number) or self.slots[number].password

    def change_password(self, number: int, password: str) -> None:
        """The back end of a slot gives the station another password; slots that have the same one lead to it too.
        Another back end never sees it."""
        before = self.password(number)
        for each in self.slots:
            if each == number or (before is not None and self.password(each) == before):
                self._passwords[each] = password
                self._store.put(PASSWORD, str(each), password.encode())

    def why_not(self, priority: str) -> str | None:
        """Why NetworkConfigurationPriority cannot have this value, or None (B09.FR.33, B10.FR.02)."""
        numbers = _numbers(priority)
        unknown = [str(number) for number in numbers if number not in self.slots]
        if not numbers or len(numbers) != len(priority.split(",")) or len(set(numbers)) != len(numbers):
            return "it is a list of slots, each once"
        if unknown:
            return f"nothing is in slot {', '.join(unknown)}"
        lower = [str(number) for number in numbers if self.slots[number].security_profile < self.in_force]
        if lower:  # A05.FR.06
            return f"slot {', '.join(lower)} has a security profile below {self.in_force}, that of the connection"
        return None

    def succeeded(self, number: int, priority: str) -> str:
        """Connected by this slot: the priority without those of a lower security profile (A05.FR.06)."""
        least = self.in_force = self.slots[number].security_profile
        kept = [each for each in _numbers(priority) if self.slots[each].security_profile >= least]
        return ",".join(map(str, kept or [number]))

    def _findings(
        self, slot: Slot, data: v21.NetworkConnectionProfileType, in_force: int, downgrade: bool
    ) -> Iterator[Refusal]:
        profile, scheme = slot.security_profile, slot.url.partition("://")[0]
        if profile < in_force and not (downgrade and (in_force, profile) == (3, 2)):  # B09.FR.04 and 31
            yield Refusal("NoSecurityDowngrade", f"the security profile is {in_force}")
        if data.ocppTransport != "JSON" or scheme not in (*CARRIERS, *CARRIERS.values()) or not _known(data):
            yield Refusal("InvalidNetworkConf", "JSON over WebSocket or MQTT, in a version that the station speaks")
        if profile not in (1, 2, 3) or (profile > 1) != (scheme in CARRIERS.values()):
            yield Refusal("InvalidNetworkConf", f"security profile {profile} does not fit {scheme}://")
        if profile > 1 and not (self._roots or self.brought_roots):  # A05.FR.02
            yield Refusal("InvalidNetworkConf", "there is no root of the back end's certificate")
        if profile == 3 and not (self._certificate or self.brought_certificate):  # A05.FR.03
            yield Refusal("InvalidNetworkConf", "the station has no certificate")
        if slot.password is not None and len(slot.password) not in PASSWORD_LENGTHS:
            yield Refusal("InvalidNetworkConf", "the password is too short or too long")
        if data.apn or data.vpn:
            yield Refusal("InvalidNetworkConf", "APN and VPN are the operating system's")
        if not 0 < slot.timeout_s <= LONGEST_TIMEOUT_S:
            yield Refusal("InvalidNetworkConf", f"messageTimeout is above 0 and at most {LONGEST_TIMEOUT_S}")


class Route:
    """Which slot the next attempt takes: each in its turn, a number of times, and never an end (B10)."""

    def __init__(self) -> None:
        self._place = self._failures = 0

    def slot(self, priority: str) -> int:
        """The number of the slot for the next attempt."""
        numbers = _numbers(priority)
        self._place %= len(numbers)
        return numbers[self._place]

    def failed(self, attempts: int) -> None:
        """The attempt has failed, or the connection is lost. `attempts`: NetworkProfileConnectionAttempts."""
        self._failures += 1
        if self._failures >= attempts:
            self._failures = 0
            self._place += 1

    def succeeded(self) -> None:
        """Connected: after a loss the same slot has all its attempts."""
        self._failures = 0


_NONE = Slot("", 0, "")


def _numbers(priority: str) -> list[int]:
    return [int(each) for each in priority.split(",") if each.isascii() and each.strip().isdecimal()]


def _known(data: v21.NetworkConnectionProfileType) -> bool:
    return given(data.ocppVersion, "OCPP21") in VERSIONS
