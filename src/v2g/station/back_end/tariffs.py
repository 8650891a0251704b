"""Block I: tariffs of the back end, and what transactions cost by them."""

from collections.abc import Iterator

from msgspec import UNSET, Struct
from msgspec.structs import replace

from v2g.ocpp import v21
from v2g.ocpp.base import Message, decoder, encode, given
from v2g.ocpp.device_model import Variable
from v2g.ocpp.schedule import timestamp
from v2g.ocpp.tariff import MOST_ELEMENTS, Account, Moment, why_invalid
from v2g.ocpp.version import Invalid
from v2g.power.meter import NO_POWER_W, MeterReading
from v2g.station.back_end.block import Block
from v2g.station.back_end.charging_station import ChargingStation

DEFAULT, ACCOUNT = "default tariff", "account"
MOST_DEFAULTS = 100
_CTRL = "TariffCostCtrlr"
_FALLBACK = "UseDefaultTariff"


class Default(Struct, frozen=True):
    """A default tariff of an EVSE."""

    evse: int
    from_s: int
    """When it begins to hold, Unix time: that of its `validFrom`, or of its installation."""
    tariff: v21.TariffType


class Driver(Struct, frozen=True):
    """The tariff of the driver whose car may charge at an EVSE."""

    token: str
    tariff: v21.TariffType


class Tariffs(Block):
    """Default tariffs and the accounts of transactions survive a restart."""

    def __init__(self, station: ChargingStation) -> None:
        super().__init__()
        self.station = station
        self._defaults: list[Default] = []
        self._drivers: dict[int, Driver] = {}
        self._accounts: dict[str, Account] = {}
        self._said_s: dict[str, float] = {}
        """When the running cost of a transaction was reported last."""
        self._central: set[int] = set()
        """EVSEs whose next transaction the back end prices itself."""
        self.costs: dict[str, float] = {}
        """What the back end says that a transaction costs (I02, I03)."""
        self._problem = False
        self._load()
        station.tariff_for, station.priced = self._take, self._priced
        self.handlers = {
            "SetDefaultTariff": self._set, "GetTariffs": self._get, "ClearTariffs": self._clear,
            "ChangeTransactionTariff": self._change, "CostUpdated": self._updated,
        }  # fmt: skip
        station.model.add(self._variables())

    def _load(self) -> None:
        found = self.station.store.found
        for (kind, key), value in sorted(found.items()):
            try:
                if kind == DEFAULT:
                    self._defaults.append(decoder(Default).decode(value))
                elif kind == ACCOUNT:
                    self._accounts[key] = decoder(Account).decode(value)
            except ValueError:  # of another release of this software
                self.station.store.put(kind, key, None)

    def _variables(self) -> Iterator[Variable]:
        for instance in ("Tariff", "Cost"):
            yield Variable(_CTRL, "Available", "true", "boolean", instance=instance)
        for instance, value in (("Tariff", "true"), ("Cost", "true"), ("RunningCost", "false")):
            yield Variable(_CTRL, "Enabled", value, "boolean", "ReadWrite", instance=instance)
        yield Variable(_CTRL, "Interval", "60", "integer", "ReadWrite", "s", 1, 86_400, instance="Cost")
        yield Variable(_CTRL, "Interval", "1", "integer", "ReadWrite", "s", 1, 86_400, instance="Tariff")
        yield Variable(_CTRL, "MaxElements", str(MOST_ELEMENTS), "integer", instance="Tariff")
        yield Variable(_CTRL, "ConditionsSupported", "true", "boolean", instance="Tariff")
        yield Variable(
            _CTRL, "HandleFailedTariff", _FALLBACK, "OptionList", "ReadWrite", instance="Tariff",
            values=f"Deauthorize,{_FALLBACK},CentralCost",
        )  # fmt: skip
        yield Variable(_CTRL, "Problem", data_type="boolean", read=lambda: str(self._problem).lower())
        yield Variable(_CTRL, "Currency", "", "string", "ReadWrite")
        yield Variable(_CTRL, "TariffFallbackMessage", "", "string", "ReadWrite", instance="en")
        yield Variable(_CTRL, "TotalCostFallbackMessage", "", "string", "ReadWrite", instance="en")
        yield Variable("ClockCtrlr", "TimeOffset", "+00:00", "string", "ReadWrite", check=_offset_fault)

    # What happens

    def step(self) -> None:
        station, number = self.station, self.station.model.number
        self._superseded()
        for id, tracker in station.trackers.items():
            running = tracker.running
            account = None if running is None else self._accounts.get(running.id)
            if running is None or account is None:
                if running is None and not tracker.connected and station.authorizers[id].grant is None:
                    self._drivers.pop(id, None)
                    self._central.discard(id)
                continue
            if station.unix_s - account.at_s >= number(_CTRL, "Interval", "Tariff"):
                account.advance(self._moment(id))
            said_s = self._said_s.setdefault(running.id, station.now)
            if (
                self._tells_running_cost
                and not station.spares
                and station.now - said_s >= number(_CTRL, "Interval", "Cost")
            ):
                event = tracker.happened("RunningCost", station.now, station.unix_s)
                if event is not None:
                    station.event(event)

    def responded(self, request: Message, response: Message) -> None:
        """The back end has calculated the cost itself."""
        if isinstance(request, v21.TransactionEventRequest) and isinstance(response, v21.TransactionEventResponse):
            cost = given(response.totalCost, None)
            if cost is not None:
                self._costs(request.transactionInfo.transactionId, cost)

    @property
    def running_costs(self) -> dict[str, str]:
        """What each transaction costs so far, for a display."""
        own = {id: account.details(final=False).totalCost for id, account in self._accounts.items()}
        found = {id: f"{given(total.total.inclTax, 0.0):.2f} {total.currency}" for id, total in own.items()}
        return {id: f"{cost:.2f}" for id, cost in self.costs.items()} | found

    @property
    def _tells_running_cost(self) -> bool:
        flag = self.station.model.flag
        return flag(_CTRL, "Enabled", "RunningCost") and flag(_CTRL, "Enabled", "Cost")

    def _costs(self, transaction: str, cost: float) -> None:
        self.costs[transaction] = cost
        while len(self.costs) > MOST_DEFAULTS:
            del self.costs[next(iter(self.costs))]

    def _moment(self, id: int, meter: MeterReading | None = None) -> Moment:
        """Now, at an EVSE. Without a meter nothing more has been used."""
        station = self.station
        evse, running = station.evses[id], station.trackers[id].running
        meter = meter or evse.fresh(station.now).meter
        power_w = 0.0 if meter is None else meter.power_w
        volts = 1.0 if meter is None else max(1.0, sum(meter.voltages_v) / len(meter.voltages_v))
        kept = (0.0, 0.0) if running is None else (running.import_wh or 0.0, running.export_wh or 0.0)
        imported, exported = kept if meter is None else (meter.import_wh, meter.export_wh)
        return Moment(
            station.unix_s, _offset_s(station.model.text("ClockCtrlr", "TimeOffset")),
            station.profiles.evses[id].dc, imported, exported, power_w, power_w / volts, abs(power_w) >= NO_POWER_W,
        )  # fmt: skip

    def _priced(self, event: v21.TransactionEventRequest) -> v21.TransactionEventRequest:
        """A transaction event with what it says of tariff and cost."""
        station, id = self.station, event.transactionInfo.transactionId
        if event.eventType == "Started" and isinstance(event.evse, v21.EVSEType):
            event = self._begin(event, event.evse.id)
        account = self._accounts.get(id)
        place = next((evse for evse, each in station.running.items() if each.id == id), None)
        if account is None or not station.model.flag(_CTRL, "Enabled", "Cost"):
            return event
        final = event.eventType == "Ended"
        due = station.now - self._said_s.get(id, float("-inf")) >= station.model.number(_CTRL, "Interval", "Cost")
        if final:
            self._close(id, account, event)
        elif place is not None:
            station.store.put(ACCOUNT, id, encode(account))
        if final or (self._tells_running_cost and (due or event.eventType == "Started")):
            self._said_s[id] = station.now
            event = replace(event, costDetails=account.details(final=final))
        return event

    def _begin(self, event: v21.TransactionEventRequest, evse: int) -> v21.TransactionEventRequest:
        driver, default = self._drivers.get(evse), self._default(evse)
        tariff = default if driver is None else driver.tariff
        if tariff is None or evse in self._central or not self.station.model.flag(_CTRL, "Enabled", "Tariff"):
            return event
        account = Account.open(tariff, self._moment(evse))
        self._accounts[event.transactionInfo.transactionId] = account
        return replace(event, transactionInfo=replace(event.transactionInfo, tariffId=tariff.tariffId))

    def _close(self, id: str, account: Account, event: v21.TransactionEventRequest) -> None:
        """The transaction is over: what its last event says of the meter counts."""
        samples = [sample for meter in given(event.meterValue, ()) for sample in meter.sampledValue]
        values = {given(each.measurand, ""): each.value for each in samples}
        account.advance(
            Moment(
                self.station.unix_s, 0, True,
                values.get("Energy.Active.Import.Register", account.import_wh),
                values.get("Energy.Active.Export.Register", account.export_wh), 0.0, 0.0, False,
            )
        )  # fmt: skip
        for evse, driver in list(self._drivers.items()):  # I08.FR.06
            if driver.tariff.tariffId == account.tariff.tariffId and evse not in self.station.running:
                del self._drivers[evse]
        del self._accounts[id]
        self._said_s.pop(id, None)
        self.station.store.put(ACCOUNT, id, None)
        self._say_problem(False)

    # Tariffs

    def _default(self, evse: int) -> v21.TariffType | None:
        """The default tariff of an EVSE that holds now (I07.FR.19 to 23)."""
        held = [each for each in self._defaults if each.evse == evse and each.from_s <= self.station.unix_s]
        return max(held, key=lambda each: each.from_s).tariff if held else None

    def _superseded(self) -> None:
        """Forget default tariffs in whose place another one holds now."""
        now, latest = self.station.unix_s, dict[int, Default]()
        for each in self._defaults:
            if each.from_s <= now and (each.evse not in latest or each.from_s >= latest[each.evse].from_s):
                latest[each.evse] = each
        for each in list(self._defaults):
            if each.from_s <= now and each is not latest[each.evse]:
                self._forget(each)

    def _forget(self, default: Default) -> None:
        self._defaults.remove(default)
        self.station.store.put(DEFAULT, f"{default.evse} {default.tariff.tariffId}", None)

    def _take(self, evse: int, token: str, tariff: v21.TariffType | None) -> str | None:
        """A driver is admitted, perhaps with a tariff (I08). Why the driver is not, or None."""
        self._drivers.pop(evse, None)
        self._central.discard(evse)
        if tariff is None or not self.station.model.flag(_CTRL, "Enabled", "Tariff"):
            return None
        why = why_invalid(tariff)
        self._say_problem(why is not None)
        if why is None:
            self._drivers[evse] = Driver(token, replace(tariff, validFrom=UNSET))  # I08.FR.10
            return None
        self.station.log.append(f"the tariff {tariff.tariffId} of a driver cannot be used: {why}")
        match self.station.model.text(_CTRL, "HandleFailedTariff", "Tariff"):
            case "Deauthorize":
                return f"its tariff cannot be used ({why})"
            case "CentralCost":
                self._central.add(evse)
        return None

    def _say_problem(self, there: bool) -> None:
        if self._problem is there:
            return
        self._problem, station = there, self.station
        event = v21.EventDataType(
            eventId=0, timestamp=timestamp(station.unix_s), trigger="Alerting", actualValue=str(there).lower(),
            eventNotificationType="HardWiredNotification", component=v21.ComponentType(name=_CTRL),
            variable=v21.VariableType(name="Problem"),
        )  # fmt: skip
        station.call(
            "NotifyEvent",
            v21.NotifyEventRequest(generatedAt=timestamp(station.unix_s), tbc=False, seqNo=0, eventData=(event,)),
        )

    # What the back end asks

    def _need(self) -> None:
        if not self.station.model.flag(_CTRL, "Enabled", "Tariff"):
            raise Invalid("NotSupported", "TariffCostCtrlr.Enabled[Tariff] is false")

    def _set(self, station: ChargingStation, asked: v21.SetDefaultTariffRequest) -> Message:
        self._need()
        reply, tariff = v21.SetDefaultTariffResponse, asked.tariff
        if asked.evseId and asked.evseId not in station.evses:
            return reply(status="Rejected", statusInfo=v21.StatusInfoType(reasonCode="UnknownEVSE"))
        if (why := why_invalid(tariff)) is not None:
            info = v21.StatusInfoType(reasonCode="InvalidValue") if why == "Rejected" else UNSET
            return reply(status=why, statusInfo=info)
        if tariff.tariffId in self._kinds():
            return reply(status="DuplicateTariffId")
        chosen = [asked.evseId] if asked.evseId else list(station.evses)
        if len(self._defaults) + len(chosen) > MOST_DEFAULTS:
            return reply(status="Rejected", statusInfo=v21.StatusInfoType(reasonCode="OutOfStorage"))
        begins = given(tariff.validFrom, None)
        for evse in chosen:
            default = Default(evse, station.unix_s if begins is None else int(begins.timestamp()), tariff)
            self._defaults.append(default)
            station.store.put(DEFAULT, f"{evse} {tariff.tariffId}", encode(default))
        return reply(status="Accepted")

    def _kinds(self) -> dict[str, v21.TariffAssignmentType]:
        """All tariffs by their ids, each with the EVSEs where it is (I09)."""
        found: dict[str, v21.TariffAssignmentType] = {}
        for evse, tariff, kind, token in self._held():
            before = found.get(tariff.tariffId)
            assigned = before or v21.TariffAssignmentType(
                tariffId=tariff.tariffId, tariffKind=kind, validFrom=tariff.validFrom
            )
            evses = tuple(sorted({*given(assigned.evseIds, ()), evse}))
            tokens = (*given(assigned.idTokens, ()), token) if token else given(assigned.idTokens, ())
            found[tariff.tariffId] = replace(assigned, evseIds=evses, idTokens=tuple(dict.fromkeys(tokens)) or UNSET)
        return found

    def _held(self) -> Iterator[tuple[int, v21.TariffType, v21.TariffKindEnumType, str]]:
        for each in self._defaults:
            yield each.evse, each.tariff, "DefaultTariff", ""
        for evse, driver in self._drivers.items():
            yield evse, driver.tariff, "DriverTariff", driver.token
        for evse, running in self.station.running.items():
            account = self._accounts.get(running.id)
            if account is not None:
                yield evse, account.tariff, "DriverTariff", ""

    def _get(self, station: ChargingStation, asked: v21.GetTariffsRequest) -> Message:
        self._need()
        if asked.evseId and asked.evseId not in station.evses:
            return v21.GetTariffsResponse(status="Rejected")
        here = tuple(
            each for each in self._kinds().values() if not asked.evseId or asked.evseId in given(each.evseIds, ())
        )
        return v21.GetTariffsResponse(status="Accepted" if here else "NoTariff", tariffAssignments=here or UNSET)

    def _clear(self, station: ChargingStation, asked: v21.ClearTariffsRequest) -> Message:
        """What a running transaction uses goes on in it (I10.FR.07)."""
        self._need()
        ids, place = given(asked.tariffIds, None), given(asked.evseId, 0)

        def meant(evse: int, tariff: v21.TariffType) -> bool:
            return place in (0, evse) and (ids is None or tariff.tariffId in ids)

        gone = [each for each in self._defaults if meant(each.evse, each.tariff)]
        drivers = [evse for evse, each in self._drivers.items() if meant(evse, each.tariff)]
        names = [each.tariff.tariffId for each in gone] + [self._drivers[evse].tariff.tariffId for evse in drivers]
        for each in gone:
            self._forget(each)
        for evse in drivers:
            del self._drivers[evse]
        result = v21.ClearTariffsResultType
        rows = [result(tariffId=name, status="Accepted") for name in dict.fromkeys(names)]
        rows += [result(tariffId=name, status="NoTariff") for name in ids or () if name not in names]
        return v21.ClearTariffsResponse(clearTariffsResult=tuple(rows) or (result(status="NoTariff"),))

    def _change(self, station: ChargingStation, asked: v21.ChangeTransactionTariffRequest) -> Message:
        self._need()
        reply, tariff = v21.ChangeTransactionTariffResponse, asked.tariff
        evse = next((id for id, each in station.running.items() if each.id == asked.transactionId), None)
        why = why_invalid(tariff)
        if why is not None:
            return reply(status="TooManyElements" if why == "TooManyElements" else "Rejected")
        if evse is None:
            return reply(status="TxNotFound")
        account = self._accounts.get(asked.transactionId)
        if account is not None and account.tariff.currency != tariff.currency:
            return reply(status="NoCurrencyChange")
        if account is None:
            self._accounts[asked.transactionId] = Account.open(tariff, self._moment(evse))
        else:
            account.change(tariff, self._moment(evse))
        event = station.trackers[evse].happened("TariffChanged", station.now, station.unix_s)
        assert event is not None, "it runs"
        station.event(replace(event, transactionInfo=replace(event.transactionInfo, tariffId=tariff.tariffId)))
        return reply(status="Accepted")

    def _updated(self, station: ChargingStation, asked: v21.CostUpdatedRequest) -> Message:
        self._costs(asked.transactionId, asked.totalCost)
        return v21.CostUpdatedResponse()


def _offset_fault(value: str) -> str | None:
    try:
        _offset_s(value)
    except ValueError:
        return "it is a time such as +02:00"
    return None


def _offset_s(text: str) -> int:
    sign, (hours, _, minutes) = text[:1], text[1:].partition(":")
    if sign not in "+-" or len(text) != 6 or int(hours) > 14 or int(minutes) > 59:
        raise ValueError(text)
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)
