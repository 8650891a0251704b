"""One EVSE as its CSMS knows it: its transaction, its meter, its vehicle; what steers it."""

from math import inf

from msgspec import Struct
from msgspec.structs import replace

from v2g.csms.abilities import Abilities
from v2g.csms.meter import Reading
from v2g.csms.profiles import Manner
from v2g.csms.promise import NOTHING, Promise, Promises
from v2g.csms.vehicles import FEWER_PHASES, Fleet, most_charge_w, most_discharge_w, of_car
from v2g.depot.columns import MOST_WH
from v2g.depot.configuration import Configuration, EvsePlace, FleetVehicle, Silence
from v2g.depot.ledger import Ledger
from v2g.depot.needs import UtcOffset, joined, of_list
from v2g.depot.view import Charger, Needs, Vehicle
from v2g.kernel.within import NEVER, Within
from v2g.ocpp import v21
from v2g.ocpp.base import encode

PROMISE, DISPLACED = "promise", "displaced"
"""The kinds of the ledger's rows of what EVSEs may hold, and of what a station that was displaced may do beside it."""
READY: tuple[v21.ChargingStateEnumType, ...] = ("Charging", "SuspendedEV", "SuspendedEVSE")
"""Charging states in which energy may flow."""
USABLE: tuple[v21.ConnectorStatusEnumType, ...] = ("Available", "Occupied", "Reserved")

AFRESH_S = 15.0
"""After this time all of a charger is looked at again, not only what moves: a departure may be another day's by now."""
FEWER_S = 60.0
"""A vehicle that uses fewer phases counts as such for this long at least: the controller takes its time to look at the
whole tree again, which a station that says now this, now that, must not cost it all the time."""
PROMPT_S = 2.0
"""Stations state whole seconds, by a clock of their own: what is no older than this was measured just now."""

TIMEOUT_S = 10.0
"""For a station's answer: while one is awaited no set-point can go to it."""
LATENCY_STEP_S, LEARNS, LONGEST_S = 0.1, 0.2, 5.0
"""A latency counts in such steps, how much of each new one is believed, and what is none."""


class Transaction(Struct, frozen=True):
    """What is kept of a transaction that runs."""

    id: str
    since_s: float
    seq: int
    """Of the latest event."""
    token: v21.IdTokenType | None = None
    state: v21.ChargingStateEnumType = "EVConnected"
    begun: bool = False
    """Whether energy could flow once: from then on it is steered."""
    needs: v21.ChargingNeedsType | None = None
    needs_s: float = 0.0
    """When they came, by the depot's clock."""
    needs_soc_pu: float | None = None
    """The state of charge at that time."""
    driver: Needs | None = None
    """What the driver has asked for here."""
    paused: bool = False
    """By the operator: no energy flows until it is resumed."""
    reading: Reading | None = None
    measured_s: float | None = None
    soc_pu: float | None = None
    soc_s: float | None = None
    """What was measured last, with its times by the depot's clock."""

    @property
    def lasting(self) -> tuple[object, ...]:
        """What the controller sees of it, beside measurements."""
        return (self.id, self.since_s, self.token, self.state, self.begun, self.needs, self.needs_s, self.needs_soc_pu,
                self.driver, self.paused)  # fmt: skip


class Displaced(Struct, frozen=True):
    """A station that another one of its identity may have displaced: what it was sent still holds until it lapses."""

    transaction: str
    charge_w: float
    discharge_w: float


class Steered:
    """The set-point of one EVSE: what is wanted, and what its station has accepted. Levels, not edges: whatever is lost
    on the way is sent again."""

    def __init__(self, before: "Steered | None" = None) -> None:
        """`before`: of the same station, whose latency does not depend on the vehicle."""
        self.wanted_w: float | None = None
        self.binding = ""
        """What binds it, if its station should know."""
        self.within = NEVER
        """The times in which the car must have followed."""
        self.accepted_w: float | None = None
        self.profile_of = ""
        """The transaction whose TxProfile the station has; empty if it has none."""
        self.renew_at = -inf
        self.retry_at = -inf
        self.refusal = ""
        """Why the station has refused the latest set-point; empty if it has not."""
        self.refused_w: float | None = None
        self.quiet_until = -inf
        """The station takes nothing before this time."""
        self.decided_s: float | None = None
        """When what is wanted was decided; None once it has been accepted."""
        self.latency_s: float | None = None
        """From a decision until its station has accepted it, in steps: a mean of the latest ones."""
        self._mean_s: float | None = None
        self._may_w = 0.0, 0.0
        self._may_until: float | None = -inf
        """What it may charge and discharge by what it was sent (magnitudes), and when that lapses; None: counted from
        the first look at it."""
        self._displaced, self._other_w = "", (0.0, 0.0)
        self._other_until: float | None = -inf
        """The transaction in which the station may have been displaced, what that one may do beside what is sent now,
        and until when; None: counted from the first look at it."""
        if before is not None:
            self.latency_s, self._mean_s = before.latency_s, before._mean_s
            self._displaced, self._other_w, self._other_until = before._displaced, before._other_w, before._other_until

    def holds(self, before: "Steered") -> None:
        """The station still has what an earlier process has sent it."""
        self._may_w, self._may_until = before._may_w, before._may_until

    def displaced(self, transaction: str, now: float, silence: Silence) -> None:
        """Another station may speak in the place of the one with this transaction, which keeps what it was sent until
        that lapses. Two of them are bounded, however often they take turns."""
        until = _lapses_s(now, silence) if self._may_until is None else max(self._may_until, now + silence.offline_s)
        charge_w, discharge_w = self._may_w if self._may_until is None or now < self._may_until else (0.0, 0.0)
        other_w = self._others_w(now, silence)
        self._other_w = max(charge_w, silence.safe_w, other_w[0]), max(discharge_w, other_w[1])
        self._displaced, self._other_until = transaction, max(until, self._other_until or -inf)

    @property
    def other(self) -> Displaced | None:
        """What may have been displaced."""
        return Displaced(self._displaced, *self._other_w) if self._displaced else None

    def recalled_other(self, other: Displaced) -> None:
        """What an earlier process has seen displaced."""
        self._displaced, self._other_w, self._other_until = other.transaction, (other.charge_w, other.discharge_w), None

    def shows(self, transaction: str) -> None:
        """Its station goes on with this transaction: if that is the one before, it is the same station."""
        if transaction == self._displaced:
            self._displaced, self._other_until = "", -inf

    def _others_w(self, now: float, silence: Silence) -> tuple[float, float]:
        """What a displaced one may do; magnitudes."""
        if self._other_until is None:
            self._other_until = _lapses_s(now, silence)
        if now >= self._other_until:
            self._displaced, self._other_w = "", (0.0, 0.0)
        return self._other_w

    def took(self, now: float) -> None:
        """Its station has accepted what is wanted: how long did that take?"""
        if self.decided_s is None:  # a renewal
            return
        took_s, self.decided_s = now - self.decided_s, None
        if took_s > LONGEST_S:  # it was lost on the way, or refused first
            return
        mean_s = took_s if self._mean_s is None else self._mean_s + LEARNS * (took_s - self._mean_s)
        self._mean_s = mean_s
        if self.latency_s is None or abs(mean_s - self.latency_s) > LATENCY_STEP_S:
            self.latency_s = round(mean_s / LATENCY_STEP_S) * LATENCY_STEP_S

    def sending(self, power_w: float, now: float, until: float) -> None:
        """A set-point is on its way: it may hold, or what held before it. It lapses at `until`."""
        charge_w, discharge_w = (0.0, 0.0) if self._may_until is not None and self._may_until <= now else self._may_w
        self._may_w = max(charge_w, power_w), max(discharge_w, -power_w)
        self._may_until = until

    def accepted(self, power_w: float, until: float) -> None:
        """The station has this set-point now, until it lapses."""
        self._may_w, self._may_until = (max(power_w, 0.0), max(-power_w, 0.0)), until

    def recalled(self, charge_w: float, discharge_w: float) -> None:
        """What the station may have from an earlier process."""
        self._may_w, self._may_until = (charge_w, discharge_w), None

    def held_w(self, now: float, silence: Silence, *, begun: bool) -> tuple[float, float]:
        """What may flow although something else is wanted: charging and discharging, magnitudes. `begun`: whether
        energy may flow in a transaction that is known."""
        other_w = self._others_w(now, silence)
        displaced = bool(self._displaced)
        wanted_w = 0.0 if self.wanted_w is None else self.wanted_w
        if begun and self.wanted_w is not None and self.wanted_w == self.accepted_w:
            charge_w, discharge_w = (max(wanted_w, 0.0), max(-wanted_w, 0.0)) if displaced else (0.0, 0.0)
        else:
            if self._may_until is None:
                self._may_until = _lapses_s(now, silence)
            charge_w, discharge_w = self._may_w if now < self._may_until else (0.0, 0.0)
            charge_w = max(charge_w, silence.safe_w if begun else 0.0)
        if not displaced:
            return charge_w, discharge_w
        # What the other one does comes on top of the set-point, of which the controller counts what is held as a part.
        return max(charge_w, wanted_w) + other_w[0], max(discharge_w, -wanted_w) + other_w[1]

    def forget(self) -> None:
        """What the station has is not known any more: a new connection, or a new transaction."""
        self.accepted_w = self.refused_w = self.decided_s = None
        self.profile_of = ""
        self.renew_at = self.retry_at = -inf

    def idle(self, now: float) -> bool:
        """Whether nothing has to be sent: there is nothing wanted, the station has it, or it takes nothing now."""
        has = self.wanted_w == self.accepted_w and now < self.renew_at
        return self.wanted_w is None or has or now < self.quiet_until

    def hurry(self, within: Within) -> None:
        """The car must follow within these times from now on; if its station does not know that yet, it must."""
        if within.hastens(self.within):
            self.renew_at = -inf
        self.within = within

    def sends(self, power_w: float, now: float) -> bool:
        """Whether this set-point has to be sent."""
        refused = power_w == self.refused_w and now < self.retry_at
        return not refused and (power_w != self.accepted_w or now >= self.renew_at)


class ManagedEvse:
    """One EVSE."""

    def __init__(self, station: str, place: EvsePlace, configuration: Configuration) -> None:
        self.id, self.station, self.place = f"{station}/{place.id}", station, place
        self._configuration = configuration
        self.silence = configuration.silence
        """What its station goes by when it is on its own: by this configuration, or by one before."""
        self.status: v21.ConnectorStatusEnumType | None = None
        """None: the station has not said."""
        self.transaction: Transaction | None = None
        self.reading: Reading | None = None
        self.measured_s = -inf
        """When its power was measured, by the depot's clock; `soc_s`: when its state of charge was."""
        self.soc_pu: float | None = None
        self.soc_s = -inf
        self.steered, self.promises = Steered(), Promises()
        self._fewer_until = -inf
        self._other: Displaced | None = None
        """Of a displaced station, as it was kept."""
        self.refuses_discharge = ""
        """The station's reason for having refused a set-point below 0."""
        self._phases_of_place = "".join(map(str, sorted(place.phases)))
        self._seen: Charger | None = None
        """As the controller saw it last; by what, and since when it is so."""
        self._seen_by: tuple[object, ...] = ()
        self._seen_s = -inf

    def measured(self, reading: Reading, now: float, unix_s: float) -> None:
        """A meter value. `unix_s`: of the wall clock, which the station's follows."""
        self._forget_what_is_to_come(now)
        age_s = max(0.0, unix_s - reading.at_s)
        at_s = now - age_s if age_s > PROMPT_S else now
        if reading.power_w is not None and at_s >= self.measured_s:
            self.measured_s = at_s
            self.reading = reading.after(self.reading)
        if reading.soc_pu is not None and at_s >= self.soc_s:
            self.soc_pu, self.soc_s = reading.soc_pu, at_s

    def _forget_what_is_to_come(self, now: float) -> None:
        """If the clock was set back before this process began, nobody knows when what an earlier one has kept was
        measured: it must not count as new, nor hold up what is measured from now on."""
        if self.measured_s > now:
            self.measured_s = -inf
        if self.soc_s > now:
            self.soc_pu, self.soc_s = None, -inf
        if self.transaction is not None and self.transaction.since_s > now:
            self.transaction = replace(self.transaction, since_s=now)

    @property
    def followed(self) -> Transaction | None:
        """The transaction with what was measured last, as it is kept."""
        if self.transaction is None:
            return None
        return replace(
            self.transaction,
            reading=self.reading,
            measured_s=None if self.reading is None else self.measured_s,
            soc_pu=self.soc_pu,
            soc_s=None if self.soc_pu is None else self.soc_s,
        )

    def recall(self, transaction: Transaction) -> None:
        """Go on with what was kept."""
        self.transaction, self.reading, self.soc_pu = transaction, transaction.reading, transaction.soc_pu
        self.measured_s = -inf if transaction.measured_s is None else transaction.measured_s
        self.soc_s = -inf if transaction.soc_s is None else transaction.soc_s

    def recall_promise(self, promise: Promise) -> None:
        """What its station may have from an earlier process."""
        self.promises.recalled(promise)
        self.steered.recalled(promise.charge_w, promise.discharge_w)

    def recall_displaced(self, other: Displaced) -> None:
        """What a station that an earlier process has seen displaced may still do."""
        self._other = other
        self.steered.recalled_other(other)

    def recalled(self) -> None:
        """All that was kept has been read. A transaction of which no promise was kept may do all that there is."""
        if self.transaction is not None and self.transaction.begun and self.promises.latest is None:
            self.steered.recalled(self.place.charge_w, self.place.discharge_w)

    def promise(self, power_w: float, ledger: Ledger, now: float) -> int:
        """Keep that its station may hold this set-point too, if that is not kept yet. Returns the row's number."""
        latest = self.promises.latest or NOTHING
        return self._keep(latest.with_(power_w), ledger, now) if self.promises.lacks(power_w) else 0

    def accepted(self, power_w: float, ledger: Ledger, now: float) -> None:
        """Its station has this set-point now, and no other one."""
        needed = NOTHING.with_(power_w)
        lower = self.promises.lower(needed.with_(self.steered.wanted_w or 0.0), ledger.committed, now)
        if lower is not None:
            self._keep(lower, ledger, now)
        self._keep_displaced(ledger)

    def _keep(self, promise: Promise, ledger: Ledger, now: float) -> int:
        number = ledger.put(PROMISE, self.id, encode(promise))
        self.promises.kept(promise, number, now)
        return number

    def over(self, ledger: Ledger) -> None:
        """Its transaction has ended, and with it the profile that held for it."""
        self.transaction = None
        if self.promises.latest is not None:
            ledger.put(PROMISE, self.id, None)
        self.promises = Promises()
        self.began()

    def due_w(self, committed: int, now: float) -> float | None:
        """The set-point to be sent now, if any: no more than is kept as a promise. `committed`: of the ledger."""
        steered, transaction = self.steered, self.transaction
        if transaction is None or not transaction.begun or steered.wanted_w is None or steered.idle(now):
            return None
        power_w = self.promises.sendable_w(steered.wanted_w, committed, now)
        return power_w if power_w is not None and steered.sends(power_w, now) else None

    def began(self) -> None:
        """Another vehicle: nothing is known of it, and nothing of what its station will be given."""
        self.soc_pu, self.soc_s, self.refuses_discharge = None, -inf, ""
        self.reading = None if self.reading is None else replace(self.reading, fewer=None)
        before, self.steered = self.steered, Steered(self.steered)
        if self.promises.latest is not None:
            self.steered.holds(before)

    def displaced(self, ledger: Ledger, now: float) -> None:
        """Another station may be connected in the place of the one before."""
        if self.transaction is not None and self.transaction.begun:
            self.steered.displaced(self.transaction.id, now, self.silence)
            self._keep_displaced(ledger)

    def shows(self, transaction: str, ledger: Ledger) -> None:
        """Its station goes on with this transaction."""
        self.steered.shows(transaction)
        self._keep_displaced(ledger)

    def _keep_displaced(self, ledger: Ledger) -> None:
        other = self.steered.other
        if other != self._other:
            self._other = other
            ledger.put(DISPLACED, self.id, None if other is None else encode(other))

    def manner(self, abilities: Abilities) -> Manner:
        """How the station can be steered here."""
        if not abilities.dynamic:
            return Manner.LIMIT
        return Manner.SETPOINT if self.place.id in abilities.setpoints else Manner.DYNAMIC_LIMIT

    def charge_only(self, abilities: Abilities, *, is_21: bool, fleet: Fleet) -> str:
        """Why nothing may be discharged here; empty if it may."""
        transaction, needs = self.transaction, None if self.transaction is None else self.transaction.needs
        if not self.place.discharge_w:
            return "no discharge_w in the depot's configuration"
        if not abilities.known:
            return "its station has not reported yet what it can do"
        if not is_21 and not abilities.negative_limits:
            return "OCPP 2.0.1 without SmartChargingCtrlr.DischargeByNegativeLimit"
        if is_21 and self.manner(abilities) is not Manner.SETPOINT:
            return "its station has no V2XChargingCtrlr that follows CentralSetpoint in Dynamic profiles"
        if self.refuses_discharge:
            return f"its station refuses discharge: {self.refuses_discharge}"
        if transaction is None:
            return ""
        if transaction.driver is not None and transaction.driver.feeds is False:
            return "its driver lets nothing be fed"
        known = None if transaction.token is None else fleet.find(transaction.token)
        if known is None or not known.discharge:
            return "the fleet list does not let this vehicle discharge"
        if is_21 and needs is None:
            return "the vehicle has not stated its needs"
        if is_21 and needs is not None and most_discharge_w(needs) is None:
            return f"the vehicle's session only charges ({needs.requestedEnergyTransfer})"
        return ""

    def charger(
        self, abilities: Abilities, fleet: Fleet, now: float, *, online: bool, is_21: bool, utc_offset_s: UtcOffset,
        unbounded: bool = False,
    ) -> Charger:  # fmt: skip
        """As the controller sees it; the same object as before if nothing has changed. `unbounded`: the station has
        refused the profile that makes silence safe."""
        self._forget_what_is_to_come(now)
        place, transaction, seen = self.place, self.transaction, self._seen
        begun = transaction is not None and transaction.begun
        held_w = self.steered.held_w(now, self.silence, begun=begun)
        held_w = (place.charge_w if begun and unbounded else held_w[0], held_w[1])
        measured_w = None if self.reading is None else self.reading.power_w
        by = (abilities, online, is_21, self.status, self.refuses_discharge, self._phases(now), self.silence,
              None if transaction is None else transaction.lasting)  # fmt: skip
        if seen is None or by != self._seen_by or now - self._seen_s >= AFRESH_S:
            self._seen_by, self._seen_s = by, now
            whole = self._whole(abilities, fleet, now, online=online, is_21=is_21, utc_offset_s=utc_offset_s)
            seen = self._seen = whole if seen is None or whole != seen else seen
        moving = measured_w, self.measured_s, *held_w, self.steered.latency_s
        vehicle = seen.vehicle
        if vehicle is not None and (vehicle.soc_pu, vehicle.soc_unix_s) != (self.soc_pu, self.soc_s):
            vehicle = replace(vehicle, soc_pu=self.soc_pu, soc_unix_s=self.soc_s)
        if vehicle is not seen.vehicle or moving != (
            seen.measured_w, seen.measured_unix_s, seen.held_charge_w, seen.held_discharge_w, seen.latency_s
        ):  # fmt: skip
            seen = self._seen = replace(
                seen, vehicle=vehicle, measured_w=measured_w, measured_unix_s=self.measured_s, held_charge_w=held_w[0],
                held_discharge_w=held_w[1], latency_s=self.steered.latency_s,
            )  # fmt: skip
        return seen

    def _whole(
        self, abilities: Abilities, fleet: Fleet, now: float, *, online: bool, is_21: bool, utc_offset_s: UtcOffset
    ) -> Charger:
        """All of it; what moves all the time is as it was."""
        place, silence, transaction, seen = self.place, self.silence, self.transaction, self._seen
        usable = self.status in USABLE or (self.status is None and transaction is not None)
        return Charger(
            id=self.id,
            node=place.feeder or self._configuration.feeders[0].id,
            phases=self._phases(now),
            max_charge_w=place.charge_w,
            max_discharge_w=place.discharge_w,
            min_charge_w=place.min_charge_w,
            min_discharge_w=place.min_discharge_w,
            efficiency_pu=place.efficiency,
            charge_only=self.charge_only(abilities, is_21=is_21, fleet=fleet),
            opens=abilities.opens,
            online=online and usable,
            vehicle=None if transaction is None else self._vehicle(transaction, fleet, now, utc_offset_s),
            ready=transaction is not None and transaction.state in READY and not transaction.paused,
            measured_w=None if seen is None else seen.measured_w,
            measured_unix_s=-inf if seen is None else seen.measured_unix_s,
            safe_w=silence.safe_w,
            safe_after_s=max(silence.setpoint_s, silence.offline_s),
            held_charge_w=0.0 if seen is None else seen.held_charge_w,
            held_discharge_w=0.0 if seen is None else seen.held_discharge_w,
            latency_s=None if seen is None else seen.latency_s,
        )

    def _phases(self, now: float) -> str:
        """A vehicle that uses fewer phases than its EVSE has puts all its power on them; nobody says on which."""
        needs = None if self.transaction is None else self.transaction.needs
        fewer = needs is not None and needs.requestedEnergyTransfer in FEWER_PHASES
        measured = self.transaction is not None and self.reading is not None and self.reading.fewer is True
        if fewer or measured:
            self._fewer_until = now + FEWER_S
        return "/".join(self._phases_of_place) if now < self._fewer_until else self._phases_of_place

    def _vehicle(self, transaction: Transaction, fleet: Fleet, now: float, utc_offset_s: UtcOffset) -> Vehicle:
        token, stated = transaction.token, transaction.needs
        known = None if token is None else fleet.find(token)
        discharge_w = None if stated is None else most_discharge_w(stated)
        return Vehicle(
            id=None if token is None else fleet.name(token) or None,
            capacity_wh=self._capacity_wh(transaction, known),
            soc_pu=self.soc_pu,
            soc_unix_s=self.soc_s,
            max_charge_w=inf if stated is None else most_charge_w(stated, len(self.place.phases)),
            max_discharge_w=inf if discharge_w is None else discharge_w,
            discharges=known is not None and known.discharge,
            needs=joined(self.stated(fleet, now, utc_offset_s), self._configuration.floor_soc),
        )

    def stated(self, fleet: Fleet, now: float, utc_offset_s: UtcOffset) -> list[Needs]:
        """What each source has stated of the vehicle here."""
        transaction = self.transaction
        if transaction is None:
            return []
        known = None if transaction.token is None else fleet.find(transaction.token)
        found: list[Needs | None] = [transaction.driver]
        if known is not None:
            found.append(of_list(known, transaction.since_s, now, utc_offset_s))
        if transaction.needs is not None:
            capacity_wh = self._capacity_wh(transaction, known)
            found.append(of_car(transaction.needs, capacity_wh, transaction.needs_soc_pu, transaction.needs_s))
        return [each for each in found if each is not None]

    @staticmethod
    def _capacity_wh(transaction: Transaction, known: FleetVehicle | None) -> float | None:
        """By the fleet list, else as the car states it."""
        if known is not None and known.capacity_wh is not None:
            return known.capacity_wh
        stated = None if transaction.needs is None else transaction.needs.dcChargingParameters
        own_wh = stated.evEnergyCapacity if isinstance(stated, v21.DCChargingParametersType) else None
        return own_wh if isinstance(own_wh, float) and 0 < own_wh <= MOST_WH else None


def _lapses_s(now: float, silence: Silence) -> float:
    """When all has lapsed that a station was sent by `now`."""
    return now + TIMEOUT_S + max(silence.setpoint_s, silence.offline_s)
