"""Tariffs over real frames (block I): installed, listed, cleared, changed; costs while a car charges and after it."""

from typing import Any

import pytest
from msgspec import UNSET
from tests.ocpp.messages import judge

from v2g.bench.conformance.stand import Stand
from v2g.bench.conformance.tester import Tester as BackEnd
from v2g.ocpp import v21
from v2g.ocpp.base import convert
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.store import Memory
from v2g.station.back_end.tariffs import Tariffs

CHEAP: dict[str, Any] = {"tariffId": "cheap", "currency": "EUR", "energy": {"prices": [{"priceKwh": 0.2}]}}
DEAR: dict[str, Any] = CHEAP | {"tariffId": "dear", "energy": {"prices": [{"priceKwh": 0.9}]}}
BROKEN: dict[str, Any] = CHEAP | {"tariffId": "broken", "currency": "?"}


def bench(store: Memory | None = None, evses: int = 1, protocol: Any = "ocpp2.1") -> BackEnd:
    """A back end, and a station that has booted; the OCA's schemas judge what the station says."""
    tester = BackEnd(
        Stand(protocol, evses, store), tuple(range(1, evses + 1)), judge=lambda *said: judge(*said[:2])(said[2])
    )
    tester.booted()
    return tester


def ids(reply: Any) -> dict[str, tuple[int, ...]]:
    return {each.tariffId: each.evseIds for each in reply.tariffAssignments}


def test_default_tariffs_are_kept_listed_and_cleared() -> None:
    store = Memory()
    tester = bench(store, evses=2)
    tester.check("GetTariffs", "NoTariff", evseId=0)
    tester.check("SetDefaultTariff", evseId=0, tariff=CHEAP)
    tester.check("SetDefaultTariff", "DuplicateTariffId", evseId=1, tariff=CHEAP)
    tester.check("SetDefaultTariff", "Rejected", evseId=7, tariff=DEAR)
    tester.check("SetDefaultTariff", "Rejected", evseId=1, tariff=BROKEN)
    tester.check("SetDefaultTariff", evseId=1, tariff=DEAR)
    tester.run(1.0)
    assert ids(tester.check("GetTariffs", evseId=0)) == {"cheap": (2,), "dear": (1,)}
    tester.link.reboot()
    tester.booted()
    assert ids(tester.check("GetTariffs", evseId=0)) == {"cheap": (2,), "dear": (1,)}
    assert ids(tester.check("GetTariffs", evseId=2)) == {"cheap": (2,)}
    cleared = tester.ask("ClearTariffs", tariffIds=["dear", "nothing"]).clearTariffsResult
    assert [(each.tariffId, each.status) for each in cleared] == [("dear", "Accepted"), ("nothing", "NoTariff")]
    [row] = tester.ask("ClearTariffs", evseId=1).clearTariffsResult
    assert row.status == "NoTariff"
    assert [each.tariffId for each in tester.ask("ClearTariffs").clearTariffsResult] == ["cheap"]


def test_a_tariff_that_begins_later_replaces_the_one_before_it() -> None:
    tester = bench()
    begins = tester.link.unix_s() + 60
    tester.check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    tester.check("SetDefaultTariff", evseId=1, tariff=DEAR | {"validFrom": timestamp(begins).isoformat()})
    assert set(ids(tester.check("GetTariffs", evseId=1))) == {"cheap", "dear"}
    tester.run(61.0)
    assert set(ids(tester.check("GetTariffs", evseId=1))) == {"dear"}


def test_costs_run_and_come_with_the_end() -> None:
    tester = bench()
    tester.check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    tester.put("TariffCostCtrlr", "Enabled", "true", instance="RunningCost")
    tester.put("TariffCostCtrlr", "Interval", "5", instance="Cost")
    tester.link.plug_in(1, tester.car)
    started = tester.await_("TransactionEvent", 60, eventType="Started")
    assert started.transactionInfo.tariffId == "cheap"
    assert started.costDetails.totalCost.total.exclTax == 0.0
    running = tester.await_("TransactionEvent", 60, triggerReason="RunningCost")
    first = tester.await_("TransactionEvent", 60, triggerReason="RunningCost").costDetails.totalCost.total.exclTax
    assert first > running.costDetails.totalCost.total.exclTax >= 0.0
    transaction = started.transactionInfo.transactionId
    tester.check("ChangeTransactionTariff", "TxNotFound", tariff=DEAR, transactionId="another")
    francs = DEAR | {"currency": "CHF"}
    tester.check("ChangeTransactionTariff", "NoCurrencyChange", tariff=francs, transactionId=transaction)
    tester.check("ChangeTransactionTariff", tariff=DEAR, transactionId=transaction)
    changed = tester.await_("TransactionEvent", 10, triggerReason="TariffChanged")
    assert changed.transactionInfo.tariffId == "dear"
    [assigned] = [each for each in tester.check("GetTariffs", evseId=1).tariffAssignments if each.tariffId == "dear"]
    assert (assigned.tariffKind, assigned.evseIds) == ("DriverTariff", (1,))
    tester.run(10.0)
    ended = tester.stop()
    details = ended.costDetails
    assert [each.tariffId for each in details.chargingPeriods] == ["cheap", "dear"]
    volumes = [{each.type: each.volume for each in part.dimensions} for part in details.chargingPeriods]
    cheap, dear = (each["Energy"] for each in volumes)
    assert details.totalCost.total.exclTax == pytest.approx(cheap * 0.2e-3 + dear * 0.9e-3, abs=1e-5)
    assert details.totalUsage.energy == pytest.approx(drawn(ended) - drawn(started), abs=0.01)
    assert list(ids(tester.check("GetTariffs", evseId=1))) == ["cheap"]


def drawn(event: Any) -> float:
    """Import less export."""
    values = {each.measurand: each.value for meter in event.meterValue for each in meter.sampledValue}
    return float(values["Energy.Active.Import.Register"] - values["Energy.Active.Export.Register"])


def test_costs_survive_a_power_failure() -> None:
    store = Memory()
    tester = bench(store)
    tester.check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    tester.charge()
    tester.run(10.0)
    tester.link.reboot()
    ended = tester.await_("TransactionEvent", 60, eventType="Ended", transactionInfo__stoppedReason="PowerLoss")
    usage = ended.costDetails.totalUsage.energy
    assert usage > 1.0
    assert ended.costDetails.totalCost.total.exclTax == pytest.approx(usage * 0.2e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("what_then", "tariff"), [("UseDefaultTariff", "cheap"), ("CentralCost", None), ("Deauthorize", "nobody")]
)
def test_the_tariff_of_a_driver_that_cannot_be_used(what_then: str, tariff: str | None) -> None:
    tester = bench()
    tester.check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    tester.put("TariffCostCtrlr", "HandleFailedTariff", what_then, instance="Tariff")
    accepted = v21.IdTokenInfoType(status="Accepted")
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=accepted, tariff=convert(BROKEN, v21.TariffType))
    tester.link.plug_in(1, tester.car)
    tester.await_("NotifyEvent", 60, eventData__variable__name="Problem", eventData__actualValue="true")
    assert tester.get("TariffCostCtrlr", "Problem") == "true"
    if tariff == "nobody":
        tester.never("TransactionEvent", 20)
        return
    started = tester.await_("TransactionEvent", 60, eventType="Started")
    assert started.transactionInfo.tariffId == (UNSET if tariff is None else tariff)


def test_a_driver_has_a_tariff_of_their_own_also_from_the_cache() -> None:
    tester = bench()
    tester.check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    accepted = v21.IdTokenInfoType(status="Accepted")
    tester.answers["Authorize"] = v21.AuthorizeResponse(idTokenInfo=accepted, tariff=convert(DEAR, v21.TariffType))
    for asked in (1, 1):
        tester.link.plug_in(1, tester.car)
        started = tester.await_("TransactionEvent", 60, eventType="Started")
        assert started.transactionInfo.tariffId == "dear"
        assert len([each for each in tester.heard if each[0] == "Authorize"]) == asked
        assert set(ids(tester.check("GetTariffs", evseId=1))) == {"cheap", "dear"}
        tester.link.car_stops(1)
        tester.await_("TransactionEvent", 60, eventType="Ended")
        assert set(ids(tester.check("GetTariffs", evseId=1))) == {"cheap"}
        tester.link.plug_out(1)
        tester.run(2.0)


def test_without_local_costs_the_back_end_calculates() -> None:
    tester = bench()
    tester.put("TariffCostCtrlr", "Enabled", "false", instance="Tariff")
    assert tester.ask("SetDefaultTariff", evseId=1, tariff=CHEAP) == "NotSupported"
    assert tester.ask("ChangeTransactionTariff", tariff=CHEAP, transactionId="x") == "NotSupported"
    transaction = tester.charge()
    tester.ask("CostUpdated", totalCost=1.25, transactionId=transaction)
    costs = tester.link.station.block(Tariffs).running_costs  # type: ignore[attr-defined]
    assert costs == {transaction: "1.25"}
    tester.answers["TransactionEvent"] = v21.TransactionEventResponse(totalCost=2.5)
    tester.stop()
    assert tester.link.station.block(Tariffs).running_costs == {transaction: "2.50"}  # type: ignore[attr-defined]


def test_over_2_0_1_nothing_is_said_that_it_does_not_know() -> None:
    store = Memory()
    bench(store).check("SetDefaultTariff", evseId=1, tariff=CHEAP)
    tester = bench(store, protocol="ocpp2.0.1")
    tester.put("TariffCostCtrlr", "Enabled", "true", instance="RunningCost")
    tester.charge()
    tester.run(70.0)
    tester.stop()
