"""Network profiles: what a back end may set, in which order the station tries, and when it goes back."""

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import structs

from v2g.ocpp import v21
from v2g.ocpp.base import convert
from v2g.ocpp.network import Networks, Route, Slot
from v2g.ocpp.store import Memory

FIRST = Slot("wss://a.example", 2, "CS1", "p" * 16, configured=True)
SECOND = Slot("ws://b.example", 1, "CS1", "p" * 16, configured=True)
GOOD = {
    "ocppInterface": "Any", "ocppTransport": "JSON", "messageTimeout": 30, "ocppCsmsUrl": "wss://c.example",
    "securityProfile": 2, "ocppVersion": "OCPP21",
}  # fmt: skip


@dataclass
class Set:
    """A station that is asked to fill a slot."""

    networks: Networks
    in_force: int = 2
    downgrade: bool = False

    def __call__(self, slot: int, **change: Any) -> str | None:
        data = convert(GOOD | change, v21.NetworkConnectionProfileType)
        refusal = self.networks.set(
            slot, data, "1,2", self.in_force, downgrade=self.downgrade, identity="CS1"
        )  # fmt: skip
        return None if refusal is None else refusal.code


def networks(store: Memory | None = None, *, roots: bool = True, certificate: bool = False) -> Networks:
    return Networks({1: FIRST, 2: SECOND}, store or Memory(), roots=roots, certificate=certificate)


def test_a_slot_that_a_back_end_fills_survives_a_restart() -> None:
    store = Memory()
    assert Set(networks(store))(3, identity="CS9", basicAuthPassword="q" * 20) is None
    assert networks(store).slots[3] == Slot("wss://c.example", 2, "CS9", "q" * 20, ("2.1",), 30.0)
    assert networks(store).configured == "1,2"
    store.put("network", "4", b"of another release")
    assert 4 not in networks(store).slots


@pytest.mark.parametrize(
    ("slot", "change", "code"),
    [
        (0, {}, "InvalidConfSlot"),
        (9, {}, "InvalidConfSlot"),
        (1, {}, "ActiveNetworkConf"),
        (3, {"securityProfile": 1, "ocppCsmsUrl": "ws://c.example"}, "NoSecurityDowngrade"),
        (3, {"securityProfile": 3}, "InvalidNetworkConf"),
        (3, {"ocppTransport": "SOAP"}, "InvalidNetworkConf"),
        (3, {"ocppVersion": "OCPP12"}, "InvalidNetworkConf"),
        (3, {"ocppCsmsUrl": "ws://c.example"}, "InvalidNetworkConf"),
        (3, {"ocppCsmsUrl": "ftp://c.example"}, "InvalidNetworkConf"),
        (3, {"securityProfile": 4}, "InvalidNetworkConf"),
        (3, {"basicAuthPassword": "short"}, "InvalidNetworkConf"),
        (3, {"messageTimeout": 0}, "InvalidNetworkConf"),
        (3, {"vpn": {"server": "s", "user": "u", "password": "p", "key": "k", "type": "IPSec"}}, "InvalidNetworkConf"),
        (3, {"ocppCsmsUrl": "mqtts://broker.example/cs"}, None),
    ],
)
def test_what_may_be_set(slot: int, change: dict[str, Any], code: str | None) -> None:
    assert Set(networks())(slot, **change) == code


def test_tls_needs_a_root_and_profile_3_a_certificate() -> None:
    assert Set(networks(roots=False))(3) == "InvalidNetworkConf"
    assert Set(networks(certificate=True))(3, securityProfile=3) is None


def test_down_from_3_to_2_only_with_permission_and_never_to_1() -> None:
    ours = networks(certificate=True)
    assert Set(ours, 3)(3) == "NoSecurityDowngrade"
    assert Set(ours, 3, True)(3) is None
    assert Set(ours, 3, True)(3, securityProfile=1, ocppCsmsUrl="ws://c.example") == "NoSecurityDowngrade"


def test_an_order_names_slots_that_are_filled_each_once() -> None:
    ours = networks()
    assert ours.why_not("2,1") is None
    for wrong in ("", "1,1", "1,x", "3", "1,,2"):
        assert ours.why_not(wrong) is not None, wrong


def test_a_connection_with_a_higher_security_profile_rules_out_the_lower_ones() -> None:
    assert networks().succeeded(1, "2,1") == "1"
    assert networks().succeeded(2, "2,1") == "2,1"


def test_no_back_end_brings_a_lower_security_profile_back_into_the_order() -> None:
    ours = networks()
    assert ours.succeeded(2, "1,2") == "1,2"
    assert ours.why_not("2,1") is None
    ours.succeeded(1, "1,2")
    assert ours.why_not("1") is None
    assert ours.why_not("1,2") == "slot 2 has a security profile below 2, that of the connection"


def test_a_password_that_a_back_end_changes_is_for_the_ways_to_it_and_for_no_other_back_end() -> None:
    store = Memory()
    configured = {1: FIRST, 2: SECOND, 3: structs.replace(FIRST, url="wss://other.example", password="o" * 16)}
    ours = Networks(configured, store, roots=True, certificate=False)
    assert Set(ours)(4, basicAuthPassword="f" * 16) is None
    ours.change_password(1, "n" * 16)
    again = Networks(configured, store, roots=True, certificate=False)
    assert [again.password(number) for number in (1, 2, 3, 4)] == ["n" * 16, "n" * 16, "o" * 16, "f" * 16]
    ours.change_password(4, "g" * 16)
    assert Set(ours)(4, basicAuthPassword="h" * 16) is None
    again = Networks(configured, store, roots=True, certificate=False)
    assert [again.password(number) for number in (1, 4)] == ["n" * 16, "h" * 16]


def test_each_slot_has_its_attempts_and_the_list_begins_again() -> None:
    route, tried = Route(), []
    for _ in range(9):
        tried.append(route.slot("1,2"))
        route.failed(2)
    assert tried == [1, 1, 2, 2, 1, 1, 2, 2, 1]
    route.succeeded()
    assert route.slot("1,2") == 1
    assert Route().slot("5,1") == 5
    assert route.slot("2") == 2  # the list has become shorter


def test_what_a_back_end_has_brought_is_enough_for_a_higher_security_profile() -> None:
    ours = networks(roots=False)
    ours.brought_roots = True
    assert Set(ours)(3) is None
    assert Set(ours)(4, securityProfile=3) == "InvalidNetworkConf"
    ours.brought_certificate = True
    assert Set(ours)(4, securityProfile=3) is None
