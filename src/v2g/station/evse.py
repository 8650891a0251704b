"""One EVSE: joins the conversation with the car to the power path, and keeps both safe. No clock, no sockets.

Whatever arrives (`connected`, `receive`, `measured`, `expire`, `disconnected`, `line`) returns a `Step`: payloads for
the car, orders for the hardware, events. Orders are levels, valid until the next step. Whatever goes wrong, they fall
back to `SAFE`: inverter off, contactor open.
"""

from math import inf
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from v2g.iso15118.car import CarState
from v2g.iso15118.contract import Payment
from v2g.iso15118.event import Faulted
from v2g.iso15118.event import Step as Talk
from v2g.iso15118.paused import Paused
from v2g.iso15118.service import Service
from v2g.iso15118.station import StationConversation
from v2g.iso15118.view import Demand, Stage, StationView, Stop
from v2g.kernel.fault import Fault
from v2g.pilot.state import READY
from v2g.pilot.station import Happening, Signal
from v2g.power.inverter import InverterRating
from v2g.station import admission
from v2g.station.access import Answer, Authorizer, Verdict, authorizer_of
from v2g.station.cable import offered_a, permitted
from v2g.station.caller import Caller
from v2g.station.car_view import view_of
from v2g.station.cards import Cards
from v2g.station.config.settings import EvseSettings
from v2g.station.equipment import equip
from v2g.station.event import (
    AskedToStop,
    Broke,
    Decided,
    Event,
    LineHappened,
    PilotHappened,
    SafeStateReached,
)
from v2g.station.glance import Glance
from v2g.station.kept import Entry, KeptEvse
from v2g.station.local import LocalOrders
from v2g.station.offer import offer_of
from v2g.station.orders import SAFE, Orders
from v2g.station.phase_switch import phase_switch_of, wanted_of, with_phases
from v2g.station.power.decider import Decider
from v2g.station.power.limits import Bound, Decision
from v2g.station.power.situation import BackEndOrder, OperatorLimits, Situation
from v2g.station.power.sources import make
from v2g.station.power.sources.duty_cycle import volts_times_phases
from v2g.station.power_path import PowerPath
from v2g.station.quirks import KnownCars
from v2g.station.readings import Readings
from v2g.station.safety.defects import Defects
from v2g.station.safety.late import Late
from v2g.station.safety.supervisor import Supervisor, Watched
from v2g.station.step import Step
from v2g.station.visit import Visit

if TYPE_CHECKING:  # loaded once the station listens
    from v2g.slac.event import Event as LineEvent
    from v2g.station.safety.grid_guard import GridGuard
    from v2g.station.safety.heat import Heat
    from v2g.station.safety.plug import Plug


class Evse:
    """One EVSE of the station."""

    def __init__(
        self,
        settings: EvseSettings,
        rating: InverterRating | None = None,
        site: Bound | None = None,
        *,
        kept: KeptEvse | None = None,
        authorizer: Authorizer | None = None,
        payment: Payment | None = None,
    ) -> None:
        """`rating`: of the inverter; None for an EVSE without one. `site`: its share of the site's limit. `kept`: what
        an earlier process left behind. `authorizer`: who decides about cars; the configured list if left out.
        `payment`: who knows of contracts and prices."""
        self.settings, self.rating, self.site = settings, rating, site
        self.supervisor = Supervisor(settings, rating)
        self.guard: GridGuard | None = None
        self.plug: Plug | None = None
        self.heat: Heat | None = None
        """These three are made with the first readings, if the EVSE has what they need."""
        self.wired, self._whole = settings.phases, settings
        self.switch = phase_switch_of(settings)
        """Between one phase and three; `settings.phases` are those in use."""
        self.known_cars = KnownCars(look=settings.quirks)
        self.visit = self._new_visit()
        """The latest one; before the first car an empty one."""
        kept = kept or KeptEvse()
        self.back_end: BackEndOrder | None = None
        self.operator = OperatorLimits(kept.operator_charge_w, kept.operator_discharge_w, kept.limits_lost)
        self.local = LocalOrders(kept.min_soc_percent)
        self.paused: Paused | None = kept.paused
        self._kept = kept
        self.sequence = 0
        """Steps so far."""
        self._authorizer = authorizer or authorizer_of(settings.access)
        self.payment = payment or Payment()
        self._path, self._cards, self._glance, self._late = PowerPath(), Cards(), Glance(), Late(self.wired)
        self._orders = SAFE
        self._events: list[Event] = []
        self._readings = self._fresh_of = self._believed = Readings()
        self._unsafe_since: float | None = None
        self._defects = Defects()
        self._caller: Caller | None = None
        self._fresh_at = -inf

    def _new_visit(self, **known: Any) -> Visit:
        return Visit(Decider(make(self.settings)), **known)

    # What arrives

    def connected(
        self,
        now: float,
        peer: bytes | None = None,
        certificate: str | None = None,
        ends_s: float | None = None,
        *,
        plain: bool = False,
        secure: bool | None = None,
    ) -> Step:
        """A car connected. `peer`: SHA-512 of its certificate, with TLS; `certificate`: the name in it, `ends_s`: when
        it ends, Unix time.

        `plain`: without the TLS that the station has. `secure`: with TLS; if left out, so is one with a `peer`.
        """
        match = None if self.plug is None else self.plug.match
        settings, known = self.known_cars.matched(None if match is None else match.car, self.settings)
        self._events += known
        offer, timing = offer_of(settings, self.payment), settings.timing
        conversation = StationConversation(
            offer, now, peer=peer, paused=self.paused, timing=timing, plain=plain, secure=secure
        )
        self._caller = Caller(conversation, certificate, ends_s)
        if not self.mute:
            self._begin(self._caller, now)
        return self._settle(now)

    def _begin(self, caller: Caller, now: float) -> None:
        self._caller = None
        self.visit = self._new_visit(
            conversation=caller.conversation,
            since_s=now,
            certificate=caller.certificate,
            certificate_ends_s=caller.ends_s,
            meter=self.fresh(now).meter,
            winds_down=self.mute,
        )
        if self.plug is not None:
            self.plug.pilot.linked = True  # it talks: no other signal is tried

    def receive(self, payload_type: int, payload: bytes, now: float, unix_s: int) -> Step:
        """A payload of the car."""
        visit = self.visit
        if visit.conversation is None:
            return self._settle(now, self._hear(payload_type, payload, now))
        stage = self.demand.stage
        send = [] if self._glance.just_looked(self.plug, self._readings, now) else self._supervise(now, unix_s)
        visit.heard(now)
        send += self._take(visit.conversation.receive(payload_type, payload, now, self._view(now, unix_s)), now)
        if self.demand.stage is not stage:  # what the car wants now is judged before the hardware is commanded
            send += self._supervise(now, unix_s)
        return self._settle(now, send)

    def _hear(self, payload_type: int, payload: bytes, now: float) -> list[tuple[int, bytes]]:
        """A payload of somebody who has connected while a car charges that does not talk."""
        if (caller := self._caller) is None:
            return []
        talk, events = caller.hear(payload_type, payload)
        if not caller.accepted:
            self._events += events
            return talk.send
        self._begin(caller, now)
        self.visit.heard(now)
        return self._take(talk, now)

    def disconnected(self, now: float, fault: Fault, reason: str) -> Step:
        """The connection is gone. Before the end of the session that is a fault."""
        if self._caller is not None:
            self._events += self._caller.lost(reason)
            self._caller = None
        if self.visit.conversation is not None:
            self._take(self.visit.conversation.abort(fault, reason), now)
            self.visit.conversation = None
        return self._settle(now)

    def measured(self, readings: Readings, now: float, unix_s: int, rating: InverterRating | None = None) -> Step:
        """New readings, and the inverter's rating once it is known. An answer may have waited for them."""
        self._readings = readings
        if rating is not None:
            self.rating = self.supervisor.rating = rating
        self._equip()
        enough, seen = self._glance.at(self.guard, self.plug, readings, now, unix_s)
        self._events += seen
        if enough:
            return self._step()
        send = self._supervise(now, unix_s)
        self._events += self._defects.step(self.fresh(now), self.visit.trip)
        conversation = self.visit.conversation
        if conversation is not None and conversation.waits:
            send += self._take(conversation.renew(now, self._view(now, unix_s)), now)
        if self._unsafe_since is not None and self.fresh(now).safe:
            took_s, self._unsafe_since = now - self._unsafe_since, None
            self._events.append(SafeStateReached(took_s))
        return self._settle(now, send)

    def line(self, event: "LineEvent", now: float) -> Step:
        """Something happened on the power line."""
        self._equip()
        if self.plug is not None:
            self.plug.line(event)
            self._events.append(LineHappened(event))
        return self._settle(now)

    def expire(self, now: float, unix_s: int) -> Step:
        """Time has passed."""
        send, conversation = self._supervise(now, unix_s), self.visit.conversation
        deadline = self.next_deadline()
        if conversation is not None and deadline is not None and now >= deadline:
            send += self._take(conversation.expire(now, self._view(now, unix_s)), now)
        return self._settle(now, send)

    def abandon(self, reason: str) -> Step:
        """The station's own software failed: the safe state, whatever the car and the devices say. Nothing is computed,
        for that is what failed. The next car starts a new visit."""
        self.visit, self._caller = self._new_visit(trip=(Fault.INTERNAL, reason)), None
        self.visit.report.fail(Fault.INTERNAL, reason)
        self._path, self._orders = PowerPath(), SAFE
        self._events.append(Faulted(Fault.INTERNAL, reason))
        return self._step()

    def next_deadline(self) -> float | None:
        """When `expire` must be called at the latest."""
        conversation = self.visit.conversation
        return None if conversation is None else conversation.next_deadline()

    def stop(self, kind: Stop, now: float) -> bool:
        """Ask the car to end or pause its session; False if there is none. A repeated wish changes nothing, nor does
        the one to pause after the one to end. One that does not talk is sent X1, and gets no more energy until it is
        plugged in again, or may begin again (NONE)."""
        if not self.served:
            return False
        if kind is Stop.NONE and self.mute and self.visit.is_stopped:
            self.visit = self._new_visit(since_s=now, meter=self.fresh(now).meter)
        elif kind is not Stop.NONE and self.visit.asked_to_stop(kind, now):
            self._events.append(AskedToStop(kind))
        return True

    def heed(self, now: float) -> Step:
        """Something was asked of this EVSE: decide again, at once."""
        return self._settle(now)

    # What is known

    @property
    def busy(self) -> bool:
        """Whether a session is under way."""
        return self.visit.busy

    @property
    def talk(self) -> StationConversation | None:
        """The conversation on the connection: that of the visit, or one that has said nothing yet."""
        caller = self._caller
        return self.visit.conversation if caller is None else caller.conversation

    @property
    def mute(self) -> bool:
        """Whether the car at the cable does not talk, and is offered what the duty cycle can say (IEC 61851-1)."""
        return self.visit.conversation is None and self.plug is not None and self.plug.pilot.fell_back

    @property
    def served(self) -> bool:
        """Whether there is a car to command: in session, or one that does not talk."""
        return self.busy or self.mute

    @property
    def decision(self) -> Decision:
        """What power flows and why, and what the station allows."""
        return self.visit.decider.decision

    @property
    def demand(self) -> Demand:
        """What the car wants of the power path, as far as nothing stands against it."""
        visit = self.visit
        if visit.trip is not None:
            return Demand()
        if visit.conversation is not None:
            return visit.conversation.demand
        return Demand(Stage.ENERGY, Service.AC) if self._draws_by_duty_cycle() else Demand()

    @property
    def car(self) -> CarState:
        """What the car has stated about itself; nothing if none is in conversation."""
        conversation = self.visit.conversation
        return CarState() if conversation is None else conversation.car

    @property
    def kept(self) -> KeptEvse:
        """What must survive a restart of the process."""
        report, operator = self.visit.report, self.operator
        names = (report.session_id, report.evcc_id) if self.busy else ("", "")
        return KeptEvse(
            entry=Entry(self.demand.stage.name, *names, self._orders.contactor_closed),
            charge_limit_w=None if operator.charge_w == inf else operator.charge_w,
            discharge_limit_w=None if operator.discharge_w == inf else operator.discharge_w,
            paused=self.paused,
            min_soc_percent=self.local.order.min_soc_percent,
            grid_settings=self._kept.grid_settings if self.guard is None else self.guard.adjustments.kept,
            grid_lost=self._kept.grid_lost if self.guard is None else self.guard.settings_lost,
            limits_lost=operator.lost,
        )

    def fresh(self, now: float) -> Readings:
        """The readings that can be believed now; asked for many times at each instant."""
        if self._fresh_at != now or self._fresh_of is not self._readings:
            self._fresh_at, self._fresh_of, self._believed = now, self._readings, self._readings.fresh(now)
        return self._believed

    def why_not_ready(self, now: float) -> tuple[Fault, str] | None:
        """The first device that does not do its part, or None."""
        return self.supervisor.hardware(self.fresh(now), now, dc=self.settings.inverter is not None)

    def why_not_mute(self, now: float) -> tuple[Fault, str] | None:
        """Why a car that does not talk gets no energy, or None."""
        verdict = self._authorizer.judge(admission.identity_of(self.visit), now)
        if verdict.answer is not Answer.GRANTED:
            return Fault.AUTHORIZATION, verdict.reason
        return self._late.why(now) or self.why_not_ready(now)

    def why_not_talk(self) -> str | None:
        """Why no car may open a conversation now, or None."""
        if self.settings.pilot is None:
            return None
        return "the control pilot has not been read yet" if self.plug is None else self.plug.why_not_talk()

    # The settling of every step

    def _settle(self, now: float, send: list[tuple[int, bytes]] | None = None) -> Step:
        """Decide, and say what the hardware should be."""
        readings, demand = self.fresh(now), self.demand
        self._follow_mute(demand, now)
        self._decide(demand, readings, now)
        orders = self._path.orders(self.visit, demand, self.settings, self.rating, self.operator, readings, now)
        self._orders = self._at_the_cable(orders, now)
        if self.plug is not None and (new := self.plug.closings.step(now, closed=self._orders.contactor_closed)):
            self._events.append(Broke(Fault.REQUEST_REFUSED, new))
        self._glance.settled(self.decision, self._orders, demand.stage, now)
        return self._step(send)

    def _step(self, send: list[tuple[int, bytes]] | None = None) -> Step:
        self.sequence += 1
        events, self._events = tuple(self._events), []
        return Step(tuple(send or ()), self._orders, events)

    def _decide(self, demand: Demand, readings: Readings, now: float) -> None:
        visit = self.visit
        if visit.injection is not None and now >= visit.injection.until_s:
            visit.injection = None
        self._events += self.local.step(visit, self.car, now, served=self.served)
        service = demand.service if visit.conversation is None else visit.conversation.service
        situation = Situation(
            now, self.settings, demand, service, self.car, readings, self.rating, self.guard, self.heat, visit.stop,
            self.site, self.operator, visit.injection, self.back_end, self.local.order, certificate=visit.certificate,
            charges_only=visit.charges_only, silent_s=now - visit.heard_s, wired=self.wired,
            on_s=visit.contacts.on_s(now),
        )  # fmt: skip
        decision = visit.decider.decide(situation)
        if demand.stage is not Stage.ENERGY:
            return
        if visit.is_news(decision, now):
            self._events.append(Decided(decision))

    def _at_the_cable(self, orders: Orders, now: float) -> Orders:
        """What pilot, lock, grid protection and heat make of the orders."""
        orders = replace(
            orders,
            ccid_closed=self.visit.trip is None and not self._broken(now) and (not self.guard or not self.guard.trip),
            phases=self.settings.phases,
            pump=1.0 if self.heat is None or self.heat.allowance is None else self.heat.allowance.pump,
        )
        return permitted(orders, self.settings, self.demand, self.plug, self.fresh(now))

    def _draws_by_duty_cycle(self) -> bool:
        """Whether a car that does not talk may draw what the duty cycle says, or is still about to stop drawing."""
        if not self.mute or self.plug is None or not self.plug.may_close(self._believed.seen_closed):
            return False
        if self._unsafe_since is not None:  # an opening contactor is not closed again, however short the cause was
            return False
        return self.why_not_mute(self._fresh_at) is None

    def _follow_mute(self, demand: Demand, now: float) -> None:
        """A car that does not talk fails no session: what takes its energy away is reported here."""
        visit = self.visit
        draws = self.mute and demand.stage is Stage.ENERGY
        why = None if draws or not visit.draws or visit.trip is not None else self.why_not_mute(now)
        visit.draws = draws
        if why is not None:
            self._unsafe_since = now
            self._events.append(Broke(*why))

    # Supervision

    def _supervise(self, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """Compare the power path with what the session needs of it; trip if it does not hold."""
        self.visit.account(self.fresh(now).meter, self.settings.capability, mute=self.mute)
        self._watch(now)
        if self.guard is not None:
            self._events += self.guard.look(self._readings, now, unix_s)
            self._events += self.visit.asked_back(self.plug, in_service=self.guard.verdict.may_exchange)
            self._glance.looked(self._readings, self.guard, now)
        visit, demand, conversation = self.visit, self.demand, self.visit.conversation
        visit.judge_certificate(unix_s)
        if demand.stage is Stage.OFF:
            self.supervisor.rest()
        if visit.winds_down:
            over = demand.stage is not Stage.OFF or visit.trip is not None or self.fresh(now).seen_open
            visit.winds_down = not over and self.why_not_ready(now) is None
        if visit.trip is not None or (conversation is not None and conversation.end is not None):
            return []
        if conversation is None and demand.stage is Stage.OFF:
            return []
        if (found := visit.overdue(now)) is not None:
            return self._fail(*found, now, unix_s)
        if demand.stage is Stage.OFF or demand.service is None:
            found = self.supervisor.cable(Stage.OFF, self.fresh(now), now) if self.plug is not None else None
            found = found or visit.misses(self.why_not_ready(now), now)
            return [] if found is None else self._fail(*found, now, unix_s)
        verdict = self._judge(now)
        if conversation is not None and (verdict.answer is Answer.REFUSED or not visit.admitted):
            return self._fail(Fault.AUTHORIZATION, verdict.reason, now, unix_s)
        watched = Watched(demand, self.car, self.decision, silent_s=now - visit.heard_s)
        found = self.supervisor.power_path(watched, self.fresh(now), now)
        if found is None and not demand.service.dc:
            found = self._late.step(self.back_end, self.settings.phases, self.fresh(now), now, mute=self.mute)
        if found is None and visit.check is not None and visit.check.failed:
            found = Fault.CABLE_CHECK, visit.check.failed
        return [] if found is None else self._fail(*found, now, unix_s)

    def _watch(self, now: float) -> None:
        """Pilot and heat go on, with or without a car in conversation."""
        readings = self.fresh(now)
        self.visit.contacts.step(readings, now)
        here = self.busy if self.plug is None else self.busy or self.plug.pilot.connected
        for shown in self._cards.step(self.visit, readings.reader, now, here=here):
            self._events.append(shown)
            if shown.ends:
                self.stop(Stop.TERMINATE, now)
        if self.plug is not None:
            rests = self._switch_phases(self.plug, now) or self.visit.contacts.rests(self.settings.wear, now)
            why = self.why_not_mute(now) if self.mute else None
            stops = why is not None and why[0] is not Fault.PILOT  # another signal would hide what is wrong with this
            withheld = stops or rests or self.visit.winds_down
            current_a = None if withheld else offered_a(self.settings, self.visit, readings.meter)
            hurries = self.back_end is not None and self.back_end.within.charge_s is not None
            self.plug.pilot.offer(current_a, at_once=hurries)
            signal = Signal.UNAVAILABLE if self._broken(now) else Signal.DIGITAL
            for event in self.plug.step(self._readings.pilot, signal, now):
                self._events.append(PilotHappened(event))
                if event.happening is Happening.PLUGGED and not self.busy:
                    self.visit = self._new_visit(since_s=now, meter=readings.meter)
                    self._late.plugged()
            if self.mute:
                self._judge(now)  # for the trace
            why = self.plug.why_end()
            if why is not None and self.visit.ending is None and self.busy and self.stop(Stop.TERMINATE, now):
                self.visit.ending = why
                self._events.append(Broke(*why))
        if self.heat is not None:
            meter = readings.meter
            ac_a = 0.0 if meter is None else abs(meter.power_w) / volts_times_phases(self.settings, meter)
            self.heat.step(readings, now, ac_a)

    def _switch_phases(self, plug: "Plug", now: float) -> bool:
        """Go from one phase to three, or back, if somebody wants that. Whether no energy may flow meanwhile."""
        if (switch := self.switch) is None:
            return False
        wanted = wanted_of(switch, self.settings, self.back_end, self.local.order, self.visit.injection, now)
        is_open, plugged = self.fresh(now).seen_open, plug.pilot.connected
        self._events += switch.step(wanted, is_open=is_open, plugged=plugged, in_session=self.busy, now=now)
        if switch.phases == self.settings.phases:
            return switch.interrupts
        self.settings = self.supervisor.settings = with_phases(self._whole, switch.phases)
        if self.settings.phase_switching.pilot == "F":
            plug.pilot.wake()
        return True  # what may flow on these phases has not been decided yet

    def _fail(self, fault: Fault, reason: str, now: float, unix_s: int) -> list[tuple[int, bytes]]:
        """No more energy for this car; in a conversation it learns so."""
        visit = self.visit
        visit.trip = fault, reason
        self._unsafe_since = now
        self._events.append(Faulted(fault, reason))
        if visit.conversation is None:
            visit.report.fail(fault, reason)
            return []
        return self._take(visit.conversation.fail(fault, reason, now, self._view(now, unix_s)), now)

    def _broken(self, now: float) -> bool:
        """Whether no car may use the EVSE, whatever it does: an alarm, or a contactor that may be welded."""
        return self._defects.contactor is not None or self.supervisor.alarm(self.fresh(now), now) is not None

    def _equip(self) -> None:
        """Make what the EVSE needs besides, once the station listens."""
        there = self.guard, self.plug, self.heat
        if None in there:
            self.guard, self.plug, self.heat, events = equip(self.settings, self.rating, self._kept, there)
            self.supervisor.guard, self.supervisor.plug, self._events = self.guard, self.plug, self._events + events

    # The conversation

    def _view(self, now: float, unix_s: int) -> StationView:
        """What the conversation sees of this EVSE."""
        visit = self.visit
        renegotiate, broken = visit.renegotiates(self.demand, self.decision, now)  # first: what it holds to follows
        self._events += broken
        pauses = visit.winds_down or (self.plug is not None and self.plug.pilot.pauses)
        ready = not pauses and self.why_not_ready(now) is None
        return view_of(
            self.settings, visit, self.fresh(now), self.rating, now, unix_s,
            authorization=admission.authorization(self._judge(now), ready=ready),
            target_w=visit.promise.target_w(self.decision, self.demand.wish_w),
            renegotiate=renegotiate,
            der=None if self.guard is None else self.guard.der,
            asks_energy=None if self.plug is None else self.plug.pilot.finding.state in READY,
        )  # fmt: skip

    def _judge(self, now: float) -> Verdict:
        """The verdict about this car; a new one is reported."""
        identity = admission.identity_of(self.visit)
        verdict = admission.judge(self._authorizer, self.visit, identity, now)
        self.visit.admitted |= verdict.answer is Answer.GRANTED
        if self.car.evcc_id or self.mute:
            self._events += admission.reported(self.visit, identity, verdict)
        return verdict

    def _take(self, talk: Talk, now: float) -> list[tuple[int, bytes]]:
        """Take over what a step of the conversation brought about."""
        visit, tripped = self.visit, self.visit.trip is not None
        self._events += visit.take(talk.events)
        if visit.trip is not None and not tripped:
            self._unsafe_since = now
        conversation = visit.conversation
        assert conversation is not None
        if conversation.car.evcc_id != visit.report.evcc_id:
            self._events += self.known_cars.named(conversation.car.evcc_id)
        self._events += visit.follow(conversation)
        end, ended = conversation.end, visit.ended(conversation)
        if end is not None and ended is not None:
            self._events.append(ended)
            resumed = self.paused is not None and conversation.session_id == self.paused.session_id
            if ended.paused or resumed:
                self.paused = end.paused
        return talk.send
