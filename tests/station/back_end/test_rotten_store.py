"""Rows of the store that a failing disk has changed: SQLite keeps no check sum. The station serves all the same."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import certified
from tests.station.back_end.test_charging_station import Bench
from tests.station.back_end.test_hostile_back_end import brought, request

from v2g.ocpp.base import encode
from v2g.ocpp.store import Memory
from v2g.station.back_end.certificates import Certificates, Own, Root

LIMIT = {"priority": 0, "pctMaxDischargePower": 10.0}
TOKEN = {"idToken": "A", "type": "Central"}
MESSAGE = {"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "x"}}
TARIFF = {"tariffId": "t", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.3}]}}
NETWORK = {
    "ocppCsmsUrl": "ws://host/", "messageTimeout": 30, "ocppInterface": "Any", "ocppTransport": "JSON",
    "securityProfile": 1,
}  # fmt: skip
MONITOR = {"value": 1, "type": "Delta", "severity": 3, "component": {"name": "EVSE", "evse": {"id": 1}},
           "variable": {"name": "Power"}}  # fmt: skip
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("SetDefaultTariff", {"evseId": 1, "tariff": TARIFF}),
    ("SetChargingProfile", {"evseId": 1, "chargingProfile": brought({"limit": 9_000.0}, "TxDefaultProfile",
                                                                    maxOfflineDuration=100)}),
    ("SendLocalList", {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": [
        {"idToken": TOKEN, "idTokenInfo": {"status": "Accepted"}}]}),
    ("SetVariables", {"setVariableData": [
        {"attributeValue": "5000000", "component": {"name": "DataUsageCtrlr"}, "variable": {"name": "DailyLimit"}}]}),
    ("SetVariables", {"setVariableData": [
        {"attributeValue": "p" * 20, "component": {"name": "SecurityCtrlr"},
         "variable": {"name": "BasicAuthPassword"}}]}),
    ("SetVariableMonitoring", {"setMonitoringData": [MONITOR]}),
    ("SetMonitoringLevel", {"severity": 8}),
    ("SetDisplayMessage", {"message": MESSAGE}),
    ("SetNetworkProfile", {"configurationSlot": 3, "connectionData": NETWORK}),
    ("ChangeAvailability", {"operationalStatus": "Inoperative"}),
    ("SetDERControl", {"isDefault": True, "controlId": "d", "controlType": "LimitMaxDischarge",
                       "limitMaxDischarge": LIMIT}),
]  # fmt: skip
KINDS = (
    "account", "boot", "contact", "data usage", "default tariff", "der", "display message", "firmware", "inoperative",
    "local list", "local list version", "monitor", "monitoring level", "network", "network password", "profile",
    "published", "queue", "security log", "token cache", "transaction", "variable",
)  # fmt: skip
ROTTEN = (b"", b"\xff\xfe", b"9" * 5_000, b"null", b"{}", b"-1", "\u00b2".encode())


@cache
def rows() -> dict[tuple[str, str], bytes]:
    """One row of each kind at least, as the station keeps it."""
    bench = Bench()
    bench.run(3.0)
    (first, tariff), *others = ASKED
    bench.ask(first, request(first, **tariff))
    bench.charge(1.0)
    for action, fields in others:
        bench.ask(action, request(action, **fields))
    for kind, key, value in (("boot", "reason", b"RemoteReset"), ("firmware", "installed", b"7"),
                             ("published", "abc", b"1"), ("data usage", "1", b"19000 500")):  # fmt: skip
        bench.station.store.put(kind, key, value)
    bench.cut()
    bench.run(6.0)
    return dict(bench.store.found)


def test_the_rows_are_of_all_kinds() -> None:
    assert {kind for kind, _ in rows()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_means_nothing_any_more_takes_no_process_and_no_order_with_it(kind: str) -> None:
    for place, value in rows().items():
        if place[0] == kind:
            turned = bytes([value[0] ^ 0x80, *value[1:]])
            for rotten in (*ROTTEN, turned, value[: len(value) // 2]):
                store = Memory()
                store.found = rows() | {place: rotten}
                bench = Bench(store=store)
                bench.run(0.3)
                bench.station.step(40.0, 1_700_000_040)
                assert not [line for line in bench.station.log if "failed" in line]
            break


def test_certificates_that_are_damaged_are_none() -> None:
    """One of them in the file that OpenSSL reads would keep the station from every connection with TLS."""
    store = Memory()
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    store.put("root", "a", encode(Root("CSMSRootCertificate", pem)))
    store.put("own certificate", "ChargingStationCertificate", encode(Own(pem, "no key")))
    held = Bench(store=store).station.block(Certificates)
    assert (held.roots("CSMSRootCertificate"), held.own, held.for_cars()) == ([], {}, {})
    assert not [kind for kind, _ in store.found if kind in ("root", "own certificate")]


def test_certificates_that_are_sound_are_kept(tmp_path: Path) -> None:
    certified(tmp_path)
    pem, key = (tmp_path / "root.pem").read_text(), (tmp_path / "key.pem").read_text()
    store = Memory()
    store.put("root", "a", encode(Root("CSMSRootCertificate", pem)))
    store.put("own certificate", "ChargingStationCertificate", encode(Own(pem, key)))
    held = Bench(store=store).station.block(Certificates)
    assert held.roots("CSMSRootCertificate") == [pem]
    assert held.own == {"ChargingStationCertificate": Own(pem, key)}
