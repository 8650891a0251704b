"""The charging profiles that a station holds: installed, replaced, updated, cleared, reported."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from math import inf
from operator import itemgetter

from msgspec import UNSET
from msgspec.structs import asdict, replace

from v2g.ocpp import v21
from v2g.ocpp.base import given
from v2g.ocpp.profile_rules import EvseTraits, Installed, Refusal, Running, rivals, why_not
from v2g.ocpp.schedule import Instant, Order, composite, order, timestamp

MOST_PERIODS = 1024
"""Of a composite schedule (PeriodsPerSchedule)."""


class Profiles:
    """All profiles of a station. `installed` is what a store keeps of it."""

    def __init__(self, evses: Mapping[int, EvseTraits], installed: Iterable[Installed] = ()) -> None:
        self.evses = dict(evses)
        self.installed: tuple[Installed, ...] = tuple(installed)
        """Another tuple after every change."""
        self.replaces_rivals = False
        """Whether a profile takes the place of one with its purpose and stack level (OCPP 1.6)."""
        self.negative_limits = False
        """Whether a negative limit of a TxProfile is an order to discharge (an extension for OCPP 2.0.1)."""
        self.load_balancing: Callable[[], str] = lambda: "UnsupportedParam"
        """OCPP's reason code why loads cannot be balanced here; empty if they can."""

    def set(
        self, evse: int, profile: v21.ChargingProfileType, running: Mapping[int, Running], unix_s: float
    ) -> Refusal | None:
        """Install a profile, in the place of the one with its id (K01.FR.05)."""
        refusal = self.why_not(evse, profile, running)
        if refusal is None:
            others = self._beside(Installed(evse, profile))
            if profile.chargingProfileKind == "Dynamic":  # K28.FR.05
                profile = replace(profile, dynUpdateTime=timestamp(unix_s))
            self.installed = (*others, Installed(evse, profile))
        return refusal

    def why_not(self, evse: int, profile: v21.ChargingProfileType, running: Mapping[int, Running]) -> Refusal | None:
        """Why a profile cannot be installed, or None."""
        new = Installed(evse, profile)
        return why_not(new, self.evses, running, self._beside(new), negative_limits=self.negative_limits,
                       load_balancing=self.load_balancing())  # fmt: skip

    def _beside(self, new: Installed) -> tuple[Installed, ...]:
        """The profiles that stay beside a new one. An external system's are not the back end's to replace."""
        return tuple(
            each
            for each in self.installed
            if each.source != "CSO"
            or (each.profile.id != new.profile.id and not (self.replaces_rivals and rivals(new, each)))
        )

    def update(
        self, id: int, update: v21.ChargingScheduleUpdateType, running: Mapping[int, Running], unix_s: float
    ) -> Refusal | None:
        """New values of a Dynamic profile, from now on (K28)."""
        found = next((each for each in self.installed if each.profile.id == id and each.source == "CSO"), None)
        if found is None or found.profile.chargingProfileKind != "Dynamic":
            return Refusal("InvalidProfileId", f"there is no Dynamic profile {id}")
        schedule = found.profile.chargingSchedule[0]
        values = {name: value for name, value in asdict(update).items() if value is not UNSET}
        values["customData"] = update.customData  # it is of these values
        period = replace(schedule.chargingSchedulePeriod[0], **values)
        changed = replace(found.profile, chargingSchedule=(replace(schedule, chargingSchedulePeriod=(period,)),))
        return self.set(found.evse, changed, running, unix_s)

    def write(self, id: int, unix_s: float, **values: float) -> None:
        """An external system changes values of a Dynamic profile of the back end (Q05.FR.05, 06)."""
        self.installed = tuple(
            replace_profile(each, unix_s, values) if each.profile.id == id and each.source == "CSO" else each
            for each in self.installed
        )

    def constrain(self, evse: int, profile: v21.ChargingProfileType | None, source: str) -> None:
        """The constraints of an external system for an EVSE (0: the station); None: it has none any more."""
        kept = tuple(each for each in self.installed if each.evse != evse or each.source == "CSO")
        self.installed = kept if profile is None else (*kept, Installed(evse, profile, source))

    def constraints(self, evse: int) -> v21.ChargingProfileType | None:
        """The external constraints that are in force for an EVSE."""
        return next((each.profile for each in self.installed if each.evse == evse and each.source != "CSO"), None)

    def clear(self, id: int | None = None, criteria: v21.ClearChargingProfileType | None = None) -> bool:
        """Remove the profiles that fit; whether there were any."""
        kept = tuple(each for each in self.installed if not self._fits(each, id, criteria))
        found, self.installed = len(kept) < len(self.installed), kept
        return found

    def ended(self, transaction: str) -> None:
        """A transaction is over, and with it its profiles (K02.FR.05)."""
        if any(each.profile.transactionId == transaction for each in self.installed):
            self.installed = tuple(each for each in self.installed if each.profile.transactionId != transaction)

    def find(self, evse: int | None, criterion: v21.ChargingProfileCriterionType) -> Iterator[Installed]:
        """The profiles that GetChargingProfiles asks for; None: at every EVSE."""
        for each in self.installed:
            profile = each.profile
            sources = given(criterion.chargingLimitSource, None)
            fits = (
                evse is None or each.evse == evse,
                sources is None or each.source in sources,
                profile.id in given(criterion.chargingProfileId, (profile.id,)),
                given(criterion.stackLevel, profile.stackLevel) == profile.stackLevel,
                given(criterion.chargingProfilePurpose, profile.chargingProfilePurpose)
                == profile.chargingProfilePurpose,
            )
            if all(fits):
                yield each

    def outlived(self, offline_s: float) -> None:
        """The back end is back: forget what does not survive such an absence (K01.FR.102)."""
        lost = [
            each
            for each in self.installed
            if given(each.profile.invalidAfterOfflineDuration, False)
            and offline_s > given(each.profile.maxOfflineDuration, inf)
        ]
        if lost:
            self.installed = tuple(each for each in self.installed if each not in lost)

    def set_back(self, by_s: float, unix_s: float) -> None:
        """The clock was set back: the values of Dynamic profiles are as old as before. Those that an earlier process
        got, and that are of the future now, have no known age: they are over if they last for a time only."""
        kept = tuple(_as_old(each, by_s, unix_s) for each in self.installed)
        if kept != self.installed:
            self.installed = kept

    def order(
        self, evse: int, running: Running | None, at: Instant, resolve: Callable[[Order], Order] | None = None
    ) -> Order:
        """What the profiles ask of an EVSE now. `resolve`: finds the set-point of a period that has none."""
        found = (self.installed, self.evses[evse], len(self.evses), running, at)
        return order(*found) if resolve is None else order(*found, resolve)

    def due(self, unix_s: float) -> Iterator[tuple[int, float]]:
        """Dynamic profiles whose next values have to be asked for (K28): their ids, and every how many seconds."""
        for each in self.installed:
            every_s, updated = given(each.profile.dynUpdateInterval, 0), given(each.profile.dynUpdateTime, None)
            if every_s > 0 and updated is not None and unix_s >= updated.timestamp() + every_s:
                yield each.profile.id, every_s

    def composite(
        self,
        evse: int,
        running: Mapping[int, Running],
        at: Instant,
        duration_s: int,
        unit: v21.ChargingRateUnitEnumType | None,
    ) -> v21.CompositeScheduleType:
        """The composite schedule of an EVSE, or of the station (EVSE 0: the sum of its EVSEs). It is shorter than asked
        for if more periods follow than it can hold."""
        ids = list(self.evses) if evse == 0 else [evse]
        parts = (_numbered(each, self._course(each, running.get(each), at, duration_s)) for each in ids)
        chosen: v21.ChargingRateUnitEnumType = unit or "W"
        periods: list[v21.ChargingSchedulePeriodType] = []
        for offset, period in self._periods(merge(*parts, key=itemgetter(0, 1)), chosen):
            if period is None or len(periods) == MOST_PERIODS:
                duration_s = offset
                break
            periods.append(period)
        return v21.CompositeScheduleType(
            evseId=evse,
            duration=duration_s,
            scheduleStart=timestamp(at.unix_s),
            chargingRateUnit=chosen,
            chargingSchedulePeriod=tuple(periods),
        )

    def _course(
        self, evse: int, running: Running | None, at: Instant, duration_s: int
    ) -> Iterator[tuple[int, Order | None]]:
        return composite(self.installed, self.evses[evse], len(self.evses), running, at, duration_s)

    def _periods(
        self, changes: Iterator[tuple[int, int, Order | None]], unit: v21.ChargingRateUnitEnumType
    ) -> Iterator[tuple[int, v21.ChargingSchedulePeriodType | None]]:
        """`changes`: offset, EVSE and what holds there from then on, in order; None if that is not known."""
        held: dict[int, tuple[EvseTraits, Order]] = {}
        for offset, rows in groupby(changes, key=itemgetter(0)):
            for _, evse, asked in rows:
                if asked is None:
                    yield offset, None
                    return
                held[evse] = self.evses[evse], asked
            yield offset, _period(offset, list(held.values()), unit)

    def _fits(self, each: Installed, id: int | None, criteria: v21.ClearChargingProfileType | None) -> bool:
        if each.source != "CSO":  # the back end clears no external limit (K10.FR.09)
            return False
        if id is not None:
            return each.profile.id == id
        if criteria is None:
            return False
        profile = each.profile
        return (
            given(criteria.evseId, each.evse) == each.evse
            and given(criteria.stackLevel, profile.stackLevel) == profile.stackLevel
            and given(criteria.chargingProfilePurpose, profile.chargingProfilePurpose) == profile.chargingProfilePurpose
        )


def _numbered(evse: int, course: Iterator[tuple[int, Order | None]]) -> Iterator[tuple[int, int, Order | None]]:
    for offset, asked in course:
        yield offset, evse, asked


def _period(
    offset: int, orders: list[tuple[EvseTraits, Order]], unit: v21.ChargingRateUnitEnumType
) -> v21.ChargingSchedulePeriodType:
    """One period of a composite schedule; never above what the EVSEs can carry."""
    (evse, order), *others = orders
    factor = 1.0 if unit == "W" else evse.nominal_v * evse.phases
    limit_w = min(order.charge_w, evse.charge_w)
    for other, its in others:
        limit_w += min(its.charge_w, other.charge_w)
    if others or order.setpoint_w is None:
        return v21.ChargingSchedulePeriodType(startPeriod=offset, limit=round(limit_w / factor, 1))
    if order.mode == "Idle":
        return v21.ChargingSchedulePeriodType(startPeriod=offset, operationMode="Idle")
    least_w = -min(order.discharge_w, evse.discharge_w)
    return v21.ChargingSchedulePeriodType(
        startPeriod=offset,
        operationMode=order.mode,
        limit=round(limit_w / factor, 1),
        dischargeLimit=round(least_w / factor, 1),
        setpoint=round(min(max(order.setpoint_w, least_w), limit_w) / factor, 1),
    )


def _as_old(installed: Installed, by_s: float, unix_s: float) -> Installed:
    """The profile with the time of its latest values moved back."""
    profile = installed.profile
    updated = given(profile.dynUpdateTime, None)
    if updated is None:
        return installed
    then_s = updated.timestamp() - by_s
    if then_s > unix_s:
        then_s = max(0.0, unix_s - given(profile.chargingSchedule[0].duration, 0))
    return Installed(installed.evse, replace(profile, dynUpdateTime=timestamp(then_s)), installed.source)


def replace_profile(installed: Installed, unix_s: float, values: Mapping[str, float]) -> Installed:
    """The same profile with other values in its one period, from now on."""
    profile = installed.profile
    schedule = profile.chargingSchedule[0]
    period = replace(schedule.chargingSchedulePeriod[0], **values)
    changed = replace(
        profile,
        chargingSchedule=(replace(schedule, chargingSchedulePeriod=(period,)),),
        dynUpdateTime=timestamp(unix_s),
    )
    return Installed(installed.evse, changed, installed.source)


__all__ = ["Installed", "Instant", "Order", "Profiles", "Refusal", "Running"]
