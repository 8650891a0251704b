"""OCTT, block H: reservations."""

from datetime import UTC, datetime, timedelta
from typing import Any

from v2g.bench.conformance.cases import case, not_here
from v2g.bench.conformance.octt_use import AUTH, READER, no_energy, remote
from v2g.bench.conformance.tester import Tester


def reserve(tester: Tester, status: str = "Accepted", *, id: int = 1, who: str = "R-1", **more: Any) -> None:
    until = datetime.fromtimestamp(tester.link.unix_s(), UTC) + timedelta(seconds=more.pop("for_s", 600))
    asked = {"id": id, "expiryDateTime": until, "idToken": {"idToken": who, "type": "Central"}, "evseId": 1} | more
    tester.check("ReserveNow", status, **asked)


@case("TC_H_01_CS")
def reserved_for_this_token(tester: Tester) -> None:
    reserve(tester, who="APP-1")
    tester.await_("StatusNotification", 20, connectorStatus="Reserved")
    remote_with_reservation(tester)


def remote_with_reservation(tester: Tester) -> None:
    tester.put(AUTH, "AuthorizeRemoteStart", "true")
    remote(tester)
    tester.link.plug_in(1, tester.car)
    tester.await_("TransactionEvent", 90, eventType="Started", reservationId=1)


@case("TC_H_02_CS")
def reserved_for_somebody_else(tester: Tester) -> None:
    reserve(tester, who="R-1")
    tester.link.plug_in(1, tester.car)
    no_energy(tester)


@case("TC_H_03_CS")
def reserved_already(tester: Tester) -> None:
    reserve(tester)
    reserve(tester, "Occupied", id=2, who="R-2")


@case("TC_H_04_CS")
def occupied(tester: Tester) -> None:
    tester.charge()
    reserve(tester, "Occupied")


@case("TC_H_06_CS")
def unavailable(tester: Tester) -> None:
    tester.check("ChangeAvailability", operationalStatus="Inoperative", evse={"id": 1})
    reserve(tester, "Unavailable")


@case("TC_H_07_CS")
def reservation_expires(tester: Tester) -> None:
    reserve(tester, for_s=20)
    tester.await_("StatusNotification", 20, connectorStatus="Reserved")
    tester.await_("ReservationStatusUpdate", 40, reservationUpdateStatus="Expired")
    tester.await_("StatusNotification", 20, connectorStatus="Available")


@case("TC_H_08_CS")
def any_evse(tester: Tester) -> None:
    reserve(tester, evseId=None, who="APP-1")
    remote_with_reservation(tester)


@case("TC_H_15_CS")
def by_connector_type(tester: Tester) -> None:
    reserve(tester, evseId=None, connectorType="cCCS2")


@case("TC_H_14_CS", "TC_H_16_CS", evses=2)
def all_taken(tester: Tester) -> None:
    reserve(tester, evseId=None, id=1)
    reserve(tester, evseId=None, id=2)
    reserve(tester, "Occupied", evseId=None, id=3)


@case("TC_H_17_CS")
def cancelled(tester: Tester) -> None:
    reserve(tester)
    tester.await_("StatusNotification", 20, connectorStatus="Reserved")
    tester.check("CancelReservation", reservationId=1)
    tester.await_("StatusNotification", 20, connectorStatus="Available")


@case("TC_H_18_CS")
def nothing_to_cancel(tester: Tester) -> None:
    tester.check("CancelReservation", "Rejected", reservationId=99)


@case("TC_H_21_CS")
def removed_when_unavailable(tester: Tester) -> None:
    reserve(tester)
    tester.check("ChangeAvailability", operationalStatus="Inoperative", evse={"id": 1})
    tester.await_("ReservationStatusUpdate", 20, reservationUpdateStatus="Removed")


@case("TC_H_22_CS")
def no_reservations(tester: Tester) -> None:
    tester.put("ReservationCtrlr", "Enabled", "false")
    reserve(tester, "Rejected")


@case("TC_H_23_CS")
def replaced(tester: Tester) -> None:
    reserve(tester, who="R-1")
    reserve(tester, who="APP-1")
    remote_with_reservation(tester)


@case("TC_B_24_CS")
def reservation_survives_a_reset(tester: Tester) -> None:
    reserve(tester)
    tester.check("Reset", type="OnIdle")
    tester.await_("BootNotification", 60)
    tester.await_("StatusNotification", 20, connectorStatus="Reserved")


not_here(READER, "TC_H_19_CS", "TC_H_24_CS")
not_here("a station without reservations for any EVSE would refuse them", "TC_H_13_CS")
not_here("there is one kind of plug", "TC_H_09_CS", "TC_H_10_CS", "TC_H_12_CS")
